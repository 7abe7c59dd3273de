//! The whole way through the router, as the wire engine calls it.

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

#[tokio::test]
async fn a_device_signs_in_and_asks() {
    let world = world();
    let started = start(&world).await;
    assert_eq!(started["interval"], "1");

    let pending = poll(&world, &started).await;
    assert_eq!(
        (pending.status, pending.json()["error"]["code"].as_str()),
        (403, Some("deviceauth_authorization_pending"))
    );

    let page = decide(&world, &started, "approve").await;
    assert_eq!(page.status, 200);
    assert!(
        page.text.contains("signed in as person@loginproof.example"),
        "{}",
        page.text
    );

    let approval = poll(&world, &started).await.json();
    assert!(approval["code_challenge"].is_string());
    let tokens = exchange(&world, &approval).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text);
    // RFC 6749 §5.1
    assert_eq!(
        (tokens.header("cache-control"), tokens.header("pragma")),
        ("no-store", "no-cache")
    );
    let tokens = tokens.json();
    assert_eq!(
        (&tokens["token_type"], &tokens["expires_in"]),
        (&json!("Bearer"), &json!(3600))
    );

    let reply = ask(
        &world,
        "/backend-api/codex/responses",
        tokens["access_token"].as_str().unwrap(),
        &turn(),
    )
    .await;
    assert_eq!(
        (reply.status, reply.header("openai-model")),
        (200, "gpt-5.5")
    );
    assert!(
        reply
            .header("content-type")
            .starts_with("text/event-stream")
            && reply.default_stream
    );
    assert!(reply.text.starts_with("event: response.created"));
}

#[tokio::test]
async fn a_denied_device_gets_the_vendors_denial() {
    let world = world();
    let started = start(&world).await;
    assert_eq!(decide(&world, &started, "deny").await.status, 200);
    assert_eq!(poll(&world, &started).await.status, 401);
    assert_eq!(decide(&world, &started, "approve").await.status, 409);
}

#[tokio::test]
async fn a_second_exchange_is_denied_and_revokes_the_first() {
    let world = world();
    let started = start(&world).await;
    decide(&world, &started, "approve").await;
    let approval = poll(&world, &started).await.json();
    let tokens = exchange(&world, &approval).await.json();
    let again = exchange(&world, &approval).await;
    assert_eq!(
        (again.status, again.json()["error"].as_str()),
        (400, Some("invalid_grant"))
    );
    let reply = get(
        &world,
        "/backend-api/wham/accounts/check",
        tokens["access_token"].as_str().unwrap(),
    )
    .await;
    assert_eq!(
        (reply.status, reply.json()["error"]["code"].as_str()),
        (401, Some("token_revoked"))
    );
}

