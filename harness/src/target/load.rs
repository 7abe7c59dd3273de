//! Loading target files: embedded ones by name, others by path.

use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use super::model::{Command, TargetFile};
use super::placeholders;
use super::store::Layout;
use crate::file_error::{FileError, suggestion};
use crate::scenario::model::Capability;

static TARGETS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../targets");

/// A program under test, ready to be run.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its file.
    pub file: TargetFile,
    /// Shape of its credential file.
    pub layout: Option<Layout>,
    /// Where its installed program lies, when `install` is known for it.
    pub tools: Option<PathBuf>,
}

/// Why a target cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum TargetError {
    /// No such built-in target and no such file.
    #[error("there is no target `{name}`")]
    #[diagnostic(help("{help}"))]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        help: String,
    },
    /// The file cannot be read.
    #[error("cannot read target file {path}: {reason}")]
    Unreadable {
        /// Which.
        path: String,
        /// The system's words.
        reason: String,
    },
    /// The file holds a mistake.
    #[error(transparent)]
    #[diagnostic(transparent)]
    File(#[from] FileError),
}

impl Target {
    /// Names of the built-in targets.
    #[must_use]
    pub fn built_in() -> Vec<String> {
        let mut names: Vec<String> = TARGETS
            .files()
            .filter_map(|file| Some(file.path().file_stem()?.to_str()?.to_owned()))
            .collect();
        names.sort();
        names
    }

    /// The target of this name, or in this file (anything with a slash or ending in `.toml`).
    ///
    /// # Errors
    /// No such target, or a mistake in its file.
    pub fn load(name: &str) -> Result<Self, TargetError> {
        if name.contains('/') || name.ends_with(".toml") {
            let text = std::fs::read_to_string(name).map_err(|error| TargetError::Unreadable {
                path: name.to_owned(),
                reason: error.to_string(),
            })?;
            return Self::parse(name, &text);
        }
        let Some(text) = TARGETS
            .get_file(format!("{name}.toml"))
            .and_then(|file| file.contents_utf8())
        else {
            let known = Self::built_in();
            let meant = suggestion(name, known.iter().map(String::as_str))
                .map(|meant| format!("did you mean `{meant}`? "));
            let help = format!(
                "{}built in: {}; a file of your own is named by its path, such as ./{name}.toml",
                meant.unwrap_or_default(),
                known.join(", ")
            );
            return Err(TargetError::Unknown {
                name: name.to_owned(),
                help,
            });
        };
        Self::parse(&format!("targets/{name}.toml"), text)
    }

    /// Reads a target file.
    ///
    /// # Errors
    /// The first mistake in it.
    pub fn parse(path: &str, text: &str) -> Result<Self, TargetError> {
        let file: TargetFile =
            toml::from_str(text).map_err(|error| FileError::from_toml(path, text, &error))?;
        validate(path, text, &file)?;
        let layout = match &file.store {
            Some(store) => Some(
                store
                    .layout()
                    .map_err(|message| FileError::at(path, text, "[store]", message))?,
            ),
            None => None,
        };
        let tools = file
            .install
            .as_ref()
            .map(|install| tools_folder(&file.name, &install.pin));
        Ok(Self {
            file,
            layout,
            tools,
        })
    }

    /// The command for what a step does, when the program has one.
    #[must_use]
    pub fn command(&self, kind: CommandKind) -> Option<&Command> {
        match kind {
            CommandKind::Login => self.file.login.as_ref(),
            CommandKind::Ask => self.file.ask.as_ref(),
            CommandKind::AskMany => self.file.ask_many.as_ref(),
            CommandKind::Logout => self.file.logout.as_ref(),
            CommandKind::Status => self.file.status.as_ref(),
        }
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

/// What a command of the program is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandKind {
    /// Sign in.
    Login,
    /// One prompt.
    Ask,
    /// Several prompts at once.
    AskMany,
    /// Sign out.
    Logout,
    /// Whether somebody is signed in.
    Status,
}

impl CommandKind {
    /// Its key in the target file.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Ask => "ask",
            Self::AskMany => "ask-many",
            Self::Logout => "logout",
            Self::Status => "status",
        }
    }
}

/// The folder below the user's cache where loginproof keeps what it makes.
#[must_use]
pub fn cache_folder() -> PathBuf {
    let from = |name: &str| {
        std::env::var_os(name)
            .filter(|value| Path::new(value).is_absolute())
            .map(PathBuf::from)
    };
    let home = from("HOME").unwrap_or_else(std::env::temp_dir);
    let base = from("XDG_CACHE_HOME").unwrap_or_else(|| {
        if cfg!(target_os = "macos") {
            home.join("Library/Caches")
        } else {
            home.join(".cache")
        }
    });
    base.join("loginproof")
}

/// Where the pinned version of a program is installed.
#[must_use]
pub fn tools_folder(name: &str, pin: &str) -> PathBuf {
    cache_folder().join("tools").join(format!("{name}-{pin}"))
}

fn validate(path: &str, text: &str, file: &TargetFile) -> Result<(), FileError> {
    let claims = [
        (Capability::DeviceLogin, "login", file.login.is_some()),
        (Capability::Ask, "ask", file.ask.is_some()),
        (Capability::AskMany, "ask-many", file.ask_many.is_some()),
        (Capability::Logout, "logout", file.logout.is_some()),
        (Capability::Status, "status", file.status.is_some()),
        (Capability::Store, "store", file.store.is_some()),
    ];
    for (capability, table, given) in claims {
        if file.speaks.contains(&capability) && !given {
            let message = format!("the target claims `{capability}` but has no [{table}]");
            return Err(FileError::at(
                path,
                text,
                &format!("\"{capability}\""),
                message,
            ));
        }
    }
    let commands = [
        &file.login,
        &file.ask,
        &file.ask_many,
        &file.logout,
        &file.status,
    ];
    for command in commands
        .into_iter()
        .flatten()
        .map(|command| &command.run)
        .chain([&file.version])
    {
        if command.is_empty() {
            return Err(FileError::at(
                path,
                text,
                "run",
                "a command needs at least the program's name",
            ));
        }
    }
    if file.ask.as_ref().is_some_and(|ask| ask.answer.is_none()) {
        return Err(FileError::at(
            path,
            text,
            "[ask]",
            "[ask] must say where the answer stands: answer = \"stdout\"",
        ));
    }
    if let Some((word, meant)) = placeholders::unknown(text).next() {
        let help = meant.map_or_else(
            || format!("known are {}", placeholders::KNOWN.join(", ")),
            |meant| format!("did you mean `{{{meant}}}`?"),
        );
        return Err(FileError::at(
            path,
            text,
            &format!("{{{word}}}"),
            format!("`{{{word}}}` is no placeholder"),
        )
        .with_help(Some(help)));
    }
    for pattern in [&file.person.url, &file.person.code].into_iter().flatten() {
        if let Err(error) = regex::Regex::new(pattern) {
            return Err(FileError::at(
                path,
                text,
                pattern,
                format!("not a regular expression: {error}"),
            ));
        }
    }
    Ok(())
}
