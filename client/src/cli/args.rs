//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum as _};

use crate::oauth::ApiKey;
use crate::oauth::provider::{Hosts, Provider};
use crate::session::{Fallback, Place};

/// Signs in, asks, and keeps the sign-in alive.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "client",
    bin_name = "loginproof client",
    version,
    no_binary_name = true,
    after_help = super::exit::TABLE,
    disable_help_subcommand = true
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) options: Options,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    /// Sign in: shows a page to open and a code, and waits for the approval
    ///
    /// Credentials that work stay in the file until there are new ones.
    Login(Login),
    /// Ask, and print the answer alone on standard output
    ///
    /// Standard input is not read. Several prompts are asked at once; their answers come in order, one per line.
    /// An answer is printed when it is whole, so a retry never repeats a part of it.
    Ask {
        /// What to ask; each argument is a prompt of its own
        #[arg(required = true, value_name = "PROMPT")]
        prompts: Vec<String>,
        /// When nobody is signed in, first take over the sign-in of this program, if it has one
        #[arg(long, env = "LOGINPROOF_IMPORT", value_enum, value_name = "PROGRAM")]
        import: Option<Import>,
    },
    /// Answer one Chat Completions request: the request on standard input, the answer on standard output, both JSON
    ///
    /// When it asks for a stream, the answer comes in chunks, one per line, once it is whole. Parameters that the server
    /// has no counterpart for are left out and named on standard error. After a failure standard output holds `error`,
    /// and the exit status says which.
    Translate,
    /// List the accounts and the other sign-ins, without asking the server and without secrets
    ///
    /// Asks go to the first account that can be used. One whose limit is reached is left out until the limit is
    /// lifted, and one whose sign-in is dead until a new sign-in.
    Accounts,
    /// List the models that the server offers, one per line
    Models,
    /// Sign out: revoke the sign-in of every account and remove the credential file, other providers' tokens included
    Logout,
    /// Say whether somebody is signed in, without asking the server
    ///
    /// Speaks of the ChatGPT sign-in, which `ask` uses, and names the other providers that there are tokens of.
    Status,
}

/// How to sign in.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Login {
    /// The way to sign in
    #[arg(long, value_enum, value_name = "NAME", default_value_t = Flow::Chatgpt)]
    pub(super) flow: Flow,
    /// Keep the accounts that are signed in and add this one to the pool
    ///
    /// Only for ChatGPT accounts. The same account takes its own place again.
    #[arg(long)]
    pub(super) add: bool,
    /// Take over the sign-in of another program instead of asking a person
    #[arg(long, value_enum, value_name = "PROGRAM", conflicts_with = "flow")]
    pub(super) import: Option<Import>,
    /// How long the browser (`callback`) or the code (`paste`) is waited for, in milliseconds
    #[arg(
        long,
        env = "LOGINPROOF_SIGN_IN_TIMEOUT_MS",
        value_name = "MS",
        default_value_t = 300_000,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    sign_in_timeout_ms: u64,
}

/// Programs whose sign-in can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Import {
    /// Codex: auth.json in $CODEX_HOME, or in ~/.codex. It is only read, and only unexpired tokens are taken
    Codex,
}

impl Import {
    /// The file that holds the sign-in.
    pub(super) fn path(self) -> PathBuf {
        let Self::Codex = self;
        let folder = std::env::var_os("CODEX_HOME").filter(|folder| !folder.is_empty());
        let folder = folder.map_or_else(
            || std::env::home_dir().unwrap_or_default().join(".codex"),
            PathBuf::from,
        );
        folder.join("auth.json")
    }
}

impl Login {
    pub(super) fn place(&self) -> Place {
        if self.add { Place::Added } else { Place::First }
    }

    pub(super) fn bound(&self) -> Duration {
        Duration::from_millis(self.sign_in_timeout_ms)
    }

    /// These arguments as they were given, where they are not the default.
    pub(super) fn arguments(&self) -> String {
        let flow = match self.flow.to_possible_value() {
            Some(value) if self.flow != Flow::Chatgpt => format!(" --flow {}", value.get_name()),
            _ => String::new(),
        };
        let add = if self.add { " --add" } else { "" };
        format!("{flow}{add}")
    }
}

