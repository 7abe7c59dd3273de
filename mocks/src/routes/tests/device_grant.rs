//! Sign-ins by RFC 8628 at every provider that has it, each in its own shapes.

use super::*;
use crate::authorization::{DEVICE_GRANT, SlowDown};

struct Provider {
    device: &'static str,
    token: &'static str,
    page: &'static str,
    /// Status of a pending poll and of one that is told to slow down.
    statuses: (u16, u16),
}

const NOUS: Provider = Provider {
    device: "/api/oauth/device/code",
    token: "/api/oauth/token",
    page: "/device",
    statuses: (400, 400),
};
const XAI: Provider = Provider {
    device: "/oauth2/device/code",
    token: "/oauth2/token",
    page: "/device",
    statuses: (400, 400),
};
const QWEN: Provider = Provider {
    device: "/api/v1/oauth2/device/code",
    token: "/api/v1/oauth2/token",
    page: "/device",
    statuses: (400, 429),
};
const GITHUB: Provider = Provider {
    device: "/login/device/code",
    token: "/login/oauth/access_token",
    page: "/login/device",
    statuses: (200, 200),
};
const STRICT: Provider = Provider {
    device: "/strict/device_authorization",
    token: "/strict/token",
    page: "/device",
    statuses: (400, 400),
};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn eager() -> ServerState {
    let options = AuthorizationOptions {
        slow_down: SlowDown::Early,
        interval: "5".to_owned(),
        ..Default::default()
    };
    ServerState {
        authorization: AuthorizationServer::new(options, 1, ORIGIN),
        ..world()
    }
}

async fn form_post(world: &ServerState, path: &str, fields: &[(&str, &str)]) -> Reply {
    let request = Request::post(path)
        .header("host", "127.0.0.1:4000")
        .header("content-type", FORM)
        .header("accept", JSON)
        .body(Body::from(form(fields)))
        .unwrap();
    send(world, request).await
}

