//! A `content-length` that lies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::{Draft, Framing};

/// The head promises another length than the body has, and the connection closes behind the body. Too
/// long: a transfer that broke off. Too short: a proxy that changed the body and not the head.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContentLength {
    /// How many bytes more than there are; fewer when negative.
    pub add: i64,
}

impl ContentLength {
    pub(super) fn apply(self, draft: &mut Draft) -> Result<(), String> {
        let length = (draft.length() as u64).checked_add_signed(self.add);
        let length = length.ok_or_else(|| format!("the body has only {} bytes", draft.length()))?;
        draft.framing = Framing::WrongLength(length);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::fault::How;
    use crate::fault::tests::{act, answer, missed};
    use crate::plan::{End, Framing};

    #[test]
    fn the_length_is_off_by_what_the_fault_says() {
        let mut draft = answer("application/json", "12345");
        act(json!({ "content-length": { "add": 100 } }), &mut draft);
        let plan = draft.plan();
        assert_eq!(
            (plan.framing, plan.end),
            (Framing::WrongLength(105), End::Cut(How::Fin))
        );
        let why = missed(
            json!({ "content-length": { "add": -6 } }),
            &mut answer("a/b", "12345"),
        );
        assert_eq!(why, "faults[0]: the body has only 5 bytes");
    }
}
