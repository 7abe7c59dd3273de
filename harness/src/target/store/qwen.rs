//! Qwen Code's `~/.qwen/oauth_creds.json`, which other programs import.

use serde_json::json;

use super::{Layout, Place, Shape, Unit};

pub(super) fn layout(_: &str) -> Layout {
    let shape = Shape {
        access: "/access_token".to_owned(),
        refresh: Some("/refresh_token".to_owned()),
        expires: Some(("/expiry_date".to_owned(), Unit::Ms)),
        ..Shape::default()
    };
    let file = json!({ "token_type": "Bearer", "resource_url": "portal.qwen.ai" });
    Layout::new(file, [Place::one("", shape)])
}