/// The ways to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Flow {
    /// ChatGPT by device code
    Chatgpt,
    /// Nous Portal by device code (RFC 8628)
    Nous,
    /// xAI by device code (RFC 8628), its endpoints discovered
    Xai,
    /// Qwen by device code (RFC 8628) with PKCE
    Qwen,
    /// GitHub by device code (RFC 8628), then the Copilot token
    Github,
    /// A server that follows RFC 8628 and RFC 8414 to the letter
    Strict,
    /// ChatGPT through a browser on this machine, which brings the code back by itself (PKCE, loopback redirect)
    Callback,
    /// Claude through a browser anywhere, whose page shows a code to paste here as CODE#STATE (PKCE)
    Paste,
}

impl Flow {
    /// The provider of an RFC 8628 flow.
    pub(super) fn provider(self) -> Option<&'static Provider> {
        Provider::named(self.to_possible_value()?.get_name())
    }
}

/// Which hosts the providers other than ChatGPT are asked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ProviderHosts {
    /// One origin that serves the paths of all
    Origin,
    /// Each provider's own host on the internet
    Real,
}

/// Where everything is.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Options {
    /// The authorization server
    #[arg(long, global = true, env = "LOGINPROOF_ISSUER", value_name = "URL", default_value = DEFAULT_ISSUER)]
    pub(super) issuer: String,
    /// The origin at which the paths of all other providers are served [default: that of the issuer]
    #[arg(long, global = true, env = "LOGINPROOF_ORIGIN", value_name = "URL")]
    origin: Option<String>,
    /// Which hosts the other providers are asked at
    #[arg(
        long,
        global = true,
        env = "LOGINPROOF_PROVIDER_HOSTS",
        value_enum,
        value_name = "WHICH",
        default_value_t = ProviderHosts::Origin
    )]
    provider_hosts: ProviderHosts,
    /// The base URL of the Responses endpoint
    #[arg(
        long,
        global = true,
        env = "LOGINPROOF_BASE_URL",
        value_name = "URL",
        default_value = "https://chatgpt.com/backend-api/codex"
    )]
    pub(super) base_url: String,
    /// The credential file [default: ~/.loginproof/auth.json]
    #[arg(long, global = true, env = "LOGINPROOF_STORE", value_name = "FILE")]
    store: Option<PathBuf>,
    /// The model
    #[arg(
        long,
        global = true,
        env = "LOGINPROOF_MODEL",
        value_name = "NAME",
        default_value = "gpt-5.5"
    )]
    pub(super) model: String,
    /// Ask to be served before others, at a higher price (service tier "priority")
    #[arg(long, global = true)]
    pub(super) fast: bool,
    /// Ask over a WebSocket; where there is none, go on over HTTP
    #[arg(long, global = true)]
    pub(super) websocket: bool,
    /// An endpoint that speaks Chat Completions and answers when no account can be used
    ///
    /// That is: when every account's limit is reached, or its renewal was refused. The conversation goes there, no
    /// ChatGPT token does.
    #[arg(
        long,
        global = true,
        env = "LOGINPROOF_FALLBACK_BASE_URL",
        value_name = "URL"
    )]
    fallback_base_url: Option<String>,
    /// The key of that endpoint, which goes nowhere else; best given by the environment
    #[arg(
        long,
        global = true,
        env = "LOGINPROOF_FALLBACK_API_KEY",
        value_name = "KEY",
        hide_env_values = true
    )]
    fallback_api_key: Option<ApiKey>,
    /// The model there [default: that of --model]
    #[arg(
        long,
        global = true,
        env = "LOGINPROOF_FALLBACK_MODEL",
        value_name = "NAME"
    )]
    fallback_model: Option<String>,
    /// A command line for `sh` that runs the tools that the model calls
    ///
    /// It gets the arguments on standard input and the tool's name in LOGINPROOF_TOOL_NAME; what it prints is the output.
    /// Without it there is one tool, which returns its text.
    #[arg(long, global = true, env = "LOGINPROOF_TOOL", value_name = "COMMAND")]
    pub(super) tool: Option<String>,
    /// How long a stream may be silent, in milliseconds
    #[arg(
        long,
        global = true,
        env = "LOGINPROOF_IDLE_TIMEOUT_MS",
        value_name = "MS",
        default_value_t = 300_000,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    idle_timeout_ms: u64,
    /// Print events instead of text: one JSON object per line on standard output
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Log every request on standard error, without secrets
    #[arg(long, short, global = true)]
    pub(super) verbose: bool,
}

