//! Faults of the transport, as a client sees them on its socket.

mod support;

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use loginproof_mocks::{Ending, MockServer};
use serde_json::{Value, json};
use support::{Client, server, server_with, until};

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// A server whose turns are two raw events, with these faults.
async fn stream(faults: Value) -> MockServer {
    let answer = json!({ "events": ["data: one\n\n", "data: two\n\n"] });
    server(json!({ "responses": [{ "answer": answer, "faults": faults }] })).await
}

async fn ask(server: &MockServer) -> Client {
    let mut client = Client::connect(server).await;
    client.post("/v1/responses", "{}").await;
    client
}

/// How the only exchange ended.
async fn ending(server: &MockServer) -> Ending {
    let answer = || {
        server
            .journal()
            .snapshot()
            .first()
            .and_then(|exchange| exchange.answer.clone())
    };
    until(server, || answer().is_some()).await;
    answer().expect("it was there a moment ago").ending
}

#[tokio::test]
async fn a_stream_goes_out_one_chunk_per_event_and_the_connection_stays_open() {
    let server = stream(json!([])).await;
    let mut client = ask(&server).await;
    let body = "b\r\ndata: one\n\n\r\nb\r\ndata: two\n\n\r\n0\r\n\r\n";
    client.expect(&format!("{HEAD}{body}")).await;
    client.post("/v1/responses", "{}").await;
    client.expect(&format!("{HEAD}{body}")).await;
    assert_eq!(ending(&server).await, Ending::Complete);
}

#[tokio::test]
async fn a_reset_is_a_reset() {
    let server = stream(json!([{ "close": { "at": { "event": 1 }, "how": "reset" } }])).await;
    let (text, ended) = ask(&server).await.rest().await;
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(text, format!("{HEAD}b\r\ndata: one\n\n\r\n"));
    assert_eq!(ending(&server).await, Ending::Reset);
}

#[tokio::test]
async fn a_close_inside_a_chunk_leaves_the_promise_of_its_size() {
    let server = stream(json!([{ "close": { "at": { "byte": 15 }, "how": "fin" } }])).await;
    let (text, ended) = ask(&server).await.rest().await;
    ended.unwrap();
    assert_eq!(text, format!("{HEAD}b\r\ndata: one\n\n\r\nb\r\ndata"));
    assert_eq!(ending(&server).await, Ending::Cut);
}

#[tokio::test]
async fn a_close_at_the_start_is_no_answer_at_all() {
    for (how, expected) in [("fin", Ending::NoAnswer), ("reset", Ending::Reset)] {
        let server = stream(json!([{ "close": { "at": "start", "how": how } }])).await;
        let (text, ended) = ask(&server).await.rest().await;
        assert_eq!(text, "");
        assert_eq!(ended.is_err(), how == "reset");
        assert_eq!(ending(&server).await, expected);
    }
}

#[tokio::test]
async fn a_half_close_ends_our_side_and_goes_on_reading() {
    let server = stream(json!([{ "close": { "at": "head", "how": "half" } }])).await;
    let mut client = ask(&server).await;
    client.expect(HEAD).await;
    let mut nothing = [0];
    let end = tokio::io::AsyncReadExt::read(&mut client.stream, &mut nothing).await;
    assert_eq!(end.unwrap(), 0);
    // A closed socket would answer these with a reset.
    for _ in 0..3 {
        client.send("still there?").await;
    }
    assert_eq!(
        server.journal().snapshot()[0]
            .answer
            .as_ref()
            .map(|answer| answer.status),
        None
    );
    drop(client);
    assert_eq!(ending(&server).await, Ending::HalfClose);
}

#[tokio::test]
async fn the_final_chunk_is_missing() {
    let server = stream(json!(["no-final-chunk"])).await;
    let (text, ended) = ask(&server).await.rest().await;
    ended.unwrap();
    assert_eq!(
        text,
        format!("{HEAD}b\r\ndata: one\n\n\r\nb\r\ndata: two\n\n\r\n")
    );
    assert_eq!(ending(&server).await, Ending::Cut);
}

