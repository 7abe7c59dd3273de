//! `POST …/responses`: who asks, whether the request is one the vendor would take, and the stream.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::MODELS_ETAG;
use super::bearer;
use super::request_rules::{self, Profile};
use crate::routes::{DefaultStream, ServerState};

/// A turn at the ChatGPT backend.
pub(crate) async fn chatgpt(
    State(state): State<ServerState>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    turn(&state, &headers, &body, Profile::ChatGpt)
}

/// A turn at the public API.
pub(crate) async fn public(
    State(state): State<ServerState>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    turn(&state, &headers, &body, Profile::PublicApi)
}

/// `GET` of the same path: programs try a WebSocket first, and go on with `POST` when it is refused so.
pub(crate) async fn upgrade() -> Response {
    // RFC 9110 §15.5.22: the answer names a protocol that would do.
    let headers = [
        (header::UPGRADE, "HTTP/1.1"),
        (header::CONNECTION, "Upgrade"),
        (header::CONTENT_TYPE, "application/json"),
    ];
    (
        StatusCode::UPGRADE_REQUIRED,
        headers,
        json!({"detail": "Upgrade Required"}).to_string(),
    )
        .into_response()
}

fn turn(state: &ServerState, headers: &HeaderMap, body: &[u8], profile: Profile) -> Response {
    if let Err(barred) = bearer::account(&state.authorization, headers) {
        return barred.into_response();
    }
    let request = match read(headers, body) {
        Ok(request) => request,
        Err(why) => return super::json(StatusCode::BAD_REQUEST, &profile.unreadable(&why)),
    };
    if let Err(rejection) = request_rules::check(profile, &request) {
        return super::json(StatusCode::BAD_REQUEST, rejection.body());
    }
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/event-stream; charset=utf-8"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    let mut response = (headers, state.default_stream.clone()).into_response();
    response
        .headers_mut()
        .insert("x-models-etag", HeaderValue::from_static(MODELS_ETAG));
    // A program that reads another model here than it asked for warns of a reroute (responses.md §3).
    if let Some(model) = request["model"]
        .as_str()
        .and_then(|model| HeaderValue::from_str(model).ok())
    {
        response.headers_mut().insert("openai-model", model);
    }
    response.extensions_mut().insert(DefaultStream);
    response
}

fn read(headers: &HeaderMap, body: &[u8]) -> Result<Value, String> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if !kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .eq_ignore_ascii_case("application/json")
    {
        return Err(format!("Unsupported content type: '{kind}'"));
    }
    serde_json::from_slice(body)
        .map_err(|error| format!("The body of the request is not valid JSON: {error}"))
}
