//! Comments of an event stream.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Place;
use crate::event_stream::{Segment, next_line};
use crate::plan::Draft;

/// A comment line with a blank line behind it, as proxies and servers send it to keep a stream open. It
/// is no event, and proves no progress.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Comment {
    /// Its text, without the colon. Several lines become several comment lines.
    pub text: String,
    /// Where. Before the first event when left out.
    #[serde(default)]
    pub at: Option<Place>,
    /// Before every event.
    #[serde(default)]
    pub every: bool,
    /// Before every line, the blank ones too, and without a blank line of its own: inside of events.
    #[serde(default)]
    pub every_line: bool,
}

impl Comment {
    pub(super) fn problem(&self) -> Option<String> {
        let given = [self.every, self.every_line, self.at.is_some()];
        let several = given.into_iter().filter(|given| *given).count() > 1;
        several.then(|| "comment: give one of `at`, `every` and `every-line`".to_owned())
    }

    pub(super) fn apply(&self, draft: &mut Draft) -> Result<(), String> {
        if self.every_line {
            self.before_every_line(draft);
            return Ok(());
        }
        let comment = Segment::raw(format!("{}\n", self.lines()));
        if self.every {
            let events = draft.events();
            if events.is_empty() {
                return Err("the answer has no events".to_owned());
            }
            for at in events.into_iter().rev() {
                draft.segments.insert(at, comment.clone());
            }
        } else {
            let at = draft.segment_at(self.at.as_ref().unwrap_or(&Place::Head))?;
            draft.segments.insert(at, comment);
        }
        Ok(())
    }

    fn before_every_line(&self, draft: &mut Draft) {
        let comment = self.lines();
        for segment in &mut draft.segments {
            let mut bytes = Vec::new();
            let mut rest = &segment.bytes[..];
            while !rest.is_empty() {
                let (_, length) = next_line(rest);
                bytes.extend_from_slice(comment.as_bytes());
                bytes.extend_from_slice(&rest[..length]);
                rest = &rest[length..];
            }
            segment.bytes = bytes;
        }
    }

    fn lines(&self) -> String {
        let lines = self.text.split('\n');
        lines.map(|line| format!(": {line}\n")).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::fault::tests::{act, body, fault, five, stream, types};

    #[test]
    fn a_comment_stands_where_it_is_put() {
        let mut draft = stream("data: {\"type\":\"a\"}\n\n");
        act(json!({ "comment": { "text": "keep\nalive" } }), &mut draft);
        assert_eq!(
            body(&draft),
            ": keep\n: alive\n\ndata: {\"type\":\"a\"}\n\n"
        );
        let mut draft = five();
        act(
            json!({ "comment": { "text": "x", "at": { "after": "b" } } }),
            &mut draft,
        );
        assert_eq!(types(&draft), "a b - c d e");
    }

    #[test]
    fn every_event_can_have_one_before_it() {
        let mut draft = five();
        act(
            json!({ "comment": { "text": "x", "every": true } }),
            &mut draft,
        );
        assert_eq!(types(&draft), "- a - b - c - d - e");
        let mut draft = stream("event: a\ndata: 1\n\n");
        act(
            json!({ "comment": { "text": "x", "every-line": true } }),
            &mut draft,
        );
        assert_eq!(body(&draft), ": x\nevent: a\n: x\ndata: 1\n: x\n\n");
        let both = json!({ "comment": { "text": "x", "every": true, "at": "end" } });
        assert!(fault(both).problem().is_some());
    }
}
