//! Chat Completions in the clothes of Responses: the same conversation out, the answer back in.

use serde_json::{Value, json};

use super::classify_answer;
use super::item::{CallKind, Content, FunctionCall, Item, Phase};
use super::request::{INSTRUCTIONS, Input, echo_parameters};
use super::response::{IncompleteReason, Outcome, Response, Usage};
use super::{ECHO_TOOL, failure_of_response};
use crate::answer::Answer;
use crate::error_body::integer;
use crate::failure::{Class, Failure};
use crate::redact::Redactor;

/// The body of a Chat Completions request for this conversation, unstreamed.
///
/// ```
/// use loginproof_client::responses::{Input, chat};
/// let body = chat::body("m", &Input::prompt("Say hello."));
/// assert!(body.contains(r#"{"role":"user","content":"Say hello."}"#));
/// ```
pub fn body(model: &str, input: &Input) -> String {
    let mut messages = vec![json!({ "role": "system", "content": INSTRUCTIONS })];
    for item in input.items() {
        let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
        match text("type") {
            "message" if text("role") == "assistant" => push_answer(&mut messages, joined(item)),
            "message" => messages.push(json!({ "role": text("role"), "content": joined(item) })),
            kind @ ("function_call" | "custom_tool_call") => {
                let custom = kind == "custom_tool_call";
                let arguments = if custom {
                    text("input")
                } else {
                    text("arguments")
                };
                // A custom tool has no counterpart there: its text goes as an argument.
                let arguments = match (custom, arguments) {
                    (true, text) => json!({ "input": text }).to_string(),
                    (false, "") => "{}".to_owned(),
                    (false, text) => text.to_owned(),
                };
                let call = json!({
                    "id": text("call_id"), "type": "function",
                    "function": { "name": text("name"), "arguments": arguments },
                });
                push_call(&mut messages, call);
            }
            "function_call_output" | "custom_tool_call_output" => {
                let (id, output) = (text("call_id"), text("output"));
                messages.push(json!({ "role": "tool", "tool_call_id": id, "content": output }));
            }
            // Reasoning is sealed for the server that made it.
            _ => {}
        }
    }
    json!({
        "model": model,
        "messages": messages,
        "tools": [{
            "type": "function",
            "function": {
                "name": ECHO_TOOL, "description": "Returns its text unchanged.", "parameters": echo_parameters(),
            },
        }],
        "tool_choice": "auto",
        "stream": false,
    })
    .to_string()
}

