//! One item while it is being put together: what was announced, what deltas added up to, what was declared whole.

use std::collections::BTreeMap;

use serde_json::Value;

use super::event::{Channel, Place, string};
use super::item::{CallKind, Content, FunctionCall, Item, Phase};
use super::response::Fact;

use crate::defect::{self, Defect};

/// A text in the making.
#[derive(Clone, Debug, Default)]
struct Text {
    deltas: String,
    done: Option<String>,
}

impl Text {
    /// The whole text: what was declared whole, unless that is empty and the deltas are not.
    fn value(&self) -> &str {
        self.done
            .as_deref()
            .filter(|done| !done.is_empty())
            .unwrap_or(&self.deltas)
    }
}

/// An item in the making.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot {
    pub(super) output_index: Option<u64>,
    pub(super) ids: Vec<String>,
    added: Value,
    pub(super) done: Option<Value>,
    /// The item in the terminal event's output.
    pub(super) terminal: Option<Value>,
    texts: BTreeMap<Channel, Text>,
    name: Option<String>,
}

impl Slot {
    pub(super) fn new(place: &Place) -> Self {
        let mut slot = Self {
            output_index: place.output_index,
            ..Self::default()
        };
        slot.know(place);
        slot
    }

    /// Learns the other key of its place.
    pub(super) fn know(&mut self, place: &Place) {
        self.output_index = self.output_index.or(place.output_index);
        if let Some(id) = place.item_id.as_ref().filter(|id| !self.ids.contains(id)) {
            self.ids.push(id.clone());
        }
    }

    pub(super) fn add(&mut self, item: Value) {
        if self.added.is_null() {
            self.added = item;
        }
    }

    pub(super) fn delta(&mut self, channel: Channel, text: &str) {
        self.texts.entry(channel).or_default().deltas.push_str(text);
    }

    pub(super) fn text_done(
        &mut self,
        channel: Channel,
        whole: Option<String>,
        name: Option<String>,
        facts: &mut Vec<Fact>,
    ) {
        self.name = self.name.take().or(name);
        let text = self.texts.entry(channel).or_default();
        let Some(whole) = whole else { return };
        if defect::active(Defect::DoneTextDoubled) {
            text.deltas.push_str(&whole);
            return;
        }
        if matches!(channel, Channel::Text(_)) && defect::active(Defect::TextFromDeltasOnly) {
            return;
        }
        if !text.deltas.is_empty() && text.deltas != whole {
            facts.push(Fact::TextDiffers {
                output_index: self.output_index,
                channel,
            });
        }
        // A later, empty declaration does not take back an earlier one.
        if !whole.is_empty() || text.done.is_none() {
            text.done = Some(whole);
        }
    }

    /// Whether the item is a function call.
    pub(super) fn is_call(&self) -> bool {
        self.kind().as_deref() == Some("function_call")
    }

    /// The type of the item, from the best source that names one.
    fn kind(&self) -> Option<String> {
        let named = [
            self.done.as_ref(),
            self.terminal.as_ref(),
            Some(&self.added),
        ];
        if let Some(kind) = named
            .iter()
            .flatten()
            .find_map(|item| string(item.get("type")))
        {
            return Some(kind);
        }
        let kind = match self.texts.keys().next()? {
            Channel::Text(_) | Channel::Refusal(_) => "message",
            Channel::Reasoning(_) | Channel::Summary(_) => "reasoning",
            Channel::Arguments => "function_call",
            Channel::CustomInput => "custom_tool_call",
        };
        Some(kind.to_owned())
    }

    /// A member of the item, from the best source that has it.
    fn member(&self, name: &str) -> Option<&Value> {
        [
            self.done.as_ref(),
            self.terminal.as_ref(),
            Some(&self.added),
        ]
        .into_iter()
        .flatten()
        .find_map(|item| {
            item.get(name)
                .filter(|v| !v.is_null() && v.as_str() != Some(""))
        })
    }

    /// Puts the item together. `None` when nothing of it is known.
    pub(super) fn build(&self, facts: &mut Vec<Fact>) -> Option<Item> {
        if self.is_call() && self.done.is_none() && defect::active(Defect::UnclosedCallDropped) {
            return None;
        }
        Some(match self.kind()?.as_str() {
            "message" => self.message(facts),
            "reasoning" => self.reasoning(),
            "function_call" => {
                Item::Call(self.call(CallKind::Function, "arguments", Channel::Arguments, facts)?)
            }
            "custom_tool_call" => {
                Item::Call(self.call(CallKind::Custom, "input", Channel::CustomInput, facts)?)
            }
            _ => Item::Other(
                self.done
                    .clone()
                    .or_else(|| self.terminal.clone())
                    .unwrap_or_else(|| self.added.clone()),
            ),
        })
    }

