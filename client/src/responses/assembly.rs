//! Puts a response together from its events. The stream is the truth: the terminal event's own output is often empty.

use std::time::SystemTime;

use serde_json::Value;

use super::classify::{classify_error, failure_of_response};
use super::event::{Channel, Event, Place, string};
use super::response::{Fact, IncompleteReason, Outcome, Response, Usage};
use super::slot::Slot;
use crate::defect::{self, Defect};
use crate::failure::{Class, Failure};
use crate::redact::Redactor;

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
    slots: Vec<Slot>,
    id: Option<String>,
    usage: Usage,
    outcome: Option<Outcome>,
    facts: Vec<Fact>,
    redactor: Redactor,
    events: u64,
}

impl Assembly {
    /// An assembly that keeps these secrets out of the text of failures.
    pub fn new(redactor: Redactor) -> Self {
        Self {
            redactor,
            ..Self::default()
        }
    }

    /// Takes one event. What comes after the end is ignored.
    pub fn push(&mut self, event: Event) {
        self.events += 1;
        if self.outcome.is_some() {
            return;
        }
        if self.misses_a_place(&event) {
            return;
        }
        match event {
            Event::Ignored => {}
            Event::Lifecycle { response } => {
                self.id = self.id.take().or_else(|| string(response.get("id")))
            }
            Event::ItemAdded { place, item } => {
                if item.is_null() && defect::active(Defect::NullItemCrash) {
                    panic!("'NoneType' object has no attribute 'type'");
                }
                let place = with_id(place, &item);
                let known = ["message", "reasoning", "function_call", "custom_tool_call"];
                let kind = item.get("type").and_then(Value::as_str);
                if kind.is_some_and(|kind| !known.contains(&kind))
                    && defect::active(Defect::UnknownItemFatal)
                {
                    let why = "unknown variant of an output item";
                    self.outcome = Some(Outcome::Failed(Failure::local(Class::Unreadable, why)));
                    return;
                }
                let slot = self.slot_for_item(&place);
                slot.add(item);
            }
            Event::ItemDone { place, item } => {
                let place = with_id(place, &item);
                let slot = self.slot(&place);
                if !item.is_null() {
                    slot.done.get_or_insert(item);
                }
            }
            Event::Delta {
                place,
                channel,
                text,
            } => {
                if self.find(&place).is_none() && defect::active(Defect::UnannouncedIndexCrash) {
                    panic!("list index out of range");
                }
                let parallel =
                    channel == Channel::Arguments && defect::active(Defect::CallArgumentsOnFirst);
                let first = self.slots.iter().position(Slot::is_call);
                match first.filter(|_| parallel) {
                    Some(first) => self.slots[first].delta(channel, &text),
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
        let place = match event {
            Event::ItemDone { place, item } => with_id(place.clone(), item),
            Event::Done { place, .. } => place.clone(),
            Event::Delta { place, .. } if by_id => place.clone(),
            _ => return false,
        };
        if !(by_id || fatal) || self.find(&place).is_some() {
            return false;
        }
        if fatal {
            let failure = Failure::local(Class::Unreadable, "text part not found");
            self.outcome = Some(Outcome::Failed(failure));
        }
        true
    }

    /// Whether a function call has begun.
    pub(crate) fn has_call(&self) -> bool {
        self.slots.iter().any(Slot::is_call)
    }

    /// Whether the connection's end is waited for, although the response has ended.
    pub(crate) fn waits_for_the_end(&self) -> bool {
        let failed = matches!(self.outcome, Some(Outcome::Failed(_)));
        defect::active(Defect::WaitsForTheEnd)
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
        self.build(Outcome::Cancelled).text()
    }

    /// Oddities so far.
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// The response, or `None` while it has not ended: the end of a stream is not the end of a response.
    pub fn finish(self) -> Option<Response> {
        let outcome = self.outcome.clone()?;
        Some(self.build(outcome))
    }

    fn build(&self, outcome: Outcome) -> Response {
        let mut facts = self.facts.clone();
        let mut slots: Vec<&Slot> = self.slots.iter().collect();
        // Stable: items without an index stay in the order of their arrival, after the others.
        slots.sort_by_key(|slot| slot.output_index.unwrap_or(u64::MAX));
        if defect::active(Defect::TerminalOutputOnly) {
            slots.retain(|slot| slot.terminal.is_some());
        }
        let items = slots
            .into_iter()
            .filter_map(|slot| slot.build(&mut facts))
            .collect();
        Response {
            id: self.id.clone(),
            outcome,
            items,
            usage: self.usage,
            facts,
        }
    }

    fn end(&mut self, status: &str, response: &Value) {
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
                .and_then(|id| self.slots.iter().position(|slot| slot.ids.contains(id)));
            if by_id.is_none() && defect::active(Defect::ItemsByIdOnly) {
                continue;
            }
            let place = Place {
                output_index: by_id.is_none().then_some(index as u64),
                item_id: id,
            };
            let slot = self.slot(&place);
            slot.terminal.get_or_insert_with(|| item.clone());
        }
    }

    /// The slot of a new item. A whole item at the same index with another id means that the server does not count.
    fn slot_for_item(&mut self, place: &Place) -> &mut Slot {
        let taken = self.find(place).is_some_and(|at| {
            let slot = &self.slots[at];
            slot.done.is_some()
                && place
                    .item_id
                    .as_ref()
                    .is_some_and(|id| !slot.ids.contains(id))
        });
        if taken {
            let place = Place {
                output_index: None,
                item_id: place.item_id.clone(),
            };
            self.slots.push(Slot::new(&place));
            let last = self.slots.len() - 1;
            return &mut self.slots[last];
        }
        self.slot(place)
    }

    /// The slot of a place, made when it was never announced.
    fn slot(&mut self, place: &Place) -> &mut Slot {
        let at = self.find(place).unwrap_or_else(|| {
            self.slots.push(Slot::new(place));
            self.slots.len() - 1
        });
        let slot = &mut self.slots[at];
        slot.know(place);
        slot
    }

    fn find(&self, place: &Place) -> Option<usize> {
        let by_index = place
            .output_index
            .filter(|_| place.item_id.is_none() || !defect::active(Defect::ItemsByIdOnly))
            .and_then(|i| self.slots.iter().position(|s| s.output_index == Some(i)));
        let by_id = || {
            let id = place.item_id.as_ref()?;
            // With two indexes that differ, the index decides: the id is then another item's.
            let fits = |slot: &Slot| {
                slot.output_index.is_none()
                    || place.output_index.is_none()
                    || defect::active(Defect::ItemsByIdOnly)
            };
            self.slots
                .iter()
                .position(|slot| slot.ids.contains(id) && fits(slot))
        };
        // Without either key, the item that came last is meant.
        let last = || {
            (place.output_index.is_none() && place.item_id.is_none())
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
