//! Framing by ours, then every event decoded: what a type costs, apart from how bytes are framed.

use std::hint::black_box;
use std::ops::ControlFlow;

use loginproof_client::responses::{Reader, Seen};

use crate::framing;
use crate::wire::{CodexEvent, Completed, Delta, Tagged};

/// Events as the reader hands them over: text of deltas lent, anything else compared in place.
pub(crate) fn ours(stream: &'static [u8], chunk: usize) -> usize {
    let (mut reader, mut events) = (Reader::default(), 0);
    for piece in stream.chunks(chunk) {
        let fed = reader.feed_each(piece, |seen| {
            if let Seen::Delta(delta) = seen {
                black_box(delta.text());
            }
            events += 1;
            ControlFlow::Continue(())
        });
        assert!(fed.is_ok(), "the stream is within the bound");
    }
    events
}

pub(crate) fn serde_value(stream: &'static [u8], chunk: usize) -> usize {
    each(stream, chunk, |_, data| {
        let value: serde_json::Value = serde_json::from_str(data).expect("the event is JSON");
        black_box(value);
    })
}

pub(crate) fn serde_tagged(stream: &'static [u8], chunk: usize) -> usize {
    each(stream, chunk, |_, data| {
        let event: Tagged<'_> = serde_json::from_str(data).expect("the event is JSON");
        black_box(event);
    })
}

pub(crate) fn serde_by_name(stream: &'static [u8], chunk: usize) -> usize {
    each(stream, chunk, |name, data| {
        if name.ends_with(".delta") {
            let event: Delta<'_> = serde_json::from_str(data).expect("the event is JSON");
            black_box(event);
        } else if name == "response.completed" {
            let event: Completed<'_> = serde_json::from_str(data).expect("the event is JSON");
            black_box(event);
        }
    })
}

pub(crate) fn sonic_by_name(stream: &'static [u8], chunk: usize) -> usize {
    each(stream, chunk, |name, data| {
        if name.ends_with(".delta") {
            let event: Delta<'_> = sonic_rs::from_str(data).expect("the event is JSON");
            black_box(event);
        } else if name == "response.completed" {
            let event: Completed<'_> = sonic_rs::from_str(data).expect("the event is JSON");
            black_box(event);
        }
    })
}

pub(crate) fn sonic_value(stream: &'static [u8], chunk: usize) -> usize {
    each(stream, chunk, |_, data| {
        let value: sonic_rs::Value = sonic_rs::from_str(data).expect("the event is JSON");
        black_box(value);
    })
}

pub(crate) fn simd_json_value(stream: &'static [u8], chunk: usize) -> usize {
    // It works in place, so each event is copied once into a buffer that is kept.
    let mut copy = Vec::new();
    let mut buffers = simd_json::Buffers::default();
    each(stream, chunk, |_, data| {
        copy.clear();
        copy.extend_from_slice(data.as_bytes());
        let value = simd_json::to_borrowed_value_with_buffers(&mut copy, &mut buffers)
            .expect("the event is JSON");
        black_box(value);
    })
}

#[cfg(feature = "peers")]
pub(crate) fn async_openai(stream: &'static [u8], chunk: usize) -> usize {
    each(stream, chunk, |_, data| {
        let event: async_openai::types::responses::ResponseStreamEvent =
            serde_json::from_str(data).expect("the event is known");
        black_box(event);
    })
}

pub(crate) fn codex(stream: &'static [u8], chunk: usize) -> usize {
    each(stream, chunk, |_, data| {
        let event: CodexEvent = serde_json::from_str(data).expect("the event is JSON");
        black_box(event);
    })
}

fn each(stream: &'static [u8], chunk: usize, mut decode: impl FnMut(&str, &str)) -> usize {
    let mut events = 0;
    framing::ours(stream, chunk, |name, data| {
        decode(name, data);
        events += 1;
    });
    events
}
