//! xAI, as hermes and pi sign in to it (oauth.md §4.1): found by OpenID discovery, and the usual shapes.

use super::{
    AccessStyle, Answers, Bodies, DeviceRules, Profile, Redirects, TokenStyle, standard, success,
};

pub(crate) static XAI: Profile = Profile {
    name: "xai",
    client: None,
    scope: "openid profile email offline_access grok-cli:access api:access",
    issuer: "",
    tokens: TokenStyle {
        access: AccessStyle::Jwt,
        refresh: Some("rt_"),
        rotates: true,
        id_token: true,
        life: None,
    },
    device: Some(DeviceRules {
        page: "/device",
        complete: true,
        challenge: false,
    }),
    redirects: Redirects {
        loopback: &["/callback"],
        shown: &[],
        show: |code, _| code.to_owned(),
    },
    bodies: Bodies::Form,
    answers: Answers::Json,
    on_reuse: None,
    refuse: standard,
    success,
};
