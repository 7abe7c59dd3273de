//! One item while it is being put together: what was announced, what deltas added up to, what was declared whole.

use serde_json::Value;

use super::event::{Channel, string};
use super::item::{CallKind, Content, FunctionCall, Item, Phase};
use super::lean::{Kind, Lean, Member};
use super::response::Fact;
use super::text::Text;
use crate::defect::{self, Defect};

/// A text in the making.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    pub(super) deltas: Text,
    pub(super) done: Declared,
}

/// What the event says that declares a text whole.
#[derive(Clone, Debug, Default)]
pub(super) enum Declared {
    /// It has not come.
    #[default]
    Not,
    /// What the deltas add up to.
    Same,
    /// Something else.
    Other(String),
}

impl Told {
    /// The whole text: what was declared whole, unless that is empty and the deltas are not.
    fn value(&self) -> String {
        match &self.done {
            Declared::Other(done) if !done.is_empty() => done.clone(),
            _ => self.deltas.to_text(),
        }
    }

    fn finish(mut self, channel: Channel) -> Whole {
        let is_declared = !matches!(self.done, Declared::Not);
        let says_something = match &self.done {
            Declared::Not => false,
            Declared::Same => !self.deltas.is_empty(),
            Declared::Other(done) => !done.is_empty(),
        };
        let text = match self.done {
            Declared::Other(done) if !done.is_empty() => done,
            _ => self.deltas.take_text(),
        };
        Whole {
            channel,
            text,
            is_declared,
            says_something,
        }
    }
}

/// A text at the end.
struct Whole {
    channel: Channel,
    text: String,
    is_declared: bool,
    /// The declaration is not empty.
    says_something: bool,
}

/// Where something whole is known from.
#[derive(Clone, Debug, Default)]
pub(super) enum Source {
    #[default]
    Absent,
    /// As it came.
    Json(Value),
    /// Compared in place.
    Lean(Lean),
}

impl Source {
    fn json(&self) -> Option<&Value> {
        match self {
            Self::Json(value) => Some(value),
            Self::Absent | Self::Lean(_) => None,
        }
    }

    fn lean(&self) -> Option<&Lean> {
        match self {
            Self::Lean(lean) => Some(lean),
            Self::Absent | Self::Json(_) => None,
        }
    }

    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

/// An item in the making.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot {
    pub(super) output_index: Option<u64>,
    pub(super) ids: Vec<String>,
    pub(super) added: Source,
    pub(super) done: Source,
    /// The item in the terminal event's output.
    pub(super) terminal: Source,
    pub(super) texts: Vec<(Channel, Told)>,
    pub(super) name: Option<String>,
}

impl Slot {
    pub(super) fn new(output_index: Option<u64>, item_id: Option<&str>) -> Self {
        let mut slot = Self {
            output_index,
            ..Self::default()
        };
        slot.know(output_index, item_id);
        slot
    }

    /// Learns the other key of its place.
    pub(super) fn know(&mut self, output_index: Option<u64>, item_id: Option<&str>) {
        self.output_index = self.output_index.or(output_index);
        if let Some(id) = item_id.filter(|id| !self.has_id(id)) {
            self.ids.push(id.to_owned());
        }
    }

    pub(super) fn has_id(&self, id: &str) -> bool {
        self.ids.iter().any(|known| known == id)
    }

    pub(super) fn add(&mut self, item: Value) {
        if self.added.is_absent() && !item.is_null() {
            self.settle();
            self.added = Source::Json(item);
        }
    }

    pub(super) fn item_done(&mut self, item: Value) {
        if self.done.is_absent() && !item.is_null() {
            self.settle();
            self.done = Source::Json(item);
        }
    }

    pub(super) fn item_ended(&mut self, item: &Value) {
        if self.terminal.is_absent() {
            self.settle();
            self.terminal = Source::Json(item.clone());
        }
    }

    /// The place of a text among the others, for good.
    pub(super) fn text_at(&mut self, channel: Channel) -> usize {
        if let Some(at) = self.find_text(channel) {
            return at;
        }
        self.unseal();
        self.texts.push((channel, Told::default()));
        self.texts.len() - 1
    }

    pub(super) fn find_text(&self, channel: Channel) -> Option<usize> {
        self.texts.iter().position(|(known, _)| *known == channel)
    }

    /// The text that a piece can be added to without a second look: nothing whole has been said of it, or of the item.
    #[inline]
    pub(super) fn open_text(&mut self, at: usize) -> Option<&mut Text> {
        if !self.done.is_absent() || !self.terminal.is_absent() {
            return None;
        }
        match self.texts.get_mut(at) {
            Some((_, told)) if matches!(told.done, Declared::Not) => Some(&mut told.deltas),
            _ => None,
        }
    }

