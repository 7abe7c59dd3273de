//! Programs that dial hosts by their own names, over the sockets of a front.
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    reason = "a test says what went wrong by its panic"
)]

mod support;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use loginproof_mocks::journal::AttemptKind;
use loginproof_mocks::net::CertificateAuthority;
use loginproof_mocks::script::Endpoint;
use loginproof_mocks::server::{Front, Peer, Sockets};
use loginproof_mocks::{Ending, MockServer, ServerConfig, StartError};
use serde_json::{Value, json};
use support::{BOUND, start, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const OURS: &str = "chatgpt.com";
const AMBIENT: &str = "registry.npmjs.org";
const FOREIGN: &str = "telemetry.example";

struct Run {
    server: MockServer,
    authority: Arc<CertificateAuthority>,
    tls: SocketAddr,
    plain: SocketAddr,
}

impl Run {
    async fn new(script: Value) -> Self {
        let authority = Arc::new(CertificateAuthority::new().unwrap());
        let listener = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (tls, plain) = (listener(), listener());
        let at = (tls.local_addr().unwrap(), plain.local_addr().unwrap());
        let sockets = Sockets {
            tls: vec![tls],
            plain: vec![plain],
            ..Sockets::default()
        };
        let server = start(ServerConfig {
            script: serde_json::from_value(script).unwrap(),
            ambient: [
                "/otel",
                "*.npmjs.org",
                "github.com/releases",
                "chatgpt.com/beta",
            ]
            .map(str::to_owned)
            .to_vec(),
            front: Some(Front::Sockets(sockets)),
            authority: Some(Arc::clone(&authority)),
            hosts: [OURS, "*.x.ai"].map(str::to_owned).to_vec(),
            issuer: Some("https://auth.openai.com".to_owned()),
            who: Some(Arc::new(|peer: Peer| {
                Some(format!("tester at {}", peer.port > 0 && !peer.udp))
            })),
            ..ServerConfig::default()
        })
        .await;
        Self {
            server,
            authority,
            tls: at.0,
            plain: at.1,
        }
    }

    /// A client that trusts the run's authority.
    fn client(&self) -> reqwest::Client {
        let root = reqwest::Certificate::from_der(self.authority.der()).unwrap();
        self.with(reqwest::Client::builder().tls_certs_only([root]))
    }

    fn with(&self, builder: reqwest::ClientBuilder) -> reqwest::Client {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = builder.no_proxy().timeout(BOUND);
        for name in [OURS, "api.x.ai", AMBIENT, "github.com", FOREIGN] {
            builder = builder.resolve(name, self.tls);
        }
        builder.build().unwrap()
    }

    fn url(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.tls.port())
    }
}

#[tokio::test]
async fn our_hosts_are_served_under_their_own_names() {
    let run = Run::new(json!({})).await;
    let client = run.client();
    let answer = client.get(run.url(OURS, "/v1/models")).send().await;
    assert_eq!(answer.unwrap().status(), 401);
    let answer = client.get(run.url("api.x.ai", "/nothing")).send().await;
    assert_eq!(answer.unwrap().status(), 404);
    let exchanges = run.server.journal().snapshot();
    let seen: Vec<_> = exchanges
        .iter()
        .map(|exchange| (exchange.request.host.as_deref(), exchange.endpoint))
        .collect();
    assert_eq!(
        seen,
        [
            (Some(OURS), Endpoint::Models),
            (Some("api.x.ai"), Endpoint::Unknown)
        ]
    );
    assert_eq!(exchanges[0].request.origin, run.url(OURS, ""));
    let har = run.server.journal().to_har();
    let url = &har["log"]["entries"][1]["request"]["url"];
    assert_eq!(url, &json!(run.url("api.x.ai", "/nothing")));
    assert_eq!(run.server.journal().attempts(), []);
}

#[tokio::test]
async fn placeholders_name_the_host_that_was_asked() {
    let script = json!({ "models": [{ "answer": { "text": "{{origin}}" } }] });
    let run = Run::new(script).await;
    let url = run.url(OURS, "/backend-api/codex/models");
    let answer = run.client().get(url).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), run.url(OURS, ""));

    // A browser that is led to the server's own listener stays on the host.
    let url = format!("{}/backend-api/codex/models", run.server.origin());
    let answer = run.client().get(&url).header("host", OURS).send().await;
    let text = answer.unwrap().text().await.unwrap();
    assert_eq!(text, "https://chatgpt.com");
    let answer = run.client().get(&url).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), run.server.origin());
}

#[tokio::test]
async fn a_request_to_another_host_is_read_whole_and_answered_404() {
    let run = Run::new(json!({})).await;
    let answer = run
        .client()
        .post(run.url(FOREIGN, "/collect"))
        .header("authorization", "Bearer canary")
        .body("who knows")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 404);
    let exchange = &run.server.journal().snapshot()[0];
    assert_eq!(exchange.endpoint, Endpoint::Egress);
    assert_eq!(exchange.request.host.as_deref(), Some(FOREIGN));
    assert_eq!(&exchange.request.body[..], b"who knows");
    let attempts = run.server.journal().attempts();
    let kinds: Vec<_> = attempts.iter().map(|attempt| attempt.kind).collect();
    assert_eq!(kinds, [AttemptKind::Connection, AttemptKind::Request]);
    for attempt in &attempts {
        assert_eq!(attempt.name.as_deref(), Some(FOREIGN));
        assert_eq!(attempt.sni.as_deref(), Some(FOREIGN));
        assert_eq!(attempt.port, Some(run.tls.port()));
        assert_eq!(attempt.process.as_deref(), Some("tester at true"));
    }
    assert_eq!(attempts[1].exchange, Some(exchange.id));
}

