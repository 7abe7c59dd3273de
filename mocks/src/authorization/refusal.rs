//! What the authorization server says when it refuses: status and body, as the vendor or the RFC has them.

use serde_json::{Value, json};

/// A refusal of one of the endpoints that programs call. The page a person sees has its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A body that is neither JSON nor a form, or is not what its content type says.
    Malformed(String),
    /// A required parameter is not there.
    Missing(&'static str),
    /// A required parameter is the empty string.
    Empty(&'static str),
    /// RFC 6749 §3.2: no parameter may be sent twice.
    Repeated(String),
    /// The client is not one we know, or not the one the grant was given to.
    Client,
    /// RFC 6749 §5.2 `unsupported_grant_type`.
    GrantType(String),
    /// RFC 6749 §6: the scope must not exceed what was granted.
    Scope,
    /// RFC 6749 §5.2 `invalid_grant`: code, redirect URI, verifier or sign-in is not good. Says why.
    Grant(&'static str),
    /// Nobody has decided yet. Carries the status that the options ask for, which only ChatGPT follows.
    Pending(u16),
    /// RFC 8628 §3.5: the device polls too fast. Carries its new interval in seconds.
    SlowDown(u64),
    /// The person said no.
    Declined,
    /// The device code ran out.
    CodeExpired,
    /// A refresh token that was exchanged before.
    RefreshReused,
    /// A refresh token past its life.
    RefreshExpired,
    /// A refresh token that was revoked, alone or with its family.
    RefreshRevoked,
    /// A refresh token that was not minted here.
    RefreshForeign,
}

impl Refusal {
    pub(super) fn status(&self) -> u16 {
        match self {
            Self::Pending(status) => *status,
            // As programs that know of it expect it.
            Self::SlowDown(_) => 403,
            // RFC 6749 §5.2: invalid_client may be 401.
            Self::Client | Self::Declined => 401,
            Self::RefreshReused
            | Self::RefreshExpired
            | Self::RefreshRevoked
            | Self::RefreshForeign => 401,
            Self::Malformed(_) | Self::Missing(_) | Self::Empty(_) | Self::Repeated(_) => 400,
            Self::GrantType(_) | Self::Scope | Self::Grant(_) | Self::CodeExpired => 400,
        }
    }

    pub(super) fn body(&self) -> Value {
        match self {
            Self::Malformed(why) => nested(why, None, None),
            Self::Missing(name) => nested(
                &format!("Missing required parameter: '{name}'."),
                Some(name),
                Some("missing_required_parameter"),
            ),
            // Wording reported in zhishile/codex-auth-helper#24.
            Self::Empty(name) => nested(
                &format!(
                    "Invalid '{name}': empty string. Expected a string with minimum length 1, but got an empty string instead."
                ),
                Some(name),
                Some("empty_string"),
            ),
            Self::Repeated(name) => flat(
                "invalid_request",
                &format!("parameter {name} was sent more than once"),
            ),
            Self::Client => flat(
                "invalid_client",
                "the client is not known here, or the grant was not given to it",
            ),
            Self::GrantType(name) => flat(
                "unsupported_grant_type",
                &format!("grant_type {} is not supported", printable(name)),
            ),
            Self::Scope => flat("invalid_scope", "the scope exceeds what was granted"),
            Self::Grant(why) => flat("invalid_grant", why),
            // Clients that look into the body look for this code (oauth.md §1.3).
            Self::Pending(_) => json!({"error": {
                "code": "deviceauth_authorization_pending",
                "message": "The sign-in has not been approved yet.",
            }}),
            Self::SlowDown(_) => nested(
                "Too many requests have been made in the same timeframe.",
                None,
                Some("slow_down"),
            ),
            // The vendor's own client test models a denial so (oauth.md §1.3).
            Self::Declined => {
                json!({"error": "authorization_declined", "error_description": "Denied"})
            }
            // RFC 8628 §3.5
            Self::CodeExpired => flat("expired_token", "the device code has expired"),
            // Verbatim (oauth.md §2.3).
            Self::RefreshReused => vendor(
                "Your refresh token has already been used to generate a new access token. Please try signing in again.",
                "refresh_token_reused",
            ),
            Self::RefreshExpired => vendor(
                "Your refresh token has expired. Please try signing in again.",
                "refresh_token_expired",
            ),
            Self::RefreshRevoked => vendor(
                "Your refresh token has been invalidated. Please try signing in again.",
                "refresh_token_invalidated",
            ),
            // Verbatim from openclaw/openclaw#82591: at this endpoint the vendor says token_expired of a token it cannot read.
            Self::RefreshForeign => vendor(
                "Could not validate your token. Please try signing in again.",
                "token_expired",
            ),
        }
    }
}

impl Refusal {
    /// Status and code as RFC 6749 §5.2 and RFC 8628 §3.5 have them.
    pub(super) fn standard(&self) -> (u16, &'static str) {
        match self {
            Self::Malformed(_) | Self::Missing(_) | Self::Empty(_) | Self::Repeated(_) => {
                (400, "invalid_request")
            }
            Self::Client => (401, "invalid_client"),
            Self::GrantType(_) => (400, "unsupported_grant_type"),
            Self::Scope => (400, "invalid_scope"),
            Self::Grant(_)
            | Self::RefreshReused
            | Self::RefreshExpired
            | Self::RefreshRevoked
            | Self::RefreshForeign => (400, "invalid_grant"),
            Self::Pending(_) => (400, "authorization_pending"),
            Self::SlowDown(_) => (400, "slow_down"),
            Self::Declined => (400, "access_denied"),
            Self::CodeExpired => (400, "expired_token"),
        }
    }

    /// What is wrong, in the characters that RFC 6749 §5.2 allows.
    pub(super) fn description(&self) -> String {
        match self {
            Self::Malformed(why) => printable(why),
            Self::Missing(name) | Self::Empty(name) => format!("parameter {name} is missing"),
            Self::Repeated(name) => {
                format!("parameter {} was sent more than once", printable(name))
            }
            Self::Client => "the client is not known here".to_owned(),
            Self::GrantType(name) => format!("grant_type {} is not supported", printable(name)),
            Self::Scope => "the scope exceeds what was granted, or is none".to_owned(),
            Self::Grant(why) => (*why).to_owned(),
            Self::Pending(_) => "the authorization request is still pending".to_owned(),
            Self::SlowDown(interval) => {
                format!("the device polls too fast: wait {interval} seconds")
            }
            Self::Declined => "the authorization request was denied".to_owned(),
            Self::CodeExpired => "the device code has expired".to_owned(),
            // Clients look for the word reuse.
            Self::RefreshReused => "refresh token reuse detected: it was used before".to_owned(),
            Self::RefreshExpired => "the refresh token has expired".to_owned(),
            Self::RefreshRevoked => "the refresh token was revoked".to_owned(),
            Self::RefreshForeign => "the refresh token is not known here".to_owned(),
        }
    }
}

/// The vendor's shape: `error` is an object (RFC 6749 §5.2 has a string).
fn nested(message: &str, param: Option<&str>, code: Option<&str>) -> Value {
    json!({"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}})
}

fn vendor(message: &str, code: &str) -> Value {
    nested(message, None, Some(code))
}

/// The shape of RFC 6749 §5.2.
fn flat(error: &str, description: &str) -> Value {
    json!({"error": error, "error_description": description})
}

/// RFC 6749 §5.2: a description holds only these characters; what a client sent may hold others.
fn printable(text: &str) -> String {
    text.chars()
        .take(80)
        .map(|c| {
            if matches!(c, ' '..='!' | '#'..='[' | ']'..='~') {
                c
            } else {
                '?'
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spent_refresh_token_is_refused_in_the_vendors_words() {
        let expected = r#"{"error":{"message":"Your refresh token has already been used to generate a new access token. Please try signing in again.","type":"invalid_request_error","param":null,"code":"refresh_token_reused"}}"#;
        assert_eq!(
            (
                Refusal::RefreshReused.status(),
                Refusal::RefreshReused.body().to_string().as_str()
            ),
            (401, expected)
        );
    }

    #[test]
    fn a_description_keeps_to_the_characters_of_rfc_6749_section_5_2() {
        let body = Refusal::GrantType("a\"b\\c\u{e9}\n".to_owned()).body();
        assert_eq!(
            body["error_description"],
            "grant_type a?b?c?? is not supported"
        );
    }
}
