//! The authorization server: accounts, device sign-ins, codes, access tokens, families of rotating refresh tokens.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::script::TokenState;
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

/// What the server knows of a token that a request carried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TokenSeen {
    /// Whether it is good.
    pub state: TokenState,
    /// Its generation within its family.
    pub generation: Option<u32>,
    /// Id of the account it was minted for.
    pub account: Option<String>,
}

impl TokenSeen {
    /// The request carries no such token.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            state: TokenState::None,
            generation: None,
            account: None,
        }
    }
}

/// Whether a refresh spends the refresh token that it shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rotation {
    /// Spent.
    #[default]
    Rotate,
    /// Kept.
    Keep,
}

/// Stand-in.
#[derive(Clone, Debug)]
pub struct AuthorizationServer;

impl AuthorizationServer {
    /// Stand-in.
    #[must_use]
    pub fn new(_: AuthorizationOptions, _: u64, _: &str) -> Self {
        Self
    }
    /// Stand-in.
    #[must_use]
    pub fn describe_access(&self, _: &str) -> TokenSeen {
        TokenSeen {
            state: TokenState::Foreign,
            generation: None,
            account: None,
        }
    }
    /// Stand-in.
    #[must_use]
    pub fn describe_refresh(&self, _: &str) -> TokenSeen {
        TokenSeen {
            state: TokenState::Foreign,
            generation: None,
            account: None,
        }
    }
}
