//! Turns over a WebSocket, against a server that is not ours, and the way back to HTTP.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use loginproof_client::failure::Class;
use loginproof_client::session::{AskError, Notice};
use loginproof_client::transport::Limits;
use serde_json::{Value, json};
use support::{User, hello};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

/// What the server does with a turn, by its number and its frame. Nothing to send closes the WebSocket.
type Play = fn(usize, &Value) -> Vec<Message>;

/// A server on one port: upgrades are answered by `refusal`, or turns as `play` says; requests with a whole stream.
struct Server {
    origin: String,
    frames: Arc<Mutex<Vec<Value>>>,
    /// Heads of all requests, upgrades among them.
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(refusal: Option<&'static str>, play: Play) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            origin: format!("http://{}", listener.local_addr().unwrap()),
            frames: Arc::default(),
            heads: Arc::default(),
        };
        let (frames, heads) = (Arc::clone(&server.frames), Arc::clone(&server.heads));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut start = [0; 4096];
                let length = stream.peek(&mut start).await.unwrap();
                let head = String::from_utf8_lossy(&start[..length]).to_ascii_lowercase();
                heads.lock().unwrap().push(head.clone());
                match refusal {
                    _ if head.starts_with("post") => {
                        let body = hello("over HTTP");
                        let length = body.len();
                        answer(stream, &format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {length}\r\n\r\n{body}")).await;
                    }
                    Some(refusal) => answer(stream, refusal).await,
                    None => turns(stream, play, &frames).await,
                }
            }
        });
        server
    }

    fn user(&self) -> User {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let limits = Limits::with_idle(Duration::from_millis(500));
        User::with(&self.origin, folder, limits, |config| {
            config.websocket = true
        })
        .signed_in(1, 3600)
    }

    fn frames(&self) -> Vec<Value> {
        self.frames.lock().unwrap().clone()
    }

    fn upgrades(&self) -> usize {
        let heads = self.heads.lock().unwrap();
        heads.iter().filter(|head| head.starts_with("get")).count()
    }
}

/// Reads what the client sends, and answers with these bytes.
async fn answer(mut stream: TcpStream, bytes: &str) {
    let mut request = vec![0; 64 << 10];
    let _ = stream.read(&mut request).await;
    let _ = stream.write_all(bytes.as_bytes()).await;
    let _ = stream.shutdown().await;
    // Unread bytes would turn the end into a reset.
    while matches!(stream.read(&mut request).await, Ok(count) if count > 0) {}
}

async fn turns(stream: TcpStream, play: Play, frames: &Mutex<Vec<Value>>) {
    let mut socket = accept_async(stream).await.unwrap();
    while let Some(Ok(Message::Text(text))) = socket.next().await {
        let frame: Value = serde_json::from_str(&text).unwrap();
        let number = {
            let mut frames = frames.lock().unwrap();
            frames.push(frame.clone());
            frames.len()
        };
        let messages = play(number, &frame);
        if messages.is_empty() {
            let _ = socket.close(None).await;
        }
        for message in messages {
            let _ = socket.send(message).await;
        }
    }
}

fn text(event: &Value) -> Message {
    Message::text(event.to_string())
}

/// A response of this id with these items.
fn response(id: &str, items: &[Value]) -> Vec<Message> {
    let mut messages = vec![text(
        &json!({ "type": "response.created", "response": { "id": id } }),
    )];
    messages.extend(items.iter().enumerate().map(|(index, item)| {
        text(&json!({ "type": "response.output_item.done", "output_index": index, "item": item }))
    }));
    let ended = json!({ "id": id, "status": "completed", "output": [] });
    messages.push(text(
        &json!({ "type": "response.completed", "response": ended }),
    ));
    messages
}

fn says(id: &str, words: &str) -> Vec<Message> {
    let content = json!([{ "type": "output_text", "text": words }]);
    response(
        id,
        &[json!({ "type": "message", "role": "assistant", "content": content })],
    )
}

fn calls(id: &str) -> Vec<Message> {
    let arguments = r#"{"text":"x"}"#;
    response(
        id,
        &[
            json!({ "type": "function_call", "call_id": "call_1", "name": "echo", "arguments": arguments }),
        ],
    )
}

fn error(status: u16, code: &str) -> Vec<Message> {
    vec![text(
        &json!({ "type": "error", "status": status, "error": { "code": code, "message": "MARKER" } }),
    )]
}

