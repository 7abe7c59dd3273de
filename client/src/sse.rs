//! Event-stream framing (WHATWG HTML §9.2.5 and §9.2.6): bytes in, events out. No I/O, no clock.
//!
//! A line that lies whole in one chunk is read where it lies; only what a chunk leaves open is copied. No byte
//! is looked at twice for the end of a line, so the cost is linear at any chunking.

use std::borrow::Cow;
use std::ops::ControlFlow;

use crate::defect::{self, Defect};

/// The bound on one event unless [`Decoder::with_limit`] sets another.
pub const DEFAULT_LIMIT: usize = 64 * 1024 * 1024;

/// One event, borrowed from the decoder or the chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The event's type; `message` when the stream names none.
    pub name: Cow<'a, str>,
    /// The data lines, joined by line feeds.
    pub data: Cow<'a, str>,
    /// The id that a reconnect would send, the last one seen in the stream.
    pub last_id: &'a str,
}

/// Why a stream cannot be read on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// One event is larger than the bound.
    #[error("an event of the stream is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The bound in bytes.
        limit: usize,
    },
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// After a blank line, or before anything came.
    Clean,
    /// Inside an event, which is discarded as the specification demands.
    InsideEvent,
}

/// The decoder of one stream.
///
/// ```
/// use std::ops::ControlFlow;
/// use loginproof_client::sse::{Decoder, End};
/// let mut decoder = Decoder::default();
/// let mut seen = Vec::new();
/// for chunk in [&b"data: a\r"[..], b"\ndata:b\r\n\r", b"\ndata: cut off"] {
///     let flow = decoder.feed(chunk, |event| {
///         seen.push(event.data.into_owned());
///         ControlFlow::Continue(())
///     });
///     assert!(matches!(flow, Ok(ControlFlow::Continue(()))));
/// }
/// assert_eq!(seen, ["a\nb"]);
/// assert_eq!(decoder.finish(), End::InsideEvent);
/// ```
#[derive(Clone, Debug)]
pub struct Decoder {
    limit: usize,
    start: Start,
    /// The part of the current line that earlier chunks held.
    line: Vec<u8>,
    /// The current line is a comment: its bytes are not kept.
    comment: bool,
    /// The last byte was a CR, so an LF now belongs to it.
    after_cr: bool,
    name: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    id: String,
    last_id: String,
    retry_ms: Option<u64>,
    /// A line of the current block was seen.
    open: bool,
}

/// How far the byte order mark is read: so many of its bytes, or past it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    Mark(usize),
    Past,
}

const BOM: [u8; 3] = [0xef, 0xbb, 0xbf];

impl Default for Decoder {
    fn default() -> Self {
        if defect::active(Defect::LinesOf64KiB) {
            return Self::with_limit(64 * 1024);
        }
        if defect::active(Defect::LinesOf1MiB) {
            return Self::with_limit(1024 * 1024);
        }
        Self::with_limit(DEFAULT_LIMIT)
    }
}

