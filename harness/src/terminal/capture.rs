//! Everything that went through the terminal or the pipes, with times, in bounded memory.

use std::collections::VecDeque;
use std::time::Duration;

/// Where bytes came from or went to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Shown by the terminal.
    Terminal,
    /// Standard output, through a pipe.
    Stdout,
    /// Standard error, through a pipe.
    Stderr,
    /// Typed, or written to standard input.
    Input,
    /// Answered by the terminal.
    Answer,
    /// The size changed; no bytes.
    Resize {
        /// Width.
        columns: u16,
        /// Height.
        rows: u16,
    },
}

/// Bytes that moved at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Since the start of the program.
    pub at: Duration,
    /// Where.
    pub stream: Stream,
    /// What.
    pub bytes: Vec<u8>,
}

/// A copy of all that was recorded.
#[derive(Clone, Debug)]
pub struct Capture {
    /// Size of the terminal at the start: columns and rows.
    pub size: (u16, u16),
    /// In the order of time.
    pub chunks: Vec<Chunk>,
    /// Bytes of output that were not kept: the middle of a flood.
    pub dropped: u64,
}

impl Capture {
    /// All bytes of these streams, in order.
    #[must_use]
    pub fn bytes(&self, streams: &[Stream]) -> Vec<u8> {
        let chunks = self
            .chunks
            .iter()
            .filter(|chunk| streams.contains(&chunk.stream));
        chunks
            .flat_map(|chunk| chunk.bytes.iter().copied())
            .collect()
    }
}

/// Keeps the first and the last `each` bytes, and counts what it drops between them.
#[derive(Debug)]
pub(super) struct Recorder {
    head: Vec<Chunk>,
    tail: VecDeque<Chunk>,
    head_size: usize,
    tail_size: usize,
    each: usize,
    dropped: u64,
}

/// What a chunk costs beside its bytes.
const OVERHEAD: usize = 64;
/// Bytes closer together than this are one chunk, so that a program which writes single bytes stays cheap.
const TOGETHER: Duration = Duration::from_millis(2);
const LONGEST: usize = 64 * 1024;

impl Recorder {
    pub(super) fn new(each: usize) -> Self {
        Self {
            head: Vec::new(),
            tail: VecDeque::new(),
            head_size: 0,
            tail_size: 0,
            each,
            dropped: 0,
        }
    }

    pub(super) fn record(&mut self, at: Duration, stream: Stream, bytes: &[u8]) {
        let in_head = self.head_size < self.each;
        let last = if in_head {
            self.head.last_mut()
        } else {
            self.tail.back_mut()
        };
        let size = match last {
            Some(last)
                if last.stream == stream
                    && at.saturating_sub(last.at) < TOGETHER
                    && last.bytes.len() + bytes.len() <= LONGEST =>
            {
                last.bytes.extend_from_slice(bytes);
                bytes.len()
            }
            _ => {
                let chunk = Chunk {
                    at,
                    stream,
                    bytes: bytes.to_vec(),
                };
                if in_head {
                    self.head.push(chunk)
                } else {
                    self.tail.push_back(chunk)
                }
                bytes.len() + OVERHEAD
            }
        };
        if in_head {
            self.head_size += size;
            return;
        }
        self.tail_size += size;
        while self.tail_size > self.each {
            let Some(chunk) = self.tail.pop_front() else {
                break;
            };
            self.tail_size -= chunk.bytes.len() + OVERHEAD;
            self.dropped += chunk.bytes.len() as u64;
        }
    }

    pub(super) fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.head.iter().chain(&self.tail)
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// All bytes that came, kept or not.
    pub(super) fn seen(&self) -> u64 {
        let kept: usize = self.chunks().map(|chunk| chunk.bytes.len()).sum();
        self.dropped + kept as u64
    }

    /// All kept bytes of one stream.
    pub(super) fn bytes(&self, stream: Stream) -> Vec<u8> {
        let chunks = || self.chunks().filter(|chunk| chunk.stream == stream);
        let mut all = Vec::with_capacity(chunks().map(|chunk| chunk.bytes.len()).sum());
        chunks().for_each(|chunk| all.extend_from_slice(&chunk.bytes));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_flood_is_dropped_and_counted() {
        let mut recorder = Recorder::new(10_000);
        for number in 0..2_000_u32 {
            recorder.record(
                Duration::from_secs(number.into()),
                Stream::Terminal,
                format!("{number:0100}").as_bytes(),
            );
        }
        let kept = recorder.bytes(Stream::Terminal);
        assert!(kept.starts_with(format!("{:0100}", 0).as_bytes()));
        assert!(kept.ends_with(format!("{:0100}", 1999).as_bytes()));
        assert_eq!(kept.len() as u64 + recorder.dropped(), 200_000);
        assert!(kept.len() < 20_000);
    }

    #[test]
    fn bytes_at_one_moment_are_one_chunk() {
        let mut recorder = Recorder::new(10_000);
        recorder.record(Duration::ZERO, Stream::Stdout, b"a");
        recorder.record(Duration::from_micros(10), Stream::Stdout, b"b");
        recorder.record(Duration::from_micros(20), Stream::Stderr, b"c");
        recorder.record(Duration::from_secs(1), Stream::Stderr, b"d");
        let chunks: Vec<_> = recorder
            .chunks()
            .map(|chunk| (chunk.stream, chunk.bytes.as_slice()))
            .collect();
        assert_eq!(
            chunks,
            [
                (Stream::Stdout, &b"ab"[..]),
                (Stream::Stderr, b"c"),
                (Stream::Stderr, b"d")
            ]
        );
    }
}
