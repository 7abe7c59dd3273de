//! Device authorization requests (RFC 8628 §3.1) of every provider that has the device grant.

use std::time::SystemTime;

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};

use super::answer::{answered, refused};
use super::body::Parameters;
use super::origin::ClientOrigin;
use crate::authorization::AuthorizationServer;
use crate::authorization::profile::Profile;
use crate::authorization::refusal::Refusal;
use crate::authorization::state::DeviceAsk;

/// Starts a sign-in.
pub(crate) async fn authorize(
    profile: &'static Profile,
    State(server): State<AuthorizationServer>,
    ClientOrigin(origin): ClientOrigin,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match start(profile, &server, &origin, &headers, &body) {
        Ok(started) => answered(profile, &headers, 200, &started),
        Err(refusal) => refused(profile, &headers, &refusal),
    }
}

fn start(
    profile: &'static Profile,
    server: &AuthorizationServer,
    origin: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Value, Refusal> {
    let rules = profile.device.as_ref().ok_or(Refusal::Client)?;
    let parameters = Parameters::of(profile, headers, body)?;
    let issuer = format!("{origin}{}", profile.issuer);
    let ask = DeviceAsk {
        profile,
        // RFC 8628 §3.1: a public client names itself.
        client_id: parameters.required("client_id")?,
        scope: parameters.optional("scope")?,
        code_challenge: parameters.optional("code_challenge")?,
        code_challenge_method: parameters.optional("code_challenge_method")?,
        issuer: &issuer,
    };
    let started = server.lock().start_device(&ask, SystemTime::now())?;
    let page = format!("{origin}{}", rules.page);
    // RFC 8628 §3.2
    let mut answer = json!({
        "device_code": started.device_code,
        "user_code": started.user_code,
        "verification_uri": page,
        "expires_in": started.expires_in,
        "interval": started.interval,
    });
    if rules.complete {
        // RFC 8628 §3.3.1
        answer["verification_uri_complete"] =
            json!(format!("{page}?user_code={}", started.user_code));
    }
    Ok(answer)
}
