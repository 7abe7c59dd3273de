//! Several accounts in one file, and the fallback behind them, over HTTP.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use loginproof_client::oauth::ApiKey;
use loginproof_client::session::{Fallback, Place, Session};
use serde_json::{Value, json};
use support::{User, access, event, hello, refresh, token_answer};
use wiremock::matchers::{body_partial_json, body_string_contains, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const RESPONSES: &str = "/backend-api/codex/responses";

/// One account of a file.
fn account(pair: u32, ends_in: i64) -> Value {
    let mut account: Value =
        serde_json::from_str(&support::credential_file(pair, ends_in)).unwrap();
    account["tokens"]["account_id"] = format!("acct_loginproof_{pair}").into();
    account
}

/// A user with accounts 1 and 2.
fn two(origin: &str, ends_in: i64) -> User {
    let user = User::new(origin);
    write(&user, ends_in);
    user
}

fn write(user: &User, ends_in: i64) {
    let mut file = account(1, ends_in);
    file["pool"] = json!([account(2, 3600)]);
    std::fs::write(user.store(), file.to_string()).unwrap();
}

async fn answers(server: &MockServer, pair: u32, answer: ResponseTemplate) {
    Mock::given(method("POST"))
        .and(path(RESPONSES))
        .and(header("authorization", format!("Bearer {}", access(pair))))
        .respond_with(answer)
        .mount(server)
        .await;
}

fn stream(text: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(text, "text/event-stream")
}

fn limit(resets_in: u64) -> Value {
    json!({ "error": { "type": "usage_limit_reached", "message": "full", "resets_in_seconds": resets_in } })
}

/// The accounts that were asked, by their tokens, in order.
async fn asked(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.unwrap();
    let of_responses = requests.iter().filter(|r| r.url.path() == RESPONSES);
    of_responses
        .map(|r| r.headers["authorization"].to_str().unwrap()["Bearer ".len()..].to_owned())
        .collect()
}

fn seconds() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap().as_secs()
}

#[tokio::test]
async fn a_used_up_account_gives_way_and_is_remembered_until_its_reset() {
    let server = MockServer::start().await;
    answers(
        &server,
        1,
        ResponseTemplate::new(429).set_body_json(limit(500)),
    )
    .await;
    answers(&server, 2, stream(&hello("Hi"))).await;
    let user = two(&server.uri(), 3600);
    assert_eq!(user.ask().await.unwrap(), "Hi");
    assert_eq!(asked(&server).await, [access(1), access(2)]);
    let stored = user.stored();
    let until = stored["exhausted"]["until"].as_u64().unwrap();
    assert!((seconds() + 490..=seconds() + 500).contains(&until));
    assert_eq!(stored["pool"][0].get("exhausted"), None);
    // Another process knows it from the file.
    let next = User::sharing(&server.uri(), user.folder.clone(), Default::default());
    assert_eq!(next.ask().await.unwrap(), "Hi");
    assert_eq!(asked(&server).await.last(), Some(&access(2)));
    assert_eq!(asked(&server).await.len(), 3);
    let states = next.session.accounts().unwrap();
    assert!(states[0].exhausted.is_some() && states[1].exhausted.is_none());
}

#[tokio::test]
async fn every_soft_failure_moves_on_also_one_that_comes_with_status_200() {
    let failed = |code: &str| {
        let response =
            json!({ "id": "r", "status": "failed", "error": { "code": code, "message": "m" } });
        stream(&event(
            &json!({ "type": "response.failed", "response": response }),
        ))
    };
    let closed = json!({ "detail": { "code": "deactivated_workspace" } });
    let soft = [
        ResponseTemplate::new(429).insert_header("retry-after", "1"),
        ResponseTemplate::new(402).set_body_json(closed),
        failed("usage_limit_reached"),
        failed("insufficient_quota"),
        failed("rate_limit_exceeded"),
        ResponseTemplate::new(401).set_body_json(json!({ "error": { "code": "token_revoked" } })),
    ];
    for answer in soft {
        let server = MockServer::start().await;
        answers(&server, 1, answer).await;
        answers(&server, 2, stream(&hello("Hi"))).await;
        let user = two(&server.uri(), 3600);
        assert_eq!(user.ask().await.unwrap(), "Hi");
        assert_eq!(asked(&server).await, [access(1), access(2)]);
    }
}

