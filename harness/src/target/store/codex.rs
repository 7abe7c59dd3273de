//! `$CODEX_HOME/auth.json`, as Codex 0.47 to 0.169 reads and writes it.

use serde_json::json;

use super::Layout;

pub(super) fn layout() -> Layout {
    Layout {
        access: "/tokens/access_token".to_owned(),
        refresh: "/tokens/refresh_token".to_owned(),
        id: Some("/tokens/id_token".to_owned()),
        account: Some("/tokens/account_id".to_owned()),
        expires: None,
        last_refresh: Some("/last_refresh".to_owned()),
        template: json!({ "auth_mode": "chatgpt", "OPENAI_API_KEY": null, "tokens": {} }),
    }
}
