use super::super::item::{CallKind, Item};
use super::*;
use crate::failure::Class;

fn assemble(events: &[&str]) -> Option<Response> {
    let mut assembly = Assembly::default();
    for data in events {
        match Event::read("message", data) {
            Ok(event) => assembly.push(event),
            Err(_) => assembly.push_unreadable(),
        }
    }
    assembly.finish()
}

fn completed(events: &[&str]) -> Response {
    let mut events = events.to_vec();
    events.push(r#"{"type":"response.completed","response":{"id":"resp_1","output":[]}}"#);
    assemble(&events).unwrap()
}

fn arguments(response: &Response) -> Vec<(&str, &str)> {
    response
        .calls()
        .map(|call| (call.call_id.as_str(), call.arguments.as_str()))
        .collect()
}

const ADDED_1: &str = r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"fc_1","type":"function_call","call_id":"call_1","name":"one","arguments":""}}"#;
const ADDED_2: &str = r#"{"type":"response.output_item.added","output_index":1,"item":{"id":"fc_2","type":"function_call","call_id":"call_2","name":"two","arguments":""}}"#;

fn arg(index: u64, id: &str, delta: &str) -> String {
    serde_json::json!({"type":"response.function_call_arguments.delta","output_index":index,"item_id":id,"delta":delta})
        .to_string()
}

