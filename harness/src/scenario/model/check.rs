//! Checks: what must hold, and which witness is asked.

use std::collections::BTreeMap;

use loginproof_mocks::script::{Endpoint, TokenState, When};
use loginproof_mocks::span::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::verdict::Level;

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
    /// The states that a sign-in went through, as the host of the session sees them.
    pub session: Option<SessionCheck>,

    /// The program of which step is meant; the last one started when left out; `all` for every one.
    pub of: Option<String>,
    /// How binding, when it differs from the scenario's.
    pub level: Option<Level>,
    /// Why this must hold, when the scenario's `because` does not say it.
    pub because: Option<String>,
    /// Sources of this check, when they differ from the scenario's.
    pub sources: Vec<String>,
}

impl Check {
    /// The key of the witness that it asks.
    #[must_use]
    pub fn witness(&self) -> &'static str {
        let witnesses = [
            ("requests", self.requests.is_some()),
            ("screen", self.screen.is_some()),
            ("answer", self.answer.is_some()),
            ("exit", self.exit.is_some()),
            ("store", self.store.is_some()),
            ("within", self.within.is_some()),
            ("process", self.process.is_some()),
            ("session", self.session.is_some()),
        ];
        let asked = witnesses.into_iter().find(|(_, asked)| *asked);
        asked.map_or("", |(name, _)| name)
    }
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
    /// The gap before the first counted request is judged, too: from the end of the last answer of this endpoint.
    pub since: Option<Endpoint>,
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
    /// JSON pointer -> value, in an answer that is JSON: that of `translate`, its chunks put together. JSON in a string
    /// (the arguments of a call) is compared as JSON; `null` also means that there is nothing, or an empty text.
    pub json: BTreeMap<String, Value>,
    /// Exactly this text if the program ended with success. One that failed may show what it likes.
    pub on_success: Option<String>,
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
    /// Tokens of so many different accounts are in it, as the server knows them.
    pub accounts: Option<usize>,
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

/// The states of a sign-in session.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SessionCheck {
    /// One after the other.
    pub states: Vec<SessionState>,
}

/// A state of a sign-in session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SessionState {
    /// The program runs and has not said yet what the person has to do.
    Starting,
    /// Address and code can be read.
    Waiting,
    /// The program ended with status 0, and somebody is signed in.
    Ready,
    /// The program ended otherwise.
    Failed,
    /// The bound was over before the program ended.
    TimedOut,
}
