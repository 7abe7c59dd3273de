//! ChatGPT's device flow, which is not RFC 8628, as released programs rely on it.
//!
//! Sources: openai/codex codex-rs/login/src/device_code_auth.rs and token_data.rs, codex 0.169.0 on the wire.

use serde_json::{Value, json};

use super::outside::{CHATGPT, FORM, JSON, Outside, Reply, claims};

async fn start(outside: &Outside) -> Reply {
    outside
        .json(
            "/api/accounts/deviceauth/usercode",
            json!({"client_id": CHATGPT}),
        )
        .await
}

async fn poll(outside: &Outside, started: &Value) -> Reply {
    let body =
        json!({"device_auth_id": started["device_auth_id"], "user_code": started["user_code"]});
    outside.json("/api/accounts/deviceauth/token", body).await
}

/// What a poll brings once the person has approved.
pub(crate) async fn approved(outside: &Outside) -> Value {
    let started = start(outside).await.json();
    outside.decide(&started, "approve").await;
    let reply = poll(outside, &started).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

async fn exchange(outside: &Outside, approval: &Value, redirect: &str) -> Reply {
    let member = |name: &str| approval[name].as_str().unwrap().to_owned();
    let (code, verifier) = (member("authorization_code"), member("code_verifier"));
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", redirect),
        ("client_id", CHATGPT),
        ("code_verifier", verifier.as_str()),
    ];
    outside.form("/oauth/token", &fields).await
}

/// A signed-in pair.
pub(crate) async fn pair(outside: &Outside) -> Reply {
    let redirect = format!("{}/deviceauth/callback", outside.origin());
    let approval = approved(outside).await;
    let reply = exchange(outside, &approval, &redirect).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply
}

/// The user code: device_auth_id, user_code, and an interval that is a JSON string.
#[tokio::test]
async fn a_user_code_comes_with_a_string_for_an_interval() {
    let outside = Outside::authorizing(json!({"interval": "7"})).await;
    let reply = start(&outside).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, JSON));
    assert_eq!(reply.word("interval"), "7");
    assert!(!reply.word("device_auth_id").is_empty());
    let code = reply.word("user_code");
    assert!(code.len() >= 8 && code.is_ascii(), "{code}");
}

/// JSON alone, and the one client.
#[tokio::test]
async fn the_user_code_endpoint_takes_json_of_its_client() {
    let outside = Outside::new().await;
    let path = "/api/accounts/deviceauth/usercode";
    let reply = outside.form(path, &[("client_id", CHATGPT)]).await;
    assert_eq!(reply.status / 100, 4, "{reply:?}");
    for body in [json!({}), json!({"client_id": "somebody"}), json!([])] {
        let reply = outside.json(path, body.clone()).await;
        assert_eq!(reply.status / 100, 4, "{body}: {reply:?}");
    }
}

/// Pending is status 403, or 404 as older servers had it; never 200, which programs take for success.
#[tokio::test]
async fn pending_is_403_or_404() {
    for (options, status) in [(json!({}), 403), (json!({"pending": 404}), 404)] {
        let outside = Outside::authorizing(options).await;
        let started = start(&outside).await.json();
        let reply = poll(&outside, &started).await;
        assert_eq!(reply.status, status, "{reply:?}");
        // earendil-works/pi reads this code.
        assert_eq!(
            reply.json()["error"]["code"],
            "deviceauth_authorization_pending"
        );
    }
}

/// Success is a code and the pair of verifier and challenge that the server made; all three are required by codex.
#[tokio::test]
async fn approval_brings_a_code_and_the_servers_pair() {
    let outside = Outside::new().await;
    let approval = approved(&outside).await;
    for member in ["authorization_code", "code_challenge", "code_verifier"] {
        assert!(
            approval[member]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{member}: {approval}"
        );
    }
}

/// The vendor's own client test models a denial as 401 `authorization_declined`; nothing about it reads as pending.
#[tokio::test]
async fn denial_is_401() {
    let outside = Outside::new().await;
    let started = start(&outside).await.json();
    outside.decide(&started, "deny").await;
    let reply = poll(&outside, &started).await;
    assert_eq!(
        (reply.status, reply.word("error").as_str()),
        (401, "authorization_declined")
    );
}

/// Both halves belong together.
#[tokio::test]
async fn a_poll_needs_both_halves() {
    let outside = Outside::new().await;
    let (one, two) = (start(&outside).await.json(), start(&outside).await.json());
    outside.decide(&one, "approve").await;
    let mixed = json!({"device_auth_id": one["device_auth_id"], "user_code": two["user_code"]});
    let reply = poll(&outside, &mixed).await;
    assert!(![200, 403, 404].contains(&reply.status), "{reply:?}");
    assert_eq!(poll(&outside, &one).await.status, 200);
}

