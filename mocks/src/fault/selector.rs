//! Which events a fault means.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::Draft;

/// Events by type or by index. Give exactly one of `type` and `index`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Selector {
    /// All events of this type, or with `nth` only one.
    #[serde(default)]
    pub r#type: Option<String>,
    /// With `type`: only the n-th of them, counted from 1.
    #[serde(default)]
    pub nth: Option<usize>,
    /// The event with this index, counted from 0.
    #[serde(default)]
    pub index: Option<usize>,
}

impl Selector {
    pub(super) fn problem(&self) -> Option<String> {
        if self.r#type.is_some() == self.index.is_some() {
            return Some("give exactly one of `type` and `index`".to_owned());
        }
        if self.nth.is_some() && self.r#type.is_none() {
            return Some("`nth` counts the events of a `type`".to_owned());
        }
        (self.nth == Some(0)).then(|| "`nth` counts from 1".to_owned())
    }

    /// Positions of the selected events among the segments.
    pub(super) fn select(&self, draft: &Draft) -> Result<Vec<usize>, String> {
        let events = draft.events();
        if let Some(index) = self.index {
            let none = || {
                format!(
                    "the answer has {} events, none with index {index}",
                    events.len()
                )
            };
            return events.get(index).map(|at| vec![*at]).ok_or_else(none);
        }
        let kind = self.r#type.as_deref().unwrap_or_default();
        let mut selected = events;
        selected.retain(|at| draft.segments[*at].event.as_deref() == Some(kind));
        match self.nth {
            None if selected.is_empty() => Err(format!("the answer has no event `{kind}`")),
            None => Ok(selected),
            Some(nth) => {
                let none = format!(
                    "the answer has {} events `{kind}`, no {nth}th",
                    selected.len()
                );
                nth.checked_sub(1)
                    .and_then(|at| selected.get(at))
                    .map(|at| vec![*at])
                    .ok_or(none)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fault::tests::{act, five};

    fn selector(json: serde_json::Value) -> Selector {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn events_are_selected_by_type_number_and_index() {
        let mut draft = five();
        act(json!({ "comment": { "text": "not counted" } }), &mut draft);
        act(json!({ "duplicate": { "type": "b" } }), &mut draft);
        let select = |json| selector(json).select(&draft);
        assert_eq!(select(json!({ "type": "b" })), Ok(vec![2, 3]));
        assert_eq!(select(json!({ "type": "b", "nth": 2 })), Ok(vec![3]));
        assert_eq!(select(json!({ "index": 0 })), Ok(vec![1]));
        assert!(select(json!({ "type": "b", "nth": 3 })).is_err());
        assert!(select(json!({ "index": 6 })).is_err());
    }

    #[test]
    fn a_selector_that_means_nothing_is_refused() {
        for json in [
            json!({}),
            json!({ "type": "a", "index": 1 }),
            json!({ "index": 1, "nth": 1 }),
            json!({ "type": "a", "nth": 0 }),
        ] {
            assert!(selector(json.clone()).problem().is_some(), "{json}");
        }
    }
}
