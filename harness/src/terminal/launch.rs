//! What to start, and starting it.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::pty::Pty;
use crate::sandbox::disk::Disk;
use crate::sandbox::namespace::Inside;

/// A program to start.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program and its arguments. A name without `/` is looked up in the `PATH` of `env`.
    pub argv: Vec<String>,
    /// Its whole environment: nothing is inherited.
    pub env: Vec<(OsString, OsString)>,
    /// Its working folder.
    pub cwd: PathBuf,
    /// How it is attached.
    pub attach: Attach,
    /// Whether the terminal answers what the program asks it.
    pub answers: bool,
    /// Whether output is also shown on this process's own standard output, as it comes.
    pub mirror: bool,
    /// File mode creation mask; the harness's own when left out.
    pub umask: Option<u32>,
    /// The namespace to run in; the machine's own network without.
    pub inside: Option<Inside>,
    /// What the disk does with its files.
    pub disk: Option<Disk>,
    /// The binary of loginproof, for `enter`.
    pub supervisor: PathBuf,
    /// Where `enter` reports. Unique per program.
    pub report: PathBuf,
}

/// How a program is attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attach {
    /// A terminal for all three standard streams.
    Pty {
        /// Width in cells.
        columns: u16,
        /// Height in cells.
        rows: u16,
    },
    /// Pipes; no terminal at all, not even a controlling one.
    Pipes {
        /// Standard input.
        stdin: StdinKind,
    },
    /// Through `script -q -e -c COMMAND /dev/null`, which makes the terminal and is itself on pipes.
    Script {
        /// Standard input of `script`.
        stdin: StdinKind,
        /// A file that `script` keeps its log in: `script -q --return -c COMMAND LOG`.
        log: Option<PathBuf>,
    },
}

/// What standard input is without a terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StdinKind {
    /// `/dev/null`.
    #[default]
    Null,
    /// A pipe that stays open; what is sent to the program goes into it.
    Open,
    /// A pipe with this text, then closed.
    Text(Vec<u8>),
}

/// Why a program could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// Nothing to run.
    #[error("no program is named")]
    Empty,
    /// Not there.
    #[error("program `{program}` was not found in PATH ({path})")]
    NotFound {
        /// As asked for.
        program: String,
        /// Where it was looked for.
        path: String,
    },
    /// There, but not to be run.
    #[error("program `{program}` cannot be run: {reason}")]
    NotRunnable {
        /// As asked for.
        program: String,
        /// Why.
        reason: String,
    },
    /// The working folder is missing.
    #[error("cannot use working folder {folder}: {reason}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// Something that the harness needs failed.
    #[error("cannot {what}: {reason}")]
    System {
        /// What was being done.
        what: &'static str,
        /// Why it failed.
        reason: io::Error,
    },
}

impl LaunchError {
    pub(super) fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |reason| Self::System { what, reason }
    }
}

impl Launch {
    /// The command that starts the supervisor, with everything but its streams.
    pub(super) fn command(&self) -> Result<Command, LaunchError> {
        let program = self.argv.first().ok_or(LaunchError::Empty)?;
        if let Err(reason) = std::fs::read_dir(&self.cwd) {
            return Err(LaunchError::Folder {
                folder: self.cwd.clone(),
                reason,
            });
        }
        self.find(program)?;
        let argv = match &self.attach {
            Attach::Script { log, .. } => {
                self.find("script")?;
                let line: Vec<String> = self.argv.iter().map(|word| shell_word(word)).collect();
                let (returned, log) = match log {
                    Some(log) => ("--return", log.display().to_string()),
                    None => ("-e", "/dev/null".to_owned()),
                };
                ["script", "-q", returned, "-c", &line.join(" "), &log]
                    .map(str::to_owned)
                    .to_vec()
            }
            Attach::Pty { .. } | Attach::Pipes { .. } => self.argv.clone(),
        };
        for stale in [
            self.report.clone(),
            crate::sandbox::supervise::pid_file(&self.report),
            crate::sandbox::handed_down::file(&self.report),
        ] {
            match std::fs::remove_file(&stale) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(LaunchError::System {
                        what: "remove an old report",
                        reason: error,
                    });
                }
                _ => {}
            }
        }
        let mut command = Command::new(&self.supervisor);
        command.arg("enter").arg("--report").arg(&self.report);
        if let Some(umask) = self.umask {
            command.arg("--umask").arg(format!("{umask:o}"));
        }
        if let Some(inside) = &self.inside {
            command.args(inside.arguments());
        }
        if let Some(disk) = &self.disk {
            command.args(disk.arguments());
        }
        command.arg("--").args(argv);
        command
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.cwd);
        Ok(command)
    }

    /// The program's three streams, and the terminal's other end where there is one.
    pub(super) fn attach(&self, command: &mut Command) -> Result<Option<Pty>, LaunchError> {
        match &self.attach {
            Attach::Pty { columns, rows } => {
                let (pty, end) =
                    Pty::open(*columns, *rows).map_err(LaunchError::system("open a terminal"))?;
                let copy = || {
                    end.try_clone()
                        .map_err(LaunchError::system("open a terminal"))
                };
                command.stdin(copy()?).stdout(copy()?).stderr(end);
                Ok(Some(pty))
            }
            Attach::Pipes { stdin } | Attach::Script { stdin, .. } => {
                command.stdin(if *stdin == StdinKind::Null {
                    Stdio::null()
                } else {
                    Stdio::piped()
                });
                command.stdout(Stdio::piped()).stderr(Stdio::piped());
                Ok(None)
            }
        }
    }

    fn find(&self, program: &str) -> Result<(), LaunchError> {
        let check = |path: &Path| -> io::Result<bool> {
            let data = std::fs::metadata(path)?;
            Ok(data.is_file() && data.permissions().mode() & 0o111 != 0)
        };
        let refuse = |reason: String| LaunchError::NotRunnable {
            program: program.to_owned(),
            reason,
        };
        if program.contains('/') {
            return match check(&self.cwd.join(program)) {
                Ok(true) => Ok(()),
                Ok(false) => Err(refuse("it is not an executable file".to_owned())),
                Err(reason) => Err(refuse(reason.to_string())),
            };
        }
        let path = self.env.iter().rev().find(|(name, _)| name == "PATH");
        let path = path.map_or(OsStr::new(""), |(_, value)| value);
        match std::env::split_paths(path)
            .any(|folder| check(&folder.join(program)).unwrap_or(false))
        {
            true => Ok(()),
            false => Err(LaunchError::NotFound {
                program: program.to_owned(),
                path: path.to_string_lossy().into_owned(),
            }),
        }
    }
}

/// One word of a shell's command line.
fn shell_word(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./=:,@%+".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_the_shell() {
        assert_eq!(
            shell_word("--issuer=http://127.0.0.1:80/"),
            "--issuer=http://127.0.0.1:80/"
        );
        assert_eq!(shell_word("say hi"), "'say hi'");
        assert_eq!(shell_word("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(shell_word(""), "''");
    }
}
