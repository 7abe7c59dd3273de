//! Google, as Gemini CLI signs in to it (targets.md): an authorization code, sent to loopback or pasted.

use super::{AccessStyle, Answers, Bodies, Profile, Redirects, TokenStyle, standard, success};

pub(crate) static GOOGLE: Profile = Profile {
    name: "google",
    client: None,
    scope: "https://www.googleapis.com/auth/cloud-platform https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/userinfo.profile openid",
    issuer: "",
    tokens: TokenStyle {
        access: AccessStyle::Opaque("ya29."),
        refresh: Some("1//"),
        // A refresh brings no other refresh token.
        rotates: false,
        id_token: true,
        life: None,
    },
    device: None,
    redirects: Redirects {
        loopback: &["/oauth2callback"],
        shown: &["https://codeassist.google.com/authcode"],
        show: |code, _| code.to_owned(),
    },
    bodies: Bodies::Either,
    answers: Answers::Json,
    on_reuse: None,
    refuse: standard,
    success,
};
