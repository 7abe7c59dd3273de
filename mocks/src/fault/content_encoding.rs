//! A compressed body.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::Draft;

/// The body goes out compressed, as edges do when a client says that it accepts it, and some when it did
/// not. Each event can be decoded as soon as it has arrived.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ContentEncoding {
    /// RFC 1952.
    Gzip,
    /// The zlib format, RFC 1950.
    Deflate,
    /// RFC 8878.
    Zstd,
}

impl ContentEncoding {
    pub(super) fn apply(self, draft: &mut Draft) -> Result<(), String> {
        let pieces: Vec<&[u8]> = draft
            .segments
            .iter()
            .map(|segment| &segment.bytes[..])
            .collect();
        // Encoders that write to memory do not fail.
        let encoded = self
            .encode(&pieces)
            .map_err(|error| format!("cannot encode: {error}"))?;
        for (segment, bytes) in draft.segments.iter_mut().zip(encoded) {
            segment.bytes = bytes;
        }
        draft
            .headers
            .retain(|(name, _)| !name.eq_ignore_ascii_case("content-encoding"));
        draft
            .headers
            .push(("content-encoding".to_owned(), self.name().to_owned()));
        Ok(())
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Zstd => "zstd",
        }
    }

    fn encode(self, pieces: &[&[u8]]) -> io::Result<Vec<Vec<u8>>> {
        match self {
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
                let mut encoded = flushed(&mut encoder, pieces, GzEncoder::get_mut)?;
                append(&mut encoded, encoder.finish()?);
                Ok(encoded)
            }
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
                let mut encoded = flushed(&mut encoder, pieces, ZlibEncoder::get_mut)?;
                append(&mut encoded, encoder.finish()?);
                Ok(encoded)
            }
            Self::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 0)?;
                let mut encoded = flushed(&mut encoder, pieces, |encoder| encoder.get_mut())?;
                append(&mut encoded, encoder.finish()?);
                Ok(encoded)
            }
        }
    }
}

/// What each piece adds to the encoded bytes.
fn flushed<E: Write>(
    encoder: &mut E,
    pieces: &[&[u8]],
    written: impl Fn(&mut E) -> &mut Vec<u8>,
) -> io::Result<Vec<Vec<u8>>> {
    let encode = |piece: &&[u8]| {
        encoder.write_all(piece)?;
        encoder.flush()?;
        Ok(std::mem::take(written(encoder)))
    };
    pieces.iter().map(encode).collect()
}

fn append(encoded: &mut [Vec<u8>], end: Vec<u8>) {
    if let Some(last) = encoded.last_mut() {
        last.extend(end);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use serde_json::json;

    use super::*;
    use crate::fault::tests::{act, body, five};

    #[test]
    fn the_body_decodes_to_what_it_was() {
        for name in ["gzip", "deflate", "zstd"] {
            let plain = body(&five());
            let mut draft = five();
            act(json!({ "content-encoding": name }), &mut draft);
            let encoded = draft.body();
            let mut decoded = String::new();
            match name {
                "gzip" => flate2::read::GzDecoder::new(&*encoded).read_to_string(&mut decoded),
                "deflate" => flate2::read::ZlibDecoder::new(&*encoded).read_to_string(&mut decoded),
                _ => zstd::stream::read::Decoder::new(&*encoded)
                    .unwrap()
                    .read_to_string(&mut decoded),
            }
            .unwrap();
            assert_eq!(decoded, plain, "{name}");
            assert!(
                draft
                    .headers
                    .contains(&("content-encoding".to_owned(), name.to_owned()))
            );
        }
    }

    #[test]
    fn the_first_event_decodes_before_the_second_is_there() {
        let mut draft = five();
        act(json!({ "content-encoding": "gzip" }), &mut draft);
        let mut decoder = flate2::write::GzDecoder::new(Vec::new());
        decoder.write_all(&draft.segments[0].bytes).unwrap();
        decoder.flush().unwrap();
        assert_eq!(decoder.get_ref(), b"event: a\ndata: {\"type\":\"a\"}\n\n");
    }
}
