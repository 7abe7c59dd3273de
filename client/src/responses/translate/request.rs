//! The request: parameters and tools of Chat Completions, each in its place in a Responses request, or left out where the
//! ChatGPT backend has none for it.

use serde_json::{Map, Value, json};

use super::message;
use crate::defect::{self, Defect};
use crate::responses::request::INSTRUCTIONS;

/// A request in the words of the Responses API.
#[derive(Clone, Debug, PartialEq)]
pub struct Translated {
    /// The body.
    pub body: Value,
    /// The model that is asked.
    pub model: String,
    /// Whether the answer was asked for in chunks.
    pub stream: bool,
    /// Whether the last of them shall hold the token counts.
    pub include_usage: bool,
    /// Parameters that were left out: the backend takes none of their kind.
    pub left_out: Vec<String>,
}

/// A request that has no counterpart, or that no server would take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untranslatable {
    /// There is no conversation in it.
    #[error("`messages` is missing or not a list")]
    NoMessages,
    /// A message, a part or a tool of a kind that Responses do not know.
    #[error("{place}: `{kind}` has no counterpart in a Responses request")]
    Unknown {
        /// Where.
        place: String,
        /// Of which kind.
        kind: String,
    },
    /// Something that has to be there is not.
    #[error("{place}: `{name}` is missing")]
    Missing {
        /// Where.
        place: String,
        /// What.
        name: &'static str,
    },
    /// More than one answer cannot be had.
    #[error("`n` is {0}: a response is one answer")]
    SeveralAnswers(u64),
}

/// Parameters that stay as they are.
const SAME: [&str; 2] = ["parallel_tool_calls", "prompt_cache_key"];
/// Parameters that are dealt with by name.
const KNOWN: [&str; 12] = [
    "model",
    "messages",
    "tools",
    "tool_choice",
    "response_format",
    "reasoning_effort",
    "verbosity",
    "service_tier",
    "stream",
    "stream_options",
    "n",
    "store",
];

/// Translates a Chat Completions request. `model` is asked when it names none.
///
/// # Errors
/// [`Untranslatable`]: what cannot be said is not left out of a conversation.
pub fn request(chat: &Value, model: &str) -> Result<Translated, Untranslatable> {
    let messages = chat.get("messages").and_then(Value::as_array);
    let conversation = message::translate(messages.ok_or(Untranslatable::NoMessages)?)?;
    if let Some(n) = chat.get("n").and_then(Value::as_u64).filter(|n| *n != 1) {
        return Err(Untranslatable::SeveralAnswers(n));
    }
    let model = chat.get("model").and_then(Value::as_str).unwrap_or(model);
    let mut body = json!({
        "model": model,
        // The backend refuses a request without.
        "instructions": conversation.instructions.unwrap_or_else(|| INSTRUCTIONS.to_owned()),
        "input": conversation.input,
        "parallel_tool_calls": true,
        "stream": true,
        "store": false,
        "include": ["reasoning.encrypted_content"],
    });
    for name in SAME {
        if let Some(value) = chat.get(name).filter(|value| !value.is_null()) {
            body[name] = value.clone();
        }
    }
    if let Some(tools) = chat.get("tools").and_then(Value::as_array) {
        body["tools"] = tools
            .iter()
            .enumerate()
            .map(tool)
            .collect::<Result<_, _>>()?;
    }
    if let Some(choice) = chat.get("tool_choice").filter(|choice| !choice.is_null()) {
        body["tool_choice"] = tool_choice(choice);
    }
    if let Some(effort) = chat.get("reasoning_effort").filter(|v| v.is_string()) {
        body["reasoning"] = json!({ "effort": effort });
    }
    let text = text(chat);
    if !text.is_empty() {
        body["text"] = text.into();
    }
    // Other tiers are the ordinary one, which has no name there.
    if let Some(tier @ ("priority" | "flex")) = chat.get("service_tier").and_then(Value::as_str) {
        body["service_tier"] = tier.into();
    }
    let others = chat.as_object().into_iter().flatten();
    let others = others.filter(|(name, value)| {
        !(value.is_null() || KNOWN.contains(&name.as_str()) || SAME.contains(&name.as_str()))
    });
    let mut left_out = Vec::new();
    for (name, value) in others {
        if defect::active(Defect::ParametersPassedOn) {
            body[name] = value.clone();
        }
        left_out.push(name.clone());
    }
    let flag = |pointer: &str| chat.pointer(pointer).and_then(Value::as_bool) == Some(true);
    Ok(Translated {
        body,
        model: model.to_owned(),
        stream: flag("/stream"),
        include_usage: flag("/stream_options/include_usage"),
        left_out,
    })
}

