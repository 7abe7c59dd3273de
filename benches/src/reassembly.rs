//! Whole responses: the deltas of each item put together, and compared with what the terminal event repeats.

use loginproof_client::responses::{Item, Reader};

use crate::framing;
use crate::wire::{CodexEvent, Completed, Delta, Tagged, Whole};

/// How many bytes of text were put together. Every candidate panics where the final response differs.
pub(crate) type Bytes = usize;

pub(crate) fn ours(stream: &'static [u8], chunk: usize) -> Bytes {
    let mut reader = Reader::default();
    for piece in stream.chunks(chunk) {
        reader.feed(piece).expect("the stream is within the bound");
    }
    let response = reader.finish().expect("the stream ends its response");
    assert_eq!(response.facts, [], "the stream agrees with itself");
    let length = |item: &Item| match item {
        Item::Message { content, .. } => content.iter().map(|part| part.text().len()).sum(),
        Item::Reasoning { summary, .. } => summary.iter().map(String::len).sum(),
        Item::Call(call) => call.arguments.len(),
        Item::Other(_) => 0,
    };
    response.items.iter().map(length).sum()
}

/// eventsource-stream and the event Codex decodes into.
pub(crate) fn codex(stream: &'static [u8], chunk: usize) -> Bytes {
    let mut texts = Texts::default();
    let mut item_of: Vec<String> = Vec::new();
    framing::eventsource_stream(stream, chunk, |_, data| {
        let event: CodexEvent = serde_json::from_str(data).expect("the event is JSON");
        if let Some(delta) = event.delta {
            // This event has no output_index: the item's id is the key.
            let id = event.item_id.unwrap_or_default();
            let index = item_of
                .iter()
                .rposition(|known| *known == id)
                .unwrap_or_else(|| {
                    item_of.push(id);
                    item_of.len() - 1
                });
            let part = event.summary_index.unwrap_or_default();
            texts.add(index, usize::try_from(part).unwrap_or_default(), &delta);
        } else if let (Some(response), "response.completed") = (event.response, event.kind.as_str())
        {
            texts.compare(&Whole::deserialize(&response).expect("the response has an output"));
        }
    });
    texts.finish()
}

/// eventsource-stream and the types of async-openai.
#[cfg(feature = "peers")]
pub(crate) fn async_openai(stream: &'static [u8], chunk: usize) -> Bytes {
    use async_openai::types::responses::{
        OutputItem, OutputMessageContent, ResponseStreamEvent as E, SummaryPart,
    };
    let mut texts = Texts::default();
    framing::eventsource_stream(stream, chunk, |_, data| {
        match serde_json::from_str(data).expect("the event is known") {
            E::ResponseOutputTextDelta(e) => texts.add(e.output_index as usize, 0, &e.delta),
            E::ResponseFunctionCallArgumentsDelta(e) => {
                texts.add(e.output_index as usize, 0, &e.delta);
            }
            E::ResponseReasoningSummaryTextDelta(e) => {
                texts.add(e.output_index as usize, e.summary_index as usize, &e.delta);
            }
            E::ResponseCompleted(e) => {
                for (index, item) in e.response.output.iter().enumerate() {
                    match item {
                        OutputItem::Message(message) => {
                            for (part, content) in message.content.iter().enumerate() {
                                if let OutputMessageContent::OutputText(content) = content {
                                    texts.same(index, part, &content.text);
                                }
                            }
                        }
                        OutputItem::FunctionCall(call) => texts.same(index, 0, &call.arguments),
                        OutputItem::Reasoning(reasoning) => {
                            for (part, content) in reasoning.summary.iter().enumerate() {
                                let SummaryPart::SummaryText(content) = content;
                                texts.same(index, part, &content.text);
                            }
                        }
                        _ => {}
                    }
                }
                texts.compared = true;
            }
            _ => {}
        }
    });
    texts.finish()
}

/// sse-stream and a tagged enum.
pub(crate) fn tagged(stream: &'static [u8], chunk: usize) -> Bytes {
    let mut texts = Texts::default();
    framing::sse_stream(stream, chunk, |_, data| {
        match serde_json::from_str(data).expect("the event is known") {
            Tagged::Text {
                output_index,
                delta,
            }
            | Tagged::Arguments {
                output_index,
                delta,
            } => texts.add(output_index, 0, &delta),
            Tagged::Summary {
                output_index,
                summary_index,
                delta,
            } => {
                texts.add(output_index, summary_index, &delta);
            }
            Tagged::Completed { response } => texts.compare(&response),
            Tagged::Other => {}
        }
    });
    texts.finish()
}

/// sse-stream and serde_json, borrowed, by the event's name.
pub(crate) fn serde_by_name(stream: &'static [u8], chunk: usize) -> Bytes {
    let mut texts = Texts::default();
    framing::sse_stream(stream, chunk, |name, data| {
        if is_delta(name) {
            let event: Delta<'_> = serde_json::from_str(data).expect("the event is JSON");
            texts.add(event.output_index, event.summary_index, &event.delta);
        } else if name == "response.completed" {
            let event: Completed<'_> = serde_json::from_str(data).expect("the event is JSON");
            texts.compare(&event.response);
        }
    });
    texts.finish()
}

/// sse-stream and sonic-rs, borrowed, by the event's name: the best combination of peers.
pub(crate) fn sonic_by_name(stream: &'static [u8], chunk: usize) -> Bytes {
    let mut texts = Texts::default();
    framing::sse_stream(stream, chunk, |name, data| {
        if is_delta(name) {
            let event: Delta<'_> = sonic_rs::from_str(data).expect("the event is JSON");
            texts.add(event.output_index, event.summary_index, &event.delta);
        } else if name == "response.completed" {
            let event: Completed<'_> = sonic_rs::from_str(data).expect("the event is JSON");
            texts.compare(&event.response);
        }
    });
    texts.finish()
}

fn is_delta(name: &str) -> bool {
    matches!(
        name,
        "response.output_text.delta"
            | "response.function_call_arguments.delta"
            | "response.reasoning_summary_text.delta"
    )
}

/// The texts of a response by item and part, as a careful user of a peer would keep them.
#[derive(Default)]
struct Texts {
    items: Vec<Vec<String>>,
    compared: bool,
}

impl Texts {
    fn add(&mut self, item: usize, part: usize, text: &str) {
        if self.items.len() <= item {
            self.items.resize_with(item + 1, Vec::new);
        }
        let parts = &mut self.items[item];
        if parts.len() <= part {
            parts.resize_with(part + 1, String::new);
        }
        parts[part].push_str(text);
    }

    fn same(&self, item: usize, part: usize, text: &str) {
        assert!(
            self.items[item][part] == text,
            "the final text is the streamed one"
        );
    }

    fn compare(&mut self, whole: &Whole<'_>) {
        for (index, item) in whole.output.iter().enumerate() {
            for (part, content) in item.content.iter().chain(&item.summary).enumerate() {
                self.same(index, part, &content.text);
            }
            if let Some(arguments) = &item.arguments {
                self.same(index, 0, arguments);
            }
        }
        self.compared = true;
    }

    fn finish(self) -> Bytes {
        assert!(self.compared, "the stream has a terminal event");
        self.items.iter().flatten().map(String::len).sum()
    }
}

use serde::Deserialize as _;
