//! Every path of the real servers: the authorization server at the root, the backends below their prefixes.

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::{StatusCode, header};

use crate::authorization::AuthorizationServer;
use crate::authorization::endpoint::{device, page, revoke, token};
use crate::backend::{account, models, responses};

/// What the handlers share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ServerState {
    /// The authorization server, which also judges bearer tokens.
    pub authorization: AuthorizationServer,
    /// The body of a turn that no rule answers: an event stream.
    pub default_stream: Bytes,
}

/// Marks, in a response's extensions, the stream of a turn that no rule answers, so that whoever sends it can
/// fill in its placeholders and cut it into events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DefaultStream;

impl FromRef<ServerState> for AuthorizationServer {
    fn from_ref(state: &ServerState) -> Self {
        state.authorization.clone()
    }
}

/// The real servers. Call it with bodies that are decoded already; put a
/// [`Rotation`](crate::authorization::Rotation) into the request's extensions to choose whether a refresh rotates.
pub fn router(state: ServerState) -> Router {
    Router::new()
        .route("/api/accounts/deviceauth/usercode", post(device::usercode))
        .route("/api/accounts/deviceauth/token", post(device::poll))
        .route("/oauth/token", post(token::token))
        .route("/oauth/revoke", post(revoke::revoke))
        .route("/codex/device", get(page::show).post(page::decide))
        .route(
            "/backend-api/codex/responses",
            post(responses::chatgpt).get(responses::upgrade),
        )
        .route("/backend-api/codex/models", get(models::chatgpt))
        .route("/backend-api/wham/accounts/check", get(account::check))
        .route("/backend-api/wham/usage", get(account::usage))
        .route("/backend-api/codex/api/codex/usage", get(account::usage))
        .route("/api/codex/usage", get(account::usage))
        .route(
            "/v1/responses",
            post(responses::public).get(responses::upgrade),
        )
        .route("/v1/models", get(models::public))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        // Whoever reads the wire bounds the bodies.
        .layer(DefaultBodyLimit::disable())
        .with_state(state)
}

async fn not_found() -> Response {
    detail(StatusCode::NOT_FOUND, "Not Found")
}

async fn method_not_allowed() -> Response {
    detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
}

fn detail(status: StatusCode, text: &str) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        format!("{{\"detail\":\"{text}\"}}"),
    )
        .into_response()
}

#[cfg(test)]
mod tests;
