//! Gemini CLI's `~/.gemini/oauth_creds.json`, as Google's library names the members.

use serde_json::json;

use super::{Layout, Place, Shape, Unit};

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform https://www.googleapis.com/auth/userinfo.email \
                     https://www.googleapis.com/auth/userinfo.profile openid";

pub(super) fn layout(_: &str) -> Layout {
    let shape = Shape {
        access: "/access_token".to_owned(),
        refresh: Some("/refresh_token".to_owned()),
        id: Some("/id_token".to_owned()),
        expires: Some(("/expiry_date".to_owned(), Unit::Ms)),
        ..Shape::default()
    };
    let file = json!({ "scope": SCOPE, "token_type": "Bearer" });
    Layout::new(file, [Place::one("", shape)])
}
