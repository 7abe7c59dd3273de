//! RFC 9113, HTTP/2: its frames, written and read by hand.

use std::net::TcpListener;
use std::sync::Arc;

use loginproof_mocks::net::CertificateAuthority;
use loginproof_mocks::server::{Front, Sockets};
use loginproof_mocks::{MockServer, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::outside::BOUND;

const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const RST_STREAM: u8 = 0x3;
const SETTINGS: u8 = 0x4;
const PING: u8 = 0x6;
const GOAWAY: u8 = 0x7;
const ACK: u8 = 0x1;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

struct Wire {
    stream: TlsStream<TcpStream>,
    /// Lives as long as the connection.
    _server: MockServer,
}

impl Wire {
    /// §3.2: TLS with `h2` by ALPN. §3.4: the preface, then settings.
    async fn connect() -> Self {
        let authority = Arc::new(CertificateAuthority::new().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = MockServer::start(ServerConfig {
            front: Some(Front::Sockets(Sockets {
                tls: vec![listener],
                ..Sockets::default()
            })),
            authority: Some(Arc::clone(&authority)),
            hosts: vec!["chatgpt.com".to_owned()],
            ..ServerConfig::default()
        })
        .await
        .unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(authority.der().to_vec().into()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let socket = TcpStream::connect(address).await.unwrap();
        let name = rustls::pki_types::ServerName::try_from("chatgpt.com").unwrap();
        let mut stream = connector.connect(name, socket).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        stream
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .await
            .unwrap();
        let mut wire = Self {
            stream,
            _server: server,
        };
        wire.send(SETTINGS, 0, 0, &[]).await;
        wire
    }

    async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = length[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        self.stream.write_all(&frame).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    async fn next(&mut self) -> Frame {
        let read = async {
            let mut head = [0; 9];
            self.stream.read_exact(&mut head).await.unwrap();
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            self.stream.read_exact(&mut payload).await.unwrap();
            Frame {
                kind: head[3],
                flags: head[4],
                stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]),
                payload,
            }
        };
        timeout(BOUND, read).await.expect("no frame comes")
    }

    /// The first frame that is looked for, and what came before it.
    async fn until(&mut self, wanted: impl Fn(&Frame) -> bool) -> (Frame, Vec<Frame>) {
        let mut before = Vec::new();
        loop {
            let frame = self.next().await;
            if wanted(&frame) {
                return (frame, before);
            }
            before.push(frame);
        }
    }
}

/// A header block without compression or names of the dynamic table (RFC 7541 §6.2.2).
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend(text.bytes());
        }
    }
    block
}

fn get(path: &'static str) -> Vec<u8> {
    block(&[
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "chatgpt.com"),
        (":path", path),
    ])
}

/// §3.4: the server's first frame is SETTINGS. §6.5.3: ours are acknowledged.
#[tokio::test]
async fn settings_come_first_and_are_acknowledged() {
    let mut wire = Wire::connect().await;
    let first = wire.next().await;
    assert_eq!((first.kind, first.flags, first.stream), (SETTINGS, 0, 0));
    assert_eq!(first.payload.len() % 6, 0);
    wire.until(|frame| frame.kind == SETTINGS && frame.flags == ACK)
        .await;
}

/// §6.7: a PING comes back with the same payload. §4.1, §5.5: frames of types that are not known are ignored.
#[tokio::test]
async fn a_ping_is_answered_and_unknown_frames_are_ignored() {
    let mut wire = Wire::connect().await;
    wire.send(0xbe, 0xff, 0, b"nobody knows this").await;
    wire.send(PING, 0, 0, b"loginprf").await;
    let (pong, before) = wire.until(|frame| frame.kind == PING).await;
    assert_eq!(
        (pong.flags, pong.payload.as_slice()),
        (ACK, &b"loginprf"[..])
    );
    assert!(before.iter().all(|frame| frame.kind != GOAWAY));
}

/// §8.1: HEADERS, then DATA, then END_STREAM, on the stream of the request; streams are independent (§5.1.2).
#[tokio::test]
async fn requests_side_by_side_are_answered_on_their_own_streams() {
    let mut wire = Wire::connect().await;
    for stream in [1, 3, 5] {
        wire.send(
            HEADERS,
            END_HEADERS | END_STREAM,
            stream,
            &get("/codex/device"),
        )
        .await;
    }
    let mut open = vec![1, 3, 5];
    let mut begun = Vec::new();
    while !open.is_empty() {
        let frame = wire.next().await;
        match frame.kind {
            HEADERS => {
                assert_ne!(frame.flags & END_HEADERS, 0);
                begun.push(frame.stream);
            }
            DATA => assert!(begun.contains(&frame.stream), "content before the head"),
            SETTINGS | PING => continue,
            kind => assert!(kind != RST_STREAM && kind != GOAWAY, "frame type {kind}"),
        }
        if matches!(frame.kind, DATA | HEADERS) && frame.flags & END_STREAM != 0 {
            open.retain(|stream| *stream != frame.stream);
        }
    }
}

/// §8.2.1: a name in upper case makes a request malformed, which is PROTOCOL_ERROR, of the stream (§8.1.1) or of the
/// connection (§5.4.1, §5.4.2): it is never answered as if it were one.
#[tokio::test]
async fn a_malformed_request_is_a_protocol_error() {
    let mut wire = Wire::connect().await;
    let mut bad = get("/codex/device");
    bad.extend(block(&[("X-Upper", "1")]));
    wire.send(HEADERS, END_HEADERS | END_STREAM, 1, &bad).await;
    let ends = |frame: &Frame| frame.stream == 1 || frame.kind == GOAWAY;
    let (end, _) = wire.until(ends).await;
    let code = match end.kind {
        RST_STREAM => &end.payload[..],
        GOAWAY => &end.payload[4..8],
        kind => panic!("frame type {kind}"),
    };
    assert_eq!(code, 1_u32.to_be_bytes());
}

/// §5.1.1: what a client opens has odd numbers; anything else is a connection error, told by GOAWAY (§5.4.1).
#[tokio::test]
async fn an_even_stream_is_a_connection_error() {
    let mut wire = Wire::connect().await;
    wire.send(HEADERS, END_HEADERS | END_STREAM, 2, &get("/codex/device"))
        .await;
    let (goaway, _) = wire.until(|frame| frame.kind == GOAWAY).await;
    assert_eq!(goaway.payload[4..8], 1_u32.to_be_bytes());
}
