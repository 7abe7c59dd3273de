//! Responses over a WebSocket, asked by a plain client: handshake, turns, what a connection knows, faults, journal.

#![expect(clippy::unwrap_used, reason = "all of it is test")]

mod support;

use futures_util::{SinkExt as _, StreamExt as _};
use loginproof_mocks::journal::Opcode;
use loginproof_mocks::script::{Endpoint, TokenState, When};
use loginproof_mocks::{Ending, MockServer};
use serde_json::{Value, json};
use support::{BOUND, Client, server, until};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

type Socket = WebSocketStream<TcpStream>;

async fn connect(server: &MockServer, token: &str) -> Result<Socket, Error> {
    let url = format!("ws://{}/backend-api/codex/responses", server.address());
    let mut request = url.into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
    let deflate = "permessage-deflate; client_max_window_bits";
    headers.insert("sec-websocket-extensions", deflate.parse().unwrap());
    let stream = TcpStream::connect(server.address()).await.unwrap();
    client_async(request, stream)
        .await
        .map(|(socket, response)| {
            assert!(!response.headers().contains_key("sec-websocket-extensions"));
            assert!(response.headers().contains_key("x-models-etag"));
            socket
        })
}

async fn open(server: &MockServer) -> Socket {
    let tokens = server.authorization();
    let seeded = tokens.seed(TokenState::Live, TokenState::Live, None);
    connect(server, &seeded.access_token).await.unwrap()
}

fn turn(previous: Option<&str>, input: Value) -> Value {
    let mut turn = json!({
        "type": "response.create", "model": "m", "store": false, "stream": true, "input": input,
    });
    if let Some(previous) = previous {
        turn["previous_response_id"] = previous.into();
    }
    turn
}

fn prompt() -> Value {
    json!([{ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "Hi" }] }])
}

async fn send(socket: &mut Socket, json: &Value) {
    socket.send(Message::text(json.to_string())).await.unwrap();
}

async fn next(socket: &mut Socket) -> Option<Message> {
    let message = timeout(BOUND, socket.next()).await.expect("nothing comes");
    message.and_then(Result::ok)
}

async fn event(socket: &mut Socket) -> Value {
    let message = next(socket).await.expect("the end");
    serde_json::from_str(message.to_text().unwrap()).unwrap()
}

/// The events of one answer.
async fn answer(socket: &mut Socket) -> Vec<Value> {
    let mut events = Vec::new();
    loop {
        events.push(event(socket).await);
        let kind = events.last().unwrap()["type"].as_str().unwrap();
        if ["response.completed", "response.failed", "error"].contains(&kind) {
            return events;
        }
    }
}

fn id(events: &[Value]) -> &str {
    events.last().unwrap()["response"]["id"].as_str().unwrap()
}

#[tokio::test]
async fn a_connection_is_warmed_up_and_carries_turn_after_turn() {
    let server = server(json!({ "websocket": [] })).await;
    let mut socket = open(&server).await;
    let mut warm_up = turn(None, json!([]));
    warm_up["generate"] = false.into();
    send(&mut socket, &warm_up).await;
    let warm = answer(&mut socket).await;
    assert_eq!(warm.len(), 2);
    assert_eq!(warm[1]["response"]["output"], json!([]));
    send(&mut socket, &turn(Some(id(&warm)), prompt())).await;
    let first = answer(&mut socket).await;
    assert_eq!(first[0]["type"], "response.created");
    assert_ne!(id(&first), id(&warm));
    send(&mut socket, &turn(Some(id(&first)), prompt())).await;
    assert_eq!(answer(&mut socket).await.len(), first.len());
    drop(socket);

    let answered = || server.journal().answered(Endpoint::Websocket) == 2;
    until(&server, answered).await;
    let journal = server.journal().snapshot();
    let warm_up = When {
        body: [("/generate".to_owned(), false.into())].into(),
        ..When::default()
    };
    let upgrade = &journal[0];
    assert!(upgrade.is_upgrade() && upgrade.answer.as_ref().unwrap().status == 101);
    assert!(journal[1].matches(&warm_up) && !journal[1].matches(&When::default()));
    let numbers: Vec<_> = journal.iter().map(|one| (one.nth, one.over)).collect();
    let over = Some(upgrade.id);
    assert_eq!(numbers, [(0, None), (0, over), (1, over), (2, over)]);
    assert!(journal[2].access.state == TokenState::Live && journal[2].expected);
    assert_eq!(
        upgrade.frames.iter().filter(|one| one.from_client).count(),
        3
    );
}

