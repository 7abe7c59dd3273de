//! RFC 8628 over HTTP with each kind of provider, against a server that is not ours.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use std::time::{Duration, Instant};

use loginproof_client::oauth::SignInError;
use loginproof_client::oauth::provider::{Hosts, Provider};
use loginproof_client::session::{AccountError, Notice};
use serde_json::{Value, json};
use support::{User, access};
use wiremock::matchers::{body_string_contains, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const DEVICE_CODE: &str = "dc_loginproof_0123456789";

fn issued(interval: u32) -> Value {
    json!({
        "device_code": DEVICE_CODE, "user_code": "WDJB-MJHT", "verification_uri": "https://p.test/device",
        "verification_uri_complete": "https://p.test/device?c=WDJB-MJHT", "expires_in": 60, "interval": interval,
    })
}

fn tokens() -> Value {
    json!({
        "access_token": "at_loginproof_provider", "refresh_token": "rt_loginproof_provider", "token_type": "Bearer",
        "expires_in": 3600, "inference_base_url": "https://i.test/v1", "other": "x",
    })
}

async fn answers(server: &MockServer, at: &str, times: u64, status: u16, body: Value) {
    Mock::given(method("POST"))
        .and(path(at))
        .respond_with(ResponseTemplate::new(status).set_body_json(body))
        .up_to_n_times(times)
        .mount(server)
        .await;
}

async fn sign_in(user: &User, server: &MockServer, name: &str) -> Result<(), AccountError> {
    let hosts = Hosts::At(server.uri());
    let provider = Provider::named(name).unwrap();
    user.session.sign_in_with(provider, &hosts).await.map(drop)
}

#[tokio::test]
async fn tokens_of_a_provider_stand_beside_those_of_chatgpt() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/api/oauth/device/code"))
        .and(header("content-type", "application/x-www-form-urlencoded"))
        .and(body_string_contains("scope=inference%3Ainvoke"))
        .respond_with(ResponseTemplate::new(200).set_body_json(issued(1)))
        .expect(1)
        .mount(&server)
        .await;
    let pending = json!({ "error": "authorization_pending" });
    answers(&server, "/api/oauth/token", 1, 400, pending).await;
    Mock::given(path("/api/oauth/token"))
        .and(body_string_contains(
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code",
        ))
        .and(body_string_contains(format!("device_code={DEVICE_CODE}")))
        .and(body_string_contains("client_id=hermes-cli"))
        .respond_with(ResponseTemplate::new(200).set_body_json(tokens()))
        .expect(1)
        .mount(&server)
        .await;
    let user = User::new(&server.uri()).signed_in(1, 3600);
    let start = Instant::now();
    sign_in(&user, &server, "nous").await.unwrap();
    assert!(
        start.elapsed() >= Duration::from_secs(2),
        "two polls, a second before each"
    );
    let stored = user.stored();
    assert_eq!(stored["tokens"]["access_token"], access(1));
    let nous = &stored["providers"]["nous"];
    assert_eq!(nous["tokens"]["access_token"], "at_loginproof_provider");
    assert_eq!(nous["tokens"]["refresh_token"], "rt_loginproof_provider");
    assert_eq!(nous["inference_base_url"], "https://i.test/v1");
    assert_eq!(nous.get("other"), None);
    assert_eq!(user.session.providers().unwrap(), ["nous"]);
    let notices = format!("{:?}", user.notices.lock().unwrap());
    assert!(notices.contains("WDJB-MJHT") && !notices.contains(DEVICE_CODE));
    #[cfg(unix)]
    {
        let mode = std::fs::metadata(user.store()).unwrap().permissions();
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777,
            0o600
        );
    }
}

