//! Headers set or removed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::Draft;

/// Sets headers, or removes them with `null`: a wrong content type, a `retry-after`, what an edge adds.
/// A header that the answer has keeps its place.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Headers(pub BTreeMap<String, Option<String>>);

impl Headers {
    pub(super) fn problem(&self) -> Option<String> {
        self.0.iter().find_map(|(name, value)| {
            let value = value.as_deref().unwrap_or_default();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => Some("headers: use the fault `content-length`".to_owned()),
                "transfer-encoding" => {
                    Some("headers: how a body is framed follows from the other faults".to_owned())
                }
                _ if http::HeaderName::try_from(name.as_str()).is_err() => {
                    Some(format!("headers: `{name}` is not a header name"))
                }
                _ if value.contains(['\r', '\n']) => {
                    Some(format!("headers.{name}: a value has no line ends"))
                }
                _ => None,
            }
        })
    }

    pub(super) fn apply(&self, draft: &mut Draft) -> Result<(), String> {
        for (name, value) in &self.0 {
            let at = draft
                .headers
                .iter()
                .position(|(key, _)| key.eq_ignore_ascii_case(name));
            match (at, value) {
                (Some(at), Some(value)) => draft.headers[at].1.clone_from(value),
                (None, Some(value)) => draft.headers.push((name.clone(), value.clone())),
                (Some(_), None) => draft
                    .headers
                    .retain(|(key, _)| !key.eq_ignore_ascii_case(name)),
                (None, None) => return Err(format!("the answer has no header `{name}`")),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::fault::tests::{act, answer, fault};

    #[test]
    fn headers_are_set_in_place_added_and_removed() {
        let mut draft = answer("application/json", "{}");
        draft.headers.push(("X-Two".to_owned(), "2".to_owned()));
        act(
            json!({ "headers": { "retry-after": "1", "Content-Type": "text/html", "x-two": null } }),
            &mut draft,
        );
        let headers: Vec<_> = draft
            .headers
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        assert_eq!(
            headers,
            [("content-type", "text/html"), ("retry-after", "1")]
        );
    }

    #[test]
    fn framing_is_not_set_here() {
        for name in ["Content-Length", "transfer-encoding", "a b"] {
            assert!(
                fault(json!({ "headers": { name: "1" } }))
                    .problem()
                    .is_some(),
                "{name}"
            );
        }
    }
}
