//! A WebSocket is closed in the way its protocol has for it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Place;
use crate::plan::{Draft, Farewell};

/// A close frame at a place (RFC 6455 §5.5.1): a server that restarts (1012), a policy (1008), a limit of a gateway
/// (1009), an error inside (1011). Nothing follows it. For turns over a WebSocket.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CloseFrame {
    /// Where.
    pub at: Place,
    /// The status code. A frame without one, when left out.
    #[serde(default)]
    pub code: Option<u16>,
    /// The reason, for people.
    #[serde(default)]
    pub reason: String,
}

impl CloseFrame {
    /// RFC 6455 §7.4: codes that may stand in a frame, and how long a reason is.
    pub(super) fn problem(&self) -> Option<String> {
        match self.code {
            Some(1005 | 1006 | 1015) => {
                Some("close-frame.code: 1005, 1006 and 1015 never stand in a frame".to_owned())
            }
            Some(code) if !(1000..5000).contains(&code) => Some(format!(
                "close-frame.code: {code} is not between 1000 and 4999"
            )),
            None if !self.reason.is_empty() => {
                Some("close-frame.reason: a reason needs a code before it".to_owned())
            }
            _ if self.reason.len() > 123 => {
                Some("close-frame.reason: longer than 123 bytes".to_owned())
            }
            _ => None,
        }
    }

    pub(super) fn apply(&self, draft: &mut Draft) -> Result<(), String> {
        let mark = draft.mark(&self.at)?;
        let farewell = self.code.map(|code| (code, self.reason.clone()));
        draft.farewell = Some((mark, Farewell(farewell)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::fault::tests::fault;
    use crate::script::Endpoint;

    #[test]
    fn a_frame_holds_only_what_the_protocol_allows() {
        for (json, problem) in [
            (json!({ "at": "end", "code": 1006 }), "never stand"),
            (json!({ "at": "end", "code": 5000 }), "between"),
            (json!({ "at": "end", "reason": "x" }), "needs a code"),
            (
                json!({ "at": "end", "code": 1011, "reason": "x".repeat(124) }),
                "longer",
            ),
        ] {
            let found = fault(json!({ "close-frame": json })).problem();
            assert!(
                found
                    .as_deref()
                    .is_some_and(|found| found.contains(problem)),
                "{found:?}"
            );
        }
    }

    #[test]
    fn only_a_web_socket_has_one() {
        let goodbye = fault(json!({ "close-frame": { "at": "end", "code": 1012 } }));
        assert!(goodbye.problem().is_none());
        assert!(goodbye.misplaced(Endpoint::Responses).is_some());
        assert!(goodbye.misplaced(Endpoint::Websocket).is_none());
        assert!(fault(json!("bom")).misplaced(Endpoint::Websocket).is_some());
    }
}
