//! Events that come twice.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Selector;
use crate::plan::Draft;

/// Sends events a second time, right behind the first: a proxy that repeats what it was not sure of, or
/// a server with two terminal events.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Duplicate(pub Selector);

impl Duplicate {
    pub(super) fn apply(&self, draft: &mut Draft) -> Result<(), String> {
        for at in self.0.select(draft)?.into_iter().rev() {
            draft.segments.insert(at, draft.segments[at].clone());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::fault::tests::{act, five, types};

    #[test]
    fn the_selected_events_come_twice() {
        let mut draft = five();
        act(json!({ "duplicate": { "index": 1 } }), &mut draft);
        act(json!({ "duplicate": { "type": "e" } }), &mut draft);
        assert_eq!(types(&draft), "a b b c d e e");
    }
}