#[tokio::test]
async fn the_length_is_wrong_and_the_connection_closes() {
    let server = stream(json!([{ "content-length": { "add": 100 } }])).await;
    let (text, ended) = ask(&server).await.rest().await;
    ended.unwrap();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 122\r\n\r\n";
    assert_eq!(text, format!("{head}data: one\n\ndata: two\n\n"));
    assert_eq!(ending(&server).await, Ending::Cut);
}

#[tokio::test]
async fn chunks_are_cut_where_the_fault_says() {
    let server = stream(json!([{ "chunk": { "at": [3, 14] } }])).await;
    let mut client = ask(&server).await;
    client
        .expect(&format!(
            "{HEAD}3\r\ndat\r\nb\r\na: one\n\ndat\r\n8\r\na: two\n\n\r\n0\r\n\r\n"
        ))
        .await;
}

#[tokio::test]
async fn a_stall_for_ever_ends_when_the_server_stops() {
    let server = stream(json!([{ "stall": { "at": { "event": 1 }, "for": "ever" } }])).await;
    let mut client = ask(&server).await;
    client
        .expect(&format!("{HEAD}b\r\ndata: one\n\n\r\n"))
        .await;
    let journal = server.journal().snapshot();
    assert!(journal[0].answer.is_none());
    let journal = server.stop().await.snapshot();
    assert_eq!(journal[0].answer.as_ref().unwrap().ending, Ending::Cut);
    let (text, _) = client.rest().await;
    assert_eq!(text, "");
}

#[tokio::test]
async fn a_stall_for_ever_ends_when_the_client_goes() {
    let server = stream(json!([{ "stall": { "at": { "byte": 3 }, "for": "ever" } }])).await;
    let mut client = ask(&server).await;
    client.expect(&format!("{HEAD}b\r\ndat")).await;
    drop(client);
    assert_eq!(ending(&server).await, Ending::ClientGone);
    let answer = server.journal().snapshot()[0].answer.clone().unwrap();
    assert_eq!(answer.body, "dat");
}

#[tokio::test]
async fn a_stall_lasts_as_long_as_it_says() {
    let server = stream(json!([{ "stall": { "at": "start", "for": "120ms" } }])).await;
    let began = Instant::now();
    let mut client = ask(&server).await;
    client.expect(HEAD).await;
    assert!(began.elapsed() >= Duration::from_millis(120));
    assert_eq!(ending(&server).await, Ending::Complete);
}

#[tokio::test]
async fn a_throttled_answer_keeps_its_pace() {
    let server = stream(json!([{ "throttle": { "bytes-per-second": 1000 } }])).await;
    let began = Instant::now();
    let mut client = ask(&server).await;
    let all = format!("{HEAD}b\r\ndata: one\n\n\r\nb\r\ndata: two\n\n\r\n0\r\n\r\n");
    client.expect(&all).await;
    let fastest = Duration::from_millis(all.len() as u64 - 20);
    assert!(began.elapsed() >= fastest, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_recording_is_played_at_its_own_pace() {
    let rules = json!({ "responses": [{ "answer": "slow", "faults": ["recorded-pace"] }] });
    let file = "# exact: verbatim\nHTTP/1.1 200 OK\ncontent-type: text/event-stream\n\ndata: one\n\ndata: two\n\n";
    let recorded = [("slow", file), ("slow.timing", "0 4\n30 7\n150 11\n")];
    let server = server_with(rules, &recorded).await;
    let began = Instant::now();
    let mut client = ask(&server).await;
    let parts = "4\r\ndata\r\n7\r\n: one\n\n\r\nb\r\ndata: two\n\n\r\n0\r\n\r\n";
    client.expect(&format!("{HEAD}{parts}")).await;
    assert!(began.elapsed() >= Duration::from_millis(150));
    assert_eq!(ending(&server).await, Ending::Complete);
}

#[tokio::test]
async fn an_event_that_the_answer_does_not_have_is_reported() {
    let server = stream(json!([{ "close": { "at": { "event": 7 }, "how": "fin" } }])).await;
    ask(&server).await.expect(HEAD).await;
    assert_eq!(ending(&server).await, Ending::Complete);
    let answer = server.journal().snapshot()[0].answer.clone().unwrap();
    assert_eq!(
        answer.missed,
        ["faults[0]: the answer has 2 events, none with index 7"]
    );
}
