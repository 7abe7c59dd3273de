//! One event of a stream. The JSON's `type` decides, not the event's name; what nobody knows is no error.

use serde_json::Value;

use crate::defect::{self, Defect};
use crate::error_body::{ErrorBody, integer};

/// Where in a response an event belongs. `output_index` is the stable key, `item_id` the second one:
/// some servers change the id from one event of an item to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Index of the item in the output.
    pub output_index: Option<u64>,
    /// Id of the item.
    pub item_id: Option<String>,
}

/// The stream of text that a delta adds to, within one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// `output_text` of the content part with this index.
    Text(u64),
    /// `refusal` of the content part with this index.
    Refusal(u64),
    /// `reasoning_text` of the content part with this index.
    Reasoning(u64),
    /// The reasoning summary with this index.
    Summary(u64),
    /// Arguments of a function call.
    Arguments,
    /// Input of a custom tool call.
    CustomInput,
}

/// What an event says.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The response exists or goes on: `response.created`, `.queued`, `.in_progress`.
    Lifecycle {
        /// The response object, as far as it is known.
        response: Value,
    },
    /// An item begins. `item` is null when the server sends none.
    ItemAdded {
        /// Where.
        place: Place,
        /// The item as it begins.
        item: Value,
    },
    /// An item is whole.
    ItemDone {
        /// Where.
        place: Place,
        /// The whole item.
        item: Value,
    },
    /// Text is added.
    Delta {
        /// Where.
        place: Place,
        /// To what.
        channel: Channel,
        /// The text.
        text: String,
    },
    /// A text is whole.
    Done {
        /// Where.
        place: Place,
        /// Which text.
        channel: Channel,
        /// The whole text, when the event holds it.
        text: Option<String>,
        /// The function's name, on servers that repeat it.
        name: Option<String>,
    },
    /// The response has ended, by its own account: `.completed`, `.incomplete`, `.failed`, `.cancelled`, `.done`.
    Terminal {
        /// The last part of the event's type.
        status: String,
        /// The response object.
        response: Value,
    },
    /// An error, nested or flat.
    Error(ErrorBody),
    /// Nothing to act on: keepalives, progress of server-side tools, types of a later day.
    Ignored,
}

impl Event {
    /// Reads the data of one event. `name` is the event's name, used only when the JSON has no type.
    ///
    /// # Errors
    /// The data is not a JSON object.
    ///
    /// ```
    /// use loginproof_client::responses::Event;
    /// assert_eq!(Event::read("message", r#"{"type":"keepalive","sequence_number":3}"#), Ok(Event::Ignored));
    /// assert!(Event::read("message", "{\"type\":\"response.comp").is_err());
    /// ```
    pub fn read(name: &str, data: &str) -> Result<Self, NotJson> {
        let Ok(value) = serde_json::from_str::<Value>(data) else {
            return Err(NotJson);
        };
        if !value.is_object() {
            return Err(NotJson);
        }
        let (error, nested) = (value["type"] == "error", value["error"].is_object());
        if error
            && nested
            && value["error"]["code"].is_null()
            && defect::active(Defect::NullCodeUnreadable)
        {
            return Err(NotJson);
        }
        let unread = defect::active(Defect::ErrorEventIgnored)
            || (!nested && defect::active(Defect::FlatErrorEventUnread));
        if error && unread {
            return Ok(Self::Ignored);
        }
        Ok(Self::from_json(name, value))
    }

