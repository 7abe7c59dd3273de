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
}