/// The vendor's authorization server.
const DEFAULT_ISSUER: &str = "https://auth.openai.com";

impl Options {
    pub(super) fn store(&self) -> PathBuf {
        self.store.clone().unwrap_or_else(default_store)
    }

    pub(super) fn idle(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    pub(super) fn fallback(&self) -> Option<Fallback> {
        let base_url = self
            .fallback_base_url
            .clone()
            .filter(|url| !url.is_empty())?;
        let model = self.fallback_model.clone().filter(|m| !m.is_empty());
        Some(Fallback {
            base_url,
            api_key: self.fallback_api_key.clone(),
            model: model.unwrap_or_else(|| self.model.clone()),
        })
    }

    /// Where the providers other than ChatGPT are.
    pub(super) fn hosts(&self) -> Result<Hosts, String> {
        let given = self.origin.as_deref().filter(|origin| !origin.is_empty());
        let origin = match given {
            Some(origin) => Some(origin.trim_end_matches('/').to_owned()),
            None => url::Url::parse(&self.issuer)
                .ok()
                .map(|url| url.origin().ascii_serialization()),
        };
        let own = self.provider_hosts == ProviderHosts::Real;
        match origin {
            Some(other) if own => Ok(Hosts::Own { other }),
            // The vendor's own server does not serve them.
            Some(origin) if given.is_some() || self.issuer != DEFAULT_ISSUER => {
                Ok(Hosts::At(origin))
            }
            Some(_) => Err(
                "no server is given for this provider: set LOGINPROOF_ORIGIN (or --origin), \
                 or LOGINPROOF_PROVIDER_HOSTS=real to sign in at the provider itself"
                    .to_owned(),
            ),
            None => Err(format!("the issuer {} is not a URL", self.issuer)),
        }
    }

    /// The exact command that signs in to the same place, flags included where the environment does not give them.
    pub(super) fn sign_in_command(&self) -> String {
        let mut command = "loginproof client login".to_owned();
        let from_environment =
            |name: &str, value: &str| std::env::var(name).is_ok_and(|v| v == value);
        let store = self.store().display().to_string();
        if self.store() != default_store() && !from_environment("LOGINPROOF_STORE", &store) {
            command.push_str(&format!(" --store {}", quoted(&store)));
        }
        if self.issuer != DEFAULT_ISSUER && !from_environment("LOGINPROOF_ISSUER", &self.issuer) {
            command.push_str(&format!(" --issuer {}", quoted(&self.issuer)));
        }
        command
    }
}

fn default_store() -> PathBuf {
    let home = std::env::home_dir().unwrap_or_default();
    home.join(".loginproof").join("auth.json")
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | ':' | '~' | '=' | '+')
    };
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_provider_is_a_flow() {
        use crate::oauth::provider::PROVIDERS;
        let flows = Flow::value_variants().iter().filter_map(|f| f.provider());
        assert_eq!(flows.count(), PROVIDERS.len());
    }

    #[test]
    fn providers_are_asked_where_the_person_says() {
        let hosts = |line: &[&str]| Args::try_parse_from(line).unwrap().options.hosts();
        let at = |origin: &str| Ok(Hosts::At(origin.to_owned()));
        assert_eq!(
            hosts(&["login", "--issuer", "http://127.0.0.1:8/x/"]),
            at("http://127.0.0.1:8")
        );
        assert_eq!(
            hosts(&["login", "--origin", "http://127.0.0.1:9/"]),
            at("http://127.0.0.1:9")
        );
        let real = hosts(&["login", "--provider-hosts", "real"]).unwrap();
        assert!(matches!(real, Hosts::Own { .. }));
        assert!(hosts(&["login"]).unwrap_err().contains("LOGINPROOF_ORIGIN"));
    }

    #[test]
    fn the_sign_in_command_names_what_differs_from_the_default() {
        let parse = |line: &[&str]| Args::try_parse_from(line).unwrap().options;
        let options = parse(&[
            "status",
            "--store",
            "/tmp/a b/auth.json",
            "--issuer",
            "https://x.test",
        ]);
        assert_eq!(
            options.sign_in_command(),
            "loginproof client login --store '/tmp/a b/auth.json' --issuer https://x.test"
        );
    }
}
