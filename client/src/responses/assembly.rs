//! Puts a response together from its events. The stream is the truth: the terminal event's own output is often empty.

use std::time::SystemTime;

use serde_json::Value;

use super::classify::{classify_error, failure_of_response};
use super::event::{Channel, Event, Place, string};
use super::item::{Content, FunctionCall, Item, Phase};
use super::slot::Slot;
use crate::error_body::integer;
use crate::failure::Failure;
use crate::redact::Redactor;

/// How a response ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// As it should.
    Completed,
    /// Cut short: what there is, is kept.
    Incomplete(IncompleteReason),
    /// By a failure.
    Failed(Failure),
    /// Cancelled by somebody.
    Cancelled,
}

/// Why a response was cut short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IncompleteReason {
    /// The limit of output tokens.
    MaxOutputTokens,
    /// The content filter.
    ContentFilter,
    /// Another reason, in the server's words.
    Other(String),
    /// None given.
    Unstated,
}

impl IncompleteReason {
    /// The server's name of the reason.
    pub fn name(&self) -> &str {
        match self {
            Self::MaxOutputTokens => "max_output_tokens",
            Self::ContentFilter => "content_filter",
            Self::Other(name) => name,
            Self::Unstated => "no reason given",
        }
    }
}

/// Token counts; what the server leaves out is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens read.
    pub input: Option<i64>,
    /// Of these, read from the cache.
    pub cached: Option<i64>,
    /// Tokens written.
    pub output: Option<i64>,
    /// Of these, spent on reasoning.
    pub reasoning: Option<i64>,
}

/// Something odd in a stream that did not keep it from being understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Deltas add up to another text than the event that declares it whole.
    TextDiffers {
        /// The item.
        output_index: Option<u64>,
        /// The text within it.
        channel: Channel,
    },
    /// The whole item differs from what was streamed of it.
    ItemDiffers {
        /// The item.
        output_index: Option<u64>,
    },
    /// A call that names no tool was dropped.
    CallWithoutName {
        /// The item.
        output_index: Option<u64>,
    },
    /// A call that cannot be answered was dropped.
    CallWithoutId {
        /// The item.
        output_index: Option<u64>,
    },
    /// The data of an event was no JSON object.
    NotJson,
}

/// A response that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// Its id.
    pub id: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Its output, in order.
    pub items: Vec<Item>,
    /// Token counts.
    pub usage: Usage,
    /// Oddities.
    pub facts: Vec<Fact>,
}

impl Response {
    /// The answer: the text of the final messages, or of all that are not commentary. Parts are joined as they are,
    /// messages by a line feed. A refusal is text too.
    pub fn text(&self) -> String {
        let messages = |wanted: fn(Phase) -> bool| -> Vec<String> {
            let messages = self.items.iter().filter_map(|item| match item {
                Item::Message { content, phase } if wanted(*phase) => Some(content),
                _ => None,
            });
            let join =
                |content: &Vec<Content>| content.iter().map(Content::text).collect::<String>();
            messages.map(join).filter(|text| !text.is_empty()).collect()
        };
        let is_final = |item: &Item| {
            matches!(
                item,
                Item::Message {
                    phase: Phase::FinalAnswer,
                    ..
                }
            )
        };
        let texts = if self.items.iter().any(is_final) {
            messages(|phase| phase == Phase::FinalAnswer)
        } else {
            messages(|phase| phase != Phase::Commentary)
        };
        texts.join("\n")
    }

    /// Whether the model declined in any part.
    pub fn is_refusal(&self) -> bool {
        let refuses = |part: &Content| matches!(part, Content::Refusal(text) if !text.is_empty());
        self.items.iter().any(
            |item| matches!(item, Item::Message { content, .. } if content.iter().any(refuses)),
        )
    }

    /// The calls to answer, in order.
    pub fn calls(&self) -> impl Iterator<Item = &FunctionCall> {
        self.items.iter().filter_map(|item| match item {
            Item::Call(call) => Some(call),
            _ => None,
        })
    }
}

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
        match event {
            Event::Ignored => {}
            Event::Lifecycle { response } => {
                self.id = self.id.take().or_else(|| string(response.get("id")))
            }
            Event::ItemAdded { place, item } => {
                let place = with_id(place, &item);
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
            } => self.slot(&place).delta(channel, &text),
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
        self.usage = usage(response.get("usage"));
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
            "incomplete" => Outcome::Incomplete(reason(response)),
            "cancelled" => Outcome::Cancelled,
            _ => Outcome::Failed(failure_of_response(
                response,
                &self.redactor,
                SystemTime::now(),
            )),
        });
        let output = response.get("output").and_then(Value::as_array);
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
            .and_then(|i| self.slots.iter().position(|s| s.output_index == Some(i)));
        let by_id = || {
            let id = place.item_id.as_ref()?;
            // With two indexes that differ, the index decides: the id is then another item's.
            let fits = |slot: &Slot| slot.output_index.is_none() || place.output_index.is_none();
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

fn reason(response: &Value) -> IncompleteReason {
    match response
        .get("incomplete_details")
        .and_then(|d| d.get("reason"))
        .and_then(Value::as_str)
    {
        Some("max_output_tokens") => IncompleteReason::MaxOutputTokens,
        Some("content_filter") => IncompleteReason::ContentFilter,
        Some(other) => IncompleteReason::Other(crate::redact::one_line(other, 64)),
        None => IncompleteReason::Unstated,
    }
}

fn usage(value: Option<&Value>) -> Usage {
    let get = |path: &[&str]| {
        path.iter()
            .try_fold(value?, |v, name| v.get(*name))
            .and_then(integer)
    };
    Usage {
        input: get(&["input_tokens"]),
        cached: get(&["input_tokens_details", "cached_tokens"]),
        output: get(&["output_tokens"]),
        reasoning: get(&["output_tokens_details", "reasoning_tokens"]),
    }
}

#[cfg(test)]
#[path = "assembly_tests.rs"]
mod tests;
