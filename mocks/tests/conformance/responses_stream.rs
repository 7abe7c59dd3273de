//! The streams: framing after WHATWG HTML §9.2, events after the published list (`events.json`), order after the rules of
//! the Open Responses specification. Read by a parser of others.

use std::collections::BTreeMap;
use std::path::Path;

use eventsource_stream::{Event, Eventsource};
use futures_util::{StreamExt, stream};
use loginproof_mocks::Fixtures;
use serde_json::{Value, json};

use super::outside::{JSON, Outside, Reply};

const TURN: &str =
    r#"{"model":"gpt-5.5","stream":true,"store":false,"input":[{"role":"user","content":"hi"}]}"#;

async fn turn(outside: &Outside, path: &str) -> Reply {
    let access = super::chatgpt::pair(outside).await.word("access_token");
    let bearer = format!("Bearer {access}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", JSON),
        ("accept", "text/event-stream"),
    ];
    outside.send("POST", path, &headers, TURN).await
}

async fn events(text: &str) -> Vec<Event> {
    let bytes = stream::iter([Ok::<_, std::convert::Infallible>(
        text.to_owned().into_bytes(),
    )]);
    bytes
        .eventsource()
        .map(|event| event.unwrap())
        .collect()
        .await
}

/// WHATWG HTML §9.2.1, §9.2.5: `text/event-stream` in UTF-8, every event ended by an empty line, no byte order mark.
#[tokio::test]
async fn a_turn_is_an_event_stream() {
    let outside = Outside::new().await;
    for path in ["/backend-api/codex/responses", "/v1/responses"] {
        let reply = turn(&outside, path).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let mut kind = reply.header("content-type").split(';').map(str::trim);
        assert_eq!(kind.next(), Some("text/event-stream"));
        assert!(kind.all(|parameter| parameter.eq_ignore_ascii_case("charset=utf-8")));
        assert!(
            reply.header("cache-control").contains("no-cache"),
            "{reply:?}"
        );
        assert!(reply.text.ends_with("\n\n") && !reply.text.starts_with('\u{feff}'));
        assert!(
            !reply.text.contains("{{"),
            "a placeholder is left: {}",
            reply.text
        );
        obeys("the default stream", &events(&reply.text).await);
    }
}

/// Every turn has a response id of its own.
#[tokio::test]
async fn response_ids_differ() {
    let outside = Outside::new().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let reply = turn(&outside, "/v1/responses").await;
        let first: Value = serde_json::from_str(&events(&reply.text).await[0].data).unwrap();
        ids.push(first["response"]["id"].as_str().unwrap().to_owned());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|id| id.starts_with("resp_")), "{ids:?}");
}

/// Every recorded stream that declares no violation keeps the rules, as it comes over the wire.
#[tokio::test]
async fn every_fixture_that_declares_nothing_keeps_the_rules() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder.join("responses")).unwrap() {
        let path = entry.unwrap().path();
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        let head = text.split("\n\n").next().unwrap_or_default();
        let stream = head.contains("HTTP/1.1 200") && head.contains("text/event-stream");
        // A line that ends with CR alone is past this reader; scenarios of framing judge clients by it.
        if stream && !text.contains('\r') && !head.lines().any(|line| line.starts_with("# breaks:"))
        {
            let name = path.file_stem().unwrap().to_str().unwrap();
            names.push(format!("responses/{name}"));
        }
    }
    names.sort();
    assert!(names.len() > 30, "{names:?}");
    let rules: Vec<Value> = names
        .iter()
        .map(|name| json!({"answer": name, "times": 1}))
        .collect();
    let fixtures = Fixtures::from_dir(&folder).unwrap();
    let outside = Outside::start(json!({ "responses": rules }), fixtures).await;
    for name in &names {
        let reply = turn(&outside, "/backend-api/codex/responses").await;
        assert_eq!(reply.status, 200, "{name}: {reply:?}");
        obeys(name, &events(&reply.text).await);
    }
}

