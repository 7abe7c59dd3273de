//! From an answer to frames: the data of each event is one, and a refusal becomes an error frame.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::event_stream::blocks;
use crate::fault::{How, Time};
use crate::journal::Ending;
use crate::message::Answer;
use crate::plan::{Draft, Farewell, Mark};

/// What is sent for one turn.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
}

/// One step of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Text(String),
    Binary(Bytes),
    Stall(Time),
    /// A close frame; the WebSocket is over.
    Goodbye(Farewell),
    /// The connection ends without one.
    Cut(How),
}

impl Step {
    /// The payload of a data frame.
    pub(super) fn data(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(data) => data,
            Self::Stall(_) | Self::Goodbye(_) | Self::Cut(_) => &[],
        }
    }

    fn is_frame(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Binary(_))
    }
}

impl Plan {
    /// Frames cannot be cut into: what happens inside of one happens before it.
    pub(super) fn new(mut draft: Draft) -> Self {
        let mut due: Vec<(Mark, Step)> = std::mem::take(&mut draft.stalls)
            .into_iter()
            .map(|(mark, time)| (mark, Step::Stall(time)))
            .collect();
        due.extend(
            draft
                .farewell
                .map(|(mark, farewell)| (mark, Step::Goodbye(farewell))),
        );
        due.extend(draft.close.map(|(mark, how)| (mark, Step::Cut(how))));
        due.sort_by_key(|(mark, _)| *mark);
        let mut due = due.into_iter().peekable();
        let mut steps = Vec::new();
        let mut end = 0;
        for segment in &draft.segments {
            end += segment.bytes.len();
            while let Some((_, step)) = due.next_if(|(mark, _)| *mark < Mark::Byte(end)) {
                steps.push(step);
            }
            steps.extend(frame(&segment.bytes));
        }
        steps.extend(due.map(|(_, step)| step));
        let over = |step: &Step| matches!(step, Step::Goodbye(_) | Step::Cut(_));
        if let Some(at) = steps.iter().position(over) {
            steps.truncate(at + 1);
        }
        Self { steps }
    }

    /// All frames, one line for each.
    pub(super) fn body(&self) -> Bytes {
        let mut body = Vec::new();
        for (at, frame) in self.steps.iter().filter(|step| step.is_frame()).enumerate() {
            if at > 0 {
                body.push(b'\n');
            }
            body.extend_from_slice(frame.data());
        }
        body.into()
    }

    /// Whether nothing can come after it.
    pub(super) fn ends_it(&self) -> bool {
        matches!(self.steps.last(), Some(Step::Goodbye(_) | Step::Cut(_)))
    }

    /// That of the first frame, if it is an error; else 200.
    pub(super) fn status(&self) -> u16 {
        let first = self.events().next().unwrap_or_default();
        let status = first["status"]
            .as_u64()
            .filter(|_| first["type"] == "error");
        status
            .and_then(|status| u16::try_from(status).ok())
            .unwrap_or(200)
    }

    /// The events that the client has got. None of an answer that it did not wait for.
    pub(super) fn sent(&self, ending: Ending) -> impl Iterator<Item = Value> {
        self.events()
            .filter(move |_| !matches!(ending, Ending::ClientGone))
    }

    fn events(&self) -> impl Iterator<Item = Value> {
        self.steps.iter().filter_map(|step| match step {
            Step::Text(text) => serde_json::from_str(text).ok(),
            _ => None,
        })
    }
}

/// The frame of one block: its data, or the bytes of what is no block. None of a comment.
fn frame(bytes: &[u8]) -> Option<Step> {
    let data = blocks(bytes).into_iter().find_map(|block| block.data);
    let comment = || bytes.first().is_none_or(|byte| b":\r\n".contains(byte));
    match data {
        Some(data) => Some(Step::Text(data)),
        None if comment() => None,
        None => Some(Step::Binary(Bytes::copy_from_slice(bytes))),
    }
}

