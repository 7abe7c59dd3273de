//! The device flow over HTTP, against a server that is not ours.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use loginproof_client::oauth::SignInError;
use loginproof_client::session::{AccountError, Notice, Place, Status};
use serde_json::json;
use support::{User, access, credential_file, refresh};
use wiremock::matchers::{body_json, body_string_contains, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const JWT: &str = "eyJhbGciOiJub25lIn0.eyJlbWFpbCI6ImFAbG9naW5wcm9vZi50ZXN0In0.c2ln";

async fn issues_a_code(server: &MockServer) {
    Mock::given(method("POST"))
        .and(path("/api/accounts/deviceauth/usercode"))
        .and(body_json(json!({ "client_id": "app_EMoamEEZ73f0CkXaXp7hrann" })))
        .respond_with(ResponseTemplate::new(200).set_body_json(
            json!({ "device_auth_id": "deviceauth_loginproof", "user_code": "ABCD-12345", "interval": "1" }),
        ))
        .expect(1)
        .mount(server)
        .await;
}

async fn polls_end_with(server: &MockServer, answer: ResponseTemplate) {
    Mock::given(method("POST"))
        .and(path("/api/accounts/deviceauth/token"))
        .and(body_json(
            json!({ "device_auth_id": "deviceauth_loginproof", "user_code": "ABCD-12345" }),
        ))
        .respond_with(answer)
        .mount(server)
        .await;
}

#[tokio::test]
async fn an_approved_sign_in_is_exchanged_and_stored() {
    let server = MockServer::start().await;
    issues_a_code(&server).await;
    Mock::given(path("/api/accounts/deviceauth/token"))
        .respond_with(ResponseTemplate::new(403))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    let approval = json!({ "authorization_code": "ac_loginproof+1", "code_challenge": "c", "code_verifier": "v_loginproof~" });
    polls_end_with(&server, ResponseTemplate::new(200).set_body_json(approval)).await;
    let redirect = format!(
        "redirect_uri={}",
        server.uri().replace(':', "%3A").replace('/', "%2F")
    );
    Mock::given(method("POST"))
        .and(path("/oauth/token"))
        .and(header("content-type", "application/x-www-form-urlencoded"))
        .and(body_string_contains("grant_type=authorization_code"))
        .and(body_string_contains("code=ac_loginproof%2B1"))
        .and(body_string_contains("code_verifier=v_loginproof%7E"))
        .and(body_string_contains(format!("{redirect}%2Fdeviceauth%2Fcallback")))
        .respond_with(ResponseTemplate::new(200).set_body_json(
            json!({ "id_token": JWT, "access_token": access(1), "refresh_token": refresh(1), "expires_in": 3600 }),
        ))
        .expect(1)
        .mount(&server)
        .await;

    let user = User::new(&server.uri());
    user.session.sign_in(Place::First).await.unwrap();
    let prompt = user.notices.lock().unwrap().iter().find_map(|n| match n {
        Notice::Prompt(prompt) => Some(prompt.clone()),
        _ => None,
    });
    let prompt = prompt.unwrap();
    assert_eq!(
        (prompt.url, prompt.user_code.as_str()),
        (format!("{}/codex/device", server.uri()), "ABCD-12345")
    );
    assert_eq!(user.stored()["tokens"]["refresh_token"], refresh(1));
    assert!(matches!(
        user.session.status(),
        Ok(Status::SignedIn { dead: None, .. })
    ));
}

#[tokio::test]
async fn a_denied_sign_in_leaves_working_credentials_alone() {
    let server = MockServer::start().await;
    issues_a_code(&server).await;
    let denial = json!({ "error": "authorization_declined", "error_description": "Denied" });
    polls_end_with(&server, ResponseTemplate::new(401).set_body_json(denial)).await;
    let user = User::new(&server.uri()).signed_in(1, 3600);
    let before = std::fs::read(user.store()).unwrap();
    assert_eq!(
        user.session.sign_in(Place::First).await.unwrap_err(),
        AccountError::SignIn(SignInError::Denied)
    );
    assert_eq!(std::fs::read(user.store()).unwrap(), before);
}

#[tokio::test]
async fn a_server_without_device_codes_is_not_polled() {
    let server = MockServer::start().await;
    let user = User::new(&server.uri());
    assert_eq!(
        user.session.sign_in(Place::First).await.unwrap_err(),
        AccountError::SignIn(SignInError::NotEnabled)
    );
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
    assert!(!user.store().exists());
}

#[tokio::test]
async fn an_incomplete_set_of_tokens_is_not_stored_and_not_shown() {
    let server = MockServer::start().await;
    issues_a_code(&server).await;
    polls_end_with(
        &server,
        ResponseTemplate::new(200)
            .set_body_json(json!({ "authorization_code": "ac_loginproof", "code_verifier": "v" })),
    )
    .await;
    Mock::given(path("/oauth/token"))
        .respond_with(
            ResponseTemplate::new(200)
                .set_body_string(r#"{"access_token":"at_loginproof","refresh_token":"rt_log"#),
        )
        .expect(1)
        .mount(&server)
        .await;
    let user = User::new(&server.uri());
    let error = user
        .session
        .sign_in(Place::First)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("not a JSON object") && !error.contains("at_"),
        "{error}"
    );
    assert!(!user.store().exists());
}

#[tokio::test]
async fn signing_out_revokes_and_removes_even_when_the_server_fails() {
    let server = MockServer::start().await;
    Mock::given(path("/oauth/revoke"))
        .and(body_string_contains(refresh(1)))
        .respond_with(ResponseTemplate::new(500))
        .expect(1)
        .mount(&server)
        .await;
    let user = User::new(&server.uri()).signed_in(1, 3600);
    assert_eq!(user.session.sign_out().await, Ok(true));
    assert!(!user.store().exists());
    assert!(
        matches!(user.notices.lock().unwrap().last(), Some(Notice::Warning(text)) if text.contains("500"))
    );
    assert!(matches!(user.session.status(), Ok(Status::SignedOut)));
    assert_eq!(user.session.sign_out().await, Ok(false));
}

#[tokio::test]
async fn a_damaged_file_moves_aside_when_a_new_sign_in_succeeds() {
    let server = MockServer::start().await;
    issues_a_code(&server).await;
    polls_end_with(
        &server,
        ResponseTemplate::new(200)
            .set_body_json(json!({ "authorization_code": "ac_loginproof", "code_verifier": "v" })),
    )
    .await;
    Mock::given(path("/oauth/token"))
        .respond_with(ResponseTemplate::new(200).set_body_json(
            json!({ "id_token": JWT, "access_token": access(2), "refresh_token": refresh(2) }),
        ))
        .mount(&server)
        .await;
    let user = User::new(&server.uri());
    let damaged = &credential_file(1, 3600)[..40];
    std::fs::write(user.store(), damaged).unwrap();
    assert!(user.ask().await.unwrap_err().contains("damaged"));
    user.session.sign_in(Place::First).await.unwrap();
    assert_eq!(
        std::fs::read_to_string(user.folder.path().join("auth.json.corrupt")).unwrap(),
        damaged
    );
    assert_eq!(user.stored()["tokens"]["access_token"], access(2));
}
