//! What the Responses endpoints take, and how they refuse: the public reports of each refusal.

use serde_json::{Value, json};

use super::outside::{JSON, Outside, Reply};

struct Desk {
    outside: Outside,
    bearer: String,
}

impl Desk {
    async fn new() -> Self {
        let outside = Outside::new().await;
        let access = super::chatgpt::pair(&outside).await.word("access_token");
        Self {
            bearer: format!("Bearer {access}"),
            outside,
        }
    }

    async fn ask(&self, path: &str, body: &Value) -> Reply {
        let headers = [
            ("authorization", self.bearer.as_str()),
            ("content-type", JSON),
        ];
        self.outside
            .send("POST", path, &headers, body.to_string())
            .await
    }

    /// A turn at the ChatGPT backend with these members instead; null leaves one out.
    async fn turn(&self, changed: Value) -> Reply {
        self.ask("/backend-api/codex/responses", &turn(changed))
            .await
    }
}

fn turn(changed: Value) -> Value {
    let mut body = json!({
        "model": "gpt-5.5", "stream": true, "store": false,
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
    });
    let members = body.as_object_mut().unwrap();
    for (name, value) in changed.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    body
}

fn call(id: &str) -> Value {
    json!({"type": "function_call", "id": "fc_1", "call_id": id, "name": "weather", "arguments": "{}"})
}

fn output(id: &str) -> Value {
    json!({"type": "function_call_output", "call_id": id, "output": "sunny"})
}

/// What released programs send is taken: with instructions and without (codex 0.169.0 sends none), priority, unknown
/// members, developer messages, and calls that have their outputs.
#[tokio::test]
async fn what_programs_send_is_taken() {
    let desk = Desk::new().await;
    for changed in [
        json!({}),
        json!({"instructions": "Be brief."}),
        json!({"service_tier": "priority"}),
        json!({"client_metadata": {"a": 1}, "prompt_cache_key": "k", "include": ["reasoning.encrypted_content"], "parallel_tool_calls": true}),
        json!({"input": [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "hi"}]}),
        json!({"input": [call("call_1"), call("call_2"), output("call_2"), output("call_1")]}),
    ] {
        let reply = desk.turn(changed.clone()).await;
        assert_eq!(reply.status, 200, "{changed}: {reply:?}");
        // codex warns of a reroute where another model is named.
        assert_eq!(reply.header("openai-model"), "gpt-5.5");
    }
}

/// The backend's own words, with status 400 (openai/codex#26173 and the reports beside it).
#[tokio::test]
async fn the_chatgpt_backend_refuses_in_its_own_words() {
    let desk = Desk::new().await;
    let mut cases = vec![
        (
            json!({"store": true}),
            "Store must be set to false".to_owned(),
        ),
        (
            json!({"store": null}),
            "Store must be set to false".to_owned(),
        ),
        (
            json!({"stream": false}),
            "Stream must be set to true".to_owned(),
        ),
        (
            json!({"stream": null}),
            "Stream must be set to true".to_owned(),
        ),
        (json!({"input": "hi"}), "Input must be a list".to_owned()),
        (
            json!({"input": [{"role": "system", "content": "x"}]}),
            "System messages are not allowed".to_owned(),
        ),
        (
            json!({"service_tier": "auto"}),
            "Unsupported service_tier: auto".to_owned(),
        ),
    ];
    for name in [
        "messages",
        "max_output_tokens",
        "max_tool_calls",
        "temperature",
        "top_p",
        "frequency_penalty",
        "presence_penalty",
        "seed",
        "metadata",
        "user",
        "safety_identifier",
        "background",
        "stream_options",
        "truncation",
        "top_logprobs",
        "response_format",
        "previous_response_id",
    ] {
        cases.push((
            json!({ name: "x" }),
            format!("Unsupported parameter: {name}"),
        ));
    }
    for (changed, detail) in cases {
        let reply = desk.turn(changed.clone()).await;
        assert_eq!(
            (reply.status, reply.word("detail")),
            (400, detail),
            "{changed}"
        );
    }
}

