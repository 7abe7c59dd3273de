//! Event-stream framing (WHATWG HTML §9.2.5 and §9.2.6): bytes in, events out. No I/O, no clock.
//!
//! An event that lies whole in one chunk is lent from there and nothing of it is copied; of others, each byte is
//! copied once. No byte is looked at twice for the end of a line, so the cost is linear at any chunking. Nothing is
//! checked for UTF-8 until somebody asks for text.

use std::borrow::Cow;
use std::ops::{ControlFlow, Range};

use memchr::{memchr, memchr2};

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

/// One event as bytes, borrowed from the decoder or the chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The event's type, empty when the stream names none.
    pub name: &'a [u8],
    /// The data lines, joined by line feeds.
    pub data: &'a [u8],
    /// The id that a reconnect would send, the last one seen in the stream.
    pub last_id: &'a str,
}

impl<'a> Frame<'a> {
    /// The event as text. Bytes that are not UTF-8 become U+FFFD.
    ///
    /// The event is whole here: a chunk may end inside a character.
    pub fn text(&self) -> Event<'a> {
        Event {
            name: match self.name {
                b"" => Cow::Borrowed("message"),
                name => String::from_utf8_lossy(name),
            },
            data: match simdutf8::basic::from_utf8(self.data) {
                Ok(data) => Cow::Borrowed(data),
                Err(_) => String::from_utf8_lossy(self.data),
            },
            last_id: self.last_id,
        }
    }
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
    part: Part,
    /// What earlier chunks held of a line whose field is not known yet or is not `data`.
    line: Vec<u8>,
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
    head: Head,
}

/// How an event began that was read before, up to its data: the next one mostly begins with the same bytes.
#[derive(Clone, Debug, Default)]
struct Head {
    bytes: Vec<u8>,
    name: Range<usize>,
}

