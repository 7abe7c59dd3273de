//! HTTP/2 at the front, as a client sees its frames.
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    reason = "a test says what went wrong by its panic"
)]

mod support;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{Reason, RecvStream};
use http::{HeaderMap, Request};
use loginproof_mocks::net::CertificateAuthority;
use loginproof_mocks::script::Endpoint;
use loginproof_mocks::server::{Front, Sockets};
use loginproof_mocks::{Ending, Exchange, MockServer, ServerConfig};
use serde_json::{Value, json};
use support::{BOUND, start, until};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

struct Run {
    server: MockServer,
    /// Whom requests are for.
    host: &'static str,
    client: SendRequest<Bytes>,
    /// Ends with the connection.
    connection: JoinHandle<Result<(), h2::Error>>,
}

async fn run(script: Value) -> Run {
    let authority = Arc::new(CertificateAuthority::new().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = start(ServerConfig {
        script: serde_json::from_value(script).unwrap(),
        front: Some(Front::Sockets(Sockets {
            tls: vec![listener],
            ..Sockets::default()
        })),
        authority: Some(Arc::clone(&authority)),
        hosts: vec!["chatgpt.com".to_owned()],
        ..ServerConfig::default()
    })
    .await;
    let (client, connection) = connect(&authority, address, "chatgpt.com").await;
    Run {
        server,
        host: "chatgpt.com",
        client,
        connection,
    }
}

/// A run whose turns are two raw events, with these faults.
async fn stream(faults: Value) -> Run {
    let answer = json!({ "events": ["data: one\n\n", "data: two\n\n"] });
    run(json!({ "responses": [{ "answer": answer, "faults": faults }] })).await
}

async fn connect(
    authority: &CertificateAuthority,
    address: SocketAddr,
    name: &'static str,
) -> (SendRequest<Bytes>, JoinHandle<Result<(), h2::Error>>) {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.der().to_vec().into()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider);
    let mut config = config
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec(), b"h2".to_vec()];
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let socket = TcpStream::connect(address).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from(name).unwrap();
    let stream = connector.connect(name, socket).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    (client, tokio::spawn(connection))
}

/// What came of an answer: status, headers, the payload of each DATA frame, and the error that ended it.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    frames: Vec<Bytes>,
    error: Option<h2::Error>,
}

impl Answer {
    fn body(&self) -> Vec<u8> {
        self.frames.concat()
    }
}

impl Run {
    fn request(&self, method: &str, path: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("https://{}{path}", self.host))
    }

    /// Sends a request; its answer is awaited elsewhere.
    async fn send(&self, method: &str, path: &str, body: &[u8]) -> h2::client::ResponseFuture {
        let mut client = self.client.clone().ready().await.unwrap();
        let request = self.request(method, path).body(()).unwrap();
        let (answer, mut stream) = client.send_request(request, body.is_empty()).unwrap();
        if !body.is_empty() {
            stream
                .send_data(Bytes::copy_from_slice(body), true)
                .unwrap();
        }
        answer
    }

    async fn ask(&self, method: &str, path: &str, body: &[u8]) -> Result<Answer, h2::Error> {
        let answer = self.send(method, path, body).await;
        timeout(BOUND, read(answer)).await.expect("no answer")
    }

    /// A turn.
    async fn turn(&self) -> Result<Answer, h2::Error> {
        self.ask("POST", "/v1/responses", b"{}").await
    }

    fn exchange(&self) -> Arc<Exchange> {
        Arc::clone(&self.server.journal().snapshot()[0])
    }

    /// How the first exchange ended.
    async fn ending(&self) -> Ending {
        until(&self.server, || self.exchange().answer.is_some()).await;
        self.exchange().answer.as_ref().unwrap().ending
    }
}

async fn read(answer: h2::client::ResponseFuture) -> Result<Answer, h2::Error> {
    let (parts, body) = answer.await?.into_parts();
    let (frames, error) = drain(body).await;
    Ok(Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        frames,
        error,
    })
}

async fn drain(mut body: RecvStream) -> (Vec<Bytes>, Option<h2::Error>) {
    let mut frames = Vec::new();
    while let Some(data) = body.data().await {
        match data {
            Ok(data) => {
                // A stream that was reset takes no more.
                let _ = body.flow_control().release_capacity(data.len());
                // The stream's end may come in a frame of its own.
                if !data.is_empty() {
                    frames.push(data);
                }
            }
            Err(error) => return (frames, Some(error)),
        }
    }
    (frames, None)
}

