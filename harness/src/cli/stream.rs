//! `loginproof stream PROMPT -- PROGRAM…`: the filter form. It sends one Responses request and gives PROGRAM the bytes
//! of the answer as they arrive, so that a stream reader in any language is tested without an HTTP client around it.
//!
//! PROGRAM writes one JSON object per line: `{"event":…,"data":…}` for every event it found, or `{"text":…}` when it
//! reads the whole answer itself. Small pieces are written one by one, each when the last one was taken, so that a
//! stream that is cut everywhere is cut everywhere for PROGRAM too. Exit status 89 of PROGRAM is passed on: "not implemented".

use std::cell::RefCell;
use std::ffi::OsString;
use std::pin::pin;
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::filter_form::{Answer, Progress};

/// The whole request, start to end.
const BOUND: Duration = Duration::from_secs(10 * 60);
/// The longest silence, when `LOGINPROOF_IDLE_TIMEOUT_MS` does not say.
const SILENCE: Duration = Duration::from_secs(60);
/// A reader that has seen the end of its input and does not end itself hangs.
const AFTER_END: Duration = Duration::from_secs(10);
/// Pieces up to this length reach the reader one by one.
const SMALL: usize = 1024;
/// So often a piece is looked after at once, before each look waits a millisecond: nobody else has to wait for it.
const AT_ONCE: u32 = 4;
/// How long a reader is waited for, over all pieces, that does not take them one by one.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much of a body that is no stream is told.
const TOLD: usize = 500;
/// Exit status of a program that lacks what is asked of it.
const NOT_IMPLEMENTED: u8 = 89;

#[derive(Debug, Args)]
pub(crate) struct StreamArgs {
    /// What to ask
    prompt: String,
    /// Program that reads the stream, and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

/// Why there is no whole answer.
enum Ended {
    NotImplemented,
    /// The answer so far, and what went wrong.
    Failed(String, String),
}

impl Ended {
    fn failed(message: impl Into<String>) -> Self {
        Self::Failed(String::new(), message.into())
    }
}

/// Asks, and prints the answer. Exit status 0 when it is complete, 1 when it is not.
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the answer and why there is none are this command's output"
)]
pub(super) fn stream(args: &StreamArgs) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(async {
            tokio::time::timeout(BOUND, ask(args))
                .await
                .unwrap_or_else(|_| Err(Ended::failed(format!("no answer within {BOUND:?}"))))
        }),
        Err(error) => Err(Ended::failed(error.to_string())),
    };
    match ended {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(Ended::NotImplemented) => ExitCode::from(NOT_IMPLEMENTED),
        Err(Ended::Failed(text, message)) => {
            if !text.is_empty() {
                println!("{text}");
            }
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn ask(args: &StreamArgs) -> Result<String, Ended> {
    let response = request(&args.prompt).await?;
    let (program, arguments) = args
        .program
        .split_first()
        .ok_or_else(|| Ended::failed("no program to read the stream"))?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| Ended::failed(format!("cannot start {}: {error}", program.display())))?;
    let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Ended::failed("the program has no standard streams"));
    };
    read_while_feeding(response, stdin, stdout, child).await
}

/// The reader must be heard while it is fed: either side may be slow.
async fn read_while_feeding(
    response: reqwest::Response,
    stdin: ChildStdin,
    stdout: ChildStdout,
    mut child: Child,
) -> Result<String, Ended> {
    let mut answer = Answer::default();
    let mut fed = None;
    let start = RefCell::new(Vec::new());
    let read = {
        let mut feed = pin!(feed(response, stdin, &start));
        let mut read = pin!(read(stdout, &mut answer));
        loop {
            tokio::select! {
                biased;
                end = &mut read => break Some(end),
                end = &mut feed, if fed.is_none() => fed = Some(end),
                () = tokio::time::sleep(AFTER_END), if fed.is_some() => break None,
            }
        }
    };
    let failed = |answer: &Answer, message: String| Err(Ended::Failed(answer.text(), message));
    match read {
        Some(Ok(Progress::Complete)) => return Ok(answer.text()),
        Some(Ok(Progress::Failed(message)) | Err(message)) => return failed(&answer, message),
        Some(Ok(Progress::Open)) => {}
        None => return failed(&answer, "the reader does not end".to_owned()),
    }
    let status = tokio::time::timeout(AFTER_END, child.wait()).await;
    let status = status.ok().and_then(Result::ok);
    if status.and_then(|status| status.code()) == Some(i32::from(NOT_IMPLEMENTED)) {
        return Err(Ended::NotImplemented);
    }
    if let Some(Err(message)) = fed {
        return failed(&answer, message);
    }
    match status {
        Some(status) if status.success() && answer.read_whole() => Ok(answer.text()),
        Some(status) if !status.success() => {
            failed(&answer, format!("the reader ended with {status}"))
        }
        _ if answer.heard_nothing() => {
            let start = String::from_utf8_lossy(&start.borrow()).into_owned();
            failed(
                &answer,
                format!("the answer is no stream of events: {start}"),
            )
        }
        _ => failed(
            &answer,
            "the stream ended before the response was complete".to_owned(),
        ),
    }
}

