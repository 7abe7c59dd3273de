//! RFC 7009, OAuth 2.0 Token Revocation.

use serde_json::json;

use super::outside::{CHATGPT, Outside};

/// §2.2: status 200 when the token was revoked, and also when it is not known.
#[tokio::test]
async fn a_token_is_revoked_and_an_unknown_one_is_as_good() {
    let outside = Outside::new().await;
    let (_, refresh) = outside.pair().await;
    for token in [refresh.as_str(), refresh.as_str(), "rt_nobody_knows"] {
        let reply = outside
            .form("/strict/revoke", &[("token", token), ("client_id", "cli")])
            .await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    outside.refresh(&refresh).await.is_refused("invalid_grant");
}

/// §2.1: who revokes a refresh token should lose the access tokens of the same grant.
#[tokio::test]
async fn access_tokens_go_with_their_refresh_token() {
    let outside = Outside::new().await;
    let (access, refresh) = outside.pair().await;
    assert!(outside.lets_in(&access).await);
    outside
        .form(
            "/strict/revoke",
            &[("token", &refresh), ("client_id", "cli")],
        )
        .await;
    assert!(!outside.lets_in(&access).await);
}

/// §2.1: the hint is a hint. A server that does not find the token there must look among all of them.
#[tokio::test]
async fn a_wrong_hint_does_no_harm() {
    let outside = Outside::new().await;
    let (access, refresh) = outside.pair().await;
    for (token, hint) in [
        (&access, "refresh_token"),
        (&refresh, "access_token"),
        (&refresh, "colour"),
    ] {
        let fields = [
            ("token", token.as_str()),
            ("token_type_hint", hint),
            ("client_id", "cli"),
        ];
        assert_eq!(outside.form("/strict/revoke", &fields).await.status, 200);
    }
    assert!(!outside.lets_in(&access).await);
    outside.refresh(&refresh).await.is_refused("invalid_grant");
}

/// §2.1: a token of another client is refused, and stays good.
#[tokio::test]
async fn another_clients_token_stays_good() {
    let outside = Outside::new().await;
    let (access, refresh) = outside.pair().await;
    let reply = outside
        .form(
            "/strict/revoke",
            &[("token", &refresh), ("client_id", "other")],
        )
        .await;
    assert_eq!(reply.status / 100, 4, "{reply:?}");
    assert!(outside.lets_in(&access).await);
    assert_eq!(outside.refresh(&refresh).await.status, 200);
}

/// §2.1: POST, with the token. §2.2.1: errors are those of RFC 6749 §5.2.
#[tokio::test]
async fn a_request_without_a_token_is_refused() {
    let outside = Outside::new().await;
    outside
        .form("/strict/revoke", &[("client_id", "cli")])
        .await
        .is_refused("invalid_request");
    assert_eq!(
        outside
            .get("/strict/revoke?token=x&client_id=cli")
            .await
            .status,
        405
    );
}

/// The vendor's way: the ChatGPT client sends JSON, and names itself only for refresh tokens (openai/codex
/// codex-rs/login). The answer is the same.
#[tokio::test]
async fn chatgpt_takes_json() {
    let outside = Outside::new().await;
    let pair = super::chatgpt::pair(&outside).await;
    let (access, refresh) = (pair.word("access_token"), pair.word("refresh_token"));
    let body = json!({"token": refresh, "token_type_hint": "refresh_token", "client_id": CHATGPT});
    assert_eq!(outside.json("/oauth/revoke", body).await.status, 200);
    assert!(!outside.lets_in(&access).await);
    let body = json!({"token": access, "token_type_hint": "access_token"});
    assert_eq!(outside.json("/oauth/revoke", body).await.status, 200);
}
