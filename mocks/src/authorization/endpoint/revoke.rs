//! `POST /oauth/revoke`: a token is given up (RFC 7009; the vendor's client sends JSON).

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::HeaderMap;
use serde_json::json;

use super::body::Parameters;
use super::private_json;
use crate::authorization::refusal::Refusal;
use crate::authorization::{AuthorizationServer, CLIENT_ID};

/// Revokes a token of either kind.
pub(crate) async fn revoke(
    State(server): State<AuthorizationServer>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match Parameters::read(&headers, &body).and_then(|parameters| give_up(&server, &parameters)) {
        // RFC 7009 §2.2: a token that nobody knows is as gone as it can be.
        Ok(()) => private_json(200, &json!({})),
        Err(refusal) => refusal.into_response(),
    }
}

fn give_up(server: &AuthorizationServer, parameters: &Parameters) -> Result<(), Refusal> {
    let token = parameters.required("token")?;
    // RFC 7009 §2.1: another client's token is not revoked. The vendor's client names itself only for refresh tokens.
    if parameters
        .optional("client_id")?
        .is_some_and(|client| client != CLIENT_ID)
    {
        return Err(Refusal::Client);
    }
    // token_type_hint is only a hint: all tokens are searched whatever it says.
    server.lock().revoke(token);
    Ok(())
}
