//! HTTP around the authorization server: one file per endpoint.

mod answer;
pub(crate) mod authorize;
mod body;
pub(crate) mod device;
pub(crate) mod device_grant;
pub(crate) mod metadata;
pub(crate) mod origin;
pub(crate) mod page;
pub(crate) mod revoke;
pub(crate) mod token;

use axum::response::{IntoResponse, Response};
use http::{HeaderName, StatusCode, header};
use serde_json::Value;

use super::refusal::Refusal;

/// A JSON answer that nobody may keep.
fn private_json(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    // RFC 6749 §5.1: both fields on every answer that holds tokens. Refusals get them too.
    let headers: [(HeaderName, &str); 3] = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
        (header::PRAGMA, "no-cache"),
    ];
    (status, headers, body.to_string()).into_response()
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        private_json(self.status(), &self.body())
    }
}
