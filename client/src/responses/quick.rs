//! The fast way for the events that make up a stream, taken by the event's name and checked against the JSON's type.
//!
//! Everything here either does exactly what [`Event::read`](super::Event::read) and `Assembly::push` would do, or
//! returns `None` before anything was changed; the event then takes the general way.

use serde_json::{Map, Value};

use super::assembly::Assembly;
use super::event::Channel;
use super::lean::{Kind, Lean, Member, Texts};
use super::scan::{Body, Cursor};
use super::slot::{Declared, Slot, Source};
use super::template::Hole;

/// What was done.
pub(super) enum Quick<'d> {
    /// Text was added.
    Delta {
        output_index: u64,
        channel: Channel,
        body: Body<'d>,
    },
    /// Something else.
    Other,
}

/// The two indexes that a text can have within its item.
#[derive(Clone, Copy, Default)]
struct Inner {
    content: Option<u64>,
    summary: Option<u64>,
}

impl Assembly {
    /// Reads the event if it is one of those that a stream is full of.
    #[inline]
    pub(super) fn quick<'d>(&mut self, name: &[u8], data: &'d [u8]) -> Option<Quick<'d>> {
        if let Some((template, body)) = self.templates.find(data) {
            let (slot, text) = (template.slot, template.text);
            if let Some(text) = self
                .slots
                .get_mut(slot)
                .and_then(|slot| slot.open_text(text))
            {
                text.push_body(body);
                return Some(Quick::Delta {
                    output_index: template.output_index,
                    channel: template.channel,
                    body,
                });
            }
        }
        self.quick_by_name(name, data)
    }

    fn quick_by_name<'d>(&mut self, name: &[u8], data: &'d [u8]) -> Option<Quick<'d>> {
        let name = std::str::from_utf8(name).ok()?;
        let kind = name.strip_prefix("response.")?;
        let channel: fn(Inner) -> Channel = match kind.split_once('.') {
            Some(("output_text", _)) => |inner| Channel::Text(inner.content.unwrap_or(0)),
            Some(("refusal", _)) => |inner| Channel::Refusal(inner.content.unwrap_or(0)),
            Some(("reasoning_text", _)) => |inner| Channel::Reasoning(inner.content.unwrap_or(0)),
            Some(("reasoning_summary_text" | "reasoning_summary_part", _)) => {
                |inner| Channel::Summary(inner.summary.unwrap_or(0))
            }
            Some(("function_call_arguments", _)) => |_| Channel::Arguments,
            Some(("custom_tool_call_input", _)) => |_| Channel::CustomInput,
            Some(("content_part", "added")) => return self.quick_part_added(name, data),
            Some(("content_part", "done")) => return self.quick_part_done(name, data, None),
            Some(("output_item", "added")) => return self.quick_item_added(name, data),
            Some(("output_item", "done")) => return self.quick_item_done(name, data),
            None if kind == "completed" => return self.quick_completed(name, data),
            _ => return None,
        };
        match kind.split_once('.')? {
            ("reasoning_summary_part", "added") => {
                read(name, data, |cursor, _, _| cursor.skip().map(drop))?;
                Some(Quick::Other)
            }
            ("reasoning_summary_part", "done") => self.quick_part_done(name, data, Some(channel)),
            (_, "delta") => self.quick_delta(name, data, channel),
            (_, "done") => self.quick_text_done(name, data, channel),
            _ => None,
        }
    }

    fn quick_delta<'d>(
        &mut self,
        name: &str,
        data: &'d [u8],
        channel: fn(Inner) -> Channel,
    ) -> Option<Quick<'d>> {
        let mut delta = None;
        let mut holes = [(0, 0, Hole::Number); 3];
        let mut count = 0;
        let mut hole = |from, to, kind| {
            holes[count] = (from, to, kind);
            count += 1;
        };
        let mut padding = false;
        let place = read(name, data, |cursor, _, member| match member {
            b"sequence_number" => {
                cursor.peek()?;
                let from = cursor.at;
                cursor.number()?;
                hole(from, cursor.at, Hole::Number);
                Some(())
            }
            b"delta" => {
                let body = cursor.string()?;
                hole(cursor.at - 1 - body.bytes.len(), cursor.at - 1, Hole::Delta);
                delta.replace(body).is_none().then_some(())
            }
            b"obfuscation" => {
                let body = cursor.string()?;
                hole(
                    cursor.at - 1 - body.bytes.len(),
                    cursor.at - 1,
                    Hole::Padding,
                );
                (!std::mem::replace(&mut padding, true)).then_some(())
            }
            _ => cursor.skip().map(drop),
        })?;
        let (body, output_index) = (delta?, place.output_index?);
        let channel = channel(place.inner);
        let slot = self.slot_at(Some(output_index), place.item_id);
        let text = self.slots[slot].text_at(channel);
        let open = self.slots[slot].open_text(text)?;
        open.push_body(body);
        self.templates
            .learn(data, &holes[..count], (output_index, channel), (slot, text));
        Some(Quick::Delta {
            output_index,
            channel,
            body,
        })
    }

    fn quick_text_done<'d>(
        &mut self,
        name: &str,
        data: &'d [u8],
        channel: fn(Inner) -> Channel,
    ) -> Option<Quick<'d>> {
        let slots = &self.slots;
        let (mut found, mut called) = (None, None);
        let place = read(name, data, |cursor, place, member| match member {
            b"text" | b"refusal" | b"arguments" | b"input" => {
                let at = place.text(self, channel(place.inner))?;
                let wanted: &[u8] = match channel(place.inner) {
                    Channel::Refusal(_) => b"refusal",
                    Channel::Arguments => b"arguments",
                    Channel::CustomInput => b"input",
                    _ => b"text",
                };
                repeats(cursor, &slots[at.0], at.1)?;
                (member == wanted && found.replace(at).is_none()).then_some(())
            }
            b"name" => {
                let text = cursor.plain()?;
                called.replace(text).is_none().then_some(())
            }
            _ => cursor.skip().map(drop),
        })?;
        self.text_is_whole(&place, channel(place.inner), found?, called)
    }

    fn quick_part_done<'d>(
        &mut self,
        name: &str,
        data: &'d [u8],
        channel: Option<fn(Inner) -> Channel>,
    ) -> Option<Quick<'d>> {
        let mut found = None;
        let place = read(name, data, |cursor, place, member| {
            if member != b"part" {
                return cursor.skip().map(drop);
            }
            let mut kind = None;
            cursor.object(|cursor, member| match member {
                b"type" => {
                    let name = cursor.plain()?;
                    kind.replace(name).is_none().then_some(())
                }
                b"text" | b"refusal" => {
                    let index = place.inner.content.unwrap_or(0);
                    let (channel, wanted) = match (channel, kind) {
                        (Some(channel), _) => (channel(place.inner), &b"text"[..]),
                        (None, Some("output_text" | "text")) => {
                            (Channel::Text(index), &b"text"[..])
                        }
                        (None, Some("refusal")) => (Channel::Refusal(index), &b"refusal"[..]),
                        (None, Some("reasoning_text")) => (Channel::Reasoning(index), &b"text"[..]),
                        _ => return None,
                    };
                    let at = place.text(self, channel)?;
                    repeats(cursor, &self.slots[at.0], at.1)?;
                    (member == wanted && found.replace((at, channel)).is_none()).then_some(())
                }
                _ => cursor.skip().map(drop),
            })
        })?;
        let (at, channel) = found?;
        self.text_is_whole(&place, channel, at, None)
    }

    /// A text was declared whole, and is what its deltas add up to.
    fn text_is_whole<'d>(
        &mut self,
        place: &Place<'_>,
        channel: Channel,
        found: (usize, usize),
        called: Option<&str>,
    ) -> Option<Quick<'d>> {
        // What was read after the text may have led elsewhere.
        if place.text(self, channel)? != found {
            return None;
        }
        let slot = &mut self.slots[found.0];
        slot.know(place.output_index, place.item_id);
        if slot.name.is_none() {
            slot.name = called.map(str::to_owned);
        }
        slot.texts[found.1].1.done = Declared::Same;
        Some(Quick::Other)
    }

    fn quick_part_added<'d>(&mut self, name: &str, data: &'d [u8]) -> Option<Quick<'d>> {
        let (mut kind, mut text) = (None, None);
        let place = read(name, data, |cursor, _, member| {
            if member != b"part" {
                return cursor.skip().map(drop);
            }
            cursor.object(|cursor, member| match member {
                b"type" => {
                    let name = cursor.plain()?;
                    kind.replace(name).is_none().then_some(())
                }
                b"text" | b"refusal" => {
                    let body = cursor.string()?;
                    text.replace(body).is_none().then_some(())
                }
                _ => cursor.skip().map(drop),
            })
        })?;
        let index = place.inner.content.unwrap_or(0);
        let channel = match kind? {
            "output_text" | "text" => Channel::Text(index),
            "refusal" => Channel::Refusal(index),
            "reasoning_text" => Channel::Reasoning(index),
            _ => return None,
        };
        if !text?.bytes.is_empty() {
            return None;
        }
        let slot = self.slot_at(Some(place.output_index?), place.item_id);
        self.slots[slot].text_at(channel);
        Some(Quick::Other)
    }

    fn quick_item_added<'d>(&mut self, name: &str, data: &'d [u8]) -> Option<Quick<'d>> {
        let mut item = None;
        let place = read(name, data, |cursor, _, member| {
            if member != b"item" {
                return cursor.skip().map(drop);
            }
            let found = self.lean_item(cursor, |_| None)?;
            item.replace(found).is_none().then_some(())
        })?;
        let (_, id, lean) = item?;
        let (index, id) = (place.output_index?, place.item_id.or(id));
        // Only for an item that nobody has heard of.
        if self.find(Some(index), id).is_some() {
            return None;
        }
        let slot = self.slot_at(Some(index), id);
        self.slots[slot].added = Source::Lean(lean);
        Some(Quick::Other)
    }

    fn quick_item_done<'d>(&mut self, name: &str, data: &'d [u8]) -> Option<Quick<'d>> {
        let mut item = None;
        let place = read(name, data, |cursor, place, member| {
            if member != b"item" {
                return cursor.skip().map(drop);
            }
            let slot = self.find(Some(place.output_index?), None);
            let found = self.lean_item(cursor, |_| slot)?;
            item.replace(found).is_none().then_some(())
        })?;
        let (slot, id, lean) = item?;
        let slot = slot?;
        if self.find(place.output_index, None) != Some(slot) || !self.slots[slot].done.is_absent() {
            return None;
        }
        self.slots[slot].know(place.output_index, place.item_id.or(id));
        self.slots[slot].done = Source::Lean(lean);
        Some(Quick::Other)
    }

    fn quick_completed<'d>(&mut self, name: &str, data: &'d [u8]) -> Option<Quick<'d>> {
        let mut response = None;
        let mut items = Vec::new();
        read(name, data, |cursor, _, member| {
            if member != b"response" {
                return cursor.skip().map(drop);
            }
            let (mut known, mut has_output) = (Map::new(), false);
            cursor.object(|cursor, member| match member {
                b"output" => {
                    if std::mem::replace(&mut has_output, true) {
                        return None;
                    }
                    cursor.array(|cursor| {
                        let by_id = |id: Option<&str>| {
                            let id = id?;
                            self.slots.iter().position(|slot| slot.has_id(id))
                        };
                        let (slot, id, lean) = self.lean_item(cursor, by_id)?;
                        let slot = slot.filter(|slot| by_id(id) == Some(*slot))?;
                        items.push((slot, lean));
                        self.slots[slot].terminal.is_absent().then_some(())
                    })
                }
                b"id" | b"status" | b"usage" | b"error" | b"incomplete_details" => {
                    let value = serde_json::from_slice::<Value>(cursor.skip()?).ok()?;
                    let name = std::str::from_utf8(member).ok()?;
                    known.insert(name.to_owned(), value).is_none().then_some(())
                }
                _ => cursor.skip().map(drop),
            })?;
            response
                .replace(Value::Object(known))
                .is_none()
                .then_some(())
        })?;
        let response = response?;
        // Two items for one slot: the second is not looked at on the general way.
        let mut slots: Vec<usize> = items.iter().map(|(slot, _)| *slot).collect();
        slots.sort_unstable();
        if slots.windows(2).any(|pair| pair[0] == pair[1]) {
            return None;
        }
        self.end("completed", &response);
        for (slot, lean) in items {
            self.slots[slot].terminal = Source::Lean(lean);
        }
        Some(Quick::Other)
    }

    /// Reads a whole item and compares its texts with those of the slot that `locate` finds by its id. Returns the slot,
    /// the id, and the rest.
    fn lean_item<'d>(
        &self,
        cursor: &mut Cursor<'d>,
        locate: impl Fn(Option<&str>) -> Option<usize>,
    ) -> Option<(Option<usize>, Option<&'d str>, Lean)> {
        let mut members = [None; 5];
        let mut seen = [false; 5];
        let (mut kind, mut slot) = (None, None);
        let (mut texts, mut inner) = (Texts::Missing, Texts::Missing);
        cursor.object(|cursor, member| {
            if member == b"type" {
                let name = Kind::named(cursor.plain()?)?;
                return kind.replace(name).is_none().then_some(());
            }
            if let Some(known) = Member::named(member) {
                let at = known as usize;
                members[at] = cursor.plain_or_nothing()?;
                if at == Member::Id as usize && members[at].is_none() {
                    return None;
                }
                return (!std::mem::replace(&mut seen[at], true)).then_some(());
            }
            let (kind, told) = match (member, kind) {
                (b"content", Some(Kind::Reasoning)) => (Kind::Reasoning, &mut inner),
                (b"content", Some(kind @ Kind::Message)) => (kind, &mut texts),
                (b"summary", Some(kind @ Kind::Reasoning)) => (kind, &mut texts),
                (b"arguments", Some(kind @ Kind::Call)) => (kind, &mut texts),
                (b"input", Some(kind @ Kind::Custom)) => (kind, &mut texts),
                (b"content" | b"summary" | b"arguments" | b"input", _) => return None,
                _ => return cursor.skip().map(drop),
            };
            if *told != Texts::Missing {
                return None;
            }
            slot = slot.or_else(|| locate(members[Member::Id as usize]));
            let streamed = slot.map(|slot| &self.slots[slot]);
            *told = match member {
                b"arguments" => same_string(cursor, streamed, Channel::Arguments)?,
                b"input" => same_string(cursor, streamed, Channel::CustomInput)?,
                _ => same_list(cursor, streamed, kind, member == b"summary")?,
            };
            Some(())
        })?;
        let (kind, id) = (kind?, members[Member::Id as usize]);
        let slot = slot.or_else(|| locate(id));
        if slot.is_some_and(|slot| !self.slots[slot].takes_lean(kind)) {
            return None;
        }
        Some((slot, id, Lean::new(kind, &members, texts, inner)?))
    }
}

