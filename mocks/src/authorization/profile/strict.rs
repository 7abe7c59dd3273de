//! The server that takes the specifications at their word: RFC 6749, 7009, 7636, 8414, 8628, 9207, 9700.

use super::{
    AccessStyle, Answers, Bodies, DeviceRules, Profile, Redirects, TokenStyle, standard, success,
};
use crate::authorization::OnReuse;

pub(crate) static STRICT: Profile = Profile {
    name: "strict",
    client: None,
    scope: "openid profile email offline_access",
    issuer: "/strict",
    tokens: TokenStyle {
        access: AccessStyle::Jwt,
        refresh: Some("rt_"),
        rotates: true,
        id_token: false,
        life: None,
    },
    device: Some(DeviceRules {
        page: "/device",
        complete: true,
        challenge: false,
    }),
    redirects: Redirects {
        loopback: &["/callback", "/auth/callback", "/oauth/callback"],
        shown: &["/strict/code"],
        show: |code, _| code.to_owned(),
    },
    bodies: Bodies::Form,
    answers: Answers::Json,
    // RFC 9700 §4.14.2
    on_reuse: Some(OnReuse::RevokeFamily),
    refuse: standard,
    success,
};
