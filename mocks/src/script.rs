//! The `server:` part of a scenario: rules that override single answers of the real server.
//!
//! The server is real until a rule says otherwise. For each request the first rule of its endpoint
//! that matches and is not used up wins; with no such rule the server answers by itself.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::MapAccess;
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Serialize};

use crate::authorization::AuthorizationOptions;
use crate::fault::Fault;
use crate::one_of::OneOf;

/// The endpoints a rule or a check can name. Serialised in kebab case.
///
/// Later ones stand last: the number of a variant is part of what a seed means.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Endpoint {
    /// A device asks for a code: `POST /api/accounts/deviceauth/usercode`, and the device authorization request
    /// (RFC 8628 §3.1) of every other provider
    Usercode,
    /// A device asks whether it is approved: `POST /api/accounts/deviceauth/token`, and token requests of the
    /// device grant (RFC 8628 §3.4)
    Poll,
    /// `POST /oauth/token` and the token endpoints of other providers, every grant but the device's
    Token,
    /// `POST /oauth/revoke` and the revocation endpoints of other providers
    Revoke,
    /// The page a person approves a device on: `GET` and `POST /codex/device`, `/device`, `/login/device`
    Page,
    /// `POST …/responses`, and the WebSocket upgrade of the same path
    Responses,
    /// `GET …/models`
    Models,
    /// `GET …/wham/accounts/check`
    Accounts,
    /// `GET …/wham/usage`, `…/api/codex/usage`
    Usage,
    /// Endpoints that a program may call around a turn and that nobody judges: plugins, analytics, settings.
    Ambient,
    /// Anything else: a request that nobody expected.
    Unknown,
    /// The page a person approves an authorization code on: `GET` and `POST …/authorize`
    Authorize,
    /// What a server says of itself (RFC 8414, OpenID discovery)
    Metadata,
    /// Who signed in, and what else programs ask of the account: userinfo, profile, roles, `graphql`, `loadCodeAssist`
    Profile,
    /// `GET /copilot_internal/v2/token`
    Copilot,
    /// `POST …/chat/completions`
    Chat,
    /// `POST …/v1/messages`
    Messages,
    /// `POST /v1internal:generateContent`, `:streamGenerateContent`, `:countTokens`
    Generate,
    /// A request to a host that is not ours. No path says so; the host does.
    Egress,
    /// A turn over a WebSocket: a `response.create` frame, its JSON in place of a body. One that only warms up
    /// (`generate: false`) is seen by those who name `/generate`.
    Websocket,
}

impl Endpoint {
    /// The endpoints that can have rules.
    pub const RULED: [Self; 17] = [
        Self::Usercode,
        Self::Poll,
        Self::Token,
        Self::Revoke,
        Self::Page,
        Self::Responses,
        Self::Websocket,
        Self::Models,
        Self::Accounts,
        Self::Usage,
        Self::Authorize,
        Self::Metadata,
        Self::Profile,
        Self::Copilot,
        Self::Chat,
        Self::Messages,
        Self::Generate,
    ];
}

/// What the server of a scenario does differently from the real one.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Script {
    /// The version of HTTP that is spoken over TLS: 1 or 2. Both, as the client prefers, when left out. With 2 the
    /// server speaks TLS at its own listener too.
    pub http: Option<u8>,
    /// Settings of the authorization server: polling interval, token life, what happens on replay.
    pub authorization: AuthorizationOptions,
    /// Rules for the user-code request.
    pub usercode: Vec<Rule>,
    /// Rules for the poll for approval.
    pub poll: Vec<Rule>,
    /// Rules for the token endpoint, all grants but the device's, which is a poll.
    pub token: Vec<Rule>,
    /// Rules for revocation.
    pub revoke: Vec<Rule>,
    /// Rules for the page a person approves on.
    pub page: Vec<Rule>,
    /// Rules for the Responses endpoint. The upgrade to a WebSocket is seen by those who name its header:
    /// `when: { header: { upgrade: websocket } }`.
    pub responses: Vec<Rule>,
    /// Rules for turns over a WebSocket. Left out, upgrades are refused with 426; with an empty list they are granted,
    /// and the server answers turns by itself. The events of an answer go out as frames, a refusal as an error frame.
    pub websocket: Option<Vec<Rule>>,
    /// Rules for the list of models.
    pub models: Vec<Rule>,
    /// Rules for the accounts check.
    pub accounts: Vec<Rule>,
    /// Rules for the usage endpoint.
    pub usage: Vec<Rule>,
    /// Rules for the page that an authorization code is approved on.
    pub authorize: Vec<Rule>,
    /// Rules for what a server says of itself.
    pub metadata: Vec<Rule>,
    /// Rules for what programs ask of the account: userinfo, profile, roles.
    pub profile: Vec<Rule>,
    /// Rules for Copilot's own token.
    pub copilot: Vec<Rule>,
    /// Rules for Chat Completions.
    pub chat: Vec<Rule>,
    /// Rules for Messages.
    pub messages: Vec<Rule>,
    /// Rules for Code Assist's generation.
    pub generate: Vec<Rule>,
}

/// One rule: which requests it takes, how often, and what it answers.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Rule {
    /// Which requests this rule takes. All, when left out.
    pub when: When,
    /// How many requests this rule answers before it is used up. No limit when left out.
    pub times: Option<u32>,
    /// What is answered. The real server's own answer when left out, so that faults can spoil it.
    pub answer: Option<AnswerSpec>,
    /// A gate: the answer waits until a step `release: NAME` opens it. A gate once open stays open.
    pub hold: Option<String>,
    /// What happens to the answer on its way out, in any order: each fault knows its place.
    pub faults: Vec<Fault>,
}

