//! A whole item whose texts were compared in place with what was streamed: of it only the small members are kept.

use serde_json::{Value, json};

use super::event::Channel;

/// The item types that the client acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Message,
    Reasoning,
    Call,
    Custom,
}

impl Kind {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "message" => Self::Message,
            "reasoning" => Self::Reasoning,
            "function_call" => Self::Call,
            "custom_tool_call" => Self::Custom,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Reasoning => "reasoning",
            Self::Call => "function_call",
            Self::Custom => "custom_tool_call",
        }
    }
}

/// What an item says of its texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Texts {
    /// Nothing at all.
    #[default]
    Missing,
    /// That there are none.
    Empty,
    /// The same as the stream, text by text.
    Same,
}

/// A short member that says something.
#[derive(Clone, Copy, Debug)]
pub(super) enum Member {
    Id,
    Phase,
    Name,
    CallId,
    Encrypted,
}

const MEMBERS: [(Member, &str); 5] = [
    (Member::Id, "id"),
    (Member::Phase, "phase"),
    (Member::Name, "name"),
    (Member::CallId, "call_id"),
    (Member::Encrypted, "encrypted_content"),
];

impl Member {
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        MEMBERS
            .iter()
            .find(|(_, known)| known.as_bytes() == name)
            .map(|(member, _)| *member)
    }
}

/// An item without its texts.
#[derive(Clone, Debug)]
pub(super) struct Lean {
    pub(super) kind: Kind,
    /// `content` of a message, `summary` of reasoning, `arguments` or `input` of a call.
    pub(super) texts: Texts,
    /// `content` of reasoning.
    pub(super) inner: Texts,
    members: String,
    places: [(u32, u32); MEMBERS.len()],
}

impl Lean {
    /// From the members that were found, each at most once and none empty.
    pub(super) fn new(
        kind: Kind,
        found: &[Option<&str>; MEMBERS.len()],
        texts: Texts,
        inner: Texts,
    ) -> Option<Self> {
        let mut members =
            String::with_capacity(found.iter().flatten().map(|text| text.len()).sum());
        let mut places = [(0, 0); MEMBERS.len()];
        for (place, text) in places.iter_mut().zip(found) {
            let from = u32::try_from(members.len()).ok()?;
            members.push_str(text.unwrap_or_default());
            *place = (from, u32::try_from(members.len()).ok()?);
        }
        Some(Self {
            kind,
            texts,
            inner,
            members,
            places,
        })
    }

    pub(super) fn member(&self, member: Member) -> Option<&str> {
        let (from, to) = self.places[member as usize];
        self.members
            .get(from as usize..to as usize)
            .filter(|text| !text.is_empty())
    }

    /// The same as the JSON that the general path would have kept, as far as anybody looks at it.
    pub(super) fn to_json(&self, streamed: &[(Channel, String)]) -> Value {
        let mut item = json!({ "type": self.kind.name() });
        for (member, name) in MEMBERS {
            if let Some(text) = self.member(member) {
                item[name] = text.into();
            }
        }
        let list = |texts: Texts, part: &dyn Fn(&Channel, &str) -> Option<Value>| match texts {
            Texts::Missing => None,
            Texts::Empty => Some(json!([])),
            Texts::Same => Some(Value::Array(
                streamed
                    .iter()
                    .filter_map(|(channel, text)| part(channel, text))
                    .collect(),
            )),
        };
        let string = |wanted: Channel| match self.texts {
            Texts::Missing => None,
            Texts::Empty => Some(json!("")),
            Texts::Same => {
                let text = streamed.iter().find(|(channel, _)| *channel == wanted);
                text.map(|(_, text)| Value::from(text.as_str()))
            }
        };
        let (name, whole, inner) = match self.kind {
            Kind::Message => {
                let part = |channel: &Channel, text: &str| match channel {
                    Channel::Text(_) => Some(json!({ "type": "output_text", "text": text })),
                    Channel::Refusal(_) => Some(json!({ "type": "refusal", "refusal": text })),
                    _ => None,
                };
                ("content", list(self.texts, &part), None)
            }
            Kind::Reasoning => {
                let summary = |channel: &Channel, text: &str| {
                    matches!(channel, Channel::Summary(_)).then(|| json!({ "text": text }))
                };
                let inner = |channel: &Channel, text: &str| {
                    matches!(channel, Channel::Reasoning(_)).then(|| json!({ "text": text }))
                };
                (
                    "summary",
                    list(self.texts, &summary),
                    list(self.inner, &inner),
                )
            }
            Kind::Call => ("arguments", string(Channel::Arguments), None),
            Kind::Custom => ("input", string(Channel::CustomInput), None),
        };
        if let Some(whole) = whole {
            item[name] = whole;
        }
        if let Some(inner) = inner {
            item["content"] = inner;
        }
        item
    }
}
