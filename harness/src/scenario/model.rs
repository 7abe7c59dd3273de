//! The scenario file format: what the world does and what must hold.

use std::collections::BTreeMap;
use std::fmt;

use loginproof_mocks::script::{Endpoint, Script, TokenState, When};
use loginproof_mocks::span::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::verdict::Level;

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
    /// Lists the models that the server offers (`[models]`).
    Discovery,
    /// Lists the accounts it is signed in with (`[accounts]`).
    AccountsList,
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

/// One step: exactly one action, and how it is done.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Step {
    /// Sign in; the person reads URL and code off the screen and decides on the page.
    #[serde(deserialize_with = "present")]
    pub login: Option<Login>,
    /// One prompt, or several at once in one process.
    pub ask: Option<Prompts>,
    /// Sign out.
    #[serde(deserialize_with = "present")]
    pub logout: Option<Nothing>,
    /// Ask whether somebody is signed in.
    #[serde(deserialize_with = "present")]
    pub status: Option<Nothing>,
    /// Type text into a running program (see `of`).
    pub r#type: Option<String>,
    /// Press a key: `enter`, `escape`, `up`, `down`, `left`, `right`, `tab`, `backspace`, `ctrl-c`, or one character.
    pub press: Option<String>,
    /// Change the size of the terminal of a running program.
    pub resize: Option<Size>,
    /// Send a signal to a running program: `INT`, `TERM`, `HUP`, `KILL`.
    pub signal: Option<String>,
    /// Wait until something has happened. Never for time alone.
    pub wait: Option<Wait>,
    /// Open a gate.
    pub release: Option<String>,
    /// What another program does meanwhile.
    pub elsewhere: Option<Elsewhere>,
    /// Branches that run side by side on one home. Ends when all have ended.
    pub together: Option<Vec<Branch>>,

    /// Name of this step's program, for `of`.
    pub name: Option<String>,
    /// Which running program is meant; the one started last when left out.
    pub of: Option<String>,
    /// How the program is attached. Default: what the target says for this command, else `pty`.
    pub tty: Option<Tty>,
    /// What stdin is when there is no terminal.
    pub stdin: Option<Stdin>,
    /// Switch on the program's verbose mode.
    pub verbose: bool,
    /// Extra environment of this step.
    pub env: BTreeMap<String, String>,
    /// This step is ended after this time. Default: what is left of the scenario's bound.
    pub bound: Option<Span>,
}

/// How the person signs in.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Login {
    /// What the person decides on the page. Default `approve`.
    pub person: Person,
    /// The person decides once this many polls were answered. Default 0: as soon as the code can be read.
    pub after_polls: usize,
}

/// What the person decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Person {
    /// Enters the code and approves.
    #[default]
    Approve,
    /// Enters the code and denies.
    Deny,
    /// Reads the code off the screen and goes away.
    Away,
    /// Is not there at all: nothing has to be readable.
    Absent,
}

/// One prompt or several.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Prompts {
    /// One prompt.
    One(String),
    /// Several at once, in one process. Needs `ask-many`.
    Many(Vec<String>),
}

/// An action without settings: `- logout:`.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Size of a terminal in cells.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// Width.
    pub columns: u16,
    /// Height.
    pub rows: u16,
}

/// What to wait for; exactly one. Bounded by the scenario.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Wait {
    /// A request is held at this gate.
    pub held: Option<String>,
    /// So many requests are held at the gate of `held`. Default 1.
    pub count: Option<usize>,
    /// So many requests to an endpoint were answered.
    pub answered: Option<Answered>,
    /// The screen of a running program matches this regular expression.
    pub screen: Option<String>,
}

/// A number of answered requests.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    /// The endpoint.
    pub to: Endpoint,
    /// How many.
    pub count: usize,
}

/// What another program does with the same account or file.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Elsewhere {
    /// Another client of the same sign-in rotates the tokens and stores the new pair in the credential file.
    RotateAndStore,
    /// The same, but the new pair stays with the other client: the file still holds the spent one.
    Rotate,
    /// The access token of the newest pair expires now.
    Expire,
    /// The credential file is removed.
    RemoveStore,
}

/// One branch of `together`: a step, or a list of steps.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Branch {
    /// Several steps in order.
    Steps(Vec<Step>),
    /// One step.
    Step(Box<Step>),
}

/// How a program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tty {
    /// A pseudo terminal for stdin, stdout and stderr.
    Pty,
    /// Pipes; no controlling terminal.
    None,
    /// Through `script -q -e -c COMMAND /dev/null`, itself on pipes.
    Script,
}

/// What stdin is without a terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Stdin {
    /// `/dev/null`.
    #[default]
    Null,
    /// A pipe that is never written and never closed.
    Open,
    /// A pipe with this text, then closed.
    Text(String),
}

