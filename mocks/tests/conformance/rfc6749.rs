//! RFC 6749, The OAuth 2.0 Authorization Framework.

use serde_json::json;

use super::outside::{CHATGPT, JSON, Outside, REDIRECT, changed, query};

/// §3.2: the client must use POST at the token endpoint.
#[tokio::test]
async fn the_token_endpoint_takes_post_alone() {
    let outside = Outside::new().await;
    for path in ["/strict/token", "/oauth/token", "/login/oauth/access_token"] {
        assert_eq!(outside.get(path).await.status, 405, "{path}");
    }
}

/// §3.2: parameters without a value are treated as if they were omitted, none may be included more than once, and
/// unrecognized ones are ignored.
#[tokio::test]
async fn parameters_are_read_as_section_3_2_says() {
    let outside = Outside::new().await;
    let (_, token) = outside.pair().await;
    outside.refresh("").await.is_refused("invalid_request");
    let twice = format!(
        "grant_type=refresh_token&client_id=cli&refresh_token={token}&refresh_token={token}"
    );
    let headers = [("content-type", super::outside::FORM)];
    let reply = outside.send("POST", "/strict/token", &headers, twice).await;
    reply.is_refused("invalid_request");
    let more =
        format!("grant_type=refresh_token&client_id=cli&refresh_token={token}&colour=blue&scope=");
    let reply = outside.send("POST", "/strict/token", &headers, more).await;
    assert_eq!(reply.status, 200, "{reply:?}");
}

/// §4.1.2: the code comes back with the state, unchanged.
#[tokio::test]
async fn an_authorization_response_brings_code_and_state() {
    let outside = Outside::new().await;
    let reply = outside.authorize(&super::outside::REQUEST).await;
    let location = reply.header("location");
    assert!(location.starts_with(&format!("{REDIRECT}?")), "{location}");
    assert_eq!(query(location, "state").as_deref(), Some("af0ifjsldkj"));
    assert!(query(location, "code").is_some() && query(location, "error").is_none());
    let without = outside.authorize(&changed("state", "")).await;
    assert_eq!(query(without.header("location"), "state"), None);
}

/// §4.1.2.1: where redirect URI or client are wrong, the person is told and nobody is sent anywhere.
#[tokio::test]
async fn a_wrong_redirect_uri_is_never_followed() {
    let outside = Outside::new().await;
    for uri in [
        "https://attacker.example/callback",
        "http://127.0.0.1:9/callback/../evil",
        "http://127.0.0.1:9/callback#fragment",
        "http://127.0.0.1.attacker.example/callback",
        "http://user@127.0.0.1:9/callback",
        "javascript:alert(1)",
        "",
    ] {
        let reply = outside.authorize(&changed("redirect_uri", uri)).await;
        assert_eq!(reply.header("location"), "", "{uri}: {reply:?}");
        assert_eq!(reply.status, 400, "{uri}: {reply:?}");
    }
    let reply = outside.authorize(&changed("client_id", "")).await;
    assert_eq!((reply.status, reply.header("location")), (400, ""));
}

/// §4.1.2.1: any other mistake goes back to the client, with the state.
#[tokio::test]
async fn other_mistakes_go_back_to_the_client() {
    let outside = Outside::new().await;
    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "", "invalid_request"),
    ] {
        let reply = outside.authorize(&changed(name, value)).await;
        let location = reply.header("location");
        assert_eq!(
            query(location, "error").as_deref(),
            Some(error),
            "{reply:?}"
        );
        assert_eq!(query(location, "state").as_deref(), Some("af0ifjsldkj"));
        assert_eq!(query(location, "code"), None);
    }
    let target = format!(
        "/strict/authorize?{}",
        super::outside::form(&super::outside::REQUEST)
    );
    let headers = [("content-type", super::outside::FORM)];
    let denied = outside
        .send("POST", &target, &headers, "decision=deny")
        .await;
    assert_eq!(
        query(denied.header("location"), "error").as_deref(),
        Some("access_denied")
    );
}

