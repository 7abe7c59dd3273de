//! Sign-ins by an authorization code: ChatGPT's, Claude's, Google's and the strict server's.

use super::*;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

struct Client {
    authorize: &'static str,
    token: &'static str,
    id: &'static str,
    redirect: &'static str,
}

const CODEX: Client = Client {
    authorize: "/oauth/authorize",
    token: "/oauth/token",
    id: CLIENT_ID,
    redirect: "http://localhost:1455/auth/callback",
};
const CLAUDE: Client = Client {
    authorize: "/cai/oauth/authorize",
    token: "/v1/oauth/token",
    id: "claude-app",
    redirect: "http://localhost:5050/callback",
};
const GEMINI: Client = Client {
    authorize: "/o/oauth2/v2/auth",
    token: "/token",
    id: "gemini-app",
    redirect: "http://127.0.0.1:5050/oauth2callback",
};
const STRICT: Client = Client {
    authorize: "/strict/authorize",
    token: "/strict/token",
    id: "app",
    redirect: "http://127.0.0.1:5050/callback",
};

impl Client {
    fn request(&self) -> Vec<(&'static str, &'static str)> {
        vec![
            ("response_type", "code"),
            ("client_id", self.id),
            ("redirect_uri", self.redirect),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("state", "st/1"),
        ]
    }

    fn address(&self, changes: &[(&'static str, &'static str)]) -> String {
        let mut fields = self.request();
        for (name, value) in changes {
            fields.retain(|(known, _)| known != name);
            if !value.is_empty() {
                fields.push((name, value));
            }
        }
        format!("{}?{}", self.authorize, form(&fields))
    }
}

async fn at(world: &ServerState, method: &str, address: &str, body: &str) -> Reply {
    let request = Request::builder()
        .method(method)
        .uri(address)
        .header("host", "127.0.0.1:4000")
        .header("content-type", FORM);
    send(world, request.body(Body::from(body.to_owned())).unwrap()).await
}

/// The query of the address that the browser is sent to.
fn sent(reply: &Reply, redirect: &str) -> std::collections::HashMap<String, String> {
    assert_eq!(reply.status, 302, "{}", reply.text);
    let location = reply.header("location");
    let query = location
        .strip_prefix(redirect)
        .and_then(|rest| rest.strip_prefix('?'));
    serde_urlencoded::from_str(query.unwrap_or_else(|| panic!("{location}"))).unwrap()
}

async fn code(world: &ServerState, client: &Client) -> String {
    let address = client.address(&[]);
    let page = at(world, "GET", &address, "").await;
    assert!(
        page.status == 200 && page.text.contains("name=\"decision\" value=\"approve\""),
        "{}",
        page.text
    );
    let reply = at(world, "POST", &address, "decision=approve").await;
    let answer = sent(&reply, client.redirect);
    assert_eq!(answer["state"], "st/1");
    // RFC 9207 §2: the strict server names itself.
    let issuer = format!("{ORIGIN}/strict");
    let strict = client.token == STRICT.token;
    assert_eq!(answer.get("iss"), strict.then_some(&issuer));
    answer["code"].clone()
}

async fn exchange_at(world: &ServerState, client: &Client, code: &str, verifier: &str) -> Reply {
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", client.id),
        ("code", code),
        ("redirect_uri", client.redirect),
        ("code_verifier", verifier),
    ];
    at(world, "POST", client.token, &form(&fields)).await
}

#[tokio::test]
async fn a_code_reaches_the_loopback_listener_and_is_exchanged_once() {
    for client in [CODEX, CLAUDE, GEMINI, STRICT] {
        let world = world();
        let code = code(&world, &client).await;
        let tokens = exchange_at(&world, &client, &code, VERIFIER).await;
        assert_eq!(tokens.status, 200, "{}", tokens.text);
        assert_eq!(tokens.header("cache-control"), "no-store");
        let access = tokens.json()["access_token"].as_str().unwrap().to_owned();
        let state = || world.authorization.describe_access(&access).state;
        assert_eq!(state(), TokenState::Live);
        // RFC 6749 §4.1.2: the second use is denied, and takes back what the first brought.
        let again = exchange_at(&world, &client, &code, VERIFIER).await;
        assert_eq!(
            (again.status, &again.json()["error"]),
            (400, &json!("invalid_grant"))
        );
        assert_eq!(state(), TokenState::Revoked);
    }
}

