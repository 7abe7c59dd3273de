//! `loginproof install`: gets a program under test in its pinned version, whole or not at all.

mod error;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

pub use error::InstallError;

/// An installer that takes longer hangs.
const INSTALL_BOUND: Duration = Duration::from_secs(20 * 60);
/// A program that takes longer to say its version waits for something.
const VERSION_BOUND: Duration = Duration::from_secs(60);
/// A child of the installer may outlive it and keep its output open.
const OUTPUT_BOUND: Duration = Duration::from_secs(2);
/// How much output is kept to explain a failure.
const KEPT: usize = 64 * 1024;
/// What an interrupted install left behind is removed after this time.
const LEFTOVER: Duration = Duration::from_secs(60 * 60);

/// What to install, and how to know that it worked. `{tools}` stands for the folder it is installed into.
#[derive(Clone, Debug)]
pub struct InstallPlan {
    /// The target's name.
    pub name: String,
    /// The commands that install, one after the other.
    pub run: Vec<Vec<String>>,
    /// Where the program belongs. It appears there complete or not at all.
    pub tools: PathBuf,
    /// The installed program, below `tools`.
    pub program: PathBuf,
    /// The command that tells its version; the program's folder comes first on its PATH.
    pub version: Vec<String>,
    /// The version, as it stands in that command's output.
    pub expect: String,
    /// Environment of both commands, on top of the user's.
    pub env: Vec<(String, String)>,
    /// Install also where the right version is installed already.
    pub force: bool,
}

/// An installed program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The program.
    pub program: PathBuf,
    /// What it says of its version, first line.
    pub version: String,
    /// It was there before; nothing was done.
    pub already: bool,
}

/// Installs a program, unless it is there. The installer's output goes to `log` as it comes.
///
/// # Errors
/// When the installer is missing, fails or hangs, or when what it installed is not what was wanted. Then nothing
/// is installed, and what was installed before is still there.
pub fn install(plan: &InstallPlan, log: &mut dyn Write) -> Result<Installed, InstallError> {
    if !plan.force
        && let Ok(version) = plan.check(&plan.tools)
    {
        return Ok(Installed {
            program: plan.tools.join(&plan.program),
            version,
            already: true,
        });
    }
    let parent = plan.tools.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(folder("make", parent))?;
    let prefix = format!(".{}.installing-", file_name(&plan.tools));
    sweep(parent, &prefix);
    let staging = tempfile::Builder::new()
        .prefix(&prefix)
        .tempdir_in(parent)
        .map_err(folder("make a folder in", parent))?;
    let fresh = staging.path().join("tools");
    std::fs::create_dir(&fresh).map_err(folder("make", &fresh))?;
    plan.run_installer(&fresh, log)?;
    plan.check(&fresh)?;

    let old = staging.path().join("old");
    let had_old = plan.tools.exists();
    if had_old {
        std::fs::rename(&plan.tools, &old).map_err(folder("move away", &plan.tools))?;
    }
    let moved =
        std::fs::rename(&fresh, &plan.tools).map_err(folder("move into place", &plan.tools));
    let checked = moved.and_then(|()| {
        plan.check(&plan.tools)
            .map_err(|_| InstallError::NotMovable {
                name: plan.name.clone(),
                tools: plan.tools.clone(),
            })
    });
    match checked {
        Ok(version) => Ok(Installed {
            program: plan.tools.join(&plan.program),
            version,
            already: false,
        }),
        Err(error) => {
            // The first error is the one to tell; what cannot be put back is swept with the staging folder.
            drop(std::fs::rename(&plan.tools, &fresh));
            if had_old {
                drop(std::fs::rename(&old, &plan.tools));
            }
            Err(error)
        }
    }
}

impl InstallPlan {
    fn run_installer(&self, tools: &Path, log: &mut dyn Write) -> Result<(), InstallError> {
        if self.run.is_empty() {
            return Err(InstallError::NoCommand {
                name: self.name.clone(),
            });
        }
        self.run
            .iter()
            .try_for_each(|command| self.run_command(command, tools, log))
    }

