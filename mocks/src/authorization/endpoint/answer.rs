//! Answers in the words of a provider.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value;

use super::private_json;
use crate::authorization::profile::{Answers, Profile};
use crate::authorization::refusal::Refusal;

/// An answer that nobody may keep.
pub(super) fn answered(
    profile: &Profile,
    headers: &HeaderMap,
    status: u16,
    body: &Value,
) -> Response {
    match profile.answers {
        Answers::JsonOnRequest if !asks_for_json(headers) => private_form(status, body),
        _ => private_json(status, body),
    }
}

/// A refusal.
pub(super) fn refused(profile: &Profile, headers: &HeaderMap, refusal: &Refusal) -> Response {
    let said = (profile.refuse)(refusal);
    let mut response = answered(profile, headers, said.status, &said.body);
    // RFC 6749 §5.2: a client that tried to authenticate by header is told how it could.
    if said.status == 401 && headers.contains_key(header::AUTHORIZATION) {
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
    }
    response
}

fn asks_for_json(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.to_ascii_lowercase().contains("json"))
}

fn private_form(status: u16, body: &Value) -> Response {
    let fields: Vec<(&String, String)> = body
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            (name, text)
        })
        .collect();
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers: [(HeaderName, &str); 2] = [
        (
            header::CONTENT_TYPE,
            "application/x-www-form-urlencoded; charset=utf-8",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let text = serde_urlencoded::to_string(fields).unwrap_or_default();
    (status, headers, text).into_response()
}
