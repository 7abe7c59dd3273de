//! What is sent, and what a program must make of it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use loginproof_mocks::fixture::Arrival;
use loginproof_mocks::{Fixture, FixtureError, Fixtures};
use loginproof_streams::{Kind, Stream};
use serde_json::{Value, json};

use crate::filter_form::{Answer, Progress};
use crate::scenario::model::Scenario;

/// A stream as it is sent, and what is in it.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The bytes on the wire.
    pub bytes: Vec<u8>,
    /// Events in them.
    pub events: usize,
    /// The text of each message, in order.
    pub messages: Vec<String>,
    /// It holds function calls, so that a program with tools asks once more.
    pub calls: bool,
}

/// How fast a stream is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As fast as the socket takes it, in large pieces.
    Full,
    /// One event each [`LIVE`].
    Live,
    /// As it was recorded.
    Recorded(Vec<Arrival>),
}

/// Time from one event to the next in live traffic.
pub const LIVE: Duration = Duration::from_millis(20);
/// Bytes in one piece at full pace. Reading a chunk costs a client more than reading an event.
const PIECE: usize = 16 << 10;

/// The fixture that is read.
pub const STREAM: &str = "bench/stream";
/// The fixture that answers the outputs of function calls.
pub const LAST: &str = "bench/last";

/// A stream and all it takes to send it.
#[derive(Clone, Debug)]
pub struct Served {
    /// The stream.
    pub reading: Reading,
    /// The text of the message that ends a turn with function calls.
    pub last: String,
    /// The stream and the last message.
    pub fixtures: Arc<Fixtures>,
    pace: Pace,
}

/// Why there is nothing to send.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum WorkloadError {
    /// Neither a name nor a file.
    #[error("there is no stream `{0}`, and no file of that name")]
    #[diagnostic(help("give mix, text, tools, big, or a file with a Responses stream"))]
    Unknown(String),
    /// A file cannot be read.
    #[error("cannot read {0}: {1}")]
    Read(String, std::io::Error),
    /// A file holds something else.
    #[error("{0} is no Responses stream that can be measured: {1}")]
    #[diagnostic(help(
        "it must be a body of type text/event-stream that ends with response.completed"
    ))]
    NoStream(String, String),
    /// A fixture is not well formed.
    #[error(transparent)]
    Fixture(#[from] FixtureError),
}

/// What `--stream` names: the stream, and the same items with the fewest events.
#[derive(Clone, Debug)]
pub struct Workload {
    /// For the report: `text`, or the file's name.
    pub name: String,
    /// What is measured.
    pub stream: Reading,
    /// What a turn costs before the stream's length counts.
    pub least: Reading,
    /// When the parts of a recording arrived.
    pub timing: Option<Vec<Arrival>>,
}

impl Workload {
    /// A generated stream, or the one in a file: raw, or a fixture (`.http`) with its `.timing` beside it. `short` asks
    /// for a stream that a person would watch come in.
    ///
    /// # Errors
    /// When there is no such stream.
    pub fn named(name: &str, short: bool) -> Result<Self, WorkloadError> {
        let Ok(kind) = name.parse::<Kind>() else {
            return Self::file(Path::new(name), name);
        };
        let stream = if short {
            Stream::short(kind)
        } else {
            Stream::new(kind, 20)
        };
        let sound = |stream: Stream| {
            Reading::of(stream.bytes).map_err(|why| WorkloadError::NoStream(name.to_owned(), why))
        };
        Ok(Self {
            name: kind.name().to_owned(),
            stream: sound(stream)?,
            least: sound(Stream::least(kind))?,
            timing: None,
        })
    }