#[tokio::test]
async fn policy_and_cancellation_stay_with_the_account() {
    let failed = json!({ "id": "r", "status": "failed", "error": { "code": "cyber_policy", "message": "no" } });
    let cancelled = json!({ "id": "r", "status": "cancelled" });
    for answer in [
        event(&json!({ "type": "response.failed", "response": failed })),
        event(&json!({ "type": "response.cancelled", "response": cancelled })),
    ] {
        let server = MockServer::start().await;
        answers(&server, 1, stream(&answer)).await;
        let user = two(&server.uri(), 3600);
        let before = user.stored();
        user.ask().await.unwrap_err();
        assert_eq!(asked(&server).await, [access(1)]);
        assert_eq!(user.stored(), before);
    }
}

#[tokio::test]
async fn a_dead_account_is_renewed_once_and_never_asked_again() {
    let server = MockServer::start().await;
    Mock::given(path("/oauth/token"))
        .and(body_string_contains(refresh(1)))
        .respond_with(ResponseTemplate::new(400).set_body_json(json!({ "error": "invalid_grant" })))
        .expect(1)
        .mount(&server)
        .await;
    answers(&server, 2, stream(&hello("Hi"))).await;
    let user = two(&server.uri(), -60);
    for _ in 0..2 {
        let process = User::sharing(&server.uri(), user.folder.clone(), Default::default());
        assert_eq!(process.ask().await.unwrap(), "Hi");
    }
    assert_eq!(asked(&server).await, [access(2), access(2)]);
    assert!(user.session.accounts().unwrap()[0].dead.is_some());
}

#[tokio::test]
async fn a_renewal_of_the_second_account_leaves_the_first_alone() {
    let server = MockServer::start().await;
    answers(
        &server,
        1,
        ResponseTemplate::new(429).set_body_json(limit(500)),
    )
    .await;
    Mock::given(path("/oauth/token"))
        .and(body_string_contains(refresh(2)))
        .respond_with(ResponseTemplate::new(200).set_body_json(token_answer(3)))
        .expect(1)
        .mount(&server)
        .await;
    answers(&server, 3, stream(&hello("Hi"))).await;
    let user = User::new(&server.uri());
    let mut file = account(1, 3600);
    file["pool"] = json!([account(2, -60)]);
    std::fs::write(user.store(), file.to_string()).unwrap();
    assert_eq!(user.ask().await.unwrap(), "Hi");
    let stored = user.stored();
    assert_eq!(stored["tokens"]["access_token"], access(1));
    assert_eq!(stored["pool"][0]["tokens"]["access_token"], access(3));
    assert_eq!(stored["pool"][0]["tokens"]["refresh_token"], refresh(3));
    assert!(stored["exhausted"]["until"].is_u64());
}

#[tokio::test]
async fn when_all_are_used_up_the_earliest_reset_is_named_and_nobody_is_asked() {
    let server = MockServer::start().await;
    answers(
        &server,
        1,
        ResponseTemplate::new(429).set_body_json(limit(9000)),
    )
    .await;
    answers(
        &server,
        2,
        ResponseTemplate::new(429).set_body_json(limit(500)),
    )
    .await;
    let user = two(&server.uri(), 3600);
    user.ask().await.unwrap_err();
    let next = User::sharing(&server.uri(), user.folder.clone(), Default::default());
    let error = next.ask().await.unwrap_err();
    assert!(error.contains("none of the 2 accounts"), "{error}");
    assert_eq!(asked(&server).await.len(), 2);
}

