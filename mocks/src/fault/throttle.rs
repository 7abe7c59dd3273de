//! A slow line.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::Draft;

/// Bytes trickle, head included, at this pace: a weak connection, on which a limit for the whole answer
/// fires although there is progress.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Throttle {
    /// Bytes per second.
    pub bytes_per_second: u32,
}

impl Throttle {
    pub(super) fn problem(self) -> Option<String> {
        (self.bytes_per_second == 0)
            .then(|| "throttle: at least one byte per second; use `stall` for none".to_owned())
    }

    pub(super) fn apply(self, draft: &mut Draft) -> Result<(), String> {
        draft.pace = Some(self.bytes_per_second);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::fault::tests::{act, fault, five};

    #[test]
    fn the_plan_has_the_pace() {
        let mut draft = five();
        act(
            json!({ "throttle": { "bytes-per-second": 4096 } }),
            &mut draft,
        );
        assert_eq!(draft.plan().pace, Some(4096));
        assert!(
            fault(json!({ "throttle": { "bytes-per-second": 0 } }))
                .problem()
                .is_some()
        );
    }
}