    pub(super) fn delta(&mut self, channel: Channel, text: &str) {
        let at = self.text_at(channel);
        if !text.is_empty() {
            self.unseal();
            let told = &mut self.texts[at].1;
            if matches!(told.done, Declared::Same) {
                told.done = Declared::Other(told.deltas.to_text());
            }
            told.deltas.push_str(text);
        }
    }

    pub(super) fn text_done(
        &mut self,
        channel: Channel,
        whole: Option<String>,
        name: Option<String>,
        facts: &mut Vec<Fact>,
    ) {
        self.name = self.name.take().or(name);
        let at = self.text_at(channel);
        let Some(whole) = whole else { return };
        self.unseal();
        let told = &mut self.texts[at].1;
        if defect::active(Defect::DoneTextDoubled) {
            told.deltas.push_str(&whole);
            return;
        }
        if only_deltas(channel) {
            return;
        }
        let same = told.deltas.equals(&whole);
        if !told.deltas.is_empty() && !same {
            facts.push(Fact::TextDiffers {
                output_index: self.output_index,
                channel,
            });
        }
        // A later, empty declaration does not take back an earlier one.
        if !whole.is_empty() || matches!(told.done, Declared::Not) {
            told.done = if same {
                Declared::Same
            } else {
                Declared::Other(whole)
            };
        }
    }

    /// The texts are about to change: whole items that repeated them must not change with them.
    fn unseal(&mut self) {
        if self.done.lean().or(self.terminal.lean()).is_some() {
            self.settle();
        }
    }

    /// Turns what was kept lean into the JSON that it stands for, before something changes that it was compared with.
    pub(super) fn settle(&mut self) {
        if self.lean().is_none() {
            return;
        }
        let mut streamed: Vec<(Channel, String)> = self
            .texts
            .iter()
            .map(|(channel, told)| (*channel, told.value()))
            .collect();
        streamed.sort_by_key(|(channel, _)| place_in_message(*channel));
        for source in [&mut self.added, &mut self.done, &mut self.terminal] {
            if let Source::Lean(lean) = source {
                *source = Source::Json(lean.to_json(&streamed));
            }
        }
    }

    /// Whether everything known whole is lean and of this kind, so that more of the same can be.
    pub(super) fn takes_lean(&self, kind: Kind) -> bool {
        [&self.added, &self.done, &self.terminal]
            .into_iter()
            .all(|source| match source {
                Source::Absent => true,
                Source::Json(_) => false,
                Source::Lean(lean) => lean.kind == kind,
            })
    }

    /// The lean item from the best source. With one, all sources are lean, and of one kind.
    fn lean(&self) -> Option<&Lean> {
        [&self.done, &self.terminal, &self.added]
            .into_iter()
            .find_map(Source::lean)
    }

    /// Whether the item is a function call.
    pub(super) fn is_call(&self) -> bool {
        self.kind().as_deref() == Some("function_call")
    }

    /// The type of the item, from the best source that names one.
    fn kind(&self) -> Option<String> {
        let kind = self.sources().find_map(|item| string(item.get("type")));
        if kind.is_some() {
            return kind;
        }
        let kind = match self.texts.iter().map(|(channel, _)| channel).min()? {
            Channel::Text(_) | Channel::Refusal(_) => "message",
            Channel::Reasoning(_) | Channel::Summary(_) => "reasoning",
            Channel::Arguments => "function_call",
            Channel::CustomInput => "custom_tool_call",
        };
        Some(kind.to_owned())
    }

    /// A member of the item, from the best source that has it.
    fn member(&self, name: &str) -> Option<&Value> {
        self.sources().find_map(|item| {
            item.get(name)
                .filter(|v| !v.is_null() && v.as_str() != Some(""))
        })
    }

    fn sources(&self) -> impl Iterator<Item = &Value> {
        [&self.done, &self.terminal, &self.added]
            .into_iter()
            .filter_map(Source::json)
    }

    /// Puts the item together. `None` when nothing of it is known.
    pub(super) fn build(mut self, facts: &mut Vec<Fact>) -> Option<Item> {
        if self.lean().is_some() {
            return self.build_lean(facts);
        }
        if defect::active(Defect::UnclosedCallDropped) && self.is_call() && self.done.is_absent() {
            return None;
        }
        let kind = self.kind()?;
        let mut texts = self.wholes();
        Some(match kind.as_str() {
            "message" => self.message(texts, facts),
            "reasoning" => self.reasoning(texts, facts),
            "function_call" => {
                let text = pick(&mut texts, Channel::Arguments);
                Item::Call(self.call(CallKind::Function, "arguments", text, facts)?)
            }
            "custom_tool_call" => {
                let text = pick(&mut texts, Channel::CustomInput);
                Item::Call(self.call(CallKind::Custom, "input", text, facts)?)
            }
            _ => Item::Other(self.sources().next().cloned().unwrap_or_default()),
        })
    }