#[tokio::test]
async fn requests_are_answered_and_journalled_as_over_http_1() {
    let script = json!({ "models": [{ "answer": {
        "text": "{{origin}}",
        "headers": { "X-Request-Id": "one", "Connection": "close", "Keep-Alive": "timeout=5" },
    } }] });
    let run = run(script).await;
    let answer = run.ask("GET", "/v1/models?limit=1", b"").await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body(), b"https://chatgpt.com");
    assert_eq!(answer.headers["x-request-id"], "one");
    assert_eq!(answer.headers["content-length"], "19");
    for name in ["connection", "keep-alive", "transfer-encoding"] {
        assert!(!answer.headers.contains_key(name), "{name}");
    }
    assert_eq!(run.ending().await, Ending::Complete);
    let exchange = run.exchange();
    assert_eq!(exchange.endpoint, Endpoint::Models);
    assert_eq!(exchange.request.version, "HTTP/2");
    assert_eq!(exchange.request.target, "/v1/models?limit=1");
    assert_eq!(exchange.request.host.as_deref(), Some("chatgpt.com"));
    let recorded = exchange.answer.as_ref().unwrap();
    assert_eq!(&recorded.body[..], b"https://chatgpt.com");
    assert!(
        recorded
            .headers
            .contains(&("x-request-id".to_owned(), "one".to_owned()))
    );

    // Another request over the same connection, with nothing in its answer.
    let answer = run.ask("HEAD", "/codex/device", b"").await.unwrap();
    assert_eq!(answer.frames.len(), 0);
    let connections = run.server.journal().snapshot();
    assert_eq!(connections[0].connection, connections[1].connection);
    let har = run.server.journal().to_har();
    assert_eq!(
        har["log"]["entries"][0]["response"]["httpVersion"],
        "HTTP/2"
    );
}

#[tokio::test]
async fn streams_do_not_wait_for_one_another() {
    let run = run(json!({
        "responses": [{ "hold": "later", "answer": { "text": "held" } }],
        "models": [{ "answer": { "text": "at once" } }],
    }))
    .await;
    let held = run.send("POST", "/v1/responses", b"{}").await;
    until(&run.server, || run.server.journal().snapshot().len() == 1).await;
    let answer = run.ask("GET", "/v1/models", b"").await.unwrap();
    assert_eq!(answer.body(), b"at once");
    run.server.gates().open("later");
    let answer = timeout(BOUND, read(held)).await.unwrap().unwrap();
    assert_eq!(answer.body(), b"held");
}

#[tokio::test]
async fn every_planned_chunk_is_a_frame_of_its_own() {
    let run = stream(json!([])).await;
    let answer = run.turn().await.unwrap();
    assert_eq!(answer.frames, ["data: one\n\n", "data: two\n\n"]);
    assert!(answer.error.is_none());
    assert!(!answer.headers.contains_key("content-length"));

    let run = stream(json!([{ "chunk": { "at": [3, 14] } }])).await;
    let answer = run.turn().await.unwrap();
    assert_eq!(answer.frames, ["dat", "a: one\n\ndat", "a: two\n\n"]);
}

#[tokio::test]
async fn a_cut_closes_the_connection_without_the_end_of_the_stream() {
    for fault in [
        json!({ "close": { "at": { "event": 1 }, "how": "fin" } }),
        json!({ "close": { "at": { "byte": 11 }, "how": "half" } }),
    ] {
        let run = stream(json!([fault])).await;
        let answer = run.turn().await.unwrap();
        assert_eq!(answer.frames, ["data: one\n\n"]);
        let error = answer.error.expect("the stream did not end");
        assert!(error.is_io(), "{error:?}");
        let half = fault["close"]["how"] == "half";
        let expected = if half { Ending::HalfClose } else { Ending::Cut };
        assert_eq!(run.ending().await, expected);
        // The connection is over.
        let _ = timeout(BOUND, run.connection).await.unwrap();
    }
    let run = stream(json!(["no-final-chunk"])).await;
    let answer = run.turn().await.unwrap();
    assert_eq!(answer.frames.len(), 2);
    assert!(answer.error.unwrap().is_io());
    assert_eq!(run.ending().await, Ending::Cut);
}

