//! Claude, as Claude Code 2.1 signs in to it (targets.md): an authorization code, sent to loopback or pasted as `CODE#STATE`.

use serde_json::{Value, json};

use super::{AccessStyle, Answers, Bodies, Profile, Redirects, TokenStyle, standard};
use crate::authorization::state::TokenAnswer;

pub(crate) static CLAUDE: Profile = Profile {
    name: "claude",
    client: None,
    scope: "org:create_api_key user:profile user:inference user:sessions:claude_code user:mcp_servers user:file_upload",
    issuer: "",
    tokens: TokenStyle {
        access: AccessStyle::Opaque("sk-ant-oat01-"),
        refresh: Some("sk-ant-ort01-"),
        rotates: true,
        id_token: false,
        life: None,
    },
    device: None,
    redirects: Redirects {
        loopback: &["/callback"],
        shown: &[
            "https://platform.claude.com/oauth/code/callback",
            "https://console.anthropic.com/oauth/code/callback",
        ],
        show: |code, state| format!("{code}#{state}"),
    },
    bodies: Bodies::Either,
    answers: Answers::Json,
    on_reuse: None,
    refuse: standard,
    success,
};

/// With who signed in.
fn success(answer: &TokenAnswer, origin: &str) -> Value {
    let mut body = super::success(answer, origin);
    let account = &answer.account;
    body["organization"] = json!({ "uuid": organization(&account.id), "name": ORGANIZATION });
    body["account"] = json!({ "uuid": account.id, "email_address": account.email });
    body
}

/// The organization of an account: another id of the same shape.
pub(crate) fn organization(account: &str) -> String {
    account.replacen("10610000", "10610001", 1)
}

/// What it is called.
pub(crate) const ORGANIZATION: &str = "loginproof";