#[tokio::test]
async fn a_later_chatgpt_renewal_keeps_the_providers() {
    let server = MockServer::start().await;
    answers(&server, "/api/oauth/device/code", 1, 200, issued(1)).await;
    answers(&server, "/api/oauth/token", 1, 200, tokens()).await;
    answers(&server, "/oauth/token", 1, 200, support::token_answer(2)).await;
    Mock::given(path("/backend-api/codex/responses"))
        .respond_with(
            ResponseTemplate::new(200).set_body_raw(support::hello("Hi"), "text/event-stream"),
        )
        .mount(&server)
        .await;
    let user = User::new(&server.uri()).signed_in(1, -60);
    let other = User::sharing(&server.uri(), user.folder.clone(), Default::default());
    // The session has the old document in memory when the other process signs in.
    assert!(user.session.status().is_ok());
    sign_in(&other, &server, "nous").await.unwrap();
    assert_eq!(user.ask().await.unwrap(), "Hi");
    let stored = user.stored();
    assert_eq!(stored["tokens"]["access_token"], access(2));
    assert_eq!(
        stored["providers"]["nous"]["tokens"]["access_token"],
        "at_loginproof_provider"
    );
}

#[tokio::test]
async fn github_says_pending_with_200_and_gives_the_copilot_token_after() {
    let server = MockServer::start().await;
    answers(&server, "/login/device/code", 1, 200, issued(1)).await;
    let pending = json!({ "error": "authorization_pending" });
    answers(&server, "/login/oauth/access_token", 1, 200, pending).await;
    let token = json!({ "access_token": "ghu_loginproof", "token_type": "bearer", "scope": "" });
    answers(&server, "/login/oauth/access_token", 1, 200, token).await;
    Mock::given(method("GET"))
        .and(path("/copilot_internal/v2/token"))
        .and(header("authorization", "Bearer ghu_loginproof"))
        .respond_with(
            ResponseTemplate::new(200).set_body_json(
                json!({ "token": "tid=loginproof;exp=1", "expires_at": 1_900_000_000 }),
            ),
        )
        .expect(1)
        .mount(&server)
        .await;
    let user = User::new(&server.uri());
    sign_in(&user, &server, "github").await.unwrap();
    let github = &user.stored()["providers"]["github"];
    assert_eq!(github["service"]["token"], "tid=loginproof;exp=1");
    assert_eq!(github["tokens"]["refresh_token"], Value::Null);
}

#[tokio::test]
async fn endpoints_are_discovered_and_another_issuer_ends_it() {
    let server = MockServer::start().await;
    let metadata = |issuer: String| {
        json!({
            "issuer": issuer, "token_endpoint": format!("{}/there", server.uri()),
            "device_authorization_endpoint": format!("{}/here", server.uri()),
        })
    };
    Mock::given(method("GET"))
        .and(path("/.well-known/oauth-authorization-server/strict"))
        .respond_with(
            ResponseTemplate::new(200).set_body_json(metadata(format!("{}/strict", server.uri()))),
        )
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path("/.well-known/openid-configuration"))
        .respond_with(ResponseTemplate::new(200).set_body_json(metadata(server.uri() + "/")))
        .mount(&server)
        .await;
    answers(&server, "/here", 1, 200, issued(1)).await;
    answers(&server, "/there", 1, 200, tokens()).await;
    let user = User::new(&server.uri());
    sign_in(&user, &server, "strict").await.unwrap();
    assert!(user.stored()["providers"]["strict"].is_object());
    let before = server.received_requests().await.unwrap().len();
    let error = sign_in(&user, &server, "xai").await.unwrap_err();
    assert!(
        matches!(error, AccountError::SignIn(SignInError::Metadata(_))),
        "{error}"
    );
    assert_eq!(server.received_requests().await.unwrap().len(), before + 1);
}

#[tokio::test]
async fn a_denial_stores_nothing_and_stops_the_polling() {
    let server = MockServer::start().await;
    answers(&server, "/api/v1/oauth2/device/code", 1, 200, issued(1)).await;
    answers(
        &server,
        "/api/v1/oauth2/token",
        9,
        400,
        json!({ "error": "access_denied" }),
    )
    .await;
    let user = User::new(&server.uri());
    let error = sign_in(&user, &server, "qwen").await.unwrap_err();
    assert_eq!(error, AccountError::SignIn(SignInError::Denied));
    assert!(!user.store().exists());
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 2);
    let body = String::from_utf8_lossy(&requests[1].body);
    assert!(body.contains("&code_verifier="), "{body}");
    let prompts = user.notices.lock().unwrap();
    let shown = prompts.iter().filter(|n| matches!(n, Notice::Prompt(_)));
    assert_eq!(shown.count(), 1);
}
