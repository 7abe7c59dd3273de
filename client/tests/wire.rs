//! What only raw bytes can do: cuts, resets, silence, and splits at every byte.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use std::time::{Duration, Instant};

use loginproof_client::failure::{Class, Failure};
use loginproof_client::session::AskError;
use serde_json::json;
use support::{Raw, STREAM_HEAD, User, chunk, event, hello, reset};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

/// Longer than anything here takes.
const BOUND: Duration = Duration::from_secs(20);

fn half() -> String {
    event(&json!({ "type": "response.created", "response": { "id": "resp_loginproof" } }))
        + &event(
            &json!({ "type": "response.output_text.delta", "output_index": 0, "delta": "half" }),
        )
}

/// Asks while the server answers every attempt with the same bytes and closes.
async fn ask_against(bytes: Vec<u8>) -> (Failure, String) {
    let server = Raw::bind().await;
    let user = User::new(&server.origin).signed_in(1, 3600);
    let serve = async {
        loop {
            server.answer(&bytes).await;
        }
    };
    let result = tokio::select! {
        result = timeout(BOUND, user.session.ask(0, "p")) => result.unwrap(),
        () = serve => unreachable!(),
    };
    match result.unwrap_err() {
        AskError::Failed {
            failure,
            partial,
            attempts,
        } => {
            assert_eq!(attempts, 3, "{failure}");
            (failure, partial)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_truncated_body_is_never_an_answer() {
    let whole = [STREAM_HEAD.as_bytes(), &chunk(half()), b"0\r\n\r\n"].concat();
    let no_final_chunk = [STREAM_HEAD.as_bytes(), &chunk(half())].concat();
    let in_a_chunk = [STREAM_HEAD.as_bytes(), &chunk(half()), b"ff\r\ndata: {"].concat();
    let long_length = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9999\r\n\r\n{}",
        half()
    );
    for bytes in [whole, no_final_chunk, in_a_chunk, long_length.into_bytes()] {
        let (failure, partial) = ask_against(bytes).await;
        assert_eq!(
            (failure.class.clone(), partial.as_str()),
            (Class::Transport, "half"),
            "{failure}"
        );
    }
}

#[tokio::test]
async fn a_terminal_event_without_its_blank_line_is_a_clear_failure() {
    let text = hello("Hi");
    let (failure, _) = ask_against(
        [
            STREAM_HEAD.as_bytes(),
            &chunk(text.trim_end()),
            b"0\r\n\r\n",
        ]
        .concat(),
    )
    .await;
    assert!(
        failure.to_string().contains("blank line is missing"),
        "{failure}"
    );
}

#[tokio::test]
async fn the_sentinel_of_another_api_is_no_end() {
    let text = half() + "data: [DONE]\n\n";
    let (failure, _) =
        ask_against([STREAM_HEAD.as_bytes(), &chunk(text), b"0\r\n\r\n"].concat()).await;
    assert!(failure.to_string().contains("[DONE]"), "{failure}");
}

#[tokio::test]
async fn a_reset_in_the_middle_is_asked_for_again() {
    let server = Raw::bind().await;
    let user = User::new(&server.origin).signed_in(1, 3600);
    let serve = async {
        let mut first = server.accept().await;
        first
            .write_all(&[STREAM_HEAD.as_bytes(), &chunk(half())].concat())
            .await
            .unwrap();
        reset(first);
        server
            .answer([STREAM_HEAD.as_bytes(), &chunk(hello("Hi")), b"0\r\n\r\n"].concat())
            .await;
    };
    let (answer, ()) = timeout(BOUND, async { tokio::join!(user.ask(), serve) })
        .await
        .unwrap();
    assert_eq!(answer.unwrap(), "Hi");
}

#[tokio::test]
async fn the_terminal_event_ends_the_turn_and_the_connection() {
    let server = Raw::bind().await;
    let user = User::new(&server.origin).signed_in(1, 3600);
    let serve = async {
        let mut stream = server.accept().await;
        stream
            .write_all(&[STREAM_HEAD.as_bytes(), &chunk(hello("Hi"))].concat())
            .await
            .unwrap();
        // Held open until the client lets go.
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        rest
    };
    let (answer, rest) = timeout(BOUND, async { tokio::join!(user.ask(), serve) })
        .await
        .unwrap();
    assert_eq!((answer.unwrap(), rest), ("Hi".into(), vec![]));
}

#[tokio::test]
async fn a_failure_is_told_at_once_though_the_connection_stays_open() {
    let server = Raw::bind().await;
    let user = User::new(&server.origin).signed_in(1, 3600);
    let error = json!({ "code": "invalid_prompt", "message": "MARKER" });
    let failed = event(&json!({ "type": "response.failed", "response": { "error": error } }));
    let serve = async {
        let mut stream = server.accept().await;
        stream
            .write_all(&[STREAM_HEAD.as_bytes(), &chunk(failed)].concat())
            .await
            .unwrap();
        stream
    };
    let (answer, _open) = timeout(BOUND, async { tokio::join!(user.ask(), serve) })
        .await
        .unwrap();
    assert!(answer.unwrap_err().contains("MARKER"));
}

#[tokio::test]
async fn silence_has_an_end_before_and_after_the_first_event() {
    for start in [
        String::new(),
        STREAM_HEAD.to_owned(),
        STREAM_HEAD.to_owned() + &String::from_utf8(chunk(half())).unwrap(),
    ] {
        let server = Raw::bind().await;
        let user = User::impatient(&server.origin, Duration::from_millis(300)).signed_in(1, 3600);
        let serve = async {
            let mut open = Vec::new();
            loop {
                let mut stream = server.accept().await;
                stream.write_all(start.as_bytes()).await.unwrap();
                open.push(stream);
            }
        };
        let result = tokio::select! {
            result = timeout(BOUND, user.session.ask(0, "p")) => result.unwrap(),
            () = serve => unreachable!(),
        };
        let Err(AskError::Failed {
            failure, attempts, ..
        }) = result
        else {
            panic!("{result:?}")
        };
        assert_eq!(
            (failure.class.clone(), attempts),
            (Class::Timeout, 2),
            "{failure}"
        );
    }
}

#[tokio::test]
async fn comments_keep_a_stream_alive() {
    let server = Raw::bind().await;
    let idle = Duration::from_millis(600);
    let user = User::impatient(&server.origin, idle).signed_in(1, 3600);
    let serve = async {
        let mut stream = server.accept().await;
        stream
            .write_all(&[STREAM_HEAD.as_bytes(), &chunk(half())].concat())
            .await
            .unwrap();
        let start = Instant::now();
        while start.elapsed() < idle * 3 {
            tokio::time::sleep(idle / 6).await;
            stream.write_all(&chunk(": keep-alive\n\n")).await.unwrap();
        }
        stream.write_all(&chunk(hello(" of it"))).await.unwrap();
        stream
    };
    let (answer, _open) = timeout(BOUND, async { tokio::join!(user.ask(), serve) })
        .await
        .unwrap();
    assert_eq!(answer.unwrap(), "half of it");
}

#[tokio::test]
async fn one_byte_at_a_time_gives_the_same_answer() {
    let server = Raw::bind().await;
    let user = User::new(&server.origin).signed_in(1, 3600);
    let text = "世界 🌍 \u{2028} é".to_owned();
    let stream: Vec<u8> = [
        "\u{feff}: ping\r\n\r\n".to_owned(),
        hello(&text).replace('\n', "\r\n"),
    ]
    .concat()
    .into_bytes();
    let serve = async {
        let mut connection = server.accept().await;
        connection.set_nodelay(true).unwrap();
        connection.write_all(STREAM_HEAD.as_bytes()).await.unwrap();
        for byte in stream {
            // The client may have what it needs before the last byte.
            if connection.write_all(&chunk([byte])).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    let (answer, ()) = timeout(BOUND, async { tokio::join!(user.ask(), serve) })
        .await
        .unwrap();
    assert_eq!(answer.unwrap(), text);
}

#[tokio::test]
async fn a_refused_connection_names_host_and_cause() {
    let server = Raw::bind().await;
    let origin = server.origin.clone();
    drop(server);
    let user = User::new(&origin).signed_in(1, 3600);
    let error = user.ask().await.unwrap_err();
    assert!(
        error.contains("no connection") && error.contains("127.0.0.1"),
        "{error}"
    );
}

#[tokio::test]
async fn an_encoding_nobody_asked_for_is_named() {
    let server = Raw::bind().await;
    let user = User::new(&server.origin).signed_in(1, 3600);
    let bytes = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n\x1f\x0b";
    let (answer, ()) = timeout(BOUND, async {
        tokio::join!(user.ask(), server.answer(bytes))
    })
    .await
    .unwrap();
    assert!(answer.unwrap_err().contains("content-encoding gzip"));
}
