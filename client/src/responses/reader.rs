//! A stream read to its response: bytes in, events and in the end the response out. No I/O, no clock.

use std::borrow::Cow;
use std::fmt::Display;
use std::ops::ControlFlow;

use futures_util::{Stream, StreamExt as _};

use super::assembly::Assembly;
use super::event::{Channel, Event, NotJson};
use super::response::{Fact, Response};
use super::scan::Body;
use super::text::unescaped;
use crate::redact::Redactor;
use crate::sse::{Decoder, End, Error, Frame};

/// Reads one stream of the Responses API.
///
/// The response alone:
///
/// ```
/// use loginproof_client::responses::Reader;
/// let mut reader = Reader::default();
/// for chunk in [
///     &b"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"output_in"[..],
///     b"dex\":0,\"content_index\":0,\"delta\":\"Hi\"}\n\nevent: response.completed\n",
///     b"data: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"status\":\"completed\",\"output\":[]}}\n\n",
/// ] {
///     reader.feed(chunk)?;
/// }
/// let response = reader.finish().expect("the stream had its terminal event");
/// assert_eq!(response.text(), "Hi");
/// # Ok::<(), loginproof_client::sse::Error>(())
/// ```
///
/// The events too, as they come, or nothing but the events:
///
/// ```
/// use std::ops::ControlFlow;
/// use loginproof_client::responses::{Event, Reader, Seen};
/// let stream = b"data: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\"}}\n\n\
///     data: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"a \\\"b\\\"\"}\n\n";
/// let (mut reader, mut shown, mut others) = (Reader::default(), String::new(), 0);
/// reader.feed_each(stream, |seen| {
///     match seen {
///         Seen::Delta(delta) => shown.push_str(&delta.text()),
///         Seen::Other(frame) => others += usize::from(matches!(Event::of(frame), Ok(Event::Lifecycle { .. }))),
///         Seen::DoneMarker => {}
///     }
///     ControlFlow::Continue(())
/// })?;
/// assert_eq!((shown.as_str(), others), ("a \"b\"", 1));
/// assert!(!reader.is_ended() && reader.finish().is_none(), "the end of a stream is not the end of a response");
/// # Ok::<(), loginproof_client::sse::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Reader {
    decoder: Decoder,
    assembly: Assembly,
}

impl Reader {
    /// A reader that refuses events of more than `limit` bytes and keeps these secrets out of the text of failures.
    pub fn new(limit: usize, redactor: Redactor) -> Self {
        Self {
            decoder: Decoder::with_limit(limit),
            assembly: Assembly::new(redactor),
        }
    }

    /// Reads a chunk of any size, up to the end of the response. Says whether the response has ended.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when an event passes the bound.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<bool, Error> {
        self.feed_each(chunk, |_| ControlFlow::Continue(()))
            .map(|flow| flow.is_break())
    }

    /// The same, and hands over what is seen. Breaks when the response has ended or `visit` breaks; the rest of the
    /// chunk is then dropped.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when an event passes the bound.
    pub fn feed_each(
        &mut self,
        chunk: &[u8],
        mut visit: impl FnMut(Seen<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Error> {
        let Self { decoder, assembly } = self;
        decoder.feed_frames(chunk, |frame| {
            visit(assembly.push_frame(frame))?;
            // Nothing that follows the end can change it.
            if assembly.is_ended() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
    }

    /// Whether the response has ended: the connection can go.
    pub fn is_ended(&self) -> bool {
        self.assembly.is_ended()
    }

    /// The response so far: events counted, oddities, text.
    pub fn assembly(&self) -> &Assembly {
        &self.assembly
    }

    /// Oddities so far.
    pub fn facts(&self) -> &[Fact] {
        self.assembly.facts()
    }

    /// How the stream would end if no byte came any more.
    pub fn end(&self) -> End {
        self.decoder.end()
    }

    /// The response, or `None` while it has not ended.
    pub fn finish(self) -> Option<Response> {
        self.assembly.finish()
    }
}

/// What one event was to the reader.
#[derive(Clone, Debug)]
pub enum Seen<'f> {
    /// Text was added.
    Delta(Delta<'f>),
    /// Any other event, as it came. [`Event::of`] reads it whole.
    Other(Frame<'f>),
    /// `[DONE]`, which other services end their streams with.
    DoneMarker,
}

/// Text that was added.
#[derive(Clone, Debug)]
pub struct Delta<'f> {
    /// Index of the item in the output, where the server gives it.
    pub output_index: Option<u64>,
    /// To which text of the item.
    pub channel: Channel,
    piece: Piece<'f>,
}

#[derive(Clone, Debug)]
enum Piece<'f> {
    Body(Body<'f>),
    Text(String),
}

impl<'f> Delta<'f> {
    pub(super) fn quick(output_index: Option<u64>, channel: Channel, body: Body<'f>) -> Self {
        Self {
            output_index,
            channel,
            piece: Piece::Body(body),
        }
    }

    pub(super) fn slow(output_index: Option<u64>, channel: Channel, text: String) -> Self {
        Self {
            output_index,
            channel,
            piece: Piece::Text(text),
        }
    }

    /// The text, lent where it stands in the stream without escapes.
    pub fn text(&self) -> Cow<'_, str> {
        match &self.piece {
            Piece::Body(body) => match body.plain() {
                Some(text) => Cow::Borrowed(text),
                None => Cow::Owned(unescaped(*body)),
            },
            Piece::Text(text) => Cow::Borrowed(text),
        }
    }
}

impl Event {
    /// Reads a frame, whatever is in it.
    ///
    /// # Errors
    /// The data is not a JSON object.
    pub fn of(frame: Frame<'_>) -> Result<Self, NotJson> {
        let event = frame.text();
        Self::read(&event.name, &event.data)
    }
}

/// Why there is no response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The stream broke.
    #[error("the stream broke: {0}")]
    Broken(String),
    /// It cannot be read on.
    #[error(transparent)]
    Unreadable(#[from] Error),
    /// It ended, or was broken off, and the response did not end.
    #[error("the stream ended before a terminal event")]
    EndedEarly,
}

/// Reads a stream of bytes, of reqwest or of hyper, to the end of its response; `visit` gets each event as it comes.
///
/// ```
/// use std::ops::ControlFlow;
/// use loginproof_client::responses::{Reader, read_stream};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>(
///     &b"data: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"output\":[]}}\n\n"[..],
/// )]);
/// let response = read_stream(chunks, Reader::default(), |_| ControlFlow::Continue(())).await?;
/// assert_eq!(response.id.as_deref(), Some("resp_1"));
/// # Ok::<(), loginproof_client::responses::ReadError>(()) }).unwrap();
/// ```
///
/// # Errors
/// [`ReadError`]: the stream broke, cannot be read, or ended before its response did.
pub async fn read_stream<B: AsRef<[u8]>, E: Display>(
    chunks: impl Stream<Item = Result<B, E>>,
    mut reader: Reader,
    mut visit: impl FnMut(Seen<'_>) -> ControlFlow<()>,
) -> Result<Response, ReadError> {
    let mut chunks = std::pin::pin!(chunks);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| ReadError::Broken(error.to_string()))?;
        if reader.feed_each(chunk.as_ref(), &mut visit)?.is_break() {
            break;
        }
    }
    reader.finish().ok_or(ReadError::EndedEarly)
}
