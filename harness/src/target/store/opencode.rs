//! opencode's `auth.json`: one entry per provider, an expiry in milliseconds.

use serde_json::json;

use super::{Layout, Place, Shape, Unit};

pub(super) fn layout(provider: &str) -> Layout {
    Layout::new(
        json!({}),
        [Place::one(
            format!("/{provider}"),
            entry(provider == "openai"),
        )],
    )
}

/// An entry as opencode and pi write it. Only ChatGPT's tokens belong to an account with an id.
pub(super) fn entry(with_account: bool) -> Shape {
    Shape {
        access: "/access".to_owned(),
        refresh: Some("/refresh".to_owned()),
        account: with_account.then(|| "/accountId".to_owned()),
        expires: Some(("/expires".to_owned(), Unit::Ms)),
        template: json!({ "type": "oauth" }),
        ..Shape::default()
    }
}
