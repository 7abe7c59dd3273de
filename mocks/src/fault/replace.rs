//! Other bytes in place of some.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::hex;
use crate::plan::Draft;
use crate::template::find;

/// Replaces text, also by bytes that are no text: broken UTF-8, a lone surrogate, another spelling of the
/// same JSON. An occurrence lies within one event. Give exactly one of `with` and `hex`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Replace {
    /// What is replaced.
    pub find: String,
    /// By this text.
    #[serde(default)]
    pub with: Option<String>,
    /// By these bytes, in hexadecimal.
    #[serde(default)]
    pub hex: Option<String>,
    /// Only the first so many occurrences. All when left out.
    #[serde(default)]
    pub times: Option<usize>,
}

impl Replace {
    pub(super) fn problem(&self) -> Option<String> {
        if self.with.is_some() == self.hex.is_some() {
            return Some("replace: give exactly one of `with` and `hex`".to_owned());
        }
        if self.find.is_empty() {
            return Some("replace.find: the text is empty".to_owned());
        }
        self.hex
            .as_deref()
            .and_then(|text| hex(text).err())
            .map(|why| format!("replace.{why}"))
    }

    pub(super) fn apply(&self, draft: &mut Draft) -> Result<(), String> {
        let with = match (&self.with, &self.hex) {
            (Some(text), _) => text.as_bytes().to_vec(),
            (None, text) => hex(text.as_deref().unwrap_or_default())?,
        };
        let limit = self.times.unwrap_or(usize::MAX);
        let mut replaced = 0;
        for segment in &mut draft.segments {
            let mut from = 0;
            while replaced < limit
                && let Some(at) = find(&segment.bytes[from..], self.find.as_bytes())
            {
                let start = from + at;
                segment
                    .bytes
                    .splice(start..start + self.find.len(), with.iter().copied());
                from = start + with.len();
                replaced += 1;
            }
        }
        if replaced == 0 {
            Err(format!("the body has no `{}`", self.find))
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::fault::tests::{act, answer, body, fault, missed, stream};

    #[test]
    fn occurrences_are_replaced_in_every_event() {
        let mut draft = stream("data: aa\n\ndata: a\n\n");
        act(
            json!({ "replace": { "find": "a", "with": "aa", "times": 3 } }),
            &mut draft,
        );
        assert_eq!(body(&draft), "daataa: aaa\n\ndata: a\n\n");
    }

    #[test]
    fn bytes_that_are_no_text_can_go_in() {
        let mut draft = answer("application/json", "\"Hello\"");
        act(
            json!({ "replace": { "find": "ell", "hex": "ff fe" } }),
            &mut draft,
        );
        assert_eq!(draft.body(), b"\"H\xff\xfeo\"");
    }

    #[test]
    fn what_is_not_there_is_not_replaced() {
        let why = missed(
            json!({ "replace": { "find": "z", "with": "" } }),
            &mut answer("a/b", "x"),
        );
        assert_eq!(why, "faults[0]: the body has no `z`");
        assert!(
            fault(json!({ "replace": { "find": "z" } }))
                .problem()
                .is_some()
        );
        assert!(
            fault(json!({ "replace": { "find": "", "with": "a" } }))
                .problem()
                .is_some()
        );
    }
}
