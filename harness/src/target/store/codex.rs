//! `$CODEX_HOME/auth.json`, as Codex 0.47 to 0.169 reads and writes it.

use serde_json::json;

use super::{Layout, Place, Shape};

pub(super) fn layout(_: &str) -> Layout {
    let shape = Shape {
        access: "/tokens/access_token".to_owned(),
        refresh: Some("/tokens/refresh_token".to_owned()),
        id: Some("/tokens/id_token".to_owned()),
        account: Some("/tokens/account_id".to_owned()),
        last_refresh: Some("/last_refresh".to_owned()),
        ..Shape::default()
    };
    let file = json!({ "auth_mode": "chatgpt", "OPENAI_API_KEY": null, "tokens": {} });
    Layout::new(file, [Place::one("", shape)])
}
