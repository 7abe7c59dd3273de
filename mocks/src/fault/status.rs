//! Another status.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::message::reason;
use crate::plan::Draft;

/// The same answer under another status: an edge that says 502 over a body of its own, an error object
/// under 200.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Status(pub u16);

impl Status {
    pub(super) fn problem(self) -> Option<String> {
        let final_status = (200..1000).contains(&self.0);
        (!final_status).then(|| format!("status: {} is not the status of a final answer", self.0))
    }

    pub(super) fn apply(self, draft: &mut Draft) -> Result<(), String> {
        draft.status = self.0;
        reason(self.0).clone_into(&mut draft.reason);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::fault::tests::{act, answer, fault};

    #[test]
    fn status_and_reason_change_together() {
        let mut draft = answer("application/json", "{}");
        act(json!({ "status": 502 }), &mut draft);
        assert_eq!((draft.status, draft.reason.as_str()), (502, "Bad Gateway"));
        act(json!({ "status": 529 }), &mut draft);
        assert_eq!((draft.status, draft.reason.as_str()), (529, ""));
        assert!(fault(json!({ "status": 101 })).problem().is_some());
    }
}
