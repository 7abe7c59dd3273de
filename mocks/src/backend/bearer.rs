//! Who is asking: the bearer token and the account header, judged by the authorization server.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::authorization::{Account, AuthorizationServer};
use crate::script::TokenState;

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Barred {
    /// No token, or one that was not minted here.
    Unauthorized,
    /// A token past its life.
    Expired,
    /// A token that was revoked, alone or with its family.
    Revoked,
    /// The account header names another account than the token.
    OtherAccount,
}

/// The account of the request's token, if the token is good and the account header does not contradict it.
pub(super) fn account(
    authorization: &AuthorizationServer,
    headers: &HeaderMap,
) -> Result<String, Barred> {
    let seen = authorization.describe_access(token(headers).unwrap_or_default());
    let account = match (seen.state, seen.account) {
        (TokenState::Live, Some(account)) => account,
        (TokenState::Expired, _) => return Err(Barred::Expired),
        (TokenState::Revoked, _) => return Err(Barred::Revoked),
        _ => return Err(Barred::Unauthorized),
    };
    match headers.get(ACCOUNT) {
        Some(named) if named.as_bytes() != account.as_bytes() => Err(Barred::OtherAccount),
        _ => Ok(account),
    }
}

/// Whether a request may ask a model: with a good token of ours, or with an API key that somebody else gave out.
pub(super) fn caller(
    authorization: &AuthorizationServer,
    headers: &HeaderMap,
) -> Result<(), Barred> {
    let key = headers
        .get(API_KEY)
        .and_then(|key| key.to_str().ok())
        .or_else(|| token(headers))
        .unwrap_or_default();
    match authorization.describe_access(key).state {
        TokenState::Foreign if authorization.is_api_key(key) => Ok(()),
        TokenState::Live if headers.contains_key(API_KEY) => Ok(()),
        _ => account(authorization, headers).map(drop),
    }
}

/// The person of the request's token, if the token is good.
pub(super) fn person(
    authorization: &AuthorizationServer,
    headers: &HeaderMap,
) -> Result<Account, Barred> {
    let id = account(authorization, headers)?;
    let known = authorization.accounts();
    known
        .into_iter()
        .find(|account| account.id == id)
        .ok_or(Barred::Unauthorized)
}

/// The token of a request: RFC 6750 §2.1, or GitHub's older scheme. A scheme's case does not matter (RFC 9110 §11.1).
pub(super) fn token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    ["bearer", "token"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
        .then(|| token.trim())
}

impl Barred {
    fn status(self) -> StatusCode {
        match self {
            Self::OtherAccount => StatusCode::FORBIDDEN,
            Self::Unauthorized | Self::Expired | Self::Revoked => StatusCode::UNAUTHORIZED,
        }
    }

    fn body(self) -> Value {
        let nested = |message: &str, code: &str| json!({"error": {"message": message, "type": null, "code": code, "param": null}, "status": 401});
        match self {
            // Verbatim from openai/codex#41973.
            Self::Unauthorized => json!({"detail": "Unauthorized"}),
            // Verbatim from openai/codex#38679.
            Self::Expired => nested(
                "Provided authentication token is expired. Please try signing in again.",
                "token_expired",
            ),
            // Verbatim from openai/codex#42581.
            Self::Revoked => nested(
                "Encountered invalidated oauth token for user, failing request",
                "token_revoked",
            ),
            Self::OtherAccount => json!({"detail": "The account does not belong to the token"}),
        }
    }
}

impl IntoResponse for Barred {
    fn into_response(self) -> Response {
        let mut response = super::json(self.status(), &self.body());
        if self.status() == StatusCode::UNAUTHORIZED {
            // RFC 9110 §11.6.1: a 401 names the scheme it wants.
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const ACCOUNT: HeaderName = HeaderName::from_static("chatgpt-account-id");