#[test]
fn interleaved_calls_keep_their_own_arguments_and_stay_in_output_order() {
    let events = [
        ADDED_1,
        ADDED_2,
        &arg(0, "fc_1", "{\"a\":"),
        &arg(1, "fc_2", "{\"b\":2}"),
        &arg(0, "fc_1", "1}"),
        r#"{"type":"response.function_call_arguments.done","output_index":1,"item_id":"fc_2","arguments":"{\"b\":2}"}"#,
        r#"{"type":"response.function_call_arguments.done","output_index":0,"item_id":"fc_1","arguments":"{\"a\":1}"}"#,
    ];
    let expected = [("call_1", r#"{"a":1}"#), ("call_2", r#"{"b":2}"#)];
    assert_eq!(arguments(&completed(&events)), expected);
    // By item id alone, as some gateways leave the index out.
    let by_id: Vec<String> = events
        .iter()
        .map(|e| {
            e.replace("\"output_index\":0,", "")
                .replace("\"output_index\":1,", "")
        })
        .collect();
    let by_id: Vec<&str> = by_id.iter().map(String::as_str).collect();
    assert_eq!(arguments(&completed(&by_id)), expected);
    // With another id on every event, as some servers do.
    let rotating: Vec<String> = events
        .iter()
        .enumerate()
        .map(|(n, e)| e.replace("\"fc_", &format!("\"fc_{n}_")))
        .collect();
    let rotating: Vec<&str> = rotating.iter().map(String::as_str).collect();
    assert_eq!(arguments(&completed(&rotating)), expected);
}

#[test]
fn arguments_come_from_done_when_there_are_no_deltas_and_from_deltas_when_there_is_no_done() {
    let done = r#"{"type":"response.function_call_arguments.done","output_index":0,"item_id":"fc_1","arguments":"{\"a\":1}"}"#;
    let item = r#"{"type":"response.output_item.done","output_index":0,"item":{"id":"fc_1","type":"function_call","call_id":"call_1","name":"one","arguments":"{\"a\":1}"}}"#;
    let delta = arg(0, "fc_1", "{\"a\":1}");
    for events in [
        vec![ADDED_1, done],
        vec![ADDED_1, item],
        vec![item],
        vec![ADDED_1, &delta],
        vec![ADDED_1, done, item],
        vec![ADDED_1, &delta, done, item],
    ] {
        assert_eq!(
            arguments(&completed(&events)),
            [("call_1", r#"{"a":1}"#)],
            "{events:?}"
        );
    }
}

#[test]
fn a_call_is_settled_by_the_terminal_event_only() {
    let delta = arg(0, "fc_1", "{\"city\":\"SF\"}");
    assert!(assemble(&[ADDED_1, &delta]).is_none());
}

#[test]
fn custom_tool_input_is_put_together_like_arguments() {
    let response = completed(&[
        r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"ct_1","type":"custom_tool_call","call_id":"call_9","name":"apply_patch","input":""}}"#,
        r#"{"type":"response.custom_tool_call_input.delta","output_index":0,"item_id":"ct_1","delta":"*** Be"}"#,
        r#"{"type":"response.custom_tool_call_input.delta","output_index":0,"item_id":"ct_1","delta":"gin"}"#,
    ]);
    let call = response.calls().next().unwrap();
    assert_eq!(
        (call.kind, call.arguments.as_str()),
        (CallKind::Custom, "*** Begin")
    );
}

#[test]
fn text_is_found_wherever_it_stands() {
    let delta = r#"{"type":"response.output_text.delta","output_index":0,"item_id":"msg_1","content_index":0,"delta":"Hi!"}"#;
    let done = r#"{"type":"response.output_text.done","output_index":0,"item_id":"msg_1","content_index":0,"text":"Hi!"}"#;
    let part = r#"{"type":"response.content_part.done","output_index":0,"item_id":"msg_1","content_index":0,"part":{"type":"output_text","text":"Hi!"}}"#;
    let item = r#"{"type":"response.output_item.done","output_index":0,"item":{"id":"msg_1","type":"message","content":[{"type":"output_text","text":"Hi!"}]}}"#;
    for events in [
        vec![delta],
        vec![done],
        vec![part],
        vec![item],
        vec![delta, done, part, item],
    ] {
        assert_eq!(completed(&events).text(), "Hi!", "{events:?}");
    }
    let terminal = r#"{"type":"response.completed","response":{"output":[{"id":"msg_1","type":"message","content":[{"type":"output_text","text":"Hi!"}]}]}}"#;
    assert_eq!(assemble(&[terminal]).unwrap().text(), "Hi!");
    assert_eq!(assemble(&[delta, item, terminal]).unwrap().text(), "Hi!");
    for response in [
        r#"{"output":null}"#,
        "{}",
        "null",
        r#"{"output":[],"usage":null}"#,
    ] {
        let terminal = format!(r#"{{"type":"response.completed","response":{response}}}"#);
        assert_eq!(
            assemble(&[delta, item, &terminal]).unwrap().text(),
            "Hi!",
            "{response}"
        );
    }
}

#[test]
fn what_is_declared_whole_outranks_the_deltas_and_the_difference_is_told() {
    let response = completed(&[
        r#"{"type":"response.output_text.delta","output_index":0,"delta":"Helo"}"#,
        r#"{"type":"response.output_text.done","output_index":0,"text":"Hello"}"#,
    ]);
    assert_eq!(response.text(), "Hello");
    assert!(matches!(
        response.facts[..],
        [Fact::TextDiffers {
            output_index: Some(0),
            ..
        }]
    ));
}

#[test]
fn an_empty_declaration_takes_no_text_away_and_an_empty_answer_is_one() {
    let delta = r#"{"type":"response.output_text.delta","output_index":0,"delta":"Hi"}"#;
    let empty = r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","phase":"final_answer","content":[{"type":"output_text","text":""}]}}"#;
    assert_eq!(completed(&[delta, empty]).text(), "Hi");
    let response = completed(&[empty]);
    assert_eq!(
        (response.text().as_str(), response.outcome.clone()),
        ("", Outcome::Completed)
    );
}

#[test]
fn items_nobody_announced_or_of_unknown_type_do_no_harm() {
    let response = completed(&[
        r#"{"type":"keepalive","sequence_number":0}"#,
        r#"{"type":"response.created","response":{"id":"resp_1","output":[]}}"#,
        r#"{"type":"response.output_item.added","output_index":0,"item":null}"#,
        r#"{"type":"response.output_text.delta","output_index":2,"content_index":0,"delta":"late"}"#,
        r#"{"type":"response.output_item.done","output_index":1,"item":{"type":"future_call","id":"8f14e45f"}}"#,
        r#"{"type":"response.output_item.added","output_index":2,"item":{"type":"message","id":"m"}}"#,
        "not json",
    ]);
    assert_eq!(response.text(), "late");
    assert!(matches!(
        response.items[..],
        [Item::Other(_), Item::Message { .. }]
    ));
    assert_eq!(response.facts, [Fact::NotJson]);
}

#[test]
fn reasoning_summaries_come_from_deltas_or_from_the_item() {
    let item = r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","summary":[{"type":"summary_text","text":"thought"}],"encrypted_content":"sealed"}}"#;
    let delta = r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":0,"delta":"thought"}"#;
    for events in [vec![item], vec![delta, item], vec![delta]] {
        let response = completed(&events);
        let Some(Item::Reasoning { summary, .. }) = response.items.first() else {
            panic!("{events:?}")
        };
        assert_eq!(summary, &["thought"], "{events:?}");
        assert_eq!(response.text(), "", "reasoning is no answer");
    }
}

#[test]
fn a_refusal_is_the_answer_and_known_as_one() {
    let response = completed(&[
        r#"{"type":"response.refusal.delta","output_index":0,"content_index":0,"delta":"I will not."}"#,
    ]);
    assert!(response.is_refusal());
    assert_eq!(response.text(), "I will not.");
}

#[test]
fn commentary_is_not_the_answer() {
    let message = |index: u64, phase: &str, text: &str| {
        serde_json::json!({"type":"response.output_item.done","output_index":index,
            "item":{"type":"message","phase":phase,"content":[{"type":"output_text","text":text}]}})
        .to_string()
    };
    let response = completed(&[
        &message(0, "commentary", "Looking."),
        &message(1, "final_answer", "Found."),
    ]);
    assert_eq!(response.text(), "Found.");
}

#[test]
fn every_ending_has_its_outcome() {
    let end = |kind: &str, response: &str| {
        assemble(&[&format!(
            r#"{{"type":"response.{kind}","response":{response}}}"#
        )])
        .unwrap()
        .outcome
    };
    assert_eq!(
        end("completed", r#"{"status":"completed"}"#),
        Outcome::Completed
    );
    assert_eq!(end("done", "{}"), Outcome::Completed);
    assert_eq!(
        end(
            "incomplete",
            r#"{"incomplete_details":{"reason":"max_output_tokens"}}"#
        ),
        Outcome::Incomplete(IncompleteReason::MaxOutputTokens)
    );
    assert_eq!(
        end(
            "incomplete",
            r#"{"incomplete_details":{"reason":"steered"}}"#
        ),
        Outcome::Incomplete(IncompleteReason::Other("steered".into()))
    );
    assert_eq!(
        end("incomplete", "{}"),
        Outcome::Incomplete(IncompleteReason::Unstated)
    );
    assert_eq!(end("cancelled", "{}"), Outcome::Cancelled);
    assert_eq!(
        end("completed", r#"{"status":"cancelled"}"#),
        Outcome::Cancelled
    );
    for (kind, response) in [
        (
            "failed",
            r#"{"status":"failed","error":{"code":"server_error","message":"m"}}"#,
        ),
        (
            "completed",
            r#"{"status":"failed","error":{"code":"server_error","message":"m"}}"#,
        ),
    ] {
        assert!(
            matches!(end(kind, response), Outcome::Failed(failure) if failure.class == Class::Server)
        );
    }
    assert!(matches!(end("failed", "null"), Outcome::Failed(_)));
}

#[test]
fn an_error_event_ends_the_response() {
    let nested = r#"{"type":"error","error":{"type":"server_error","code":null,"message":"Sorry.","param":null},"sequence_number":2}"#;
    let flat = r#"{"sequence_number":0,"type":"error","code":null,"message":"Invalid arguments.","param":null}"#;
    for (event, class, words) in [
        (nested, Class::Server, "Sorry."),
        (flat, Class::Unclassified, "Invalid arguments."),
    ] {
        let Some(Outcome::Failed(failure)) = assemble(&[event]).map(|r| r.outcome) else {
            panic!("{event}")
        };
        assert_eq!(failure.class, class);
        assert!(failure.to_string().contains(words), "{failure}");
    }
}

#[test]
fn usage_is_read_as_far_as_it_is_there() {
    let usage = |json: &str| {
        assemble(&[&format!(
            r#"{{"type":"response.completed","response":{{"usage":{json}}}}}"#
        )])
        .unwrap()
        .usage
    };
    for odd in ["null", "{}", r#""many""#, "[]", r#"{"input_tokens":null}"#] {
        assert_eq!(usage(odd), Usage::default(), "{odd}");
    }
    let read = usage(
        r#"{"input_tokens":3.0,"output_tokens":"4","output_tokens_details":{},"input_tokens_details":{"cached_tokens":1}}"#,
    );
    assert_eq!(
        read,
        Usage {
            input: Some(3),
            output: Some(4),
            cached: Some(1),
            reasoning: None
        }
    );
}
