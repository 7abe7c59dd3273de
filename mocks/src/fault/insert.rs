//! Something more in the body.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Place, hex};
use crate::event_stream::{Segment, segments};
use crate::plan::Draft;

/// Puts an event, text or bytes into the body: an event type that nobody knows, a keep-alive, `[DONE]`, a
/// line of HTML from a proxy, bytes that are no UTF-8. Give exactly one of `json`, `text` and `hex`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Insert {
    /// Where.
    pub at: Place,
    /// An event: `event: <type>`, `data: <json>`. Nothing is added to it.
    #[serde(default)]
    pub json: Option<Map<String, Value>>,
    /// Text as it is; an event of a stream ends with a blank line.
    #[serde(default)]
    pub text: Option<String>,
    /// Bytes in hexadecimal.
    #[serde(default)]
    pub hex: Option<String>,
}

impl Insert {
    pub(super) fn problem(&self) -> Option<String> {
        let given = [self.json.is_some(), self.text.is_some(), self.hex.is_some()];
        if given.iter().filter(|given| **given).count() != 1 {
            return Some("insert: give exactly one of `json`, `text` and `hex`".to_owned());
        }
        self.hex
            .as_deref()
            .and_then(|text| hex(text).err())
            .map(|why| format!("insert.{why}"))
    }

    pub(super) fn apply(&self, draft: &mut Draft) -> Result<(), String> {
        let at = draft.segment_at(&self.at)?;
        draft.segments.splice(at..at, self.segments()?);
        Ok(())
    }

    fn segments(&self) -> Result<Vec<Segment>, String> {
        if let Some(event) = &self.json {
            let kind = event.get("type").and_then(Value::as_str);
            let name = kind
                .map(|kind| format!("event: {kind}\n"))
                .unwrap_or_default();
            let data = Value::Object(event.clone());
            return Ok(segments(format!("{name}data: {data}\n\n").as_bytes()));
        }
        if let Some(text) = &self.text {
            return Ok(segments(text.as_bytes()));
        }
        Ok(vec![Segment::raw(hex(self
            .hex
            .as_deref()
            .unwrap_or_default())?)])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::fault::tests::{act, answer, body, fault, five, missed, types};

    #[test]
    fn an_event_is_put_at_its_place() {
        let mut draft = five();
        act(
            json!({ "insert": { "at": { "event": 3 }, "json": { "type": "x", "n": 1 } } }),
            &mut draft,
        );
        assert_eq!(types(&draft), "a b c x d e");
        assert!(body(&draft).contains("event: x\ndata: {\"type\":\"x\",\"n\":1}\n\nevent: d"));
    }

    #[test]
    fn text_and_bytes_go_in_as_they_are() {
        let mut draft = five();
        act(
            json!({ "insert": { "at": "end", "text": "data: [DONE]\n\n" } }),
            &mut draft,
        );
        assert_eq!(types(&draft), "a b c d e [DONE]");
        let mut draft = answer("application/json", "{\"a\":1}");
        act(
            json!({ "insert": { "at": { "byte": 1 }, "hex": "20 20" } }),
            &mut draft,
        );
        assert_eq!(body(&draft), "{  \"a\":1}");
    }

    #[test]
    fn one_thing_is_inserted_at_a_place_that_there_is() {
        for json in [
            json!({ "at": "end" }),
            json!({ "at": "end", "text": "a", "hex": "ff" }),
            json!({ "at": "end", "hex": "x" }),
        ] {
            assert!(
                fault(json!({ "insert": json })).problem().is_some(),
                "{json}"
            );
        }
        let why = missed(
            json!({ "insert": { "at": { "event": 5 }, "text": "" } }),
            &mut five(),
        );
        assert_eq!(why, "faults[0]: the answer has 5 events, none with index 5");
    }
}
