//! What holds for every stream: chunking changes nothing, and neither does any order that the protocol allows.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::ops::ControlFlow;

use loginproof_client::responses::{Assembly, Content, Event, Item, Outcome, Response};
use loginproof_client::sse::{Decoder, End};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

type Decoded = (Vec<(String, String, String)>, End);

fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Decoded {
    let mut decoder = Decoder::default();
    let mut events = Vec::new();
    for chunk in chunks {
        let flow = decoder.feed(chunk, |event| {
            events.push((
                event.name.into_owned(),
                event.data.into_owned(),
                event.last_id.to_owned(),
            ));
            ControlFlow::Continue(())
        });
        assert!(flow.is_ok());
    }
    (events, decoder.finish())
}

/// Pieces that streams are made of, with every kind of line end and some that only look like one.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let fixed = prop::sample::select(vec![
        &b"data"[..],
        b"data:",
        b"data: ",
        b"event: x",
        b"id: 7",
        b"id: a\0b",
        b"retry: 10",
        b": comment",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"\xef\xbb\xbf",
        b"\xe4\xb8",
        b"\xad",
        b"\xff",
        b"\xe2\x80\xa8",
        b"{\"type\":\"keepalive\"}",
        b"\0",
    ]);
    prop_oneof![
        fixed.prop_map(<[u8]>::to_vec),
        vec(any::<u8>(), 0..4),
        "[a-z世🌍 :]{0,6}".prop_map(String::into_bytes)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_chunking_gives_the_same_events(pieces in vec(piece(), 0..40), cuts in vec(any::<prop::sample::Index>(), 0..12)) {
        let stream = pieces.concat();
        let whole = decode([stream.as_slice()]);
        prop_assert_eq!(&decode(stream.chunks(1)), &whole, "byte by byte");
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let chunks = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]);
        prop_assert_eq!(&decode(chunks), &whole, "cut at {:?}", cuts);
    }

    #[test]
    fn any_line_end_gives_the_same_events(lines in vec("(data|event|id|x)?:? ?[a-z]{0,4}", 0..20)) {
        let with = |end: &str| -> Vec<u8> { lines.iter().flat_map(|line| [line.as_str(), end]).collect::<String>().into_bytes() };
        let expected = decode([with("\n").as_slice()]);
        prop_assert_eq!(&decode([with("\r\n").as_slice()]), &expected);
        prop_assert_eq!(&decode([with("\r").as_slice()]), &expected);
    }
}

/// An item as it will be, and how its server tells of it.
#[derive(Clone, Debug)]
struct Told {
    item: Whole,
    /// Texts are cut into deltas at these places.
    cuts: Vec<prop::sample::Index>,
    /// Whether `added`, deltas, the text's `done` and the item's `done` are sent. At least one way tells all.
    added: bool,
    deltas: bool,
    text_done: bool,
    item_done: bool,
    /// The id changes from event to event, as on some servers.
    rotating: bool,
}

#[derive(Clone, Debug)]
enum Whole {
    Message(String),
    Refusal(String),
    Reasoning(String),
    Call(String),
    Custom(String),
}

impl Whole {
    fn json(&self, index: usize, id: &str, empty: bool) -> Value {
        let text = |text: &str| {
            if empty {
                String::new()
            } else {
                text.to_owned()
            }
        };
        let list = |part: Value| if empty { json!([]) } else { json!([part]) };
        match self {
            Self::Message(t) => {
                json!({ "id": id, "type": "message", "content": list(json!({ "type": "output_text", "text": t })) })
            }
            Self::Refusal(t) => {
                json!({ "id": id, "type": "message", "content": list(json!({ "type": "refusal", "refusal": t })) })
            }
            Self::Reasoning(t) => {
                json!({ "id": id, "type": "reasoning", "summary": list(json!({ "type": "summary_text", "text": t })) })
            }
            Self::Call(t) => {
                json!({ "id": id, "type": "function_call", "call_id": format!("call_{index}"), "name": "echo", "arguments": text(t) })
            }
            Self::Custom(t) => {
                json!({ "id": id, "type": "custom_tool_call", "call_id": format!("call_{index}"), "name": "patch", "input": text(t) })
            }
        }
    }

    /// The name of its text events, the member that holds a whole text, the index within the item, the text.
    fn text(&self) -> (&'static str, &'static str, Option<&'static str>, &str) {
        match self {
            Self::Message(t) => ("output_text", "text", Some("content_index"), t),
            Self::Refusal(t) => ("refusal", "refusal", Some("content_index"), t),
            Self::Reasoning(t) => ("reasoning_summary_text", "text", Some("summary_index"), t),
            Self::Call(t) => ("function_call_arguments", "arguments", None, t),
            Self::Custom(t) => ("custom_tool_call_input", "input", None, t),
        }
    }
}

