//! Faults: what can happen to an answer on its way out. One file per fault; the struct is the configuration.
//!
//! The order in which faults act follows from what they act on, whatever their order in the list: the
//! events, then the bytes, the content coding, the head, the chunks, the timing, the ending. Faults of
//! one stage act in the order of the list.
//!
//! To add one: a file with the struct and its `apply`, a variant of [`Fault`], and its [`Stage`].

mod bom;
mod chunk;
mod close;
mod close_frame;
mod comment;
mod content_encoding;
mod content_length;
mod drop;
mod duplicate;
mod fields;
mod goaway;
mod headers;
mod insert;
mod line_ends;
mod no_final_chunk;
mod place;
mod recorded_pace;
mod reorder;
mod repeat;
mod replace;
mod selector;
mod stall;
mod status;
mod throttle;

pub use chunk::{Chunk, RandomChunk, Stride, Sweep};
pub use close::{Close, ErrorCode, How};
pub use close_frame::CloseFrame;
pub use comment::Comment;
pub use content_encoding::ContentEncoding;
pub use content_length::ContentLength;
pub use drop::DropEvents;
pub use duplicate::Duplicate;
pub use fields::Fields;
pub use goaway::{Goaway, Last};
pub use headers::Headers;
pub use insert::Insert;
pub use line_ends::LineEnds;
pub use place::Place;
pub use reorder::Reorder;
pub use repeat::Repeat;
pub use replace::Replace;
pub use selector::Selector;
pub use stall::{Stall, Time};
pub use status::Status;
pub use throttle::Throttle;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::Draft;
use crate::script::Endpoint;

/// One fault. In a scenario: `- chunk: { size: 7 }`, `- bom`, `- line-ends: crlf`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Another event, text or bytes, somewhere in the body.
    Insert(Insert),
    /// A comment of an event stream.
    Comment(Comment),
    /// Events that never come.
    Drop(DropEvents),
    /// Events that come twice.
    Duplicate(Duplicate),
    /// Events that come very often.
    Repeat(Repeat),
    /// Events in another order.
    Reorder(Reorder),
    /// Other lines for the same events.
    Fields(Fields),
    /// Other line ends in an event stream.
    LineEnds(LineEnds),
    /// A UTF-8 byte order mark before the body.
    Bom,
    /// Other bytes in place of some.
    Replace(Replace),
    /// A compressed body.
    ContentEncoding(ContentEncoding),
    /// Another status.
    Status(Status),
    /// Headers set or removed.
    Headers(Headers),
    /// A `content-length` that is not the body's.
    ContentLength(ContentLength),
    /// Other chunks on the wire.
    Chunk(Chunk),
    /// Silence at a place.
    Stall(Stall),
    /// A server that says it will take no more requests.
    Goaway(Goaway),
    /// A slow line.
    Throttle(Throttle),
    /// The pace at which a fixture was recorded.
    RecordedPace,
    /// The connection ends at a place.
    Close(Close),
    /// A WebSocket that says goodbye at a place.
    CloseFrame(CloseFrame),
    /// All of the body, but not the chunk that ends it.
    NoFinalChunk,
}

/// What a fault acts on, in the order in which they act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Events,
    Bytes,
    Encoding,
    Head,
    Chunking,
    Timing,
    Ending,
}

/// Lets all faults act on an answer. Gives back what found nothing to act on.
pub(crate) fn apply(faults: &[Fault], draft: &mut Draft) -> Vec<String> {
    let mut ordered: Vec<(usize, &Fault)> = faults.iter().enumerate().collect();
    ordered.sort_by_key(|(_, fault)| fault.stage());
    let mut missed = Vec::new();
    for (at, fault) in ordered {
        if let Err(why) = fault.apply(draft) {
            missed.push(format!("faults[{at}]: {why}"));
        }
    }
    missed
}

impl Fault {
    /// What is wrong with its configuration, if anything.
    pub(crate) fn problem(&self) -> Option<String> {
        match self {
            Self::Insert(fault) => fault.problem(),
            Self::Comment(fault) => fault.problem(),
            Self::Drop(fault) => fault.0.problem(),
            Self::Duplicate(fault) => fault.0.problem(),
            Self::Repeat(fault) => fault.problem(),
            Self::Reorder(fault) => fault.problem(),
            Self::Replace(fault) => fault.problem(),
            Self::Status(fault) => fault.problem(),
            Self::Headers(fault) => fault.problem(),
            Self::Chunk(fault) => fault.problem(),
            Self::Throttle(fault) => fault.problem(),
            Self::Fields(_)
            | Self::LineEnds(_)
            | Self::Bom
            | Self::ContentEncoding(_)
            | Self::ContentLength(_)
            | Self::Stall(_)
            | Self::Goaway(_)
            | Self::Close(_)
            | Self::RecordedPace
            | Self::NoFinalChunk => None,
            Self::CloseFrame(fault) => fault.problem(),
        }
    }

