//! The whole way through the router, as the wire engine calls it.

mod backend;
mod code_grant;
mod device_grant;
mod models_ask;
mod sign_in;
mod tokens;

use axum::body::Body;
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::authorization::{AuthorizationOptions, CLIENT_ID, Rotation};
use crate::script::TokenState;

const ORIGIN: &str = "http://127.0.0.1:4000";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

struct Reply {
    status: u16,
    headers: HeaderMap,
    text: String,
    default_stream: bool,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

fn world() -> ServerState {
    ServerState {
        authorization: AuthorizationServer::new(
            AuthorizationOptions::default(),
            1,
            &format!("{ORIGIN}/"),
        ),
        websocket: false,
        default_stream: Bytes::from_static(b"event: response.created\ndata: {}\n\n"),
    }
}

async fn send(world: &ServerState, request: Request<Body>) -> Reply {
    let response = router(world.clone()).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Reply {
        status: parts.status.as_u16(),
        headers: parts.headers,
        text: String::from_utf8(bytes.to_vec()).unwrap(),
        default_stream: parts.extensions.get::<DefaultStream>().is_some(),
    }
}

async fn post(world: &ServerState, path: &str, kind: &str, body: impl Into<Body>) -> Reply {
    send(
        world,
        Request::post(path)
            .header("content-type", kind)
            .body(body.into())
            .unwrap(),
    )
    .await
}

async fn get(world: &ServerState, path: &str, token: &str) -> Reply {
    send(
        world,
        Request::get(path)
            .header("authorization", format!("Bearer {token}"))
            .body(Body::empty())
            .unwrap(),
    )
    .await
}

async fn ask(world: &ServerState, path: &str, token: &str, body: &Value) -> Reply {
    let request = Request::post(path)
        .header("authorization", format!("bearer {token}"))
        .header("content-type", JSON);
    send(world, request.body(Body::from(body.to_string())).unwrap()).await
}

fn turn() -> Value {
    json!({"model": "gpt-5.5", "input": [{"role": "user", "content": "hi"}], "stream": true, "store": false})
}

fn form(fields: &[(&str, &str)]) -> String {
    serde_urlencoded::to_string(fields).unwrap()
}

async fn start(world: &ServerState) -> Value {
    let reply = post(
        world,
        "/api/accounts/deviceauth/usercode",
        JSON,
        json!({ "client_id": CLIENT_ID }).to_string(),
    )
    .await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

async fn poll(world: &ServerState, started: &Value) -> Reply {
    let body =
        json!({"device_auth_id": started["device_auth_id"], "user_code": started["user_code"]});
    post(
        world,
        "/api/accounts/deviceauth/token",
        JSON,
        body.to_string(),
    )
    .await
}

async fn decide(world: &ServerState, started: &Value, decision: &str) -> Reply {
    let code = started["user_code"]
        .as_str()
        .unwrap()
        .to_lowercase()
        .replace('-', " ");
    post(
        world,
        "/codex/device",
        FORM,
        form(&[("user_code", &code), ("decision", decision)]),
    )
    .await
}

async fn exchange(world: &ServerState, approval: &Value) -> Reply {
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT_ID),
        ("code", approval["authorization_code"].as_str().unwrap()),
        ("redirect_uri", "http://127.0.0.1:4000/deviceauth/callback"),
        ("code_verifier", approval["code_verifier"].as_str().unwrap()),
    ];
    post(world, "/oauth/token", FORM, form(&fields)).await
}

async fn refresh(world: &ServerState, token: &str) -> Reply {
    let body = json!({"grant_type": "refresh_token", "client_id": CLIENT_ID, "refresh_token": token, "refresh_reason": "scheduled"});
    post(world, "/oauth/token", JSON, body.to_string()).await
}
