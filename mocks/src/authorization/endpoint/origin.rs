//! Where a client reached this server: what every address that is handed out begins with.

use std::convert::Infallible;

use axum::extract::{FromRef, FromRequestParts};
use http::header;
use http::request::Parts;

use crate::authorization::AuthorizationServer;
use crate::hosts::Origin;

/// Scheme and authority as the client sees them, without a slash at the end.
#[derive(Clone, Debug)]
pub(crate) struct ClientOrigin(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for ClientOrigin
where
    AuthorizationServer: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let server = AuthorizationServer::from_ref(state);
        Ok(Self(origin(parts, server.lock().issuer())))
    }
}

/// What whoever read the request found out. Without that, the scheme is the server's own and the authority is what
/// the client asked for (RFC 9110 §7.2).
fn origin(parts: &Parts, issuer: &str) -> String {
    if let Some(Origin(origin)) = parts.extensions.get() {
        return origin.clone();
    }
    let scheme = issuer.split("://").next().unwrap_or("http");
    let host = parts
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    host.map_or_else(|| issuer.to_owned(), |host| format!("{scheme}://{host}"))
}
