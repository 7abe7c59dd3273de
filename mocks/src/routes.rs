//! Stand-in for the real servers.
use bytes::Bytes;

use crate::authorization::AuthorizationServer;

/// State of the real servers.
#[derive(Clone, Debug)]
pub struct ServerState {
    /// Tokens and sign-ins.
    pub authorization: AuthorizationServer,
    /// The body of a turn that no rule answers.
    pub default_stream: Bytes,
}

/// Marks the stream of a turn that no rule answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DefaultStream;

/// The real servers.
pub fn router(_: ServerState) -> axum::Router {
    axum::Router::new().fallback(|| async { "stand-in" })
}
