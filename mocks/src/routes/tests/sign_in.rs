//! A sign-in from a device, and the page.

use super::*;

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