    fn run_command(
        &self,
        command: &[String],
        tools: &Path,
        log: &mut dyn Write,
    ) -> Result<(), InstallError> {
        let words = self.filled(command, tools);
        let Some(tool) = words.first() else {
            return Err(InstallError::NoCommand {
                name: self.name.clone(),
            });
        };
        let ended = match self.play(&words, tools, log, INSTALL_BOUND) {
            Err(InstallError::Command { source, .. })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                let (name, tool) = (self.name.clone(), tool.clone());
                return Err(InstallError::ToolMissing {
                    help: how_to_get(&tool),
                    name,
                    tool,
                });
            }
            ended => ended?,
        };
        if ended.status.success() {
            return Ok(());
        }
        if unreached(&ended.output) {
            return Err(InstallError::NotReached {
                name: self.name.clone(),
                tool: tool.clone(),
            });
        }
        Err(InstallError::Failed {
            name: self.name.clone(),
            command: words.join(" "),
            status: ended.status,
        })
    }

    /// Whether the program is in this folder in the right version; its first line if so.
    fn check(&self, tools: &Path) -> Result<String, InstallError> {
        let program = tools.join(&self.program);
        if !program.is_file() {
            return Err(InstallError::ProgramMissing {
                name: self.name.clone(),
                program: self.program.clone(),
            });
        }
        let words = self.filled(&self.version, tools);
        let ended = self.play(&words, tools, &mut io::sink(), VERSION_BOUND)?;
        let seen = ended
            .output
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or_default()
            .trim()
            .to_owned();
        if ended.status.success() && tells(&ended.output, &self.expect) {
            return Ok(seen);
        }
        let seen = if ended.status.success() {
            seen
        } else {
            format!("{seen} ({})", ended.status)
        };
        Err(InstallError::WrongVersion {
            command: words.join(" "),
            expected: self.expect.clone(),
            seen,
        })
    }

    fn filled(&self, words: &[String], tools: &Path) -> Vec<String> {
        let tools = tools.to_string_lossy();
        words
            .iter()
            .map(|word| word.replace("{tools}", &tools))
            .collect()
    }

    /// Runs a command to its end, with the installed program's folder first on PATH.
    fn play(
        &self,
        words: &[String],
        tools: &Path,
        log: &mut dyn Write,
        bound: Duration,
    ) -> Result<Ended, InstallError> {
        let Some((program, arguments)) = words.split_first() else {
            return Err(InstallError::NoCommand {
                name: self.name.clone(),
            });
        };
        let failed = |source| InstallError::Command {
            command: words.join(" "),
            source,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("PATH", self.path(tools))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for (name, value) in &self.env {
            command.env(name, value.replace("{tools}", &tools.to_string_lossy()));
        }
        runtime.block_on(async {
            match tokio::time::timeout(bound, follow(command, log)).await {
                Ok(ended) => ended.map_err(failed),
                Err(_) => Err(InstallError::Endless {
                    command: words.join(" "),
                    bound,
                }),
            }
        })
    }

    fn path(&self, tools: &Path) -> OsString {
        let own = tools.join(&self.program).parent().map(Path::to_owned);
        let users = std::env::var_os("PATH").unwrap_or_default();
        let folders = own.into_iter().chain(std::env::split_paths(&users));
        // A folder with a colon in its name cannot stand in PATH; the program is then found nowhere, which is told.
        std::env::join_paths(folders).unwrap_or(users)
    }
}

/// How a command ended, and the last it said.
struct Ended {
    status: ExitStatus,
    output: String,
}

