//! Why a program could not be installed, and what to do about it.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use miette::Diagnostic;
use thiserror::Error;

/// Why a program could not be installed.
#[derive(Debug, Error, Diagnostic)]
pub enum InstallError {
    /// The plan names no command.
    #[error("the target `{name}` does not say how to install it")]
    #[diagnostic(help("add [install] to its target file, or put the program on PATH"))]
    NoCommand {
        /// The target.
        name: String,
    },
    /// The installer is not on this machine.
    #[error("cannot install `{name}`: `{tool}` is not on PATH")]
    ToolMissing {
        /// The target.
        name: String,
        /// The installer.
        tool: String,
        /// What to do.
        #[help]
        help: String,
    },
    /// A command could not be started or followed.
    #[error("cannot run `{command}`: {source}")]
    #[diagnostic(help("run it by hand to see more"))]
    Command {
        /// The command.
        command: String,
        /// What the system said.
        source: io::Error,
    },
    /// The installer did not reach where it downloads from.
    #[error("cannot install `{name}`: `{tool}` did not reach its registry")]
    #[diagnostic(help(
        "check the network, the proxy variables (HTTPS_PROXY, NO_PROXY) and the registry that `{tool}` is set to"
    ))]
    NotReached {
        /// The target.
        name: String,
        /// The installer.
        tool: String,
    },
    /// The installer failed.
    #[error("cannot install `{name}`: `{command}` ended with {status}")]
    #[diagnostic(help("its output above says why; nothing was installed"))]
    Failed {
        /// The target.
        name: String,
        /// The command.
        command: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// A command did not end.
    #[error("`{command}` did not end within {} s", bound.as_secs())]
    #[diagnostic(help("run it by hand: it may wait for an answer or for the network"))]
    Endless {
        /// The command.
        command: String,
        /// How long it had.
        bound: Duration,
    },
    /// The installer succeeded and installed something else.
    #[error("`{name}` is installed, but there is no program {}", program.display())]
    #[diagnostic(help("the target file names the wrong program or folder"))]
    ProgramMissing {
        /// The target.
        name: String,
        /// Where it should be, below the tools folder.
        program: PathBuf,
    },
    /// The installed program is of another version.
    #[error("`{command}` says `{seen}`, not {expected}")]
    #[diagnostic(help("the install command and the pinned version in the target file must agree"))]
    WrongVersion {
        /// The command that tells the version.
        command: String,
        /// What was wanted.
        expected: String,
        /// What it says.
        seen: String,
    },
    /// The program worked where it was installed, and not where it belongs.
    #[error("`{name}` does not work once moved to {}", tools.display())]
    #[diagnostic(help(
        "its files hold the folder's name, as those of a Python virtual environment do: say `in-place = true` in [install]"
    ))]
    NotMovable {
        /// The target.
        name: String,
        /// Where it belongs.
        tools: PathBuf,
    },
    /// A folder could not be made, moved or removed.
    #[error("cannot {doing} {}: {source}", path.display())]
    #[diagnostic(help("the folder must be writable; XDG_CACHE_HOME names another one"))]
    Folder {
        /// What was being done.
        doing: &'static str,
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
