//! Where the chunks of a body end.

use std::ops::Range;

use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::{Draft, Framing};
use crate::template::find;

/// Other chunks than one per event. Simulates proxies and slow links that cut a stream anywhere: inside
/// a line, a CRLF, a character. Every chunk is a write of its own.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Chunk {
    /// So many bytes each.
    Size(usize),
    /// Ends at these bytes of the body, and nowhere else.
    At(Vec<usize>),
    /// One byte each.
    EveryByte(bool),
    /// Of random sizes, the same for the same seed.
    Random(RandomChunk),
    /// One end more: before the first occurrence of this text.
    Before(String),
    /// One end more: in the middle of the first occurrence of this text.
    Inside(String),
    /// In two pieces, at every place in turn: the n-th behind its n-th byte.
    Split(Sweep),
    /// In pieces of every size in turn, 1 to 64 bytes: the n-th in pieces of n bytes. Events beyond stay whole.
    Pieces(Sweep),
}

/// What is counted while a cut goes from place to place, or a size from 1 to 64. After the last place it begins anew.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sweep {
    /// The events of one answer: every event is cut, each elsewhere, and nothing is cut between two events.
    Events,
    /// The answers of the endpoint: each is cut elsewhere.
    Answers(Stride),
}

/// Which places or sizes the answers of one scenario take, so that several scenarios share them.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stride {
    /// Of the first answer.
    pub first: usize,
    /// So much more for each that follows.
    pub step: usize,
}

/// Random sizes.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomChunk {
    /// The largest size in bytes; the smallest is 1.
    pub max: usize,
}

impl Chunk {
    pub(super) fn problem(&self) -> Option<String> {
        match self {
            Self::Size(0) | Self::Random(RandomChunk { max: 0 }) => {
                Some("chunk: a chunk has at least one byte".to_owned())
            }
            Self::EveryByte(false) => {
                Some("chunk.every-byte: write `true` or leave it out".to_owned())
            }
            Self::Inside(text) if text.len() < 2 => {
                Some("chunk.inside: the text needs at least two bytes".to_owned())
            }
            Self::Split(Sweep::Answers(Stride { first, step }))
            | Self::Pieces(Sweep::Answers(Stride { first, step }))
                if *first == 0 || *step == 0 =>
            {
                Some("chunk: `first` and `step` count from 1".to_owned())
            }
            Self::Before(text) if text.is_empty() => {
                Some("chunk.before: the text is empty".to_owned())
            }
            _ => None,
        }
    }

    pub(super) fn apply(&self, draft: &mut Draft) -> Result<(), String> {
        let length = draft.length();
        match self {
            Self::Size(size) => draft.cuts = Some((0..length).step_by((*size).max(1)).collect()),
            Self::EveryByte(_) => draft.cuts = Some((0..length).collect()),
            Self::At(ends) => {
                if let Some(beyond) = ends.iter().find(|end| **end > length) {
                    return Err(format!(
                        "the body has {length} bytes, none with index {beyond}"
                    ));
                }
                draft.cuts = Some(ends.clone());
            }
            Self::Random(RandomChunk { max }) => {
                let mut ends = Vec::new();
                let mut end = 0;
                while end < length {
                    end += draft.random.random_range(1..=(*max).max(1));
                    ends.push(end);
                }
                draft.cuts = Some(ends);
            }
            Self::Before(text) => draft.extra_cuts.push(at(draft, text)?),
            Self::Inside(text) => draft.extra_cuts.push(at(draft, text)? + text.len() / 2),
            Self::Split(sweep) => {
                let parts = sweep.parts(draft);
                let ends = parts.filter(|(part, _)| part.len() > 1);
                let ends = ends.map(|(part, nth)| part.start + 1 + (nth - 1) % (part.len() - 1));
                draft.cuts = Some(ends.collect());
            }
            Self::Pieces(sweep) => {
                let ends = sweep.parts(draft).flat_map(|(part, nth)| {
                    let size = match sweep {
                        Sweep::Events if nth > LARGEST_PIECE => part.len().max(1),
                        _ => (nth - 1) % LARGEST_PIECE + 1,
                    };
                    part.skip(size - 1).step_by(size).map(|last| last + 1)
                });
                draft.cuts = Some(ends.collect());
            }
        }
        if draft.framing == Framing::Length {
            draft.framing = Framing::Chunked;
        }
        Ok(())
    }
}

/// The largest size that `pieces` comes to.
const LARGEST_PIECE: usize = 64;

