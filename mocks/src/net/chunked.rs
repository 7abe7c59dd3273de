//! Chunked bodies of requests (RFC 9112 §7.1). Bytes in, body out.

use bytes::{Buf, BytesMut};

/// Longest line: a chunk's size with its extensions, or one trailer.
const LONGEST_LINE: usize = 8 << 10;

/// Reads one chunked body.
#[derive(Debug)]
pub(super) struct ChunkedReader {
    state: State,
    body: Vec<u8>,
    limit: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Size,
    Data(usize),
    DataEnd,
    Trailers,
    Done,
}

/// Why a body cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ChunkError {
    #[error("a chunk of the request does not begin with its size")]
    Size,
    #[error("a chunk of the request does not end with CRLF")]
    End,
    #[error("the body of the request is too large")]
    TooLarge,
}

impl ChunkedReader {
    /// A reader that refuses bodies above `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            state: State::Size,
            body: Vec::new(),
            limit,
        }
    }

    /// Takes what it can from `input`. Gives back the body once it has ended.
    pub(super) fn feed(&mut self, input: &mut BytesMut) -> Result<Option<Vec<u8>>, ChunkError> {
        loop {
            match self.state {
                State::Size => {
                    let Some(line) = take_line(input, ChunkError::Size)? else {
                        return Ok(None);
                    };
                    self.state = match self.size(&line)? {
                        0 => State::Trailers,
                        size => State::Data(size),
                    };
                }
                State::Data(left) => {
                    let taken = left.min(input.len());
                    self.body.extend_from_slice(&input[..taken]);
                    input.advance(taken);
                    if taken < left {
                        self.state = State::Data(left - taken);
                        return Ok(None);
                    }
                    self.state = State::DataEnd;
                }
                State::DataEnd => {
                    let Some(line) = take_line(input, ChunkError::End)? else {
                        return Ok(None);
                    };
                    if !line.is_empty() {
                        return Err(ChunkError::End);
                    }
                    self.state = State::Size;
                }
                State::Trailers => {
                    let Some(line) = take_line(input, ChunkError::End)? else {
                        return Ok(None);
                    };
                    if line.is_empty() {
                        self.state = State::Done;
                    }
                }
                State::Done => return Ok(Some(std::mem::take(&mut self.body))),
            }
        }
    }

    fn size(&self, line: &[u8]) -> Result<usize, ChunkError> {
        let digits = line
            .split(|byte| *byte == b';')
            .next()
            .unwrap_or(line)
            .trim_ascii();
        let text = std::str::from_utf8(digits).map_err(|_| ChunkError::Size)?;
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ChunkError::Size);
        }
        let size = usize::from_str_radix(text, 16).map_err(|_| ChunkError::TooLarge)?;
        let total = self
            .body
            .len()
            .checked_add(size)
            .ok_or(ChunkError::TooLarge)?;
        if total <= self.limit {
            Ok(size)
        } else {
            Err(ChunkError::TooLarge)
        }
    }
}

fn take_line(input: &mut BytesMut, error: ChunkError) -> Result<Option<BytesMut>, ChunkError> {
    let Some(end) = input.iter().position(|byte| *byte == b'\n') else {
        return if input.len() > LONGEST_LINE {
            Err(error)
        } else {
            Ok(None)
        };
    };
    let mut line = input.split_to(end + 1);
    line.truncate(end);
    if line.last() != Some(&b'\r') {
        return Err(error);
    }
    line.truncate(end - 1);
    Ok(Some(line))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BODY: &[u8] =
        b"5;ext=1\r\nhello\r\n1\r\n \r\n0005\r\nworld\r\n0\r\nx-trailer: 1\r\n\r\nrest";

    proptest! {
        #[test]
        fn any_arrival_of_bytes_gives_the_same_body(cuts in prop::collection::vec(0..BODY.len(), 0..8)) {
            let mut cuts = cuts;
            cuts.push(BODY.len());
            cuts.sort_unstable();
            let mut reader = ChunkedReader::new(64);
            let mut input = BytesMut::new();
            let (mut start, mut body) = (0, None);
            for cut in cuts {
                input.extend_from_slice(&BODY[start..cut]);
                start = cut;
                body = body.or(reader.feed(&mut input).unwrap());
            }
            prop_assert_eq!(body.unwrap(), b"hello world");
            prop_assert_eq!(&input[..], b"rest");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for (bytes, error) in [
            ("x\r\n", ChunkError::Size),
            ("\r\n", ChunkError::Size),
            ("-1\r\n", ChunkError::Size),
            ("5\nhello", ChunkError::Size),
            ("1\r\nab\r\n", ChunkError::End),
            ("41\r\n", ChunkError::TooLarge),
            ("ffffffffffffffffff\r\n", ChunkError::TooLarge),
        ] {
            let mut reader = ChunkedReader::new(64);
            assert_eq!(
                reader.feed(&mut BytesMut::from(bytes)),
                Err(error),
                "{bytes:?}"
            );
        }
    }
}