/// Which part of a line the last chunk ended in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// None: a line begins.
    Begin,
    /// A line that is kept in `line`.
    Line,
    /// The value of a data line, kept in `data`.
    Data,
    /// A comment, which is not kept.
    Comment,
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
    /// A decoder that refuses events with more than `limit` bytes of data.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            limit,
            start: Start::Mark(0),
            part: Part::Begin,
            line: Vec::new(),
            after_cr: false,
            name: Vec::new(),
            data: Vec::new(),
            has_data: false,
            id: String::new(),
            last_id: String::new(),
            retry_ms: None,
            open: false,
            head: Head::default(),
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
        self.feed_frames(chunk, |frame| visit(frame.text()))
    }

    /// The same for those who need no text: names and data are lent as they came.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// let mut decoder = loginproof_client::sse::Decoder::default();
    /// let mut bytes = 0;
    /// decoder.feed_frames(b"event: ping\ndata: {}\n\n", |frame| {
    ///     assert_eq!(frame.name, b"ping");
    ///     bytes += frame.data.len();
    ///     ControlFlow::Continue(())
    /// })?;
    /// assert_eq!(bytes, 2);
    /// # Ok::<(), loginproof_client::sse::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::TooLarge`] when an event passes the bound. The decoder is of no use afterwards.
    #[inline]
    pub fn feed_frames(
        &mut self,
        chunk: &[u8],
        mut visit: impl FnMut(Frame<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Error> {
        let general = defect::any();
        if defect::active(Defect::CutCrLfIsTwoEnds) {
            self.after_cr = false;
        }
        // Inside the data of an event small chunks mostly end no line.
        if self.part == Part::Data && chunk.len() <= SHORT && !general && line_end(chunk).is_none()
        {
            self.append(chunk)?;
            return Ok(ControlFlow::Continue(()));
        }
        let mut rest = match self.start {
            Start::Past => chunk,
            Start::Mark(_) => self.skip_mark(chunk),
        };
        while !rest.is_empty() {
            let flow = if self.is_between_events() && !general {
                self.lend(&mut rest, &mut visit)?
            } else {
                self.read_on(&mut rest, &mut visit)?
            };
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Ends the stream. An event without its blank line is discarded (WHATWG HTML §9.2.6).
    pub fn finish(self) -> End {
        self.end()
    }

    /// How the stream would end if no byte came any more.
    pub fn end(&self) -> End {
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
                self.start = if seen + 1 == BOM.len() && defect::active(Defect::SecondBomDropped) {
                    Start::Mark(0)
                } else if seen + 1 == BOM.len() {
                    Start::Past
                } else {
                    Start::Mark(seen + 1)
                };
            } else {
                // No mark after all: what looked like one begins the first line.
                self.start = Start::Past;
                if seen > 0 {
                    self.line.extend_from_slice(&BOM[..seen]);
                    self.part = Part::Line;
                }
            }
        }
        rest
    }

    /// Nothing is kept of an event.
    #[inline]
    fn is_between_events(&self) -> bool {
        self.part == Part::Begin && !self.open && !self.after_cr
    }

    /// Lends the events that lie whole in the chunk, in the form that servers send: one line `event`, if any, and one
    /// line `data`. Anything else is left to `read_on`, one block at most.
    #[inline]
    fn lend(
        &mut self,
        rest: &mut &[u8],
        visit: &mut impl FnMut(Frame<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Error> {
        loop {
            let Some(body) = strip(rest, &self.head.bytes).or_else(|| self.head.learn(rest)) else {
                return self.read_on(rest, visit);
            };
            let end = match line_end(body) {
                Some(end) if body[end..].starts_with(b"\n\n") => end,
                _ => return self.read_on(rest, visit),
            };
            if end > self.limit {
                return Err(Error::TooLarge { limit: self.limit });
            }
            *rest = &body[end + 2..];
            let flow = visit(Frame {
                name: &self.head.bytes[self.head.name.clone()],
                data: &body[..end],
                last_id: &self.last_id,
            });
            if flow.is_break() || rest.is_empty() {
                return Ok(flow);
            }
        }
    }

    /// Reads to the end of the line, or keeps what there is of it.
    fn read_on(
        &mut self,
        rest: &mut &[u8],
        visit: &mut impl FnMut(Frame<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Error> {
        if std::mem::take(&mut self.after_cr) && rest[0] == b'\n' {
            *rest = &rest[1..];
            return Ok(ControlFlow::Continue(()));
        }
        let only_lf = defect::active(Defect::CrLfUnknown) || defect::active(Defect::CrUnknown);
        let end = if only_lf {
            memchr(b'\n', rest)
        } else {
            line_end(rest)
        };
        let Some(end) = end else {
            self.keep(rest)?;
            *rest = &[];
            return Ok(ControlFlow::Continue(()));
        };
        let (mut piece, next) = (&rest[..end], &rest[end + 1..]);
        // A CR ends its line at once: waiting for an LF could hold an event back for ever.
        self.after_cr = rest[end] == b'\r';
        *rest = next;
        if defect::active(Defect::CrUnknown) {
            piece = piece.strip_suffix(b"\r").unwrap_or(piece);
        }
        match std::mem::replace(&mut self.part, Part::Begin) {
            Part::Begin if piece.is_empty() => return Ok(self.dispatch(visit)),
            Part::Begin => self.read_line(piece)?,
            Part::Line => {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(piece);
                self.read_line(&line)?;
                line.clear();
                self.line = line;
            }
            Part::Data => self.append(piece)?,
            Part::Comment => {}
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Keeps an open line for the next chunk.
    #[inline]
    fn keep(&mut self, piece: &[u8]) -> Result<(), Error> {
        if defect::active(Defect::LongLineReadAgain) {
            let text = String::from_utf8_lossy(&self.data).into_owned();
            std::hint::black_box(text.chars().filter(|c| *c == '\n').count());
        }
        match self.part {
            Part::Data => return self.append(piece),
            Part::Comment => return Ok(()),
            Part::Begin if piece[0] == b':' => {
                self.part = Part::Comment;
                return Ok(());
            }
            Part::Begin | Part::Line => {}
        }
        self.part = Part::Line;
        self.line.extend_from_slice(piece);
        // One byte after the colon tells whether a space belongs to the field.
        if let [b'd', b'a', b't', b'a', b':', value @ ..] = self.line.as_slice()
            && !value.is_empty()
        {
            let mut line = std::mem::take(&mut self.line);
            self.read_line(&line)?;
            line.clear();
            self.line = line;
            self.part = Part::Data;
        }
        self.bound(self.line.len())
    }

    /// Data is bound as it stands in the event; another line by the same length and the longest name of a field.
    #[inline]
    fn bound(&self, line: usize) -> Result<(), Error> {
        if self.data.len() > self.limit || line > self.limit.saturating_add(8) {
            return Err(Error::TooLarge { limit: self.limit });
        }
        Ok(())
    }

    #[inline]
    fn append(&mut self, value: &[u8]) -> Result<(), Error> {
        self.data.extend_from_slice(value);
        self.bound(0)
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
            return self.append(value);
        }
        self.bound(line.len())?;
        if let Some(value) = field(line, b"event") {
            self.name.clear();
            self.name.extend_from_slice(value);
        } else if let Some(value) = field(line, b"id") {
            // An id with a NUL is ignored.
            if !value.contains(&0) {
                self.id = String::from_utf8_lossy(value).into_owned();
            }
        } else if let Some(value) = field(line, b"retry") {
            if !value.is_empty() && value.iter().all(u8::is_ascii_digit) {
                self.retry_ms = std::str::from_utf8(value)
                    .ok()
                    .and_then(|digits| digits.parse().ok());
            } else if defect::active(Defect::RetryMustBeANumber) {
                panic!("invalid digit found in string");
            }
        }
        Ok(())
    }

    /// A blank line: the block is an event if it has data, and every block sets the last id.
    fn dispatch(
        &mut self,
        visit: &mut impl FnMut(Frame<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let open = std::mem::take(&mut self.open);
        if self.last_id != self.id {
            self.last_id.clone_from(&self.id);
        }
        let is_event = open && defect::active(Defect::BlockWithoutDataFatal);
        let flow = if std::mem::take(&mut self.has_data) || is_event {
            visit(Frame {
                name: &self.name,
                data: &self.data,
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

impl Head {
    /// Takes the head of the event that begins here, and returns what follows it.
    fn learn<'c>(&mut self, event: &'c [u8]) -> Option<&'c [u8]> {
        const EVENT: &[u8] = b"event: ";
        const DATA: &[u8] = b"data: ";
        let (name, body) = if let Some(line) = strip(event, EVENT) {
            let end = line_end(line).filter(|end| line[*end] == b'\n')?;
            (
                EVENT.len()..EVENT.len() + end,
                strip(&line[end + 1..], DATA)?,
            )
        } else {
            (0..0, strip(event, DATA)?)
        };
        self.bytes.clear();
        self.bytes
            .extend_from_slice(&event[..event.len() - body.len()]);
        self.name = name;
        Some(body)
    }
}

/// Up to so many bytes are searched here: a call would cost more.
const SHORT: usize = 32;

/// The place of the first LF or CR.
#[inline]
fn line_end(bytes: &[u8]) -> Option<usize> {
    if bytes.len() > SHORT {
        return memchr2(b'\n', b'\r', bytes);
    }
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let zero = |word: u64| word.wrapping_sub(0x0101_0101_0101_0101) & !word;
        let word = u64::from_le_bytes(*word);
        let ends = zero(word ^ 0x0a0a_0a0a_0a0a_0a0a) | zero(word ^ 0x0d0d_0d0d_0d0d_0d0d);
        let ends = ends & 0x8080_8080_8080_8080;
        if ends != 0 {
            // Only the lowest flag is sure, and it is the one that counts.
            return Some(at * 8 + (ends.trailing_zeros() / 8) as usize);
        }
    }
    let tail = rest.iter().position(|b| matches!(b, b'\n' | b'\r'))?;
    Some(bytes.len() - rest.len() + tail)
}

/// What follows the prefix; none without a prefix.
#[inline]
fn strip<'c>(bytes: &'c [u8], prefix: &[u8]) -> Option<&'c [u8]> {
    let (start, rest) = bytes.split_at_checked(prefix.len())?;
    (!prefix.is_empty() && same(start, prefix)).then_some(rest)
}

/// Whether both hold the same bytes. They are short, so that the call of a general comparison would cost as much as the
/// work.
#[inline]
pub(crate) fn same(left: &[u8], right: &[u8]) -> bool {
    let words = |bytes: &[u8; 16]| u128::from_le_bytes(*bytes);
    if left.len() != right.len() {
        return false;
    }
    let (Some(left_end), Some(right_end)) = (left.last_chunk(), right.last_chunk()) else {
        return left == right;
    };
    let mut pairs = left.as_chunks().0.iter().zip(right.as_chunks().0);
    pairs.all(|(left, right)| words(left) == words(right)) && words(left_end) == words(right_end)
}

/// The value of a line if its field has this name: exact case, at most one leading space removed.
fn field<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    match line.strip_prefix(name)? {
        [] => Some(b""),
        [b':', first, ..] if *first != b' ' && defect::active(Defect::SpaceDemanded) => None,
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        rest if defect::active(Defect::FieldsByTheirBeginning) => Some(rest),
        _ => None,
    }
}

#[cfg(test)]
#[path = "sse_tests.rs"]
mod tests;
