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

/// How a connection ends, or one stream of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Closed, as a process that ends leaves it: a FIN, and no TLS close_notify.
    Fin,
    /// Reset: a RST. What the client has not read yet may be lost, as in life.
    Reset,
    /// Our side only is closed; requests are still read and never answered.
    Half,
    /// Over HTTP/2 only this request's stream ends, with RST_STREAM and this code (RFC 9113 §6.4). Over HTTP/1.1, which
    /// has no streams, as `reset`.
    RstStream(ErrorCode),
}

/// The error codes of HTTP/2 that servers end streams and connections with (RFC 9113 §7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// Nothing is wrong.
    #[default]
    NoError,
    /// Something went wrong inside the server.
    InternalError,
    /// The request was not looked at.
    RefusedStream,
    /// Nobody needs the stream any more.
    Cancel,
    /// Too much was asked.
    EnhanceYourCalm,
}

impl ErrorCode {
    /// Its number on the wire.
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::NoError => 0x0,
            Self::InternalError => 0x2,
            Self::RefusedStream => 0x7,
            Self::Cancel => 0x8,
            Self::EnhanceYourCalm => 0xb,
        }
    }
}

impl Close {
    pub(super) fn apply(&self, draft: &mut Draft) -> Result<(), String> {
        draft.close = Some((draft.mark(&self.at)?, self.how));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fault::tests::{act, answer, five};
    use crate::plan::{End, Step};

    #[test]
    fn nothing_comes_after_the_close() {
        let mut draft = five();
        act(
            json!({ "close": { "at": { "byte": 3 }, "how": "reset" } }),
            &mut draft,
        );
        let plan = draft.plan();
        assert_eq!(plan.end, End::Cut(How::Reset));
        // The chunk promises the whole event.
        let length = "event: a\ndata: {\"type\":\"a\"}\n\n".len();
        assert_eq!(
            plan.steps,
            [Step::Head, Step::Chunk(length), Step::Data("eve".into())]
        );
    }

    #[test]
    fn at_the_start_there_is_no_answer() {
        let mut draft = five();
        act(
            json!({ "close": { "at": "start", "how": "fin" } }),
            &mut draft,
        );
        let plan = draft.plan();
        assert!(plan.steps.is_empty());
        assert_eq!(plan.end, End::Cut(How::Fin));
    }

    #[test]
    fn behind_a_body_with_a_length_nothing_is_missing() {
        let mut draft = answer("application/json", "{}");
        act(
            json!({ "close": { "at": "end", "how": "fin" } }),
            &mut draft,
        );
        assert_eq!(draft.plan().end, End::Closed(How::Fin));
        let mut draft = five();
        act(
            json!({ "close": { "at": "end", "how": "fin" } }),
            &mut draft,
        );
        assert_eq!(draft.plan().end, End::Cut(How::Fin));
    }
}
