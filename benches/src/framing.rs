//! Framing alone: each reader hands its events over, and their names and data are counted.

#[cfg(feature = "peers")]
mod async_sse;

use std::convert::Infallible;
use std::hint::black_box;
use std::ops::ControlFlow;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

#[cfg(feature = "peers")]
pub(crate) use async_sse::async_sse;
use bytes::Bytes;
use futures_util::Stream;
use loginproof_client::sse::Decoder;

/// Names and data as bytes: text is not asked for.
pub(crate) fn frames(stream: &'static [u8], chunk: usize, mut visit: impl FnMut(&[u8], &[u8])) {
    let mut decoder = Decoder::default();
    for piece in stream.chunks(chunk) {
        let flow = decoder.feed_frames(piece, |frame| {
            visit(frame.name, frame.data);
            ControlFlow::Continue(())
        });
        assert!(flow.is_ok(), "the stream is within the bound");
    }
    black_box(decoder.finish());
}

/// Names and data as text, which all the peers give. `visit` gets both of each event.
pub(crate) fn ours(stream: &'static [u8], chunk: usize, mut visit: impl FnMut(&str, &str)) {
    let mut decoder = Decoder::default();
    for piece in stream.chunks(chunk) {
        let flow = decoder.feed(piece, |event| {
            visit(&event.name, &event.data);
            ControlFlow::Continue(())
        });
        assert!(flow.is_ok(), "the stream is within the bound");
    }
    black_box(decoder.finish());
}

pub(crate) fn eventsource_stream(
    stream: &'static [u8],
    chunk: usize,
    mut visit: impl FnMut(&str, &str),
) {
    use eventsource_stream::Eventsource as _;
    each(chunks(stream, chunk).eventsource(), |event| {
        let event = event.expect("the stream is well formed");
        visit(&event.event, &event.data);
    });
}

pub(crate) fn sse_stream(stream: &'static [u8], chunk: usize, mut visit: impl FnMut(&str, &str)) {
    each(
        sse_stream::SseByteStream::new(chunks(stream, chunk)),
        |event| {
            let event = event.expect("the stream is well formed");
            visit(
                event.event.as_deref().unwrap_or("message"),
                event.data.as_deref().unwrap_or_default(),
            );
        },
    );
}

pub(crate) fn sse_core(stream: &'static [u8], chunk: usize, mut visit: impl FnMut(&str, &str)) {
    let mut decoder = sse_core::SseDecoder::with_limit(std::num::NonZeroUsize::MAX);
    for piece in stream.chunks(chunk) {
        let mut piece = piece;
        while let Some(event) = decoder.next(&mut piece) {
            if let sse_core::SseEvent::Message(event) = event.expect("the event is within bounds") {
                visit(&event.event, &event.data);
            }
        }
    }
}

pub(crate) fn sseer(stream: &'static [u8], chunk: usize, mut visit: impl FnMut(&str, &str)) {
    each(
        sseer::event_stream::EventStream::new(chunks(stream, chunk)),
        |event| {
            let event = event.expect("the stream is well formed");
            visit(&event.event, &event.data);
        },
    );
}

/// The chunks as a stream that is always ready and copies nothing.
fn chunks(
    stream: &'static [u8],
    chunk: usize,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Unpin {
    futures_util::stream::iter(
        stream
            .chunks(chunk)
            .map(|piece| Ok(Bytes::from_static(piece))),
    )
}

/// Polls a stream that is always ready to its end.
fn each<S: Stream>(stream: S, mut visit: impl FnMut(S::Item)) {
    let mut stream = pin!(stream);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match stream.as_mut().poll_next(&mut context) {
            Poll::Ready(Some(item)) => visit(item),
            Poll::Ready(None) => return,
            Poll::Pending => {}
        }
    }
}
