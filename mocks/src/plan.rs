//! From an answer to the writes that bring it onto the wire. Faults act on the [`Draft`]; the [`Plan`]
//! that comes of it is what a connection carries out. Neither knows how a protocol frames bytes.

use bytes::Bytes;
use rand::rngs::StdRng;

use crate::event_stream::{Segment, segments};
use crate::fault::{ErrorCode, How, Last, Place, Throttle, Time};
use crate::fixture::Arrival;
use crate::message::Answer;

/// An answer while faults act on it.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) headers: Vec<(String, String)>,
    /// The body: one per event, or one for all of another body.
    pub(crate) segments: Vec<Segment>,
    pub(crate) framing: Framing,
    /// Where chunks end, instead of at the end of each segment. Byte offsets.
    pub(crate) cuts: Option<Vec<usize>>,
    /// Further ends of chunks.
    pub(crate) extra_cuts: Vec<usize>,
    pub(crate) stalls: Vec<(Mark, Time)>,
    pub(crate) goaways: Vec<(Mark, (Last, ErrorCode))>,
    pub(crate) pace: Option<Throttle>,
    /// When the parts of the body came, where it is a recording that says so.
    pub(crate) arrivals: Vec<Arrival>,
    pub(crate) close: Option<(Mark, How)>,
    /// Where a WebSocket is closed by a frame.
    pub(crate) farewell: Option<(Mark, Farewell)>,
    /// Whether the framing's end is written: the last chunk of a chunked body.
    pub(crate) finish: bool,
    /// The how many-th answer of its endpoint this is, from 1.
    pub(crate) nth: usize,
    /// Seeded for this exchange alone, so that the order of exchanges changes nothing.
    pub(crate) random: StdRng,
}

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// By its length.
    Length,
    /// By chunks.
    Chunked,
    /// By a length that is not its length.
    WrongLength(u64),
}

/// A point of an answer, in the order of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mark {
    /// Before the status line.
    Start,
    /// After the headers.
    Head,
    /// Before this byte of the body; its length means after the last one.
    Byte(usize),
}

/// What a close frame says: a code and a reason, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Farewell(pub(crate) Option<(u16, String)>);

/// What a connection carries out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) framing: Framing,
    /// The whole body, what a cut leaves out included. The data of the steps are pieces of it, in order.
    pub(crate) body: Bytes,
    pub(crate) steps: Vec<Step>,
    pub(crate) end: End,
    pub(crate) pace: Option<Throttle>,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Status line and headers.
    Head,
    /// A chunk of so many bytes begins. What follows up to `ChunkEnd` is written at once, stalls apart.
    Chunk(usize),
    Data(Bytes),
    ChunkEnd,
    Stall(Time),
    /// Over HTTP/2, a GOAWAY frame.
    Goaway(Last, ErrorCode),
    /// The body ends here.
    Finish,
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The next request may come.
    Open,
    /// All was sent as the framing promised, then this.
    Closed(How),
    /// Something that was promised is missing, then this.
    Cut(How),
}

impl Draft {
    pub(crate) fn new(answer: Answer, random: StdRng) -> Self {
        let chunked = answer.is_event_stream()
            || answer
                .header("transfer-encoding")
                .is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
        let segments = if answer.is_event_stream() {
            segments(&answer.body)
        } else if answer.body.is_empty() {
            Vec::new()
        } else {
            vec![Segment::raw(answer.body)]
        };
        Self {
            status: answer.status,
            reason: answer.reason,
            headers: answer.headers,
            segments,
            framing: if chunked {
                Framing::Chunked
            } else {
                Framing::Length
            },
            cuts: None,
            extra_cuts: Vec::new(),
            stalls: Vec::new(),
            goaways: Vec::new(),
            pace: None,
            arrivals: Vec::new(),
            close: None,
            farewell: None,
            finish: true,
            nth: 1,
            random,
        }
    }

    /// Length of the body in bytes.
    pub(crate) fn length(&self) -> usize {
        self.segments
            .iter()
            .map(|segment| segment.bytes.len())
            .sum()
    }

    /// The whole body.
    pub(crate) fn body(&self) -> Vec<u8> {
        self.segments
            .iter()
            .flat_map(|segment| segment.bytes.iter().copied())
            .collect()
    }