#[tokio::test]
async fn a_close_at_the_start_is_no_answer_at_all() {
    let run = stream(json!([{ "close": { "at": "start", "how": "fin" } }])).await;
    assert!(run.turn().await.unwrap_err().is_io());
    assert_eq!(run.ending().await, Ending::NoAnswer);

    let run = stream(json!([{ "close": { "at": "start", "how": "reset" } }])).await;
    let error = run.turn().await.unwrap_err();
    assert_eq!(error.reason(), Some(Reason::INTERNAL_ERROR));
    assert_eq!(run.ending().await, Ending::Reset);
}

#[tokio::test]
async fn a_reset_ends_its_stream_alone() {
    let run = stream(json!([{ "close": { "at": { "event": 1 }, "how": "reset" } }])).await;
    let answer = run.turn().await.unwrap();
    assert_eq!(answer.frames, ["data: one\n\n"]);
    let error = answer.error.expect("the stream was not reset");
    assert!(error.is_reset() && error.is_remote(), "{error:?}");
    assert_eq!(error.reason(), Some(Reason::INTERNAL_ERROR));
    assert_eq!(run.ending().await, Ending::Reset);
    assert_eq!(run.ask("GET", "/x", b"").await.unwrap().status, 404);
}

#[tokio::test]
async fn a_stream_is_reset_with_the_code_that_the_fault_names() {
    for (code, reason) in [
        ("no-error", Reason::NO_ERROR),
        ("internal-error", Reason::INTERNAL_ERROR),
        ("refused-stream", Reason::REFUSED_STREAM),
        ("cancel", Reason::CANCEL),
        ("enhance-your-calm", Reason::ENHANCE_YOUR_CALM),
    ] {
        let close = |at| json!([{ "close": { "at": at, "how": { "rst-stream": code } } }]);
        let run = stream(close(json!("end"))).await;
        let answer = run.turn().await.unwrap();
        assert_eq!(answer.frames.len(), 2, "{code}");
        assert_eq!(answer.error.unwrap().reason(), Some(reason));
        assert_eq!(run.ending().await, Ending::Reset);
        assert_eq!(run.ask("GET", "/x", b"").await.unwrap().status, 404);

        let run = stream(close(json!("start"))).await;
        assert_eq!(run.turn().await.unwrap_err().reason(), Some(reason));
    }
}

#[tokio::test]
async fn behind_goaway_the_answer_goes_on() {
    for at in [json!("start"), json!("head"), json!({ "event": 1 })] {
        let run = stream(json!([{ "goaway": { "at": at, "last": "this" } }])).await;
        let answer = run.turn().await.unwrap();
        assert_eq!(answer.frames, ["data: one\n\n", "data: two\n\n"]);
        assert!(answer.error.is_none());
        assert_eq!(run.ending().await, Ending::Complete);
        // The client takes the connection for over once nothing is open.
        let _ = timeout(BOUND, run.connection).await.unwrap();
    }
}

#[tokio::test]
async fn goaway_can_say_that_a_request_was_not_looked_at() {
    let run = stream(json!([
        { "goaway": { "at": "start", "last": "before" } },
        { "close": { "at": "start", "how": "fin" } },
    ]))
    .await;
    let error = run.turn().await.unwrap_err();
    assert!(error.is_go_away() && error.is_remote(), "{error:?}");
    assert_eq!(error.reason(), Some(Reason::NO_ERROR));
    assert_eq!(run.ending().await, Ending::NoAnswer);
}

#[tokio::test]
async fn the_servers_own_listener_speaks_it_when_the_script_says_so() {
    let authority = Arc::new(CertificateAuthority::new().unwrap());
    let server = start(ServerConfig {
        script: serde_json::from_value(json!({
            "http": 2,
            "responses": [{ "answer": { "text": "{{origin}}" } }],
        }))
        .unwrap(),
        tls: Some(Arc::clone(&authority)),
        ..ServerConfig::default()
    })
    .await;
    assert_eq!(server.origin(), format!("https://{}", server.address()));
    let (client, connection) = connect(&authority, server.address(), "127.0.0.1").await;
    let run = Run {
        server,
        host: "127.0.0.1",
        client,
        connection,
    };
    let answer = run.turn().await.unwrap();
    assert_eq!(answer.body(), run.server.origin().as_bytes());
    assert_eq!(run.exchange().request.version, "HTTP/2");
}