/// Conditions on a request; all given ones must hold.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct When {
    /// The n-th request to this endpoint, counted from 1 over the whole scenario.
    pub nth: Option<u32>,
    /// `grant_type` of a token request, in JSON or form: `refresh_token`, `authorization_code`.
    pub grant: Option<String>,
    /// State of the bearer token that came with the request, as the authorization server knows it.
    pub access: Option<TokenState>,
    /// State of the refresh token that came with the request.
    pub refresh: Option<TokenState>,
    /// Generation of the bearer token within its family: 1 is the first pair, 2 the pair after one rotation.
    pub access_generation: Option<u32>,
    /// Generation of the refresh token within its family.
    pub refresh_generation: Option<u32>,
    /// The account that the bearer token, or else the refresh token, was minted for: 1 is the first one, further ones are
    /// those of a pool.
    pub account: Option<u32>,
    /// Headers by name (any case), each a regular expression that the value must match somewhere.
    pub header: BTreeMap<String, String>,
    /// Parameters of the address by name, each a regular expression that the decoded value must match somewhere.
    pub query: BTreeMap<String, String>,
    /// JSON pointer into the decoded body (a form counts as a flat object) -> value it must equal.
    pub body: BTreeMap<String, serde_json::Value>,
    /// An item of the body's `input` list that has at least these fields with these values.
    pub input_has: Option<serde_json::Map<String, serde_json::Value>>,
    /// The same of the body's `tools` list.
    pub tools_have: Option<serde_json::Map<String, serde_json::Value>>,
    /// A part of the content of some item of the `input` list that has at least these fields with these values.
    pub part_has: Option<serde_json::Map<String, serde_json::Value>>,
    /// Role -> text that is part of what it says, whether that is one string or several parts. `system` speaks in
    /// `instructions` and in messages of the roles `system` and `developer`.
    pub says: BTreeMap<String, String>,
    /// Call id -> output of a function call as text, whether that is one string or several parts.
    pub outputs: BTreeMap<String, String>,
}

/// What the authorization server knows of a token at the moment it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TokenState {
    /// Good for use now.
    Live,
    /// Minted here, past its expiry.
    Expired,
    /// A refresh token that was exchanged already.
    Spent,
    /// Revoked, alone or with its family.
    Revoked,
    /// The request carries no such token.
    None,
    /// The request carries a token that was not minted here.
    Foreign,
}

/// An answer: the name of a fixture, or the answer itself.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum AnswerSpec {
    /// Path below `fixtures/`, without `.http`: `token/refresh_token_reused`.
    Fixture(String),
    /// Written out in the rule.
    Inline(InlineAnswer),
}

/// An answer written in the rule. Give at most one of `json`, `text` and `events`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InlineAnswer {
    /// HTTP status, 200 when left out.
    #[serde(default = "ok")]
    pub status: u16,
    /// Headers in order. `content-type` follows from the body's kind unless given here.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// A JSON body (`application/json`). Placeholders in strings are filled.
    #[serde(default)]
    pub json: Option<serde_json::Value>,
    /// A body as is (`text/plain`; a body that starts with `<` is `text/html`). Placeholders are filled.
    #[serde(default)]
    pub text: Option<String>,
    /// An event stream (`text/event-stream`): each item becomes `event: <type>`, `data: <json>`; a missing
    /// `sequence_number` is counted in. A string item is sent as written, without any addition.
    #[serde(default)]
    pub events: Option<Vec<serde_json::Value>>,
}

fn ok() -> u16 {
    200
}

crate::deserialize_one_of!(AnswerSpec);

impl<'de> OneOf<'de> for AnswerSpec {
    const WAYS: &'static str = "the name of a fixture, or an answer written out";

    fn from_text<E: serde::de::Error>(text: &str) -> Result<Self, E> {
        Ok(Self::Fixture(text.to_owned()))
    }

    fn from_table<A: MapAccess<'de>>(table: A) -> Result<Self, A::Error> {
        InlineAnswer::deserialize(MapAccessDeserializer::new(table)).map(Self::Inline)
    }
}

impl Script {
    /// Names of all fixtures that rules answer with.
    pub fn fixtures(&self) -> impl Iterator<Item = &str> {
        Endpoint::RULED
            .into_iter()
            .flat_map(|endpoint| self.rules(endpoint))
            .filter_map(|rule| match &rule.answer {
                Some(AnswerSpec::Fixture(name)) => Some(name.as_str()),
                _ => None,
            })
    }

    /// Whether HTTP/2 alone is spoken.
    #[must_use]
    pub fn is_http2(&self) -> bool {
        self.http == Some(2)
    }

    /// The rules of an endpoint, in order.
    #[must_use]
    pub fn rules(&self, endpoint: Endpoint) -> &[Rule] {
        match endpoint {
            Endpoint::Usercode => &self.usercode,
            Endpoint::Poll => &self.poll,
            Endpoint::Token => &self.token,
            Endpoint::Revoke => &self.revoke,
            Endpoint::Page => &self.page,
            Endpoint::Responses => &self.responses,
            Endpoint::Websocket => self.websocket.as_deref().unwrap_or_default(),
            Endpoint::Models => &self.models,
            Endpoint::Accounts => &self.accounts,
            Endpoint::Usage => &self.usage,
            Endpoint::Authorize => &self.authorize,
            Endpoint::Metadata => &self.metadata,
            Endpoint::Profile => &self.profile,
            Endpoint::Copilot => &self.copilot,
            Endpoint::Chat => &self.chat,
            Endpoint::Messages => &self.messages,
            Endpoint::Generate => &self.generate,
            Endpoint::Ambient | Endpoint::Unknown | Endpoint::Egress => &[],
        }
    }
}
