//! Keeping a sign-in alive, over HTTP, against a server that is not ours.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use std::sync::Arc;

use loginproof_client::session::{Notice, Status};
use loginproof_client::transport::Limits;
use serde_json::json;
use support::{User, access, credential_file, hello, refresh, token_answer};
use wiremock::matchers::{body_string_contains, header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const RESPONSES: &str = "/backend-api/codex/responses";

fn stream(text: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(hello(text), "text/event-stream")
}

/// Answers with `text` where this access token is shown.
async fn accepts(server: &MockServer, pair: u32, text: &str) {
    Mock::given(method("POST"))
        .and(path(RESPONSES))
        .and(header("authorization", format!("Bearer {}", access(pair))))
        .respond_with(stream(text))
        .mount(server)
        .await;
}

async fn refuses_access(server: &MockServer, code: &str) {
    let body = json!({ "error": { "code": code, "message": "No.", "type": null }, "status": 401 });
    Mock::given(path(RESPONSES))
        .respond_with(ResponseTemplate::new(401).set_body_json(body))
        .mount(server)
        .await;
}

/// Exchanges one refresh token for the next pair, once; a second time it was used already.
async fn rotates(server: &MockServer, pair: u32) {
    Mock::given(path("/oauth/token"))
        .and(body_string_contains(format!(
            "refresh_token={}",
            refresh(pair)
        )))
        .respond_with(ResponseTemplate::new(200).set_body_json(token_answer(pair + 1)))
        .up_to_n_times(1)
        .mount(server)
        .await;
    answers_refresh(
        server,
        401,
        &json!({ "error": { "code": "refresh_token_reused", "message": "Used." } }),
    )
    .await;
}

async fn answers_refresh(server: &MockServer, status: u16, body: &serde_json::Value) {
    Mock::given(path("/oauth/token"))
        .respond_with(ResponseTemplate::new(status).set_body_json(body))
        .mount(server)
        .await;
}

async fn count(server: &MockServer, to: &str) -> usize {
    server
        .received_requests()
        .await
        .unwrap()
        .iter()
        .filter(|r| r.url.path() == to)
        .count()
}

#[tokio::test]
async fn an_expired_token_is_renewed_before_it_is_used() {
    let server = MockServer::start().await;
    rotates(&server, 1).await;
    accepts(&server, 2, "Hi").await;
    let user = User::new(&server.uri()).signed_in(1, -60);
    assert_eq!(user.ask().await.unwrap(), "Hi");
    assert_eq!(user.stored()["tokens"]["refresh_token"], refresh(2));
    assert_eq!(user.stored()["tokens"]["account_id"], "acct_loginproof");
    let requests = server.received_requests().await.unwrap();
    let paths: Vec<_> = requests.iter().map(|r| r.url.path()).collect();
    assert_eq!(paths, ["/oauth/token", RESPONSES]);
    assert_eq!(requests[1].headers["chatgpt-account-id"], "acct_loginproof");
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_and_the_same_body_is_sent_again() {
    let server = MockServer::start().await;
    rotates(&server, 1).await;
    accepts(&server, 2, "Hi").await;
    refuses_access(&server, "token_expired").await;
    let user = User::new(&server.uri()).signed_in(1, 3600);
    assert_eq!(user.ask().await.unwrap(), "Hi");
    let requests = server.received_requests().await.unwrap();
    let bodies: Vec<_> = requests
        .iter()
        .filter(|r| r.url.path() == RESPONSES)
        .map(|r| r.body.clone())
        .collect();
    assert_eq!((requests.len(), bodies.len()), (3, 2));
    assert_eq!(bodies[0], bodies[1]);
}

#[tokio::test]
async fn a_pair_that_another_process_stored_is_taken_before_anything_is_spent() {
    let server = MockServer::start().await;
    accepts(&server, 1, "one").await;
    accepts(&server, 2, "two").await;
    let user = User::new(&server.uri()).signed_in(1, 3600);
    assert_eq!(user.ask().await.unwrap(), "one");
    server.reset().await;
    accepts(&server, 2, "two").await;
    refuses_access(&server, "token_expired").await;
    std::fs::write(user.store(), credential_file(2, 3600)).unwrap();
    assert_eq!(user.ask().await.unwrap(), "two");
    assert_eq!(count(&server, "/oauth/token").await, 0);
}

#[tokio::test]
async fn a_token_that_is_always_refused_costs_one_refresh_and_one_replay() {
    let server = MockServer::start().await;
    rotates(&server, 1).await;
    refuses_access(&server, "token_expired").await;
    let user = User::new(&server.uri()).signed_in(1, 3600);
    let error = user.ask().await.unwrap_err();
    assert!(error.contains("token_expired"), "{error}");
    assert_eq!(
        (
            count(&server, RESPONSES).await,
            count(&server, "/oauth/token").await
        ),
        (2, 1)
    );
}

#[tokio::test]
async fn a_revoked_access_token_is_final() {
    let server = MockServer::start().await;
    refuses_access(&server, "token_revoked").await;
    let user = User::new(&server.uri()).signed_in(1, 3600);
    assert!(user.ask().await.unwrap_err().contains("revoked"));
    assert_eq!(
        (
            count(&server, RESPONSES).await,
            count(&server, "/oauth/token").await
        ),
        (1, 0)
    );
}

#[tokio::test]
async fn a_refresh_that_changes_nothing_is_not_followed_by_a_replay() {
    let server = MockServer::start().await;
    answers_refresh(&server, 200, &token_answer(1)).await;
    refuses_access(&server, "token_expired").await;
    let user = User::new(&server.uri()).signed_in(1, 3600);
    assert!(user.ask().await.is_err());
    assert_eq!(
        (
            count(&server, RESPONSES).await,
            count(&server, "/oauth/token").await
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn a_dead_refresh_token_is_sent_once_over_all_starts_and_a_new_one_ends_that() {
    for (status, body) in [
        (
            401,
            json!({ "error": { "code": "refresh_token_reused", "message": "Used." } }),
        ),
        (400, json!({ "error": { "code": "refresh_token_expired" } })),
        (
            400,
            json!({ "error": "invalid_grant", "error_description": "Unknown." }),
        ),
    ] {
        let server = MockServer::start().await;
        answers_refresh(&server, status, &body).await;
        let user = User::new(&server.uri()).signed_in(1, -60);
        let before = std::fs::read(user.store()).unwrap();
        let first = user.ask().await.unwrap_err();
        let restarted = User::sharing(&server.uri(), Arc::clone(&user.folder), Limits::default());
        let second = restarted.ask().await.unwrap_err();
        assert_eq!(
            count(&server, "/oauth/token").await,
            1,
            "{first} / {second}"
        );
        assert_eq!(count(&server, RESPONSES).await, 0);
        assert_eq!(
            std::fs::read(user.store()).unwrap(),
            before,
            "the file is left as it was"
        );
        assert!(matches!(
            restarted.session.status(),
            Ok(Status::SignedIn { dead: Some(_), .. })
        ));

        server.reset().await;
        accepts(&server, 2, "again").await;
        std::fs::write(user.store(), credential_file(2, 3600)).unwrap();
        // Also without a restart.
        assert_eq!(user.ask().await.unwrap(), "again");
    }
}

#[tokio::test]
async fn a_server_that_fails_leaves_the_sign_in_as_it_is() {
    for (status, body) in [
        (500, json!({ "error": "temporary-failure" })),
        (429, json!({})),
        (503, json!({})),
    ] {
        let server = MockServer::start().await;
        answers_refresh(&server, status, &body).await;
        let user = User::new(&server.uri()).signed_in(1, -60);
        let before = std::fs::read(user.store()).unwrap();
        let error = user.ask().await.unwrap_err();
        assert!(error.contains(&status.to_string()), "{error}");
        assert_eq!(std::fs::read(user.store()).unwrap(), before);
        server.reset().await;
        rotates(&server, 1).await;
        accepts(&server, 2, "Hi").await;
        assert_eq!(user.ask().await.unwrap(), "Hi");
    }
}

#[tokio::test]
async fn a_token_that_still_works_is_used_when_it_cannot_be_renewed() {
    let server = MockServer::start().await;
    answers_refresh(
        &server,
        401,
        &json!({ "error": { "code": "refresh_token_invalidated" } }),
    )
    .await;
    accepts(&server, 1, "Hi").await;
    let user = User::new(&server.uri()).signed_in(1, 240);
    assert_eq!(user.ask().await.unwrap(), "Hi");
    assert!(
        user.notices
            .lock()
            .unwrap()
            .iter()
            .any(|n| matches!(n, Notice::Warning(w) if w.contains("revoked")))
    );
}

#[tokio::test]
async fn the_loser_of_a_race_takes_the_winners_pair() {
    let server = MockServer::start().await;
    let user = User::new(&server.uri()).signed_in(1, -60);
    let store = user.store();
    Mock::given(path("/oauth/token"))
        .respond_with(move |_: &Request| {
            // Another program stores the pair that it bought, and only then does our refusal arrive.
            std::fs::write(&store, credential_file(2, 3600)).unwrap();
            let body = json!({ "error": { "code": "refresh_token_reused", "message": "Used." } });
            ResponseTemplate::new(401).set_body_json(body)
        })
        .expect(1)
        .mount(&server)
        .await;
    accepts(&server, 2, "Hi").await;
    assert_eq!(user.ask().await.unwrap(), "Hi");
}

#[tokio::test]
async fn eight_prompts_at_once_share_one_refresh() {
    let server = MockServer::start().await;
    rotates(&server, 1).await;
    accepts(&server, 2, "Hi").await;
    let user = User::new(&server.uri()).signed_in(1, -60);
    let answers = futures_util::future::join_all((0..8).map(|_| user.ask())).await;
    assert!(
        answers.iter().all(|a| a.as_deref() == Ok("Hi")),
        "{answers:?}"
    );
    assert_eq!(count(&server, "/oauth/token").await, 1);
}

#[tokio::test]
async fn eight_prompts_at_once_share_one_failure() {
    let server = MockServer::start().await;
    answers_refresh(&server, 503, &json!({})).await;
    let user = User::new(&server.uri()).signed_in(1, -60);
    let answers = futures_util::future::join_all((0..8).map(|_| user.ask())).await;
    assert!(answers.iter().all(Result::is_err));
    assert_eq!(count(&server, "/oauth/token").await, 1);
}

#[tokio::test]
async fn several_processes_on_one_file_share_one_refresh() {
    let server = MockServer::start().await;
    rotates(&server, 1).await;
    accepts(&server, 2, "Hi").await;
    let first = User::new(&server.uri()).signed_in(1, -60);
    let share = || User::sharing(&server.uri(), Arc::clone(&first.folder), Limits::default());
    // Locks belong to open files, so sessions contend as processes do.
    let users = [share(), share(), share()];
    let answers = futures_util::future::join_all(users.iter().map(User::ask)).await;
    assert!(
        answers.iter().all(|a| a.as_deref() == Ok("Hi")),
        "{answers:?}"
    );
    assert_eq!(count(&server, "/oauth/token").await, 1);
}

#[tokio::test]
async fn another_accounts_sign_in_is_not_taken_over() {
    let server = MockServer::start().await;
    accepts(&server, 1, "one").await;
    let user = User::new(&server.uri()).signed_in(1, 3600);
    user.ask().await.unwrap();
    server.reset().await;
    refuses_access(&server, "token_expired").await;
    std::fs::write(
        user.store(),
        credential_file(2, 3600).replace("acct_loginproof", "acct_loginproof_other"),
    )
    .unwrap();
    assert!(user.ask().await.unwrap_err().contains("another account"));
    assert_eq!(
        (
            count(&server, RESPONSES).await,
            count(&server, "/oauth/token").await
        ),
        (1, 0)
    );
}

#[tokio::test]
async fn nothing_is_sent_without_a_refresh_token_or_a_place_for_its_successor() {
    let server = MockServer::start().await;
    let user = User::new(&server.uri());
    assert!(user.ask().await.unwrap_err().contains("not signed in"));
    std::fs::write(
        user.store(),
        credential_file(1, -60).replace(&refresh(1), ""),
    )
    .unwrap();
    let user = User::sharing(&server.uri(), Arc::clone(&user.folder), Limits::default());
    assert!(user.ask().await.unwrap_err().contains("no refresh token"));
    #[cfg(unix)]
    {
        std::fs::write(user.store(), credential_file(1, -60)).unwrap();
        let read_only = std::os::unix::fs::PermissionsExt::from_mode(0o400);
        std::fs::set_permissions(user.store(), read_only).unwrap();
        let user = User::sharing(&server.uri(), Arc::clone(&user.folder), Limits::default());
        assert!(user.ask().await.unwrap_err().contains("cannot write"));
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_echoed_secret_is_in_no_text() {
    for body in [
        json!({ "error": { "code": "invalid_grant", "message": format!("refresh_token={} is bad", refresh(1)) } }).to_string(),
        json!({ "error": { "code": format!("bad {}", refresh(1)) } }).to_string(),
        format!("refresh_token={}", refresh(1)),
    ] {
        let server = MockServer::start().await;
        Mock::given(path("/oauth/token")).respond_with(ResponseTemplate::new(400).set_body_string(body)).mount(&server).await;
        let user = User::new(&server.uri()).signed_in(1, -60);
        let error = user.ask().await.unwrap_err();
        let notices = format!("{:?}", user.notices.lock().unwrap());
        assert!(!error.contains("rt_loginproof") && !notices.contains("rt_loginproof"), "{error} {notices}");
    }
}