fn kinds(frame: &Value) -> Vec<&str> {
    let input = frame["input"].as_array().unwrap();
    input
        .iter()
        .map(|item| item["type"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_turn_goes_on_from_what_the_connection_knows() {
    let server = Server::start(None, |number, _| match number {
        1 => response("warm", &[]),
        2 => calls("first"),
        _ => says("second", "Hi"),
    })
    .await;
    assert_eq!(server.user().ask().await.unwrap(), "Hi");
    let frames = server.frames();
    assert_eq!(frames[0]["generate"], false);
    assert_eq!(frames[1]["previous_response_id"], "warm");
    assert_eq!(kinds(&frames[1]), ["message"]);
    assert_eq!(frames[2]["previous_response_id"], "first");
    assert_eq!(kinds(&frames[2]), ["function_call_output"]);
    assert_eq!((frames.len(), server.upgrades()), (3, 1));
    let heads = server.heads.lock().unwrap();
    assert!(heads[0].contains("openai-beta: responses_websockets="));
}

#[tokio::test]
async fn what_the_connection_has_lost_is_sent_again_whole() {
    let server = Server::start(None, |_, frame| match kinds(frame).as_slice() {
        [] => response("warm", &[]),
        ["message"] => calls("first"),
        ["function_call_output"] => error(400, "previous_response_not_found"),
        _ => says("second", "Hi"),
    })
    .await;
    assert_eq!(server.user().ask().await.unwrap(), "Hi");
    let frames = server.frames();
    let last = frames.last().unwrap();
    assert!(last.get("previous_response_id").is_none());
    assert_eq!(
        kinds(last),
        ["message", "function_call", "function_call_output"]
    );
    assert_eq!(server.upgrades(), 1);
}

#[tokio::test]
async fn a_connection_whose_time_is_over_is_replaced_without_a_word() {
    let server = Server::start(None, |number, _| match number {
        1 => response("warm", &[]),
        2 => error(400, "websocket_connection_limit_reached"),
        _ => says("first", "Hi"),
    })
    .await;
    let user = server.user();
    assert_eq!(user.ask().await.unwrap(), "Hi");
    assert_eq!(server.upgrades(), 2);
    let notices = user.notices.lock().unwrap();
    assert!(
        !notices
            .iter()
            .any(|n| matches!(n, Notice::Retry { .. } | Notice::FellBack { .. }))
    );
}

#[tokio::test]
async fn an_error_frame_is_what_it_would_be_over_http() {
    let server = Server::start(None, |number, _| match number {
        1 => response("warm", &[]),
        _ => error(429, "usage_limit_reached"),
    })
    .await;
    let failed = server.user().session.ask(0, "p").await.unwrap_err();
    let AskError::Failed {
        failure, attempts, ..
    } = failed
    else {
        panic!("{failed:?}");
    };
    assert!(matches!(failure.class, Class::UsageLimit { .. }) && attempts == 1);
    assert_eq!(server.frames().len(), 2);
}

#[tokio::test]
async fn frames_that_are_no_events_are_passed_over() {
    let server = Server::start(None, |number, _| {
        let mut messages = match number {
            1 => response("warm", &[]),
            _ => says("first", "Hi"),
        };
        messages.insert(1, Message::text("{\"type\":"));
        messages.insert(1, Message::Ping(vec![1].into()));
        messages
    })
    .await;
    assert_eq!(server.user().ask().await.unwrap(), "Hi");
}

#[tokio::test]
async fn a_websocket_that_goes_on_breaking_is_left_for_http() {
    let plays: [Play; 3] = [
        |_, _| Vec::new(),
        |_, _| {
            vec![Message::binary(
                b"{\"type\":\"response.completed\"}".as_slice(),
            )]
        },
        |_, _| {
            vec![text(
                &json!({ "type": "response.created", "response": { "id": "x" } }),
            )]
        },
    ];
    for play in plays {
        let server = Server::start(None, play).await;
        let user = server.user();
        assert_eq!(user.ask().await.unwrap(), "over HTTP");
        assert_eq!(fell_back(&user), 1);
        assert!(
            (2..=4).contains(&server.upgrades()),
            "{}",
            server.upgrades()
        );
    }
}

#[tokio::test]
async fn a_refused_upgrade_says_where_to_go_on() {
    const EMPTY: &str = "content-length: 0\r\n\r\n";
    for (status, upgrades, said) in [("426 Upgrade Required", 1, 0), ("404 Not Found", 1, 1)] {
        let refusal: &'static str = format!("HTTP/1.1 {status}\r\n{EMPTY}").leak();
        let server = Server::start(Some(refusal), |_, _| Vec::new()).await;
        let user = server.user();
        assert_eq!(user.ask().await.unwrap(), "over HTTP");
        assert_eq!(
            (server.upgrades(), fell_back(&user)),
            (upgrades, said),
            "{status}"
        );
    }
}

#[tokio::test]
async fn a_usage_limit_at_the_upgrade_is_the_last_word() {
    let refusal = "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\ncontent-length: 40\r\n\r\n{\"error\":{\"type\":\"usage_limit_reached\"}} ";
    let server = Server::start(Some(refusal), |_, _| Vec::new()).await;
    let failed = server.user().session.ask(0, "p").await.unwrap_err();
    let AskError::Failed { failure, .. } = failed else {
        panic!("{failed:?}");
    };
    assert!(matches!(failure.class, Class::UsageLimit { .. }));
    assert_eq!(server.heads.lock().unwrap().len(), 1);
}

/// How often the person was told that turns go over HTTP from here on.
fn fell_back(user: &User) -> usize {
    let notices = user.notices.lock().unwrap();
    let told = notices.iter();
    told.filter(|n| matches!(n, Notice::FellBack { .. }))
        .count()
}
