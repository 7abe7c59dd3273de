//! Programs that come through the forward proxy.
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    reason = "a test says what went wrong by its panic"
)]

mod support;

use std::sync::Arc;

use loginproof_mocks::journal::AttemptKind;
use loginproof_mocks::net::CertificateAuthority;
use loginproof_mocks::script::Endpoint;
use loginproof_mocks::server::{Front, PROXY_PASSWORD, PROXY_USER, ProxyKind};
use loginproof_mocks::{MockServer, ServerConfig};
use serde_json::json;
use support::{BOUND, start, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const FOREIGN: &str = "telemetry.example";

struct Run {
    server: MockServer,
    authority: Arc<CertificateAuthority>,
    /// Who the client says it is.
    user: Option<(&'static str, &'static str)>,
}

impl Run {
    async fn new() -> Self {
        Self::of(ProxyKind::Open).await
    }

    async fn of(kind: ProxyKind) -> Self {
        let authority = Arc::new(CertificateAuthority::new().unwrap());
        let script = json!({ "models": [{ "answer": { "text": "{{origin}}" } }] });
        let server = start(ServerConfig {
            script: serde_json::from_value(script).unwrap(),
            ambient: vec!["*.npmjs.org".to_owned()],
            front: Some(Front::Proxy(kind)),
            authority: Some(Arc::clone(&authority)),
            hosts: vec!["chatgpt.com".to_owned()],
            ..ServerConfig::default()
        })
        .await;
        Self {
            server,
            authority,
            user: Some(("someone", "word")),
        }
    }

    /// A client that trusts the run's authority.
    fn client(&self) -> reqwest::Client {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let root = reqwest::Certificate::from_der(self.authority.der()).unwrap();
        let proxy = format!("http://{}", self.server.proxy().unwrap());
        let proxy = reqwest::Proxy::all(proxy).unwrap();
        reqwest::Client::builder()
            .proxy(match self.user {
                Some((user, password)) => proxy.basic_auth(user, password),
                None => proxy,
            })
            .tls_certs_only([root])
            .timeout(BOUND)
            .build()
            .unwrap()
    }

    async fn get(&self, url: &str) -> (u16, String) {
        let answer = self.client().get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn socket(&self) -> TcpStream {
        TcpStream::connect(self.server.proxy().unwrap())
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn our_hosts_are_served_through_a_tunnel() {
    let run = Run::new().await;
    let models = "/backend-api/codex/models";
    for (url, origin) in [
        ("https://chatgpt.com", "https://chatgpt.com"),
        ("https://ChatGPT.com:8443", "https://chatgpt.com:8443"),
        ("http://chatgpt.com", "http://chatgpt.com"),
    ] {
        let answer = run.get(&format!("{url}{models}")).await;
        assert_eq!(answer, (200, origin.to_owned()));
    }
    let exchanges = run.server.journal().snapshot();
    for exchange in &exchanges {
        assert_eq!(exchange.endpoint, Endpoint::Models);
        assert_eq!(exchange.request.host.as_deref(), Some("chatgpt.com"));
    }
    assert_eq!(run.server.journal().attempts(), []);
    assert_eq!(run.server.journal().failed_handshakes(), []);
}

#[tokio::test]
async fn another_host_is_an_attempt_with_and_without_tls() {
    let run = Run::new().await;
    let (status, _) = run.get("https://telemetry.example/a").await;
    assert_eq!(status, 404);
    let (status, _) = run.get("http://telemetry.example:8080/b").await;
    assert_eq!(status, 404);
    let (status, _) = run.get("https://registry.npmjs.org/c").await;
    assert_eq!(status, 404);
    let attempts = run.server.journal().attempts();
    let seen: Vec<_> = attempts
        .iter()
        .map(|one| (one.kind, one.name.as_deref(), one.port, one.exchange))
        .collect();
    assert_eq!(
        seen,
        [
            (AttemptKind::Connection, Some(FOREIGN), Some(443), None),
            (AttemptKind::Request, Some(FOREIGN), Some(443), Some(1)),
            (AttemptKind::Request, Some(FOREIGN), Some(8080), Some(2)),
        ]
    );
    let exchanges = run.server.journal().snapshot();
    let endpoints: Vec<_> = exchanges.iter().map(|exchange| exchange.endpoint).collect();
    assert_eq!(
        endpoints,
        [Endpoint::Egress, Endpoint::Egress, Endpoint::Ambient]
    );
    assert_eq!(exchanges[1].request.origin, "http://telemetry.example:8080");
}

#[tokio::test]
async fn a_tunnel_without_tls_carries_http() {
    let run = Run::new().await;
    for host in ["chatgpt.com", FOREIGN] {
        let mut socket = run.socket().await;
        let text = format!("CONNECT {host}:80 HTTP/1.1\r\nhost: {host}:80\r\n\r\n");
        socket.write_all(text.as_bytes()).await.unwrap();
        let mut word = [0; 39];
        socket.read_exact(&mut word).await.unwrap();
        assert_eq!(&word, b"HTTP/1.1 200 Connection established\r\n\r\n");
        let text = format!("GET /v1/models HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        socket.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let read = socket.read_to_string(&mut answer);
        timeout(BOUND, read).await.unwrap().unwrap();
        assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
    }
    let exchanges = run.server.journal().snapshot();
    assert_eq!(exchanges[0].endpoint, Endpoint::Models);
    assert_eq!(exchanges[0].request.origin, "http://chatgpt.com");
    assert_eq!(exchanges[1].endpoint, Endpoint::Egress);
    assert_eq!(run.server.journal().attempts().len(), 2);
}

#[tokio::test]
async fn a_tunnel_that_says_nothing_is_an_attempt_all_the_same() {
    let run = Run::new().await;
    let mut socket = run.socket().await;
    let text = b"CONNECT git.example:22 HTTP/1.1\r\n\r\n";
    socket.write_all(text).await.unwrap();
    let journal = run.server.journal();
    until(&run.server, || journal.attempts().len() == 1).await;
    drop(socket);
    until(&run.server, || journal.failed_handshakes().len() == 1).await;
    let attempt = &journal.attempts()[0];
    assert_eq!(attempt.name.as_deref(), Some("git.example"));
    assert_eq!(attempt.port, Some(22));
    assert_eq!(attempt.address, None);
    assert_eq!(journal.attempts().len(), 1);
}

#[tokio::test]
async fn the_machine_itself_is_really_dialled() {
    let run = Run::new().await;
    let callback = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = callback.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        let mut heads = Vec::new();
        for _ in 0..2 {
            let (mut socket, _) = callback.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(socket.read_u8().await.unwrap());
            }
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi";
            socket.write_all(answer).await.unwrap();
            heads.push(String::from_utf8(head).unwrap());
        }
        heads
    });
    let answer = run
        .get(&format!("http://localhost:{port}/back?code=1"))
        .await;
    assert_eq!(answer, (200, "hi".to_owned()));
    let mut socket = run.socket().await;
    let text = format!("CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\n");
    socket.write_all(text.as_bytes()).await.unwrap();
    let mut word = [0; 39];
    socket.read_exact(&mut word).await.unwrap();
    socket
        .write_all(b"GET /tunnel HTTP/1.1\r\n\r\n")
        .await
        .unwrap();
    let heads = timeout(BOUND, serving).await.unwrap().unwrap();
    assert!(
        heads[0].starts_with("GET /back?code=1 HTTP/1.1\r\n"),
        "{}",
        heads[0]
    );
    assert!(heads[0].contains(&format!("host: localhost:{port}\r\n")));
    assert!(!heads[0].contains("roxy-"), "{}", heads[0]);
    assert_eq!(heads[1], "GET /tunnel HTTP/1.1\r\n\r\n");
    assert!(run.server.journal().snapshot().is_empty());
    assert_eq!(run.server.journal().attempts(), []);

    // Nobody is there.
    let (status, _) = run.get(&format!("http://127.0.0.1:{port}/")).await;
    assert_eq!(status, 502);
}

#[tokio::test]
async fn a_password_is_asked_for_and_goes_no_further() {
    let mut run = Run::of(ProxyKind::Password).await;
    let url = "https://chatgpt.com/backend-api/codex/models";
    for stranger in [None, Some((PROXY_USER, "word"))] {
        run.user = stranger;
        let error = run.client().get(url).send().await.unwrap_err();
        assert!(error.is_connect(), "{error:?}");
    }
    run.user = Some((PROXY_USER, PROXY_PASSWORD));
    assert_eq!(run.get(url).await.0, 200);
    let exchanges = run.server.journal().snapshot();
    assert_eq!(exchanges.len(), 1);
    let headers = &exchanges[0].request.headers;
    assert!(
        headers
            .iter()
            .all(|(name, _)| !name.eq_ignore_ascii_case("proxy-authorization"))
    );
    // Without a tunnel the challenge is the answer itself.
    run.user = None;
    let (status, _) = run.get("http://chatgpt.com/backend-api/codex/models").await;
    assert_eq!(status, 407);
}

#[tokio::test]
async fn a_proxy_can_refuse_everything() {
    let run = Run::of(ProxyKind::Refusing).await;
    let tunnel = run.client().get("https://chatgpt.com/").send().await;
    assert!(tunnel.unwrap_err().is_connect());
    assert_eq!(run.get("http://chatgpt.com/").await.0, 403);
    assert!(run.server.journal().snapshot().is_empty());
}

#[tokio::test]
async fn socks_leads_names_and_addresses_to_us() {
    let run = Run::of(ProxyKind::Socks).await;
    let mut socket = run.socket().await;
    socket.write_all(&[5, 1, 0]).await.unwrap();
    let mut chosen = [0; 2];
    socket.read_exact(&mut chosen).await.unwrap();
    assert_eq!(chosen, [5, 0]);
    let name = b"chatgpt.com";
    let mut request = vec![5, 1, 0, 3, name.len() as u8];
    request.extend(name);
    request.extend(80u16.to_be_bytes());
    socket.write_all(&request).await.unwrap();
    let mut opened = [0; 10];
    socket.read_exact(&mut opened).await.unwrap();
    assert_eq!(opened[..2], [5, 0]);
    let ask =
        b"GET /backend-api/codex/models HTTP/1.1\r\nhost: chatgpt.com\r\nconnection: close\r\n\r\n";
    socket.write_all(ask).await.unwrap();
    let mut answer = String::new();
    let read = socket.read_to_string(&mut answer);
    timeout(BOUND, read).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let exchanges = run.server.journal().snapshot();
    assert_eq!(exchanges[0].request.host.as_deref(), Some("chatgpt.com"));

    // Who wants a password, and nothing else, is sent away.
    let mut socket = run.socket().await;
    socket.write_all(&[5, 1, 2]).await.unwrap();
    socket.read_exact(&mut chosen).await.unwrap();
    assert_eq!(chosen, [5, 0xff]);
}
