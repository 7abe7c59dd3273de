//! Turns over HTTP, against a server that is not ours.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use loginproof_client::failure::Class;
use loginproof_client::responses::{IncompleteReason, Outcome};
use loginproof_client::session::AskError;
use serde_json::{Value, json};
use support::{User, event, hello};
use wiremock::matchers::{body_partial_json, body_string_contains, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const RESPONSES: &str = "/backend-api/codex/responses";

fn sse(text: impl Into<String>) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(text.into(), "text/event-stream")
}

async fn serve(answer: ResponseTemplate) -> (MockServer, User) {
    let server = MockServer::start().await;
    Mock::given(path(RESPONSES))
        .respond_with(answer)
        .mount(&server)
        .await;
    let user = User::new(&server.uri()).signed_in(1, 3600);
    (server, user)
}

async fn failure(answer: ResponseTemplate) -> (loginproof_client::failure::Failure, usize) {
    let (server, user) = serve(answer).await;
    let error = user.session.ask(0, "p").await.unwrap_err();
    let AskError::Failed { failure, .. } = error else {
        panic!("{error:?}")
    };
    (failure, server.received_requests().await.unwrap().len())
}

fn failed(code: &str) -> String {
    let response = json!({ "id": "resp_loginproof", "status": "failed", "error": { "code": code, "message": "MARKER" } });
    event(&json!({ "type": "response.failed", "response": response }))
}

#[tokio::test]
async fn a_request_keeps_to_what_the_backend_takes() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path(RESPONSES))
        .and(header("accept", "text/event-stream"))
        .and(header("content-type", "application/json"))
        .and(body_partial_json(
            json!({ "stream": true, "store": false, "model": "gpt-5.5" }),
        ))
        .respond_with(sse(hello("Hi")))
        .mount(&server)
        .await;
    let user = User::new(&server.uri()).signed_in(1, 3600);
    assert_eq!(user.ask().await.unwrap(), "Hi");
    let body: Value =
        serde_json::from_slice(&server.received_requests().await.unwrap()[0].body).unwrap();
    assert!(
        body["input"].is_array() && body["instructions"].as_str().is_some_and(|i| !i.is_empty())
    );
    for refused in [
        "previous_response_id",
        "max_output_tokens",
        "temperature",
        "metadata",
        "user",
        "truncation",
    ] {
        assert!(body.get(refused).is_none(), "{refused}");
    }
}

