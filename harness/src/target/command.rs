//! What a target's commands are for, and what it takes to run one.

use std::collections::BTreeMap;

use super::flow::Flow;
use super::load::{Credential, Target};
use super::model::{Command, Mode, Network, SeedFile};
use super::store::Layout;
use crate::scenario::model::Capability;

/// Hosts that are ours when a target names none.
const HOSTS: [&str; 3] = ["auth.openai.com", "chatgpt.com", "api.openai.com"];

/// What a command of the program is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandKind {
    /// Sign in, this way.
    Login(Flow),
    /// One prompt.
    Ask,
    /// Several prompts at once.
    AskMany,
    /// Sign out.
    Logout,
    /// Whether somebody is signed in.
    Status,
    /// Which models there are.
    Models,
    /// Which accounts are signed in.
    Accounts,
    /// A Chat Completions request.
    Translate,
}

impl CommandKind {
    /// Its table in the target file.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Login(flow) => flow.key(),
            Self::Ask => "ask",
            Self::AskMany => "ask-many",
            Self::Logout => "logout",
            Self::Status => "status",
            Self::Models => "models",
            Self::Accounts => "accounts",
            Self::Translate => "translate",
        }
    }

    /// What a step of this kind is called: `login`, whatever the way.
    #[must_use]
    pub fn step(self) -> &'static str {
        match self {
            Self::Login(_) => "login",
            other => other.key(),
        }
    }
}

/// A command with what modes add to it. Placeholders are not filled.
#[derive(Clone, Debug)]
pub struct Invocation<'a> {
    /// The command; its `run` and `env` are part of those below.
    pub command: &'a Command,
    /// Program and arguments.
    pub run: Vec<String>,
    /// The target's environment, the command's and the modes', later ones in place of earlier ones.
    pub env: BTreeMap<String, String>,
}

impl Target {
    /// The command for what a step does, when the program has one.
    #[must_use]
    pub fn command(&self, kind: CommandKind) -> Option<&Command> {
        match kind {
            CommandKind::Login(Flow::Chatgpt) => self.file.login.as_ref(),
            CommandKind::Login(flow) => self.file.logins.get(&flow),
            CommandKind::Ask => self.file.ask.as_ref(),
            CommandKind::AskMany => self.file.ask_many.as_ref(),
            CommandKind::Logout => self.file.logout.as_ref(),
            CommandKind::Status => self.file.status.as_ref(),
            CommandKind::Models => self.file.models.as_ref(),
            CommandKind::Accounts => self.file.accounts.as_ref(),
            CommandKind::Translate => self.file.translate.as_ref(),
        }
    }

    /// The same, with what these modes and the verbose mode add. Modes that the target does not know add nothing.
    #[must_use]
    pub fn invocation(
        &self,
        kind: CommandKind,
        modes: &[String],
        verbose: bool,
    ) -> Option<Invocation<'_>> {
        let asks = matches!(kind, CommandKind::Ask | CommandKind::AskMany);
        let modes: Vec<&Mode> = modes.iter().filter_map(|name| self.mode(name)).collect();
        let replaced = modes.iter().rev().find_map(|mode| mode.ask.as_ref());
        let command = match kind {
            CommandKind::Ask => replaced.or(self.file.ask.as_ref()),
            kind => self.command(kind),
        }?;
        let mut run = command.run.clone();
        let mut env = self.file.env.clone();
        env.extend(command.env.clone());
        for mode in modes {
            if asks {
                run.extend(mode.args.iter().cloned());
            }
            env.extend(mode.env.clone());
        }
        if verbose {
            run.extend(self.file.verbose.args.iter().cloned());
            env.extend(self.file.verbose.env.clone());
        }
        Some(Invocation { command, run, env })
    }

    /// What switches on a mode.
    #[must_use]
    pub fn mode(&self, name: &str) -> Option<&Mode> {
        self.file.modes.get(name)
    }

    /// Files that stand in the home before the first step, by path (with placeholders).
    #[must_use]
    pub fn files(&self, modes: &[String]) -> BTreeMap<&str, &SeedFile> {
        let modes = modes.iter().filter_map(|name| self.mode(name));
        std::iter::once(&self.file.files)
            .chain(modes.map(|mode| &mode.files))
            .flatten()
            .map(|(path, file)| (path.as_str(), file))
            .collect()
    }

    /// Where this way to sign in keeps its tokens, and how; the path holds placeholders.
    #[must_use]
    pub fn store(&self, flow: Flow) -> Option<(&str, &Layout)> {
        let own = self.logins.get(&flow);
        let own = own.map(|Credential { path, layout }| (path.as_str(), layout));
        own.or_else(|| {
            Some((
                self.file.store.as_ref()?.path.as_str(),
                self.layout.as_ref()?,
            ))
        })
    }

    /// Every file that may hold tokens, with placeholders.
    pub fn credential_files(&self) -> impl Iterator<Item = &str> {
        let file = &self.file;
        let logins = file
            .logins
            .values()
            .filter_map(|login| login.store.as_ref());
        let stores = file.store.iter().chain(logins).chain(file.imports.values());
        stores
            .flat_map(|store| std::iter::once(&store.path).chain(&store.also))
            .map(String::as_str)
            .filter(|path| !path.is_empty())
    }

    /// Patterns of host names that are ours.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        match &self.file.hosts {
            Some(hosts) => hosts.clone(),
            None => HOSTS.map(str::to_owned).to_vec(),
        }
    }

    /// What the program may ask for around a turn.
    #[must_use]
    pub fn ambient(&self) -> &[String] {
        &self.file.ambient
    }

    /// How its traffic is brought to the mocks when nobody chooses.
    #[must_use]
    pub fn preferred_network(&self) -> Network {
        self.file
            .network
            .first()
            .copied()
            .unwrap_or(Network::Direct)
    }

    /// Whether credentials can be there before the first step: in a known file, or handed over as a bare token.
    #[must_use]
    pub fn can_be_seeded(&self) -> bool {
        const TOKEN: &str = "{access_token}";
        let file = &self.file;
        let env = file.env.values();
        let files = file.files.values().filter_map(|file| file.text.as_ref());
        let commands = [&file.ask, &file.ask_many].into_iter().flatten();
        let words = commands.flat_map(|command| command.run.iter().chain(command.env.values()));
        self.layout.is_some()
            || env
                .chain(files)
                .chain(words)
                .any(|text| text.contains(TOKEN))
    }

    /// Capabilities that a scenario needs and this program does not claim.
    #[must_use]
    pub fn lacks(&self, needs: &[Capability]) -> Vec<Capability> {
        needs
            .iter()
            .copied()
            .filter(|need| !self.file.speaks.contains(need))
            .collect()
    }
}