#[tokio::test]
async fn refreshing_rotates_in_json_and_form_and_a_spent_token_is_refused() {
    let world = world();
    let set = world
        .authorization
        .seed(TokenState::Expired, TokenState::Live, None);
    let second = refresh(&world, &set.refresh_token).await.json();
    let second = second["refresh_token"].as_str().unwrap();
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", second),
        ("client_id", CLIENT_ID),
    ];
    assert_eq!(
        post(&world, "/oauth/token", FORM, form(&fields))
            .await
            .status,
        200
    );

    let replay = refresh(&world, &set.refresh_token).await;
    assert_eq!(
        (replay.status, replay.json()["error"]["code"].as_str()),
        (401, Some("refresh_token_reused"))
    );
    assert_eq!(replay.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_refresh_told_to_keep_leaves_the_shown_token_live() {
    let world = world();
    let set = world
        .authorization
        .seed(TokenState::Expired, TokenState::Live, None);
    let body = json!({"grant_type": "refresh_token", "client_id": CLIENT_ID, "refresh_token": set.refresh_token});
    let request = Request::post("/oauth/token")
        .header("content-type", JSON)
        .extension(Rotation::Keep);
    let reply = send(&world, request.body(Body::from(body.to_string())).unwrap()).await;
    assert!(
        reply.json()["access_token"].is_string() && reply.json().get("refresh_token").is_none(),
        "{}",
        reply.text
    );
    assert_eq!(
        world
            .authorization
            .describe_refresh(&set.refresh_token)
            .state,
        TokenState::Live
    );
}

#[tokio::test]
async fn refused_refreshes_have_the_vendors_codes() {
    let world = world();
    for (state, status, code) in [
        (TokenState::Expired, 401, "refresh_token_expired"),
        (TokenState::Spent, 401, "refresh_token_reused"),
        (TokenState::Revoked, 401, "refresh_token_invalidated"),
        (TokenState::Foreign, 401, "token_expired"),
        (TokenState::None, 400, "empty_string"),
    ] {
        let set = world.authorization.seed(TokenState::Expired, state, None);
        let reply = refresh(&world, &set.refresh_token).await;
        assert_eq!(
            (reply.status, reply.json()["error"]["code"].as_str()),
            (status, Some(code)),
            "{state:?}"
        );
    }
}

#[tokio::test]
async fn the_token_endpoint_says_what_it_cannot_read() {
    let world = world();
    for (kind, body, status, error) in [
        (
            "text/plain",
            "grant_type=refresh_token",
            400,
            json!("The content-type 'text/plain' is not supported here."),
        ),
        (
            FORM,
            "grant_type=refresh_token&client_id=x",
            400,
            json!("Missing required parameter: 'refresh_token'."),
        ),
        (
            FORM,
            "",
            400,
            json!("Missing required parameter: 'grant_type'."),
        ),
    ] {
        let reply = post(&world, "/oauth/token", kind, body).await;
        assert_eq!(
            (reply.status, &reply.json()["error"]["message"]),
            (status, &error)
        );
    }
    let flat = post(&world, "/oauth/token", FORM, "grant_type=password").await;
    assert_eq!(
        (flat.status, flat.json()["error"].as_str()),
        (400, Some("unsupported_grant_type"))
    );
    assert_eq!(post(&world, "/oauth/token", JSON, "{").await.status, 400);
    assert_eq!(
        post(
            &world,
            "/api/accounts/deviceauth/usercode",
            FORM,
            "client_id=x"
        )
        .await
        .status,
        400
    );
}

#[tokio::test]
async fn revoking_is_fine_with_any_token_in_json_and_form() {
    let world = world();
    let set = world
        .authorization
        .seed(TokenState::Live, TokenState::Live, None);
    let unknown = post(
        &world,
        "/oauth/revoke",
        FORM,
        "token=unknown&token_type_hint=nonsense",
    )
    .await;
    assert_eq!(unknown.status, 200);
    let foreign = json!({"token": set.refresh_token, "client_id": "app_other"});
    assert_eq!(
        post(&world, "/oauth/revoke", JSON, foreign.to_string())
            .await
            .status,
        401
    );
    assert_eq!(
        world.authorization.describe_access(&set.access_token).state,
        TokenState::Live
    );
    let body = json!({"token": set.refresh_token, "token_type_hint": "refresh_token", "client_id": CLIENT_ID});
    assert_eq!(
        post(&world, "/oauth/revoke", JSON, body.to_string())
            .await
            .status,
        200
    );
    assert_eq!(
        world.authorization.describe_access(&set.access_token).state,
        TokenState::Revoked
    );
}

#[tokio::test]
async fn bearers_are_judged_with_the_vendors_bodies() {
    let world = world();
    let expired = r#"{"error":{"message":"Provided authentication token is expired. Please try signing in again.","type":null,"code":"token_expired","param":null},"status":401}"#;
    let revoked = r#"{"error":{"message":"Encountered invalidated oauth token for user, failing request","type":null,"code":"token_revoked","param":null},"status":401}"#;
    for (state, body) in [
        (TokenState::None, r#"{"detail":"Unauthorized"}"#),
        (TokenState::Foreign, r#"{"detail":"Unauthorized"}"#),
        (TokenState::Expired, expired),
        (TokenState::Revoked, revoked),
    ] {
        let token = world
            .authorization
            .seed(state, TokenState::Live, None)
            .access_token;
        for path in [
            "/backend-api/codex/models",
            "/v1/models",
            "/backend-api/wham/accounts/check",
            "/api/codex/usage",
        ] {
            let reply = get(&world, path, &token).await;
            assert_eq!((reply.status, reply.text.as_str()), (401, body), "{path}");
        }
        let reply = ask(&world, "/backend-api/codex/responses", &token, &turn()).await;
        assert_eq!((reply.status, reply.text.as_str()), (401, body));
    }
}

#[tokio::test]
async fn a_token_told_to_expire_is_good_again_after_a_refresh() {
    let world = world();
    let set = world
        .authorization
        .seed(TokenState::Live, TokenState::Live, None);
    assert_eq!(
        get(&world, "/backend-api/codex/models", &set.access_token)
            .await
            .status,
        200
    );
    world.authorization.expire_access();
    assert_eq!(
        get(&world, "/backend-api/codex/models", &set.access_token)
            .await
            .status,
        401
    );
    let tokens = refresh(&world, &set.refresh_token).await.json();
    assert_eq!(
        get(
            &world,
            "/backend-api/codex/models",
            tokens["access_token"].as_str().unwrap()
        )
        .await
        .status,
        200
    );
}

#[tokio::test]
async fn the_account_header_must_agree_with_the_token() {
    let world = world();
    let set = world
        .authorization
        .seed(TokenState::Live, TokenState::Live, None);
    for (account, status) in [
        (set.account_id.as_str(), 200),
        ("10610000-0000-0000-0000-000000000000", 403),
    ] {
        let request = Request::get("/backend-api/codex/models")
            .header("authorization", format!("Bearer {}", set.access_token))
            .header("ChatGPT-Account-ID", account);
        assert_eq!(
            send(&world, request.body(Body::empty()).unwrap())
                .await
                .status,
            status
        );
    }
}

#[tokio::test]
async fn the_accounts_check_names_the_account_of_the_token() {
    let world = world();
    let set = world
        .authorization
        .seed(TokenState::Live, TokenState::Live, None);
    let id = &set.account_id;
    let expected = format!(
        r#"{{"accounts":[{{"id":"{id}","workspace_backend_origin":"NO_CONSTRAINT","account_routing_override":"NO_CONSTRAINT","structure":"personal","plan_type":"plus","name":null,"profile_picture_url":null}}],"account_ordering":["{id}"],"default_account_id":"{id}"}}"#
    );
    assert_eq!(
        get(
            &world,
            "/backend-api/wham/accounts/check",
            &set.access_token
        )
        .await
        .text,
        expected
    );
}

#[tokio::test]
async fn usage_and_models_have_the_shapes_that_programs_read() {
    let world = world();
    let token = world
        .authorization
        .seed(TokenState::Live, TokenState::Live, None)
        .access_token;
    for path in [
        "/backend-api/wham/usage",
        "/api/codex/usage",
        "/backend-api/codex/api/codex/usage",
    ] {
        let usage = get(&world, path, &token).await.json();
        assert_eq!(
            (&usage["plan_type"], &usage["rate_limit"]["allowed"]),
            (&json!("plus"), &json!(true)),
            "{path}"
        );
        assert!(usage["rate_limit"]["secondary_window"]["reset_at"].is_u64());
    }
    let models = get(
        &world,
        "/backend-api/codex/models?client_version=0.169.0",
        &token,
    )
    .await;
    assert_eq!(
        (models.text.as_str(), models.header("etag")),
        (r#"{"models":[]}"#, "\"loginproof-models-1\"")
    );
    assert_eq!(
        get(&world, "/v1/models", &token).await.json()["models"],
        json!([])
    );
}

#[tokio::test]
async fn each_backend_applies_its_own_rules() {
    let world = world();
    let token = world
        .authorization
        .seed(TokenState::Live, TokenState::Live, None)
        .access_token;
    let body = json!({"model": "m", "input": "hi"});
    let strict = ask(&world, "/backend-api/codex/responses", &token, &body).await;
    assert_eq!(
        (strict.status, strict.text.as_str()),
        (400, r#"{"detail":"Store must be set to false"}"#)
    );
    assert_eq!(
        ask(&world, "/v1/responses", &token, &body).await.status,
        200
    );
}

#[tokio::test]
async fn a_turn_that_cannot_be_read_is_refused() {
    let world = world();
    let token = world
        .authorization
        .seed(TokenState::Live, TokenState::Live, None)
        .access_token;
    for (kind, body) in [(JSON, "{"), ("text/plain", "{}")] {
        let request = Request::post("/backend-api/codex/responses")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", kind);
        let reply = send(&world, request.body(Body::from(body)).unwrap()).await;
        assert!(
            reply.status == 400 && reply.json()["detail"].is_string(),
            "{}",
            reply.text
        );
    }
}

#[tokio::test]
async fn a_websocket_upgrade_is_answered_426() {
    let world = world();
    for path in ["/backend-api/codex/responses", "/v1/responses"] {
        let request = Request::get(path)
            .header("upgrade", "websocket")
            .header("connection", "Upgrade");
        assert_eq!(
            send(&world, request.body(Body::empty()).unwrap())
                .await
                .status,
            426
        );
    }
}

#[tokio::test]
async fn the_page_takes_a_code_from_its_address_and_later_says_that_it_is_done() {
    let world = world();
    let started = start(&world).await;
    let code = started["user_code"].as_str().unwrap();
    let address = format!("/codex/device?user_code={code}");
    let page = get(&world, &address, "").await;
    assert!(
        page.status == 200 && page.text.contains(&format!("value=\"{code}\"")),
        "{}",
        page.text
    );
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    decide(&world, &started, "approve").await;
    let again = get(&world, &address, "").await;
    assert!(
        again.status == 200 && again.text.contains("nothing left to do"),
        "{}",
        again.text
    );
}

#[tokio::test]
async fn wrong_codes_are_refused_and_soon_not_looked_at() {
    let world = world();
    assert_eq!(
        post(
            &world,
            "/codex/device",
            FORM,
            "user_code=+&decision=approve"
        )
        .await
        .status,
        400
    );
    assert_eq!(
        post(&world, "/codex/device", FORM, "user_code=BCDF-GHJKL")
            .await
            .status,
        400
    );
    for _ in 0..10 {
        assert_eq!(
            post(
                &world,
                "/codex/device",
                FORM,
                "user_code=AAAA-AAAAA&decision=approve"
            )
            .await
            .status,
            404
        );
    }
    let locked = post(
        &world,
        "/codex/device",
        FORM,
        "user_code=AAAA-AAAAA&decision=approve",
    )
    .await;
    assert_eq!(locked.status, 429);
    assert!(
        locked
            .header("retry-after")
            .parse::<u64>()
            .is_ok_and(|seconds| (1..=60).contains(&seconds))
    );
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    let world = world();
    assert_eq!(
        get(&world, "/backend-api/nowhere", "").await.text,
        r#"{"detail":"Not Found"}"#
    );
    let reply = get(&world, "/oauth/token", "").await;
    // RFC 9110 §15.5.6: a 405 lists what is allowed.
    assert_eq!((reply.status, reply.header("allow")), (405, "POST"));
}

#[tokio::test]
async fn a_long_history_is_not_refused_for_its_length() {
    let world = world();
    let token = world
        .authorization
        .seed(TokenState::Live, TokenState::Live, None)
        .access_token;
    let mut body = turn();
    body["input"][0]["content"] = json!("x".repeat(3 << 20));
    assert_eq!(
        ask(&world, "/backend-api/codex/responses", &token, &body)
            .await
            .status,
        200
    );
}