impl Decoder {
    /// A decoder that refuses events of more than `limit` bytes.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            limit,
            start: Start::Mark(0),
            line: Vec::new(),
            comment: false,
            after_cr: false,
            name: Vec::new(),
            data: Vec::new(),
            has_data: false,
            id: String::new(),
            last_id: String::new(),
            retry_ms: None,
            open: false,
        }
    }

    /// Reads a chunk of any size and hands every event it completes to `visit`, in order.
    ///
    /// `visit` may break; the rest of the chunk is then dropped, and the break is handed back.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when an event passes the bound. The decoder is of no use afterwards.
    pub fn feed(
        &mut self,
        chunk: &[u8],
        mut visit: impl FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Error> {
        let mut rest = self.skip_mark(chunk);
        let only_lf = defect::active(Defect::CrLfUnknown) || defect::active(Defect::CrUnknown);
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_cr) && rest[0] == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let is_end = |b: &u8| *b == b'\n' || (*b == b'\r' && !only_lf);
            let Some(end) = rest.iter().position(is_end) else {
                self.keep(rest)?;
                break;
            };
            // A CR ends its line at once: waiting for an LF could hold an event back for ever.
            self.after_cr = rest[end] == b'\r';
            let (mut head, tail) = (&rest[..end], &rest[end + 1..]);
            rest = tail;
            if defect::active(Defect::CrUnknown) {
                head = head.strip_suffix(b"\r").unwrap_or(head);
            }
            let blank = if std::mem::take(&mut self.comment) {
                self.line.clear();
                false
            } else if self.line.is_empty() {
                self.read_line(head)?;
                head.is_empty()
            } else {
                self.keep(head)?;
                let line = std::mem::take(&mut self.line);
                self.read_line(&line)?;
                self.line = line;
                self.line.clear();
                false
            };
            if blank && self.dispatch(&mut visit).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Ends the stream. An event without its blank line is discarded (WHATWG HTML §9.2.6).
    pub fn finish(self) -> End {
        let partial = !self.line.is_empty() || self.open || matches!(self.start, Start::Mark(1..));
        if partial {
            End::InsideEvent
        } else {
            End::Clean
        }
    }

    /// The reconnection time that the stream asks for, in milliseconds.
    pub fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }

    /// Drops one byte order mark at the very start, also when it is split.
    fn skip_mark<'c>(&mut self, chunk: &'c [u8]) -> &'c [u8] {
        let mut rest = chunk;
        if defect::active(Defect::BomKept) {
            return rest;
        }
        while let (Start::Mark(seen), Some(&byte)) = (self.start, rest.first()) {
            if byte == BOM[seen] {
                rest = &rest[1..];
                self.start = if seen + 1 == BOM.len() {
                    Start::Past
                } else {
                    Start::Mark(seen + 1)
                };
            } else {
                // No mark after all: what looked like one begins the first line.
                self.line.extend_from_slice(&BOM[..seen]);
                self.start = Start::Past;
            }
        }
        rest
    }

    /// Keeps an open line for the next chunk.
    fn keep(&mut self, part: &[u8]) -> Result<(), Error> {
        if self.line.is_empty() && part.first() == Some(&b':') {
            self.comment = true;
        }
        if !self.comment {
            self.bound(part.len())?;
            self.line.extend_from_slice(part);
        }
        if defect::active(Defect::LongLineReadAgain) {
            let text = String::from_utf8_lossy(&self.line).into_owned();
            std::hint::black_box(text.chars().filter(|c| *c == '\n').count());
        }
        Ok(())
    }

    fn bound(&self, more: usize) -> Result<(), Error> {
        if self.data.len() + self.line.len() + more > self.limit {
            return Err(Error::TooLarge { limit: self.limit });
        }
        Ok(())
    }

    fn read_line(&mut self, line: &[u8]) -> Result<(), Error> {
        match line.first() {
            Some(b':') if defect::active(Defect::CommentEndsTheEvent) => {
                self.data.clear();
                self.has_data = false;
                return Ok(());
            }
            None | Some(b':') => return Ok(()),
            Some(_) => self.open = true,
        }
        if let Some(value) = field(line, b"data") {
            if self.has_data && defect::active(Defect::LastDataLineOnly) {
                self.data.clear();
            } else if self.has_data {
                self.data.push(b'\n');
            }
            self.has_data = true;
            if self.data.len() + value.len() > self.limit {
                return Err(Error::TooLarge { limit: self.limit });
            }
            self.data.extend_from_slice(value);
        } else if let Some(value) = field(line, b"event") {
            self.name.clear();
            self.name.extend_from_slice(value);
        } else if let Some(value) = field(line, b"id") {
            // An id with a NUL is ignored.
            if !value.contains(&0) {
                self.id = String::from_utf8_lossy(value).into_owned();
            }
        } else if let Some(value) = field(line, b"retry")
            && !value.is_empty()
            && value.iter().all(u8::is_ascii_digit)
        {
            self.retry_ms = std::str::from_utf8(value)
                .ok()
                .and_then(|digits| digits.parse().ok());
        }
        Ok(())
    }

    /// A blank line: the block is an event if it has data, and every block sets the last id.
    fn dispatch(
        &mut self,
        visit: &mut impl FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.open = false;
        if self.last_id != self.id {
            self.last_id.clone_from(&self.id);
        }
        let flow = if std::mem::take(&mut self.has_data) {
            let name = if self.name.is_empty() {
                Cow::Borrowed("message")
            } else {
                String::from_utf8_lossy(&self.name)
            };
            // Invalid bytes become U+FFFD here, where the event is whole: a chunk may end inside a character.
            visit(Event {
                name,
                data: String::from_utf8_lossy(&self.data),
                last_id: &self.last_id,
            })
        } else {
            ControlFlow::Continue(())
        };
        self.data.clear();
        self.name.clear();
        flow
    }
}

/// The value of a line if its field has this name: exact case, at most one leading space removed.
fn field<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    match line.strip_prefix(name)? {
        [] => Some(b""),
        [b':', first, ..] if *first != b' ' && defect::active(Defect::SpaceDemanded) => None,
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        _ => None,
    }
}

#[cfg(test)]
#[path = "sse_tests.rs"]
mod tests;
