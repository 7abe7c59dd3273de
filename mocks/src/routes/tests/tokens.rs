//! Refreshing and revoking.

use super::*;

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
