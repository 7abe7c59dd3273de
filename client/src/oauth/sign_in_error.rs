//! The ends of a sign-in that are not tokens.

use crate::failure::Failure;

/// Why a sign-in ended without tokens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// The server does not offer the device flow.
    #[error(
        "device code sign-in is not enabled on this server; enable it in the account's security settings or sign in through a browser there"
    )]
    NotEnabled,
    /// The person said no.
    #[error("the sign-in was denied")]
    Denied,
    /// Nobody approved in time.
    #[error(
        "the sign-in timed out: the code expired before it was approved; if the page refused the code, device codes may be switched off in the account's security settings"
    )]
    Expired,
    /// The server refuses.
    #[error("sign-in failed: {0}")]
    Refused(Failure),
    /// Every try failed.
    #[error("sign-in failed after {attempts} attempts in a row: {last}")]
    GaveUp {
        /// How many tries in a row.
        attempts: u32,
        /// Why the last one failed.
        last: Failure,
    },
    /// A success without something it must hold.
    #[error("sign-in failed: {field} is missing in the server's {what} answer")]
    MissingField {
        /// Which answer.
        what: &'static str,
        /// The field.
        field: &'static str,
    },
    /// A success that is not a JSON object.
    #[error("sign-in failed: the server's {what} answer is not JSON")]
    NotJson {
        /// Which answer.
        what: &'static str,
    },
    /// The authorization server's metadata cannot be relied on.
    #[error("sign-in failed: the server's metadata cannot be used: {0}")]
    Metadata(String),
    /// An answer with another state than was sent (RFC 6749 §10.12).
    #[error(
        "what came back belongs to another sign-in (its state is not the one that was sent); nothing was exchanged"
    )]
    StateMismatch,
    /// An answer of another authorization server (RFC 9207).
    #[error(
        "sign-in failed: the answer names the issuer {found}, not {expected}; nothing was exchanged"
    )]
    IssuerMismatch {
        /// The one that was asked.
        expected: String,
        /// The one that answered.
        found: String,
    },
    /// Nobody came back in time.
    #[error("the sign-in timed out: nothing came back within {} s", after.as_secs_f64())]
    TimedOut {
        /// How long it was waited for.
        after: std::time::Duration,
    },
    /// The input ended, or held none.
    #[error("sign-in failed: no code was entered on standard input")]
    NoCode,
    /// The input cannot be read.
    #[error("sign-in failed: standard input cannot be read: {0}")]
    Input(String),
    /// No port to listen on.
    #[error(
        "sign-in failed: cannot listen for the browser on 127.0.0.1: {0}; `--flow paste` needs no port"
    )]
    Listener(String),
}
