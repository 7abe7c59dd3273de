//! Whole flows against a real server over real sockets: sign-in, refresh, reuse, a turn, rules, gates, journal.

#![expect(clippy::unwrap_used, reason = "all of it is test")]

mod support;

use std::io::ErrorKind;
use std::sync::Arc;

use loginproof_mocks::authorization::CLIENT_ID;
use loginproof_mocks::net::CertificateAuthority;
use loginproof_mocks::script::{Endpoint, TokenState, When};
use loginproof_mocks::{Ending, MockServer, ServerConfig};
use reqwest::Response;
use serde_json::{Value, json};
use support::{BOUND, Client, server, server_with, start, until};
use tokio::time::timeout;

/// A program that talks to a server.
struct Program {
    http: reqwest::Client,
    origin: String,
}

impl Program {
    fn new(server: &MockServer) -> Self {
        // Built with the whole workspace, the library wants to know its cryptography also for plain HTTP.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([])
            .timeout(BOUND)
            .build();
        Self {
            http: http.unwrap(),
            origin: server.origin().to_owned(),
        }
    }

    async fn post(
        &self,
        path: &str,
        kind: &str,
        bearer: &str,
        body: impl Into<reqwest::Body>,
    ) -> Response {
        let request = self
            .http
            .post(format!("{}{path}", self.origin))
            .header("content-type", kind);
        let request = if bearer.is_empty() {
            request
        } else {
            request.bearer_auth(bearer)
        };
        request.body(body).send().await.unwrap()
    }

    /// Status and JSON of the answer to a JSON body.
    async fn json(&self, path: &str, body: &Value) -> (u16, Value) {
        read(
            self.post(path, "application/json", "", body.to_string())
                .await,
        )
        .await
    }

    async fn form(&self, path: &str, fields: &[(&str, &str)]) -> (u16, Value) {
        let body = serde_urlencoded::to_string(fields).unwrap();
        read(
            self.post(path, "application/x-www-form-urlencoded", "", body)
                .await,
        )
        .await
    }

    async fn refresh(&self, token: &str) -> (u16, Value) {
        let body = json!({ "client_id": CLIENT_ID, "grant_type": "refresh_token", "refresh_token": token });
        self.json("/oauth/token", &body).await
    }

    async fn turn(&self, access: &str) -> Response {
        let body = json!({
            "model": "gpt-loginproof", "instructions": "Be brief.", "stream": true, "store": false,
            "input": [{ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "hi" }] }],
        });
        self.post(
            "/backend-api/codex/responses",
            "application/json",
            access,
            body.to_string(),
        )
        .await
    }
}

async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (
        status,
        serde_json::from_str(&response.text().await.unwrap()).unwrap(),
    )
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("{value} has no text `{key}`"))
}

#[tokio::test]
async fn a_person_signs_in_and_the_tokens_rotate() {
    let server = server(json!({})).await;
    let program = Program::new(&server);

    let (status, started) = program
        .json(
            "/api/accounts/deviceauth/usercode",
            &json!({ "client_id": CLIENT_ID }),
        )
        .await;
    assert_eq!(status, 200, "{started}");
    let code = text(&started, "user_code");
    let poll = json!({ "device_auth_id": started["device_auth_id"], "user_code": code });
    let (status, _) = program.json("/api/accounts/deviceauth/token", &poll).await;
    assert_eq!(status, 403);

    let form = serde_urlencoded::to_string([("user_code", code), ("decision", "approve")]).unwrap();
    let page = program
        .post(
            "/codex/device",
            "application/x-www-form-urlencoded",
            "",
            form,
        )
        .await;
    assert_eq!(page.status(), 200);

    let (status, approved) = program.json("/api/accounts/deviceauth/token", &poll).await;
    assert_eq!(status, 200);
    let redirect = format!("{}/deviceauth/callback", server.origin());
    let (status, pair) = program
        .form(
            "/oauth/token",
            &[
                ("grant_type", "authorization_code"),
                ("client_id", CLIENT_ID),
                ("code", text(&approved, "authorization_code")),
                ("redirect_uri", &redirect),
                ("code_verifier", text(&approved, "code_verifier")),
            ],
        )
        .await;
    assert_eq!(status, 200, "{pair}");

    let stream = program.turn(text(&pair, "access_token")).await;
    assert_eq!(stream.status(), 200);
    let stream = stream.text().await.unwrap();
    assert!(
        stream.contains("\"model\":\"gpt-loginproof\"") && !stream.contains("{{"),
        "{stream}"
    );

    let (status, next) = program.refresh(text(&pair, "refresh_token")).await;
    assert_eq!(status, 200, "{next}");
    let (status, refused) = program.refresh(text(&pair, "refresh_token")).await;
    assert_eq!(
        (status, text(&refused["error"], "code")),
        (401, "refresh_token_reused")
    );

    until(&server, || server.journal().answered(Endpoint::Token) == 3).await;
    let journal = server.journal().snapshot();
    assert!(journal.iter().all(|exchange| exchange.expected));
    let refreshes: Vec<_> = journal
        .iter()
        .filter(|exchange| exchange.endpoint == Endpoint::Token)
        .collect();
    assert_eq!(refreshes[0].refresh.state, TokenState::None);
    assert_eq!(
        (refreshes[1].refresh.state, refreshes[1].refresh.generation),
        (TokenState::Live, Some(1))
    );
    assert_eq!(
        (refreshes[2].refresh.state, refreshes[2].nth),
        (TokenState::Spent, 3)
    );
    let turns = journal
        .iter()
        .filter(|exchange| exchange.endpoint == Endpoint::Responses);
    assert_eq!(
        turns.map(|turn| turn.access.state).collect::<Vec<_>>(),
        [TokenState::Live]
    );
}

