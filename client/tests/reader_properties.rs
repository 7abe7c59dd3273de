//! The fast way of reading a stream and the general one see the same, whatever the stream.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::ops::ControlFlow;

use loginproof_client::responses::{Assembly, Channel, Event, Fact, Reader, Response, Seen};
use loginproof_client::sse::{Decoder, End, Error};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

/// Everything that a user of the reader can see.
#[derive(Debug, PartialEq)]
struct Observed {
    deltas: Vec<(Option<u64>, Channel, String)>,
    /// After each event: how many there were, and how many oddities.
    steps: Vec<(u64, usize)>,
    partial: String,
    facts: Vec<Fact>,
    error: Option<Error>,
    end: Option<End>,
    response: Option<Response>,
}

const LIMIT: usize = 4096;

/// The general way: every event as text, parsed by serde_json, pushed as a value.
fn generally(stream: &[u8]) -> Observed {
    let mut decoder = Decoder::with_limit(LIMIT);
    let mut assembly = Assembly::default();
    let (mut deltas, mut steps) = (Vec::new(), Vec::new());
    let flow = decoder.feed(stream, |event| {
        if event.data.trim() != "[DONE]" {
            match Event::read(&event.name, &event.data) {
                Ok(event) => {
                    if let Event::Delta {
                        place,
                        channel,
                        text,
                    } = &event
                        && !text.is_empty()
                    {
                        deltas.push((place.output_index, *channel, text.clone()));
                    }
                    assembly.push(event);
                }
                Err(_) => assembly.push_unreadable(),
            }
        }
        steps.push((assembly.events(), assembly.facts().len()));
        if assembly.is_ended() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    observe(deltas, steps, flow, decoder.end(), assembly)
}

/// The fast way, in chunks.
fn fast<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Observed {
    let mut reader = Reader::new(LIMIT, Default::default());
    let (mut deltas, mut frames) = (Vec::new(), 0);
    let mut flow = Ok(ControlFlow::Continue(()));
    for chunk in chunks {
        flow = reader.feed_each(chunk, |seen| {
            frames += 1;
            if let Seen::Delta(delta) = seen {
                deltas.push((delta.output_index, delta.channel, delta.text().into_owned()));
            }
            ControlFlow::Continue(())
        });
        if flow != Ok(ControlFlow::Continue(())) {
            break;
        }
    }
    let (end, assembly) = (reader.end(), reader.assembly().clone());
    let steps = vec![(assembly.events(), assembly.facts().len()); frames.min(1)];
    observe(deltas, steps, flow, end, assembly)
}

fn observe(
    deltas: Vec<(Option<u64>, Channel, String)>,
    steps: Vec<(u64, usize)>,
    flow: Result<ControlFlow<()>, Error>,
    end: End,
    assembly: Assembly,
) -> Observed {
    Observed {
        deltas,
        steps: steps.last().copied().into_iter().collect(),
        partial: assembly.partial_text(),
        facts: assembly.facts().to_vec(),
        // After a break or an error nobody reads on.
        end: (flow == Ok(ControlFlow::Continue(()))).then_some(end),
        error: flow.err(),
        response: assembly.finish(),
    }
}

/// How a server writes its JSON.
#[derive(Clone, Copy, Debug)]
enum Hand {
    Compact,
    Spaced,
    /// Only ASCII: anything else is escaped.
    Ascii,
}

impl Hand {
    fn write(self, json: &Value) -> String {
        let compact = json.to_string();
        match self {
            Self::Compact => compact,
            Self::Spaced => compact.replace("\",\"", "\", \"").replace("\":", "\": "),
            Self::Ascii => {
                let mut out = String::new();
                let mut units = [0; 2];
                for c in compact.chars() {
                    if c.is_ascii() {
                        out.push(c);
                    } else {
                        for unit in c.encode_utf16(&mut units) {
                            out.push_str(&format!("\\u{unit:04x}"));
                        }
                    }
                }
                out
            }
        }
    }
}

/// An item, its texts cut into deltas.
#[derive(Clone, Debug)]
struct Item {
    kind: usize,
    texts: Vec<Vec<String>>,
    id: String,
}

/// The events of an item that is streamed as the service does it.
fn events(item: &Item, index: usize) -> Vec<Value> {
    let id = &item.id;
    let mut out = Vec::new();
    let (kind, text_event, member, inner) = [
        ("message", "output_text", "text", Some("content_index")),
        ("message", "refusal", "refusal", Some("content_index")),
        (
            "reasoning",
            "reasoning_summary_text",
            "text",
            Some("summary_index"),
        ),
        ("reasoning", "reasoning_text", "text", Some("content_index")),
        (
            "function_call",
            "function_call_arguments",
            "arguments",
            None,
        ),
        ("custom_tool_call", "custom_tool_call_input", "input", None),
    ][item.kind];
    let part = |text: &str| {
        let kind = match item.kind {
            2 => "summary_text",
            _ => text_event,
        };
        let mut part = json!({ "type": kind, "annotations": [], "logprobs": [{ "x": [1, -2.5] }] });
        part[member] = text.into();
        part
    };
    let whole = |status: &str, empty: bool| {
        let texts: Vec<String> = item.texts.iter().map(|pieces| pieces.concat()).collect();
        let mut whole = json!({ "id": id, "type": kind, "status": status });
        let parts: Vec<Value> = if empty {
            Vec::new()
        } else {
            texts.iter().map(|text| part(text)).collect()
        };
        match item.kind {
            0 | 1 => {
                whole["content"] = parts.into();
                whole["role"] = "assistant".into();
                whole["phase"] = "final_answer".into();
            }
            2 => {
                whole["encrypted_content"] = "sealed".into();
                whole["summary"] = parts.into();
            }
            3 => {
                whole["summary"] = json!([]);
                whole["content"] = parts.into();
            }
            _ => {
                whole["call_id"] = format!("call_{index}").into();
                whole["name"] = "echo".into();
                whole[member] = if empty {
                    "".into()
                } else {
                    texts[0].as_str().into()
                };
            }
        }
        whole
    };
    out.push(json!({ "type": "response.output_item.added", "output_index": index, "item": whole("in_progress", true) }));
    for (at, pieces) in item.texts.iter().enumerate() {
        let event = |name: &str| {
            let mut event = json!({ "type": format!("response.{name}"), "sequence_number": 7 * index + at, "item_id": id, "output_index": index });
            if let Some(inner) = inner {
                event[inner] = at.into();
            }
            event
        };
        let parts = match item.kind {
            2 => "reasoning_summary_part",
            _ => "content_part",
        };
        if item.kind < 4 {
            let mut added = event(&format!("{parts}.added"));
            added["part"] = part("");
            out.push(added);
        }
        for (number, piece) in pieces.iter().enumerate() {
            let mut delta = event(&format!("{text_event}.delta"));
            delta["sequence_number"] = (10 * number).into();
            delta["delta"] = piece.as_str().into();
            delta["obfuscation"] = "abcdefgh"[..8 - number % 8].into();
            out.push(delta);
        }
        let text = pieces.concat();
        let mut done = event(&format!("{text_event}.done"));
        done[member] = text.as_str().into();
        out.push(done);
        if item.kind < 4 {
            let mut done = event(&format!("{parts}.done"));
            done["part"] = part(&text);
            out.push(done);
        }
    }
    out.push(json!({ "type": "response.output_item.done", "output_index": index, "item": whole("completed", false) }));
    out
}

fn item() -> impl Strategy<Value = Item> {
    let piece = prop_oneof![
        "[a-z ]{0,20}",
        "[a-zé世🌍\" \\\\\n\t\u{1}/]{0,9}",
        Just(String::new()),
    ];
    (
        0..6usize,
        vec(vec(piece, 0..6), 1..3),
        "[a-z]{2}_[0-9a-f]{0,12}",
    )
        .prop_map(|(kind, mut texts, id)| {
            if kind >= 4 {
                texts.truncate(1);
            }
            Item { kind, texts, id }
        })
}

/// What goes wrong with a stream.
#[derive(Clone, Debug)]
enum Mutation {
    Flip(Index, u8),
    Insert(Index, &'static [u8]),
    Delete(Index, usize),
    Swap(Index, Index),
    Repeat(Index, Index),
    Drop(Index),
    /// Bytes of one event take the place of the same bytes of another kind.
    Replace(Index, &'static str, &'static str),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let tokens = select(vec![
        &b"\\ud800"[..],
        b"\\u00e9",
        b"\\\"",
        b"\\",
        b"\"",
        b"\xff",
        b"\xe4\xb8",
        b"\xf0\x9f\x8c\x8d",
        b"\0",
        b"\x1f",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b" ",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"\ndata: ",
        b"\ndata",
        b"0",
        b"1e999",
        b"null",
        b"data: [DONE]\n\n",
        b"event: error\ndata: {\"type\":\"error\",\"message\":\"m\"}\n\n",
        b": ping\n\n",
        b"id: 4\n",
        b"data: {\"type\":\"response.output_text.delta\",\"delta\":\"x\"}\n\n",
        b"\"type\":\"x\",",
        b"\"delta\":\"y\",",
        b"\"text\":null,",
    ]);
    let replaced = select(vec![
        ("\"output_index\":0", "\"output_index\":1"),
        ("\"output_index\":1", "\"output_index\":\"1\""),
        ("\"output_index\":0,", ""),
        ("\"content_index\":0", "\"content_index\":1"),
        ("output_text", "refusal"),
        (".delta", ".done"),
        ("completed", "incomplete"),
        ("\"item_id\":\"", "\"item_id\":\"x"),
        ("\"id\":\"", "\"id\":\"x"),
        ("\"id\"", "\"\\u0069d\""),
        ("\"type\":\"message\"", "\"type\":\"reasoning\""),
        ("\"type\":\"function_call\"", "\"type\":\"web_search_call\""),
        ("\"text\":\"", "\"text\":\"z"),
        ("\"arguments\":\"", "\"arguments\":\"z"),
        ("\"name\":\"echo\"", "\"name\":null"),
        ("event: ", "event:"),
        ("data: ", "data:"),
        ("data: ", "data:  "),
        ("\n\n", "\r\n\r\n"),
        ("\"sequence_number\":", "\"sequence_number\":0"),
        ("\"sequence_number\":", "\"sequence_number\":-"),
        ("\"logprobs\":[", "\"logprobs\":[1e5,"),
        ("\"delta\":\"", "\"delta\":\"\\u0061"),
        ("\"summary\":[", "\"summary\":null,\"x\":["),
        ("\"obfuscation\":\"", "\"obfuscation\":\"é"),
        ("\"phase\":\"final_answer\"", "\"phase\":\"commentary\""),
    ]);
    let at = any::<Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Mutation::Flip(at, byte)),
        (at(), tokens).prop_map(|(at, token)| Mutation::Insert(at, token)),
        (at(), 1..4usize).prop_map(|(at, length)| Mutation::Delete(at, length)),
        (at(), at()).prop_map(|(a, b)| Mutation::Swap(a, b)),
        (at(), at()).prop_map(|(a, b)| Mutation::Repeat(a, b)),
        at().prop_map(Mutation::Drop),
        (at(), replaced.clone()).prop_map(|(at, (old, new))| Mutation::Replace(at, old, new)),
        (at(), replaced).prop_map(|(at, (old, new))| Mutation::Replace(at, old, new)),
    ]
}

fn write(
    items: &[Item],
    picks: &[Index],
    hand: Hand,
    output: usize,
    mutations: &[Mutation],
) -> Vec<u8> {
    let mut queues: Vec<std::collections::VecDeque<Value>> = items
        .iter()
        .enumerate()
        .map(|(index, item)| events(item, index).into())
        .collect();
    let whole: Vec<Value> = queues
        .iter()
        .map(|queue| queue.back().unwrap()["item"].clone())
        .collect();
    let mut all = vec![json!({ "type": "response.created", "response": { "id": "resp_1" } })];
    let mut picks = picks.iter().cycle();
    while queues.iter().any(|queue| !queue.is_empty()) {
        let pick = picks.next().unwrap().index(queues.len());
        let open = (0..queues.len()).map(|n| (n + pick) % queues.len());
        let next = open.into_iter().find(|n| !queues[*n].is_empty()).unwrap();
        all.extend(queues[next].pop_front());
    }
    let output = [json!([]), Value::Null, Value::from(whole)][output].clone();
    all.push(json!({ "type": "response.completed", "response": { "id": "resp_1", "object": "response", "status": "completed",
        "error": null, "output": output, "tools": [{ "type": "function", "strict": true }], "usage": { "input_tokens": 3, "output_tokens": 4 } } }));
    let mut events: Vec<Vec<u8>> = all
        .iter()
        .map(|event| {
            let name = event["type"].as_str().unwrap();
            format!("event: {name}\ndata: {}\n\n", hand.write(event)).into_bytes()
        })
        .collect();
    for mutation in mutations {
        if events.is_empty() {
            break;
        }
        let count = events.len();
        match mutation {
            Mutation::Swap(a, b) => events.swap(a.index(count), b.index(count)),
            Mutation::Repeat(a, b) => events.insert(b.index(count), events[a.index(count)].clone()),
            Mutation::Drop(at) => drop(events.remove(at.index(count))),
            Mutation::Replace(at, old, new) => {
                // From the chosen event on, the first that has it.
                let from = at.index(count);
                let found = (from..count).chain(0..from).find_map(|n| {
                    let text = String::from_utf8(events[n].clone()).ok()?;
                    text.contains(old).then(|| (n, text.replace(old, new)))
                });
                if let Some((n, text)) = found {
                    events[n] = text.into_bytes();
                }
            }
            Mutation::Flip(at, byte) => {
                let event = &mut events[at.index(count)];
                let at = at.index(event.len());
                event[at] ^= byte;
            }
            Mutation::Insert(at, token) => {
                let event = &mut events[at.index(count)];
                let at = at.index(event.len());
                event.splice(at..at, token.iter().copied());
            }
            Mutation::Delete(at, length) => {
                let event = &mut events[at.index(count)];
                let at = at.index(event.len());
                let to = (at + length).min(event.len());
                event.drain(at..to);
                if event.is_empty() {
                    event.push(b'\n');
                }
            }
        }
    }
    events.concat()
}

fn check(stream: &[u8], cuts: &[Index]) -> Result<(), TestCaseError> {
    let expected = generally(stream);
    prop_assert_eq!(&fast([stream].into_iter()), &expected, "in one piece");
    prop_assert_eq!(&fast(stream.chunks(1)), &expected, "byte by byte");
    prop_assert_eq!(&fast(stream.chunks(64)), &expected, "64 bytes at a time");
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    cuts.extend([0, stream.len()]);
    cuts.sort_unstable();
    let chunks = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]);
    prop_assert_eq!(&fast(chunks), &expected, "cut at {:?}", cuts);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_fast_way_sees_what_the_general_way_sees(
        items in vec(item(), 0..4),
        picks in vec(any::<Index>(), 1..30),
        hand in select(vec![Hand::Compact, Hand::Spaced, Hand::Ascii]),
        output in 0..3usize,
        mutations in vec(mutation(), 0..4),
        cuts in vec(any::<Index>(), 0..8),
    ) {
        check(&write(&items, &picks, hand, output, &mutations), &cuts)?;
    }

    #[test]
    fn a_stream_that_agrees_with_itself_has_no_facts(
        items in vec(item(), 0..4),
        picks in vec(any::<Index>(), 1..30),
        hand in select(vec![Hand::Compact, Hand::Spaced, Hand::Ascii]),
    ) {
        let stream = write(&items, &picks, hand, 2, &[]);
        // Items are told apart by their ids.
        let ids: std::collections::HashSet<_> = items.iter().map(|item| &item.id).collect();
        prop_assume!(ids.len() == items.len());
        let observed = fast(stream.chunks(100));
        let facts = observed.response.unwrap().facts;
        prop_assert_eq!(facts, vec![]);
    }
}
