//! The backends that programs talk to once they are signed in: Responses, Chat Completions, Messages, Code Assist,
//! models, accounts, usage.

pub(crate) mod account;
mod bearer;
pub(crate) mod chat;
pub(crate) mod claude;
pub(crate) mod github;
pub(crate) mod google;
pub(crate) mod messages;
pub(crate) mod models;
pub mod request_rules;
pub(crate) mod responses;
mod said;

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::Value;

use crate::routes::DefaultStream;

/// The `etag` of the list of models, which answers of the Responses endpoint repeat.
const MODELS_ETAG: &str = "\"loginproof-models-1\"";

/// A JSON answer whose placeholders are filled in by whoever sends it.
fn filled_json(body: &Value) -> Response {
    filled(json(StatusCode::OK, body))
}

/// An event stream whose placeholders are filled in by whoever sends it.
fn filled_stream(body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    filled((headers, body).into_response())
}

fn filled(mut response: Response) -> Response {
    response.extensions_mut().insert(DefaultStream);
    response
}

fn json(status: StatusCode, body: &Value) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response()
}