/// A user of this file with a fallback.
fn with_fallback(server: &MockServer, user: &User) -> User {
    let fallback = Fallback {
        base_url: format!("{}/v1/", server.uri()),
        api_key: Some(ApiKey::new("sk-loginproof-fallback")),
        model: "other".into(),
    };
    User::with(
        &server.uri(),
        user.folder.clone(),
        Default::default(),
        |config| config.fallback = Some(fallback),
    )
}

#[tokio::test]
async fn the_conversation_goes_to_the_fallback_and_no_secret_goes_astray() {
    let server = MockServer::start().await;
    for pair in [1, 2] {
        let answer = ResponseTemplate::new(429).set_body_json(limit(500));
        answers(&server, pair, answer).await;
    }
    let call = json!({ "choices": [{ "finish_reason": "tool_calls", "message": { "content": null, "tool_calls": [
        { "id": "call_1", "type": "function", "function": { "name": "echo", "arguments": "{\"text\":\"x\"}" } },
    ] } }] });
    let end = json!({ "choices": [{ "finish_reason": "stop", "message": { "content": "From elsewhere" } }] });
    for body in [call, end] {
        Mock::given(path("/v1/chat/completions"))
            .and(header("authorization", "Bearer sk-loginproof-fallback"))
            .and(body_partial_json(json!({ "model": "other" })))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
            .up_to_n_times(1)
            .mount(&server)
            .await;
    }
    let user = with_fallback(&server, &two(&server.uri(), 3600));
    assert_eq!(user.ask().await.unwrap(), "From elsewhere");
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 4);
    for request in &requests {
        let whole = format!(
            "{:?} {}",
            request.headers,
            String::from_utf8_lossy(&request.body)
        );
        let there = request.url.path() == "/v1/chat/completions";
        assert_eq!(whole.contains("sk-loginproof"), there);
        assert_eq!(whole.contains("at_loginproof"), !there);
        assert!(!whole.contains("rt_loginproof"));
        assert!(!there || !whole.contains("chatgpt-account-id"));
    }
    assert!(String::from_utf8_lossy(&requests[3].body).contains("\"tool_call_id\":\"call_1\""));
}

#[tokio::test]
async fn a_refused_renewal_at_the_start_leads_to_the_fallback() {
    let server = MockServer::start().await;
    Mock::given(path("/oauth/token"))
        .respond_with(ResponseTemplate::new(401).set_body_json(
            json!({ "error": { "code": "refresh_token_expired", "message": "old" } }),
        ))
        .mount(&server)
        .await;
    let answer =
        json!({ "choices": [{ "finish_reason": "stop", "message": { "content": "Hi" } }] });
    Mock::given(path("/v1/chat/completions"))
        .respond_with(ResponseTemplate::new(200).set_body_json(answer))
        .mount(&server)
        .await;
    let signed_in = User::new(&server.uri()).signed_in(1, -60);
    let user = with_fallback(&server, &signed_in);
    assert_eq!(user.ask().await.unwrap(), "Hi");
    assert!(asked(&server).await.is_empty());
    // Without anybody signed in, the fallback is no way around signing in.
    std::fs::remove_file(user.store()).unwrap();
    let error = with_fallback(&server, &signed_in).ask().await.unwrap_err();
    assert!(error.contains("not signed in"), "{error}");
}