#[tokio::test]
async fn a_dead_token_is_dead_until_it_is_refreshed() {
    let server = server(json!({})).await;
    let program = Program::new(&server);
    let seeded = server
        .authorization()
        .seed(TokenState::Expired, TokenState::Live, None);
    for _ in 0..2 {
        let (status, refused) = read(program.turn(&seeded.access_token).await).await;
        assert_eq!(
            (status, text(&refused["error"], "code")),
            (401, "token_expired")
        );
    }
    let (_, pair) = program.refresh(&seeded.refresh_token).await;
    assert_eq!(
        program.turn(text(&pair, "access_token")).await.status(),
        200
    );
}

const KEEPS: &str = "# source: made up\n# exact: constructed\nHTTP/1.1 200 OK\n\
    content-type: application/json\n\n{\"access_token\":\"{{access_token}}\",\"id_token\":\"{{id_token}}\"}\n";

#[tokio::test]
async fn an_answer_without_a_refresh_token_does_not_rotate() {
    let script = json!({ "token": [{ "answer": "token/keeps", "times": 2 }] });
    let server = server_with(script, &[("token/keeps", KEEPS)]).await;
    let program = Program::new(&server);
    let seeded = server
        .authorization()
        .seed(TokenState::Expired, TokenState::Live, None);
    for _ in 0..2 {
        let (status, answer) = program.refresh(&seeded.refresh_token).await;
        assert_eq!(status, 200);
        assert!(answer.get("refresh_token").is_none());
        assert_eq!(
            program.turn(text(&answer, "access_token")).await.status(),
            200
        );
    }
    // Used up: the real server answers, and its answer rotates.
    let (status, answer) = program.refresh(&seeded.refresh_token).await;
    assert_eq!(status, 200);
    assert_ne!(text(&answer, "refresh_token"), seeded.refresh_token);
    let answer = server.journal().snapshot()[0].answer.clone().unwrap();
    assert_eq!(answer.fixture.as_deref(), Some("token/keeps"));
}

#[tokio::test]
async fn an_answer_that_mints_nothing_never_reaches_the_real_server() {
    let script = json!({ "token": [{ "times": 1, "answer": {
        "status": 503, "json": { "echo": "{{request.refresh_token}}", "model": "{{model}}" },
    }}]});
    let server = server(script).await;
    let program = Program::new(&server);
    let seeded = server
        .authorization()
        .seed(TokenState::Expired, TokenState::Live, None);
    let (status, answer) = program.refresh(&seeded.refresh_token).await;
    assert_eq!(
        (status, text(&answer, "echo")),
        (503, seeded.refresh_token.as_str())
    );
    assert_eq!(
        server
            .authorization()
            .describe_refresh(&seeded.refresh_token)
            .state,
        TokenState::Live
    );
    assert_eq!(program.refresh(&seeded.refresh_token).await.0, 200);
}

#[tokio::test]
async fn a_rule_that_mints_gives_way_when_the_real_server_refuses() {
    let script =
        json!({ "token": [{ "answer": { "json": { "access_token": "{{access_token}}" } } }] });
    let server = server(script).await;
    let program = Program::new(&server);
    let (status, answer) = program.refresh("loginproof-never-minted").await;
    assert!((400..500).contains(&status), "{answer}");
}

