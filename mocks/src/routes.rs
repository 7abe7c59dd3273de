//! Every path of the real servers: the authorization server at the root, the backends below their prefixes.

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{DefaultBodyLimit, FromRef, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use bytes::Bytes;
use http::{Method, StatusCode, header};

use crate::authorization::AuthorizationServer;
use crate::authorization::endpoint::{
    authorize, device, device_grant, metadata, page, revoke, token,
};
use crate::authorization::profile::Profile;
use crate::authorization::profile::chatgpt::CHATGPT;
use crate::authorization::profile::claude::CLAUDE;
use crate::authorization::profile::github::GITHUB;
use crate::authorization::profile::google::GOOGLE;
use crate::authorization::profile::nous::NOUS;
use crate::authorization::profile::qwen::QWEN;
use crate::authorization::profile::strict::STRICT;
use crate::authorization::profile::xai::XAI;
use crate::backend::{account, chat, claude, github, google, messages, models, responses};

/// What the handlers share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ServerState {
    /// The authorization server, which also judges bearer tokens.
    pub authorization: AuthorizationServer,
    /// The body of a turn that no rule answers: an event stream.
    pub default_stream: Bytes,
    /// Whether upgrades to a WebSocket are granted.
    pub websocket: bool,
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
        .route("/oauth/token", tokens(&CHATGPT))
        .route("/oauth/revoke", post(revoke::revoke))
        .route("/codex/device", get(page::show).post(page::decide))
        .route("/device", get(page::show).post(page::decide))
        .route("/login/device", get(page::show).post(page::decide))
        .route("/api/oauth/device/code", devices(&NOUS))
        .route("/api/oauth/token", tokens(&NOUS))
        .route("/oauth2/device/code", devices(&XAI))
        .route("/oauth2/token", tokens(&XAI))
        .route("/api/v1/oauth2/device/code", devices(&QWEN))
        .route("/api/v1/oauth2/token", tokens(&QWEN))
        .route("/login/device/code", devices(&GITHUB))
        .route("/login/oauth/access_token", tokens(&GITHUB))
        .route("/strict/device_authorization", devices(&STRICT))
        .route("/strict/token", tokens(&STRICT))
        .route("/strict/revoke", revocations(&STRICT))
        .route("/oauth2/revoke", revocations(&XAI))
        .route("/revoke", revocations(&GOOGLE))
        .route("/v1/oauth/token", tokens(&CLAUDE))
        .route("/token", tokens(&GOOGLE))
        .route("/oauth/authorize", consent())
        .route("/cai/oauth/authorize", consent())
        .route("/o/oauth2/v2/auth", consent())
        .route("/oauth2/authorize", consent())
        .route("/strict/authorize", consent())
        .route(
            "/.well-known/oauth-authorization-server/strict",
            get(metadata::strict),
        )
        .route(
            "/.well-known/oauth-authorization-server",
            get(metadata::chatgpt),
        )
        .route("/.well-known/openid-configuration", get(metadata::xai))
        .route("/.well-known/jwks.json", get(metadata::keys))
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
        .route("/user", get(github::user))
        .route("/api/v3/user", get(github::user))
        .route("/graphql", post(github::graphql))
        .route("/api/graphql", post(github::graphql))
        .route("/copilot_internal/user", get(github::copilot_user))
        .route("/copilot_internal/v2/token", get(github::copilot_token))
        .route(
            "/api/v3/copilot_internal/v2/token",
            get(github::copilot_token),
        )
        .route("/api/oauth/profile", get(claude::profile))
        .route("/api/oauth/claude_cli/roles", get(claude::roles))
        .route(
            "/api/oauth/claude_cli/create_api_key",
            post(claude::create_api_key),
        )
        .route("/api/hello", get(claude::hello))
        .route("/v1/oauth/hello", get(claude::hello))
        .route("/v1/messages", post(messages::messages))
        .route("/v1/messages/count_tokens", post(messages::count_tokens))
        .route("/oauth2/v2/userinfo", get(google::userinfo))
        .route("/oauth2/userinfo", get(google::userinfo))
        .route("/tokeninfo", get(google::tokeninfo).post(google::tokeninfo))
        .route("/models", get(models::public))
        .route("/api/v1/models", get(models::public))
        .fallback(elsewhere)
        .method_not_allowed_fallback(method_not_allowed)
        // Whoever reads the wire bounds the bodies.
        .layer(DefaultBodyLimit::disable())
        .with_state(state)
}

/// The device authorization endpoint of a provider.
fn devices(profile: &'static Profile) -> MethodRouter<ServerState> {
    post(move |state, origin, headers, body| {
        device_grant::authorize(profile, state, origin, headers, body)
    })
}

/// The token endpoint of a provider.
fn tokens(profile: &'static Profile) -> MethodRouter<ServerState> {
    post(move |state, origin, extensions, headers, body| {
        token::token(profile, state, origin, extensions, headers, body)
    })
}

/// The revocation endpoint of a provider.
fn revocations(profile: &'static Profile) -> MethodRouter<ServerState> {
    post(move |state, headers, body| revoke::standard(profile, state, headers, body))
}

/// The page that an authorization code is approved on.
fn consent() -> MethodRouter<ServerState> {
    get(authorize::show).post(authorize::decide)
}

/// What stands below any base, or has a name that no route can hold. What else has no path of its own is not there.
async fn elsewhere(state: State<ServerState>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    if let Some(method) = path.strip_prefix("/v1internal:") {
        return google::code_assist(&state, method, &parts);
    }
    if parts.method == Method::POST && path.ends_with("/chat/completions") {
        return match to_bytes(body, usize::MAX).await {
            Ok(body) => chat::completions(&state, &parts.headers, &body),
            Err(_) => detail(StatusCode::BAD_REQUEST, "Bad Request"),
        };
    }
    not_found()
}

fn not_found() -> Response {
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
