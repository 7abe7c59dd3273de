//! The scenario file format: what the world does and what must hold.

use std::collections::BTreeMap;
use std::fmt;

use loginproof_mocks::script::{Script, TokenState};
use loginproof_mocks::span::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::target::model::Network;
use crate::verdict::Level;

mod check;
mod step;

pub use check::*;
pub use step::*;

/// One scenario, `scenarios/AREA/NAME.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// Stable id of the case in the catalogue, such as `2.2.1`.
    pub case: String,
    /// One line: what happens.
    pub title: String,
    /// How binding the checks are, unless a check says otherwise.
    pub level: Level,
    /// What a program must be able to do for this scenario to apply.
    pub needs: Vec<Capability>,
    /// Why it matters: what goes wrong in programs that get it wrong.
    pub because: String,
    /// Where the expectation comes from: specification sections, vendor's tests, public issues (`owner/repo#1`).
    pub sources: Vec<String>,
    /// Axes of variants: each name stands for `${name}` in this file; every combination is one variant.
    /// A value may be a mapping with `name`; its fields are `${axis.field}`.
    #[serde(default)]
    pub matrix: BTreeMap<String, Vec<Value>>,
    /// Left out of a run unless `--slow` is given.
    #[serde(default)]
    pub slow: bool,
    /// The credential file before the first step. None when left out.
    #[serde(default)]
    pub credentials: Option<Credentials>,
    /// What the server does differently from the real one.
    #[serde(default)]
    pub server: Script,
    /// Settings handed to the program where its target file has a place for them.
    #[serde(default)]
    pub settings: Settings,
    /// The only ways to bring traffic to the mocks in which this scenario shows what it is about, preferred first.
    /// Any way when left out. `unsupported` where the target or the machine has none of them.
    #[serde(default)]
    pub network: Vec<Network>,
    /// The terminal the program sees.
    #[serde(default)]
    pub terminal: TerminalSettings,
    /// What the person does, in order.
    pub steps: Vec<Step>,
    /// The whole scenario is ended after this time. Default 30s; a target can stretch it.
    #[serde(default)]
    pub bound: Option<Span>,
    /// What must hold, by id.
    pub checks: BTreeMap<String, Check>,
}

/// What a program can do. A target lists these under `speaks`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Signs in with ChatGPT tokens and talks to its backend.
    Chatgpt,
    /// Signs in by device code on the command line (`[login]`).
    DeviceLogin,
    /// Refreshes its tokens.
    Refresh,
    /// Answers one prompt and ends (`[ask]`).
    Ask,
    /// Answers several prompts at once in one process (`[ask-many]`).
    AskMany,
    /// Takes function calls and sends their outputs back.
    Tools,
    /// Signs out (`[logout]`).
    Logout,
    /// Says whether somebody is signed in (`[status]`).
    Status,
    /// Has a verbose or debug mode (`[verbose]`).
    Verbose,
    /// Its idle limit of a stream can be set (`{idle_timeout_ms}`).
    IdleTimeout,
    /// Its credential file can be read and seeded (`[store]`).
    Store,
    /// Reads Responses streams, whatever it signs in with.
    Responses,
    /// Speaks HTTP/2, and trusts the authority that the usual variables name (`SSL_CERT_FILE`, `{ca}`, `{ca_bundle}`).
    Http2,
    /// Signs in at Nous Portal by device code (`[logins.nous]`).
    DeviceNous,
    /// Signs in at xAI by device code (`[logins.xai]`).
    DeviceXai,
    /// Signs in at Qwen by device code (`[logins.qwen]`).
    DeviceQwen,
    /// Signs in at GitHub by device code (`[logins.github]`).
    DeviceGithub,
    /// Signs in by device code at a server that follows RFC 8628 to the letter (`[logins.strict]`).
    DeviceStrict,
    /// Signs in by authorization code and a listener of its own (`[logins.callback]`).
    CodeCallback,
    /// Signs in by authorization code that the person pastes (`[logins.paste]`).
    CodePaste,
    /// Takes over the credentials of another program (`[imports]`).
    Import,
    /// Keeps several accounts and turns to the next when one fails.
    Pool,
    /// Turns to another model endpoint when the first one fails (`[modes.fallback]`).
    Fallback,
    /// Can ask for priority processing (`[modes.fast]`).
    Fast,
    /// Asks over a WebSocket where the server has one (`[modes.websocket]`).
    Websocket,
    /// Lists the models that the server offers (`[models]`).
    Discovery,
    /// Lists the accounts it is signed in with (`[accounts]`).
    AccountsList,
    /// Answers a Chat Completions request by way of the Responses API (`[translate]`).
    Translate,
    /// The same in chunks, when the request asks for a stream.
    TranslateStream,
    /// Starts commands of the person's during a turn: tools, hooks, MCP servers (`[modes.children]`).
    Children,
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// The credential file as the program finds it, written in the target's own format.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Credentials {
    /// State of the access token: `live` (default), `expired`, `revoked` or `foreign`.
    pub access: TokenState,
    /// State of the refresh token: `live` (default), `spent`, `revoked`, `foreign`, or `none` for an empty string.
    pub refresh: TokenState,
    /// Time until the access token expires, when `access` is `live`. Default: the server's `access-life`.
    pub expires_in: Option<Span>,
    /// How long ago the file says that tokens were last refreshed. Default 1h.
    pub refreshed: Option<Span>,
    /// Extra members, JSON pointer -> value, written into the file.
    pub extra: BTreeMap<String, Value>,
    /// The file's whole text instead of the above.
    pub text: Option<String>,
    /// Keep only the first so many bytes of the file.
    pub cut: Option<usize>,
    /// Mode of the file in octal. Default "0600".
    pub mode: Option<String>,
    /// The program's own credential file is not there: for `imports`.
    pub absent: bool,
    /// Further accounts that are signed in, each with a pair of its own. Needs `pool`.
    pub pool: Vec<Pair>,
    /// Credential files of other programs, by the name of the program. Needs `import`.
    pub imports: BTreeMap<String, Pair>,
}