    fn from_json(name: &str, mut value: Value) -> Self {
        let kind = value
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or(name)
            .to_owned();
        // A gateway's bare `{"error":{…}}` has no type at all.
        if kind == "error"
            || (kind == "message" && value.get("error").is_some_and(|e| !e.is_null()))
        {
            return Self::Error(ErrorBody::from_json(&value));
        }
        let Some(kind) = kind.strip_prefix("response.") else {
            return Self::Ignored;
        };
        let index = |name: &str| {
            value
                .get(name)
                .and_then(integer)
                .and_then(|n| u64::try_from(n).ok())
        };
        let content = index("content_index").unwrap_or(0);
        let summary = index("summary_index").unwrap_or(0);
        let place = Place {
            output_index: index("output_index"),
            item_id: string(value.get("item_id")),
        };
        let take = |value: &mut Value, member: &str| {
            value.get_mut(member).map(Value::take).unwrap_or_default()
        };
        let channel = match kind {
            "created" | "queued" | "in_progress" => {
                return Self::Lifecycle {
                    response: take(&mut value, "response"),
                };
            }
            "completed" | "incomplete" | "failed" | "cancelled" | "done" => {
                return Self::Terminal {
                    status: kind.to_owned(),
                    response: take(&mut value, "response"),
                };
            }
            "output_item.added" => {
                return Self::ItemAdded {
                    place,
                    item: take(&mut value, "item"),
                };
            }
            "output_item.done" => {
                return Self::ItemDone {
                    place,
                    item: take(&mut value, "item"),
                };
            }
            "content_part.done" | "content_part.added" => {
                return part(kind, place, content, &value);
            }
            "reasoning_summary_part.done" => {
                let text = string(value.get("part").and_then(|p| p.get("text")));
                return Self::Done {
                    place,
                    channel: Channel::Summary(summary),
                    text,
                    name: None,
                };
            }
            _ => match kind.rsplit_once('.') {
                Some(("output_text", _)) => Channel::Text(content),
                Some(("refusal", _)) => Channel::Refusal(content),
                Some(("reasoning_text" | "reasoning", _)) => Channel::Reasoning(content),
                Some(("reasoning_summary_text", _)) => Channel::Summary(summary),
                Some(("function_call_arguments", _)) => Channel::Arguments,
                Some(("custom_tool_call_input", _)) => Channel::CustomInput,
                _ => return Self::Ignored,
            },
        };
        if kind.ends_with(".delta") {
            return match value.get_mut("delta").map(Value::take) {
                Some(Value::String(text)) => Self::Delta {
                    place,
                    channel,
                    text,
                },
                _ => Self::Ignored,
            };
        }
        if !kind.ends_with(".done") {
            return Self::Ignored;
        }
        let member = match channel {
            Channel::Text(_) | Channel::Reasoning(_) | Channel::Summary(_) => "text",
            Channel::Refusal(_) => "refusal",
            Channel::Arguments => "arguments",
            Channel::CustomInput => "input",
        };
        Self::Done {
            place,
            channel,
            text: string(value.get(member)),
            name: string(value.get("name")),
        }
    }
}

/// The data of an event is not a JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event's data is not a JSON object")]
pub struct NotJson;

fn part(kind: &str, place: Place, index: u64, value: &Value) -> Event {
    let part = value.get("part").unwrap_or(&Value::Null);
    let (channel, member) = match part.get("type").and_then(Value::as_str) {
        Some("output_text" | "text") => (Channel::Text(index), "text"),
        Some("refusal") => (Channel::Refusal(index), "refusal"),
        Some("reasoning_text") => (Channel::Reasoning(index), "text"),
        _ => return Event::Ignored,
    };
    let text = string(part.get(member)).unwrap_or_default();
    if kind.ends_with("added") {
        // An empty delta: the part exists.
        return Event::Delta {
            place,
            channel,
            text,
        };
    }
    Event::Done {
        place,
        channel,
        text: Some(text),
        name: None,
    }
}

pub(super) fn string(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Event {
        Event::read("message", json).unwrap()
    }

    #[test]
    fn the_json_type_wins_over_the_events_name() {
        let event = Event::read(
            "response.failed",
            r#"{"type":"response.completed","response":{}}"#,
        )
        .unwrap();
        assert!(matches!(event, Event::Terminal { status, .. } if status == "completed"));
        let event = Event::read("response.completed", r#"{"response":{}}"#).unwrap();
        assert!(matches!(event, Event::Terminal { status, .. } if status == "completed"));
    }

    #[test]
    fn errors_are_read_nested_and_flat_with_a_null_code() {
        for json in [
            r#"{"type":"error","error":{"type":"server_error","code":null,"message":"m","param":null},"sequence_number":2}"#,
            r#"{"type":"error","code":null,"message":"m","param":null,"sequence_number":0}"#,
            r#"{"error":{"message":"m"}}"#,
        ] {
            let Event::Error(body) = read(json) else {
                panic!("{json}")
            };
            assert_eq!(body.message.as_deref(), Some("m"), "{json}");
        }
    }

    #[test]
    fn unknown_types_and_odd_fields_are_no_error() {
        for json in [
            r#"{"type":"response.brand_new.delta","delta":"x"}"#,
            r#"{"type":"ping"}"#,
            r#"{}"#,
            r#"{"type":7}"#,
            r#"{"type":"response.output_text.delta","delta":{"x":1}}"#,
            r#"{"type":"response.output_text.annotation.added","annotation":{}}"#,
        ] {
            assert_eq!(read(json), Event::Ignored, "{json}");
        }
        assert_eq!(Event::read("message", "[DONE]"), Err(NotJson));
    }
}