/// One check: exactly one witness.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Check {
    /// The wire: which requests came, how many, how spaced, with what.
    pub requests: Option<RequestsCheck>,
    /// What a person could read.
    pub screen: Option<ScreenCheck>,
    /// The final text of an `ask`, without surrounding white space.
    pub answer: Option<AnswerCheck>,
    /// How the program ended.
    pub exit: Option<ExitCheck>,
    /// The credential file.
    pub store: Option<StoreCheck>,
    /// The step ended by itself within this time.
    pub within: Option<Span>,
    /// What was left behind.
    pub process: Option<ProcessCheck>,

    /// The program of which step is meant; the last one started when left out; `all` for every one.
    pub of: Option<String>,
    /// How binding, when it differs from the scenario's.
    pub level: Option<Level>,
    /// Why this must hold, when the scenario's `because` does not say it.
    pub because: Option<String>,
    /// Sources of this check, when they differ from the scenario's.
    pub sources: Vec<String>,
}

/// Which requests must have come. All given conditions hold together.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RequestsCheck {
    /// The endpoint.
    pub to: Endpoint,
    /// Only requests for which this holds are counted.
    #[serde(default)]
    pub with: When,
    /// How many: a number, or `at-least` and `at-most`. Default: at least one.
    #[serde(default)]
    pub count: Option<Count>,
    /// From the end of an answer to the start of the next counted request. With `count`, fewer requests than make a gap
    /// are judged by their number alone; without it there must be a gap to measure.
    #[serde(default)]
    pub gap: Option<Gap>,
    /// What is the same in all counted requests.
    #[serde(default)]
    pub same: Option<Same>,
    /// Holds for every request to the endpoint, not only for at least one: `with` must match all of them.
    #[serde(default)]
    pub every: bool,
}

/// A number of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(untagged)]
pub enum Count {
    /// Exactly so many.
    Exactly(usize),
    /// A range, both ends included.
    Range(CountRange),
}

/// A range of numbers of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct CountRange {
    /// Not fewer.
    pub at_least: Option<usize>,
    /// Not more.
    pub at_most: Option<usize>,
}

/// The time between requests.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Gap {
    /// Never shorter than this.
    pub at_least: Option<Span>,
    /// Never longer than this.
    pub at_most: Option<Span>,
    /// Only gaps from this request on, counted from 1: the gap before the n-th request. Default 2, the first there is.
    pub from: Option<usize>,
}

/// What is the same in several requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Same {
    /// The decoded body, byte for byte.
    Body,
}

/// What a person could read: the text on the terminal at any moment, wrapped lines joined, or what came through pipes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ScreenCheck {
    /// A regular expression that matches somewhere.
    pub matches: Option<String>,
    /// A regular expression that matches nowhere.
    pub lacks: Option<String>,
    /// At most so many bytes of text in all.
    pub at_most: Option<usize>,
    /// Only this stream; without a terminal only. Default both.
    pub stream: Option<Stream>,
}

/// An output stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// The final answer.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum AnswerCheck {
    /// Exactly this text.
    Text(String),
    /// A rule on it.
    Rule(AnswerRule),
}

/// A rule on the final answer.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct AnswerRule {
    /// Contains this text.
    pub contains: Option<String>,
    /// Does not contain this text.
    pub lacks: Option<String>,
    /// Contains this text exactly so many times (with `contains`).
    pub times: Option<usize>,
    /// Text of this length in bytes, all of the one character in `contains`.
    pub length: Option<usize>,
}

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(untagged)]
pub enum ExitCheck {
    /// In words.
    Word(ExitWord),
    /// Exactly this status.
    Code(i32),
}

/// How the program ended, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExitWord {
    /// Status 0.
    Success,
    /// By itself, with a status other than 0.
    Failure,
    /// By itself, with any status.
    Any,
}

/// The credential file.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum StoreCheck {
    /// In a word.
    Word(StoreWord),
    /// Rules on the file at the end.
    Rules(StoreRules),
}

/// The credential file, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StoreWord {
    /// Byte for byte as before the first step.
    Unchanged,
    /// Not there, or without tokens.
    SignedOut,
    /// Parsed whole at every moment that it could be read during the scenario.
    AlwaysWhole,
    /// Never readable by group or others, from its first byte on.
    AlwaysPrivate,
}

/// Rules on the credential file at the end.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct StoreRules {
    /// State of the access token in it.
    pub access: Option<TokenState>,
    /// State of the refresh token in it.
    pub refresh: Option<TokenState>,
    /// Generation of the refresh token in its family.
    pub refresh_generation: Option<u32>,
    /// Mode in octal: "0600".
    pub mode: Option<String>,
    /// JSON pointer -> value.
    pub fields: BTreeMap<String, Value>,
}

/// What was left behind.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ProcessCheck {
    /// No process of the program lives on.
    pub none_left: bool,
    /// Modes of the terminal are as before: line discipline, alternate screen, cursor, mouse, bracketed paste.
    pub terminal_restored: bool,
}

fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(|value| Some(value.unwrap_or_default()))
}
