//! GOAWAY.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ErrorCode, Place};
use crate::plan::Draft;

/// Over HTTP/2 a GOAWAY frame at a place of the answer, and everything goes on (RFC 9113 §6.8): a server that is being
/// replaced, a load balancer that moves its clients. With `close` behind it the connection ends there. HTTP/1.1 has
/// nothing like it in the middle of an answer, and nothing happens there.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Goaway {
    /// Where.
    pub at: Place,
    /// The last request that the server has taken.
    pub last: Last,
    /// The error code, `no-error` when left out.
    #[serde(default)]
    pub code: ErrorCode,
}

/// The last stream that a GOAWAY frame names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Last {
    /// This one: its answer still comes.
    This,
    /// The one before: this request was not looked at, and may be sent again elsewhere.
    Before,
}

impl Goaway {
    pub(super) fn apply(&self, draft: &mut Draft) -> Result<(), String> {
        let mark = draft.mark(&self.at)?;
        draft.goaways.push((mark, (self.last, self.code)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fault::tests::{act, five};
    use crate::plan::{End, Step};

    #[test]
    fn the_answer_goes_on_behind_it() {
        let mut draft = five();
        let goaway = json!({ "goaway": { "at": { "after": "a" }, "last": "this" } });
        act(goaway, &mut draft);
        let plan = draft.plan();
        let expected = Step::Goaway(Last::This, ErrorCode::NoError);
        assert_eq!(
            plan.steps.iter().position(|step| *step == expected),
            Some(4)
        );
        assert_eq!(
            (plan.steps.last(), plan.end),
            (Some(&Step::Finish), End::Open)
        );
    }
}
