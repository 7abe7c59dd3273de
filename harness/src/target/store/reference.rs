//! The credential file of the reference client: one account at its root, further ones in `pool`, those of other
//! providers in `providers`.

use serde_json::{Value, json};

use super::{Layout, Place, Shape, Unit, set};

pub(super) fn layout(provider: &str) -> Layout {
    let shape = Shape {
        access: "/tokens/access_token".to_owned(),
        refresh: Some("/tokens/refresh_token".to_owned()),
        id: Some("/tokens/id_token".to_owned()),
        account: Some("/tokens/account_id".to_owned()),
        expires: Some(("/expires_at".to_owned(), Unit::S)),
        last_refresh: Some("/last_refresh".to_owned()),
        template: json!({ "tokens": {} }),
        ..Shape::default()
    };
    let file = json!({ "version": 1 });
    if provider.is_empty() {
        let pool = Place::list("/pool", shape.clone(), number);
        return Layout::new(file, [Place::one("", shape), pool]).with_list_that_goes_on();
    }
    Layout::new(file, [Place::one(format!("/providers/{provider}"), shape)])
}

fn number(entry: &mut Value, index: usize) {
    set(entry, "/id", format!("account-{}", index + 1).into());
}
