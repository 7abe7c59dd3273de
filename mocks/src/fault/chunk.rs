//! Where the chunks of a body end.

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
        }
        if draft.framing == Framing::Length {
            draft.framing = Framing::Chunked;
        }
        Ok(())
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
