//! Events in another order.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::Draft;

/// Sends events in another order than the answer has them. Their sequence numbers stay as they are.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Reorder {
    /// These two events change places.
    Swap([usize; 2]),
    /// The first events in this order: `[0, 2, 1]`. Each index up to the largest once.
    Order(Vec<usize>),
}

impl Reorder {
    pub(super) fn problem(&self) -> Option<String> {
        let Self::Order(order) = self else {
            return None;
        };
        let mut sorted = order.clone();
        sorted.sort_unstable();
        let whole = sorted.iter().copied().eq(0..order.len());
        (!whole).then(|| "reorder.order: write each index from 0 up to the largest once".to_owned())
    }

    pub(super) fn apply(&self, draft: &mut Draft) -> Result<(), String> {
        let events = draft.events();
        let segment = |index: usize| {
            let none = || {
                format!(
                    "the answer has {} events, none with index {index}",
                    events.len()
                )
            };
            events.get(index).copied().ok_or_else(none)
        };
        match self {
            Self::Swap([one, other]) => draft.segments.swap(segment(*one)?, segment(*other)?),
            Self::Order(order) => {
                let moved = order
                    .iter()
                    .map(|index| Ok(draft.segments[segment(*index)?].clone()));
                let moved = moved.collect::<Result<Vec<_>, String>>()?;
                for (at, event) in events.iter().zip(moved) {
                    draft.segments[*at] = event;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::fault::tests::{act, fault, five, missed, types};

    #[test]
    fn events_change_places() {
        let mut draft = five();
        act(json!({ "reorder": { "swap": [1, 4] } }), &mut draft);
        assert_eq!(types(&draft), "a e c d b");
        act(json!({ "reorder": { "order": [0, 2, 1] } }), &mut draft);
        assert_eq!(types(&draft), "a c e d b");
    }

    #[test]
    fn an_order_that_loses_events_is_refused() {
        for order in [json!([0, 2]), json!([0, 0, 1])] {
            assert!(
                fault(json!({ "reorder": { "order": order } }))
                    .problem()
                    .is_some()
            );
        }
        let why = missed(json!({ "reorder": { "swap": [0, 9] } }), &mut five());
        assert_eq!(why, "faults[0]: the answer has 5 events, none with index 9");
    }
}