impl Sweep {
    /// What is cut: parts of the body, each with its number from 1.
    fn parts(self, draft: &Draft) -> std::vec::IntoIter<(Range<usize>, usize)> {
        let parts = match self {
            Self::Answers(Stride { first, step }) => {
                let nth = first.saturating_add((draft.nth.max(1) - 1).saturating_mul(step));
                vec![(0..draft.length(), nth)]
            }
            Self::Events => {
                let mut start = 0;
                let mut parts = Vec::new();
                for segment in &draft.segments {
                    let part = start..start + segment.bytes.len();
                    start = part.end;
                    if segment.event.is_some() {
                        parts.push((part, parts.len() + 1));
                    }
                }
                parts
            }
        };
        parts.into_iter()
    }
}

fn at(draft: &Draft, text: &str) -> Result<usize, String> {
    find(&draft.body(), text.as_bytes()).ok_or_else(|| format!("the body has no `{text}`"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fault::tests::{act, answer, chunks, fault, missed, stream};

    fn cut(json: serde_json::Value) -> Vec<String> {
        let mut draft = stream("data: 1\n\ndata: ü\n\n");
        act(json!({ "chunk": json }), &mut draft);
        chunks(&draft.plan())
    }

    #[test]
    fn chunks_end_where_the_fault_says() {
        assert_eq!(
            cut(json!({ "size": 10 })),
            ["data: 1\n\nd", "ata: \u{fc}\n\n"]
        );
        assert_eq!(
            cut(json!({ "at": [4, 8] })),
            ["data", ": 1\n", "\ndata: \u{fc}\n\n"]
        );
        assert_eq!(cut(json!({ "every-byte": true })).len(), 19);
        assert_eq!(
            cut(json!({ "before": "1" })),
            ["data: ", "1\n\n", "data: \u{fc}\n\n"]
        );
        let inside = cut(json!({ "inside": "ü" }));
        assert_eq!(inside, ["data: 1\n\n", "data: \u{fffd}", "\u{fffd}\n\n"]);
    }

    #[test]
    fn a_split_goes_through_all_places_event_by_event_or_answer_by_answer() {
        let body = "data: 1\n\n".repeat(9);
        let mut draft = stream(&body);
        act(json!({ "chunk": { "split": "events" } }), &mut draft);
        let all = chunks(&draft.plan());
        // Behind byte 1 of the first, 2 of the second, …, and behind byte 1 of the ninth again.
        let firsts: Vec<usize> = all.iter().map(String::len).collect();
        assert_eq!(firsts, [1, 10, 10, 10, 10, 10, 10, 10, 2, 8]);

        let places = (1..=9).map(|nth| {
            let mut draft = stream("data: 1\n\n");
            draft.nth = nth;
            let split = json!({ "split": { "answers": { "first": 2, "step": 3 } } });
            act(json!({ "chunk": split }), &mut draft);
            chunks(&draft.plan())[0].len()
        });
        assert_eq!(places.collect::<Vec<_>>(), [2, 5, 8, 3, 6, 1, 4, 7, 2]);
    }

    #[test]
    fn pieces_go_through_all_sizes() {
        let mut draft = stream(&"data: 1\n\n".repeat(3));
        act(json!({ "chunk": { "pieces": "events" } }), &mut draft);
        let lengths: Vec<usize> = chunks(&draft.plan()).iter().map(String::len).collect();
        assert_eq!(lengths, [&[1; 9][..], &[2, 2, 2, 2, 4, 3, 3]].concat());

        let mut draft = stream(&"data: 1\n\n".repeat(20));
        draft.nth = 66;
        let pieces = json!({ "pieces": { "answers": { "first": 1, "step": 1 } } });
        act(json!({ "chunk": pieces }), &mut draft);
        assert_eq!(chunks(&draft.plan()).len(), 90);
    }

    #[test]
    fn random_chunks_are_the_same_for_the_same_seed() {
        let random = json!({ "random": { "max": 4 } });
        let first = cut(random.clone());
        assert_eq!(first, cut(random));
        assert!(
            first.iter().all(|chunk| chunk.len() <= 4 + 2) && first.len() >= 5,
            "{first:?}"
        );
    }

    #[test]
    fn a_body_with_a_length_becomes_chunked() {
        let mut draft = answer("application/json", "{}");
        act(json!({ "chunk": { "size": 1 } }), &mut draft);
        assert_eq!(draft.plan().framing, Framing::Chunked);
    }

    #[test]
    fn chunks_that_cannot_be_are_refused() {
        for json in [
            json!({ "size": 0 }),
            json!({ "inside": "a" }),
            json!({ "every-byte": false }),
            json!({ "split": { "answers": { "first": 0, "step": 1 } } }),
        ] {
            assert!(
                fault(json!({ "chunk": json })).problem().is_some(),
                "{json}"
            );
        }
        let text = missed(
            json!({ "chunk": { "inside": "zz" } }),
            &mut stream("data: 1\n\n"),
        );
        assert_eq!(text, "faults[0]: the body has no `zz`");
    }
}