#[tokio::test]
async fn an_answer_that_is_lost_on_the_way_has_rotated_all_the_same() {
    let script = json!({ "token": [{ "times": 1, "faults": [{ "close": { "at": "start", "how": "reset" } }] }] });
    let server = server(script).await;
    let program = Program::new(&server);
    let seeded = server
        .authorization()
        .seed(TokenState::Expired, TokenState::Live, None);
    let body = json!({ "client_id": CLIENT_ID, "grant_type": "refresh_token", "refresh_token": seeded.refresh_token });
    let lost = program
        .http
        .post(format!("{}/oauth/token", program.origin))
        .body(body.to_string());
    assert!(
        lost.header("content-type", "application/json")
            .send()
            .await
            .is_err()
    );
    assert_eq!(
        server
            .authorization()
            .describe_refresh(&seeded.refresh_token)
            .state,
        TokenState::Spent
    );
    assert_eq!(program.refresh(&seeded.refresh_token).await.0, 401);
}

#[tokio::test]
async fn two_refreshes_held_at_a_gate_are_answered_when_it_opens() {
    let server = server(json!({ "token": [{ "hold": "both" }] })).await;
    let program = Arc::new(Program::new(&server));
    let seeded = server
        .authorization()
        .seed(TokenState::Expired, TokenState::Live, None);
    let refreshes: Vec<_> = (0..2)
        .map(|_| {
            let (program, token) = (Arc::clone(&program), seeded.refresh_token.clone());
            tokio::spawn(async move { program.refresh(&token).await.0 })
        })
        .collect();
    timeout(BOUND, server.gates().held("both", 2))
        .await
        .unwrap();
    assert_eq!(server.journal().answered(Endpoint::Token), 0);
    server.gates().open("both");
    let mut statuses = Vec::new();
    for refresh in refreshes {
        statuses.push(refresh.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
}

#[tokio::test]
async fn a_client_that_goes_while_it_is_held_is_written_down() {
    let server = server(json!({ "responses": [{ "hold": "a" }] })).await;
    let mut client = Client::connect(&server).await;
    client.post("/v1/responses", "{}").await;
    timeout(BOUND, server.gates().held("a", 1)).await.unwrap();
    drop(client);
    until(&server, || {
        server.journal().answered(Endpoint::Responses) == 1
    })
    .await;
    let answer = server.journal().snapshot()[0].answer.clone().unwrap();
    assert_eq!((answer.ending, answer.status), (Ending::ClientGone, 0));
}

#[tokio::test]
async fn a_compressed_request_is_judged_by_what_it_says() {
    let script = json!({ "responses": [
        { "when": { "body": { "/model": "b" } }, "answer": { "text": "matched" } },
    ]});
    let server = server(script).await;
    let program = Program::new(&server);
    let body = zstd::encode_all(&br#"{"model":"b"}"#[..], 3).unwrap();
    let request = program
        .http
        .post(format!("{}/v1/responses", program.origin))
        .body(body.clone());
    let request = request
        .header("content-encoding", "zstd")
        .header("content-type", "application/json");
    assert_eq!(
        request.send().await.unwrap().text().await.unwrap(),
        "matched"
    );
    let exchange = &server.journal().snapshot()[0];
    assert_eq!(exchange.request.body, body);
    assert_eq!(exchange.request.json(), Some(&json!({ "model": "b" })));
}

#[tokio::test]
async fn a_web_socket_is_refused_with_426_and_no_rule_takes_it() {
    let server = server(json!({ "responses": [{ "answer": { "text": "turn" } }] })).await;
    let program = Program::new(&server);
    let upgrade = program
        .http
        .get(format!("{}/backend-api/codex/responses", program.origin));
    let upgrade = upgrade
        .header("connection", "upgrade")
        .header("upgrade", "websocket");
    assert_eq!(upgrade.send().await.unwrap().status(), 426);
    assert_eq!(program.turn("x").await.text().await.unwrap(), "turn");
    until(&server, || {
        server.journal().answered(Endpoint::Responses) == 1
    })
    .await;
    let journal = server.journal().snapshot();
    assert!(journal[0].is_upgrade() && journal[0].expected && journal[0].nth == 0);
    assert!(!journal[0].matches(&When::default()));
    assert_eq!(journal[1].nth, 1);
}

#[tokio::test]
async fn what_nobody_expected_is_refused_and_marked() {
    let server = server(json!({})).await;
    let program = Program::new(&server);
    for (path, status, expected) in [
        ("/backend-api/wham/settings/user", 404, true),
        ("/favicon.ico", 404, true),
        ("/oauth/token", 405, false),
        ("/v2", 404, false),
    ] {
        let response = program
            .http
            .get(format!("{}{path}", program.origin))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(
            server.journal().snapshot().last().unwrap().expected,
            expected,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_script_with_a_mistake_does_not_start() {
    let script =
        serde_json::from_value(json!({ "token": [{}, { "answer": "none/such" }] })).unwrap();
    let error = MockServer::start(ServerConfig {
        script,
        ..ServerConfig::default()
    })
    .await
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "server.token[1]: answer: there is no fixture `none/such`"
    );
}

#[tokio::test]
async fn the_journal_can_be_exported() {
    let server = server(
        json!({ "responses": [{ "answer": { "events": [{ "type": "response.created" }] } }] }),
    )
    .await;
    let program = Program::new(&server);
    let turn = program
        .post(
            "/v1/responses?a=b",
            "application/json",
            "loginproof-x",
            "{\"model\":\"m\"}",
        )
        .await;
    turn.text().await.unwrap();
    until(&server, || {
        server.journal().answered(Endpoint::Responses) == 1
    })
    .await;
    let har = server.journal().to_har();
    let entry = &har["log"]["entries"][0];
    assert_eq!(har["log"]["version"], "1.2");
    assert_eq!(
        entry["request"]["url"],
        format!("{}/v1/responses?a=b", server.origin())
    );
    assert_eq!(
        entry["request"]["queryString"],
        json!([{ "name": "a", "value": "b" }])
    );
    assert_eq!(entry["request"]["postData"]["text"], "{\"model\":\"m\"}");
    assert_eq!(
        entry["response"]["content"]["mimeType"],
        "text/event-stream"
    );
    assert_eq!(entry["_access"], "foreign");
    assert_eq!(
        (&entry["_endpoint"], &entry["_ending"]),
        (&json!("responses"), &json!("Complete"))
    );
    assert_eq!(entry["_rule"], "server.responses[0]");
    let started = entry["startedDateTime"].as_str().unwrap();
    assert!(
        started.ends_with('Z') && started.len() == "2026-01-01T00:00:00.000Z".len(),
        "{started}"
    );

    let lines = server.journal().to_jsonl();
    let line: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(lines.lines().count(), 1);
    assert_eq!(
        (&line["nth"], &line["answer"]["status"]),
        (&json!(1), &json!(200))
    );
}

/// A server behind TLS, with the authority that signs for it.
async fn tls_server(script: Value) -> (MockServer, Arc<CertificateAuthority>) {
    let authority = Arc::new(CertificateAuthority::new().unwrap());
    let script = serde_json::from_value(script).unwrap();
    let tls = Some(Arc::clone(&authority));
    (
        start(ServerConfig {
            script,
            tls,
            ..ServerConfig::default()
        })
        .await,
        authority,
    )
}

/// Asks for a turn over TLS by this host name. Everything that comes, and how it ends.
async fn ask_over_tls(
    server: &MockServer,
    authority: &CertificateAuthority,
    name: &'static str,
) -> (String, std::io::Result<usize>) {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.der().to_vec().into()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = config
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let socket = Client::connect(server).await.stream;
    let name = rustls::pki_types::ServerName::try_from(name).unwrap();
    let mut stream = timeout(BOUND, connector.connect(name, socket))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let request =
        b"POST /v1/responses HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut stream, request)
        .await
        .unwrap();
    let mut answer = String::new();
    let read = tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer);
    let ended = timeout(BOUND, read).await.unwrap();
    (answer, ended)
}

#[tokio::test]
async fn the_same_server_speaks_tls_with_a_certificate_for_every_name() {
    let (server, authority) =
        tls_server(json!({ "responses": [{ "answer": { "text": "over tls" } }] })).await;
    assert!(server.origin().starts_with("https://127.0.0.1:"));
    for name in ["auth.openai.com", "chatgpt.com", "127.0.0.1"] {
        let (answer, ended) = ask_over_tls(&server, &authority, name).await;
        // A proper end: with close_notify.
        ended.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("over tls"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_close_below_tls_has_no_close_notify() {
    for (how, kind) in [
        ("fin", ErrorKind::UnexpectedEof),
        ("reset", ErrorKind::ConnectionReset),
    ] {
        let close = json!({ "close": { "at": { "event": 1 }, "how": how } });
        let answer = json!({ "events": ["data: 1\n\n", "data: 2\n\n"] });
        let (server, authority) =
            tls_server(json!({ "responses": [{ "answer": answer, "faults": [close] }] })).await;
        let (_, ended) = ask_over_tls(&server, &authority, "chatgpt.com").await;
        assert_eq!(ended.unwrap_err().kind(), kind);
    }
}