/// Reads the answer as a response.
///
/// # Errors
/// A refusal by its class; [`Class::Unreadable`] when there is no choice in it. A failure never becomes an empty answer.
pub fn read(answer: &Answer, redactor: &Redactor) -> Result<Response, Failure> {
    if !answer.is_success() || answer.is_html() {
        return Err(classify_answer(answer, redactor));
    }
    let json = answer.json().unwrap_or_default();
    if json.get("error").is_some_and(|error| !error.is_null()) {
        return Err(failure_of_response(
            &json,
            redactor,
            std::time::SystemTime::now(),
        ));
    }
    let unreadable = |why: &str| Failure {
        status: Some(answer.status),
        request_id: answer.request_id(),
        ..Failure::local(Class::Unreadable, why)
    };
    let choice = json.pointer("/choices/0");
    let choice = choice.ok_or_else(|| unreadable("the answer holds no choice"))?;
    let message = choice.get("message").unwrap_or(&Value::Null);
    let text = |name: &str| {
        let text = message.get(name).and_then(Value::as_str);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let mut items = Vec::new();
    let content: Vec<Content> = text("content")
        .map(Content::Text)
        .into_iter()
        .chain(text("refusal").map(Content::Refusal))
        .collect();
    if !content.is_empty() {
        let phase = Phase::Unknown;
        items.push(Item::Message { content, phase });
    }
    let calls = message.get("tool_calls").and_then(Value::as_array);
    items.extend(calls.into_iter().flatten().filter_map(call));
    let outcome = match choice.get("finish_reason").and_then(Value::as_str) {
        Some("length") => Outcome::Incomplete(IncompleteReason::MaxOutputTokens),
        Some("content_filter") => Outcome::Incomplete(IncompleteReason::ContentFilter),
        _ if items.is_empty() => return Err(unreadable("the answer is empty")),
        _ => Outcome::Completed,
    };
    Ok(Response {
        id: json.get("id").and_then(Value::as_str).map(str::to_owned),
        outcome,
        items,
        usage: usage(&json),
        facts: Vec::new(),
    })
}

/// What the model says in one turn stands in one message, calls and all: their outputs must follow at once.
fn push_answer(messages: &mut Vec<Value>, text: String) {
    if let Some(last) = messages.last_mut().filter(|m| m["role"] == "assistant") {
        let before = last["content"]
            .as_str()
            .map(|before| format!("{before}\n{text}"));
        last["content"] = before.unwrap_or(text).into();
        return;
    }
    messages.push(json!({ "role": "assistant", "content": text }));
}

/// Calls of one turn stand in one message, after its text if there is any.
fn push_call(messages: &mut Vec<Value>, call: Value) {
    if let Some(last) = messages.last_mut().filter(|m| m["role"] == "assistant") {
        match last.get_mut("tool_calls").and_then(Value::as_array_mut) {
            Some(calls) => calls.push(call),
            None => last["tool_calls"] = json!([call]),
        }
        return;
    }
    messages.push(json!({ "role": "assistant", "content": null, "tool_calls": [call] }));
}

fn joined(message: &Value) -> String {
    let parts = message.get("content").and_then(Value::as_array);
    let text = |part: &Value| {
        let text = part.get("text").or_else(|| part.get("refusal"));
        text.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    parts.into_iter().flatten().map(text).collect()
}

fn call(call: &Value) -> Option<Item> {
    let text = |path: &str| call.pointer(path).and_then(Value::as_str);
    Some(Item::Call(FunctionCall {
        kind: CallKind::Function,
        call_id: text("/id")?.to_owned(),
        name: text("/function/name")?.to_owned(),
        arguments: match text("/function/arguments") {
            None | Some("") => "{}".to_owned(),
            Some(arguments) => arguments.to_owned(),
        },
    }))
}

fn usage(answer: &Value) -> Usage {
    let count = |path: &str| answer.pointer(path).and_then(integer);
    Usage {
        input: count("/usage/prompt_tokens"),
        cached: count("/usage/prompt_tokens_details/cached_tokens"),
        output: count("/usage/completion_tokens"),
        reasoning: count("/usage/completion_tokens_details/reasoning_tokens"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::responses::run_tool;

    fn read_from(status: u16, body: &str) -> Result<Response, Failure> {
        read(&Answer::new(status, body), &Redactor::default())
    }

    #[test]
    fn a_turn_with_calls_keeps_its_order_and_its_pairs() {
        let body_of_calls = r#"{"choices":[{"finish_reason":"tool_calls","message":{"content":"wait","tool_calls":[
            {"id":"call_a","type":"function","function":{"name":"echo","arguments":"{\"text\":\"x\"}"}},
            {"id":"call_b","type":"function","function":{"name":"other","arguments":""}}]}}]}"#;
        let response = read_from(200, body_of_calls).unwrap();
        let mut input = Input::prompt("p");
        input.extend(&response, run_tool);
        let sent: Value = serde_json::from_str(&body("m", &input)).unwrap();
        let roles: Vec<_> = sent["messages"].as_array().unwrap().iter().collect();
        let roles: Vec<_> = roles.iter().map(|m| m["role"].as_str().unwrap()).collect();
        assert_eq!(roles, ["system", "user", "assistant", "tool", "tool"]);
        let calls = &sent["messages"][2];
        assert_eq!(calls["content"], "wait");
        assert_eq!(calls["tool_calls"][1]["id"], "call_b");
        assert_eq!(calls["tool_calls"][1]["function"]["arguments"], "{}");
        assert_eq!(sent["messages"][3]["tool_call_id"], "call_a");
        assert_eq!(sent["messages"][3]["content"], "x");
        assert_eq!(sent["messages"][4]["content"], "unsupported call: other");
    }

    #[test]
    fn an_answer_keeps_its_text_its_end_and_its_counts() {
        let response = read_from(
            200,
            r#"{"id":"chatcmpl-1","choices":[{"finish_reason":"stop","message":{"content":"Hi","refusal":null}}],
            "usage":{"prompt_tokens":3,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":1}}}"#,
        )
        .unwrap();
        assert_eq!(response.text(), "Hi");
        assert_eq!(response.outcome, Outcome::Completed);
        assert_eq!(
            (response.usage.input, response.usage.cached),
            (Some(3), Some(1))
        );
        let cut = r#"{"choices":[{"finish_reason":"length","message":{"content":"H"}}]}"#;
        assert_eq!(
            read_from(200, cut).unwrap().outcome,
            Outcome::Incomplete(IncompleteReason::MaxOutputTokens)
        );
    }

    #[test]
    fn a_failure_never_becomes_an_empty_answer() {
        for body in [
            "",
            "{}",
            r#"{"choices":[]}"#,
            r#"{"choices":[{"finish_reason":"stop","message":{"content":""}}]}"#,
            r#"{"choices":[{"finish_reason":"stop","message":null}]}"#,
            r#"{"error":{"code":"insufficient_quota","message":"no"}}"#,
        ] {
            assert!(read_from(200, body).is_err(), "{body}");
        }
        let quota = read_from(429, r#"{"error":{"code":"insufficient_quota"}}"#).unwrap_err();
        assert_eq!(quota.class, Class::Quota);
    }
}
