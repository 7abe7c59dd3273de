//! The target file format: how to run a program.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;

use clap::ValueEnum;
use loginproof_mocks::span::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::flow::Flow;
use super::placeholders::Placeholders;
use super::store::StoreFile;
use super::words::{Commands, Folders};
use crate::scenario::model::{Capability, Tty};

/// One program under test, `targets/NAME.toml`.
///
/// Strings may hold placeholders. Where things are: `{home}` the program's fresh home folder, `{work}` the folder it
/// is started in, `{store}` the credential file, `{tools}` where `install` put the program, `{platform}` this machine
/// as npm packages name it (`linux-x64`), `{loginproof}` this binary.
/// Where the servers are: `{origin}`, `{api_base_url}` (`{origin}/v1`), `{issuer}` of tokens, `{chatgpt_base_url}` and
/// `{base_url}` the backend's base and the Responses base below it; in a namespace and through the proxy these are the
/// vendor's own addresses. What to do: `{prompt}`, `{prompts}` (as an argument of its own: all prompts), `{model}`,
/// `{idle_timeout_ms}`, `{flow}` the way to sign in. How to get there: `{ca}` the run's certificate authority and
/// `{ca_bundle}` the system's bundle with it (PEM files), `{proxy}` the forward proxy's URL. `{access_token}` is the
/// seeded access token, for programs that take theirs from a variable or a file of their own.
///
/// A variable whose value asks for something that this network does not have (`{proxy}` in a namespace) is left out.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
// A target that extends another one may leave out whatever that one has.
#[schemars(extend("required" = ["name"], "anyOf" = [
    { "required": ["extends"] },
    { "required": ["title", "version", "speaks", "network"] },
]))]
pub struct TargetFile {
    /// Short name, as in `--target NAME`.
    pub name: String,
    /// A target that this one is based on: a built-in one by name, another by path (`./base.toml`, from this file's
    /// folder). It has everything of that one; keys given here take the place of that one's, tables are merged.
    #[serde(default)]
    pub extends: Option<String>,
    /// Name for people.
    pub title: String,
    /// Command whose first line of output is the version.
    pub version: Vec<String>,
    /// What the program can do. A scenario that needs something else is `unsupported`.
    pub speaks: Vec<Capability>,
    /// How its traffic can be brought to the mocks, preferred first.
    pub network: Vec<Network>,
    /// Names of hosts that are ours when its traffic is led to the mocks; `*.x.ai` means every name below `x.ai`.
    /// Default: auth.openai.com, chatgpt.com, api.openai.com.
    #[serde(default)]
    pub hosts: Option<Vec<String>>,
    /// What the program may ask for around a turn: `/path/prefix` on our hosts, or `host`, `*.host`, `host/prefix`.
    /// Answered 404, judged by nobody; a secret sent there is a leak all the same.
    #[serde(default)]
    pub ambient: Vec<String>,
    /// How `loginproof install` gets the program.
    #[serde(default)]
    pub install: Option<Install>,
    /// Environment of every command, on top of what every program gets.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Files that stand in the home before the first step.
    #[serde(default)]
    pub files: BTreeMap<String, SeedFile>,
    /// Sign in by ChatGPT's device code.
    #[serde(default)]
    pub login: Option<Command>,
    /// Sign in another way: `[logins.nous]`, `xai`, `qwen`, `github`, `strict`, `callback`, `paste`.
    #[serde(default)]
    #[schemars(extend("propertyNames" = {
        "enum": ["nous", "xai", "qwen", "github", "strict", "callback", "paste"]
    }))]
    pub logins: BTreeMap<Flow, Command>,
    /// Answer one prompt and end.
    #[serde(default)]
    pub ask: Option<Command>,
    /// Answer several prompts at once in one process.
    #[serde(default)]
    pub ask_many: Option<Command>,
    /// Sign out.
    #[serde(default)]
    pub logout: Option<Command>,
    /// Say whether somebody is signed in; exit status 0 means yes.
    #[serde(default)]
    pub status: Option<Command>,
    /// List the models that the server offers.
    #[serde(default)]
    pub models: Option<Command>,
    /// List the accounts that are signed in.
    #[serde(default)]
    pub accounts: Option<Command>,
    /// Answer one Chat Completions request by way of the Responses API: the request is at standard input (JSON), the
    /// answer goes to standard output, a `chat.completion` as JSON. Where the request asks for a stream, its chunks: one
    /// JSON per line, or as the events of a stream (`data: …`). A status other than 0 when there is no answer.
    #[serde(default)]
    pub translate: Option<Command>,
    /// What switches on the program's verbose or debug mode.
    #[serde(default)]
    pub verbose: Verbose,
    /// What switches on modes by name, for scenarios with `settings.modes`: `fast`, `fallback`, `pool`, `children`, `websocket`.
    #[serde(default)]
    pub modes: BTreeMap<String, Mode>,
    /// The credential file.
    #[serde(default)]
    pub store: Option<StoreFile>,
    /// Credential files of other programs that this one takes over, by name. A known format's name says its format.
    #[serde(default)]
    pub imports: BTreeMap<String, StoreFile>,
    /// How long and how many at a time.
    #[serde(default)]
    pub limits: Limits,
    /// Where on the screen the person finds what is needed to sign in.
    #[serde(default)]
    pub person: PersonHints,
}

/// How traffic reaches the mocks.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Deserialize,
    Serialize,
    JsonSchema,
    ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// The program takes a base URL or issuer from a flag, a variable or a file.
    Direct,
    /// The program takes a forward proxy and a certificate authority from the usual variables, or from `{proxy}`,
    /// `{ca}` and `{ca_bundle}`.
    Proxy,
    /// The program runs in a network of its own in which every host is ours. No cooperation is needed. Linux only.
    Namespace,
}

