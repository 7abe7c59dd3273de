//! What a WebSocket remembers: the responses that were given over it, and their calls.

use std::collections::HashMap;

use bytes::Bytes;
use serde_json::{Value, json};

use super::line::Received;
use crate::backend::request_rules::{self, Profile};
use crate::message::Answer;

/// The responses of one connection. Nothing of them is known anywhere else: with `store: false` they end with it.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// By id: the calls that the response ended with.
    responses: HashMap<String, Vec<Value>>,
}

impl Known {
    /// Whether a frame is one that needs no answer: what a client says about a response, not for one.
    pub(super) fn ignores(&self, received: &Received) -> bool {
        let json: Value = serde_json::from_slice(received.data()).unwrap_or_default();
        json["type"]
            .as_str()
            .is_some_and(|kind| kind.starts_with("response.") && kind != "response.create")
    }

    /// The server's own answer to a turn, with placeholders.
    pub(super) fn answer(&self, profile: Profile, turn: &Value, stream: &Bytes) -> Answer {
        if turn["type"] != "response.create" {
            let why = "a frame is the JSON of a response.create event";
            return refusal(&json!({ "type": "invalid_request_error", "message": why }));
        }
        let calls = match turn["previous_response_id"].as_str() {
            None => &[][..],
            Some(previous) => match self.responses.get(previous) {
                Some(calls) => calls,
                None => return not_found(previous),
            },
        };
        if let Err(rejection) = request_rules::check_turn(profile, turn, calls) {
            return Answer::json(400, rejection.body());
        }
        let body = match turn["generate"] == false {
            true => Bytes::from_static(WARM_UP),
            false => stream.clone(),
        };
        let kind = ("content-type".to_owned(), "text/event-stream".to_owned());
        Answer::new(200, vec![kind], body)
    }

    /// Takes note of an answer. One that failed takes the response that it went on from with it.
    pub(super) fn learn(&mut self, turn: &Value, events: impl Iterator<Item = Value>) {
        let mut calls = Vec::new();
        for event in events {
            let kind = event["type"].as_str().unwrap_or_default();
            match kind {
                "response.output_item.done" if request_rules::is_call(&event["item"]) => {
                    calls.push(event["item"].clone());
                }
                "response.completed" | "response.incomplete" => {
                    if let Some(id) = event["response"]["id"].as_str() {
                        self.responses
                            .insert(id.to_owned(), std::mem::take(&mut calls));
                    }
                }
                "error" | "response.failed" => {
                    let previous = turn["previous_response_id"].as_str();
                    previous.and_then(|previous| self.responses.remove(previous));
                }
                _ => {}
            }
        }
    }
}

fn refusal(error: &Value) -> Answer {
    Answer::json(400, &json!({ "error": error }))
}

/// Verbatim from Soju06/codex-lb#782.
fn not_found(previous: &str) -> Answer {
    refusal(&json!({
        "type": "invalid_request_error",
        "code": "previous_response_not_found",
        "message": format!("Previous response with id '{previous}' not found."),
        "param": "previous_response_id",
    }))
}

/// A response that holds nothing, but can be gone on from.
const WARM_UP: &[u8] = br#"event: response.created
data: {"type":"response.created","sequence_number":0,"response":{"id":"{{response_id}}","object":"response","created_at":{{unix}},"status":"in_progress","error":null,"incomplete_details":null,"instructions":null,"model":"{{model}}","output":[],"parallel_tool_calls":true,"store":false,"tool_choice":"auto","tools":[],"usage":null}}

event: response.completed
data: {"type":"response.completed","sequence_number":1,"response":{"id":"{{response_id}}","object":"response","created_at":{{unix}},"status":"completed","error":null,"incomplete_details":null,"instructions":null,"model":"{{model}}","output":[],"parallel_tool_calls":true,"store":false,"tool_choice":"auto","tools":[],"usage":{"input_tokens":10,"input_tokens_details":{"cached_tokens":0},"output_tokens":0,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":10}}}

"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(known: &Known, turn: &Value) -> Value {
        let answer = known.answer(Profile::ChatGpt, turn, &Bytes::from_static(b"stream"));
        serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
    }

    fn turn(previous: &str, input: Value) -> Value {
        json!({
            "type": "response.create", "model": "m", "store": false,
            "previous_response_id": previous, "input": input,
        })
    }

    #[test]
    fn a_turn_goes_on_from_a_response_of_this_connection() {
        let mut known = Known::default();
        let call =
            json!({ "type": "function_call", "call_id": "c", "name": "n", "arguments": "{}" });
        let events = [
            json!({ "type": "response.output_item.done", "item": call }),
            json!({ "type": "response.completed", "response": { "id": "r" } }),
        ];
        known.learn(&Value::Null, events.into_iter());
        let output = json!([{ "type": "function_call_output", "call_id": "c", "output": "" }]);
        assert_eq!(
            answer(&known, &turn("r", output.clone())),
            Value::Null,
            "the stream"
        );
        let unanswered = answer(&known, &turn("r", json!([])));
        let message = unanswered["error"]["message"].as_str().unwrap();
        assert!(message.starts_with("No tool output found"), "{message}");
        let unknown = answer(&known, &turn("q", output));
        assert_eq!(unknown["error"]["code"], "previous_response_not_found");
    }

    #[test]
    fn a_failed_turn_takes_its_predecessor_with_it() {
        let mut known = Known::default();
        let completed = json!({ "type": "response.completed", "response": { "id": "r" } });
        known.learn(&Value::Null, [completed].into_iter());
        let turn = turn("r", json!([]));
        known.learn(
            &turn,
            [json!({ "type": "error", "status": 429 })].into_iter(),
        );
        assert_eq!(
            answer(&known, &turn)["error"]["param"],
            "previous_response_id"
        );
    }

    #[test]
    fn the_rules_of_requests_hold_and_those_of_http_do_not() {
        let known = Known::default();
        let stored = json!({ "type": "response.create", "model": "m", "store": true, "input": [] });
        assert_eq!(
            answer(&known, &stored)["detail"],
            "Store must be set to false"
        );
        let mut plain = stored;
        plain["store"] = false.into();
        plain["stream"] = false.into();
        assert_eq!(answer(&known, &plain), Value::Null, "the stream");
        assert!(answer(&known, &json!({ "type": "x" }))["error"].is_object());
    }
}