/// Whether the string here repeats what was streamed.
fn same_string(cursor: &mut Cursor<'_>, slot: Option<&Slot>, channel: Channel) -> Option<Texts> {
    if let Some((slot, at)) = slot.and_then(|slot| Some((slot, slot.find_text(channel)?))) {
        let from = cursor.at;
        if repeats(cursor, slot, at).is_some() {
            return Some(match slot.texts[at].1.deltas.is_empty() {
                true => Texts::Empty,
                false => Texts::Same,
            });
        }
        cursor.at = from;
    }
    cursor.string()?.bytes.is_empty().then_some(Texts::Empty)
}

/// Whether the list of parts here repeats what was streamed, part by part and none left out.
fn same_list(
    cursor: &mut Cursor<'_>,
    slot: Option<&Slot>,
    kind: Kind,
    is_summary: bool,
) -> Option<Texts> {
    let mut count = 0;
    cursor.array(|cursor| {
        let slot = slot?;
        let (mut part, mut found) = (None, false);
        cursor.object(|cursor, member| match member {
            b"type" => {
                let name = cursor.plain()?;
                part.replace(name).is_none().then_some(())
            }
            b"text" | b"refusal" => {
                let channel = match (kind, part) {
                    (Kind::Reasoning, _) if is_summary => Channel::Summary(count),
                    (Kind::Reasoning, _) => Channel::Reasoning(count),
                    (_, Some("output_text" | "text")) => Channel::Text(count),
                    (_, Some("refusal")) => Channel::Refusal(count),
                    _ => return None,
                };
                let is_refusal = matches!(channel, Channel::Refusal(_));
                repeats(cursor, slot, slot.find_text(channel)?)?;
                (is_refusal == (member == b"refusal") && !std::mem::replace(&mut found, true))
                    .then_some(())
            }
            _ => cursor.skip().map(drop),
        })?;
        count += 1;
        found.then_some(())
    })?;
    if count == 0 {
        return Some(Texts::Empty);
    }
    let counts = |channel: &Channel| match channel {
        Channel::Text(_) | Channel::Refusal(_) => kind == Kind::Message,
        Channel::Summary(_) => is_summary,
        Channel::Reasoning(_) => kind == Kind::Reasoning && !is_summary,
        Channel::Arguments | Channel::CustomInput => false,
    };
    let streamed = slot?.texts.iter().filter(|(c, _)| counts(c)).count();
    (streamed as u64 == count).then_some(Texts::Same)
}

