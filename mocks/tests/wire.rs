//! The wire, byte by byte, over real sockets.

mod support;

use loginproof_mocks::Ending;
use loginproof_mocks::script::Endpoint;
use serde_json::json;
use support::{Client, server, start, until};

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
}