/// The exchange: a form, with `{issuer}/deviceauth/callback` as redirect URI; three tokens come back.
#[tokio::test]
async fn the_exchange_brings_three_tokens() {
    let outside = Outside::new().await;
    let approval = approved(&outside).await;
    for wrong in [
        "http://localhost:1455/auth/callback",
        "https://auth.openai.com/deviceauth/callback",
    ] {
        exchange(&outside, &approval, wrong)
            .await
            .is_refused("invalid_grant");
    }
    let redirect = format!("{}/deviceauth/callback", outside.origin());
    let reply = exchange(&outside, &approval, &redirect).await;
    assert_eq!(
        (reply.status, reply.header("cache-control")),
        (200, "no-store")
    );
    for token in ["id_token", "access_token", "refresh_token"] {
        assert!(!reply.word(token).is_empty());
    }
    // earendil-works/pi requires a number.
    assert!(reply.json()["expires_in"].is_u64(), "{reply:?}");
    exchange(&outside, &approval, &redirect)
        .await
        .is_refused("invalid_grant");
}

/// Programs read claims of both tokens: the account in the vendor's namespace, `exp` in the access token, `email` and the
/// plan in the id token.
#[tokio::test]
async fn both_tokens_carry_the_claims_that_programs_read() {
    const NAMESPACE: &str = "https://api.openai.com/auth";
    let outside = Outside::new().await;
    let reply = pair(&outside).await;
    let (id, access) = (
        claims(&reply.word("id_token")),
        claims(&reply.word("access_token")),
    );
    let account = |claims: &Value| {
        claims[NAMESPACE]["chatgpt_account_id"]
            .as_str()
            .map(str::to_owned)
    };
    assert!(
        account(&id).is_some() && account(&id) == account(&access),
        "{id} {access}"
    );
    assert!(
        id["email"].is_string() && id[NAMESPACE]["chatgpt_plan_type"].is_string(),
        "{id}"
    );
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    assert!(
        access["exp"].as_u64().is_some_and(|end| end > now),
        "{access}"
    );
}

/// A refresh comes as JSON (codex) or as a form (hermes, pi, opencode), with fields that older versions do not send.
#[tokio::test]
async fn a_refresh_comes_in_the_words_of_every_program() {
    let outside = Outside::new().await;
    let mut token = pair(&outside).await.word("refresh_token");
    for more in [
        json!({}),
        json!({"scope": "openid profile email"}),
        json!({"refresh_reason": "scheduled"}),
    ] {
        let mut body =
            json!({"client_id": CHATGPT, "grant_type": "refresh_token", "refresh_token": token});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let reply = outside.json("/oauth/token", body).await;
        assert_eq!(reply.status, 200, "{more}: {reply:?}");
        token = reply.word("refresh_token");
    }
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", token.as_str()),
        ("client_id", CHATGPT),
    ];
    assert_eq!(outside.form("/oauth/token", &fields).await.status, 200);
}

/// The page is one for a person: HTML that no frame may hold, nothing cached, no referrer.
#[tokio::test]
async fn the_page_is_guarded() {
    let outside = Outside::new().await;
    let reply = outside.get("/codex/device").await;
    assert!(reply.header("content-type").starts_with("text/html"));
    assert!(
        reply
            .header("content-security-policy")
            .contains("frame-ancestors 'none'")
    );
    assert_eq!(reply.header("cache-control"), "no-store");
    let headers = [("content-type", FORM)];
    let reply = outside
        .send(
            "POST",
            "/codex/device",
            &headers,
            "user_code=%3Cscript%3E&decision=approve",
        )
        .await;
    assert!(!reply.text.contains("<script>"), "{}", reply.text);
}

/// Before its first turn codex asks for the account, and takes the one of its token (codex 0.169.0).
#[tokio::test]
async fn the_accounts_check_names_the_tokens_account() {
    let outside = Outside::new().await;
    let reply = pair(&outside).await;
    let access = reply.word("access_token");
    let account = claims(&access)["https://api.openai.com/auth"]["chatgpt_account_id"].clone();
    let bearer = format!("Bearer {access}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("chatgpt-account-id", account.as_str().unwrap()),
    ];
    let check = outside
        .send("GET", "/backend-api/wham/accounts/check", &headers, "")
        .await;
    assert_eq!(check.json()["accounts"][0]["id"], account);
    let other = [
        ("authorization", bearer.as_str()),
        ("chatgpt-account-id", "somebody-else"),
    ];
    let check = outside
        .send("GET", "/backend-api/wham/accounts/check", &other, "")
        .await;
    assert_eq!(check.status, 403, "{check:?}");
}