/// §4.1.2, §10.5: a code is good once; used again it is denied, and what it paid for should be revoked.
#[tokio::test]
async fn a_code_is_good_once_and_its_reuse_revokes() {
    let outside = Outside::new().await;
    let code = outside.code().await;
    let first = outside.exchange(&code, &[]).await;
    assert_eq!(first.status, 200, "{first:?}");
    outside
        .exchange(&code, &[])
        .await
        .is_refused("invalid_grant");
    let refreshed = outside.refresh(&first.word("refresh_token")).await;
    refreshed.is_refused("invalid_grant");
    assert!(!outside.lets_in(&first.word("access_token")).await);
}

/// §4.1.3: redirect_uri is required and identical, the code is the client's own.
#[tokio::test]
async fn a_code_is_bound_to_its_client_and_redirect_uri() {
    let outside = Outside::new().await;
    let code = outside.code().await;
    for (name, value, error) in [
        (
            "redirect_uri",
            "http://127.0.0.1:10/callback",
            "invalid_grant",
        ),
        (
            "redirect_uri",
            "http://127.0.0.1:9/callback/",
            "invalid_grant",
        ),
        ("client_id", "other", "invalid_grant"),
        ("code", "no-such-code", "invalid_grant"),
        ("redirect_uri", "", "invalid_request"),
        ("client_id", "", "invalid_request"),
        ("code", "", "invalid_request"),
    ] {
        outside
            .exchange(&code, &[(name, value)])
            .await
            .is_refused(error);
    }
    // None of that has used it up.
    assert_eq!(outside.exchange(&code, &[]).await.status, 200);
}

/// §5.1: JSON that nobody may store, with access_token and token_type; expires_in is a number.
#[tokio::test]
async fn a_token_answer_has_what_section_5_1_asks_for() {
    let outside = Outside::new().await;
    let code = outside.code().await;
    let reply = outside.exchange(&code, &[]).await;
    assert_eq!(reply.header("content-type").split(';').next(), Some(JSON));
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(reply.header("pragma"), "no-cache");
    assert!(reply.word("token_type").eq_ignore_ascii_case("bearer"));
    assert!(
        reply.json()["expires_in"]
            .as_u64()
            .is_some_and(|seconds| seconds > 0)
    );
    // §3.3, §5.1: the scope stands in the answer where the request named none.
    assert!(!reply.word("scope").is_empty());
    assert!(outside.lets_in(&reply.word("access_token")).await);
}

/// §5.2: each mistake has its code, status 400, a description of the allowed characters, and no store.
#[tokio::test]
async fn refusals_are_as_section_5_2_says() {
    let outside = Outside::new().await;
    let (_, token) = outside.pair().await;
    let grant = [("grant_type", "p\"ass\\word\u{e9}"), ("client_id", "cli")];
    for (fields, error) in [
        (&[("client_id", "cli")][..], "invalid_request"),
        (&grant[..], "unsupported_grant_type"),
        (
            &[("grant_type", "refresh_token"), ("refresh_token", &token)][..],
            "invalid_request",
        ),
        (
            &[
                ("grant_type", "refresh_token"),
                ("refresh_token", "rt_none"),
                ("client_id", "cli"),
            ][..],
            "invalid_grant",
        ),
        (
            &[
                ("grant_type", "refresh_token"),
                ("refresh_token", &token),
                ("client_id", "other"),
            ][..],
            "invalid_grant",
        ),
    ] {
        let reply = outside.form("/strict/token", fields).await;
        reply.is_refused(error);
        assert_eq!(reply.header("content-type").split(';').next(), Some(JSON));
        assert_eq!(reply.header("cache-control"), "no-store");
        let allowed = |c: char| matches!(c, '\x20'..='\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e');
        assert!(
            reply.word("error_description").chars().all(allowed),
            "{reply:?}"
        );
    }
}

/// §5.2: a client that tried to authenticate by header gets 401 and the scheme.
#[tokio::test]
async fn failed_client_authentication_is_challenged() {
    let outside = Outside::new().await;
    let headers = [
        ("content-type", super::outside::FORM),
        ("authorization", "Basic Y2xpOnNlY3JldA=="),
    ];
    let reply = outside
        .send(
            "POST",
            "/strict/token",
            &headers,
            "grant_type=refresh_token",
        )
        .await;
    assert_eq!(
        (reply.status, reply.word("error").as_str()),
        (401, "invalid_client")
    );
    assert!(
        reply.header("www-authenticate").starts_with("Basic"),
        "{reply:?}"
    );
}

