//! GitHub, as gh and Copilot's clients sign in to it (oauth.md §4.1; GitHub's documentation of its device flow):
//! refusals come with status 200, and answers are forms unless the client asks for JSON.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    AccessStyle, Answers, Bodies, DeviceRules, NO_REDIRECTS, Profile, Said, TokenStyle, standard,
};
use crate::authorization::refusal::Refusal;
use crate::authorization::state::TokenAnswer;

pub(crate) static GITHUB: Profile = Profile {
    name: "github",
    client: None,
    scope: "read:user",
    issuer: "",
    tokens: TokenStyle {
        access: AccessStyle::Opaque("gho_"),
        refresh: None,
        rotates: false,
        id_token: false,
        // A token of an OAuth app has no end.
        life: Some(Duration::from_secs(10 * 365 * 86_400)),
    },
    device: Some(DeviceRules {
        page: "/login/device",
        complete: false,
        challenge: false,
    }),
    redirects: NO_REDIRECTS,
    bodies: Bodies::Either,
    answers: Answers::JsonOnRequest,
    on_reuse: None,
    refuse,
    success,
};

fn refuse(refusal: &Refusal) -> Said {
    let Said { mut body, .. } = standard(refusal);
    let error = match refusal {
        Refusal::Client => Some("incorrect_client_credentials"),
        Refusal::Grant(_) => Some("incorrect_device_code"),
        _ => None,
    };
    if let Some(error) = error {
        body["error"] = json!(error);
    }
    body["error_uri"] = json!(ABOUT);
    if let Refusal::SlowDown(interval) = refusal {
        // The new interval, the five seconds included.
        body["interval"] = json!(interval);
    }
    Said { status: 200, body }
}

fn success(answer: &TokenAnswer, _origin: &str) -> Value {
    json!({
        "access_token": answer.pair.access_token,
        "token_type": "bearer",
        // GitHub lists scopes with commas.
        "scope": answer.scope.replace(' ', ","),
    })
}

const ABOUT: &str = "https://docs.github.com/developers/apps/authorizing-oauth-apps#error-codes-for-the-device-flow";
