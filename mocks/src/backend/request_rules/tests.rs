//! One test per rule, with the vendor's words.

use super::*;

/// A request as Codex 0.169 sends it: no instructions, ids on items, a passthrough member, a tool turn in its history.
fn sound() -> Value {
    json!({
        "model": "gpt-5.5",
        "input": [
            {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]},
            {"type": "message", "role": "user", "id": "msg_1", "content": [{"type": "input_text", "text": "Say hello."}],
             "internal_chat_message_metadata_passthrough": {"a": 1}},
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "loginproof"},
            {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "shell", "arguments": "{}"},
            {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_2", "name": "apply_patch", "input": "x"},
            {"type": "function_call_output", "id": "fco_1", "call_id": "call_1", "output": "ok"},
            {"type": "custom_tool_call_output", "call_id": "call_2", "output": "ok"},
            {"type": "message", "role": "assistant", "id": "msg_2", "content": [{"type": "output_text", "text": "Hello."}]},
        ],
        "tools": [], "tool_choice": "auto", "parallel_tool_calls": true, "stream": true, "store": false,
        "include": ["reasoning.encrypted_content"], "service_tier": "priority", "prompt_cache_key": "k", "client_metadata": {},
    })
}

/// The sound request with one member changed.
fn with(name: &str, value: Value) -> Value {
    let mut request = sound();
    request[name] = value;
    request
}

fn rejected(profile: Profile, request: &Value) -> Value {
    check(profile, request)
        .expect_err("the request breaks a rule")
        .body()
        .clone()
}

fn detail(request: &Value) -> String {
    let body = rejected(Profile::ChatGpt, request);
    assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
    body["detail"].as_str().unwrap().to_owned()
}

/// Message, param and code of a rejection that both profiles give.
fn error(input: Value) -> (String, String, Value) {
    let request = with("input", input);
    let body = rejected(Profile::ChatGpt, &request);
    assert_eq!(body, rejected(Profile::PublicApi, &request));
    assert_eq!(body["error"]["type"], "invalid_request_error");
    let text = |name: &str| body["error"][name].as_str().unwrap().to_owned();
    (
        text("message"),
        text("param"),
        body["error"]["code"].clone(),
    )
}

#[test]
fn a_request_as_codex_sends_it_is_taken() {
    for profile in [Profile::ChatGpt, Profile::PublicApi] {
        assert_eq!(check(profile, &sound()), Ok(()));
    }
}

#[test]
fn store_must_be_false() {
    assert_eq!(
        detail(&with("store", json!(true))),
        "Store must be set to false"
    );
    assert_eq!(
        detail(&with("store", Value::Null)),
        "Store must be set to false"
    );
}

#[test]
fn stream_must_be_true() {
    assert_eq!(
        detail(&with("stream", json!(false))),
        "Stream must be set to true"
    );
}

#[test]
fn input_must_be_a_list() {
    assert_eq!(
        detail(&with("input", json!("Say hello."))),
        "Input must be a list"
    );
    assert_eq!(detail(&with("input", Value::Null)), "Input must be a list");
}

#[test]
fn system_messages_are_not_allowed() {
    let input = json!([{"type": "message", "role": "system", "content": []}]);
    assert_eq!(
        detail(&with("input", input)),
        "System messages are not allowed"
    );
}

#[test]
fn unsupported_parameters_are_named() {
    for name in UNSUPPORTED {
        assert_eq!(
            detail(&with(name, json!("x"))),
            format!("Unsupported parameter: {name}")
        );
        assert_eq!(
            check(Profile::ChatGpt, &with(name, Value::Null)),
            Ok(()),
            "{name}: null is as good as nothing"
        );
    }
}

#[test]
fn the_service_tier_is_priority_or_nothing_much_else() {
    assert_eq!(
        detail(&with("service_tier", json!("auto"))),
        "Unsupported service_tier: auto"
    );
    assert_eq!(
        check(Profile::ChatGpt, &with("service_tier", Value::Null)),
        Ok(())
    );
}

#[test]
fn the_public_api_minds_only_the_input() {
    let request = json!({"model": "m", "input": "Say hello.", "store": true, "stream": false, "temperature": 1, "service_tier": "auto"});
    assert_eq!(check(Profile::PublicApi, &request), Ok(()));
    let absent = rejected(Profile::PublicApi, &json!({"model": "m"}));
    assert_eq!(
        absent["error"]["message"],
        "Missing required parameter: 'input'."
    );
    assert_eq!(
        rejected(Profile::PublicApi, &json!({"input": 5}))["error"]["code"],
        "invalid_type"
    );
}

