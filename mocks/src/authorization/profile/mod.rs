//! The providers of sign-ins: whose clients, shapes and rules an endpoint follows. One file per provider; each is
//! a table of what differs, and everything that is the same for all lives in the state and the endpoints.

pub(crate) mod chatgpt;
pub(crate) mod claude;
pub(crate) mod github;
pub(crate) mod google;
pub(crate) mod nous;
pub(crate) mod qwen;
pub(crate) mod strict;
pub(crate) mod xai;

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::OnReuse;
use super::refusal::Refusal;
use super::state::TokenAnswer;

/// One provider.
pub(crate) struct Profile {
    /// As targets and scenarios call it.
    pub(crate) name: &'static str,
    /// The one client it knows. Any, where there is none: the grant is bound to whoever asked.
    pub(super) client: Option<&'static str>,
    /// What is granted when a request names no scope.
    pub(super) scope: &'static str,
    /// Path of the issuer below the origin, empty for the origin itself.
    pub(super) issuer: &'static str,
    pub(super) tokens: TokenStyle,
    /// How devices sign in with RFC 8628, if they do.
    pub(super) device: Option<DeviceRules>,
    pub(super) redirects: Redirects,
    pub(super) bodies: Bodies,
    pub(super) answers: Answers,
    /// What replay of a refresh token brings, where that is not for the options to say.
    pub(super) on_reuse: Option<OnReuse>,
    /// A refusal in this provider's words.
    pub(super) refuse: fn(&Refusal) -> Said,
    /// A success of the token endpoint; the second argument is the origin.
    pub(super) success: fn(&TokenAnswer, &str) -> Value,
}

/// What its tokens look like.
pub(super) struct TokenStyle {
    pub(super) access: AccessStyle,
    /// What a refresh token begins with, if there are any.
    pub(super) refresh: Option<&'static str>,
    /// Whether a refresh brings the next refresh token.
    pub(super) rotates: bool,
    /// Whether an id token comes along.
    pub(super) id_token: bool,
    /// How long an access token lives, where that is not for the options to say.
    pub(super) life: Option<Duration>,
}

/// What an access token looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccessStyle {
    /// A JWT with the ChatGPT claims.
    Vendor,
    /// A JWT with the usual claims.
    Jwt,
    /// Random, after this beginning.
    Opaque(&'static str),
}

/// How a device signs in.
pub(super) struct DeviceRules {
    /// Path of the page where a person types the code.
    pub(super) page: &'static str,
    /// Whether `verification_uri_complete` is given.
    pub(super) complete: bool,
    /// Whether the device request must carry a code challenge.
    pub(super) challenge: bool,
}

/// Where an authorization code may be sent.
pub(super) struct Redirects {
    /// Paths on a loopback address. RFC 8252 §7.3: any port.
    pub(super) loopback: &'static [&'static str],
    /// Pages of the provider that show the code, to be pasted; their paths are good at the origin too.
    pub(super) shown: &'static [&'static str],
    /// What such a page shows, of a code and the request's state.
    pub(super) show: fn(&str, &str) -> String,
}

/// No authorization codes.
const NO_REDIRECTS: Redirects = Redirects {
    loopback: &[],
    shown: &[],
    show: |code, _| code.to_owned(),
};

/// Which bodies a token endpoint reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bodies {
    /// RFC 6749 §4.1.3, §6: a form and nothing else.
    Form,
    /// A form or JSON.
    Either,
}

/// How answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answers {
    /// RFC 6749 §5.1: JSON.
    Json,
    /// A form, unless the client asks for JSON.
    JsonOnRequest,
}

/// A refusal as it goes out.
pub(super) struct Said {
    pub(super) status: u16,
    pub(super) body: Value,
}

/// RFC 6749 §5.2 and RFC 8628 §3.5.
fn standard(refusal: &Refusal) -> Said {
    let (status, error) = refusal.standard();
    let body = json!({ "error": error, "error_description": refusal.description() });
    Said { status, body }
}

/// RFC 6749 §5.1.
fn success(answer: &TokenAnswer, _origin: &str) -> Value {
    let mut body = json!({
        "access_token": answer.pair.access_token,
        "token_type": "Bearer",
        "expires_in": answer.expires_in,
        "scope": answer.scope,
    });
    if let Some(token) = &answer.pair.refresh_token {
        body["refresh_token"] = json!(token);
    }
    if let Some(token) = &answer.pair.id_token {
        body["id_token"] = json!(token);
    }
    body
}

impl PartialEq for Profile {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
