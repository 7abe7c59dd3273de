//! Claude Code's `~/.claude/.credentials.json`.

use serde_json::json;

use super::{Layout, Place, Shape, Unit};

pub(super) fn layout(_: &str) -> Layout {
    let shape = Shape {
        access: "/accessToken".to_owned(),
        refresh: Some("/refreshToken".to_owned()),
        expires: Some(("/expiresAt".to_owned(), Unit::Ms)),
        template: json!({
            "scopes": ["user:inference", "user:profile"],
            "subscriptionType": "max",
        }),
        ..Shape::default()
    };
    Layout::new(json!({}), [Place::one("/claudeAiOauth", shape)])
}