/// Reads a string that must say what was streamed: byte by byte as a rule, by meaning where escapes differ.
fn repeats(cursor: &mut Cursor<'_>, slot: &Slot, text: usize) -> Option<()> {
    let told = &slot.texts.get(text)?.1;
    if matches!(told.done, Declared::Other(_)) {
        return None;
    }
    cursor.take(b'"')?;
    if let Some(end) = told.deltas.repeated_at(cursor.bytes, cursor.at) {
        cursor.at = end;
        return Some(());
    }
    cursor.at -= 1;
    let body = cursor.string()?;
    told.deltas.equals_body(body.bytes).then_some(())
}

/// Where an event belongs, as far as it was read.
#[derive(Clone, Copy, Default)]
struct Place<'d> {
    output_index: Option<u64>,
    item_id: Option<&'d str>,
    inner: Inner,
}

impl Place<'_> {
    /// The slot and the text in it, when both are known.
    fn text(&self, assembly: &Assembly, channel: Channel) -> Option<(usize, usize)> {
        let slot = assembly.find(Some(self.output_index?), self.item_id)?;
        Some((slot, assembly.slots[slot].find_text(channel)?))
    }
}

/// Reads an event. `member` gets what is not part of its place, with the place as far as it was read.
fn read<'d>(
    name: &str,
    data: &'d [u8],
    mut member: impl FnMut(&mut Cursor<'d>, &Place<'d>, &'d [u8]) -> Option<()>,
) -> Option<Place<'d>> {
    let mut cursor = Cursor::new(data);
    let mut place = Place::default();
    let mut is_named = false;
    let mut seen: [Option<&[u8]>; 16] = [None; 16];
    let mut count = 0;
    cursor.object(|cursor, key| {
        // The last of two members with one name would count.
        if seen[..count].contains(&Some(key)) {
            return None;
        }
        *seen.get_mut(count)? = Some(key);
        count += 1;
        match key {
            b"type" => {
                is_named = cursor.plain()? == name;
                is_named.then_some(())
            }
            b"output_index" => {
                place.output_index = Some(cursor.number()?);
                Some(())
            }
            b"content_index" => {
                place.inner.content = Some(cursor.number()?);
                Some(())
            }
            b"summary_index" => {
                place.inner.summary = Some(cursor.number()?);
                Some(())
            }
            b"item_id" => {
                place.item_id = Some(cursor.plain()?);
                Some(())
            }
            _ => member(cursor, &place, key),
        }
    })?;
    cursor.end()?;
    is_named.then_some(place)
}
