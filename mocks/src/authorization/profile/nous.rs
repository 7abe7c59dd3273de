//! Nous Portal, as hermes 0.19 signs in to it (oauth.md §4.1).

use serde_json::{Value, json};

use super::{
    AccessStyle, Answers, Bodies, DeviceRules, NO_REDIRECTS, Profile, TokenStyle, standard,
};
use crate::authorization::OnReuse;
use crate::authorization::state::TokenAnswer;

pub(crate) static NOUS: Profile = Profile {
    name: "nous",
    client: None,
    scope: "inference:invoke",
    issuer: "",
    tokens: TokenStyle {
        // hermes reads the scope in it, and takes nothing else for inference.
        access: AccessStyle::Jwt,
        refresh: Some("rt_"),
        rotates: true,
        id_token: false,
        life: None,
    },
    device: Some(DeviceRules {
        page: "/device",
        // hermes requires every field of RFC 8628 §3.2, this one and the interval too.
        complete: true,
        challenge: false,
    }),
    redirects: NO_REDIRECTS,
    bodies: Bodies::Form,
    answers: Answers::Json,
    // Replay ends the session (NousResearch/hermes-agent#15099).
    on_reuse: Some(OnReuse::RevokeFamily),
    refuse: standard,
    success,
};

/// Where the refresh token of a refresh is; the body has none.
pub(crate) const REFRESH_HEADER: &str = "x-nous-refresh-token";

/// With the address of the models.
fn success(answer: &TokenAnswer, origin: &str) -> Value {
    let mut body = super::success(answer, origin);
    body["inference_base_url"] = if origin == "https://portal.nousresearch.com" {
        json!("https://inference-api.nousresearch.com/v1")
    } else {
        json!(format!("{origin}/v1"))
    };
    body
}
