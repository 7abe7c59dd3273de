//! `GET …/wham/accounts/check` and `…/wham/usage`: which account this is and how much of it is used up.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::bearer;
use crate::authorization::AuthorizationServer;

/// Where the account's requests go: anywhere. Programs ask this before their first turn (responses.md §4e).
pub(crate) async fn check(
    State(authorization): State<AuthorizationServer>,
    headers: HeaderMap,
) -> Response {
    match bearer::account(&authorization, &headers) {
        Ok(id) => super::json(
            StatusCode::OK,
            &json!({
                "accounts": [{
                    "id": id,
                    "workspace_backend_origin": "NO_CONSTRAINT",
                    "account_routing_override": "NO_CONSTRAINT",
                    "structure": "personal",
                    "plan_type": plan(&authorization, &id),
                    "name": null,
                    "profile_picture_url": null,
                }],
                "account_ordering": [id],
                "default_account_id": id,
            }),
        ),
        Err(barred) => barred.into_response(),
    }
}

/// How far the limits are used up: a little.
pub(crate) async fn usage(
    State(authorization): State<AuthorizationServer>,
    headers: HeaderMap,
) -> Response {
    let id = match bearer::account(&authorization, &headers) {
        Ok(id) => id,
        Err(barred) => return barred.into_response(),
    };
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    super::json(
        StatusCode::OK,
        &json!({
            "plan_type": plan(&authorization, &id),
            "rate_limit": {
                "allowed": true,
                "limit_reached": false,
                "primary_window": window(12, FIVE_HOURS, now),
                "secondary_window": window(34, WEEK, now),
            },
            "credits": { "has_credits": false, "unlimited": false, "balance": null },
            "additional_rate_limits": null,
        }),
    )
}

/// A limit whose window is half over.
fn window(used_percent: u8, seconds: u64, now: u64) -> Value {
    json!({
        "used_percent": used_percent,
        "limit_window_seconds": seconds,
        "reset_after_seconds": seconds / 2,
        "reset_at": now + seconds / 2,
    })
}

fn plan(authorization: &AuthorizationServer, id: &str) -> Option<String> {
    authorization
        .accounts()
        .into_iter()
        .find(|account| account.id == id)
        .map(|account| account.plan)
}

const FIVE_HOURS: u64 = 5 * 3_600;
const WEEK: u64 = 7 * 86_400;