#[tokio::test]
async fn every_frame_stands_in_the_archive() {
    let server =
        server(json!({ "websocket": [{ "answer": { "events": [{ "type": "x" }] } }] })).await;
    let mut socket = open(&server).await;
    send(&mut socket, &turn(None, prompt())).await;
    event(&mut socket).await;
    socket.close(None).await.unwrap();
    let closed = || {
        let frames = |one: &Value| one["_webSocketMessages"].as_array().map_or(0, Vec::len);
        frames(&server.journal().to_har()["log"]["entries"][0]) == 3
    };
    until(&server, closed).await;
    let har = server.journal().to_har();
    let entries = har["log"]["entries"].as_array().unwrap();
    let shown = |at: usize| {
        let frame = &entries[0]["_webSocketMessages"][at];
        (
            frame["type"].as_str().unwrap(),
            frame["opcode"].as_u64().unwrap(),
        )
    };
    assert_eq!(entries.len(), 1);
    assert_eq!(
        [shown(0), shown(1), shown(2)],
        [("send", 1), ("receive", 1), ("send", 8)]
    );
    let lines = server.journal().to_jsonl();
    let turn: Value = serde_json::from_str(lines.lines().nth(1).unwrap()).unwrap();
    assert_eq!(
        (&turn["over"], &turn["answer"]["body"]),
        (&json!(1), &json!(r#"{"type":"x","sequence_number":0}"#))
    );
}

#[tokio::test]
async fn only_this_connection_knows_its_responses() {
    let server = server(json!({ "websocket": [] })).await;
    let mut socket = open(&server).await;
    send(&mut socket, &turn(None, prompt())).await;
    let first = answer(&mut socket).await;
    let mut other = open(&server).await;
    send(&mut other, &turn(Some(id(&first)), prompt())).await;
    let refused = event(&mut other).await;
    assert_eq!(
        (&refused["type"], &refused["status"]),
        (&json!("error"), &json!(400))
    );
    assert_eq!(refused["error"]["code"], "previous_response_not_found");
    // The connection goes on.
    send(&mut other, &turn(None, prompt())).await;
    assert_eq!(answer(&mut other).await.len(), first.len());
}

#[tokio::test]
async fn calls_of_a_response_are_answered_in_the_next_turn() {
    let call = json!({ "type": "function_call", "id": "fc_1", "call_id": "c", "name": "n", "arguments": "{}" });
    let server = server(json!({ "websocket": [{ "times": 1, "answer": { "events": [
        { "type": "response.created", "response": { "id": "{{response_id}}" } },
        { "type": "response.output_item.done", "output_index": 0, "item": call },
        { "type": "response.completed", "response": { "id": "{{response_id}}" } },
    ]}}]}))
    .await;
    let mut socket = open(&server).await;
    send(&mut socket, &turn(None, prompt())).await;
    let first = answer(&mut socket).await;
    let output = json!([{ "type": "function_call_output", "call_id": "c", "output": "1" }]);
    send(&mut socket, &turn(Some(id(&first)), output)).await;
    assert_eq!(answer(&mut socket).await[0]["type"], "response.created");
}

#[tokio::test]
async fn an_upgrade_is_granted_to_those_who_are_signed_in_only() {
    let server = server(json!({ "websocket": [], "responses": [
        { "when": { "header": { "upgrade": "websocket" }, "access": "expired" }, "answer": { "status": 404 } },
    ]}))
    .await;
    let Err(Error::Http(refused)) = connect(&server, "nobody").await else {
        panic!("granted");
    };
    assert_eq!(refused.status().as_u16(), 401);
    let expired = server
        .authorization()
        .seed(TokenState::Expired, TokenState::Live, None);
    let Err(Error::Http(refused)) = connect(&server, &expired.access_token).await else {
        panic!("granted");
    };
    assert_eq!(
        refused.status().as_u16(),
        404,
        "a rule goes before the server"
    );
}

#[tokio::test]
async fn a_handshake_without_a_key_is_refused() {
    let server = server(json!({ "websocket": [] })).await;
    let seeded = server
        .authorization()
        .seed(TokenState::Live, TokenState::Live, None);
    let token = seeded.access_token;
    for (header, status) in [
        ("sec-websocket-version: 13", 400),
        ("sec-websocket-version: 8", 426),
    ] {
        let mut client = Client::connect(&server).await;
        client
            .send(&format!(
                "GET /v1/responses HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nupgrade: websocket\r\nconnection: upgrade\r\n{header}\r\n\r\n"
            ))
            .await;
        client.expect(&format!("HTTP/1.1 {status} ")).await;
    }
}

#[tokio::test]
async fn frames_that_are_no_turns_are_refused_and_marked() {
    let server = server(json!({ "websocket": [] })).await;
    let mut socket = open(&server).await;
    socket.send(Message::binary(vec![0xff])).await.unwrap();
    assert_eq!(event(&mut socket).await["status"], 400);
    send(&mut socket, &json!({ "type": "what" })).await;
    assert_eq!(event(&mut socket).await["status"], 400);
    // What is said about a response is no turn, and asks for nothing.
    send(&mut socket, &json!({ "type": "response.processed" })).await;
    send(&mut socket, &turn(None, prompt())).await;
    assert_eq!(event(&mut socket).await["type"], "response.created");
    let journal = server.journal().snapshot();
    let seen: Vec<_> = journal
        .iter()
        .skip(1)
        .map(|one| (one.expected, one.request.method.as_str()))
        .collect();
    assert_eq!(seen, [(false, "BINARY"), (false, "TEXT"), (true, "TEXT")]);
}

#[tokio::test]
async fn faults_act_on_frames() {
    let server = server(json!({ "websocket": [
        { "times": 1, "answer": { "events": [{ "type": "a" }, { "type": "b" }] }, "faults": [
            { "insert": { "at": { "before": "b" }, "hex": "00" } },
            { "insert": { "at": { "before": "b" }, "text": "data: {\n\n" } },
            { "close-frame": { "at": { "after": "b" }, "code": 1012, "reason": "restart" } },
        ]},
        { "times": 1, "faults": [{ "close": { "at": { "event": 1 }, "how": "reset" } }] },
        { "faults": [{ "stall": { "at": "start", "for": "ever" } }] },
    ]}))
    .await;
    let mut socket = open(&server).await;
    send(&mut socket, &turn(None, prompt())).await;
    assert_eq!(event(&mut socket).await["type"], "a");
    assert_eq!(next(&mut socket).await, Some(Message::binary(vec![0])));
    assert_eq!(next(&mut socket).await, Some(Message::text("{")));
    assert_eq!(event(&mut socket).await["type"], "b");
    let Some(Message::Close(Some(goodbye))) = next(&mut socket).await else {
        panic!("no close frame");
    };
    assert_eq!(
        (u16::from(goodbye.code), goodbye.reason.as_str()),
        (1012, "restart")
    );
    assert_eq!(next(&mut socket).await, None);

    let mut socket = open(&server).await;
    send(&mut socket, &turn(None, prompt())).await;
    assert_eq!(event(&mut socket).await["type"], "response.created");
    assert_eq!(next(&mut socket).await, None);

    let mut socket = open(&server).await;
    send(&mut socket, &turn(None, prompt())).await;
    drop(socket);
    until(&server, || {
        server.journal().answered(Endpoint::Websocket) == 3
    })
    .await;
    let journal = server.journal().snapshot();
    let endings: Vec<_> = journal
        .iter()
        .filter(|one| one.endpoint == Endpoint::Websocket)
        .map(|one| one.answer.as_ref().unwrap().ending)
        .collect();
    assert_eq!(
        endings,
        [Ending::Complete, Ending::Reset, Ending::ClientGone]
    );
    let opcodes: Vec<_> = journal[0].frames.iter().map(|one| one.opcode).collect();
    assert!(opcodes.contains(&Opcode::Binary) && opcodes.contains(&Opcode::Close));
}

#[tokio::test]
async fn a_gate_holds_a_frame_back() {
    let server = server(json!({ "websocket": [{ "hold": "a" }] })).await;
    let mut socket = open(&server).await;
    send(&mut socket, &turn(None, prompt())).await;
    let journal = || server.journal().snapshot().len() == 2;
    until(&server, journal).await;
    assert_eq!(server.journal().answered(Endpoint::Websocket), 0);
    server.gates().open("a");
    assert_eq!(event(&mut socket).await["type"], "response.created");
}
