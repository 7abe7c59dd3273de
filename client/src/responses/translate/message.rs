//! The conversation: messages of Chat Completions as instructions and input items.

use serde_json::{Value, json};

use super::Untranslatable;
use crate::defect::{self, Defect};

/// A conversation in the words of the Responses API.
pub(super) struct Conversation {
    /// What the system says before anybody else.
    pub(super) instructions: Option<String>,
    /// All that follows.
    pub(super) input: Vec<Value>,
}

pub(super) fn translate(messages: &[Value]) -> Result<Conversation, Untranslatable> {
    let mut conversation = Conversation {
        instructions: None,
        input: Vec::new(),
    };
    for (index, message) in messages.iter().enumerate() {
        let place = format!("messages[{index}]");
        let missing = |name| Untranslatable::Missing {
            place: place.clone(),
            name,
        };
        let role = message.get("role").and_then(Value::as_str);
        let role = role.ok_or_else(|| missing("role"))?;
        let content = message.get("content").unwrap_or(&Value::Null);
        match role {
            "assistant" | "tool"
                if (role == "tool" || message.get("tool_calls").is_some())
                    && defect::active(Defect::ToolMessagesPassedOn) =>
            {
                conversation.input.push(message.clone());
            }
            "system" | "developer" => system(&mut conversation, content),
            "user" => {
                let parts = user_parts(content, &place)?;
                conversation
                    .input
                    .push(json!({ "type": "message", "role": "user", "content": parts }));
            }
            "assistant" => assistant(&mut conversation.input, message, &place)?,
            "tool" => {
                let call = message.get("tool_call_id").and_then(Value::as_str);
                conversation.input.push(json!({
                    "type": "function_call_output",
                    "call_id": call.ok_or_else(|| missing("tool_call_id"))?,
                    "output": text_of(content),
                }));
            }
            other => {
                return Err(Untranslatable::Unknown {
                    place,
                    kind: other.to_owned(),
                });
            }
        }
    }
    Ok(conversation)
}

/// What stands first becomes the instructions, all of it; later words of the system keep their place.
fn system(conversation: &mut Conversation, content: &Value) {
    let text = match content {
        Value::Array(_) if defect::active(Defect::SystemPartsLost) => String::new(),
        content => text_of(content),
    };
    if text.is_empty() {
        return;
    }
    if !conversation.input.is_empty() && !defect::active(Defect::LastSystemWins) {
        // The backend takes no system messages in the input.
        let parts = json!([{ "type": "input_text", "text": text }]);
        let item = json!({ "type": "message", "role": "developer", "content": parts });
        return conversation.input.push(item);
    }
    conversation.instructions = Some(match conversation.instructions.take() {
        Some(before) if !defect::active(Defect::LastSystemWins) => format!("{before}\n\n{text}"),
        _ => text,
    });
}

fn user_parts(content: &Value, place: &str) -> Result<Vec<Value>, Untranslatable> {
    let Some(parts) = content.as_array() else {
        return Ok(vec![
            json!({ "type": "input_text", "text": text_of(content) }),
        ]);
    };
    let mut translated = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let place = || format!("{place}.content[{index}]");
        let kind = part.get("type").and_then(Value::as_str).unwrap_or("text");
        translated.push(match kind {
            "text" => json!({ "type": "input_text", "text": text_of(part) }),
            "image_url" => image(part, place)?,
            "file" => {
                let file = part.get("file").and_then(Value::as_object);
                let mut file = file.cloned().unwrap_or_default();
                file.insert("type".to_owned(), "input_file".into());
                file.into()
            }
            kind => {
                return Err(Untranslatable::Unknown {
                    place: place(),
                    kind: kind.to_owned(),
                });
            }
        });
    }
    Ok(translated)
}

/// An address in an object there is a plain string here, with the detail beside it.
fn image(part: &Value, place: impl Fn() -> String) -> Result<Value, Untranslatable> {
    let image = &part["image_url"];
    if defect::active(Defect::ImageUrlNested) {
        return Ok(json!({ "type": "input_image", "image_url": image }));
    }
    let url = image.as_str().or_else(|| image.get("url")?.as_str());
    let url = url.ok_or_else(|| Untranslatable::Missing {
        place: place(),
        name: "image_url",
    })?;
    let detail = image.get("detail").and_then(Value::as_str);
    let detail = detail
        .filter(|_| !defect::active(Defect::ImageDetailLost))
        .unwrap_or("auto");
    Ok(json!({ "type": "input_image", "image_url": url, "detail": detail }))
}