#[test]
fn a_call_without_output_is_named() {
    let (message, param, code) = error(
        json!([{"type": "function_call", "call_id": "call_7", "name": "f", "arguments": "{}"}]),
    );
    assert_eq!(
        (message.as_str(), param.as_str()),
        ("No tool output found for function call call_7.", "input")
    );
    assert_eq!(code, Value::Null);
}

#[test]
fn an_output_without_call_is_named() {
    let (message, ..) =
        error(json!([{"type": "function_call_output", "call_id": "call_7", "output": "x"}]));
    assert_eq!(
        message,
        "No tool call found for function call output with call_id call_7."
    );
}

#[test]
fn an_output_that_names_the_item_instead_of_the_call_does_not_count() {
    let (message, ..) = error(json!([
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "fc_1", "output": "x"},
    ]));
    assert_eq!(message, "No tool output found for function call call_1.");
}

#[test]
fn a_call_pairs_only_with_an_output_of_its_kind() {
    let (message, ..) = error(json!([
        {"type": "custom_tool_call", "call_id": "call_1", "name": "f", "input": ""},
        {"type": "function_call_output", "call_id": "call_1", "output": "x"},
    ]));
    assert_eq!(
        message,
        "No tool call found for function call output with call_id call_1."
    );
}

#[test]
fn calls_of_a_response_that_the_server_keeps_need_not_be_repeated() {
    let request = json!({"previous_response_id": "resp_1", "input": [{"type": "function_call_output", "call_id": "call_1", "output": "x"}]});
    assert_eq!(check(Profile::PublicApi, &request), Ok(()));
}

#[test]
fn a_call_id_and_an_output_are_required() {
    let (message, param, _) =
        error(json!([{"type": "function_call", "name": "f", "arguments": "{}"}]));
    assert_eq!(
        (message.as_str(), param.as_str()),
        (
            "Missing required parameter: 'input[0].call_id'.",
            "input[0].call_id"
        )
    );
    let (message, ..) = error(json!([{"type": "function_call_output", "call_id": "call_1"}]));
    assert_eq!(message, "Missing required parameter: 'input[0].output'.");
}

#[test]
fn an_id_begins_with_what_its_type_calls_for() {
    let (message, param, _) = error(json!([{"type": "reasoning", "id": "msg_1", "summary": []}]));
    assert_eq!(
        message,
        "Invalid 'input[0].id': 'msg_1'. Expected an ID that begins with 'rs'."
    );
    assert_eq!(param, "input[0].id");
}

#[test]
fn an_id_has_at_most_64_characters() {
    let (message, _, code) = error(
        json!([{"type": "message", "role": "user", "id": format!("msg_{}", "é".repeat(61)), "content": "x"}]),
    );
    assert!(
        message.ends_with("maximum length 64, but got a string with length 65 instead."),
        "{message}"
    );
    assert_eq!(code, "string_above_max_length");
}

#[test]
fn input_text_is_not_what_an_assistant_says() {
    let (message, param, _) = error(json!([
        {"role": "assistant", "content": [{"type": "output_text", "text": "a"}, {"type": "input_text", "text": "b"}]},
    ]));
    assert_eq!(
        message,
        "Invalid value: 'input_text'. Supported values are: 'output_text' and 'refusal'."
    );
    assert_eq!(param, "input[0].content[1]");
}

#[test]
fn output_text_is_not_what_a_user_says() {
    let (message, ..) =
        error(json!([{"role": "user", "content": [{"type": "output_text", "text": "a"}]}]));
    assert!(
        message.starts_with("Invalid value: 'output_text'."),
        "{message}"
    );
}

#[test]
fn reasoning_with_an_id_is_followed_by_what_the_model_did() {
    let reasoning = json!({"type": "reasoning", "id": "rs_1", "summary": []});
    for input in [
        json!([reasoning]),
        json!([reasoning, {"role": "user", "content": "x"}]),
    ] {
        let body = rejected(Profile::PublicApi, &json!({ "input": input }));
        assert_eq!(
            body["error"]["message"],
            "Item 'rs_1' of type 'reasoning' was provided without its required following item."
        );
    }
    let anonymous = json!({"input": [{"type": "reasoning", "summary": []}]});
    assert_eq!(check(Profile::PublicApi, &anonymous), Ok(()));
}