/// A pair of tokens of a further account, or in another program's credential file.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Pair {
    /// State of the access token, as in `credentials`.
    pub access: TokenState,
    /// State of the refresh token, as in `credentials`.
    pub refresh: TokenState,
    /// Time until the access token expires, when `access` is `live`. Default: the server's `access-life`.
    pub expires_in: Option<Span>,
}

impl Default for Pair {
    fn default() -> Self {
        Self {
            access: TokenState::Live,
            refresh: TokenState::Live,
            expires_in: None,
        }
    }
}

impl Default for Credentials {
    fn default() -> Self {
        Self {
            access: TokenState::Live,
            refresh: TokenState::Live,
            expires_in: None,
            refreshed: None,
            extra: BTreeMap::new(),
            text: None,
            cut: None,
            mode: None,
            absent: false,
            pool: Vec::new(),
            imports: BTreeMap::new(),
        }
    }
}

/// Settings handed to the program.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Settings {
    /// How long a stream may be silent (`{idle_timeout_ms}`). Default 60s. A scenario that sets it needs `idle-timeout`.
    pub idle_timeout: Option<Span>,
    /// Extra environment of every step.
    pub env: BTreeMap<String, String>,
    /// File mode creation mask of the program, octal. Default "022".
    pub umask: Option<String>,
    /// Modes of the program that are switched on: `[modes.NAME]` of the target file, such as `fast` or `websocket`.
    pub modes: Vec<String>,
    /// What the variables for certificates lead to, and `{ca}` and `{ca_bundle}`. Needs `network` without `direct`.
    pub certificates: Certificates,
    /// The forward proxy. Needs `network: [proxy]`.
    pub proxy: Proxy,
    /// Ports of loopback that another program listens on. Needs `network: [namespace]`.
    pub ports_taken: Vec<u16>,
}

/// What the variables for certificates (`SSL_CERT_FILE`, `NODE_EXTRA_CA_CERTS` and their kin) lead to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Certificates {
    /// To the run's authority, which signs what the mocks show.
    #[default]
    Run,
    /// Nowhere: they are not set.
    Unset,
    /// To a file that is not there.
    Missing,
    /// To an empty file.
    Empty,
    /// To an authority that has signed none of it.
    Unrelated,
}

/// The forward proxy that `HTTPS_PROXY`, `HTTP_PROXY` and `{proxy}` name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Proxy {
    /// Asks nobody who he is.
    #[default]
    Open,
    /// Lets through who has the user and the password that stand in its URL; 407 for others.
    Password,
    /// The same, with another password in the URL.
    WrongPassword,
    /// Answers 403 to everything.
    Refusing,
    /// Nobody listens there.
    Dead,
    /// Speaks SOCKS 5: `socks5h://…`, also in `ALL_PROXY`.
    Socks,
}

/// The terminal that the program sees.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct TerminalSettings {
    /// Width in cells. Default 120.
    pub columns: u16,
    /// Height in cells. Default 40.
    pub rows: u16,
    /// Whether the terminal answers queries (cursor position, device attributes, colours, keyboard). Default true.
    pub answers: bool,
}

impl Default for TerminalSettings {
    fn default() -> Self {
        Self {
            columns: 120,
            rows: 40,
            answers: true,
        }
    }
}