/// One message there may be several items here: what was said, then each call.
fn assistant(input: &mut Vec<Value>, message: &Value, place: &str) -> Result<(), Untranslatable> {
    let mut parts = Vec::new();
    let text = message.get("content").map(text_of).unwrap_or_default();
    if !text.is_empty() {
        parts.push(json!({ "type": "output_text", "text": text }));
    }
    if let Some(refusal) = message.get("refusal").and_then(Value::as_str) {
        parts.push(json!({ "type": "refusal", "refusal": refusal }));
    }
    if !parts.is_empty() {
        input.push(json!({ "type": "message", "role": "assistant", "content": parts }));
    }
    let calls = message.get("tool_calls").and_then(Value::as_array);
    for (index, call) in calls.into_iter().flatten().enumerate() {
        let missing = |name| Untranslatable::Missing {
            place: format!("{place}.tool_calls[{index}]"),
            name,
        };
        let custom = call.get("type").and_then(Value::as_str) == Some("custom");
        let inner = &call[if custom { "custom" } else { "function" }];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let id = call.get("id").and_then(text).ok_or_else(|| missing("id"))?;
        let name = inner
            .get("name")
            .and_then(text)
            .ok_or_else(|| missing("name"))?;
        input.push(if custom {
            let said = inner.get("input").and_then(text).unwrap_or_default();
            json!({ "type": "custom_tool_call", "call_id": id, "name": name, "input": said })
        } else {
            let arguments = arguments(inner.get("arguments"));
            json!({ "type": "function_call", "call_id": id, "name": name, "arguments": arguments })
        });
    }
    Ok(())
}

/// Arguments are a text; some programs hold them as an object, or as nothing.
fn arguments(arguments: Option<&Value>) -> String {
    match arguments {
        None | Some(Value::Null) => "{}".to_owned(),
        Some(Value::String(text)) if text.trim().is_empty() => "{}".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// The text of a content, of a part, or of all parts one after the other.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(text_of).collect(),
        Value::Object(part) => {
            let text = part.get("text").or_else(|| part.get("refusal"));
            text.map(text_of).unwrap_or_default()
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(messages: Value) -> Conversation {
        translate(messages.as_array().unwrap()).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn the_system_speaks_first_and_keeps_its_place_later() {
        let conversation = translated(json!([
            { "role": "system", "content": "A." },
            { "role": "developer", "content": [{ "type": "text", "text": "B" }, { "type": "text", "text": "." }] },
            { "role": "user", "content": "Hi" },
            { "role": "system", "content": "C." },
        ]));
        assert_eq!(conversation.instructions.as_deref(), Some("A.\n\nB."));
        assert_eq!(conversation.input[0]["role"], "user");
        assert_eq!(conversation.input[1]["role"], "developer");
        assert_eq!(conversation.input[1]["content"][0]["text"], "C.");
    }

    #[test]
    fn a_turn_with_calls_becomes_its_items() {
        let conversation = translated(json!([
            { "role": "assistant", "content": "Wait.", "tool_calls": [
                { "id": "call_a", "type": "function", "function": { "name": "f", "arguments": "{\"x\": 1}" } },
                { "id": "call_b", "type": "function", "function": { "name": "g", "arguments": "" } },
                { "id": "call_c", "type": "function", "function": { "name": "h", "arguments": { "y": 2 } } }] },
            { "role": "tool", "tool_call_id": "call_a", "content": "one" },
            { "role": "tool", "tool_call_id": "call_b", "content": [{ "type": "text", "text": "two" }] },
        ]));
        assert_eq!(
            conversation.input,
            [
                json!({ "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "Wait." }] }),
                json!({ "type": "function_call", "call_id": "call_a", "name": "f", "arguments": "{\"x\": 1}" }),
                json!({ "type": "function_call", "call_id": "call_b", "name": "g", "arguments": "{}" }),
                json!({ "type": "function_call", "call_id": "call_c", "name": "h", "arguments": "{\"y\":2}" }),
                json!({ "type": "function_call_output", "call_id": "call_a", "output": "one" }),
                json!({ "type": "function_call_output", "call_id": "call_b", "output": "two" }),
            ]
        );
    }

    #[test]
    fn an_image_is_a_plain_address_with_its_detail() {
        let conversation = translated(json!([{ "role": "user", "content": [
            { "type": "text", "text": "What is it?" },
            { "type": "image_url", "image_url": { "url": "https://img.example/a.png", "detail": "high" } },
            { "type": "image_url", "image_url": "https://img.example/b.png" }] }]));
        let parts = &conversation.input[0]["content"];
        assert_eq!(parts[1]["image_url"], "https://img.example/a.png");
        assert_eq!(parts[1]["detail"], "high");
        assert_eq!(parts[2]["image_url"], "https://img.example/b.png");
        assert_eq!(parts[2]["detail"], "auto");
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        for (message, words) in [
            (json!({ "content": "x" }), "messages[0]: `role` is missing"),
            (
                json!({ "role": "tool", "content": "x" }),
                "messages[0]: `tool_call_id` is missing",
            ),
            (
                json!({ "role": "function", "content": "x" }),
                "messages[0]: `function` has no counterpart in a Responses request",
            ),
            (
                json!({ "role": "user", "content": [{ "type": "input_audio" }] }),
                "messages[0].content[0]: `input_audio` has no counterpart in a Responses request",
            ),
        ] {
            let error = translate(&[message]).err().unwrap();
            assert_eq!(error.to_string(), words);
        }
    }
}
