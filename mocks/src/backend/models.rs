//! `GET …/models`: an empty list, on which programs fall back to the models they know.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::{MODELS_ETAG, bearer};
use crate::authorization::AuthorizationServer;

/// The list as the ChatGPT backend has it.
pub(crate) async fn chatgpt(
    State(authorization): State<AuthorizationServer>,
    headers: HeaderMap,
) -> Response {
    match bearer::account(&authorization, &headers) {
        Ok(_) => list(&headers, &json!({ "models": [] })),
        Err(barred) => barred.into_response(),
    }
}

/// The list of the public API, which programs with another base URL ask; with both shapes, each reads its own.
pub(crate) async fn public(
    State(authorization): State<AuthorizationServer>,
    headers: HeaderMap,
) -> Response {
    match bearer::caller(&authorization, &headers) {
        Ok(()) => list(
            &headers,
            &json!({ "object": "list", "data": [], "models": [] }),
        ),
        Err(barred) => barred.into_response(),
    }
}

fn list(headers: &HeaderMap, body: &Value) -> Response {
    // RFC 9110 §13.1.2: who has the list already is told so.
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|etag| etag == MODELS_ETAG);
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        super::json(StatusCode::OK, body)
    };
    response
        .headers_mut()
        .insert(header::ETAG, HeaderValue::from_static(MODELS_ETAG));
    response
}
