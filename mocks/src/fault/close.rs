//! The connection ends before the answer does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Place;
use crate::plan::Draft;

/// The connection ends at a place: a server that restarts, a load balancer that reaches its limit, a
/// network that changes. At `start` there is no answer at all.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Close {
    /// Where.
    pub at: Place,
    /// How.
    pub how: How,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Closed, as a process that ends leaves it: a FIN, and no TLS close_notify.
    Fin,
    /// Reset: a RST. What the client has not read yet may be lost, as in life.
    Reset,
    /// Our side only is closed; requests are still read and never answered.
    Half,
}

impl Close {
    pub(super) fn apply(&self, draft: &mut Draft) -> Result<(), String> {
        draft.close = Some((draft.mark(&self.at)?, self.how));
        Ok(())
    }
}