    /// The texts, in the order of their channels.
    fn wholes(&mut self) -> Vec<Whole> {
        let mut texts: Vec<Whole> = std::mem::take(&mut self.texts)
            .into_iter()
            .map(|(channel, told)| told.finish(channel))
            .collect();
        texts.sort_by_key(|whole| whole.channel);
        texts
    }

    /// The same as `build`, where every whole item repeats the stream: the stream's own texts are the item.
    fn build_lean(mut self, facts: &mut Vec<Fact>) -> Option<Item> {
        let mut texts = self.wholes();
        let kind = self.lean()?.kind;
        let member = |member: Member| {
            [&self.done, &self.terminal, &self.added]
                .into_iter()
                .filter_map(Source::lean)
                .find_map(|lean| lean.member(member))
                .map(str::to_owned)
        };
        Some(match kind {
            Kind::Message => Item::Message {
                phase: phase(member(Member::Phase).as_deref()),
                content: streamed_content(texts)
                    .into_iter()
                    .map(|(c, _)| c)
                    .collect(),
            },
            Kind::Reasoning => Item::Reasoning {
                summary: streamed(&mut texts, |c| matches!(c, Channel::Summary(_))),
                text: streamed(&mut texts, |c| matches!(c, Channel::Reasoning(_))),
                encrypted: member(Member::Encrypted),
            },
            Kind::Call | Kind::Custom => {
                let (kind, channel) = match kind {
                    Kind::Custom => (CallKind::Custom, Channel::CustomInput),
                    _ => (CallKind::Function, Channel::Arguments),
                };
                let arguments = pick(&mut texts, channel).map(|whole| whole.text);
                let (name, call_id, id) = (
                    member(Member::Name),
                    member(Member::CallId),
                    member(Member::Id),
                );
                let (name, call_id) = self.keys(name, call_id.or(id), facts)?;
                Item::Call(FunctionCall {
                    kind,
                    call_id,
                    name,
                    arguments: arguments.unwrap_or_default(),
                })
            }
        })
    }

    fn message(&self, texts: Vec<Whole>, facts: &mut Vec<Fact>) -> Item {
        let phase = phase(self.member("phase").and_then(Value::as_str));
        let of_item = |item: Option<&Value>| parts(item.and_then(|i| i.get("content")));
        let streamed = streamed_content(texts);
        let declared = streamed.iter().all(|(_, done)| *done) && !streamed.is_empty();
        let streamed: Vec<Content> = streamed.into_iter().map(|(content, _)| content).collect();
        if defect::active(Defect::DoneTextDoubled) || defect::active(Defect::TextFromDeltasOnly) {
            let content = streamed;
            return Item::Message { content, phase };
        }
        // Best source first; an empty one never outranks text that was seen.
        let (done, terminal) = (of_item(self.done.json()), of_item(self.terminal.json()));
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
        if !self.done.is_absent() && length(&streamed) > 0 && streamed != content {
            facts.push(Fact::ItemDiffers {
                output_index: self.output_index,
            });
        }
        if length(&terminal) > 0 && terminal != content {
            facts.push(Fact::ResponseDiffers {
                output_index: self.output_index,
            });
        }
        Item::Message { content, phase }
    }

    fn reasoning(&self, mut texts: Vec<Whole>, facts: &mut Vec<Fact>) -> Item {
        let mut list = |name: &str, of: fn(&Channel) -> bool| {
            let streamed = streamed(&mut texts, of);
            let listed = |item: Option<&Value>| -> Vec<String> {
                let list = item
                    .and_then(|item| item.get(name))
                    .and_then(Value::as_array);
                list.into_iter()
                    .flatten()
                    .filter_map(|part| string(part.get("text")))
                    .collect()
            };
            let whole: Vec<String> = self
                .sources()
                .find(|item| {
                    item.get(name)
                        .is_some_and(|v| !v.is_null() && v.as_str() != Some(""))
                })
                .map(|item| listed(Some(item)))
                .unwrap_or_default();
            let done = listed(self.done.json());
            if !done.is_empty() && !streamed.is_empty() && done != streamed {
                facts.push(Fact::ItemDiffers {
                    output_index: self.output_index,
                });
            }
            let text = if whole.is_empty() { streamed } else { whole };
            let terminal = listed(self.terminal.json());
            if !terminal.is_empty() && terminal != text {
                facts.push(Fact::ResponseDiffers {
                    output_index: self.output_index,
                });
            }
            text
        };
        Item::Reasoning {
            summary: list("summary", |c| matches!(c, Channel::Summary(_))),
            text: list("content", |c| matches!(c, Channel::Reasoning(_))),
            encrypted: string(self.member("encrypted_content")),
        }
    }