#[tokio::test]
async fn calls_are_answered_by_call_id_until_there_is_an_answer() {
    let server = MockServer::start().await;
    let call = |index: u64, name: &str| {
        let item = json!({
            "id": format!("fc_{index}"), "type": "function_call", "call_id": format!("call_{index}"), "name": name,
            "arguments": r#"{"text":"x"}"#,
        });
        event(&json!({ "type": "response.output_item.done", "output_index": index, "item": item }))
    };
    let completed = event(&json!({ "type": "response.completed", "response": { "output": [] } }));
    Mock::given(body_string_contains("function_call_output"))
        .respond_with(sse(hello("Done")))
        .mount(&server)
        .await;
    Mock::given(path(RESPONSES))
        .respond_with(sse(format!(
            "{}{}{completed}",
            call(1, "get_weather"),
            call(0, "echo")
        )))
        .mount(&server)
        .await;
    let user = User::new(&server.uri()).signed_in(1, 3600);
    assert_eq!(user.ask().await.unwrap(), "Done");
    let requests = server.received_requests().await.unwrap();
    let body: Value = serde_json::from_slice(&requests[1].body).unwrap();
    let read: Vec<_> = body["input"].as_array().unwrap()[1..]
        .iter()
        .map(|item| {
            (
                item["type"].as_str().unwrap(),
                item["call_id"].as_str().unwrap(),
                item["output"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        read,
        [
            ("function_call", "call_0", None),
            ("function_call", "call_1", None),
            ("function_call_output", "call_0", Some("x")),
            (
                "function_call_output",
                "call_1",
                Some("unsupported call: get_weather")
            ),
        ]
    );
}

#[tokio::test]
async fn calls_without_end_are_ended() {
    let item =
        json!({ "type": "function_call", "call_id": "call_1", "name": "echo", "arguments": "{}" });
    let stream =
        event(&json!({ "type": "response.output_item.done", "output_index": 0, "item": item }))
            + &event(&json!({ "type": "response.completed", "response": {} }));
    let (_server, user) = serve(sse(stream)).await;
    assert!(matches!(
        user.session.ask(0, "p").await,
        Err(AskError::TooManyRounds { .. })
    ));
}

#[tokio::test]
async fn a_failure_in_the_stream_is_a_failure_and_retried_only_if_it_passes() {
    for (code, class, requests) in [
        ("server_error", Class::Server, 3),
        ("rate_limit_exceeded", Class::RateLimited, 3),
        ("server_is_overloaded", Class::Overloaded, 3),
        ("context_length_exceeded", Class::ContextLength, 1),
        ("insufficient_quota", Class::Quota, 1),
        ("something_new", Class::Unclassified, 1),
    ] {
        let (failure, sent) = failure(sse(failed(code))).await;
        assert_eq!((failure.class.clone(), sent), (class, requests), "{code}");
        assert!(
            failure.to_string().contains("MARKER") && failure.to_string().contains(code),
            "{failure}"
        );
    }
}

#[tokio::test]
async fn a_failure_that_passes_is_followed_by_the_answer_alone() {
    let server = MockServer::start().await;
    let partial = event(
        &json!({ "type": "response.output_text.delta", "output_index": 0, "delta": "half of " }),
    );
    let call =
        json!({ "type": "function_call", "call_id": "call_1", "name": "echo", "arguments": "" });
    let call =
        event(&json!({ "type": "response.output_item.added", "output_index": 1, "item": call }));
    Mock::given(path(RESPONSES))
        .respond_with(sse(partial + &call + &failed("server_error")))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(path(RESPONSES))
        .respond_with(sse(hello("Hi")))
        .mount(&server)
        .await;
    let user = User::new(&server.uri()).signed_in(1, 3600);
    assert_eq!(user.ask().await.unwrap(), "Hi");
}

#[tokio::test]
async fn a_cut_answer_keeps_its_text_and_its_reason_and_is_not_asked_for_again() {
    let delta =
        event(&json!({ "type": "response.output_text.delta", "output_index": 0, "delta": "half" }));
    let end =
        json!({ "status": "incomplete", "incomplete_details": { "reason": "content_filter" } });
    let end = event(&json!({ "type": "response.incomplete", "response": end }));
    let (server, user) = serve(sse(delta + &end)).await;
    let response = user.session.ask(0, "p").await.unwrap().response;
    assert_eq!(
        response.outcome,
        Outcome::Incomplete(IncompleteReason::ContentFilter)
    );
    assert_eq!(response.text(), "half");
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_usage_limit_is_asked_once_and_names_plan_and_reset() {
    let body = json!({ "error": {
        "type": "usage_limit_reached", "message": "The usage limit has been reached", "plan_type": "free",
        "resets_at": 1_775_317_531, "resets_in_seconds": 602_705,
    }});
    let (failure, sent) = failure(ResponseTemplate::new(429).set_body_json(body)).await;
    assert_eq!(sent, 1);
    let text = failure.to_string();
    assert!(
        text.contains("plan free") && text.contains("2026-04-04 15:45 UTC"),
        "{text}"
    );
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_an_error_and_a_short_one_is_kept() {
    let throttled = |wait: &str| {
        ResponseTemplate::new(429)
            .insert_header("retry-after", wait)
            .set_body_json(json!({}))
    };
    let (failure, sent) = failure(throttled("99999")).await;
    assert_eq!((failure.class.clone(), sent), (Class::RateLimited, 1));
    assert!(
        failure.to_string().contains("try again in 1 d 3 h"),
        "{failure}"
    );

    let server = MockServer::start().await;
    Mock::given(path(RESPONSES))
        .respond_with(throttled("1"))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(path(RESPONSES))
        .respond_with(sse(hello("Hi")))
        .mount(&server)
        .await;
    let user = User::new(&server.uri()).signed_in(1, 3600);
    let start = std::time::Instant::now();
    assert_eq!(user.ask().await.unwrap(), "Hi");
    assert!(start.elapsed() >= std::time::Duration::from_secs(1));
}

#[tokio::test]
async fn a_blocked_request_is_one_line_and_not_retried() {
    let page = format!(
        "<!DOCTYPE html><title>Just a moment...</title>{}",
        "x".repeat(50_000)
    );
    let answer = ResponseTemplate::new(403)
        .set_body_raw(page, "text/html")
        .insert_header("cf-ray", "8c0ffee-FRA");
    let (failure, sent) = failure(answer).await;
    assert_eq!((failure.class.clone(), sent), (Class::EdgeBlock, 1));
    let text = failure.to_string();
    assert!(
        text.len() <= 300 && text.contains("8c0ffee-FRA") && !text.contains('<'),
        "{text}"
    );
}

#[tokio::test]
async fn a_detail_is_shown_as_it_is() {
    let answer =
        ResponseTemplate::new(400).set_body_json(json!({ "detail": "Store must be set to false" }));
    let (failure, sent) = failure(answer).await;
    assert!(failure.to_string().contains("Store must be set to false") && sent == 1);
}

#[tokio::test]
async fn a_stream_is_read_whatever_its_content_type_says() {
    for kind in [
        "application/json",
        "text/plain",
        "text/event-stream; charset=windows-1252",
    ] {
        let (_server, user) =
            serve(ResponseTemplate::new(200).set_body_raw(hello("Hé"), kind)).await;
        assert_eq!(user.ask().await.unwrap(), "Hé", "{kind}");
    }
}

#[tokio::test]
async fn a_document_in_place_of_a_stream_gives_its_own_reason() {
    for (body, words) in [
        (
            r#"{"error":{"code":"server_is_overloaded","message":"MARKER"}}"#,
            "MARKER",
        ),
        (
            r#"{"object":"response","status":"failed","error":{"code":"invalid_prompt","message":"MARKER"}}"#,
            "MARKER",
        ),
        (r#"{"hello":"world"}"#, "a document came"),
        ("<html><title>Wi-Fi sign-in</title>", "web page"),
    ] {
        let (failure, _) =
            failure(ResponseTemplate::new(200).set_body_raw(body, "text/event-stream")).await;
        assert!(failure.to_string().contains(words), "{body}: {failure}");
    }
    let whole = json!({ "object": "response", "status": "completed",
        "output": [{ "type": "message", "content": [{ "type": "output_text", "text": "Hi" }] }] });
    let (_server, user) = serve(ResponseTemplate::new(200).set_body_json(whole)).await;
    assert_eq!(user.ask().await.unwrap(), "Hi");
}

#[tokio::test]
async fn a_redirect_does_not_take_the_token_elsewhere() {
    let elsewhere = MockServer::start().await;
    let (failure, _) =
        failure(ResponseTemplate::new(307).insert_header("location", elsewhere.uri())).await;
    assert!(failure.to_string().contains("redirects"), "{failure}");
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn several_prompts_at_once_get_their_own_answers() {
    let server = MockServer::start().await;
    for name in ["one", "two"] {
        Mock::given(body_string_contains(format!("prompt {name}")))
            .respond_with(sse(hello(&format!("answer {name}"))))
            .mount(&server)
            .await;
    }
    let user = User::new(&server.uri()).signed_in(1, 3600);
    let (one, two) = futures_util::join!(
        user.session.ask(0, "prompt one"),
        user.session.ask(1, "prompt two")
    );
    assert_eq!(
        (one.unwrap().response.text(), two.unwrap().response.text()),
        ("answer one".into(), "answer two".into())
    );
}
