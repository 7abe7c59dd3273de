//! Responses streams as the service sends them, generated: the same bytes on every machine and on every run.
//!
//! Deltas of 1 to 20 bytes padded by `obfuscation`, every `.done` with the text once more, and all of it again in
//! `response.completed`.
//!
//! ```
//! use loginproof_streams::{Kind, Stream};
//!
//! let stream = Stream::new(Kind::Text, 1);
//! assert_eq!(stream.events, 2008);
//! assert!(stream.bytes.starts_with(b"event: response.created\n"));
//! ```

mod writer;

use std::fmt;
use std::str::FromStr;

use writer::{Words, Writer};

/// Which stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Reasoning summaries, messages, and three interleaved calls, over and over.
    Mix,
    /// One message in many deltas.
    Text,
    /// Three interleaved calls whose arguments are full of escapes.
    Tools,
    /// Few events with strings of one megabyte.
    Big,
}

impl Kind {
    /// Every stream.
    pub const ALL: [Self; 4] = [Self::Mix, Self::Text, Self::Tools, Self::Big];

    /// Its name on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mix => "mix",
            Self::Text => "text",
            Self::Tools => "tools",
            Self::Big => "big",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no stream of this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKind(String);

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Kind::ALL.map(Kind::name).join(", ");
        write!(f, "there is no stream `{}`; there is {names}", self.0)
    }
}

impl std::error::Error for UnknownKind {}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.name() == name)
            .ok_or_else(|| UnknownKind(name.to_owned()))
    }
}

/// A stream and what a reader must find in it.
#[derive(Clone, Debug)]
pub struct Stream {
    /// The bytes on the wire.
    pub bytes: Vec<u8>,
    /// How many events there are.
    pub events: usize,
    /// How many bytes of text all items hold together, unescaped.
    pub text_bytes: usize,
}

impl Stream {
    /// The stream of this kind; `parts` of 20 make it shorter, for readers that would take minutes.
    #[must_use]
    pub fn new(kind: Kind, parts: usize) -> Self {
        Self::thinned(kind, parts, 1)
    }

    /// The same items with some four hundred events: what a person sees come in, at the pace of live traffic.
    #[must_use]
    pub fn short(kind: Kind) -> Self {
        let share = match kind {
            Kind::Mix => 7,
            Kind::Text => 5,
            Kind::Tools => 20,
            Kind::Big => 100,
        };
        Self::thinned(kind, 1, share)
    }

    /// The same items with the fewest events: what a stream costs before its length counts.
    #[must_use]
    pub fn least(kind: Kind) -> Self {
        Self::thinned(kind, 1, usize::MAX)
    }

    /// A short message behind reasoning whose sealed content has `size` bytes. It comes in one event, and once more in
    /// the last one, as the service sends it.
    #[must_use]
    pub fn with_event_of(size: usize) -> Self {
        let mut writer = Writer::new();
        writer.begin();
        writer.sealed(size);
        writer.message(8);
        writer.complete()
    }

    /// A message of a few words.
    #[must_use]
    pub fn brief() -> Self {
        let mut writer = Writer::new();
        writer.begin();
        writer.message(8);
        writer.complete()
    }

    /// So many parts, and of the deltas in each only one of `share`, but at least one.
    fn thinned(kind: Kind, parts: usize, share: usize) -> Self {
        let some = |deltas: usize| (deltas / share).max(1);
        let mut writer = Writer::new();
        writer.begin();
        match kind {
            Kind::Mix => {
                for _ in 0..parts {
                    writer.reasoning(3, some(140));
                    writer.message(some(1000));
                    writer.calls(3, some(470), Words::Mixed);
                }
            }
            Kind::Text => writer.message(some(2000 * parts)),
            Kind::Tools => {
                for _ in 0..parts.div_ceil(4) {
                    writer.calls(3, some(2600), Words::Code);
                }
            }
            Kind::Big => {
                for words in [Words::Mixed, Words::Code, Words::Mixed, Words::Code] {
                    writer.large_message(some(50_000 * parts), words);
                }
            }
        }
        writer.complete()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FNV-1a.
    fn print(bytes: &[u8]) -> u64 {
        bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }

    /// What they were when their figures were first written down.
    const PRINTS: [u64; 4] = [
        0x9e42_d0ad_4e61_3e76,
        0x3bde_49e5_e4bd_f65d,
        0x7519_3f40_ffbd_cea7,
        0x1306_973d_2795_a8a0,
    ];

    #[test]
    fn every_stream_is_the_same_on_every_machine() {
        let prints = Kind::ALL.map(|kind| print(&Stream::new(kind, 1).bytes));
        assert_eq!(prints, PRINTS);
    }

    #[test]
    fn the_least_stream_has_the_items_of_the_whole_one() {
        for kind in Kind::ALL {
            let items = |stream: &Stream| {
                let text = String::from_utf8_lossy(&stream.bytes).into_owned();
                text.matches("event: response.output_item.done").count()
            };
            let (least, short, one) = (
                Stream::least(kind),
                Stream::short(kind),
                Stream::new(kind, 1),
            );
            assert_eq!(items(&least), items(&one), "{kind}");
            assert_eq!(items(&short), items(&one), "{kind}");
            assert!(
                least.events <= short.events && short.events <= one.events,
                "{kind}"
            );
            assert!(
                kind == Kind::Big || (350..500).contains(&short.events),
                "{kind}: {}",
                short.events
            );
        }
    }

    #[test]
    fn one_event_is_as_large_as_asked() {
        for size in [16 << 10, 1 << 20] {
            let stream = Stream::with_event_of(size);
            let text = String::from_utf8_lossy(&stream.bytes);
            let longest = text.split("\n\n").map(str::len).max().unwrap_or_default();
            assert!((size..size + 2000).contains(&longest), "{longest}");
        }
    }
}
