//! The wire, byte by byte, over real sockets.

mod support;

use loginproof_mocks::Ending;
use loginproof_mocks::script::Endpoint;
use serde_json::json;
use support::{Client, server, server_with, start, until};

#[tokio::test]
async fn requests_on_one_connection_are_answered_one_after_another() {
    let server =
        server(json!({ "token": [{ "answer": { "status": 401, "json": { "nth": "{{nth}}" } } }] }))
            .await;
    let mut client = Client::connect(&server).await;
    let request = "POST /oauth/token HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}";
    client.send(&format!("{request}{request}")).await;
    let expected = |nth| {
        format!(
            "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{{\"nth\":{nth}}}"
        )
    };
    client.expect(&expected(1)).await;
    client.expect(&expected(2)).await;
    until(&server, || server.journal().answered(Endpoint::Token) == 2).await;
    let journal = server.journal().snapshot();
    assert_eq!(journal.len(), 2);
    assert_eq!(journal[0].connection, journal[1].connection);
    let answer = journal[1].answer.clone().unwrap();
    assert_eq!((answer.status, answer.ending), (401, Ending::Complete));
    assert_eq!(answer.rule.as_deref(), Some("server.token[0]"));
    assert_eq!(answer.wire_bytes, expected(2).len() as u64);
    server.stop().await;
}

#[tokio::test]
async fn a_server_starts_and_stops_at_once() {
    let began = std::time::Instant::now();
    for _ in 0..20 {
        start(Default::default()).await.stop().await;
    }
    // Generous for a loaded machine; one start and stop takes well below a millisecond.
    assert!(began.elapsed().as_millis() < 1_000, "{:?}", began.elapsed());
    println!("{:?} per server", began.elapsed() / 20);
}

#[tokio::test]
async fn bytes_that_are_no_request_are_answered_and_marked() {
    let server = server(json!({})).await;
    for (request, status) in [
        ("\u{16}\u{3}\u{1}\r\n\r\n", "400"),
        ("GET / HTTP/3.0\r\n\r\n", "505"),
        (
            "POST /oauth/token HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
            "400",
        ),
        (
            "POST /oauth/token HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            "400",
        ),
        (
            "POST /oauth/token HTTP/1.1\r\nhost: x\r\ncontent-encoding: br\r\ncontent-length: 1\r\n\r\nx",
            "415",
        ),
        (
            "POST /oauth/token HTTP/1.1\r\nhost: x\r\ncontent-encoding: zstd\r\ncontent-length: 1\r\n\r\nx",
            "400",
        ),
    ] {
        let mut client = Client::connect(&server).await;
        client.send(request).await;
        client.expect(&format!("HTTP/1.1 {status} ")).await;
        let (rest, ended) = client.rest().await;
        ended.unwrap();
        assert!(
            rest.contains("connection: close\r\n") && rest.contains("{\"detail\":"),
            "{rest}"
        );
    }
    let journal = server.stop().await.snapshot();
    assert_eq!(journal.len(), 6);
    assert!(journal.iter().all(|exchange| !exchange.expected));
    assert_eq!(journal[1].request.target, "/");
}

#[tokio::test]
async fn a_chunked_request_that_waits_for_a_word_gets_it() {
    let server = server(
        json!({ "token": [{ "answer": { "json": { "was": "{{request.refresh_token}}" } } }] }),
    )
    .await;
    let mut client = Client::connect(&server).await;
    let head = "POST /oauth/token HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ntransfer-encoding: chunked\r\n\
                content-type: application/json\r\n\r\n";
    client.send(head).await;
    client.expect("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.send("3\r\n{\"r\r\n").await;
    client
        .send("12\r\nefresh_token\":\"a\"}\r\n0\r\n\r\n")
        .await;
    client.expect("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{\"was\":\"a\"}").await;
    until(&server, || server.journal().answered(Endpoint::Token) == 1).await;
    let request = server.journal().snapshot()[0].request.clone();
    assert_eq!(
        request.wire_bytes,
        (head.len() + "3\r\n{\"r\r\n12\r\nefresh_token\":\"a\"}\r\n0\r\n\r\n".len()) as u64
    );
}

#[tokio::test]
async fn http_1_0_gets_no_chunks() {
    let server =
        server(json!({ "responses": [{ "answer": { "events": ["data: 1\n\n"] } }] })).await;
    let mut client = Client::connect(&server).await;
    client.send("POST /v1/responses HTTP/1.0\r\n\r\n").await;
    let (text, ended) = client.rest().await;
    ended.unwrap();
    assert_eq!(
        text,
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: 1\n\n"
    );
}

#[tokio::test]
async fn a_fixture_goes_out_as_it_is_written() {
    let fixture = "# source: made up\n# exact: constructed\nHTTP/1.1 429 Slow Down\nX-Odd-Case: {{model}}\n\
        Content-Length: 0\ncontent-type: application/json\nX-Empty:\n\n{\"m\":\"{{model}}\"}\n";
    let server = server_with(
        json!({ "responses": [{ "answer": "a" }] }),
        &[("a", fixture)],
    )
    .await;
    let mut client = Client::connect(&server).await;
    client.post("/v1/responses", r#"{"model":"a\"b"}"#).await;
    client
        .expect(
            "HTTP/1.1 429 Slow Down\r\nX-Odd-Case: a\"b\r\nContent-Length: 12\r\ncontent-type: application/json\r\n\
             X-Empty: \r\n\r\n{\"m\":\"a\\\"b\"}",
        )
        .await;
}