#[tokio::test]
async fn a_code_of_one_provider_or_a_wrong_verifier_buys_nothing() {
    let world = world();
    let code = code(&world, &STRICT).await;
    for (client, verifier) in [(&CLAUDE, VERIFIER), (&STRICT, CHALLENGE)] {
        let reply = exchange_at(&world, client, &code, verifier).await;
        assert_eq!(
            (reply.status, &reply.json()["error"]),
            (400, &json!("invalid_grant"))
        );
    }
}

#[tokio::test]
async fn a_denied_request_goes_back_with_access_denied() {
    let world = world();
    let reply = at(&world, "POST", &CODEX.address(&[]), "decision=deny").await;
    let answer = sent(&reply, CODEX.redirect);
    assert_eq!(
        (&*answer["error"], &*answer["state"]),
        ("access_denied", "st/1")
    );
    assert!(!answer.contains_key("code"));
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_is_not_the_clients() {
    let world = world();
    for redirect in [
        "https://evil.example/callback",
        "http://127.0.0.1.evil.example/callback",
        "http://localhost:1/other",
        "http://user@127.0.0.1/callback",
        "http://127.0.0.1/callback#x",
        "https://127.0.0.1/callback",
        "nonsense",
    ] {
        let address = STRICT.address(&[("redirect_uri", redirect)]);
        for method in ["GET", "POST"] {
            let reply = at(&world, method, &address, "decision=approve").await;
            assert_eq!(reply.status, 400, "{redirect}");
            assert!(reply.headers.get("location").is_none(), "{redirect}");
        }
    }
    let twice = format!("{}&state=again", STRICT.address(&[]));
    assert_eq!(at(&world, "GET", &twice, "").await.status, 400);
}

#[tokio::test]
async fn a_request_without_pkce_goes_back_as_rfc_7636_section_4_4_1_says() {
    let world = world();
    for (changes, error) in [
        (&[("code_challenge", "")][..], "invalid_request"),
        (&[("code_challenge_method", "plain")], "invalid_request"),
        (&[("response_type", "token")], "unsupported_response_type"),
        (&[("scope", "a\"b")], "invalid_scope"),
    ] {
        let reply = at(&world, "GET", &STRICT.address(changes), "").await;
        assert_eq!(sent(&reply, STRICT.redirect)["error"], error);
    }
}

#[tokio::test]
async fn a_code_to_paste_stands_on_a_page() {
    let world = world();
    let claude = [(
        "redirect_uri",
        "https://platform.claude.com/oauth/code/callback",
    )];
    let google = [("redirect_uri", "https://codeassist.google.com/authcode")];
    for (client, changes, end) in [
        (CLAUDE, claude, "#st/1</code>"),
        (GEMINI, google, "</code>"),
    ] {
        let address = client.address(&changes);
        let page = at(&world, "POST", &address, "decision=approve").await;
        let shown = page
            .text
            .split("<code id=\"authorization-code\">")
            .nth(1)
            .and_then(|rest| rest.split_once(end))
            .unwrap_or_else(|| panic!("{}", page.text));
        let client = Client {
            redirect: changes[0].1,
            ..client
        };
        let tokens = exchange_at(&world, &client, shown.0, VERIFIER).await;
        assert_eq!(tokens.status, 200, "{}", tokens.text);
        let denied = at(&world, "POST", &address, "decision=deny").await;
        assert!(denied.status == 200 && denied.text.contains("denied"));
    }
}

#[tokio::test]
async fn the_codex_browser_flow_ends_with_an_api_key() {
    let world = world();
    let code = code(&world, &CODEX).await;
    let tokens = exchange_at(&world, &CODEX, &code, VERIFIER).await.json();
    let fields = |subject: &str| {
        form(&[
            (
                "grant_type",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ),
            ("client_id", CLIENT_ID),
            ("requested_token", "openai-api-key"),
            ("subject_token", subject),
            (
                "subject_token_type",
                "urn:ietf:params:oauth:token-type:id_token",
            ),
        ])
    };
    let id_token = tokens["id_token"].as_str().unwrap();
    let key = at(&world, "POST", "/oauth/token", &fields(id_token))
        .await
        .json();
    let key = key["access_token"].as_str().unwrap();
    let turn = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
    assert_eq!(
        ask(&world, "/v1/chat/completions", key, &turn).await.status,
        200
    );
    assert_eq!(
        at(&world, "POST", "/oauth/token", &fields("other"))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn claude_says_who_signed_in() {
    let world = world();
    let code = code(&world, &CLAUDE).await;
    let body = json!({
        "grant_type": "authorization_code", "code": code, "redirect_uri": CLAUDE.redirect,
        "client_id": CLAUDE.id, "code_verifier": VERIFIER, "state": "st/1",
    });
    let tokens = post(&world, CLAUDE.token, JSON, body.to_string())
        .await
        .json();
    assert_eq!(
        tokens["account"]["email_address"],
        "person@loginproof.example"
    );
    let token = tokens["access_token"].as_str().unwrap();
    assert!(token.starts_with("sk-ant-oat01-loginproof"), "{token}");
    let profile = get(&world, "/api/oauth/profile", token).await.json();
    assert_eq!(profile["organization"]["organization_type"], "claude_pro");
    let roles = get(&world, "/api/oauth/claude_cli/roles", token)
        .await
        .json();
    assert_eq!(roles["organization_role"], "admin");
    assert_eq!(get(&world, "/api/oauth/profile", "other").await.status, 401);
    assert_eq!(at(&world, "HEAD", "/api/hello", "").await.status, 200);
}

#[tokio::test]
async fn google_keeps_its_refresh_token_and_knows_its_access_token() {
    let world = world();
    let code = code(&world, &GEMINI).await;
    let first = exchange_at(&world, &GEMINI, &code, VERIFIER).await.json();
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", GEMINI.id),
        ("client_secret", "public"),
        ("refresh_token", first["refresh_token"].as_str().unwrap()),
    ];
    for _ in 0..2 {
        let next = at(&world, "POST", GEMINI.token, &form(&fields)).await;
        assert!(
            next.status == 200 && next.json()["refresh_token"].is_null(),
            "{}",
            next.text
        );
    }
    let token = first["access_token"].as_str().unwrap();
    let who = get(&world, "/oauth2/v2/userinfo", token).await.json();
    assert_eq!(who["email"], "person@loginproof.example");
    let info = at(
        &world,
        "GET",
        &format!("/tokeninfo?access_token={token}"),
        "",
    )
    .await;
    assert_eq!(info.json()["aud"], GEMINI.id);
    let loaded = ask(&world, "/v1internal:loadCodeAssist", token, &json!({})).await;
    assert_eq!(loaded.json()["currentTier"]["id"], "free-tier");
}

#[tokio::test]
async fn the_strict_server_describes_itself_as_rfc_8414_says() {
    let world = world();
    let path = "/.well-known/oauth-authorization-server/strict";
    let about = at(&world, "GET", path, "").await.json();
    assert_eq!(about["issuer"], format!("{ORIGIN}/strict"));
    for name in [
        "authorization_endpoint",
        "token_endpoint",
        "device_authorization_endpoint",
        "revocation_endpoint",
    ] {
        let path = about[name].as_str().unwrap().strip_prefix(ORIGIN).unwrap();
        assert_ne!(at(&world, "POST", path, "").await.status, 404, "{name}");
    }
    assert_eq!(about["code_challenge_methods_supported"], json!(["S256"]));
    let xai = at(&world, "GET", "/.well-known/openid-configuration", "").await;
    assert_eq!(
        xai.json()["token_endpoint"],
        format!("{ORIGIN}/oauth2/token")
    );
}

#[tokio::test]
async fn the_strict_server_revokes_as_rfc_7009_says() {
    let world = world();
    let code = code(&world, &STRICT).await;
    let tokens = exchange_at(&world, &STRICT, &code, VERIFIER).await.json();
    let token = tokens["refresh_token"].as_str().unwrap();
    let revoke = |client: &str, token: &str| {
        form(&[
            ("client_id", client),
            ("token", token),
            ("token_type_hint", "colour"),
        ])
    };
    let others = at(&world, "POST", "/strict/revoke", &revoke("other", token)).await;
    assert_eq!(others.status, 400);
    assert_eq!(
        world.authorization.describe_refresh(token).state,
        TokenState::Live
    );
    for token in [token, token, "unknown"] {
        let reply = at(&world, "POST", "/strict/revoke", &revoke("app", token)).await;
        assert_eq!((reply.status, reply.text.as_str()), (200, ""));
    }
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(
        world.authorization.describe_access(access).state,
        TokenState::Revoked
    );
    let json = json!({ "client_id": "app", "token": token }).to_string();
    assert_eq!(post(&world, "/strict/revoke", JSON, json).await.status, 400);
    let nothing = at(&world, "POST", "/strict/revoke", "client_id=app").await;
    assert_eq!(nothing.json()["error"], "invalid_request");
}