#[tokio::test]
async fn ambient_is_a_host_a_prefix_of_a_host_or_a_path_of_ours() {
    let run = Run::new(json!({})).await;
    let client = run.client();
    for (host, path, endpoint) in [
        (AMBIENT, "/anything", Endpoint::Ambient),
        ("github.com", "/releases/latest", Endpoint::Ambient),
        ("github.com", "/login", Endpoint::Egress),
        (OURS, "/otel/v1/logs", Endpoint::Ambient),
        (OURS, "/beta/x", Endpoint::Ambient),
        ("api.x.ai", "/beta/x", Endpoint::Unknown),
    ] {
        let answer = client.get(run.url(host, path)).send().await.unwrap();
        assert_eq!(answer.status(), 404);
        let exchanges = run.server.journal().snapshot();
        assert_eq!(exchanges.last().unwrap().endpoint, endpoint, "{host}{path}");
    }
    let attempts = run.server.journal().attempts();
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].name.as_deref(), Some("github.com"));
}

#[tokio::test]
async fn a_client_that_does_not_trust_the_authority_does_not_look_like_silence() {
    let run = Run::new(json!({})).await;
    let stranger = run.with(reqwest::Client::builder().tls_certs_only([]));
    stranger.get(run.url(OURS, "/")).send().await.unwrap_err();
    let journal = run.server.journal();
    until(&run.server, || !journal.failed_handshakes().is_empty()).await;
    let failed = &journal.failed_handshakes()[0];
    assert_eq!(failed.host.as_deref(), Some(OURS));
    assert_eq!(failed.process.as_deref(), Some("tester at true"));
    assert!(
        failed.reason.contains("does not trust"),
        "{}",
        failed.reason
    );
    assert_eq!(journal.attempts(), []);

    stranger
        .get(run.url(FOREIGN, "/"))
        .send()
        .await
        .unwrap_err();
    until(&run.server, || journal.failed_handshakes().len() == 2).await;
    let attempts = journal.attempts();
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].name.as_deref(), Some(FOREIGN));
    assert_eq!(attempts[0].kind, AttemptKind::Connection);
}

#[tokio::test]
async fn bytes_that_are_not_tls_and_connections_without_a_request_are_noted() {
    let run = Run::new(json!({})).await;
    let journal = run.server.journal();
    let mut socket = TcpStream::connect(run.tls).await.unwrap();
    socket.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    until(&run.server, || journal.failed_handshakes().len() == 1).await;
    let socket = TcpStream::connect(run.tls).await.unwrap();
    drop(socket);
    until(&run.server, || journal.failed_handshakes().len() == 2).await;
    let reasons: Vec<String> = journal
        .failed_handshakes()
        .into_iter()
        .map(|failed| failed.reason)
        .collect();
    assert!(reasons[0].contains("not TLS"), "{reasons:?}");
    assert!(reasons[1].contains("middle of"), "{reasons:?}");
}

#[tokio::test]
async fn without_tls_the_host_header_says_who_is_meant() {
    let run = Run::new(json!({})).await;
    let mut answers = Vec::new();
    for head in [
        "GET /v1/models HTTP/1.1\r\nHost: ChatGPT.com",
        "GET / HTTP/1.1\r\nHost: telemetry.example:80",
        "GET http://telemetry.example/x HTTP/1.1\r\nHost: chatgpt.com",
        "GET / HTTP/1.0\r\naccept: */*",
        "no http at all",
    ] {
        let mut socket = TcpStream::connect(run.plain).await.unwrap();
        let text = format!("{head}\r\nconnection: close\r\n\r\n");
        socket.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let read = socket.read_to_string(&mut answer);
        timeout(BOUND, read).await.unwrap().unwrap();
        answers.push(answer);
    }
    assert!(answers[1].starts_with("HTTP/1.1 404"), "{}", answers[1]);
    let exchanges = run.server.journal().snapshot();
    let seen: Vec<_> = exchanges
        .iter()
        .map(|exchange| (exchange.request.origin.as_str(), exchange.endpoint))
        .collect();
    let port = run.plain.port();
    assert_eq!(
        seen,
        [
            ("http://chatgpt.com", Endpoint::Models),
            ("http://telemetry.example", Endpoint::Egress),
            ("http://telemetry.example", Endpoint::Egress),
            // The machine itself was dialled, and no name was named.
            (&*format!("http://127.0.0.1:{port}"), Endpoint::Ambient),
            (&*format!("http://127.0.0.1:{port}"), Endpoint::Ambient),
        ]
    );
    let answers = exchanges.iter().map(|exchange| exchange.answer.as_ref());
    assert!(
        answers
            .flatten()
            .all(|answer| answer.ending == Ending::Complete)
    );
}

#[tokio::test]
async fn a_front_needs_an_authority() {
    let error = MockServer::start(ServerConfig {
        front: Some(Front::Sockets(Sockets::default())),
        ..ServerConfig::default()
    })
    .await
    .unwrap_err();
    assert!(matches!(error, StartError::NoAuthority));
}
