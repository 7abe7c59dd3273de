//! `POST /api/accounts/deviceauth/usercode` and `…/token`: a device starts a sign-in and asks how it goes (oauth.md §1).

use std::time::SystemTime;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::HeaderMap;
use serde_json::json;

use super::body::Parameters;
use super::private_json;
use crate::authorization::AuthorizationServer;

/// Starts a sign-in.
pub(crate) async fn usercode(
    State(server): State<AuthorizationServer>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let started = Parameters::read_json(&headers, &body).and_then(|parameters| {
        server
            .lock()
            .start_sign_in(parameters.required("client_id")?, SystemTime::now())
    });
    match started {
        Ok(started) => private_json(
            200,
            &json!({
                "device_auth_id": started.device_auth_id,
                "user_code": started.user_code,
                "interval": started.interval,
                // The vendor sends more than clients read; they must not mind.
                "expires_at": jiff::Timestamp::try_from(started.expires_at).map(|at| at.to_string()).ok(),
            }),
        ),
        Err(refusal) => refusal.into_response(),
    }
}

/// Says how a sign-in goes. The poll that finds it approved takes the authorization code away.
pub(crate) async fn poll(
    State(server): State<AuthorizationServer>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let polled = Parameters::read_json(&headers, &body).and_then(|parameters| {
        let device_auth_id = parameters.required("device_auth_id")?;
        let user_code = parameters.required("user_code")?;
        server
            .lock()
            .poll(device_auth_id, user_code, SystemTime::now())
    });
    match polled {
        Ok(approval) => private_json(
            200,
            &json!({
                "authorization_code": approval.authorization_code,
                "code_challenge": approval.pkce.challenge,
                "code_verifier": approval.pkce.verifier,
            }),
        ),
        Err(refusal) => refusal.into_response(),
    }
}
