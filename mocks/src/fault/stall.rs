//! Silence in the middle of an answer.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Place;
use crate::plan::Draft;
use crate::span::Span;

/// The connection stays open and nothing comes: a model that thinks long, a proxy that has lost its
/// upstream. Simulates what idle limits are for.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Stall {
    /// Where.
    pub at: Place,
    /// How long: a length of time, or `ever` (until the client goes or the server stops).
    pub r#for: Time,
}

/// A length of time, or for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// Until the other side goes.
    Ever,
    /// So long.
    For(Span),
}

impl Stall {
    pub(super) fn apply(&self, draft: &mut Draft) -> Result<(), String> {
        let mark = draft.mark(&self.at)?;
        draft.stalls.push((mark, self.r#for));
        Ok(())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ever => f.write_str("ever"),
            Self::For(span) => span.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        match text.as_ref() {
            "ever" => Ok(Self::Ever),
            other => other.parse().map(Self::For).map_err(de::Error::custom),
        }
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^(ever|[0-9]+(ms|s|m|h|d))$",
            "description": "A length of time (a whole number and a unit: ms, s, m, h, d), or `ever`.",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::fault::Fault;
    use crate::fault::tests::{act, fault, five, missed};
    use crate::plan::Step;

    #[test]
    fn silence_comes_where_it_is_put() {
        let stall = Step::Stall(Time::For(Span(Duration::from_millis(50))));
        for (at, position) in [
            (json!("start"), 0),
            (json!("head"), 1),
            (json!({ "event": 1 }), 4),
            (json!({ "after": "a" }), 4),
            (json!({ "byte": 3 }), 3),
            (json!("end"), 16),
        ] {
            let mut draft = five();
            act(json!({ "stall": { "at": at, "for": "50ms" } }), &mut draft);
            let steps = draft.plan().steps;
            assert_eq!(
                steps.iter().position(|step| *step == stall),
                Some(position),
                "{at}: {steps:?}"
            );
        }
    }

    #[test]
    fn for_ever_is_a_time() {
        let Fault::Stall(stall) = fault(json!({ "stall": { "at": "end", "for": "ever" } })) else {
            panic!()
        };
        assert_eq!(stall.r#for, Time::Ever);
        assert_eq!(serde_json::to_value(stall.r#for).unwrap(), "ever");
        let why = missed(
            json!({ "stall": { "at": { "before": "z" }, "for": "1s" } }),
            &mut five(),
        );
        assert_eq!(why, "faults[0]: the answer has no event `z`");
    }
}