    fn call(
        &self,
        kind: CallKind,
        member: &str,
        text: Option<Whole>,
        facts: &mut Vec<Fact>,
    ) -> Option<FunctionCall> {
        let of_item = |item: Option<&Value>| match item.and_then(|i| i.get(member)) {
            Some(Value::String(s)) if !s.is_empty() => Some(s.clone()),
            // Arguments belong into a string, but an object leaves no doubt either.
            Some(object @ Value::Object(_)) => Some(object.to_string()),
            _ => None,
        };
        let (streamed, is_declared) = text
            .map(|whole| (whole.text, whole.says_something))
            .unwrap_or_default();
        let (done, terminal) = (of_item(self.done.json()), of_item(self.terminal.json()));
        if done
            .as_deref()
            .is_some_and(|done| !streamed.is_empty() && done != streamed)
        {
            facts.push(Fact::ItemDiffers {
                output_index: self.output_index,
            });
        }
        let only = only_deltas(Channel::Arguments).then(|| streamed.clone());
        let streamed = Some(streamed).filter(|text| !text.is_empty());
        let (declared, deltas) = if is_declared {
            (streamed, None)
        } else {
            (None, streamed)
        };
        let arguments = only
            .or(done)
            .or(declared)
            .or_else(|| terminal.clone())
            .or(deltas)
            .or_else(|| of_item(self.added.json()))
            .unwrap_or_default();
        if terminal.is_some_and(|terminal| terminal != arguments) {
            facts.push(Fact::ResponseDiffers {
                output_index: self.output_index,
            });
        }
        let id = || string(self.member("id"));
        let item_id = defect::active(Defect::ItemIdForCallId).then(id).flatten();
        let call_id = item_id
            .or_else(|| string(self.member("call_id")))
            .or_else(id);
        let (name, call_id) = self.keys(string(self.member("name")), call_id, facts)?;
        Some(FunctionCall {
            kind,
            call_id,
            name,
            arguments,
        })
    }

    /// Name and id of a call, without which nobody can answer it.
    fn keys(
        &self,
        name: Option<String>,
        call_id: Option<String>,
        facts: &mut Vec<Fact>,
    ) -> Option<(String, String)> {
        let output_index = self.output_index;
        let Some(name) = name.or_else(|| self.name.clone()) else {
            facts.push(Fact::CallWithoutName { output_index });
            return None;
        };
        let Some(call_id) = call_id.or_else(|| self.ids.first().cloned()) else {
            facts.push(Fact::CallWithoutId { output_index });
            return None;
        };
        Some((name, call_id))
    }
}

/// Whether the deltas alone count, whatever is declared whole.
fn only_deltas(channel: Channel) -> bool {
    match channel {
        Channel::Text(_) => defect::active(Defect::TextFromDeltasOnly),
        Channel::Arguments | Channel::CustomInput => {
            defect::active(Defect::CallArgumentsOnFirst)
                || defect::active(Defect::ArgumentsFromDeltasOnly)
        }
        _ => false,
    }
}

fn phase(name: Option<&str>) -> Phase {
    match name {
        Some("commentary" | "analysis") => Phase::Commentary,
        Some("final_answer") => Phase::FinalAnswer,
        _ => Phase::Unknown,
    }
}

fn pick(texts: &mut Vec<Whole>, channel: Channel) -> Option<Whole> {
    let at = texts.iter().position(|whole| whole.channel == channel)?;
    Some(texts.swap_remove(at))
}

fn streamed(texts: &mut [Whole], of: fn(&Channel) -> bool) -> Vec<String> {
    texts
        .iter_mut()
        .filter(|whole| of(&whole.channel))
        .map(|whole| std::mem::take(&mut whole.text))
        .collect()
}

/// The parts of a message as they were streamed, and whether each was declared whole.
fn streamed_content(mut texts: Vec<Whole>) -> Vec<(Content, bool)> {
    texts.sort_by_key(|whole| place_in_message(whole.channel));
    texts
        .into_iter()
        .filter_map(|whole| match whole.channel {
            Channel::Text(_) => Some((Content::Text(whole.text), whole.is_declared)),
            Channel::Refusal(_) => Some((Content::Refusal(whole.text), whole.is_declared)),
            _ => None,
        })
        .collect()
}

/// Parts of a message come in the order of their index, whatever they are; other channels by themselves.
fn place_in_message(channel: Channel) -> (u64, Channel) {
    match channel {
        Channel::Text(index)
        | Channel::Refusal(index)
        | Channel::Summary(index)
        | Channel::Reasoning(index) => (index, channel),
        Channel::Arguments | Channel::CustomInput => (0, channel),
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