    fn message(&self, facts: &mut Vec<Fact>) -> Item {
        let phase = match self.member("phase").and_then(Value::as_str) {
            Some("commentary" | "analysis") => Phase::Commentary,
            Some("final_answer") => Phase::FinalAnswer,
            _ => Phase::Unknown,
        };
        let of_item = |item: Option<&Value>| parts(item.and_then(|i| i.get("content")));
        let mut streamed = BTreeMap::new();
        for (channel, text) in &self.texts {
            let (index, content) = match channel {
                Channel::Text(index) => (*index, Content::Text(text.value().to_owned())),
                Channel::Refusal(index) => (*index, Content::Refusal(text.value().to_owned())),
                _ => continue,
            };
            streamed.insert(
                (index, matches!(content, Content::Refusal(_))),
                (content, text.done.is_some()),
            );
        }
        let declared = streamed.values().all(|(_, done)| *done) && !streamed.is_empty();
        let streamed: Vec<Content> = streamed.into_values().map(|(content, _)| content).collect();
        // Best source first; an empty one never outranks text that was seen.
        let (done, terminal) = (of_item(self.done.as_ref()), of_item(self.terminal.as_ref()));
        let only_streamed =
            defect::active(Defect::DoneTextDoubled) || defect::active(Defect::TextFromDeltasOnly);
        if only_streamed {
            return Item::Message {
                content: streamed,
                phase,
            };
        }
        let content = [
            &done,
            if declared { &streamed } else { &terminal },
            if declared { &terminal } else { &streamed },
        ]
        .into_iter()
        .find(|content| length(content) > 0)
        .cloned()
        .unwrap_or_else(|| {
            [done.clone(), terminal.clone(), streamed.clone()]
                .into_iter()
                .max_by_key(Vec::len)
                .unwrap_or_default()
        });
        if self.done.is_some() && length(&streamed) > 0 && streamed != content {
            facts.push(Fact::ItemDiffers {
                output_index: self.output_index,
            });
        }
        Item::Message { content, phase }
    }

    fn reasoning(&self) -> Item {
        let streamed = |pick: fn(&Channel) -> bool| -> Vec<String> {
            self.texts
                .iter()
                .filter(|(c, _)| pick(c))
                .map(|(_, t)| t.value().to_owned())
                .collect()
        };
        let listed = |name: &str| -> Vec<String> {
            let list = self.member(name).and_then(Value::as_array);
            list.into_iter()
                .flatten()
                .filter_map(|part| string(part.get("text")))
                .collect()
        };
        let or_streamed = |whole: Vec<String>, pick| {
            if whole.is_empty() {
                streamed(pick)
            } else {
                whole
            }
        };
        Item::Reasoning {
            summary: or_streamed(listed("summary"), |c| matches!(c, Channel::Summary(_))),
            text: or_streamed(listed("content"), |c| matches!(c, Channel::Reasoning(_))),
            encrypted: string(self.member("encrypted_content")),
        }
    }

    fn call(
        &self,
        kind: CallKind,
        member: &str,
        channel: Channel,
        facts: &mut Vec<Fact>,
    ) -> Option<FunctionCall> {
        let text = self.texts.get(&channel).cloned().unwrap_or_default();
        let of_item = |item: Option<&Value>| match item.and_then(|i| i.get(member)) {
            Some(Value::String(s)) if !s.is_empty() => Some(s.clone()),
            // Arguments belong into a string, but an object leaves no doubt either.
            Some(object @ Value::Object(_)) => Some(object.to_string()),
            _ => None,
        };
        let done = of_item(self.done.as_ref());
        if done
            .as_deref()
            .is_some_and(|done| !text.value().is_empty() && done != text.value())
        {
            facts.push(Fact::ItemDiffers {
                output_index: self.output_index,
            });
        }
        let declared = text.done.clone().filter(|d| !d.is_empty());
        let only_deltas = defect::active(Defect::CallArgumentsOnFirst)
            || defect::active(Defect::ArgumentsFromDeltasOnly);
        let arguments = Some(text.deltas.clone())
            .filter(|_| only_deltas)
            .or(done)
            .or(declared)
            .or_else(|| of_item(self.terminal.as_ref()))
            .or_else(|| Some(text.deltas).filter(|d| !d.is_empty()))
            .or_else(|| of_item(Some(&self.added)))
            .unwrap_or_default();
        let Some(name) = string(self.member("name")).or_else(|| self.name.clone()) else {
            facts.push(Fact::CallWithoutName {
                output_index: self.output_index,
            });
            return None;
        };
        let Some(call_id) = string(self.member("id"))
            .filter(|_| defect::active(Defect::ItemIdForCallId))
            .or_else(|| string(self.member("call_id")))
            .or_else(|| string(self.member("id")))
            .or_else(|| self.ids.first().cloned())
        else {
            facts.push(Fact::CallWithoutId {
                output_index: self.output_index,
            });
            return None;
        };
        Some(FunctionCall {
            kind,
            call_id,
            name,
            arguments,
        })
    }
}

fn length(content: &[Content]) -> usize {
    content.iter().map(|part| part.text().len()).sum()
}

fn parts(content: Option<&Value>) -> Vec<Content> {
    let list = match content {
        Some(Value::Array(list)) => list.as_slice(),
        Some(Value::String(text)) => return vec![Content::Text(text.clone())],
        _ => return Vec::new(),
    };
    list.iter()
        .filter_map(|part| match part.get("type").and_then(Value::as_str) {
            Some("output_text" | "text") => string(part.get("text")).map(Content::Text),
            Some("refusal") => string(part.get("refusal")).map(Content::Refusal),
            _ => None,
        })
        .collect()
}