/// Sends the request that every client of this backend sends.
async fn request(prompt: &str) -> Result<reqwest::Response, Ended> {
    let setting =
        |name: &str| std::env::var(name).map_err(|_| Ended::failed(format!("{name} is not set")));
    // The server is on loopback, but the library wants to know its cryptography all the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .map_err(|error| Ended::failed(error.to_string()))?;
    let body = json!({
        "model": setting("LOGINPROOF_MODEL")?,
        "instructions": "Answer the question.",
        "input": [{ "role": "user", "content": [{ "type": "input_text", "text": prompt }] }],
        "stream": true,
        "store": false,
    });
    let response = client
        .post(format!("{}/responses", setting("LOGINPROOF_BASE_URL")?))
        .header(
            "authorization",
            format!("Bearer {}", setting("LOGINPROOF_API_KEY")?),
        )
        .header("content-type", "application/json")
        .header("accept", "text/event-stream")
        .body(body.to_string())
        .send()
        .await
        .map_err(|error| Ended::failed(causes(&error)))?;
    let status = response.status();
    if !status.is_success() {
        let body = tokio::time::timeout(SILENCE, response.text()).await;
        let body = body.ok().and_then(Result::ok).unwrap_or_default();
        let body: String = body.chars().take(2000).collect();
        return Err(Ended::failed(format!(
            "the server answered {status}: {body}"
        )));
    }
    let packed = response.headers().get("content-encoding");
    if packed.is_some_and(|encoding| encoding != "identity") {
        return Err(Ended::NotImplemented);
    }
    Ok(response)
}

/// Hands on every piece as it came. A reader that has heard enough may close its input.
async fn feed(
    mut response: reqwest::Response,
    mut stdin: ChildStdin,
    start: &RefCell<Vec<u8>>,
) -> Result<(), String> {
    let silence = std::env::var("LOGINPROOF_IDLE_TIMEOUT_MS")
        .ok()
        .and_then(|text| text.parse().ok())
        .map_or(SILENCE, Duration::from_millis);
    let mut patience = PATIENCE;
    loop {
        let piece = match tokio::time::timeout(silence, response.chunk()).await {
            Ok(Ok(Some(piece))) => piece,
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => return Err(format!("the stream was cut: {}", causes(&error))),
            Err(_) => return Err(format!("the stream was idle for {silence:?}")),
        };
        let room = TOLD.saturating_sub(start.borrow().len());
        start.borrow_mut().extend(piece.iter().take(room));
        if stdin.write_all(&piece).await.is_err() || stdin.flush().await.is_err() {
            return Ok(());
        }
        if piece.len() <= SMALL {
            let begun = Instant::now();
            // Past that, pieces that lie together are for the reader what they are in life.
            let _ = tokio::time::timeout(patience, taken(&stdin)).await;
            patience = patience.saturating_sub(begun.elapsed());
        }
    }
}

/// Waits until the reader has taken what was written: a pipe would join the pieces of which the ends are the test.
async fn taken(stdin: &ChildStdin) {
    for turn in 0.. {
        match rustix::io::ioctl_fionread(stdin) {
            Ok(1..) if turn < AT_ONCE => tokio::task::yield_now().await,
            Ok(1..) => tokio::time::sleep(Duration::from_millis(1)).await,
            // Where that cannot be asked, the pieces go out as they come.
            Ok(0) | Err(_) => return,
        }
    }
}

async fn read(stdout: ChildStdout, answer: &mut Answer) -> Result<Progress, String> {
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines
        .next_line()
        .await
        .map_err(|error| format!("the reader's output: {error}"))?
    {
        match answer.take(&line)? {
            Progress::Open => {}
            ended => return Ok(ended),
        }
    }
    Ok(Progress::Open)
}

/// The library's own message leaves out what a person needs to know.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
