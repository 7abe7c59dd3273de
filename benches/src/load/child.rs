//! A server in a process of its own, and what it uses.

#![expect(
    clippy::print_stderr,
    reason = "standard output tells the address, and nothing else"
)]

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use loginproof_mocks::fixture::Fixtures;
use loginproof_mocks::script::Script;
use loginproof_mocks::server::{MockServer, ServerConfig};
use loginproof_streams::{Kind, Stream};
use serde_json::json;

/// Size of the pieces in which the long stream goes out.
pub(super) const PIECE: usize = 64 << 10;
/// Where the small answer is.
pub(super) const SMALL: &str = "/oauth/token";
/// Where the streams are.
pub(super) const STREAM: &str = "/backend-api/codex/responses";

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    /// Ours, with paced streams and small answers
    Mocks,
    /// Ours, with the long stream
    Long,
    /// wiremock, with small answers
    Wiremock,
    /// Writes the long stream, and does nothing else
    Plain,
}

#[derive(Args)]
pub(crate) struct Serve {
    what: What,
}

impl Serve {
    /// Serves until standard input ends.
    pub(crate) fn run(&self) -> ExitCode {
        let served = match self.what {
            What::Plain => plain(),
            What::Mocks | What::Long | What::Wiremock => {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                runtime.and_then(|runtime| runtime.block_on(serve(self.what)))
            }
        };
        match served {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("the server does not start: {error}");
                ExitCode::FAILURE
            }
        }
    }
}

async fn serve(what: What) -> io::Result<()> {
    if what == What::Wiremock {
        let server = wiremock::MockServer::builder()
            .disable_request_recording()
            .start()
            .await;
        wiremock::Mock::given(wiremock::matchers::method("POST"))
            .and(wiremock::matchers::path(SMALL))
            .respond_with(wiremock::ResponseTemplate::new(200).set_body_json(small_answer()))
            .mount(&server)
            .await;
        tell(*server.address())?;
        return until_told().await;
    }
    let script = json!({
        "token": [{ "answer": { "json": small_answer() } }],
        "responses": [{
            "answer": if what == What::Long { "load/long" } else { "load/paced" },
            "faults": [if what == What::Long { json!({ "chunk": { "size": PIECE } }) } else { json!({ "throttle": { "events-per-second": 1 } }) }],
        }],
    });
    let script: Script = serde_json::from_value(script).map_err(io::Error::other)?;
    let streams = match what {
        What::Long => vec![("load/long".to_owned(), fixture(&long_stream()))],
        _ => vec![("load/paced".to_owned(), fixture(&paced_stream()))],
    };
    let server = MockServer::start(ServerConfig {
        script,
        fixtures: Arc::new(Fixtures::from_files(streams).map_err(io::Error::other)?),
        ..ServerConfig::default()
    });
    let server = server.await.map_err(io::Error::other)?;
    tell(server.address())?;
    until_told().await?;
    server.stop().await;
    Ok(())
}

/// The least that a server can do: one thread, one connection after another, the same pieces.
fn plain() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let stream = long_stream();
    tell(listener.local_addr()?)?;
    // Ends with the process that asks; nobody waits for the thread.
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let answered = client.and_then(|mut client| {
                // A small request comes in one piece, and what it asks does not matter.
                let _ = client.read(&mut [0; 4 << 10])?;
                write!(client, "HTTP/1.1 200 OK\r\n\r\n")?;
                stream
                    .chunks(PIECE)
                    .try_for_each(|piece| client.write_all(piece))
            });
            if let Err(error) = answered {
                eprintln!("a client went away: {error}");
            }
        }
    });
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}

fn tell(address: SocketAddr) -> io::Result<()> {
    println!("{address}");
    io::stdout().flush()
}

async fn until_told() -> io::Result<()> {
    let ended = tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink()));
    ended.await.map_err(io::Error::other)??;
    Ok(())
}

fn small_answer() -> serde_json::Value {
    json!({ "access_token": "loginproof-load", "token_type": "Bearer", "expires_in": 3600 })
}

fn fixture(stream: &[u8]) -> Vec<u8> {
    let head: &[u8] = b"# source: made for the load\n# exact: constructed\nHTTP/1.1 200 OK\ncontent-type: text/event-stream\n\n";
    [head, stream].concat()
}

/// A turn of two minutes at one event a second.
fn paced_stream() -> Vec<u8> {
    let mut stream = Vec::new();
    for number in 0..120 {
        let event = json!({
            "type": "response.output_text.delta", "sequence_number": number, "item_id": "msg_loginproof", "output_index": 0,
            "content_index": 0, "delta": " word", "logprobs": [], "obfuscation": "loginproof0",
        });
        stream.extend_from_slice(
            format!("event: response.output_text.delta\ndata: {event}\n\n").as_bytes(),
        );
    }
    stream
}

/// The stream `mix` over and over, 64 MB of it.
fn long_stream() -> Vec<u8> {
    let mix = Stream::new(Kind::Mix, 20).bytes;
    let mut stream = Vec::with_capacity(64 << 20);
    while stream.len() + mix.len() <= 64 << 20 {
        stream.extend_from_slice(&mix);
    }
    stream
}

/// A running server of this program's own.
pub(super) struct Server {
    child: Child,
    /// Open as long as it is to serve.
    input: Option<ChildStdin>,
    pub(super) address: SocketAddr,
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Used {
    pub(super) cpu: Duration,
    /// Resident memory now, in MB.
    pub(super) memory: f64,
}

impl Server {
    pub(super) fn start(what: What) -> io::Result<Self> {
        let name = what
            .to_possible_value()
            .map(|value| value.get_name().to_owned());
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", &name.unwrap_or_default()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take();
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let address = line.trim().parse().map_err(io::Error::other)?;
        Ok(Self {
            child,
            input,
            address,
        })
    }

    pub(super) fn used(&self) -> io::Result<Used> {
        let process = format!("/proc/{}", self.child.id());
        let mut nanoseconds = 0;
        for task in fs::read_dir(format!("{process}/task"))? {
            // A thread may end while it is looked at.
            let Ok(line) = fs::read_to_string(task?.path().join("schedstat")) else {
                continue;
            };
            nanoseconds += line
                .split_whitespace()
                .next()
                .and_then(|word| word.parse::<u64>().ok())
                .unwrap_or_default();
        }
        let status = fs::read_to_string(format!("{process}/status"))?;
        let resident = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.split_whitespace().next())
            .and_then(|kilobytes| kilobytes.parse::<f64>().ok());
        Ok(Used {
            cpu: Duration::from_nanos(nanoseconds),
            memory: resident.unwrap_or_default() / 1e3 * 1.024,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its input ends, and so does it.
        drop(self.input.take());
        if let Err(error) = self.child.wait() {
            eprintln!("the server cannot be waited for: {error}");
        }
    }
}
