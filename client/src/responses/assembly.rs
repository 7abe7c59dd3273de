//! Puts a response together from its events. The stream is the truth: the terminal event's own output is often empty.

use std::time::SystemTime;

use memchr::memmem::find;
use serde_json::Value;

use super::classify::{classify_error, failure_of_response};
use super::event::{Channel, Event, Place, string};
use super::lean::Kind;
use super::quick::Quick;
use super::reader::{Delta, Seen};
use super::response::{Fact, IncompleteReason, Outcome, Response, Usage};
use super::slot::Slot;
use super::template::Templates;
use crate::defect::{self, Defect};
use crate::failure::{Class, Failure};
use crate::redact::Redactor;
use crate::sse::Frame;

/// A response in the making.
///
/// ```
/// use loginproof_client::responses::{Assembly, Event, Outcome};
/// let mut assembly = Assembly::default();
/// for data in [
///     r#"{"type":"response.output_text.delta","output_index":0,"item_id":"msg_1","content_index":0,"delta":"Hi"}"#,
///     r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}"#,
/// ] {
///     assembly.push(Event::read("message", data).unwrap());
/// }
/// let response = assembly.finish().unwrap();
/// assert_eq!((response.text().as_str(), response.outcome), ("Hi", Outcome::Completed));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Assembly {
    pub(super) slots: Vec<Slot>,
    pub(super) templates: Templates,
    id: Option<String>,
    usage: Usage,
    outcome: Option<Outcome>,
    facts: Vec<Fact>,
    redactor: Redactor,
    events: u64,
    done_marker: bool,
}

impl Assembly {
    /// An assembly that keeps these secrets out of the text of failures.
    pub fn new(redactor: Redactor) -> Self {
        Self {
            redactor,
            ..Self::default()
        }
    }

