//! ChatGPT: the vendor whose device flow is its own (oauth.md §1), and whose browser flow is the usual one (§1.7).

use serde_json::{Value, json};

use super::{AccessStyle, Answers, Bodies, Profile, Redirects, Said, TokenStyle};
use crate::authorization::state::TokenAnswer;
use crate::authorization::{CLIENT_ID, SCOPE};

pub(crate) static CHATGPT: Profile = Profile {
    name: "chatgpt",
    client: Some(CLIENT_ID),
    scope: SCOPE,
    issuer: "",
    tokens: TokenStyle {
        access: AccessStyle::Vendor,
        refresh: Some("rt_"),
        rotates: true,
        id_token: true,
        life: None,
    },
    device: None,
    redirects: Redirects {
        loopback: &["/auth/callback"],
        // The vendor has no such page; a client that can read one is offered it all the same.
        shown: &["/oauth/code/callback"],
        show: |code, state| format!("{code}#{state}"),
    },
    bodies: Bodies::Either,
    answers: Answers::Json,
    on_reuse: None,
    refuse: |refusal| Said {
        status: refusal.status(),
        body: refusal.body(),
    },
    success,
};

/// RFC 6749 §5.1, with the vendor's id token.
fn success(answer: &TokenAnswer, _origin: &str) -> Value {
    let mut body = json!({
        "access_token": answer.pair.access_token,
        "id_token": answer.pair.id_token,
        "token_type": "Bearer",
        "expires_in": answer.expires_in,
        "scope": answer.scope,
    });
    if let Some(token) = &answer.pair.refresh_token {
        body["refresh_token"] = json!(token);
    }
    body
}