/// What stands below `function` there stands beside the type here.
fn tool((index, tool): (usize, &Value)) -> Result<Value, Untranslatable> {
    let place = || format!("tools[{index}]");
    let kind = tool
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or("function");
    if !matches!(kind, "function" | "custom") {
        let kind = kind.to_owned();
        return Err(Untranslatable::Unknown {
            place: place(),
            kind,
        });
    }
    let missing = |name| Untranslatable::Missing {
        place: place(),
        name,
    };
    let inner = tool.get(kind).and_then(Value::as_object);
    let mut flat = inner.ok_or_else(|| missing("function"))?.clone();
    if !flat.get("name").is_some_and(Value::is_string) {
        return Err(missing("name"));
    }
    flat.insert("type".to_owned(), kind.into());
    if kind == "function" {
        flat.entry("parameters")
            .or_insert_with(|| json!({ "type": "object", "properties": {} }));
        // Left out, it is false there and true here.
        let strict = flat.get("strict").and_then(Value::as_bool);
        if strict.is_some() || !defect::active(Defect::StrictLeftOut) {
            flat.insert("strict".to_owned(), strict.unwrap_or(false).into());
        }
    }
    Ok(flat.into())
}

fn tool_choice(choice: &Value) -> Value {
    let kind = choice.get("type").and_then(Value::as_str);
    let name = kind.and_then(|kind| choice.get(kind)?.get("name"));
    match (kind, name) {
        (Some(kind), Some(name)) if !defect::active(Defect::ToolChoiceNested) => {
            json!({ "type": kind, "name": name })
        }
        _ => choice.clone(),
    }
}

/// The form of the answer's text.
fn text(chat: &Value) -> Map<String, Value> {
    let mut text = Map::new();
    if let Some(verbosity) = chat.get("verbosity").filter(|v| v.is_string()) {
        text.insert("verbosity".to_owned(), verbosity.clone());
    }
    let format = chat.get("response_format");
    let format = match format
        .and_then(|format| format.get("type"))
        .and_then(Value::as_str)
    {
        _ if defect::active(Defect::ResponseFormatLost) => None,
        Some("json_schema") => {
            let schema = format.and_then(|format| format.get("json_schema"));
            let mut flat = schema
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default();
            flat.insert("type".to_owned(), "json_schema".into());
            Some(Value::from(flat))
        }
        Some("json_object") => Some(json!({ "type": "json_object" })),
        _ => None,
    };
    text.extend(format.map(|format| ("format".to_owned(), format)));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(rest: Value) -> Translated {
        let mut chat = json!({ "messages": [{ "role": "user", "content": "Hi" }] });
        if let (Some(chat), Some(rest)) = (chat.as_object_mut(), rest.as_object()) {
            chat.extend(rest.clone());
        }
        request(&chat, "m").unwrap()
    }

    #[test]
    fn tools_and_their_choice_are_flat() {
        let body = translated(json!({
            "tools": [{ "type": "function", "function": { "name": "f" } },
                { "type": "function", "function": { "name": "g", "strict": true, "parameters": { "type": "object" } } }],
            "tool_choice": { "type": "function", "function": { "name": "f" } },
        }))
        .body;
        assert_eq!(
            body["tools"],
            json!([
                { "type": "function", "name": "f", "strict": false, "parameters": { "type": "object", "properties": {} } },
                { "type": "function", "name": "g", "strict": true, "parameters": { "type": "object" } },
            ])
        );
        assert_eq!(
            body["tool_choice"],
            json!({ "type": "function", "name": "f" })
        );
        let auto = translated(json!({ "tool_choice": "auto" })).body;
        assert_eq!(auto["tool_choice"], "auto");
    }

    #[test]
    fn the_form_of_the_answer_moves_below_text() {
        let schema = json!({ "name": "city", "strict": true, "schema": { "type": "object" } });
        let body = translated(json!({
            "response_format": { "type": "json_schema", "json_schema": schema },
            "reasoning_effort": "low", "verbosity": "high",
        }))
        .body;
        assert_eq!(
            body["text"]["format"],
            json!({ "type": "json_schema", "name": "city", "strict": true, "schema": { "type": "object" } })
        );
        assert_eq!(body["text"]["verbosity"], "high");
        assert_eq!(body["reasoning"]["effort"], "low");
    }

    #[test]
    fn what_the_backend_refuses_is_left_out_and_told() {
        let mut asked = translated(json!({
            "max_tokens": 5, "temperature": 0, "stop": ["x"], "seed": 7, "user": null,
            "stream": true, "stream_options": { "include_usage": true }, "service_tier": "auto",
        }));
        // In the order of the request, which JSON objects need not keep.
        asked.left_out.sort();
        assert_eq!(
            asked.left_out,
            ["max_tokens", "seed", "stop", "temperature"]
        );
        for name in [
            "max_tokens",
            "max_output_tokens",
            "stream_options",
            "service_tier",
        ] {
            assert!(asked.body.get(name).is_none(), "{name}");
        }
        assert!(asked.stream && asked.include_usage);
        assert_eq!(asked.body["store"], false);
    }

    #[test]
    fn what_cannot_be_said_is_refused() {
        for (chat, words) in [
            (json!({}), "`messages` is missing or not a list"),
            (
                json!({ "messages": [], "n": 2 }),
                "`n` is 2: a response is one answer",
            ),
            (
                json!({ "messages": [], "tools": [{ "type": "retrieval" }] }),
                "tools[0]: `retrieval` has no counterpart in a Responses request",
            ),
            (
                json!({ "messages": [], "tools": [{ "type": "function", "function": {} }] }),
                "tools[0]: `name` is missing",
            ),
        ] {
            assert_eq!(request(&chat, "m").unwrap_err().to_string(), words);
        }
    }
}