    fn file(path: &Path, name: &str) -> Result<Self, WorkloadError> {
        if !path.is_file() {
            return Err(WorkloadError::Unknown(name.to_owned()));
        }
        let read = |path: &Path| {
            std::fs::read(path).map_err(|error| WorkloadError::Read(name.to_owned(), error))
        };
        let no_stream = |why: String| WorkloadError::NoStream(name.to_owned(), why);
        let bytes = read(path)?;
        let (mut body, mut timing) = (bytes, None);
        if path.extension().is_some_and(|ending| ending == "http") {
            let mut files = vec![("it".to_owned(), body)];
            let sidecar = path.with_extension("timing");
            if sidecar.is_file() {
                files.push(("it.timing".to_owned(), read(&sidecar)?));
            }
            let fixtures = Fixtures::from_files(files)?;
            let fixture = fixtures.get("it").filter(|it| Fixture::is_event_stream(it));
            let fixture = fixture.ok_or_else(|| no_stream("its type is another".to_owned()))?;
            (body, timing) = (fixture.body.to_vec(), fixture.timing.clone());
        }
        let file = path.file_name().unwrap_or_default();
        Ok(Self {
            name: file.to_string_lossy().into_owned(),
            stream: Reading::of(body).map_err(no_stream)?,
            least: Reading::of(Stream::brief().bytes).map_err(no_stream)?,
            timing,
        })
    }
}

impl Reading {
    /// Reads a stream to know what is in it.
    ///
    /// # Errors
    /// In words, when it does not end as a complete response does.
    pub fn of(bytes: Vec<u8>) -> Result<Self, String> {
        let text = String::from_utf8_lossy(&bytes);
        let (mut answer, mut events, mut calls) = (Answer::default(), 0, false);
        let (mut name, mut data, mut progress) = (None, None::<String>, Progress::Open);
        for line in text.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => name = Some(value),
                "data" => match &mut data {
                    Some(data) => *data = format!("{data}\n{value}"),
                    None => data = Some(value.to_owned()),
                },
                _ => {}
            }
            if !line.is_empty() {
                continue;
            }
            if let Some(data) = data.take() {
                events += 1;
                calls |= data.contains("response.output_item.done")
                    && data.contains("\"function_call\"");
                if progress == Progress::Open {
                    progress = answer.take_event(name, &data);
                }
            }
            name = None;
        }
        match progress {
            Progress::Complete => {}
            Progress::Failed(why) => return Err(format!("the response fails: {why}")),
            Progress::Open => return Err("it does not end with response.completed".to_owned()),
        }
        Ok(Self {
            messages: answer.messages(),
            events,
            calls,
            bytes,
        })
    }
}

impl Served {
    /// Makes a stream ready to be sent.
    ///
    /// # Errors
    /// When its text holds what looks like a placeholder and is none.
    pub fn new(reading: Reading, pace: Pace) -> Result<Self, WorkloadError> {
        const HEAD: &str = "HTTP/1.1 200 OK\ncontent-type: text/event-stream; charset=utf-8\n\n";
        let file = |body: &[u8]| [HEAD.as_bytes(), body].concat();
        let last = Stream::brief().bytes;
        let mut files = vec![
            (STREAM.to_owned(), file(&reading.bytes)),
            (LAST.to_owned(), file(&last)),
        ];
        if let Pace::Recorded(arrivals) = &pace {
            let line = |part: &Arrival| format!("{} {}\n", part.at.as_millis(), part.bytes);
            let sidecar: String = arrivals.iter().map(line).collect();
            files.push((format!("{STREAM}.timing"), sidecar.into_bytes()));
        }
        let fixtures = Fixtures::from_files(files)?;
        let last = Reading::of(last).map(|last| last.messages.concat());
        Ok(Self {
            reading,
            last: last.unwrap_or_default(),
            fixtures: Arc::new(fixtures),
            pace,
        })
    }

    /// The world in which it is asked for, by these steps.
    ///
    /// # Errors
    /// Never for steps that a scenario can have.
    pub fn scenario(&self, steps: &Value) -> Result<Scenario, serde_json::Error> {
        serde_json::from_value(json!({
            "case": "bench",
            "title": "A stream is read to its end",
            "level": "convention",
            "needs": ["responses", "ask"],
            "because": "Somebody wants to know how fast.",
            "sources": ["loginproof bench"],
            "credentials": {},
            "server": { "responses": [
                { "when": { "input-has": { "type": "function_call_output" } }, "answer": LAST },
                { "answer": STREAM, "faults": self.faults() },
            ]},
            "steps": steps,
            "checks": {},
        }))
    }

