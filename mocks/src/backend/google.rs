//! What Google tells a program of the account that is signed in, and Code Assist: `v1internal`.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::{RawQuery, State};
use axum::response::Response;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

use super::bearer::{self, Barred};
use super::said::{TOKENS_IN, TOKENS_OUT, pieces};
use super::{filled_json, filled_stream};
use crate::authorization::AuthorizationServer;
use crate::routes::ServerState;

/// `GET /oauth2/v2/userinfo`, and xAI's userinfo, which has the names of OpenID Connect.
pub(crate) async fn userinfo(
    State(server): State<AuthorizationServer>,
    headers: HeaderMap,
) -> Response {
    match bearer::person(&server, &headers) {
        Ok(account) => super::json(
            StatusCode::OK,
            &json!({
                "id": account.user_id,
                // OpenID Connect Core §5.3.2
                "sub": account.user_id,
                "email": account.email,
                "verified_email": true,
                "email_verified": true,
                "name": "Loginproof Person",
                "given_name": "Loginproof",
                "family_name": "Person",
            }),
        ),
        Err(barred) => refused(barred),
    }
}

/// `GET` and `POST /tokeninfo`: the token is in the address, the form or the header.
pub(crate) async fn tokeninfo(
    State(server): State<AuthorizationServer>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let named = |text: &[u8]| {
        let fields: Vec<(String, String)> = serde_urlencoded::from_bytes(text).ok()?;
        let found = fields.into_iter().find(|(name, _)| name == "access_token");
        found.map(|(_, token)| token)
    };
    let token = named(query.unwrap_or_default().as_bytes())
        .or_else(|| named(&body))
        .or_else(|| bearer::token(&headers).map(str::to_owned))
        .unwrap_or_default();
    match server.token_info(&token) {
        Some(info) => {
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs();
            super::json(
                StatusCode::OK,
                &json!({
                    "azp": info.client_id,
                    "aud": info.client_id,
                    "sub": info.account.user_id,
                    "scope": info.scope,
                    "exp": info.expires_at.to_string(),
                    "expires_in": info.expires_at.saturating_sub(now).to_string(),
                    "email": info.account.email,
                    "email_verified": "true",
                    "access_type": "offline",
                }),
            )
        }
        None => super::json(
            StatusCode::BAD_REQUEST,
            &json!({ "error": "invalid_token", "error_description": "Invalid Value" }),
        ),
    }
}

/// `/v1internal:METHOD`
pub(crate) fn code_assist(state: &ServerState, method: &str, request: &Parts) -> Response {
    if let Err(barred) = bearer::account(&state.authorization, &request.headers) {
        return refused(barred);
    }
    let generates = matches!(
        method,
        "generateContent" | "streamGenerateContent" | "countTokens"
    );
    if generates && request.method != Method::POST {
        return failed(StatusCode::NOT_FOUND, "NOT_FOUND", "Method not found.");
    }
    let said = pieces(&state.default_stream);
    match method {
        "generateContent" => filled_json(&generated(&said.concat(), true)),
        "streamGenerateContent" => {
            let chunks: Vec<Value> = said
                .iter()
                .enumerate()
                .map(|(at, piece)| generated(piece, at + 1 == said.len()))
                .collect();
            let query = request.uri.query().unwrap_or_default();
            if query.split('&').any(|one| one == "alt=sse") {
                // Google ends its lines as HTTP does.
                filled_stream(
                    chunks
                        .iter()
                        .map(|chunk| format!("data: {chunk}\r\n\r\n"))
                        .collect(),
                )
            } else {
                filled_json(&json!(chunks))
            }
        }
        "countTokens" => super::json(StatusCode::OK, &json!({ "totalTokens": TOKENS_IN })),
        other => super::json(StatusCode::OK, &about_the_account(other)),
    }
}

/// Methods that a program calls before its first turn.
fn about_the_account(method: &str) -> Value {
    let tier = json!({
        "id": "free-tier",
        "name": "Gemini Code Assist for individuals",
        "description": "Free tier",
        "userDefinedCloudaicompanionProject": false,
        "isDefault": true,
        "hasOnboardedPreviously": true,
    });
    match method {
        "loadCodeAssist" => json!({
            "currentTier": tier,
            "allowedTiers": [tier],
            "cloudaicompanionProject": PROJECT,
            "gcpManaged": false,
        }),
        "onboardUser" => json!({
            "name": "operations/loginproof",
            "done": true,
            "response": {
                "@type": "type.googleapis.com/google.internal.cloud.code.v1internal.OnboardUserResponse",
                "cloudaicompanionProject": { "id": PROJECT, "name": PROJECT, "projectNumber": "1" },
            },
        }),
        "listExperiments" => json!({ "experimentIds": [], "flags": [] }),
        "retrieveUserQuota" => json!({ "buckets": [] }),
        _ => json!({}),
    }
}

fn generated(text: &str, last: bool) -> Value {
    let mut candidate = json!({
        "content": { "role": "model", "parts": [{ "text": text }] },
        "index": 0,
    });
    if last {
        candidate["finishReason"] = json!("STOP");
    }
    json!({
        "response": {
            "candidates": [candidate],
            "usageMetadata": {
                "promptTokenCount": TOKENS_IN,
                "candidatesTokenCount": TOKENS_OUT,
                "totalTokenCount": TOKENS_IN + TOKENS_OUT,
            },
            "modelVersion": "{{model}}",
            "responseId": "{{response_id}}",
        },
        "traceId": "{{response_id}}",
    })
}

/// Who is not let in, in Google's words.
fn refused(barred: Barred) -> Response {
    let why = match barred {
        Barred::Expired => "Request had invalid authentication credentials: the token has expired.",
        Barred::Revoked => "Request had invalid authentication credentials: the token was revoked.",
        Barred::Unauthorized | Barred::OtherAccount => {
            "Request had invalid authentication credentials."
        }
    };
    failed(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", why)
}

fn failed(status: StatusCode, name: &str, message: &str) -> Response {
    super::json(
        status,
        &json!({ "error": { "code": status.as_u16(), "message": message, "status": name } }),
    )
}

/// The project that Code Assist gives to people who have none.
const PROJECT: &str = "loginproof-project";
