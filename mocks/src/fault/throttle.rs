//! A slow line.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::Draft;

/// The answer comes at this pace and no faster, head included: a weak connection, on which a limit for the whole answer
/// fires although there is progress, or a model that takes its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Throttle {
    /// Bytes trickle.
    BytesPerSecond(u32),
    /// Events come whole, one by one.
    EventsPerSecond(u32),
}

impl Throttle {
    pub(super) fn problem(self) -> Option<String> {
        let (Self::BytesPerSecond(rate) | Self::EventsPerSecond(rate)) = self;
        (rate == 0).then(|| "throttle: at least one per second; use `stall` for none".to_owned())
    }

    pub(super) fn apply(self, draft: &mut Draft) -> Result<(), String> {
        draft.pace = Some(self);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Throttle;
    use crate::fault::tests::{act, fault, five};

    #[test]
    fn the_plan_has_the_pace() {
        for (written, pace) in [
            (
                json!({ "bytes-per-second": 4096 }),
                Throttle::BytesPerSecond(4096),
            ),
            (
                json!({ "events-per-second": 2 }),
                Throttle::EventsPerSecond(2),
            ),
        ] {
            let mut draft = five();
            act(json!({ "throttle": written }), &mut draft);
            assert_eq!(draft.plan().pace, Some(pace));
        }
        for unit in ["bytes-per-second", "events-per-second"] {
            assert!(
                fault(json!({ "throttle": { unit: 0 } }))
                    .problem()
                    .is_some()
            );
        }
    }
}
