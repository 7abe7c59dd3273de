//! RFC 9700, Best Current Practice for OAuth 2.0 Security, and RFC 9207.

use serde_json::json;

use super::outside::{CHATGPT, Outside, REQUEST, changed, query};

/// §4.14.2: every refresh brings a new refresh token and spends the old one.
#[tokio::test]
async fn refresh_tokens_rotate() {
    let outside = Outside::new().await;
    let (_, first) = outside.pair().await;
    let second = outside.refresh(&first).await.word("refresh_token");
    let third = outside.refresh(&second).await.word("refresh_token");
    assert!(first != second && second != third && first != third);
}

/// §4.14.2: a spent refresh token that comes again revokes the active one, and the grant's access tokens with it; another
/// sign-in of the same person is not touched.
#[tokio::test]
async fn replay_revokes_the_family_and_no_other() {
    let outside = Outside::new().await;
    let (first_access, first) = outside.pair().await;
    let (other_access, other) = outside.pair().await;
    let next = outside.refresh(&first).await;
    let (access, second) = (next.word("access_token"), next.word("refresh_token"));
    outside.refresh(&first).await.is_refused("invalid_grant");
    outside.refresh(&second).await.is_refused("invalid_grant");
    assert!(!outside.lets_in(&access).await && !outside.lets_in(&first_access).await);
    assert!(outside.lets_in(&other_access).await);
    assert_eq!(outside.refresh(&other).await.status, 200);
}

/// §4.14.2: a refresh token is bound to the client it was given to.
#[tokio::test]
async fn a_refresh_token_is_bound_to_its_client() {
    let outside = Outside::new().await;
    let (_, token) = outside.pair().await;
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", token.as_str()),
        ("client_id", "other"),
    ];
    outside
        .form("/strict/token", &fields)
        .await
        .is_refused("invalid_grant");
    assert_eq!(outside.refresh(&token).await.status, 200);
}

/// §2.1, §4.1.3: redirect URIs are compared exactly; the port of a loopback address may differ (RFC 8252 §7.3).
#[tokio::test]
async fn redirect_uris_are_compared_exactly() {
    let outside = Outside::new().await;
    for (uri, good) in [
        ("http://127.0.0.1:50123/callback", true),
        ("http://[::1]:50123/callback", true),
        ("http://127.0.0.1:50123/callback/", false),
        ("http://127.0.0.1:50123/Callback", false),
        ("http://127.0.0.1:50123/callback?next=x", false),
        ("https://127.0.0.1:50123/callback", false),
        ("http://192.0.2.1/callback", false),
    ] {
        let reply = outside.authorize(&changed("redirect_uri", uri)).await;
        assert_eq!(reply.status == 302, good, "{uri}: {reply:?}");
    }
}

/// §4.2.4: the answer that carries the code is not stored, and leaks by no referrer. RFC 9207 §2: it names the issuer, an
/// error too.
#[tokio::test]
async fn the_authorization_response_is_guarded() {
    let outside = Outside::new().await;
    for request in [REQUEST.to_vec(), changed("response_type", "token")] {
        let reply = outside.authorize(&request).await;
        assert_eq!(reply.header("cache-control"), "no-store");
        assert_eq!(reply.header("referrer-policy"), "no-referrer");
        let issuer = query(reply.header("location"), "iss");
        assert_eq!(issuer, Some(format!("{}/strict", outside.origin())));
    }
}

/// §4.8.2: a challenge cannot be added or left behind in the middle. The strict server gives no code without one.
#[tokio::test]
async fn pkce_cannot_be_downgraded() {
    let outside = Outside::new().await;
    let reply = outside.authorize(&changed("code_challenge", "")).await;
    assert_eq!(query(reply.header("location"), "code"), None, "{reply:?}");
    let code = outside.code().await;
    assert_eq!(
        outside
            .exchange(&code, &[("code_verifier", "")])
            .await
            .status,
        400
    );
}

/// The vendor's way: ChatGPT refuses a spent refresh token with `refresh_token_reused`, and the newest pair stays good, so
/// that programs which share a sign-in can adopt it (openai/codex#9634); a scenario can ask for revocation.
#[tokio::test]
async fn chatgpt_refuses_a_replay_and_keeps_the_newest_pair() {
    for (options, stays) in [
        (json!({}), true),
        (json!({"on-reuse": "revoke-family"}), false),
    ] {
        let outside = Outside::authorizing(options).await;
        let first = super::chatgpt::pair(&outside).await;
        let refresh = |token: String| {
            let body = json!({"grant_type": "refresh_token", "refresh_token": token, "client_id": CHATGPT});
            outside.json("/oauth/token", body)
        };
        let second = refresh(first.word("refresh_token")).await;
        assert_eq!(second.status, 200, "{second:?}");
        let replay = refresh(first.word("refresh_token")).await;
        assert_eq!(replay.status, 401);
        assert_eq!(replay.json()["error"]["code"], "refresh_token_reused");
        let third = refresh(second.word("refresh_token")).await;
        assert_eq!(third.status == 200, stays, "{third:?}");
    }
}