    /// Takes one event as it was framed: the fast way of [`Event::read`] and [`push`](Self::push), with the same result.
    pub fn push_frame<'f>(&mut self, frame: Frame<'f>) -> Seen<'f> {
        if self.outcome.is_none()
            && !defect::any()
            && let Some(quick) = self.quick(frame.name, frame.data)
        {
            self.events += 1;
            return match quick {
                Quick::Delta {
                    output_index,
                    channel,
                    body,
                } if !body.bytes.is_empty() => {
                    Seen::Delta(Delta::quick(Some(output_index), channel, body))
                }
                Quick::Delta { .. } | Quick::Other => Seen::Other(frame),
            };
        }
        self.push_frame_slowly(frame)
    }

    /// The same without the fast way.
    pub(super) fn push_frame_slowly<'f>(&mut self, frame: Frame<'f>) -> Seen<'f> {
        let inside =
            || defect::active(Defect::DoneInsideText) && find(frame.data, b"[DONE]").is_some();
        // The sentinel of another API. It says nothing about this response.
        if frame.data.trim_ascii() == b"[DONE]" || inside() {
            self.done_marker = true;
            return Seen::DoneMarker;
        }
        if frame.data.is_empty() && defect::active(Defect::BlockWithoutDataFatal) {
            let why = "Expecting value: line 1 column 1 (char 0)";
            self.outcome = Some(Outcome::Failed(Failure::local(Class::Unreadable, why)));
            return Seen::Other(frame);
        }
        let event = frame.text();
        let Ok(event) = Event::read(&event.name, &event.data) else {
            self.push_unreadable();
            return Seen::Other(frame);
        };
        let seen = match &event {
            Event::Delta {
                place,
                channel,
                text,
            } if !text.is_empty() => {
                Seen::Delta(Delta::slow(place.output_index, *channel, text.clone()))
            }
            _ => Seen::Other(frame),
        };
        self.push(event);
        seen
    }

    /// Whether `[DONE]` has come, which other services end their streams with.
    pub fn saw_done_marker(&self) -> bool {
        self.done_marker
    }

    /// Takes one event. What comes after the end is ignored.
    pub fn push(&mut self, event: Event) {
        self.events += 1;
        let terminal = matches!(event, Event::Terminal { .. });
        if self.outcome.is_some() && !(terminal && defect::active(Defect::LastTerminalWins)) {
            return;
        }
        if self.misses_a_place(&event) {
            return;
        }
        if self.id.is_none()
            && !matches!(
                event,
                Event::Lifecycle { .. } | Event::Ignored | Event::Error(_)
            )
            && defect::active(Defect::CreatedDemanded)
        {
            let why = "expected `response.created` first";
            self.outcome = Some(Outcome::Failed(Failure::local(Class::Unreadable, why)));
            return;
        }
        match event {
            Event::Ignored => {}
            Event::Lifecycle { response } => {
                if defect::active(Defect::CreatedBeginsAnew) {
                    self.slots.clear();
                }
                self.id = self.id.take().or_else(|| string(response.get("id")))
            }
            Event::ItemAdded { place, item } => {
                if item.is_null() && defect::active(Defect::NullItemCrash) {
                    panic!("'NoneType' object has no attribute 'type'");
                }
                if defect::active(Defect::UnknownItemFatal)
                    && let Some(kind) = item.get("type").and_then(Value::as_str)
                    && Kind::named(kind).is_none()
                {
                    let why = "unknown variant of an output item";
                    self.outcome = Some(Outcome::Failed(Failure::local(Class::Unreadable, why)));
                    return;
                }
                let place = with_id(place, &item);
                self.slot_for_item(&place).add(item);
            }
            Event::ItemDone { place, item } => {
                let place = with_id(place, &item);
                self.slot(&place).item_done(item);
            }
            Event::Delta {
                place,
                channel,
                text,
            } => {
                if defect::active(Defect::UnannouncedIndexCrash) && !self.knows(&place) {
                    panic!("list index out of range");
                }
                let parallel =
                    channel == Channel::Arguments && defect::active(Defect::CallArgumentsOnFirst);
                let mut slots = self.slots.iter_mut();
                match slots.find(|slot| parallel && slot.is_call()) {
                    Some(first) => first.delta(channel, &text),
                    None => self.slot(&place).delta(channel, &text),
                }
            }
            Event::Done {
                place,
                channel,
                text,
                name,
            } => {
                let mut facts = std::mem::take(&mut self.facts);
                self.slot(&place).text_done(channel, text, name, &mut facts);
                self.facts = facts;
            }
            Event::Terminal { status, response } => self.end(&status, &response),
            Event::Error(body) => {
                self.outcome = Some(Outcome::Failed(classify_error(
                    &body,
                    None,
                    &self.redactor,
                    SystemTime::now(),
                )));
            }
        }
    }

    /// Notes an event that could not be read.
    pub fn push_unreadable(&mut self) {
        self.events += 1;
        self.facts.push(Fact::NotJson);
    }

    /// Ends the response without a word from the server.
    pub(crate) fn complete(&mut self) {
        self.outcome = Some(Outcome::Completed);
    }

    /// Whether an item that was not announced is too much for the reader.
    fn misses_a_place(&mut self, event: &Event) -> bool {
        let by_id = defect::active(Defect::ItemsByIdOnly);
        let fatal = defect::active(Defect::UnopenedItemFatal);
        if !(by_id || fatal) {
            return false;
        }
        let place = match event {
            Event::ItemDone { place, item } => with_id(place.clone(), item),
            Event::Done { place, .. } => place.clone(),
            Event::Delta { place, .. } if by_id => place.clone(),
            _ => return false,
        };
        let misses = !self.knows(&place);
        if misses && fatal {
            let failure = Failure::local(Class::Unreadable, "text part not found");
            self.outcome = Some(Outcome::Failed(failure));
        }
        misses
    }

    /// Whether a function call has begun.
    pub(crate) fn has_call(&self) -> bool {
        self.slots.iter().any(Slot::is_call)
    }

    /// Whether the connection's end is waited for, although the response has ended.
    pub(crate) fn waits_for_the_end(&self) -> bool {
        let failed = matches!(self.outcome, Some(Outcome::Failed(_)));
        defect::active(Defect::WaitsForTheEnd)
            || defect::active(Defect::LastTerminalWins)
            || (failed && defect::active(Defect::FailureWaitsForTheEnd))
    }

    /// Whether the response has ended: nothing that follows can change it, and the connection can go.
    pub fn is_ended(&self) -> bool {
        self.outcome.is_some()
    }

    /// How many events came, those without meaning included.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The text so far, for a stream that broke.
    pub fn partial_text(&self) -> String {
        self.clone().build(Outcome::Cancelled).text()
    }

    /// Oddities so far.
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// The response, or `None` while it has not ended: the end of a stream is not the end of a response.
    pub fn finish(mut self) -> Option<Response> {
        let outcome = self.outcome.take()?;
        Some(self.build(outcome))
    }

    fn build(mut self, outcome: Outcome) -> Response {
        let mut facts = self.facts;
        // Stable: items without an index stay in the order of their arrival, after the others.
        self.slots
            .sort_by_key(|slot| slot.output_index.unwrap_or(u64::MAX));
        if defect::active(Defect::TerminalOutputOnly) {
            self.slots.retain(|slot| !slot.terminal.is_absent());
        }
        let items = self
            .slots
            .into_iter()
            .filter_map(|slot| slot.build(&mut facts))
            .collect();
        Response {
            id: self.id,
            outcome,
            items,
            usage: self.usage,
            facts,
        }
    }

    pub(super) fn end(&mut self, status: &str, response: &Value) {
        self.id = self.id.take().or_else(|| string(response.get("id")));
        self.usage = Usage::read(response.get("usage"));
        // The object's own status is the finer word: `response.done` says nothing else.
        let stated = response
            .get("status")
            .and_then(Value::as_str)
            .filter(|s| *s != "in_progress" && *s != "queued");
        let status = match (status, stated) {
            ("completed" | "done", Some(stated)) => stated,
            ("done", None) => "completed",
            (status, _) => status,
        };
        self.outcome = Some(match status {
            "completed" => Outcome::Completed,
            "failed" if defect::active(Defect::FailedIsSuccess) => Outcome::Completed,
            "incomplete" if defect::active(Defect::IncompleteIsSuccess) => Outcome::Completed,
            "incomplete" => Outcome::Incomplete(IncompleteReason::read(response)),
            "cancelled" => Outcome::Cancelled,
            _ => Outcome::Failed(failure_of_response(
                response,
                &self.redactor,
                SystemTime::now(),
            )),
        });
        if self.usage.reasoning.is_none() && defect::active(Defect::UsageDemanded) {
            let why = "missing field `reasoning_tokens`";
            self.outcome = Some(Outcome::Failed(Failure::local(Class::Unreadable, why)));
        }
        let output = response.get("output").and_then(Value::as_array);
        if output.is_none() && defect::active(Defect::NullOutputCrash) {
            panic!("'NoneType' object is not iterable");
        }
        for (index, item) in output
            .into_iter()
            .flatten()
            .enumerate()
            .filter(|(_, item)| item.is_object())
        {
            let id = string(item.get("id"));
            let by_id = id
                .as_ref()
                .and_then(|id| self.slots.iter().position(|slot| slot.has_id(id)));
            if by_id.is_none() && defect::active(Defect::ItemsByIdOnly) {
                continue;
            }
            let place = Place {
                output_index: by_id.is_none().then_some(index as u64),
                item_id: id,
            };
            self.slot(&place).item_ended(item);
        }
    }

    /// The slot of a new item. A whole item at the same index with another id means that the server does not count.
    fn slot_for_item(&mut self, place: &Place) -> &mut Slot {
        let id = place.item_id.as_deref();
        let taken = self.find(place.output_index, id).is_some_and(|at| {
            let slot = &self.slots[at];
            !slot.done.is_absent() && id.is_some_and(|id| !slot.has_id(id))
        });
        if taken {
            self.slots.push(Slot::new(None, id));
            let last = self.slots.len() - 1;
            return &mut self.slots[last];
        }
        self.slot(place)
    }

    /// The slot of a place, made when it was never announced.
    fn slot(&mut self, place: &Place) -> &mut Slot {
        let at = self.slot_at(place.output_index, place.item_id.as_deref());
        &mut self.slots[at]
    }

    pub(super) fn slot_at(&mut self, output_index: Option<u64>, item_id: Option<&str>) -> usize {
        let at = self.find(output_index, item_id).unwrap_or_else(|| {
            self.slots.push(Slot::new(output_index, item_id));
            self.slots.len() - 1
        });
        self.slots[at].know(output_index, item_id);
        at
    }

    fn knows(&self, place: &Place) -> bool {
        self.find(place.output_index, place.item_id.as_deref())
            .is_some()
    }

    pub(super) fn find(&self, output_index: Option<u64>, item_id: Option<&str>) -> Option<usize> {
        let by_index = output_index
            .filter(|_| item_id.is_none() || !defect::active(Defect::ItemsByIdOnly))
            .and_then(|i| self.slots.iter().position(|s| s.output_index == Some(i)));
        let by_id = || {
            let id = item_id?;
            // With two indexes that differ, the index decides: the id is then another item's.
            let fits = |slot: &Slot| {
                slot.output_index.is_none()
                    || output_index.is_none()
                    || defect::active(Defect::ItemsByIdOnly)
            };
            self.slots
                .iter()
                .position(|slot| slot.has_id(id) && fits(slot))
        };
        // Without either key, the item that came last is meant.
        let last = || {
            (output_index.is_none() && item_id.is_none())
                .then(|| self.slots.len().checked_sub(1))
                .flatten()
        };
        by_index.or_else(by_id).or_else(last)
    }
}

fn with_id(mut place: Place, item: &Value) -> Place {
    place.item_id = place.item_id.or_else(|| string(item.get("id")));
    place
}

#[cfg(test)]
#[path = "assembly_tests.rs"]
mod tests;
