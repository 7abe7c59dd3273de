//! The authorization server: accounts, device sign-ins, codes, access tokens, families of rotating refresh tokens.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::span::Span;

/// Settings of the authorization server, the `authorization:` key of a scenario's `server:`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct AuthorizationOptions {
    /// Polling interval in seconds, sent as a JSON string, as the vendor does. Default "1".
    pub interval: String,
    /// HTTP status of a poll that is still pending: 403 (default) or 404.
    pub pending: u16,
    /// How long a device code lives. Default 15m.
    pub code_life: Span,
    /// How long an access token lives. Default 1h.
    pub access_life: Span,
    /// What a spent refresh token brings when it is shown again.
    pub on_reuse: OnReuse,
    /// How long after its rotation a spent refresh token is still answered with the newest pair. Default 0ms.
    pub grace: Span,
}

/// What happens when a spent refresh token is shown again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnReuse {
    /// Answer 401 `refresh_token_reused`; the newest pair stays good.
    #[default]
    Reject,
    /// The same answer, and the whole family dies (RFC 9700 §4.14.2).
    RevokeFamily,
}

impl Default for AuthorizationOptions {
    fn default() -> Self {
        Self {
            interval: "1".to_owned(),
            pending: 403,
            code_life: Span::seconds(900),
            access_life: Span::seconds(3600),
            on_reuse: OnReuse::Reject,
            grace: Span::seconds(0),
        }
    }
}
