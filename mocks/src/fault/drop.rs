//! Events that never come.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Selector;
use crate::plan::Draft;

/// Leaves events out: a server that does not send what the specification promises, such as the terminal
/// event, or `.done` events.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct DropEvents(pub Selector);

impl DropEvents {
    pub(super) fn apply(&self, draft: &mut Draft) -> Result<(), String> {
        for at in self.0.select(draft)?.into_iter().rev() {
            draft.segments.remove(at);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::fault::tests::{act, five, types};

    #[test]
    fn the_selected_events_are_gone() {
        let mut draft = five();
        act(json!({ "drop": { "type": "b" } }), &mut draft);
        act(json!({ "drop": { "index": 3 } }), &mut draft);
        assert_eq!(types(&draft), "a c d");
    }
}
