//! What Claude's API tells a program of the account that is signed in.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::bearer;
use super::messages::refused;
use crate::authorization::profile::claude::{ORGANIZATION, organization};
use crate::authorization::{Account, AuthorizationServer};

/// `GET /api/oauth/profile`
pub(crate) async fn profile(
    State(server): State<AuthorizationServer>,
    headers: HeaderMap,
) -> Response {
    signed_in(&server, &headers, |account| {
        json!({
            "account": {
                "uuid": account.id,
                "email": account.email,
                "full_name": "Loginproof Person",
                "display_name": "Person",
                "has_claude_max": false,
                "has_claude_pro": true,
                "created_at": "2026-01-01T00:00:00Z",
            },
            "organization": {
                "uuid": organization(&account.id),
                "name": ORGANIZATION,
                "organization_type": "claude_pro",
                "billing_type": "stripe_subscription",
                "rate_limit_tier": "default_claude_ai",
                "has_extra_usage_enabled": false,
                "subscription_status": "active",
                "subscription_created_at": "2026-01-01T00:00:00Z",
            },
        })
    })
}

/// `GET /api/oauth/claude_cli/roles`
pub(crate) async fn roles(
    State(server): State<AuthorizationServer>,
    headers: HeaderMap,
) -> Response {
    signed_in(&server, &headers, |account| {
        json!({
            "organization_uuid": organization(&account.id),
            "organization_name": ORGANIZATION,
            "organization_role": "admin",
            "workspace_uuid": null,
            "workspace_name": null,
            "workspace_role": null,
        })
    })
}

/// `POST /api/oauth/claude_cli/create_api_key`
pub(crate) async fn create_api_key(
    State(server): State<AuthorizationServer>,
    headers: HeaderMap,
) -> Response {
    signed_in(
        &server,
        &headers,
        |_| json!({ "raw_key": server.claude_key() }),
    )
}

/// `GET` and `HEAD /api/hello`, `/v1/oauth/hello`: whether the server can be reached at all.
pub(crate) async fn hello() -> Response {
    super::json(StatusCode::OK, &json!({ "message": "hello" }))
}

fn signed_in(
    server: &AuthorizationServer,
    headers: &HeaderMap,
    answer: impl FnOnce(&Account) -> Value,
) -> Response {
    match bearer::person(server, headers) {
        Ok(account) => super::json(StatusCode::OK, &answer(&account)),
        Err(barred) => refused(barred),
    }
}
