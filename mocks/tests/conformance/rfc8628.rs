//! RFC 8628, OAuth 2.0 Device Authorization Grant.

use serde_json::{Value, json};

use super::outside::{CHALLENGE, DEVICE_GRANT, FORM, JSON, Outside, VERIFIER};

/// §3.1: a form by POST, with the client's id.
#[tokio::test]
async fn the_device_endpoint_takes_a_form_by_post() {
    let outside = Outside::new().await;
    let path = "/strict/device_authorization";
    assert_eq!(outside.get(path).await.status, 405);
    outside
        .form(path, &[("scope", "openid")])
        .await
        .is_refused("invalid_request");
    outside
        .json(path, json!({"client_id": "cli"}))
        .await
        .is_refused("invalid_request");
    // Unknown parameters are ignored, as RFC 6749 §3.1 has it.
    assert_eq!(
        outside
            .form(path, &[("client_id", "cli"), ("colour", "blue")])
            .await
            .status,
        200
    );
}

/// §3.2: 200 and JSON, with everything that is required, in the right types.
#[tokio::test]
async fn the_device_answer_has_what_section_3_2_asks_for() {
    let outside = Outside::new().await;
    for path in [
        "/strict/device_authorization",
        "/api/oauth/device/code",
        "/oauth2/device/code",
    ] {
        let reply = outside.form(path, &[("client_id", "cli")]).await;
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        assert_eq!(reply.header("content-type").split(';').next(), Some(JSON));
        // RFC 6749 §5.1, by the example of §3.2.
        assert_eq!(reply.header("cache-control"), "no-store");
        let body = reply.json();
        assert!(
            body["expires_in"]
                .as_u64()
                .is_some_and(|seconds| seconds > 0),
            "{path}"
        );
        assert!(
            body["interval"].as_u64().is_some_and(|seconds| seconds > 0),
            "{path}"
        );
        let page = reply.word("verification_uri");
        assert_eq!(outside.get(&page).await.status, 200, "{page}");
        // §5.2: a device code of high entropy; §6.1: a user code that a person can type, without vowels.
        assert!(reply.word("device_code").len() >= 32, "{path}");
        let letters: String = reply.word("user_code").replace('-', "");
        assert!(
            letters.len() >= 8 && letters.chars().all(|c| "BCDFGHJKLMNPQRSTVWXZ".contains(c)),
            "{letters}"
        );
    }
    let (one, two) = (outside.device().await, outside.device().await);
    assert!(one["device_code"] != two["device_code"] && one["user_code"] != two["user_code"]);
}

/// §3.3.1: the complete address holds the user code, and its page asks the person for a confirmation.
#[tokio::test]
async fn the_complete_address_shows_the_code_and_decides_nothing() {
    let outside = Outside::new().await;
    let started = outside.device().await;
    let (code, page) = (
        text(&started, "user_code"),
        text(&started, "verification_uri_complete"),
    );
    assert!(page.contains(&code), "{page}");
    let shown = outside.get(&page).await;
    assert!(shown.text.contains(&code), "{}", shown.text);
    outside
        .poll(&started)
        .await
        .is_refused("authorization_pending");
}

/// §3.4, §3.5: pending until the person decides, then tokens, once.
#[tokio::test]
async fn a_device_code_yields_tokens_once() {
    let outside = Outside::new().await;
    let started = outside.device().await;
    outside
        .poll(&started)
        .await
        .is_refused("authorization_pending");
    outside.decide(&started, "approve").await;
    let reply = outside.poll(&started).await;
    assert_eq!(
        (reply.status, reply.header("cache-control")),
        (200, "no-store")
    );
    assert!(outside.lets_in(&reply.word("access_token")).await);
    let again = outside.poll(&started).await;
    assert_eq!(again.status, 400, "{again:?}");
    assert!(["invalid_grant", "expired_token"].contains(&again.word("error").as_str()));
}

/// §3.5: the person says no.
#[tokio::test]
async fn denial_is_access_denied() {
    let outside = Outside::new().await;
    let started = outside.device().await;
    outside.decide(&started, "deny").await;
    outside.poll(&started).await.is_refused("access_denied");
}

/// §3.5: the code has run out.
#[tokio::test]
async fn a_code_that_ran_out_is_expired_token() {
    let outside = Outside::authorizing(json!({"code-life": "0ms"})).await;
    let started = outside.device().await;
    outside.poll(&started).await.is_refused("expired_token");
}