#[tokio::test]
async fn a_whole_answer_is_whole_also_when_the_connection_closes_behind_it() {
    let script = json!({ "models": [{
        "answer": { "text": "whole" },
        "faults": [{ "close": { "at": "end", "how": "fin" } }],
    }] });
    let run = run(script).await;
    let answer = run.ask("GET", "/v1/models", b"").await.unwrap();
    assert_eq!(answer.body(), b"whole");
    assert!(answer.error.is_none());
    assert_eq!(run.ending().await, Ending::Complete);
    let _ = timeout(BOUND, run.connection).await.unwrap();
}

#[tokio::test]
async fn a_wrong_length_goes_out_as_it_is() {
    let run = stream(json!([{ "content-length": { "add": 100 } }])).await;
    let answer = run.turn().await.unwrap();
    assert_eq!(answer.headers["content-length"], "122");
    assert_eq!(answer.body(), b"data: one\n\ndata: two\n\n");
    let error = answer.error.expect("a client that does not count");
    assert_eq!(error.reason(), Some(Reason::PROTOCOL_ERROR));
    assert_eq!(run.ending().await, Ending::Cut);
}

#[tokio::test]
async fn a_stall_ends_in_time_and_one_for_ever_when_the_client_gives_up() {
    let run = stream(json!([{ "stall": { "at": { "event": 1 }, "for": "80ms" } }])).await;
    let begun = Instant::now();
    let answer = run.turn().await.unwrap();
    assert_eq!(answer.frames.len(), 2);
    assert!(begun.elapsed() >= Duration::from_millis(80));

    let run = stream(json!([{ "stall": { "at": { "byte": 4 }, "for": "ever" } }])).await;
    let answer = run.send("POST", "/v1/responses", b"{}").await;
    let mut body = timeout(BOUND, answer).await.unwrap().unwrap().into_body();
    let first = timeout(BOUND, body.data()).await.unwrap().unwrap();
    assert_eq!(first.unwrap(), "data");
    drop(body);
    assert_eq!(run.ending().await, Ending::ClientGone);
}

#[tokio::test]
async fn a_throttled_answer_takes_its_time() {
    let run = stream(json!([{ "throttle": { "bytes-per-second": 200 } }])).await;
    let begun = Instant::now();
    let answer = run.turn().await.unwrap();
    assert_eq!(answer.body(), b"data: one\n\ndata: two\n\n");
    assert!(answer.frames.len() >= 4, "{:?}", answer.frames);
    assert!(begun.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn bodies_larger_than_the_window_arrive_whole_both_ways() {
    let text = "0123456789".repeat(40_000);
    let run = run(json!({ "responses": [{ "answer": { "text": text } }] })).await;
    let asked = vec![b'a'; 3 << 20];
    let answer = run.ask("POST", "/v1/responses", &asked).await.unwrap();
    assert!(answer.body() == text.as_bytes());
    assert_eq!(run.exchange().request.body.len(), asked.len());
    assert_eq!(run.ending().await, Ending::Complete);
}

#[tokio::test]
async fn a_body_in_an_unknown_coding_is_refused() {
    let run = run(json!({})).await;
    let mut client = run.client.clone().ready().await.unwrap();
    let request = run.request("POST", "/v1/responses");
    let request = request.header("content-encoding", "br").body(()).unwrap();
    let (answer, mut stream) = client.send_request(request, false).unwrap();
    stream.send_data(Bytes::from_static(b"?"), true).unwrap();
    let answer = timeout(BOUND, read(answer)).await.unwrap().unwrap();
    assert_eq!(answer.status, 415);
    assert_eq!(run.exchange().endpoint, Endpoint::Unknown);
}

#[tokio::test]
async fn what_is_being_answered_when_the_server_stops_is_written_down() {
    let run = stream(json!([{ "stall": { "at": { "event": 1 }, "for": "ever" } }])).await;
    let answer = run.send("POST", "/v1/responses", b"{}").await;
    let mut body = timeout(BOUND, answer).await.unwrap().unwrap().into_body();
    timeout(BOUND, body.data()).await.unwrap().unwrap().unwrap();
    let journal = timeout(BOUND, run.server.stop()).await.unwrap();
    let exchange = &journal.snapshot()[0];
    assert_eq!(exchange.answer.as_ref().unwrap().ending, Ending::Cut);
}
