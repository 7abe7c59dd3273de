//! Content codings of request bodies (RFC 9110 §8.4).

use std::io::{self, Read};

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// Why a body could not be decoded.
#[derive(Debug, thiserror::Error)]
pub(super) enum CodingError {
    #[error("the content coding `{0}` is not spoken here")]
    Unknown(String),
    #[error("the body is not valid {0}: {1}")]
    Invalid(&'static str, io::Error),
    #[error("the decoded body is too large")]
    TooLarge,
}

/// Undoes the codings that a `content-encoding` header lists; the last one was applied last.
pub(super) fn decode(encodings: &str, body: &Bytes, limit: usize) -> Result<Bytes, CodingError> {
    let mut decoded = body.clone();
    for coding in encodings
        .rsplit(',')
        .map(str::trim)
        .filter(|coding| !coding.is_empty())
    {
        decoded = match coding.to_ascii_lowercase().as_str() {
            "identity" => decoded,
            "gzip" | "x-gzip" => read("gzip", MultiGzDecoder::new(&*decoded), limit)?,
            "deflate" => inflate(&decoded, limit)?,
            "zstd" => {
                let decoder = zstd::stream::read::Decoder::with_buffer(&*decoded);
                read(
                    "zstd",
                    decoder.map_err(|error| CodingError::Invalid("zstd", error))?,
                    limit,
                )?
            }
            other => return Err(CodingError::Unknown(other.to_owned())),
        };
    }
    Ok(decoded)
}

/// `deflate` is the zlib format (RFC 9110 §8.4.1.2), yet some programs send the bare one.
fn inflate(body: &Bytes, limit: usize) -> Result<Bytes, CodingError> {
    match read("deflate", ZlibDecoder::new(&**body), limit) {
        Err(CodingError::Invalid(..)) => read("deflate", DeflateDecoder::new(&**body), limit),
        other => other,
    }
}

fn read(name: &'static str, decoder: impl Read, limit: usize) -> Result<Bytes, CodingError> {
    let mut decoded = Vec::new();
    let mut bounded = decoder.take(limit as u64 + 1);
    bounded
        .read_to_end(&mut decoded)
        .map_err(|error| CodingError::Invalid(name, error))?;
    if decoded.len() > limit {
        Err(CodingError::TooLarge)
    } else {
        Ok(decoded.into())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    const TEXT: &[u8] = b"{\"model\":\"loginproof\"}";

    #[test]
    fn every_coding_is_undone() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(TEXT).unwrap();
        let gzip = gzip.finish().unwrap();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(TEXT).unwrap();
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::default());
        bare.write_all(TEXT).unwrap();
        let zstd = zstd::encode_all(TEXT, 3).unwrap();
        let both = zstd::encode_all(&*gzip, 3).unwrap();
        for (coding, body) in [
            ("gzip", gzip),
            ("Deflate", zlib.finish().unwrap()),
            ("deflate", bare.finish().unwrap()),
            ("zstd", zstd),
            ("gzip, zstd", both),
            ("identity", TEXT.to_vec()),
        ] {
            assert_eq!(
                decode(coding, &body.into(), 1 << 20).unwrap(),
                TEXT,
                "{coding}"
            );
        }
    }

    #[test]
    fn a_bomb_a_torn_body_and_an_unknown_coding_are_refused() {
        let bomb = zstd::encode_all(&[0_u8; 100_000][..], 3).unwrap();
        assert!(matches!(
            decode("zstd", &bomb.into(), 1_000),
            Err(CodingError::TooLarge)
        ));
        let torn = Bytes::from(zstd::encode_all(TEXT, 3).unwrap()).slice(..10);
        assert!(matches!(
            decode("zstd", &torn, 1_000),
            Err(CodingError::Invalid("zstd", _))
        ));
        assert!(matches!(
            decode("br", &Bytes::new(), 1),
            Err(CodingError::Unknown(_))
        ));
    }
}