    /// Positions of the events among the segments.
    pub(crate) fn events(&self) -> Vec<usize> {
        let events = self
            .segments
            .iter()
            .enumerate()
            .filter(|(_, segment)| segment.event.is_some());
        events.map(|(at, _)| at).collect()
    }

    /// The segment before which a place lies. `Start` and `Head` are before the first; `Byte` splits one.
    pub(crate) fn segment_at(&mut self, place: &Place) -> Result<usize, String> {
        let type_at = |segments: &[Segment], kind: &str| {
            let at = segments
                .iter()
                .position(|segment| segment.event.as_deref() == Some(kind));
            at.ok_or_else(|| format!("the answer has no event `{kind}`"))
        };
        match place {
            Place::Start | Place::Head => Ok(0),
            Place::End => Ok(self.segments.len()),
            Place::Event(index) => {
                let events = self.events();
                events.get(*index).copied().ok_or_else(|| {
                    format!(
                        "the answer has {} events, none with index {index}",
                        events.len()
                    )
                })
            }
            Place::Before(kind) => type_at(&self.segments, kind),
            Place::After(kind) => type_at(&self.segments, kind).map(|at| at + 1),
            Place::Byte(offset) => self.split_at(*offset),
        }
    }

    /// Where a place lies on the wire.
    pub(crate) fn mark(&mut self, place: &Place) -> Result<Mark, String> {
        match place {
            Place::Start => Ok(Mark::Start),
            Place::Head => Ok(Mark::Head),
            Place::Byte(offset) if *offset <= self.length() => Ok(Mark::Byte(*offset)),
            Place::Byte(offset) => Err(self.no_byte(*offset)),
            _ => {
                let at = self.segment_at(place)?;
                Ok(Mark::Byte(
                    self.segments[..at]
                        .iter()
                        .map(|segment| segment.bytes.len())
                        .sum(),
                ))
            }
        }
    }

    /// The steps that bring this answer onto the wire.
    pub(crate) fn plan(mut self) -> Plan {
        let body = Bytes::from(self.body());
        let length = body.len();
        let stalls = std::mem::take(&mut self.stalls).into_iter();
        let stalls = stalls.map(|(mark, time)| (mark, Step::Stall(time)));
        let goaways = std::mem::take(&mut self.goaways).into_iter();
        let goaways = goaways.map(|(mark, (last, code))| (mark, Step::Goaway(last, code)));
        let mut steps = Steps {
            due: goaways.chain(stalls).collect(),
            close: self.close,
            steps: Vec::new(),
            closed: None,
        };
        steps.due.sort_by_key(|(mark, _)| *mark);
        steps.pass(Mark::Start);
        steps.push(Step::Head);
        steps.pass(Mark::Head);
        let mut start = 0;
        for end in self.chunk_ends(length) {
            steps.chunk(&body, start..end);
            start = end;
        }
        steps.pass(Mark::Byte(length));
        if self.finish {
            steps.push(Step::Finish);
        }
        let whole = self.finish && !matches!(self.framing, Framing::WrongLength(_));
        let end = match steps.closed {
            // With a true length nothing is missing after the last byte.
            Some((Mark::Byte(at), how)) if at == length && self.framing == Framing::Length => {
                End::Closed(how)
            }
            Some((_, how)) => End::Cut(how),
            None if whole => End::Open,
            None => End::Cut(How::Fin),
        };
        Plan {
            status: self.status,
            reason: self.reason,
            headers: self.headers,
            framing: self.framing,
            body,
            steps: steps.steps,
            end,
            pace: self.pace,
        }
    }

    /// Where chunks end, in order, the body's end included.
    fn chunk_ends(&mut self, length: usize) -> Vec<usize> {
        let mut ends = self.cuts.take().unwrap_or_else(|| {
            let ends = self.segments.iter().scan(0, |end, segment| {
                *end += segment.bytes.len();
                Some(*end)
            });
            ends.collect()
        });
        ends.append(&mut self.extra_cuts);
        ends.push(length);
        ends.retain(|end| (1..=length).contains(end));
        ends.sort_unstable();
        ends.dedup();
        ends
    }

