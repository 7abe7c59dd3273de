//! `$HERMES_HOME/auth.json` of Hermes 0.19: tokens of a sign-in under `providers`, and a pool of accounts for each
//! provider under `credential_pool`. Loading the pool copies the former into it as an entry of source `device_code`;
//! `hermes auth add` for ChatGPT and xAI writes an entry of its own (`manual:device_code`), for Nous the former.

use serde_json::{Value, json};

use super::{Layout, Place, Shape, Unit, set};

/// What is under `providers` counts, then the pool.
pub(super) fn layout(provider: &str) -> Layout {
    Layout::new(file(provider), [single(provider), list(provider)])
}

/// The pool alone.
pub(super) fn pool(provider: &str) -> Layout {
    Layout::new(file(provider), [list(provider)])
}

fn file(provider: &str) -> Value {
    json!({ "version": 1, "active_provider": provider, "providers": {} })
}

fn single(provider: &str) -> Place {
    let at = format!("/providers/{provider}");
    let tokens = Shape {
        access: "/tokens/access_token".to_owned(),
        refresh: Some("/tokens/refresh_token".to_owned()),
        last_refresh: Some("/last_refresh".to_owned()),
        ..Shape::default()
    };
    let shape = match provider {
        "nous" => Shape {
            access: "/access_token".to_owned(),
            refresh: Some("/refresh_token".to_owned()),
            expires: Some(("/expires_at".to_owned(), Unit::Rfc3339)),
            last_refresh: Some("/obtained_at".to_owned()),
            template: json!({
                "portal_base_url": "https://portal.nousresearch.com",
                "inference_base_url": "https://inference-api.nousresearch.com/v1",
                "client_id": "hermes-cli",
                "scope": "inference:invoke",
                "token_type": "Bearer",
                "tls": { "insecure": false, "ca_bundle": null },
            }),
            ..Shape::default()
        },
        "xai-oauth" => Shape {
            id: Some("/tokens/id_token".to_owned()),
            template: json!({
                "tokens": { "token_type": "Bearer" },
                "discovery": {
                    "device_authorization_endpoint": "https://auth.x.ai/oauth2/device/code",
                    "token_endpoint": "https://auth.x.ai/oauth2/token",
                },
                "auth_mode": "oauth_device_code",
            }),
            ..tokens
        },
        _ => Shape {
            template: json!({ "auth_mode": "chatgpt" }),
            ..tokens
        },
    };
    Place::one(at, shape)
}

fn list(provider: &str) -> Place {
    let base_url = match provider {
        "nous" => "https://inference-api.nousresearch.com/v1",
        "xai-oauth" => "https://api.x.ai/v1",
        _ => "https://chatgpt.com/backend-api/codex",
    };
    let shape = Shape {
        access: "/access_token".to_owned(),
        refresh: Some("/refresh_token".to_owned()),
        last_refresh: Some("/last_refresh".to_owned()),
        status: Some("/last_status".to_owned()),
        template: json!({
            "auth_type": "oauth",
            "source": "manual:device_code",
            "last_status": null,
            "last_status_at": null,
            "last_error_code": null,
            "last_error_reason": null,
            "last_error_message": null,
            "last_error_reset_at": null,
            "base_url": base_url,
            "request_count": 0,
        }),
        ..Shape::default()
    };
    Place::list(format!("/credential_pool/{provider}"), shape, number)
}

fn number(entry: &mut Value, index: usize) {
    set(entry, "/id", format!("{:06x}", 0xac_0001 + index).into());
    set(entry, "/label", format!("account-{}", index + 1).into());
    set(entry, "/priority", index.into());
}
