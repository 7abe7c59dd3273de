//! A Chat Completions answer as a program prints it: whole, or in chunks that are put together here as the
//! specification says.

use serde_json::{Map, Value, json};

/// No answer has so many calls; an index beyond is nonsense.
const MOST_CALLS: usize = 64;

/// Reads what stands on standard output: one `chat.completion`, or chunks, one per line or as events of a stream.
///
/// # Errors
/// In words: what stands there is neither.
pub(super) fn read(stdout: &str) -> Result<Value, String> {
    if let Ok(whole) = serde_json::from_str::<Value>(stdout.trim())
        && whole.pointer("/choices/0/delta").is_none()
    {
        return Ok(whole);
    }
    let mut message = Message::default();
    let mut chunks = 0;
    for line in stdout.lines() {
        let line = line.strip_prefix("data:").unwrap_or(line).trim();
        let named = ["event:", "id:", "retry:", ":"];
        if line.is_empty() || line == "[DONE]" || named.iter().any(|name| line.starts_with(name)) {
            continue;
        }
        let chunk = serde_json::from_str(line).map_err(|error| format!("not JSON: {error}"))?;
        message.add(&chunk);
        chunks += 1;
    }
    if chunks == 0 {
        return Err("standard output is empty".to_owned());
    }
    Ok(message.finish())
}

/// Chunks put together.
#[derive(Default)]
struct Message {
    text: Map<String, Value>,
    calls: Vec<Value>,
    finish: Value,
    others: Map<String, Value>,
}

impl Message {
    fn add(&mut self, chunk: &Value) {
        for (name, value) in chunk.as_object().into_iter().flatten() {
            if name != "choices" && !value.is_null() {
                self.others.insert(name.clone(), value.clone());
            }
        }
        let Some(choice) = chunk.pointer("/choices/0") else {
            return;
        };
        if let Some(finish) = choice.get("finish_reason").filter(|one| !one.is_null()) {
            self.finish = finish.clone();
        }
        for (name, value) in choice["delta"].as_object().into_iter().flatten() {
            match value {
                Value::String(text) if name == "role" => {
                    self.text.insert(name.clone(), text.clone().into());
                }
                Value::String(text) => append(&mut self.text, name, text),
                Value::Array(calls) if name == "tool_calls" => {
                    calls.iter().for_each(|call| self.call(call));
                }
                _ => {}
            }
        }
    }

    /// A piece of a call belongs to the one with its index.
    fn call(&mut self, piece: &Value) {
        let index = piece["index"]
            .as_u64()
            .and_then(|i| usize::try_from(i).ok());
        let index = index.unwrap_or(0).min(MOST_CALLS);
        if self.calls.len() <= index {
            self.calls.resize(index + 1, Value::Null);
        }
        if !self.calls[index].is_object() {
            self.calls[index] = json!({});
        }
        let Some(call) = self.calls[index].as_object_mut() else {
            return;
        };
        for (name, value) in piece.as_object().into_iter().flatten() {
            match (name.as_str(), value) {
                ("id" | "type", Value::String(text)) => {
                    call.insert(name.clone(), text.clone().into());
                }
                (_, Value::Object(part)) => {
                    let whole = call.entry(name.clone()).or_insert_with(|| json!({}));
                    for (name, text) in part {
                        if let (Some(whole), Some(text)) = (whole.as_object_mut(), text.as_str()) {
                            append(whole, name, text);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn finish(mut self) -> Value {
        if !self.calls.is_empty() {
            self.text.insert("tool_calls".to_owned(), self.calls.into());
        }
        self.others.insert(
            "choices".to_owned(),
            json!([{ "index": 0, "message": self.text, "finish_reason": self.finish }]),
        );
        self.others.into()
    }
}

fn append(to: &mut Map<String, Value>, name: &str, text: &str) {
    match to.get_mut(name) {
        Some(Value::String(before)) => before.push_str(text),
        _ => {
            to.insert(name.to_owned(), text.into());
        }
    }
}

/// Whether a value is what it has to be. JSON inside a string is compared as JSON; nothing, null and an empty text are
/// one and the same where nothing is expected.
pub(super) fn is(expected: &Value, seen: Option<&Value>) -> bool {
    match (expected, seen) {
        (Value::Null, None | Some(Value::Null)) => true,
        (Value::Null, Some(seen)) => seen == "" || seen.as_array().is_some_and(Vec::is_empty),
        (_, None) => false,
        (Value::String(expected), Some(Value::String(seen))) => {
            let json = |text: &str| {
                let value = serde_json::from_str::<Value>(text).ok();
                value.filter(Value::is_object)
            };
            expected == seen || json(expected).is_some_and(|one| Some(one) == json(seen))
        }
        (expected, Some(seen)) => expected == seen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_make_the_same_answer_in_lines_and_in_events() {
        let chunks = [
            r#"{"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#,
            r#"{"id":"c","choices":[{"index":0,"delta":{"content":"Hel"}}]}"#,
            r#"{"id":"c","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":null}]}"#,
            r#"{"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"b","function":{"name":"g","arguments":"{"}}]}}]}"#,
            r#"{"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":""}},{"index":1,"function":{"arguments":"}"}}]}}]}"#,
            r#"{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
            r#"{"id":"c","choices":[],"usage":{"prompt_tokens":1}}"#,
        ];
        let lines = chunks.join("\n");
        let events: String = chunks
            .iter()
            .map(|chunk| format!("data: {chunk}\n\n"))
            .collect();
        for text in [lines, format!(": hello\n{events}data: [DONE]\n\n")] {
            let answer = read(&text).unwrap();
            let at = |pointer: &str| answer.pointer(pointer).unwrap();
            assert_eq!(at("/choices/0/message/content"), "Hello");
            assert_eq!(at("/choices/0/message/tool_calls/0/id"), "a");
            assert_eq!(
                at("/choices/0/message/tool_calls/1/function/arguments"),
                "{}"
            );
            assert_eq!(at("/choices/0/finish_reason"), "tool_calls");
            assert_eq!(at("/usage/prompt_tokens"), 1);
        }
    }

    #[test]
    fn calls_that_share_an_index_run_into_each_other() {
        let chunk = |id: &str| {
            format!(
                r#"{{"choices":[{{"delta":{{"tool_calls":[{{"index":0,"id":"{id}","function":{{"arguments":"{{}}"}}}}]}}}}]}}"#
            )
        };
        let answer = read(&format!("{}\n{}", chunk("a"), chunk("b"))).unwrap();
        let calls = answer.pointer("/choices/0/message/tool_calls").unwrap();
        assert_eq!(calls.as_array().unwrap().len(), 1);
        assert_eq!(calls[0]["function"]["arguments"], "{}{}");
    }

    #[test]
    fn arguments_are_compared_as_json_and_nothing_is_nothing() {
        let text = |text: &str| Value::from(text);
        assert!(is(&text(r#"{"a":1}"#), Some(&text(r#"{ "a": 1 }"#))));
        assert!(!is(&text(r#"{"a":1}"#), Some(&text(r#"{"a":2}"#))));
        assert!(!is(&text("1"), Some(&text("1.0"))));
        assert!(is(&Value::Null, None) && is(&Value::Null, Some(&text(""))));
        assert!(!is(&text("x"), None) && !is(&Value::Null, Some(&text("x"))));
        assert!(read("").is_err() && read("Traceback").is_err());
    }
}