impl Told {
    fn events(&self, index: usize) -> Vec<Value> {
        let mut count = 0;
        let mut id = || {
            count += usize::from(self.rotating);
            format!("item_{index}_{count}")
        };
        let (name, member, inner, text) = self.item.text();
        // A call's name and id stand in the item alone.
        let announced = self.added || matches!(self.item, Whole::Call(_) | Whole::Custom(_));
        let mut events = Vec::new();
        if announced {
            let item = self.item.json(index, &id(), true);
            events.push(json!({ "type": "response.output_item.added", "output_index": index, "item": item }));
        }
        let place = |id: String, suffix: &str| {
            let mut event = json!({ "type": format!("response.{name}.{suffix}"), "output_index": index, "item_id": id });
            if let Some(inner) = inner {
                event[inner] = 0.into();
            }
            event
        };
        if self.deltas || !(self.text_done || self.item_done) {
            let mut cuts: Vec<usize> = self
                .cuts
                .iter()
                .map(|cut| cut.index(text.len() + 1))
                .collect();
            cuts.retain(|cut| text.is_char_boundary(*cut));
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            for pair in cuts.windows(2) {
                let mut event = place(id(), "delta");
                event["delta"] = text[pair[0]..pair[1]].into();
                events.push(event);
            }
        }
        if self.text_done {
            let mut event = place(id(), "done");
            event[member] = text.into();
            events.push(event);
        }
        if self.item_done {
            let item = self.item.json(index, &id(), false);
            events.push(
                json!({ "type": "response.output_item.done", "output_index": index, "item": item }),
            );
        }
        events
    }
}

fn told() -> impl Strategy<Value = Told> {
    let text = "[a-zé世🌍\" \\\\]{1,12}";
    let item = prop_oneof![
        text.prop_map(Whole::Message),
        text.prop_map(Whole::Refusal),
        text.prop_map(Whole::Reasoning),
        text.prop_map(|t| Whole::Call(json!({ "text": t }).to_string())),
        text.prop_map(Whole::Custom),
    ];
    (
        item,
        vec(any::<prop::sample::Index>(), 0..5),
        any::<[bool; 5]>(),
    )
        .prop_map(
            |(item, cuts, [added, deltas, text_done, item_done, rotating])| Told {
                item,
                cuts,
                added,
                deltas,
                text_done,
                item_done,
                rotating,
            },
        )
}

/// Merges the items' events in an order that keeps each item's own.
fn interleave(items: &[Told], picks: &[prop::sample::Index]) -> Vec<Value> {
    let mut queues: Vec<std::collections::VecDeque<Value>> = items
        .iter()
        .enumerate()
        .map(|(index, told)| told.events(index).into())
        .collect();
    let mut events = Vec::new();
    let mut picks = picks.iter().cycle();
    loop {
        let open: Vec<usize> = (0..queues.len())
            .filter(|n| !queues[*n].is_empty())
            .collect();
        let (false, Some(pick)) = (open.is_empty(), picks.next()) else {
            return events;
        };
        events.extend(queues[open[pick.index(open.len())]].pop_front());
    }
}

fn assemble(events: &[Value]) -> Response {
    let mut assembly = Assembly::default();
    for event in events {
        assembly.push(Event::read("message", &event.to_string()).unwrap());
    }
    assembly.finish().unwrap()
}

fn matches(item: &Item, whole: &Whole) -> bool {
    match (item, whole) {
        (Item::Message { content, .. }, Whole::Message(t)) => {
            content == &[Content::Text(t.clone())]
        }
        (Item::Message { content, .. }, Whole::Refusal(t)) => {
            content == &[Content::Refusal(t.clone())]
        }
        (Item::Reasoning { summary, .. }, Whole::Reasoning(t)) => {
            summary == std::slice::from_ref(t)
        }
        (Item::Call(call), Whole::Call(t) | Whole::Custom(t)) => call.arguments == *t,
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_order_the_protocol_allows_gives_the_same_response(
        items in vec(told(), 0..5),
        picks in vec(any::<prop::sample::Index>(), 1..40),
        output in 0..3usize,
        keepalives in vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let mut events = interleave(&items, &picks);
        for place in keepalives {
            events.insert(place.index(events.len() + 1), json!({ "type": "keepalive", "sequence_number": 7 }));
        }
        let whole: Vec<Value> = items.iter().enumerate().map(|(n, told)| told.item.json(n, &format!("item_{n}_0"), false)).collect();
        let output = [json!([]), Value::Null, Value::from(whole)][output].clone();
        events.push(json!({ "type": "response.completed", "response": { "status": "completed", "output": output } }));
        let response = assemble(&events);
        prop_assert_eq!(&response.outcome, &Outcome::Completed);
        prop_assert_eq!(&response.facts, &vec![]);
        prop_assert_eq!(response.items.len(), items.len(), "{:?}", response.items);
        for (index, (item, told)) in response.items.iter().zip(&items).enumerate() {
            prop_assert!(matches(item, &told.item), "{:?} is not {:?}", item, told.item);
            if let Item::Call(call) = item {
                prop_assert_eq!(&call.call_id, &format!("call_{index}"));
            }
        }
    }
}