    fn split_at(&mut self, offset: usize) -> Result<usize, String> {
        let mut start = 0;
        for at in 0..self.segments.len() {
            if start == offset {
                return Ok(at);
            }
            let length = self.segments[at].bytes.len();
            if offset < start + length {
                let rest = self.segments[at].bytes.split_off(offset - start);
                self.segments.insert(at + 1, Segment::raw(rest));
                return Ok(at + 1);
            }
            start += length;
        }
        if start == offset {
            Ok(self.segments.len())
        } else {
            Err(self.no_byte(offset))
        }
    }

    fn no_byte(&self, offset: usize) -> String {
        format!(
            "the body has {} bytes, none with index {offset}",
            self.length()
        )
    }
}

/// Steps while they are put in order.
struct Steps {
    /// Those that no byte of the answer is part of.
    due: Vec<(Mark, Step)>,
    close: Option<(Mark, How)>,
    steps: Vec<Step>,
    closed: Option<(Mark, How)>,
}

impl Steps {
    fn push(&mut self, step: Step) {
        if self.closed.is_none() {
            self.steps.push(step);
        }
    }

    /// Everything that happens up to a mark: GOAWAY and stalls first, then the close.
    fn pass(&mut self, mark: Mark) {
        let due = self.due.partition_point(|(at, _)| *at <= mark);
        for (_, step) in self.due.drain(..due).collect::<Vec<_>>() {
            self.push(step);
        }
        if let Some(close) = self.close.take_if(|(at, _)| *at <= mark) {
            self.closed = self.closed.or(Some(close));
        }
    }

    fn chunk(&mut self, body: &Bytes, range: std::ops::Range<usize>) {
        self.pass(Mark::Byte(range.start));
        self.push(Step::Chunk(range.len()));
        let mut start = range.start;
        while let Some(at) = self.next_mark(start, range.end) {
            self.push(Step::Data(body.slice(start..at)));
            self.pass(Mark::Byte(at));
            start = at;
        }
        self.push(Step::Data(body.slice(start..range.end)));
        self.push(Step::ChunkEnd);
    }

    /// The next byte inside a chunk at which something happens.
    fn next_mark(&self, after: usize, before: usize) -> Option<usize> {
        let marks = self
            .due
            .iter()
            .map(|(mark, _)| *mark)
            .chain(self.close.map(|(mark, _)| mark));
        let inside = marks.filter_map(|mark| match mark {
            Mark::Byte(at) if after < at && at < before => Some(at),
            _ => None,
        });
        inside.min()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;

    use super::*;
    use crate::span::Span;

    fn draft(body: &str) -> Draft {
        let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
        let answer = Answer::new(200, headers, body.to_owned());
        Draft::new(answer, StdRng::seed_from_u64(1))
    }

    proptest! {
        #[test]
        fn whatever_is_cut_and_stalled_the_bytes_stay_in_order(
            body in "(data: [a-z]{0,5}\n\n){0,4}",
            cuts in prop::option::of(prop::collection::vec(0..60_usize, 0..6)),
            stalls in prop::collection::vec(0..60_usize, 0..4),
            close in prop::option::of(0..60_usize),
        ) {
            let mut draft = draft(&body);
            draft.cuts = cuts;
            let within = |at: usize| Mark::Byte(at.min(body.len()));
            draft.stalls = stalls.iter().map(|at| (within(*at), Time::For(Span::seconds(1)))).collect();
            draft.close = close.map(|at| (within(at), How::Fin));
            let plan = draft.plan();

            let (mut sent, mut promised, mut stalled) = (Vec::new(), 0, 0);
            for step in &plan.steps {
                match step {
                    Step::Chunk(length) => promised += length,
                    Step::Data(bytes) => sent.extend_from_slice(bytes),
                    Step::ChunkEnd => prop_assert_eq!(promised, sent.len()),
                    Step::Stall(_) => stalled += 1,
                    Step::Head | Step::Finish | Step::Goaway(..) => {}
                }
            }
            let end = close.map_or(body.len(), |at| at.min(body.len()));
            prop_assert_eq!(&sent, &body.as_bytes()[..end]);
            prop_assert_eq!(plan.steps.last() == Some(&Step::Finish), close.is_none());
            let due = stalls.iter().filter(|at| (**at).min(body.len()) <= end).count();
            prop_assert_eq!(stalled, due);
        }
    }
}
