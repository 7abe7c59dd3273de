//! Qwen, as qwen-code signs in to it (oauth.md §4.1): PKCE on the device grant, and a status of its own for `slow_down`.

use serde_json::{Value, json};

use super::{
    AccessStyle, Answers, Bodies, DeviceRules, NO_REDIRECTS, Profile, Said, TokenStyle, standard,
};
use crate::authorization::refusal::Refusal;
use crate::authorization::state::TokenAnswer;

pub(crate) static QWEN: Profile = Profile {
    name: "qwen",
    client: None,
    scope: "openid profile email model.completion",
    issuer: "",
    tokens: TokenStyle {
        access: AccessStyle::Opaque("qwen_at_"),
        refresh: Some("qwen_rt_"),
        rotates: true,
        id_token: false,
        life: None,
    },
    device: Some(DeviceRules {
        page: "/device",
        complete: true,
        challenge: true,
    }),
    redirects: NO_REDIRECTS,
    bodies: Bodies::Form,
    answers: Answers::Json,
    on_reuse: None,
    refuse,
    success,
};

fn refuse(refusal: &Refusal) -> Said {
    let said = standard(refusal);
    match refusal {
        // qwen-code slows down only when the status says so too.
        Refusal::SlowDown(_) => Said {
            status: 429,
            ..said
        },
        _ => said,
    }
}

/// With the address of the models, which the client goes to from then on.
fn success(answer: &TokenAnswer, origin: &str) -> Value {
    let mut body = super::success(answer, origin);
    let resource = if origin == "https://chat.qwen.ai" {
        "portal.qwen.ai".to_owned()
    } else {
        format!("{origin}/v1")
    };
    body["resource_url"] = json!(resource);
    body
}
