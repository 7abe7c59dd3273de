//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};

/// Signs in by device code, asks, and keeps the sign-in alive.
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
    /// Sign in by device code: shows a page and a code, and waits for the approval
    Login,
    /// Ask, and print the answer alone on standard output
    ///
    /// Standard input is not read. Several prompts are asked at once; their answers come in order, one per line.
    /// An answer is printed when it is whole, so a retry never repeats a part of it.
    Ask {
        /// What to ask; each argument is a prompt of its own
        #[arg(required = true, value_name = "PROMPT")]
        prompts: Vec<String>,
    },
    /// Sign out: revoke the sign-in and remove the credential file
    Logout,
    /// Say whether somebody is signed in, without asking the server
    Status,
}

/// Where everything is.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Options {
    /// The authorization server
    #[arg(long, global = true, env = "LOGINPROOF_ISSUER", value_name = "URL", default_value = DEFAULT_ISSUER)]
    pub(super) issuer: String,
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
