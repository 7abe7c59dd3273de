//! The credential file of the reference client.

use serde_json::json;

use super::{Layout, Unit};

pub(super) fn layout() -> Layout {
    Layout {
        access: "/tokens/access_token".to_owned(),
        refresh: "/tokens/refresh_token".to_owned(),
        id: Some("/tokens/id_token".to_owned()),
        account: Some("/tokens/account_id".to_owned()),
        expires: Some(("/expires_at".to_owned(), Unit::S)),
        last_refresh: Some("/last_refresh".to_owned()),
        template: json!({ "version": 1, "tokens": {} }),
    }
}
