//! A client that knows nothing of the servers but their addresses.

use std::time::Duration;

use loginproof_mocks::{Fixtures, MockServer, ServerConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Bound of every wait.
pub(crate) const BOUND: Duration = Duration::from_secs(10);

pub(crate) const JSON: &str = "application/json";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// RFC 7636 Appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// The ChatGPT client (openai/codex codex-rs/login).
pub(crate) const CHATGPT: &str = "app_EMoamEEZ73f0CkXaXp7hrann";

pub(crate) const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A server, and a client that talks to it.
pub(crate) struct Outside {
    pub(crate) server: MockServer,
    client: reqwest::Client,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The string in a member of the body.
    pub(crate) fn word(&self, name: &str) -> String {
        let body = self.json();
        let word = body[name].as_str();
        word.unwrap_or_else(|| panic!("no {name} in {self:?}"))
            .to_owned()
    }

    /// RFC 6749 §5.2: status 400, and `error` is this code.
    pub(crate) fn is_refused(&self, code: &str) {
        assert_eq!(
            (self.status, self.word("error").as_str()),
            (400, code),
            "{self:?}"
        );
    }
}

impl Outside {
    /// A server without scripts.
    pub(crate) async fn new() -> Self {
        Self::with(json!({})).await
    }

    /// A server with this `authorization:` of a scenario.
    pub(crate) async fn authorizing(options: Value) -> Self {
        Self::with(json!({ "authorization": options })).await
    }

    pub(crate) async fn with(script: Value) -> Self {
        Self::start(script, Fixtures::default()).await
    }

    pub(crate) async fn start(script: Value, fixtures: Fixtures) -> Self {
        let server = MockServer::start(ServerConfig {
            script: serde_json::from_value(script).unwrap(),
            fixtures: fixtures.into(),
            ..ServerConfig::default()
        })
        .await
        .unwrap();
        // Whoever comes second finds it there.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(BOUND)
            .no_proxy()
            .tls_certs_only([])
            .build()
            .unwrap();
        Self { server, client }
    }

    pub(crate) fn origin(&self) -> &str {
        self.server.origin()
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<String>,
    ) -> Reply {
        let target = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.origin())
        };
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.into();
        if !body.is_empty() {
            request = request.body(body);
        }
        let answer = request.send().await.unwrap();
        Reply {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            text: answer.text().await.unwrap(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], "").await
    }

    pub(crate) async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.send("POST", path, &[("content-type", FORM)], form(fields))
            .await
    }

    pub(crate) async fn json(&self, path: &str, body: Value) -> Reply {
        self.send("POST", path, &[("content-type", JSON)], body.to_string())
            .await
    }

    /// Bytes as they are, and everything that comes until the server ends the connection.
    pub(crate) async fn raw(&self, bytes: &str) -> String {
        let mut stream = TcpStream::connect(self.server.address()).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        timeout(BOUND, stream.read_to_end(&mut answer))
            .await
            .expect("the server keeps the connection open")
            .unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A device authorization request at the strict server (RFC 8628 §3.1).
    pub(crate) async fn device(&self) -> Value {
        let reply = self
            .form("/strict/device_authorization", &[("client_id", "cli")])
            .await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()
    }

    /// The person decides on the page.
    pub(crate) async fn decide(&self, started: &Value, decision: &str) {
        let code = started["user_code"].as_str().unwrap();
        let page = started["verification_uri"].as_str();
        let page = page.map_or_else(|| format!("{}/codex/device", self.origin()), str::to_owned);
        let reply = self
            .form(&page, &[("user_code", code), ("decision", decision)])
            .await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }

    /// A device access token request (RFC 8628 §3.4).
    pub(crate) async fn poll(&self, started: &Value) -> Reply {
        let code = started["device_code"].as_str().unwrap();
        let fields = [
            ("grant_type", DEVICE_GRANT),
            ("device_code", code),
            ("client_id", "cli"),
        ];
        self.form("/strict/token", &fields).await
    }

    /// A pair of the strict server, by the device grant.
    pub(crate) async fn pair(&self) -> (String, String) {
        let started = self.device().await;
        self.decide(&started, "approve").await;
        let reply = self.poll(&started).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        (reply.word("access_token"), reply.word("refresh_token"))
    }

    pub(crate) async fn refresh(&self, token: &str) -> Reply {
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("client_id", "cli"),
        ];
        self.form("/strict/token", &fields).await
    }

    /// An authorization request at the strict server that the person approves.
    pub(crate) async fn authorize(&self, query: &[(&str, &str)]) -> Reply {
        let target = format!("/strict/authorize?{}", form(query));
        let headers = [("content-type", FORM)];
        self.send("POST", &target, &headers, "decision=approve")
            .await
    }

    /// The code that such a request yields.
    pub(crate) async fn code(&self) -> String {
        let reply = self.authorize(&REQUEST).await;
        assert_eq!(reply.status, 302, "{reply:?}");
        query(reply.header("location"), "code").unwrap_or_else(|| panic!("no code: {reply:?}"))
    }

    /// The exchange of a code, with some fields changed; an empty one is left out.
    pub(crate) async fn exchange(&self, code: &str, changed: &[(&str, &str)]) -> Reply {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("client_id", "cli"),
            ("code_verifier", VERIFIER),
        ];
        for field in &mut fields {
            if let Some(change) = changed.iter().find(|change| change.0 == field.0) {
                field.1 = change.1;
            }
        }
        fields.retain(|field| !field.1.is_empty());
        self.form("/strict/token", &fields).await
    }

    /// Whether a resource lets a token in.
    pub(crate) async fn lets_in(&self, token: &str) -> bool {
        let bearer = format!("Bearer {token}");
        let reply = self
            .send("GET", "/v1/models", &[("authorization", &bearer)], "")
            .await;
        reply.status == 200
    }
}

pub(crate) const REDIRECT: &str = "http://127.0.0.1:9/callback";

/// An authorization request that is right in every point.
pub(crate) const REQUEST: [(&str, &str); 6] = [
    ("response_type", "code"),
    ("client_id", "cli"),
    ("redirect_uri", REDIRECT),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
    ("state", "af0ifjsldkj"),
];

/// The same with one parameter changed; an empty one is left out.
pub(crate) fn changed<'a>(name: &str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let all = REQUEST.iter().map(|(known, old)| {
        if *known == name {
            (*known, value)
        } else {
            (*known, *old)
        }
    });
    all.filter(|(_, value)| !value.is_empty()).collect()
}

pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(fields);
    text.finish()
}

/// A parameter in the query of an address.
pub(crate) fn query(address: &str, name: &str) -> Option<String> {
    let address = url::Url::parse(address).unwrap();
    let mut pairs = address.query_pairs();
    pairs
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}

/// The payload of a JWT (RFC 7519 §3, RFC 7515 §2: base64url without padding).
pub(crate) fn claims(token: &str) -> Value {
    use base64::Engine as _;
    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!(parts.len(), 3, "{token}");
    let payload = base64::prelude::BASE64_URL_SAFE_NO_PAD
        .decode(parts[1])
        .unwrap();
    serde_json::from_slice(&payload).unwrap()
}