#[tokio::test]
async fn fast_asks_for_priority_and_models_are_listed_after_a_renewal() {
    let server = MockServer::start().await;
    Mock::given(path(RESPONSES))
        .and(body_partial_json(json!({ "service_tier": "priority" })))
        .respond_with(stream(&hello("Hi")))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path("/backend-api/codex/models"))
        .and(header("authorization", format!("Bearer {}", access(1))))
        .respond_with(ResponseTemplate::new(401))
        .mount(&server)
        .await;
    Mock::given(path("/oauth/token"))
        .respond_with(ResponseTemplate::new(200).set_body_json(token_answer(2)))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path("/backend-api/codex/models"))
        .and(header("authorization", format!("Bearer {}", access(2))))
        .respond_with(
            ResponseTemplate::new(200).set_body_json(json!({ "models": [{ "slug": "gpt-5.5" }] })),
        )
        .mount(&server)
        .await;
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let user = User::with(&server.uri(), folder, Default::default(), |config| {
        config.fast = true
    })
    .signed_in(1, 3600);
    user.ask().await.unwrap();
    let models = user.session.models().await.unwrap();
    assert_eq!(models[0].slug, "gpt-5.5");
    let requests = server.received_requests().await.unwrap();
    assert!(
        requests
            .last()
            .unwrap()
            .url
            .query()
            .unwrap()
            .starts_with("client_version=")
    );
}

/// Codex's file with these tokens.
fn codex(folder: &std::path::Path, tokens: Value) -> std::path::PathBuf {
    let path = folder.join("codex.json");
    let text = json!({ "OPENAI_API_KEY": null, "tokens": tokens, "last_refresh": "2026-01-01T00:00:00.000000000Z" });
    std::fs::write(&path, text.to_string()).unwrap();
    path
}

async fn import(session: &Session, path: &std::path::Path) -> Result<(), String> {
    let imported = session.import_codex(path, Place::Added).await;
    imported.map(drop).map_err(|error| error.to_string())
}

#[tokio::test]
async fn only_a_whole_and_unexpired_sign_in_is_imported_and_the_source_stays_as_it_is() {
    let user = User::new("http://127.0.0.1:9").signed_in(1, 3600);
    let before = user.stored();
    let folder = tempfile::tempdir().unwrap();
    // Of an account, unsigned; one that has expired, and one that will not for long.
    let (old, new) = (unsigned(1), unsigned(4_102_444_800));
    for (tokens, why) in [
        (
            json!({ "access_token": old, "refresh_token": "r" }),
            "expired",
        ),
        (
            json!({ "access_token": new, "refresh_token": "" }),
            "refresh token is missing",
        ),
        (json!({ "refresh_token": "r" }), "access token is missing"),
        (Value::Null, "no ChatGPT tokens"),
    ] {
        let error = import(&user.session, &codex(folder.path(), tokens))
            .await
            .unwrap_err();
        assert!(error.contains(why), "{error}");
    }
    let missing = folder.path().join("nothing.json");
    assert!(
        import(&user.session, &missing)
            .await
            .unwrap_err()
            .contains("not there")
    );
    assert_eq!(user.stored(), before);

    let source = codex(
        folder.path(),
        json!({ "access_token": new, "refresh_token": "rt_other", "id_token": "e30.e30.x", "account_id": "acct_2", "login_owner_id": "x" }),
    );
    let text = std::fs::read(&source).unwrap();
    import(&user.session, &source).await.unwrap();
    assert_eq!(std::fs::read(&source).unwrap(), text);
    let stored = user.stored();
    assert_eq!(stored["tokens"], before["tokens"]);
    assert_eq!(stored["pool"][0]["tokens"]["access_token"], new);
    assert_eq!(stored["pool"][0]["tokens"]["account_id"], "acct_2");
    assert_eq!(stored["pool"][0]["tokens"].get("login_owner_id"), None);
    // The same account takes its own place again.
    import(&user.session, &source).await.unwrap();
    assert_eq!(user.stored()["pool"].as_array().unwrap().len(), 1);
    assert_eq!(user.session.accounts().unwrap().len(), 2);
    let entries = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(entries, 1, "no lock and no copy beside the source");
}

/// An access token of ChatGPT's kind, for an account, without a signature.
fn unsigned(expires_at: i64) -> String {
    let claims = json!({
        "exp": expires_at,
        "https://api.openai.com/auth": { "chatgpt_account_id": "acct_2" },
    });
    format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims.to_string()))
}
