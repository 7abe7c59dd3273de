//! `POST …/v1/messages`: Claude's protocol. It says what the Responses endpoint says.

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::bearer::{self, Barred};
use super::said::{TOKENS_IN, TOKENS_OUT, pieces};
use super::{filled_json, filled_stream};
use crate::routes::ServerState;

/// A turn.
pub(crate) async fn messages(
    State(state): State<ServerState>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Err(barred) = bearer::caller(&state.authorization, &headers) {
        return refused(barred);
    }
    let Ok(request) = serde_json::from_slice::<Value>(&body) else {
        return error(
            StatusCode::BAD_REQUEST,
            "invalid_request_error",
            "The body is not valid JSON",
        );
    };
    if request["messages"].as_array().is_none_or(Vec::is_empty) {
        return error(
            StatusCode::BAD_REQUEST,
            "invalid_request_error",
            "messages: Field required",
        );
    }
    let said = pieces(&state.default_stream);
    if request["stream"] == true {
        filled_stream(stream(&said))
    } else {
        filled_json(&message(
            json!([{ "type": "text", "text": said.concat() }]),
            json!("end_turn"),
            TOKENS_OUT,
        ))
    }
}

/// `POST …/v1/messages/count_tokens`
pub(crate) async fn count_tokens(State(state): State<ServerState>, headers: HeaderMap) -> Response {
    match bearer::caller(&state.authorization, &headers) {
        Ok(()) => super::json(StatusCode::OK, &json!({ "input_tokens": TOKENS_IN })),
        Err(barred) => refused(barred),
    }
}

/// Who is not let in, in Claude's words.
pub(super) fn refused(barred: Barred) -> Response {
    let why = match barred {
        Barred::Expired => {
            "OAuth token has expired. Please obtain a new token or refresh your existing token."
        }
        Barred::Revoked => "OAuth token has been revoked. Please obtain a new token.",
        Barred::Unauthorized | Barred::OtherAccount => "Invalid authentication credentials",
    };
    error(StatusCode::UNAUTHORIZED, "authentication_error", why)
}

fn error(status: StatusCode, kind: &str, message: &str) -> Response {
    super::json(
        status,
        &json!({ "type": "error", "error": { "type": kind, "message": message } }),
    )
}

fn stream(said: &[String]) -> String {
    let start = json!({ "type": "message_start", "message": message(json!([]), Value::Null, 1) });
    let block = json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } });
    let deltas = said.iter().map(|piece| {
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": piece } })
    });
    let end = [
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn", "stop_sequence": null }, "usage": { "output_tokens": TOKENS_OUT } }),
        json!({ "type": "message_stop" }),
    ];
    [start, block]
        .into_iter()
        .chain(deltas)
        .chain(end)
        .map(|event| {
            let kind = event["type"].as_str().unwrap_or_default();
            format!("event: {kind}\ndata: {event}\n\n")
        })
        .collect()
}

fn message(content: Value, stop_reason: Value, tokens_out: u32) -> Value {
    json!({
        "id": "msg_{{response_id}}",
        "type": "message",
        "role": "assistant",
        "model": "{{model}}",
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": null,
        "usage": {
            "input_tokens": TOKENS_IN,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": tokens_out,
            "service_tier": "standard",
        },
    })
}
