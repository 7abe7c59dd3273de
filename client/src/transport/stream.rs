//! Reads the answer of the Responses endpoint: a stream, whatever its content type says, or what came instead.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::Response;

use super::{Limits, broken, head, timed_out};
use crate::answer::{Answer, first_visible};
use crate::defect::{self, Defect};
use crate::failure::{Class, Failure};
use crate::redact::Redactor;
use crate::responses::{self, Assembly, Event, Seen, classify_answer};
use crate::sse::{Decoder, End};

/// A response that did not come to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Broken {
    /// Why.
    pub failure: Failure,
    /// The text that had come.
    pub partial: String,
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            partial: String::new(),
        }
    }
}

/// After `[DONE]` without a terminal event, so long may one still come.
const GRACE: Duration = Duration::from_secs(2);

/// Reads to the terminal event and lets the connection go there; the end of the stream is not waited for.
///
/// # Errors
/// Why there is no response: refused, broken off, silent for too long, or something else than a stream.
pub async fn read_response(
    mut response: Response,
    url: &str,
    limits: &Limits,
    redactor: &Redactor,
) -> Result<responses::Response, Broken> {
    let mut answer = head(&response);
    if let Some(coding) = answer
        .header("content-encoding")
        .filter(|c| !c.trim().eq_ignore_ascii_case("identity"))
    {
        let why = format!(
            "{} sent content-encoding {coding}, which was not asked for",
            super::host(url)
        );
        return Err(Failure::local(Class::Unreadable, crate::redact::one_line(&why, 200)).into());
    }
    if !answer.is_success() {
        answer.body = rest_of_body(&mut response, Vec::new(), limits, ERROR_BODY).await;
        return Err(refusal(&answer, redactor).into());
    }
    // What comes before the first visible byte decides between a stream and a document.
    let mut start = Vec::new();
    let first = loop {
        match next_chunk(&mut response, url, limits.first_byte).await? {
            Some(chunk) => start.extend_from_slice(&chunk),
            None => break None,
        }
        if let Some(byte) = first_visible(&start).filter(|b| *b != BOM_START) {
            break Some(byte);
        }
    };
    let kind = answer.header("content-type").unwrap_or_default();
    if !kind.starts_with("text/event-stream") && defect::active(Defect::ContentTypeDemanded) {
        return Err(Failure::local(Class::Unreadable, "expected text/event-stream").into());
    }
    match first {
        Some(b'{' | b'[' | b'<') => {
            answer.body = rest_of_body(&mut response, start, limits, DOCUMENT).await;
            document(&answer, redactor)
        }
        _ => read_stream(response, start, url, limits, redactor).await,
    }
}

/// The first byte of a byte order mark: not yet a sign of anything.
const BOM_START: u8 = 0xef;
/// The part of an error body that is read.
const ERROR_BODY: usize = 256 * 1024;
/// The largest response that is read as one document.
const DOCUMENT: usize = 64 * 1024 * 1024;

