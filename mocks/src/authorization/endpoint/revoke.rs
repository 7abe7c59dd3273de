//! `POST /oauth/revoke`: a token is given up (RFC 7009; the vendor's client sends JSON).

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, header};
use serde_json::json;

use super::answer::refused;
use super::body::Parameters;
use super::private_json;
use crate::authorization::profile::Profile;
use crate::authorization::profile::strict::STRICT;
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

/// Revocation at a provider that follows RFC 7009 to the letter: a form, the client's own tokens, an empty answer.
pub(crate) async fn standard(
    profile: &'static Profile,
    State(server): State<AuthorizationServer>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let given_up = Parameters::of(profile, &headers, &body).and_then(|parameters| {
        // RFC 7009 §2.1: a public client names itself, and an unknown hint is ignored.
        let client_id = if *profile == STRICT {
            Some(parameters.required("client_id")?)
        } else {
            parameters.optional("client_id")?
        };
        let token = parameters.required("token")?;
        server.lock().revoke_of(profile, client_id, token)
    });
    match given_up {
        // RFC 7009 §2.2: the body is of no meaning.
        Ok(()) => ([(header::CACHE_CONTROL, "no-store")], "").into_response(),
        Err(refusal) => refused(profile, &headers, &refusal),
    }
}
