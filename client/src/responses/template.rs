//! The fixed bytes of a delta event that was read before. An event with the same bytes around its number, its text and
//! its padding is proven to mean the same, without being parsed: equal bytes cannot read otherwise.

use super::event::Channel;
use super::scan::{Body, digits, string};
use crate::sse::same;

/// A part of the event that changes from one to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hole {
    /// A whole number nobody acts on.
    Number,
    /// The text.
    Delta,
    /// A string nobody acts on.
    Padding,
}

/// An event with holes.
#[derive(Clone, Debug)]
pub(super) struct Template {
    /// All fixed bytes, one after the other.
    bytes: Vec<u8>,
    /// Each hole comes after so many of them.
    holes: Vec<(usize, Hole)>,
    pub(super) output_index: u64,
    pub(super) channel: Channel,
    /// The text that the event adds to: place of the slot, place of the text in it.
    pub(super) slot: usize,
    pub(super) text: usize,
    /// Which template came after this one last time.
    follower: usize,
}

impl Template {
    /// Whether `data` is this event again, and if so its text.
    #[inline]
    pub(super) fn matches<'d>(&self, data: &'d [u8]) -> Option<Body<'d>> {
        let (mut at, mut from, mut delta) = (0, 0, None);
        for &(to, hole) in &self.holes {
            let fixed = &self.bytes[from..to];
            if !same(data.get(at..at + fixed.len())?, fixed) {
                return None;
            }
            at += fixed.len();
            from = to;
            match hole {
                Hole::Number => at += digits(&data[at..])?,
                Hole::Delta => {
                    let (body, end) = string(data, at)?;
                    delta = Some(body);
                    at = end;
                }
                Hole::Padding => at = string(data, at)?.1,
            }
        }
        same(&data[at..], &self.bytes[from..])
            .then_some(delta)
            .flatten()
    }
}

/// The events read last, few and reused.
#[derive(Clone, Debug, Default)]
pub(super) struct Templates {
    known: Vec<Template>,
    last: usize,
    /// Which one is given up for a new one.
    oldest: usize,
}

const KNOWN: usize = 8;

impl Templates {
    /// The template that `data` fits, and its text.
    #[inline]
    pub(super) fn find<'d>(&mut self, data: &'d [u8]) -> Option<(&Template, Body<'d>)> {
        // Calls that are streamed in turn mostly keep their turns.
        let guess = self.known.get(self.last)?.follower;
        let found = self
            .known
            .get(guess)
            .and_then(|template| template.matches(data));
        let (at, body) = match found {
            Some(body) => (guess, body),
            None => {
                let tried = self.known.iter().enumerate().filter(|(at, _)| *at != guess);
                let mut found = tried.filter_map(|(at, known)| Some((at, known.matches(data)?)));
                let found = found.next()?;
                self.known[self.last].follower = found.0;
                found
            }
        };
        self.last = at;
        Some((&self.known[at], body))
    }

    /// Learns an event whose holes are these ranges, in order.
    pub(super) fn learn(
        &mut self,
        data: &[u8],
        holes: &[(usize, usize, Hole)],
        (output_index, channel): (u64, Channel),
        (slot, text): (usize, usize),
    ) {
        if self.known.len() < KNOWN {
            self.oldest = self.known.len();
            self.known.push(Template {
                bytes: Vec::new(),
                holes: Vec::new(),
                output_index,
                channel,
                slot,
                text,
                follower: 0,
            });
        } else {
            self.oldest = (self.oldest + 1) % KNOWN;
        }
        let template = &mut self.known[self.oldest];
        template.bytes.clear();
        template.holes.clear();
        let mut from = 0;
        for &(start, end, hole) in holes {
            template.bytes.extend_from_slice(&data[from..start]);
            template.holes.push((template.bytes.len(), hole));
            from = end;
        }
        template.bytes.extend_from_slice(&data[from..]);
        (template.output_index, template.channel) = (output_index, channel);
        (template.slot, template.text) = (slot, text);
        template.follower = self.oldest;
        if let Some(last) = self.known.get_mut(self.last) {
            last.follower = self.oldest;
        }
        self.last = self.oldest;
    }
}