async fn read_stream(
    mut response: Response,
    start: Vec<u8>,
    url: &str,
    limits: &Limits,
    redactor: &Redactor,
) -> Result<responses::Response, Broken> {
    let mut decoder = Decoder::default();
    let mut assembly = Assembly::new(redactor.clone());
    let mut chunk = Bytes::from(start);
    let mut unknown = false;
    let mut last_event = Instant::now();
    let mut held = Vec::new();
    loop {
        if defect::active(Defect::Utf8PerChunk) {
            chunk = String::from_utf8_lossy(&chunk).into_owned().into();
        }
        if defect::active(Defect::CharsetObeyed) && is_windows_1252(&response) {
            let letters = chunk.iter().copied().map(char::from);
            chunk = letters.collect::<String>().into();
        }
        if defect::active(Defect::NulEndsTheChunk)
            && let Some(nul) = memchr::memchr(0, &chunk)
        {
            chunk.truncate(nul);
        }
        if defect::active(Defect::CrHeldBack) {
            held.extend_from_slice(&chunk);
            let last = held.pop_if(|byte| *byte == b'\r');
            chunk = std::mem::replace(&mut held, Vec::from_iter(last)).into();
        }
        if defect::active(Defect::LineSeparatorsEndLines)
            && let Ok(text) = std::str::from_utf8(&chunk)
        {
            let ends = ['\u{85}', '\u{2028}', '\u{2029}'];
            chunk = text.replace(ends, "\n").into();
        }
        if defect::active(Defect::CutUtf8Fatal) && std::str::from_utf8(&chunk).is_err() {
            let why = "stream did not contain valid UTF-8";
            return Err(Failure::local(Class::Unreadable, why).into());
        }
        let fed = decoder.feed_frames(&chunk, |frame| {
            if defect::any() {
                last_event = Instant::now();
            }
            unknown = is_fatal(assembly.push_frame(frame));
            if unknown || (assembly.is_ended() && !assembly.waits_for_the_end()) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        let broken = |failure, assembly: &Assembly| Broken {
            failure,
            partial: assembly.partial_text(),
        };
        match fed {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) if unknown => {
                let why = "unknown variant of a stream event";
                return Err(broken(Failure::local(Class::Unreadable, why), &assembly));
            }
            Ok(ControlFlow::Break(())) => {
                if defect::active(Defect::CutBehindTheAnswerFatal)
                    && let Err(failure) = rest_of_stream(&mut response, url).await
                {
                    return Err(broken(failure, &assembly));
                }
                break;
            }
            Err(error) => {
                return Err(broken(
                    Failure::local(Class::Unreadable, error.to_string()),
                    &assembly,
                ));
            }
        }
        let done_marker = assembly.saw_done_marker();
        // Any byte is a sign of life, a comment's too.
        let limit = if done_marker {
            GRACE.min(limits.idle)
        } else {
            limits.idle
        };
        let limit = if defect::active(Defect::CommentsAreNoLife) {
            limit.saturating_sub(last_event.elapsed())
        } else {
            limit
        };
        chunk = match next_chunk(&mut response, url, limit).await {
            Ok(Some(chunk)) => chunk,
            Ok(None) if assembly.is_ended() => break,
            Ok(None)
                if defect::active(Defect::EndIsSuccess)
                    || (done_marker && defect::active(Defect::DoneIsSuccess)) =>
            {
                assembly.complete();
                break;
            }
            Err(failure)
                if failure.class == Class::Transport
                    && (defect::active(Defect::BrokenOffIsSuccess)
                        || (is_stream_reset(&failure)
                            && defect::active(Defect::ResetStreamIsTheEnd))) =>
            {
                assembly.complete();
                break;
            }
            Ok(None) | Err(_) if assembly.has_call() && defect::active(Defect::CutOffCallRun) => {
                assembly.complete();
                break;
            }
            Ok(None) => {
                return Err(broken(
                    ended_early(&assembly, decoder.finish(), done_marker),
                    &assembly,
                ));
            }
            Err(failure) if done_marker && failure.class == Class::Timeout => {
                return Err(broken(ended_early(&assembly, End::Clean, true), &assembly));
            }
            Err(failure) => return Err(broken(failure, &assembly)),
        };
    }
    assembly.finish().ok_or_else(|| {
        Failure::local(Class::Transport, "the stream ended before a terminal event").into()
    })
}

fn ended_early(assembly: &Assembly, end: End, done_marker: bool) -> Failure {
    let mut why = "the stream ended before a terminal event".to_owned();
    if assembly.events() == 0 {
        why.push_str(", without any event");
    }
    if done_marker {
        why.push_str(", after [DONE]");
    }
    if end == End::InsideEvent {
        why.push_str(", inside an event (its blank line is missing)");
    }
    let unreadable = assembly
        .facts()
        .iter()
        .filter(|f| matches!(f, responses::Fact::NotJson))
        .count();
    if unreadable > 0 {
        why.push_str(&format!(
            "; {unreadable} of its events could not be read as JSON"
        ));
    }
    Failure::local(Class::Transport, why)
}

/// Whether a reader without room for new types of events gives up at this one.
fn is_fatal(seen: Seen<'_>) -> bool {
    let Seen::Other(frame) = seen else {
        return false;
    };
    let keepalive = || frame.text().data.contains(r#""type":"keepalive""#);
    ((defect::active(Defect::KeepaliveFatal) && keepalive())
        || (defect::active(Defect::UnknownEventFatal) && !keepalive()))
        && matches!(Event::of(frame), Ok(Event::Ignored))
}

/// A JSON document or a web page where a stream was asked for.
fn document(answer: &Answer, redactor: &Redactor) -> Result<responses::Response, Broken> {
    if defect::active(Defect::DocumentIsSuccess) {
        let mut assembly = Assembly::new(redactor.clone());
        assembly.complete();
        return assembly
            .finish()
            .ok_or_else(|| refusal(answer, redactor).into());
    }
    let json = answer.json();
    let is_response = |v: &serde_json::Value| {
        v.get("status").is_some_and(|s| s.is_string()) && v.get("error").is_none_or(|e| e.is_null())
    };
    if let Some(json) = json
        .as_ref()
        .filter(|v| v.get("object").is_some_and(|o| o == "response") || is_response(v))
    {
        let status = json
            .get("status")
            .and_then(|s| s.as_str())
            .unwrap_or("completed")
            .to_owned();
        let mut assembly = Assembly::new(redactor.clone());
        assembly.push(Event::Terminal {
            status,
            response: json.clone(),
        });
        if let Some(response) = assembly.finish() {
            return Ok(response);
        }
    }
    let mut failure = refusal(answer, redactor);
    if failure.class == Class::Unclassified && failure.code.is_none() {
        failure.class = Class::Unreadable;
        let words = failure.message.take().unwrap_or_default();
        let kind = answer.header("content-type").unwrap_or("no content type");
        let why = format!("a stream was asked for, a document came ({kind}) {words}");
        failure.message = Some(crate::redact::one_line(&why, crate::redact::SHOWN_BYTES));
    }
    Err(failure.into())
}

fn refusal(answer: &Answer, redactor: &Redactor) -> Failure {
    if (300..400).contains(&answer.status) {
        let why = "the server redirects, and a request with a token does not follow";
        return Failure {
            status: Some(answer.status),
            ..Failure::local(Class::InvalidRequest, why)
        };
    }
    classify_answer(answer, redactor)
}

async fn next_chunk(
    response: &mut Response,
    url: &str,
    limit: Duration,
) -> Result<Option<Bytes>, Failure> {
    match tokio::time::timeout(limit, response.chunk()).await {
        Ok(result) => result.map_err(|e| broken(url, &e)),
        Err(_) => Err(timed_out(url, "another byte of the stream", limit)),
    }
}

/// What a reader meets that wants the end of the connection, too: whether it broke.
async fn rest_of_stream(response: &mut Response, url: &str) -> Result<(), Failure> {
    loop {
        match next_chunk(response, url, GRACE).await {
            Ok(Some(_)) => {}
            Err(failure) if failure.class == Class::Transport => return Err(failure),
            Ok(None) | Err(_) => return Ok(()),
        }
    }
}

/// Whether the content type names the encoding that old servers send.
fn is_windows_1252(response: &Response) -> bool {
    let kind = response.headers().get("content-type");
    kind.and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.contains("windows-1252"))
}

/// Whether one stream of an HTTP/2 connection was reset, by the words of the library.
fn is_stream_reset(failure: &Failure) -> bool {
    let message = failure.message.as_deref().unwrap_or_default();
    message.contains("stream error received")
}

/// What can still be had of a body whose status already decides: a fault within it changes nothing.
async fn rest_of_body(
    response: &mut Response,
    mut body: Vec<u8>,
    limits: &Limits,
    bound: usize,
) -> Vec<u8> {
    let patience = limits.idle.min(Duration::from_secs(10));
    while body.len() < bound {
        match tokio::time::timeout(patience, response.chunk()).await {
            Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
            _ => break,
        }
    }
    body
}
