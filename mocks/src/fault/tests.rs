//! What the tests of all faults share, and tests of the order in which faults act.

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::json;

use super::*;
use crate::message::Answer;
use crate::plan::{Plan, Step};

/// An answer whose body is an event stream.
pub(super) fn stream(body: &str) -> Draft {
    answer("text/event-stream", body)
}

/// Five events of types `a` to `e`.
pub(super) fn five() -> Draft {
    let event = |kind| format!("event: {kind}\ndata: {{\"type\":\"{kind}\"}}\n\n");
    stream(&["a", "b", "c", "d", "e"].map(event).concat())
}

/// An answer of another type.
pub(super) fn answer(content_type: &str, body: &str) -> Draft {
    let headers = vec![("content-type".to_owned(), content_type.to_owned())];
    Draft::new(
        Answer::new(200, headers, body.to_owned()),
        StdRng::seed_from_u64(7),
    )
}

/// A fault as a scenario writes it.
pub(super) fn fault(json: serde_json::Value) -> Fault {
    serde_json::from_value(json).unwrap()
}

/// Lets one fault act; it must find something.
pub(super) fn act(json: serde_json::Value, draft: &mut Draft) {
    let fault = fault(json);
    assert_eq!(fault.problem(), None);
    assert_eq!(apply(&[fault], draft), Vec::<String>::new());
}

/// Why a fault finds nothing to act on.
pub(super) fn missed(json: serde_json::Value, draft: &mut Draft) -> String {
    apply(&[fault(json)], draft).remove(0)
}

pub(super) fn body(draft: &Draft) -> String {
    String::from_utf8(draft.body()).unwrap()
}

/// Types of the events, in order, `-` for what is no event.
pub(super) fn types(draft: &Draft) -> String {
    let names = draft
        .segments
        .iter()
        .map(|segment| segment.event.as_deref().unwrap_or("-"));
    names.collect::<Vec<_>>().join(" ")
}

/// The chunks of a plan as text.
pub(super) fn chunks(plan: &Plan) -> Vec<String> {
    let data = plan.steps.iter().filter_map(|step| match step {
        Step::Data(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    });
    data.collect()
}

#[test]
fn faults_act_in_the_order_of_their_stages() {
    let mut draft = five();
    let faults: Vec<Fault> = [
        json!({ "close": { "at": { "event": 1 }, "how": "fin" } }),
        json!("bom"),
        json!({ "drop": { "type": "a" } }),
    ]
    .map(fault)
    .into();
    assert!(apply(&faults, &mut draft).is_empty());
    let plan = draft.plan();
    // The event with index 1 is `c` once `a` is dropped, and the mark comes before what is left.
    assert_eq!(
        chunks(&plan),
        ["\u{feff}event: b\ndata: {\"type\":\"b\"}\n\n"]
    );
}

#[test]
fn a_fault_without_anything_to_act_on_says_so() {
    let mut draft = five();
    let faults = [json!("bom"), json!({ "drop": { "type": "z" } })].map(fault);
    assert_eq!(
        apply(&faults, &mut draft),
        ["faults[1]: the answer has no event `z`"]
    );
}

#[test]
fn unknown_keys_are_refused() {
    for json in [
        json!({ "stall": { "at": "end", "for": "2s", "x": 1 } }),
        json!({ "drop": { "kind": "a" } }),
        json!({ "chunk": { "bytes": 1 } }),
        json!({ "chunk": { "random": { "max": 1, "min": 1 } } }),
        json!({ "close": { "at": { "line": 1 }, "how": "fin" } }),
        json!("boom"),
    ] {
        assert!(
            serde_json::from_value::<Fault>(json.clone()).is_err(),
            "{json}"
        );
    }
}

#[test]
fn hexadecimal_is_read_in_pairs() {
    assert_eq!(hex("ff fe").unwrap(), [0xff, 0xfe]);
    assert_eq!(hex("FFfe").unwrap(), [0xff, 0xfe]);
    assert!(hex("f").is_err() && hex("fg").is_err() && hex("ff f").is_err());
}
