//! `POST /oauth/token`: codes and refresh tokens become pairs (oauth.md §1.4 and §2).

use std::time::SystemTime;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{Extensions, HeaderMap};
use serde_json::{Value, json};

use super::body::Parameters;
use super::private_json;
use crate::authorization::code::ExchangeRequest;
use crate::authorization::refusal::Refusal;
use crate::authorization::state::TokenAnswer;
use crate::authorization::{AuthorizationServer, Rotation, SCOPE};

/// Every grant of the token endpoint.
pub(crate) async fn token(
    State(server): State<AuthorizationServer>,
    extensions: Extensions,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let rotation = extensions.get::<Rotation>().copied().unwrap_or_default();
    match Parameters::read(&headers, &body)
        .and_then(|parameters| grant(&server, &parameters, rotation, SystemTime::now()))
    {
        Ok(answer) => private_json(200, &success(answer)),
        Err(refusal) => refusal.into_response(),
    }
}

fn grant(
    server: &AuthorizationServer,
    parameters: &Parameters,
    rotation: Rotation,
    now: SystemTime,
) -> Result<TokenAnswer, Refusal> {
    match parameters.required("grant_type")? {
        "authorization_code" => {
            let client_id = parameters.required("client_id")?;
            let request = ExchangeRequest {
                code: parameters.required("code")?,
                redirect_uri: parameters.required("redirect_uri")?,
                // RFC 7636 §4.5: the code came with a challenge, so the verifier is required.
                code_verifier: parameters.required("code_verifier")?,
            };
            server.lock().exchange(client_id, &request, now)
        }
        "refresh_token" => {
            let token = parameters.required("refresh_token")?;
            let client_id = parameters.required("client_id")?;
            server.lock().refresh(
                client_id,
                token,
                parameters.optional("scope")?,
                rotation,
                now,
            )
        }
        other => Err(Refusal::GrantType(other.to_owned())),
    }
}

/// RFC 6749 §5.1, with the vendor's id token.
fn success(answer: TokenAnswer) -> Value {
    let mut body = json!({
        "access_token": answer.pair.access_token,
        "id_token": answer.pair.id_token,
        "token_type": "Bearer",
        "expires_in": answer.expires_in,
        "scope": SCOPE,
    });
    if let Some(token) = answer.pair.refresh_token {
        body["refresh_token"] = Value::String(token);
    }
    body
}
