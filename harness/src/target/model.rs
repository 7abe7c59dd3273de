//! The target file format: how to run a program.

use std::collections::BTreeMap;

use loginproof_mocks::span::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::store::StoreFile;
use crate::scenario::model::{Capability, Tty};

/// One program under test, `targets/NAME.toml`.
///
/// Strings may hold placeholders: `{home}` the program's fresh home folder, `{work}` the folder it is started in,
/// `{origin}` the mock server's origin, `{issuer}` the issuer of tokens, `{chatgpt_base_url}` and `{base_url}` the
/// backend's base and the Responses base below it, `{store}` the credential file, `{tools}` where `install` put the
/// program, `{prompt}`, `{prompts}` (as an argument of its own: all prompts), `{model}`, `{idle_timeout_ms}`, and
/// `{loginproof}` this binary.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TargetFile {
    /// Short name, as in `--target NAME`.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// Command whose first line of output is the version.
    pub version: Vec<String>,
    /// What the program can do. A scenario that needs something else is `unsupported`.
    pub speaks: Vec<Capability>,
    /// How its traffic can be brought to the mocks, preferred first.
    pub network: Vec<Network>,
    /// How `loginproof install` gets the program.
    #[serde(default)]
    pub install: Option<Install>,
    /// Environment of every command, on top of what every program gets.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Files that stand in the home before the first step.
    #[serde(default)]
    pub files: BTreeMap<String, SeedFile>,
    /// Sign in by device code.
    #[serde(default)]
    pub login: Option<Command>,
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
    /// What switches on the program's verbose or debug mode.
    #[serde(default)]
    pub verbose: Verbose,
    /// The credential file.
    #[serde(default)]
    pub store: Option<StoreFile>,
    /// Path prefixes that the program may ask for around a turn; answered 404, judged by nobody.
    #[serde(default)]
    pub ambient: Vec<String>,
    /// How long and how many at a time.
    #[serde(default)]
    pub limits: Limits,
    /// Where on the screen the person finds what is needed to sign in.
    #[serde(default)]
    pub person: PersonHints,
}

/// How traffic reaches the mocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// The program takes a base URL or issuer from a flag, a variable or a file.
    Direct,
}

/// How to get the program.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Install {
    /// The exact version that `run` installs.
    pub pin: String,
    /// Command that installs below `{tools}`.
    pub run: Vec<String>,
    /// Folder with the program, put first on PATH: `{tools}/node_modules/.bin`.
    pub bin: String,
}

/// A file in the home.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SeedFile {
    /// Its text; placeholders are filled.
    pub text: String,
}

/// One command of the program.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Command {
    /// Program and arguments.
    pub run: Vec<String>,
    /// How it is attached when a step does not say. Default `pty`.
    #[serde(default)]
    pub tty: Option<Tty>,
    /// Where its final answer stands: `stdout`. Needed for `ask`.
    #[serde(default)]
    pub answer: Option<AnswerFrom>,
    /// Environment of this command only.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// Where the final answer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerFrom {
    /// Alone on standard output.
    Stdout,
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

/// How long and how many at a time.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Limits {
    /// Added to the bound of every scenario: start-up, retries with long back-off. Default 0ms.
    pub stretch: Option<Span>,
    /// At most so many scenarios side by side. Default: `--jobs`.
    pub side_by_side: Option<usize>,
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