/// A call without its output, and an output without its call (router-for-me/CLIProxyAPI#2368): at both endpoints.
#[tokio::test]
async fn calls_and_outputs_come_in_pairs() {
    let desk = Desk::new().await;
    let cases = [
        (
            json!([call("call_x")]),
            "No tool output found for function call call_x.",
        ),
        (
            json!([output("call_y")]),
            "No tool call found for function call output with call_id call_y.",
        ),
        (
            json!([call("call_a"), output("call_b")]),
            "No tool output found for function call call_a.",
        ),
    ];
    for path in ["/backend-api/codex/responses", "/v1/responses"] {
        for (input, message) in &cases {
            let reply = desk.ask(path, &turn(json!({ "input": input }))).await;
            assert_eq!(reply.status, 400, "{path}: {input}");
            let error = &reply.json()["error"];
            assert_eq!(
                (
                    error["message"].as_str(),
                    error["type"].as_str(),
                    error["param"].as_str()
                ),
                (Some(*message), Some("invalid_request_error"), Some("input"))
            );
        }
    }
}

/// The API behind both: ids have the prefix of their type and at most 64 characters, and what a person and what the model
/// said have their own types of content.
#[tokio::test]
async fn items_are_checked() {
    let desk = Desk::new().await;
    let long = format!("msg_{}", "x".repeat(61));
    let message = |id: &str, role: &str, kind: &str| json!({"type": "message", "id": id, "role": role, "content": [{"type": kind, "text": "x"}]});
    for item in [
        message("fc_1", "assistant", "output_text"),
        message(&long, "assistant", "output_text"),
        message("msg_1", "assistant", "input_text"),
        message("msg_1", "user", "output_text"),
    ] {
        let reply = desk.turn(json!({ "input": [item] })).await;
        assert_eq!(reply.status, 400, "{item}: {reply:?}");
        assert_eq!(reply.json()["error"]["type"], "invalid_request_error");
    }
    let good = message("msg_1", "assistant", "output_text");
    assert_eq!(desk.turn(json!({ "input": [good] })).await.status, 200);
}

/// The public API takes what it documents: a string for input, temperature, metadata, storage.
#[tokio::test]
async fn the_public_api_takes_what_it_documents() {
    let desk = Desk::new().await;
    for changed in [
        json!({"input": "hi"}),
        json!({"temperature": 0.5, "metadata": {"a": "b"}, "store": true, "max_output_tokens": 100}),
        json!({"previous_response_id": "resp_1", "input": [output("call_1")]}),
    ] {
        let reply = desk.ask("/v1/responses", &turn(changed.clone())).await;
        assert_eq!(reply.status, 200, "{changed}: {reply:?}");
    }
    let reply = desk
        .ask("/v1/responses", &turn(json!({"input": null})))
        .await;
    assert_eq!(
        (reply.status, reply.json()["error"]["param"].as_str()),
        (400, Some("input"))
    );
}

/// Tokens: none and foreign ones are 401 `Unauthorized`, revoked ones say so (openai/codex#38679, #41973, #42581).
#[tokio::test]
async fn tokens_are_judged_before_the_request() {
    let desk = Desk::new().await;
    let path = "/backend-api/codex/responses";
    let outside = &desk.outside;
    let reply = outside.json(path, json!({})).await;
    assert_eq!(
        (reply.status, reply.word("detail").as_str()),
        (401, "Unauthorized")
    );
    let token = desk.bearer.trim_start_matches("Bearer ").to_owned();
    outside
        .json("/oauth/revoke", json!({ "token": token }))
        .await;
    let reply = desk.turn(json!({})).await;
    assert_eq!(
        (reply.status, reply.json()["error"]["code"].as_str()),
        (401, Some("token_revoked"))
    );
}