/// The rules, in the order in which a stream tells them.
fn obeys(name: &str, events: &[Event]) {
    let published: Vec<Value> =
        serde_json::from_str(include_str!("../../src/events.json")).unwrap();
    let parsed: Vec<Value> = events
        .iter()
        .filter(|event| event.data != "[DONE]")
        .map(|event| {
            serde_json::from_str(&event.data)
                .unwrap_or_else(|error| panic!("{name}: {error}: {event:?}"))
        })
        .collect();
    for (event, body) in events.iter().zip(&parsed) {
        let kind = body["type"]
            .as_str()
            .unwrap_or_else(|| panic!("{name}: no type: {body}"));
        assert!(
            event.event == kind || event.event == "message",
            "{name}: {} is {kind}",
            event.event
        );
        if let Some(known) = published.iter().find(|known| known["type"] == kind) {
            for required in known["required"].as_array().unwrap() {
                let required = required.as_str().unwrap();
                assert!(
                    body.get(required).is_some(),
                    "{name}: {kind} has no {required}"
                );
            }
        }
    }
    let kinds: Vec<&str> = parsed
        .iter()
        .map(|body| body["type"].as_str().unwrap())
        .collect();
    // The last one is beyond the list, and seen.
    let terminal = [
        "response.completed",
        "response.incomplete",
        "response.failed",
        "response.cancelled",
    ];
    // An error may end a stream before there is a response.
    let announced = kinds
        .iter()
        .filter(|kind| kind.starts_with("response."))
        .copied()
        .next();
    assert!(
        announced.is_none_or(|kind| kind == "response.created"),
        "{name}: {announced:?} is first"
    );
    let ends = kinds.iter().filter(|kind| terminal.contains(kind)).count();
    assert!(
        ends == 1 || (ends == 0 && kinds.contains(&"error")),
        "{name}: {ends} ends"
    );
    let last = kinds
        .iter()
        .rfind(|kind| kind.starts_with("response.") || **kind == "error");
    assert!(
        last.is_some_and(|kind| terminal.contains(kind) || *kind == "error"),
        "{name}: {last:?} is last"
    );
    let numbers: Vec<u64> = parsed
        .iter()
        .filter_map(|body| body["sequence_number"].as_u64())
        .collect();
    assert!(
        numbers.iter().copied().eq(0..numbers.len() as u64),
        "{name}: {numbers:?}"
    );
    items(name, &parsed);
}

/// Items open and close once, their deltas add up, and nothing is said of one after its end.
fn items(name: &str, events: &[Value]) {
    let mut open: BTreeMap<u64, bool> = BTreeMap::new();
    let mut said: BTreeMap<(u64, String, u64), String> = BTreeMap::new();
    for body in events {
        let kind = body["type"].as_str().unwrap();
        let Some(index) = body["output_index"].as_u64() else {
            continue;
        };
        match kind {
            "response.output_item.added" => {
                assert_eq!(index, open.len() as u64, "{name}: output_index is dense");
                open.insert(index, true);
            }
            "response.output_item.done" => {
                assert_eq!(
                    open.insert(index, false),
                    Some(true),
                    "{name}: item {index} ends"
                );
            }
            _ => assert_eq!(
                open.get(&index),
                Some(&true),
                "{name}: {kind} of item {index}"
            ),
        }
        let part = body["content_index"]
            .as_u64()
            .or(body["summary_index"].as_u64())
            .unwrap_or(0);
        if let Some(of) = kind.strip_suffix(".delta") {
            let delta = body["delta"].as_str().unwrap_or_default();
            said.entry((index, of.to_owned(), part))
                .or_default()
                .push_str(delta);
        } else if let Some(of) = kind.strip_suffix(".done") {
            let whole = ["text", "arguments", "refusal", "input"]
                .iter()
                .find_map(|key| body[*key].as_str());
            if let (Some(whole), Some(said)) = (whole, said.get(&(index, of.to_owned(), part))) {
                assert_eq!(said, whole, "{name}: {kind}");
            }
        }
    }
}