/// §3.5: slow_down is a pending poll that came too soon, and the device is still served in the end.
#[tokio::test]
async fn who_polls_too_fast_is_told_to_slow_down() {
    let outside = Outside::authorizing(json!({"interval": "60", "slow-down": "early"})).await;
    let started = outside.device().await;
    assert_eq!(started["interval"], 60);
    outside.poll(&started).await.is_refused("slow_down");
    outside.decide(&started, "approve").await;
    assert_eq!(outside.poll(&started).await.status, 200);
}

/// §3.5: each slow_down adds five seconds, for good. GitHub says the new interval in its answer (docs.github.com,
/// "Authorizing OAuth apps"), with status 200.
#[tokio::test]
async fn every_slow_down_adds_five_seconds() {
    let outside = Outside::authorizing(json!({"interval": "60", "slow-down": "early"})).await;
    let headers = [("content-type", FORM), ("accept", JSON)];
    let started = outside
        .send("POST", "/login/device/code", &headers, "client_id=app")
        .await;
    assert_eq!(started.json()["interval"], 60);
    let fields = [
        ("client_id", "app"),
        ("grant_type", DEVICE_GRANT),
        ("device_code", &started.word("device_code")),
    ];
    let body = super::outside::form(&fields);
    let mut told = Vec::new();
    for _ in 0..3 {
        let reply = outside
            .send("POST", "/login/oauth/access_token", &headers, body.as_str())
            .await;
        assert_eq!(reply.status, 200);
        told.push((reply.word("error"), reply.json()["interval"].as_u64()));
    }
    let slow = |seconds| ("slow_down".to_owned(), Some(seconds));
    assert_eq!(told, [slow(65), slow(70), slow(75)]);
}

/// The vendor's way: Qwen says slow_down with status 429 (QwenLM/qwen-code), and wants PKCE on the device request.
#[tokio::test]
async fn qwen_slows_down_with_status_429_and_wants_pkce() {
    let outside = Outside::authorizing(json!({"interval": "60", "slow-down": "early"})).await;
    let device = "/api/v1/oauth2/device/code";
    outside
        .form(device, &[("client_id", "cli")])
        .await
        .is_refused("invalid_request");
    let ask = [
        ("client_id", "cli"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let started = outside.form(device, &ask).await;
    let poll = |verifier: &'static str| {
        let (outside, code) = (&outside, started.word("device_code"));
        async move {
            let fields = [
                ("client_id", "cli"),
                ("grant_type", DEVICE_GRANT),
                ("device_code", code.as_str()),
                ("code_verifier", verifier),
            ];
            outside.form("/api/v1/oauth2/token", &fields).await
        }
    };
    poll(CHALLENGE).await.is_refused("invalid_grant");
    let early = poll(VERIFIER).await;
    assert_eq!(
        (early.status, early.word("error").as_str()),
        (429, "slow_down")
    );
    outside.decide(&started.json(), "approve").await;
    assert_eq!(poll(VERIFIER).await.status, 200);
}

/// §3.4: device code and client belong together.
#[tokio::test]
async fn a_device_code_is_bound_to_its_client() {
    let outside = Outside::new().await;
    let started = outside.device().await;
    outside.decide(&started, "approve").await;
    let code = text(&started, "device_code");
    for (code, client, error) in [
        (code.as_str(), "other", "invalid_grant"),
        ("no-such-code", "cli", "invalid_grant"),
        ("", "cli", "invalid_request"),
        (code.as_str(), "", "invalid_request"),
    ] {
        let fields = [
            ("grant_type", DEVICE_GRANT),
            ("device_code", code),
            ("client_id", client),
        ];
        outside
            .form("/strict/token", &fields)
            .await
            .is_refused(error);
    }
    assert_eq!(outside.poll(&started).await.status, 200);
}

/// §5.1: a user code cannot be guessed by trying.
#[tokio::test]
async fn guessing_user_codes_is_bounded() {
    let outside = Outside::new().await;
    let started = outside.device().await;
    let page = text(&started, "verification_uri");
    let mut limited = false;
    for tries in 0..100_u32 {
        let guess = format!(
            "BBBB-{}",
            ["BCDF", "GHJK", "LMNP", "QRST"][tries as usize % 4]
        );
        let reply = outside
            .form(&page, &[("user_code", &guess), ("decision", "approve")])
            .await;
        if reply.status == 429 {
            // RFC 6585 §4: it may say when to come again.
            assert!(
                reply.header("retry-after").parse::<u64>().is_ok(),
                "{reply:?}"
            );
            limited = true;
            break;
        }
        assert_eq!(reply.status / 100, 4, "{reply:?}");
    }
    assert!(limited, "a hundred codes were tried");
    outside
        .poll(&started)
        .await
        .is_refused("authorization_pending");
}

fn text(body: &Value, name: &str) -> String {
    body[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name}: {body}"))
        .to_owned()
}