async fn follow(mut command: Command, log: &mut dyn Write) -> io::Result<Ended> {
    let mut child = command.spawn()?;
    let mut output = Output {
        log,
        kept: Vec::new(),
    };
    let mut stdout = child.stdout.take();
    let mut stderr = child.stderr.take();
    let (mut first, mut second) = ([0; 4096], [0; 4096]);
    let mut status = None;
    while stdout.is_some() || stderr.is_some() {
        tokio::select! {
            read = read(&mut stdout, &mut first), if stdout.is_some() => output.take(&first[..read])?,
            read = read(&mut stderr, &mut second), if stderr.is_some() => output.take(&second[..read])?,
            ended = child.wait(), if status.is_none() => status = Some(ended?),
            () = tokio::time::sleep(OUTPUT_BOUND), if status.is_some() => break,
        }
    }
    let status = match status {
        Some(status) => status,
        None => child.wait().await?,
    };
    Ok(Ended {
        status,
        output: String::from_utf8_lossy(&output.kept).into_owned(),
    })
}

/// Reads what is there; a stream that has ended becomes `None`.
async fn read(stream: &mut Option<impl AsyncRead + Unpin>, buffer: &mut [u8]) -> usize {
    let Some(open) = stream else { return 0 };
    let count = open.read(buffer).await.unwrap_or(0);
    if count == 0 {
        *stream = None;
    }
    count
}

struct Output<'a> {
    log: &'a mut dyn Write,
    kept: Vec<u8>,
}

impl Output<'_> {
    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.kept.extend_from_slice(bytes);
        let surplus = self.kept.len().saturating_sub(KEPT);
        self.kept.drain(..surplus);
        self.log.write_all(bytes)?;
        self.log.flush()
    }
}

/// Whether an output tells this version and not one that merely begins or ends like it.
fn tells(output: &str, version: &str) -> bool {
    output.match_indices(version).any(|(at, _)| {
        let before = output[..at].chars().next_back();
        let mut after = output[at + version.len()..].chars();
        let inside = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+');
        let ends = match after.next() {
            Some('.') => !after.next().is_some_and(|c| c.is_ascii_alphanumeric()),
            next => !next.is_some_and(inside),
        };
        ends && !before.is_some_and(|c| c.is_ascii_digit() || c == '.')
    })
}

/// Whether an installer's last words are about the network.
fn unreached(output: &str) -> bool {
    // npm and node, pip, cargo and curl, in this order.
    const WORDS: [&str; 12] = [
        "ENOTFOUND",
        "EAI_AGAIN",
        "ECONNREFUSED",
        "ECONNRESET",
        "ETIMEDOUT",
        "ENETUNREACH",
        "Failed to establish a new connection",
        "Temporary failure in name resolution",
        "Network is unreachable",
        "failed to get successful HTTP response",
        "Could not resolve host",
        "Couldn't connect to server",
    ];
    WORDS.iter().any(|word| output.contains(word))
}

fn how_to_get(tool: &str) -> String {
    match tool {
        "npm" | "npx" | "node" => "install Node.js 22 or later with npm (https://nodejs.org, or your system's package `npm`)".to_owned(),
        "python3" | "python" | "pip" | "pip3" => "install Python 3 with pip (your system's packages `python3` and `python3-pip`)".to_owned(),
        "uv" | "uvx" => "install uv (https://docs.astral.sh/uv)".to_owned(),
        "cargo" => "install Rust (https://rustup.rs)".to_owned(),
        "go" => "install Go (https://go.dev/dl)".to_owned(),
        tool => format!("install `{tool}`, or put the folder it is in on PATH"),
    }
}

/// Removes what installs left behind that were ended by force, best effort.
fn sweep(parent: &Path, prefix: &str) {
    let Ok(entries) = std::fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let left = entry.file_name().to_string_lossy().starts_with(prefix);
        let age = entry
            .metadata()
            .and_then(|data| data.modified())
            .map(|at| SystemTime::now().duration_since(at));
        // A younger one may belong to an install that is going on.
        if left && matches!(age, Ok(Ok(age)) if age > LEFTOVER) {
            drop(std::fs::remove_dir_all(entry.path()));
        }
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn folder(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> InstallError {
    move |source| InstallError::Folder {
        doing,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
