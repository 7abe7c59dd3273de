//! `POST …/responses`: who asks, whether the request is one the vendor would take, and the stream.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

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

/// `GET` of the same path: a WebSocket, where the script has one. Else programs go on with `POST` when it is refused so.
pub(crate) async fn upgrade(State(state): State<ServerState>, headers: HeaderMap) -> Response {
    if state.websocket {
        return match bearer::account(&state.authorization, &headers) {
            Ok(_) => switch(&headers),
            Err(barred) => barred.into_response(),
        };
    }
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

/// RFC 6455 §4.2: the handshake. No extension is taken up, compression least of all.
fn switch(headers: &HeaderMap) -> Response {
    let header = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if header(header::SEC_WEBSOCKET_VERSION) != Some("13") {
        let version = [(header::SEC_WEBSOCKET_VERSION, "13")];
        return (StatusCode::UPGRADE_REQUIRED, version).into_response();
    }
    let key = header(header::SEC_WEBSOCKET_KEY).unwrap_or_default();
    if STANDARD.decode(key).map_or(0, |nonce| nonce.len()) != 16 {
        let why = json!({ "detail": "Sec-WebSocket-Key is not 16 bytes in base64" });
        return super::json(StatusCode::BAD_REQUEST, &why);
    }
    let accept = derive_accept_key(key.as_bytes());
    let headers = [
        (header::UPGRADE, "websocket"),
        (header::CONNECTION, "Upgrade"),
        (header::SEC_WEBSOCKET_ACCEPT, accept.as_str()),
        (HeaderName::from_static("x-models-etag"), MODELS_ETAG),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
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