async fn ask_for_codes(world: &ServerState, provider: &Provider) -> Value {
    let fields = [
        ("client_id", "app"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let reply = form_post(world, provider.device, &fields).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    // RFC 8628 §3.2 has no-store in its example; RFC 6749 §5.1 demands it of tokens.
    assert_eq!(reply.header("cache-control"), "no-store");
    reply.json()
}

async fn poll_for_tokens(world: &ServerState, provider: &Provider, codes: &Value) -> Reply {
    let fields = [
        ("grant_type", DEVICE_GRANT),
        ("client_id", "app"),
        ("device_code", codes["device_code"].as_str().unwrap()),
        ("code_verifier", VERIFIER),
    ];
    form_post(world, provider.token, &fields).await
}

async fn decide_at(world: &ServerState, provider: &Provider, codes: &Value, decision: &str) {
    let fields = [
        ("user_code", codes["user_code"].as_str().unwrap()),
        ("decision", decision),
    ];
    let reply = form_post(world, provider.page, &fields).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
}

#[tokio::test]
async fn a_device_signs_in_at_every_provider() {
    for provider in [NOUS, XAI, QWEN, GITHUB, STRICT] {
        let patient = world();
        let codes = ask_for_codes(&patient, &provider).await;
        let pending = poll_for_tokens(&patient, &provider, &codes).await;
        let error = &pending.json()["error"];
        assert_eq!(
            (pending.status, error),
            (provider.statuses.0, &json!("authorization_pending"))
        );

        let world = eager();
        let codes = ask_for_codes(&world, &provider).await;
        let page = format!("{ORIGIN}{}", provider.page);
        assert_eq!(codes["verification_uri"], page);
        assert!(
            codes["expires_in"] == 900 && codes["interval"] == 5,
            "{codes}"
        );

        let early = poll_for_tokens(&world, &provider, &codes).await;
        assert_eq!(
            (early.status, &early.json()["error"]),
            (provider.statuses.1, &json!("slow_down"))
        );
        assert_eq!(early.header("cache-control"), "no-store");

        decide_at(&world, &provider, &codes, "approve").await;
        let tokens = poll_for_tokens(&world, &provider, &codes).await;
        assert_eq!(tokens.status, 200, "{}", tokens.text);
        assert_eq!(tokens.header("cache-control"), "no-store");
        let token = tokens.json()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(
            world.authorization.describe_access(&token).state,
            TokenState::Live
        );
        // The device code is used up.
        let again = poll_for_tokens(&world, &provider, &codes).await;
        assert!(again.json()["access_token"].is_null(), "{}", again.text);
    }
}

#[tokio::test]
async fn a_denied_device_is_told_so_in_the_words_of_rfc_8628_section_3_5() {
    for provider in [NOUS, XAI, QWEN, GITHUB, STRICT] {
        let world = world();
        let codes = ask_for_codes(&world, &provider).await;
        decide_at(&world, &provider, &codes, "deny").await;
        let reply = poll_for_tokens(&world, &provider, &codes).await;
        assert_eq!(
            (reply.status, &reply.json()["error"]),
            (provider.statuses.0, &json!("access_denied"))
        );
    }
}

#[tokio::test]
async fn the_complete_address_leads_to_the_form_with_the_code_in_it() {
    let world = world();
    let codes = ask_for_codes(&world, &STRICT).await;
    let complete = codes["verification_uri_complete"].as_str().unwrap();
    let code = codes["user_code"].as_str().unwrap();
    let page = get(&world, complete.strip_prefix(ORIGIN).unwrap(), "").await;
    assert!(
        page.text.contains(&format!("value=\"{code}\""))
            && page.text.contains("action=\"/device\""),
        "{}",
        page.text
    );
}

#[tokio::test]
async fn github_answers_in_a_form_unless_it_is_asked_for_json() {
    let world = eager();
    let fields = form(&[("client_id", "app"), ("scope", "repo gist")]);
    let reply = post(&world, GITHUB.device, FORM, fields).await;
    assert_eq!(
        reply.header("content-type"),
        "application/x-www-form-urlencoded; charset=utf-8"
    );
    let codes: std::collections::HashMap<String, String> =
        serde_urlencoded::from_str(&reply.text).unwrap();
    let poll = [
        ("grant_type", DEVICE_GRANT),
        ("client_id", "app"),
        ("device_code", &codes["device_code"]),
    ];
    // Whatever comes before an interval has passed is too early, the first poll too.
    let slow = post(&world, GITHUB.token, FORM, form(&poll)).await;
    assert!(
        slow.status == 200
            && slow.text.starts_with("error=slow_down&")
            && slow.text.ends_with("&interval=10"),
        "{}",
        slow.text
    );
    decide_at(
        &world,
        &GITHUB,
        &json!({ "user_code": codes["user_code"] }),
        "approve",
    )
    .await;
    let tokens = post(&world, GITHUB.token, FORM, form(&poll)).await;
    assert!(
        tokens.text.starts_with("access_token=gho_loginproof")
            && tokens
                .text
                .ends_with("&token_type=bearer&scope=repo%2Cgist"),
        "{}",
        tokens.text
    );
}

#[tokio::test]
async fn github_knows_who_signed_in_and_sells_a_token_for_copilot() {
    let world = world();
    let codes = ask_for_codes(&world, &GITHUB).await;
    decide_at(&world, &GITHUB, &codes, "approve").await;
    let tokens = poll_for_tokens(&world, &GITHUB, &codes).await.json();
    let token = format!("token {}", tokens["access_token"].as_str().unwrap());
    let ask = |method: &str, path: &str, token: &str| {
        Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", token)
            .body(Body::from("{}"))
            .unwrap()
    };
    let user = send(&world, ask("GET", "/user", &token)).await;
    assert_eq!(
        (user.json()["login"].as_str(), user.header("x-oauth-scopes")),
        (Some("person"), "read:user")
    );
    let viewer = send(&world, ask("POST", "/graphql", &token)).await.json();
    assert_eq!(viewer["data"]["viewer"]["login"], "person");
    let path = "/copilot_internal/v2/token";
    let copilot = send(&world, ask("GET", path, &token)).await.json();
    assert_eq!(copilot["refresh_in"], 3000);
    let sold = copilot["token"].as_str().unwrap();
    assert_eq!(
        world.authorization.describe_access(sold).state,
        TokenState::Live
    );
    let refused = send(&world, ask("GET", path, "token gho_other")).await;
    assert_eq!(
        (refused.status, &refused.json()["message"]),
        (401, &json!("Bad credentials"))
    );
}

#[tokio::test]
async fn nous_refreshes_by_the_token_in_the_header() {
    let world = world();
    let set = world
        .authorization
        .seed(TokenState::Expired, TokenState::Live, None);
    let refresh = |token: &str| {
        Request::post(NOUS.token)
            .header("content-type", FORM)
            .header("x-nous-refresh-token", token)
            .body(Body::from(form(&[
                ("grant_type", "refresh_token"),
                ("client_id", "hermes-cli"),
            ])))
            .unwrap()
    };
    let tokens = send(&world, refresh(&set.refresh_token)).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text);
    assert!(tokens.json()["refresh_token"].is_string());
    let replay = send(&world, refresh(&set.refresh_token)).await;
    assert!(
        replay.status == 400 && replay.text.contains("reuse detected"),
        "{}",
        replay.text
    );
}

#[tokio::test]
async fn the_strict_server_takes_rfc_8628_section_3_1_at_its_word() {
    let world = world();
    // Unknown parameters are ignored, and one without a value counts as left out.
    let fields = [("client_id", "app"), ("scope", ""), ("colour", "blue")];
    assert_eq!(form_post(&world, STRICT.device, &fields).await.status, 200);
    let cases = [
        (form(&[("client_id", "app"), ("client_id", "app")]), FORM),
        (form(&[("scope", "openid")]), FORM),
        (json!({ "client_id": "app" }).to_string(), JSON),
    ];
    for (body, kind) in cases {
        let reply = post(&world, STRICT.device, kind, body).await;
        assert_eq!(
            (reply.status, &reply.json()["error"]),
            (400, &json!("invalid_request"))
        );
    }
    // RFC 6749 §5.2: who authenticates by header is answered 401 with the scheme.
    let request = Request::post(STRICT.token)
        .header("content-type", FORM)
        .header("authorization", "Basic YXBwOg==");
    let body = form(&[("grant_type", "refresh_token"), ("refresh_token", "x")]);
    let reply = send(&world, request.body(Body::from(body)).unwrap()).await;
    assert_eq!(
        (
            reply.status,
            reply.header("www-authenticate"),
            &reply.json()["error"]
        ),
        (401, "Basic", &json!("invalid_client"))
    );
}