impl Network {
    /// Its name, as in target files and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Proxy => "proxy",
            Self::Namespace => "namespace",
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How to get the program.
///
/// A program that needs a newer Node.js than the machine's brings its own: npm has it as a package for each platform,
/// and npm puts it into the same folder as the program, which comes first on PATH:
/// `npm install --prefix {tools} node-{platform}@24 PROGRAM@1.2.3`, `bin = "{tools}/node_modules/.bin"`.
/// A Python program lives in a virtual environment: `in-place = true`,
/// `run = [["python3", "-m", "venv", "{tools}"], ["{tools}/bin/pip", "install", "PROGRAM==1.2.3"]]`,
/// `bin = "{tools}/bin"`.
///
/// An installer has the user's environment: settings of npm and pip hold.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(extend("required" = []))]
pub struct Install {
    /// The exact version that `run` installs.
    pub pin: String,
    /// Command that installs below `{tools}`, or several, one after the other.
    pub run: Commands,
    /// Folder with the program, put first on PATH: `{tools}/node_modules/.bin`. Or several, in this order.
    pub bin: Folders,
    /// The program does not work once its folder is moved, as a Python virtual environment: it is installed where it
    /// stays, and counts as installed once a stamp was written last.
    #[serde(default)]
    pub in_place: bool,
    /// Files that stand below `{tools}` before the first command: `files."{tools}/x/Cargo.toml".from = "shims/x.toml"`.
    #[serde(default)]
    pub files: BTreeMap<String, SeedFile>,
}

/// A file in the home: exactly one of `text` and `from`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct SeedFile {
    /// Its text; placeholders are filled.
    pub text: Option<String>,
    /// A file with its text, from the target file's folder: `shims/ask.py`. Nothing is filled in: what it needs stands
    /// in the environment.
    pub from: Option<String>,
    /// What `from` held when the target was loaded.
    #[serde(skip)]
    pub(super) loaded: Option<String>,
}

impl SeedFile {
    /// What stands in the file.
    #[must_use]
    pub fn content(&self, placeholders: &Placeholders) -> String {
        match (&self.text, &self.loaded) {
            (Some(text), _) => placeholders.fill(text),
            (None, loaded) => loaded.clone().unwrap_or_default(),
        }
    }
}

/// One command of the program.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(extend("required" = []))]
pub struct Command {
    /// Program and arguments.
    pub run: Vec<String>,
    /// How it is attached when a step does not say. Default `pty`.
    #[serde(default)]
    pub tty: Option<Tty>,
    /// Where its final answer stands. Needed for `ask`.
    #[serde(default)]
    pub answer: Option<AnswerFrom>,
    /// Environment of this command only.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// What a person types to get a full-screen program to do it, in order.
    #[serde(default)]
    pub keys: Vec<KeyPress>,
    /// Regular expression for the screen of a full-screen program that has done it: such a program never ends by
    /// itself. Then the keys of `quit` are pressed.
    #[serde(default)]
    pub done: Option<String>,
    /// Keys that end the program: `["ctrl-c", "ctrl-c"]`.
    #[serde(default)]
    pub quit: Vec<String>,
    /// Where this way to sign in keeps its tokens, when it differs from `[store]`: the keys given here take the place
    /// of those there (`store = { provider = "nous" }`). For `[logins.FLOW]`.
    #[serde(default)]
    pub store: Option<StoreFile>,
}

/// One thing a person types: waits until the screen is ready, types, and sees to it that it arrived.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct KeyPress {
    /// Regular expression that the screen must match first. Default: it has changed since the last key, and settled.
    pub after: Option<String>,
    /// Text to type; placeholders are filled.
    #[serde(rename = "type")]
    pub text: Option<String>,
    /// Key to press, after the text: `enter`, `down`, `escape`, `ctrl-c`.
    pub press: Option<String>,
}

/// Where the final answer stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerFrom {
    /// Alone on standard output.
    #[default]
    Stdout,
    /// Standard output is one JSON value per line: the strings at this pointer, in order, make up the answer.
    JsonLines(String),
    /// Standard output is one JSON value: the string at this pointer.
    Json(String),
}

/// A program's verbose or debug mode.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Verbose {
    /// Arguments added at the end.
    pub args: Vec<String>,
    /// Environment added.
    pub env: BTreeMap<String, String>,
}

/// What switches on a mode.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Mode {
    /// Arguments added at the end of `ask` and `ask-many`.
    pub args: Vec<String>,
    /// Environment added to every command.
    pub env: BTreeMap<String, String>,
    /// Files added, in place of those of the same path.
    pub files: BTreeMap<String, SeedFile>,
    /// A command in place of `[ask]`.
    pub ask: Option<Command>,
}

/// How long and how many at a time.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Limits {
    /// Added to the bound of every scenario: start-up, retries with long back-off. Default 0ms.
    pub stretch: Option<Span>,
    /// At most so many scenarios side by side. Default: `--jobs`.
    pub side_by_side: Option<usize>,
    /// At most so many variants of a scenario, chosen by the seed, unless `--variants` says otherwise. Default: all.
    pub variants: Option<NonZeroUsize>,
}

/// Where on the screen the person finds what is needed to sign in. An OSC 8 link wins over the URL in the text.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct PersonHints {
    /// Regular expression for the URL; the first group, or all of it.
    pub url: Option<String>,
    /// Regular expression for the code; the first group, or all of it.
    pub code: Option<String>,
}
