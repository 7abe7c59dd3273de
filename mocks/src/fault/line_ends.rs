//! Line ends of an event stream.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event_stream::next_line;
use crate::plan::Draft;

/// Every line ends so. All of these are right, and readers that know LF alone are not (WHATWG HTML §9.2.6).
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LineEnds {
    /// Carriage return and line feed, as many proxies and frameworks write.
    Crlf,
    /// Carriage return alone.
    Cr,
    /// Line feed alone.
    Lf,
    /// All three in turn.
    Mixed,
}

impl LineEnds {
    pub(super) fn apply(self, draft: &mut Draft) -> Result<(), String> {
        // Never LF right behind CR: an empty line between them would be lost, the two would be one end.
        let ends: &[&[u8]] = match self {
            Self::Crlf => &[b"\r\n"],
            Self::Cr => &[b"\r"],
            Self::Lf => &[b"\n"],
            Self::Mixed => &[b"\n", b"\r", b"\r\n"],
        };
        let mut ends = ends.iter().cycle();
        for segment in &mut draft.segments {
            let mut bytes = Vec::with_capacity(segment.bytes.len());
            let mut rest = &segment.bytes[..];
            while !rest.is_empty() {
                let (line, length) = next_line(rest);
                bytes.extend_from_slice(line);
                if line.len() < length {
                    bytes.extend(ends.next().into_iter().copied().flatten());
                }
                rest = &rest[length..];
            }
            segment.bytes = bytes;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::event_stream::blocks;
    use crate::fault::tests::{act, body, five, stream};

    #[test]
    fn every_line_ends_as_asked() {
        for (name, expected) in [
            ("crlf", "event: a\r\ndata: 1\r\n\r\n"),
            ("cr", "event: a\rdata: 1\r\r"),
            ("lf", "event: a\ndata: 1\n\n"),
            ("mixed", "event: a\ndata: 1\r\r\n"),
        ] {
            let mut draft = stream("event: a\ndata: 1\r\n\n");
            act(json!({ "line-ends": name }), &mut draft);
            assert_eq!(body(&draft), expected);
        }
    }

    #[test]
    fn the_events_stay_the_same() {
        let plain: Vec<_> = blocks(&five().body())
            .into_iter()
            .map(|block| block.data)
            .collect();
        for name in ["crlf", "cr", "lf", "mixed"] {
            let mut draft = five();
            act(json!({ "line-ends": name }), &mut draft);
            let data: Vec<_> = blocks(&draft.body())
                .into_iter()
                .map(|block| block.data)
                .collect();
            assert_eq!(data, plain, "{name}");
        }
    }
}