    fn faults(&self) -> Vec<Value> {
        match &self.pace {
            Pace::Full => vec![json!({ "chunk": { "size": PIECE } })],
            Pace::Live => {
                let rate = 1000 / LIVE.as_millis();
                vec![json!({ "throttle": { "events-per-second": rate } })]
            }
            Pace::Recorded(_) => vec![json!("recorded-pace")],
        }
    }

    /// How long it takes to be sent at its pace.
    #[must_use]
    pub fn takes(&self) -> Duration {
        match &self.pace {
            Pace::Full => Duration::ZERO,
            Pace::Live => LIVE * u32::try_from(self.reading.events).unwrap_or(u32::MAX),
            Pace::Recorded(arrivals) => arrivals.last().map_or(Duration::ZERO, |last| last.at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_stream_is_known_before_it_is_sent() {
        for kind in Kind::ALL {
            let stream = Stream::short(kind);
            let reading = Reading::of(stream.bytes.clone()).unwrap();
            assert_eq!(reading.events, stream.events, "{kind}");
            assert_eq!(reading.calls, matches!(kind, Kind::Mix | Kind::Tools));
            assert_eq!(reading.messages.is_empty(), kind == Kind::Tools);
        }
        let text = Stream::short(Kind::Text);
        let reading = Reading::of(text.bytes).unwrap();
        assert_eq!(reading.messages[0].len(), text.text_bytes);
    }

    #[test]
    fn a_stream_without_an_end_is_refused() {
        let stream = b"data: {\"type\":\"response.created\"}\n\n".to_vec();
        assert!(Reading::of(stream).unwrap_err().contains("does not end"));
        let error = Workload::named("mxi", false).unwrap_err().to_string();
        assert_eq!(error, "there is no stream `mxi`, and no file of that name");
    }

    #[test]
    fn a_recording_is_sent_as_it_came() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.http");
        let body = Stream::brief().bytes;
        let head = "HTTP/1.1 200 OK\ncontent-type: text/event-stream\n\n";
        std::fs::write(&path, [head.as_bytes(), &body].concat()).unwrap();
        let half = body.len() / 2;
        let timing = format!("0 {half}\n70 {}\n", body.len() - half);
        std::fs::write(path.with_extension("timing"), timing).unwrap();
        let workload = Workload::named(path.to_str().unwrap(), true).unwrap();
        assert_eq!(workload.name, "one.http");
        let pace = Pace::Recorded(workload.timing.unwrap());
        let served = Served::new(workload.stream, pace).unwrap();
        assert_eq!(served.takes(), Duration::from_millis(70));
        let played = served.fixtures.get(STREAM).unwrap();
        let parts = played.timing.iter().flatten();
        assert_eq!(
            parts.map(|part| part.bytes).collect::<Vec<_>>(),
            [half, body.len() - half]
        );
    }

    #[test]
    fn every_pace_is_a_world_that_a_server_takes() {
        let reading = Reading::of(Stream::least(Kind::Mix).bytes).unwrap();
        let all = vec![Arrival {
            at: Duration::from_millis(3),
            bytes: reading.bytes.len(),
        }];
        for pace in [Pace::Full, Pace::Live, Pace::Recorded(all)] {
            let served = Served::new(reading.clone(), pace).unwrap();
            let scenario = served.scenario(&json!([{ "ask": "Go." }])).unwrap();
            let problems = loginproof_mocks::validate(&scenario.server, &served.fixtures);
            assert!(problems.is_empty(), "{problems:?}");
            assert_eq!(scenario.server.responses[1].faults.len(), 1);
        }
    }
}