/// An answer over HTTP as the events that stand for it. An error takes its status and headers along, so that it means
/// the same on both transports (responses.md §6).
pub(crate) fn as_events(answer: Answer) -> Answer {
    if answer.is_event_stream() {
        return answer;
    }
    let body = serde_json::from_slice::<Value>(&answer.body);
    let event = match body {
        Ok(body) if answer.status < 400 => body,
        body => error(&answer, body.unwrap_or_default()),
    };
    let kind = ("content-type".to_owned(), "text/event-stream".to_owned());
    Answer::new(answer.status, vec![kind], format!("data: {event}\n\n"))
}

fn error(answer: &Answer, body: Value) -> Value {
    let error = match (&body["error"], &body["detail"]) {
        (Value::Object(error), _) => Value::Object(error.clone()),
        (_, Value::Null) => {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            json!({ "type": "invalid_request_error", "message": text })
        }
        (_, Value::String(detail)) => {
            json!({ "type": "invalid_request_error", "message": detail })
        }
        (_, detail) => detail.clone(),
    };
    let kept = |name: &str| {
        let name = name.to_ascii_lowercase();
        name.starts_with("x-") || name == "retry-after"
    };
    let headers: Map<String, Value> = answer
        .headers
        .iter()
        .filter(|(name, _)| kept(name))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.as_str().into()))
        .collect();
    let mut frame = json!({ "type": "error", "status": answer.status, "error": error });
    if !headers.is_empty() {
        frame["headers"] = headers.into();
    }
    frame
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::fault::{Fault, apply};

    fn plan(faults: Value) -> Plan {
        let event = |kind| format!("event: {kind}\ndata: {{\"type\":\"{kind}\"}}\n\n");
        let body = format!("{}: note\n\n{}", event("a"), event("b"));
        let kind = ("content-type".to_owned(), "text/event-stream".to_owned());
        let mut draft = Draft::new(Answer::new(200, vec![kind], body), StdRng::seed_from_u64(1));
        let faults: Vec<Fault> = serde_json::from_value(faults).unwrap();
        assert_eq!(apply(&faults, &mut draft), Vec::<String>::new());
        Plan::new(draft)
    }

    fn text(text: &str) -> Step {
        Step::Text(text.to_owned())
    }

    #[test]
    fn each_event_is_a_frame() {
        let plan = plan(json!([
            { "insert": { "at": { "event": 1 }, "text": "data: {\"type\":\n\n" } },
            { "insert": { "at": { "event": 1 }, "hex": "00ff" } },
        ]));
        assert_eq!(
            plan.steps,
            [
                text("{\"type\":\"a\"}"),
                Step::Binary(Bytes::from_static(b"\x00\xff")),
                text("{\"type\":"),
                text("{\"type\":\"b\"}"),
            ]
        );
        assert!(!plan.ends_it() && plan.status() == 200);
    }

    #[test]
    fn nothing_follows_a_goodbye() {
        let plan = plan(json!([
            { "close-frame": { "at": { "after": "a" }, "code": 1011 } },
            { "stall": { "at": "start", "for": "ever" } },
        ]));
        let goodbye = Step::Goodbye(Farewell(Some((1011, String::new()))));
        let stall = Step::Stall(Time::Ever);
        assert_eq!(plan.steps, [stall, text("{\"type\":\"a\"}"), goodbye]);
        assert!(plan.ends_it());
        let cut = self::plan(json!([{ "close": { "at": "end", "how": "reset" } }]));
        assert_eq!(cut.steps.last(), Some(&Step::Cut(How::Reset)));
    }

    #[test]
    fn a_refusal_means_the_same_as_a_frame() {
        let headers = vec![
            ("Retry-After".to_owned(), "1".to_owned()),
            ("content-type".to_owned(), "application/json".to_owned()),
        ];
        let answer = Answer::new(429, headers, r#"{"error":{"code":"c"},"status":1}"#);
        let body = as_events(answer).body;
        let error = json!({
            "type": "error", "status": 429, "error": { "code": "c" }, "headers": { "retry-after": "1" },
        });
        assert_eq!(body, format!("data: {error}\n\n"));
        let detail = as_events(Answer::json(400, &json!({ "detail": "No" }))).body;
        let error = json!({ "type": "invalid_request_error", "message": "No" });
        let error = json!({ "type": "error", "status": 400, "error": error });
        assert_eq!(detail, format!("data: {error}\n\n"));
    }
}
