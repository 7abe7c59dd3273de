//! `POST …/chat/completions`: the older protocol, which programs fall back to. It says what the Responses endpoint says.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::said::{TOKENS_IN, TOKENS_OUT, pieces};
use super::{bearer, filled_json, filled_stream};
use crate::routes::ServerState;

/// A turn.
pub(crate) fn completions(state: &ServerState, headers: &HeaderMap, body: &[u8]) -> Response {
    if let Err(barred) = bearer::caller(&state.authorization, headers) {
        return barred.into_response();
    }
    let request: Value = match serde_json::from_slice(body) {
        Ok(request) => request,
        Err(error) => return invalid(&format!("The body is not valid JSON: {error}"), None),
    };
    if !request["model"].is_string() {
        return invalid("you must provide a model parameter", Some("model"));
    }
    if request["messages"].as_array().is_none_or(Vec::is_empty) {
        return invalid("Missing required parameter: 'messages'.", Some("messages"));
    }
    let said = pieces(&state.default_stream);
    if request["stream"] == true {
        filled_stream(stream(
            &said,
            request["stream_options"]["include_usage"] == true,
        ))
    } else {
        let choice = json!({
            "index": 0,
            "message": { "role": "assistant", "content": said.concat(), "refusal": null },
            "logprobs": null,
            "finish_reason": "stop",
        });
        filled_json(&envelope("chat.completion", json!([choice]), Some(usage())))
    }
}

fn stream(said: &[String], with_usage: bool) -> String {
    // With usage asked for, every chunk has the member, and all but the last have null in it.
    let absent = with_usage.then_some(Value::Null);
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({
            "index": 0,
            "delta": delta,
            "logprobs": null,
            "finish_reason": finish,
        });
        envelope("chat.completion.chunk", json!([choice]), absent.clone())
    };
    let mut chunks = vec![chunk(
        json!({ "role": "assistant", "content": "", "refusal": null }),
        Value::Null,
    )];
    chunks.extend(
        said.iter()
            .map(|piece| chunk(json!({ "content": piece }), Value::Null)),
    );
    chunks.push(chunk(json!({}), json!("stop")));
    if with_usage {
        chunks.push(envelope("chat.completion.chunk", json!([]), Some(usage())));
    }
    let events = chunks.iter().map(|chunk| format!("data: {chunk}\n\n"));
    events.chain(["data: [DONE]\n\n".to_owned()]).collect()
}

fn envelope(object: &str, choices: Value, usage: Option<Value>) -> Value {
    let mut envelope = json!({
        "id": "chatcmpl-{{response_id}}",
        "object": object,
        "created": 1_770_000_000,
        "model": "{{model}}",
        "service_tier": "default",
        "system_fingerprint": null,
        "choices": choices,
    });
    if let Some(usage) = usage {
        envelope["usage"] = usage;
    }
    envelope
}

fn usage() -> Value {
    json!({
        "prompt_tokens": TOKENS_IN,
        "completion_tokens": TOKENS_OUT,
        "total_tokens": TOKENS_IN + TOKENS_OUT,
        "prompt_tokens_details": { "cached_tokens": 0 },
        "completion_tokens_details": { "reasoning_tokens": 0 },
    })
}

fn invalid(message: &str, param: Option<&str>) -> Response {
    let error = json!({
        "message": message,
        "type": "invalid_request_error",
        "param": param,
        "code": null,
    });
    super::json(StatusCode::BAD_REQUEST, &json!({ "error": error }))
}