/// §4.1.3, §6: the body is a form.
#[tokio::test]
async fn the_token_endpoint_takes_a_form() {
    let outside = Outside::new().await;
    let (_, token) = outside.pair().await;
    let body = json!({"grant_type": "refresh_token", "refresh_token": token, "client_id": "cli"});
    outside
        .json("/strict/token", body)
        .await
        .is_refused("invalid_request");
}

/// §6: a refresh may ask for less than was granted, and never for more.
#[tokio::test]
async fn a_refresh_cannot_widen_the_scope() {
    let outside = Outside::new().await;
    let ask = [("client_id", "cli"), ("scope", "openid profile")];
    let started = outside
        .form("/strict/device_authorization", &ask)
        .await
        .json();
    outside.decide(&started, "approve").await;
    let pair = outside.poll(&started).await;
    let token = pair.word("refresh_token");
    let refresh = |scope: &'static str, token: String| {
        let outside = &outside;
        async move {
            let fields = [
                ("grant_type", "refresh_token"),
                ("refresh_token", token.as_str()),
                ("client_id", "cli"),
                ("scope", scope),
            ];
            outside.form("/strict/token", &fields).await
        }
    };
    refresh("openid profile admin", token.clone())
        .await
        .is_refused("invalid_scope");
    let narrower = refresh("openid", token).await;
    assert_eq!(narrower.status, 200);
    // §3.3: a server may ignore the wish, and says what it gave.
    let given = narrower.word("scope");
    assert!(
        ["openid", "openid profile"].contains(&given.as_str()),
        "{given}"
    );
}

/// The vendor's way: ChatGPT's token endpoint answers refresh failures with status 401 and an error object (verbatim in
/// NousResearch/hermes-agent!11512), takes JSON as well as a form (openai/codex), and keeps to §5.1 in its successes.
#[tokio::test]
async fn chatgpt_refuses_a_refresh_in_its_own_shape() {
    let outside = Outside::new().await;
    let body =
        json!({"grant_type": "refresh_token", "refresh_token": "rt_unknown", "client_id": CHATGPT});
    for reply in [
        outside.json("/oauth/token", body).await,
        outside
            .form(
                "/oauth/token",
                &[
                    ("grant_type", "refresh_token"),
                    ("refresh_token", "rt_unknown"),
                    ("client_id", CHATGPT),
                ],
            )
            .await,
    ] {
        assert_eq!(reply.status, 401, "{reply:?}");
        let error = &reply.json()["error"];
        assert!(
            error["message"].is_string() && error["code"].is_string(),
            "{reply:?}"
        );
        assert_eq!(
            (&error["type"], &error["param"]),
            (&json!("invalid_request_error"), &json!(null))
        );
        assert_eq!(reply.header("cache-control"), "no-store");
    }
}

/// The vendor's way: GitHub answers errors with status 200, and in a form unless JSON is asked for
/// (docs.github.com, "Authorizing OAuth apps").
#[tokio::test]
async fn github_refuses_with_status_200() {
    let outside = Outside::new().await;
    let fields = [
        ("client_id", "app"),
        ("device_code", "none"),
        ("grant_type", super::outside::DEVICE_GRANT),
    ];
    let reply = outside.form("/login/oauth/access_token", &fields).await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.header("content-type").split(';').next(),
        Some(super::outside::FORM)
    );
    assert!(
        reply.text.contains("error=incorrect_device_code"),
        "{reply:?}"
    );
    let headers = [("content-type", super::outside::FORM), ("accept", JSON)];
    let body = super::outside::form(&fields);
    let reply = outside
        .send("POST", "/login/oauth/access_token", &headers, body)
        .await;
    assert_eq!(
        (reply.status, reply.word("error").as_str()),
        (200, "incorrect_device_code")
    );
}
