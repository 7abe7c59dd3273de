//! The backend that programs talk to once they are signed in: Responses, models, accounts, usage.

pub(crate) mod account;
mod bearer;
pub(crate) mod github;
pub(crate) mod models;
pub mod request_rules;
pub(crate) mod responses;

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::Value;

/// The `etag` of the list of models, which answers of the Responses endpoint repeat.
const MODELS_ETAG: &str = "\"loginproof-models-1\"";

fn json(status: StatusCode, body: &Value) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response()
}
