//! Turns in the protocols beside Responses, which say the same.

use super::*;

const SAID: &str = "Hello from loginproof.";

fn spoken() -> ServerState {
    ServerState {
        default_stream: Bytes::from_static(include_bytes!("../../default_stream.sse")),
        ..world()
    }
}

fn chat(stream: bool) -> Value {
    json!({
        "model": "m", "messages": [{ "role": "user", "content": "hi" }], "stream": stream,
        "stream_options": { "include_usage": true },
    })
}

fn events(text: &str) -> Vec<Value> {
    text.lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter_map(|data| serde_json::from_str(data).ok())
        .collect()
}

#[tokio::test]
async fn chat_completions_stand_below_any_base_and_say_what_responses_say() {
    let world = spoken();
    for path in [
        "/v1/chat/completions",
        "/api/v1/chat/completions",
        "/chat/completions",
    ] {
        let whole = ask(&world, path, "sk-somebody", &chat(false)).await;
        assert_eq!(whole.json()["choices"][0]["message"]["content"], SAID);
        let streamed = ask(&world, path, "sk-somebody", &chat(true)).await;
        assert!(
            streamed
                .header("content-type")
                .starts_with("text/event-stream")
        );
        assert!(streamed.default_stream && streamed.text.ends_with("data: [DONE]\n\n"));
        let chunks = events(&streamed.text);
        let text: String = chunks
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
            .collect();
        assert_eq!(text, SAID);
        let last = chunks.last().unwrap();
        assert!(last["usage"]["total_tokens"].is_u64() && last["choices"] == json!([]));
    }
}

#[tokio::test]
async fn usage_is_streamed_only_when_it_is_asked_for() {
    let mut request = chat(true);
    request.as_object_mut().unwrap().remove("stream_options");
    let streamed = ask(&spoken(), "/v1/chat/completions", "sk-somebody", &request).await;
    assert!(!streamed.text.contains("usage"), "{}", streamed.text);
}

#[tokio::test]
async fn an_api_key_may_ask_and_a_dead_token_of_ours_may_not() {
    let world = spoken();
    for (state, status) in [
        (TokenState::Live, 200),
        (TokenState::Expired, 401),
        (TokenState::Revoked, 401),
        (TokenState::Foreign, 401),
        (TokenState::None, 401),
    ] {
        let set = world.authorization.seed(state, TokenState::Live, None);
        let reply = ask(
            &world,
            "/v1/chat/completions",
            &set.access_token,
            &chat(false),
        )
        .await;
        assert_eq!(reply.status, status, "{state:?}");
        let reply = ask(&world, "/v1/messages", &set.access_token, &chat(false)).await;
        assert_eq!(reply.status, status, "{state:?}");
    }
    let key = Request::post("/v1/messages").header("x-api-key", "sk-ant-somebody");
    let body = Body::from(chat(false).to_string());
    assert_eq!(send(&world, key.body(body).unwrap()).await.status, 200);
}

#[tokio::test]
async fn a_request_without_messages_is_refused() {
    for path in ["/v1/chat/completions", "/v1/messages"] {
        for body in [
            json!({ "model": "m" }),
            json!({ "model": "m", "messages": [] }),
        ] {
            let reply = ask(&spoken(), path, "sk-somebody", &body).await;
            assert!(
                reply.status == 400 && reply.json()["error"].is_object(),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn messages_are_streamed_in_the_order_that_programs_expect() {
    let world = spoken();
    let streamed = ask(&world, "/v1/messages", "sk-somebody", &chat(true)).await;
    let events = events(&streamed.text);
    let mut kinds: Vec<&str> = events
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect();
    kinds.dedup();
    assert_eq!(
        kinds,
        [
            "message_start",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
    );
    let text: String = events
        .iter()
        .filter_map(|event| event["delta"]["text"].as_str())
        .collect();
    assert_eq!(text, SAID);
    let whole = ask(&world, "/v1/messages", "sk-somebody", &chat(false)).await;
    assert_eq!(whole.json()["content"][0]["text"], SAID);
}

#[tokio::test]
async fn code_assist_generates_in_both_ways() {
    let world = spoken();
    let token = world
        .authorization
        .seed(TokenState::Live, TokenState::Live, None)
        .access_token;
    let path = "/v1internal:streamGenerateContent?alt=sse";
    let streamed = ask(&world, path, &token, &json!({})).await;
    let text: String = events(&streamed.text)
        .iter()
        .filter_map(|event| {
            event["response"]["candidates"][0]["content"]["parts"][0]["text"].as_str()
        })
        .collect();
    assert_eq!(text, SAID);
    let whole = ask(&world, "/v1internal:generateContent", &token, &json!({}))
        .await
        .json();
    let candidate = &whole["response"]["candidates"][0];
    assert_eq!(candidate["content"]["parts"][0]["text"], SAID);
    assert_eq!(candidate["finishReason"], "STOP");
    let refused = ask(&world, "/v1internal:generateContent", "other", &json!({})).await;
    assert_eq!(refused.json()["error"]["status"], "UNAUTHENTICATED");
}