    /// Why it has nothing to act on at an endpoint, whatever the answer.
    pub(crate) fn misplaced(&self, endpoint: Endpoint) -> Option<String> {
        let framed = endpoint == Endpoint::Websocket;
        match self {
            Self::CloseFrame(_) if !framed => {
                Some("close-frame: only a WebSocket has one; use `close`".to_owned())
            }
            Self::LineEnds(_)
            | Self::Bom
            | Self::Comment(_)
            | Self::ContentEncoding(_)
            | Self::Status(_)
            | Self::Headers(_)
            | Self::ContentLength(_)
            | Self::Chunk(_)
            | Self::Fields(_)
            | Self::Goaway(_)
            | Self::Throttle(_)
            | Self::RecordedPace
            | Self::NoFinalChunk
                if framed =>
            {
                Some("a WebSocket has nothing for this fault to act on".to_owned())
            }
            _ => None,
        }
    }

    /// Whether it does something else each time.
    pub(crate) fn varies(&self) -> bool {
        use Sweep::Answers;
        matches!(
            self,
            Self::Chunk(Chunk::Random(_) | Chunk::Split(Answers(_)) | Chunk::Pieces(Answers(_)))
        )
    }

    fn stage(&self) -> Stage {
        match self {
            Self::Insert(_)
            | Self::Comment(_)
            | Self::Drop(_)
            | Self::Duplicate(_)
            | Self::Repeat(_)
            | Self::Reorder(_)
            | Self::Fields(_) => Stage::Events,
            Self::LineEnds(_) | Self::Bom | Self::Replace(_) => Stage::Bytes,
            Self::ContentEncoding(_) => Stage::Encoding,
            Self::Status(_) | Self::Headers(_) | Self::ContentLength(_) => Stage::Head,
            Self::Chunk(_) => Stage::Chunking,
            Self::Stall(_) | Self::Goaway(_) | Self::Throttle(_) | Self::RecordedPace => {
                Stage::Timing
            }
            Self::Close(_) | Self::CloseFrame(_) | Self::NoFinalChunk => Stage::Ending,
        }
    }

    /// # Errors
    /// With why, when the answer has nothing for it to act on.
    fn apply(&self, draft: &mut Draft) -> Result<(), String> {
        match self {
            Self::Insert(fault) => fault.apply(draft),
            Self::Comment(fault) => fault.apply(draft),
            Self::Drop(fault) => fault.apply(draft),
            Self::Duplicate(fault) => fault.apply(draft),
            Self::Repeat(fault) => fault.apply(draft),
            Self::Reorder(fault) => fault.apply(draft),
            Self::Fields(fault) => fault.apply(draft),
            Self::LineEnds(fault) => fault.apply(draft),
            Self::Bom => bom::apply(draft),
            Self::Replace(fault) => fault.apply(draft),
            Self::ContentEncoding(fault) => fault.apply(draft),
            Self::Status(fault) => fault.apply(draft),
            Self::Headers(fault) => fault.apply(draft),
            Self::ContentLength(fault) => fault.apply(draft),
            Self::Chunk(fault) => fault.apply(draft),
            Self::Stall(fault) => fault.apply(draft),
            Self::Goaway(fault) => fault.apply(draft),
            Self::Throttle(fault) => fault.apply(draft),
            Self::RecordedPace => recorded_pace::apply(draft),
            Self::Close(fault) => fault.apply(draft),
            Self::CloseFrame(fault) => fault.apply(draft),
            Self::NoFinalChunk => no_final_chunk::apply(draft),
        }
    }
}

/// Bytes in hexadecimal, white space between them allowed: `ff fe`.
fn hex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let byte = |pair: &[char]| {
        let pair: String = pair.iter().collect();
        u8::from_str_radix(&pair, 16)
            .ok()
            .filter(|_| pair.len() == 2)
    };
    let bytes = digits.chunks(2).map(byte).collect::<Option<Vec<u8>>>();
    bytes.ok_or_else(|| format!("hex: `{text}` is not pairs of hexadecimal digits"))
}

#[cfg(test)]
mod tests;
