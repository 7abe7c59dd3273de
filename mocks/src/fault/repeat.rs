//! Events that come very often.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Selector;
use crate::plan::Draft;

/// Sends events many times over, each behind its copy: a long answer of tiny deltas, a heartbeat that never stops.
/// Their sequence numbers stay as they are.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// Which.
    pub event: Selector,
    /// How often each is sent in all.
    pub times: usize,
}

impl Repeat {
    pub(super) fn problem(&self) -> Option<String> {
        let none = || (self.times == 0).then(|| "repeat.times: use `drop`".to_owned());
        self.event.problem().or_else(none)
    }

    pub(super) fn apply(&self, draft: &mut Draft) -> Result<(), String> {
        for at in self.event.select(draft)?.into_iter().rev() {
            let copies = vec![draft.segments[at].clone(); self.times];
            draft.segments.splice(at..=at, copies);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::fault::tests::{act, fault, five, types};

    #[test]
    fn the_selected_events_come_so_often() {
        let mut draft = five();
        let repeat = json!({ "repeat": { "event": { "type": "b" }, "times": 3 } });
        act(repeat, &mut draft);
        assert_eq!(types(&draft), "a b b b c d e");
        let never = json!({ "repeat": { "event": { "index": 1 }, "times": 0 } });
        assert!(fault(never).problem().is_some());
    }
}
