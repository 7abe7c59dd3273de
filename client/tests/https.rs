//! TLS and proxies, which a process takes from its environment: each case is a process of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use support::{User, hello};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A name that nobody else has.
const NAME: &str = "api.loginproof.test";
/// Longer than anything here takes.
const BOUND: Duration = Duration::from_secs(60);

/// A server with a certificate that an authority of its own has signed, and a proxy that leads every name to it.
struct Place {
    folder: tempfile::TempDir,
    server: u16,
    proxy: u16,
    /// What the proxy was asked for.
    asked: Arc<Mutex<Vec<String>>>,
    /// The protocol that each connection agreed on.
    spoken: Arc<Mutex<Vec<String>>>,
    _tasks: tokio::task::JoinSet<()>,
}

impl Place {
    async fn new() -> Self {
        Self::speaking(&["http/1.1"]).await
    }

    async fn speaking(protocols: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let acceptor = acceptor(folder.path(), protocols);
        let (server, proxy) = (bind().await, bind().await);
        let (server_port, proxy_port) = (port(&server), port(&proxy));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let spoken = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = tokio::task::JoinSet::new();
        let seen = Arc::clone(&spoken);
        tasks.spawn(async move {
            loop {
                let (stream, _) = server.accept().await.unwrap();
                if let Ok(stream) = acceptor.accept(stream).await {
                    let protocol = stream.get_ref().1.alpn_protocol().unwrap_or(b"none");
                    let protocol = String::from_utf8_lossy(protocol).into_owned();
                    seen.lock().unwrap().push(protocol.clone());
                    match protocol.as_str() {
                        "h2" => answer_h2(stream).await,
                        _ => answer(stream).await,
                    }
                }
            }
        });
        let names = Arc::clone(&asked);
        tasks.spawn(async move {
            loop {
                let (mut client, _) = proxy.accept().await.unwrap();
                let head = read_head(&mut client).await;
                names
                    .lock()
                    .unwrap()
                    .push(head.lines().next().unwrap().to_owned());
                client
                    .write_all(b"HTTP/1.1 200 Connected\r\n\r\n")
                    .await
                    .unwrap();
                let mut server = TcpStream::connect(("127.0.0.1", server_port))
                    .await
                    .unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }
        });
        Self {
            folder,
            server: server_port,
            proxy: proxy_port,
            asked,
            spoken,
            _tasks: tasks,
        }
    }

    /// Asks at this URL in a process with these variables; gives what came.
    async fn ask(&self, url: &str, variables: &[(&str, &str)]) -> String {
        let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
        command
            .args([
                "asks_in_a_process_of_its_own",
                "--exact",
                "--ignored",
                "--nocapture",
            ])
            .env_clear()
            .env("CHILD_URL", url)
            .envs(variables.iter().copied())
            .kill_on_drop(true);
        let output = tokio::time::timeout(BOUND, command.output())
            .await
            .unwrap()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (_, result) = text.split_once("came: ").unwrap();
        result.lines().next().unwrap().to_owned()
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

#[tokio::test]
#[ignore = "the part of the other tests that runs in a process of its own"]
async fn asks_in_a_process_of_its_own() {
    let user = User::new(&std::env::var("CHILD_URL").unwrap()).signed_in(1, 3600);
    println!("came: {:?}", user.ask().await);
}

#[tokio::test]
async fn a_named_authority_is_trusted_and_no_other() {
    let place = Place::new().await;
    let url = format!("https://127.0.0.1:{}", place.server);
    let came = place
        .ask(&url, &[("SSL_CERT_FILE", &place.file("ca.pem"))])
        .await;
    assert_eq!(came, r#"Ok("Hi")"#);
    let came = place
        .ask(&url, &[("SSL_CERT_FILE", &place.file("other.pem"))])
        .await;
    assert!(came.contains("certificate is not trusted"), "{came}");
}

#[tokio::test]
async fn http2_is_spoken_where_the_server_chooses_it() {
    for protocols in [["h2", "http/1.1"].as_slice(), &["http/1.1"]] {
        let place = Place::speaking(protocols).await;
        let url = format!("https://127.0.0.1:{}", place.server);
        let came = place
            .ask(&url, &[("SSL_CERT_FILE", &place.file("ca.pem"))])
            .await;
        assert_eq!(came, r#"Ok("Hi")"#);
        assert_eq!(*place.spoken.lock().unwrap(), [protocols[0]]);
    }
}

#[tokio::test]
async fn a_file_of_authorities_that_cannot_be_used_is_named() {
    let place = Place::new().await;
    std::fs::write(place.file("empty.pem"), "no certificate\n").unwrap();
    let url = format!("https://127.0.0.1:{}", place.server);
    for name in ["missing.pem", "empty.pem"] {
        let came = place
            .ask(&url, &[("SSL_CERT_FILE", &place.file(name))])
            .await;
        assert!(
            came.contains("SSL_CERT_FILE") && came.contains(name),
            "{came}"
        );
    }
    assert!(place.spoken.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_proxy_is_used_for_names_and_never_for_loopback() {
    let place = Place::new().await;
    let proxy = format!("http://127.0.0.1:{}", place.proxy);
    let authority = place.file("ca.pem");
    let variables = [
        ("SSL_CERT_FILE", authority.as_str()),
        ("HTTPS_PROXY", &proxy),
    ];
    let came = place.ask(&format!("https://{NAME}"), &variables).await;
    assert_eq!(came, r#"Ok("Hi")"#);
    let asked = std::mem::take(&mut *place.asked.lock().unwrap());
    assert_eq!(asked, [format!("CONNECT {NAME}:443 HTTP/1.1")]);

    let loopback = format!("https://127.0.0.1:{}", place.server);
    assert_eq!(place.ask(&loopback, &variables).await, r#"Ok("Hi")"#);
    let excepted = [
        variables[0],
        variables[1],
        ("NO_PROXY", "other.test,nowhere.invalid"),
    ];
    let came = place.ask("https://nowhere.invalid", &excepted).await;
    assert!(came.contains("no connection"), "{came}");
    assert!(place.asked.lock().unwrap().is_empty());
}

/// Writes `ca.pem`, which signs the server's certificate, and `other.pem`, which does not.
fn acceptor(folder: &Path, protocols: &[&str]) -> TlsAcceptor {
    let authority = || {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        (Issuer::new(params, key), certificate.pem())
    };
    let (issuer, pem) = authority();
    std::fs::write(folder.join("ca.pem"), pem).unwrap();
    std::fs::write(folder.join("other.pem"), authority().1).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![NAME.to_owned(), "127.0.0.1".to_owned()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let head = read_head(&mut stream).await.to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|l| l.strip_prefix("content-length: "));
    let mut request = vec![0; length.map_or(0, |l| l.parse().unwrap())];
    stream.read_exact(&mut request).await.unwrap();
    let body = hello("Hi");
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n";
    let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

async fn answer_h2(stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(Ok((_, mut respond))) = connection.accept().await {
        let head = http::Response::builder()
            .header("content-type", "text/event-stream")
            .body(())
            .unwrap();
        let mut body = respond.send_response(head, false).unwrap();
        body.send_data(hello("Hi").into(), true).unwrap();
    }
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

async fn bind() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().unwrap().port()
}
