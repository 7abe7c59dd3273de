//! pi's `auth.json`: entries as opencode's, under other names.

use serde_json::json;

use super::opencode::entry;
use super::{Layout, Place};

pub(super) fn layout(provider: &str) -> Layout {
    let shape = entry(provider == "openai-codex");
    Layout::new(json!({}), [Place::one(format!("/{provider}"), shape)])
}
