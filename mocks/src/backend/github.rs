//! What GitHub's API tells a program that is signed in: who it is, and the token that Copilot's own API takes.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::bearer::{self, Barred};
use crate::authorization::endpoint::origin::ClientOrigin;
use crate::authorization::{Account, AuthorizationServer};

/// `GET /user`
pub(crate) async fn user(
    State(server): State<AuthorizationServer>,
    headers: HeaderMap,
) -> Response {
    signed_in(&server, &headers, |account| {
        json!({
            "login": login(account),
            "id": 1,
            "node_id": "U_loginproof",
            "type": "User",
            "name": "Loginproof Person",
            "email": account.email,
        })
    })
}

/// `POST /graphql`. The one query that programs send to learn who signed in is `UserCurrent`.
pub(crate) async fn graphql(
    State(server): State<AuthorizationServer>,
    headers: HeaderMap,
) -> Response {
    signed_in(&server, &headers, |account| {
        // What was asked for and nothing else, as GraphQL has it: gh refuses an answer with more in it.
        json!({ "data": { "viewer": { "login": login(account) } } })
    })
}

/// `GET /copilot_internal/user`
pub(crate) async fn copilot_user(
    State(server): State<AuthorizationServer>,
    ClientOrigin(origin): ClientOrigin,
    headers: HeaderMap,
) -> Response {
    signed_in(&server, &headers, |account| {
        json!({
            "login": login(account),
            "access_type_sku": "plus_yearly_subscriber_quota",
            "copilot_plan": "individual_pro",
            "chat_enabled": true,
            "cli_enabled": true,
            "organization_list": [],
            "endpoints": endpoints(&origin),
            "quota_snapshots": {},
        })
    })
}

/// `GET /copilot_internal/v2/token`: a sign-in buys a token of half an hour, or as long as the options say.
pub(crate) async fn copilot_token(
    State(server): State<AuthorizationServer>,
    ClientOrigin(origin): ClientOrigin,
    headers: HeaderMap,
) -> Response {
    let token = bearer::token(&headers).unwrap_or_default();
    match server.copilot_token(token) {
        Some(minted) => super::json(
            StatusCode::OK,
            &json!({
                "token": minted.value,
                "expires_at": minted.expires_at,
                "refresh_in": minted.refresh_in,
                "endpoints": endpoints(&origin),
                "sku": "plus_yearly_subscriber_quota",
                "chat_enabled": true,
                "individual": true,
            }),
        ),
        None => refused(),
    }
}

/// Where Copilot's own API stands.
fn endpoints(origin: &str) -> Value {
    if origin == "https://api.github.com" {
        json!({
            "api": "https://api.individual.githubcopilot.com",
            "proxy": "https://proxy.individual.githubcopilot.com",
            "telemetry": "https://telemetry.individual.githubcopilot.com",
        })
    } else {
        json!({ "api": origin, "proxy": origin, "telemetry": origin })
    }
}

fn signed_in(
    server: &AuthorizationServer,
    headers: &HeaderMap,
    answer: impl FnOnce(&Account) -> Value,
) -> Response {
    let Ok(account) = bearer::person(server, headers) else {
        return refused();
    };
    let mut response = super::json(StatusCode::OK, &answer(&account));
    // Programs look here for what they may do.
    let scope = server
        .scope_of(bearer::token(headers).unwrap_or_default())
        .replace(' ', ", ");
    if let Ok(scope) = HeaderValue::from_str(&scope) {
        response.headers_mut().insert("x-oauth-scopes", scope);
    }
    response
}

/// As GitHub's API says it.
fn refused() -> Response {
    let mut response = Barred::Unauthorized.into_response();
    *response.body_mut() = json!({
        "message": "Bad credentials",
        "documentation_url": "https://docs.github.com/rest",
        "status": "401",
    })
    .to_string()
    .into();
    response
}

/// The account's name at GitHub.
fn login(account: &Account) -> &str {
    account.email.split('@').next().unwrap_or("person")
}
