//! Steps: what the person, the terminal and the rest of the world do.

use std::collections::BTreeMap;

use loginproof_mocks::script::Endpoint;
use loginproof_mocks::span::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::target::Flow;

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
    /// List the models that the account can use.
    #[serde(deserialize_with = "present")]
    pub models: Option<Nothing>,
    /// List the accounts that are signed in.
    #[serde(deserialize_with = "present")]
    pub accounts: Option<Nothing>,
    /// Answer this Chat Completions request, which stands at standard input.
    pub translate: Option<serde_json::Value>,
    /// Type text into a running program (see `of`).
    pub r#type: Option<String>,
    /// Press a key: `enter`, `escape`, `up`, `down`, `left`, `right`, `tab`, `backspace`, `ctrl-c`, or one character.
    pub press: Option<String>,
    /// Change the size of the terminal of a running program.
    pub resize: Option<Size>,
    /// Send a signal to a running program: `INT`, `TERM`, `HUP`, `KILL`, or one that it crashes by: `QUIT`, `ABRT`, `SEGV`.
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
    /// The signal that ends the program at `bound`, as the host of a session does: `TERM`, `HUP`, `INT`.
    pub at_bound: Option<String>,
}

/// How the person signs in.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Login {
    /// Another way to sign in than ChatGPT's device code: the target's command is `[logins.FLOW]`.
    pub flow: Flow,
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
    /// Somebody else is quicker: a code of theirs comes back, without the `state` of this sign-in. Then the person
    /// approves. With `callback` and `paste` only.
    Forged,
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
    /// The same one many times at once, in one process. Needs `ask-many`.
    Repeated(Repeated),
}

/// One prompt, many times.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repeated {
    /// The prompt.
    pub prompt: String,
    /// How often.
    pub times: usize,
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
    /// Through `script -q --return -c COMMAND LOG`, itself on pipes, as the host of a sign-in session runs it. Its
    /// standard input stays open.
    ScriptLog,
    /// In the background: standard input empty, output and errors into `{work}/output.log`, which the person reads.
    File,
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

fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(|value| Some(value.unwrap_or_default()))
}
