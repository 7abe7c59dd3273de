//! Who is let in at the backend, and what it says.

use super::*;

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
