//! `loginproof install`: gets a program under test in its pinned version, whole or not at all.

mod error;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

pub use error::InstallError;

use crate::target::placeholders::Placeholders;
use crate::target::version::STAMP;

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
    /// Files that the commands need, with their text.
    pub files: BTreeMap<String, String>,
    /// Where the program belongs. It is there complete, or does not count.
    pub tools: PathBuf,
    /// Folders that come first on the PATH of all commands; the program is in one of them.
    pub bin: Vec<String>,
    /// The command that tells the program's version.
    pub version: Vec<String>,
    /// The version, as it stands in that command's output.
    pub expect: String,
    /// What else may stand in braces.
    pub placeholders: Placeholders,
    /// The program cannot be moved: it is installed where it stays, and a stamp is written last.
    pub in_place: bool,
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
    if let Some(installed) = plan.installed() {
        return Ok(installed);
    }
    let parent = plan.tools.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(folder("make", parent))?;
    let name = file_name(&plan.tools);
    let prefix = format!(".{name}.installing-");
    sweep(parent, &prefix);
    // Two installers would meet in the folder where the program stays.
    let lock = plan
        .in_place
        .then(|| lock(&parent.join(format!(".{name}.lock"))));
    let _lock = lock.transpose()?;
    if plan.in_place
        && let Some(installed) = plan.installed()
    {
        return Ok(installed);
    }
    let staging = tempfile::Builder::new()
        .prefix(&prefix)
        .tempdir_in(parent)
        .map_err(folder("make a folder in", parent))?;
    let fresh = staging.path().join("tools");
    if !plan.in_place {
        std::fs::create_dir(&fresh).map_err(folder("make", &fresh))?;
        plan.run_installer(&fresh, log)?;
        plan.check(&fresh)?;
    }
    // What is there already waits beside, and comes back when the new one is not as it should be.
    let old = staging.path().join("old");
    let had_old = plan.tools.exists();
    if had_old {
        std::fs::rename(&plan.tools, &old).map_err(folder("move away", &plan.tools))?;
    }
    let made = if plan.in_place {
        plan.make_in_place(log)
    } else {
        plan.move_into_place(&fresh)
    };
    made.inspect_err(|_| {
        // The first error is the one to tell; what cannot be put back is swept with the staging folder.
        drop(std::fs::rename(&plan.tools, staging.path().join("failed")));
        if had_old {
            drop(std::fs::rename(&old, &plan.tools));
        }
    })
}

impl InstallPlan {
    /// The program that is wanted, if it is there already and was not asked for again.
    fn installed(&self) -> Option<Installed> {
        let complete = !self.in_place || self.tools.join(STAMP).is_file();
        if self.force || !complete {
            return None;
        }
        let (program, version) = self.check(&self.tools).ok()?;
        Some(Installed {
            program,
            version,
            already: true,
        })
    }

    fn make_in_place(&self, log: &mut dyn Write) -> Result<Installed, InstallError> {
        std::fs::create_dir(&self.tools).map_err(folder("make", &self.tools))?;
        self.run_installer(&self.tools, log)?;
        let (program, version) = self.check(&self.tools)?;
        let stamp = self.tools.join(STAMP);
        std::fs::write(&stamp, &version).map_err(folder("write", &stamp))?;
        Ok(Installed {
            program,
            version,
            already: false,
        })
    }

    fn move_into_place(&self, fresh: &Path) -> Result<Installed, InstallError> {
        std::fs::rename(fresh, &self.tools).map_err(folder("move into place", &self.tools))?;
        let (program, version) = self
            .check(&self.tools)
            .map_err(|_| InstallError::NotMovable {
                name: self.name.clone(),
                tools: self.tools.clone(),
            })?;
        Ok(Installed {
            program,
            version,
            already: false,
        })
    }

    fn run_installer(&self, tools: &Path, log: &mut dyn Write) -> Result<(), InstallError> {
        if self.run.is_empty() {
            return Err(InstallError::NoCommand {
                name: self.name.clone(),
            });
        }
        for (path, text) in &self.files {
            let path = PathBuf::from(self.fill(path, tools));
            let write = |path: &Path| {
                std::fs::create_dir_all(path.parent().unwrap_or(tools))?;
                std::fs::write(path, text)
            };
            write(&path).map_err(folder("write", &path))?;
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

    /// Whether the program is in this folder in the right version; where it is and its first line if so.
    fn check(&self, tools: &Path) -> Result<(PathBuf, String), InstallError> {
        let program = self.program(tools)?;
        let mut words = self.filled(&self.version, tools);
        words[0] = program.display().to_string();
        let ended = self.play(&words, tools, &mut io::sink(), VERSION_BOUND)?;
        let seen = ended
            .output
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or_default()
            .trim()
            .to_owned();
        if ended.status.success() && tells(&ended.output, &self.expect) {
            return Ok((program, seen));
        }
        let seen = if ended.status.success() {
            seen
        } else {
            format!("{seen} ({})", ended.status)
        };
        Err(InstallError::WrongVersion {
            command: self.version.join(" "),
            expected: self.expect.clone(),
            seen,
        })
    }

    /// The program that tells the version. A library has none of its own: then its command names the folder.
    fn program(&self, tools: &Path) -> Result<PathBuf, InstallError> {
        let Some(name) = self.version.first() else {
            return Err(InstallError::NoCommand {
                name: self.name.clone(),
            });
        };
        let name = PathBuf::from(self.fill(name, tools));
        let found = self.folders(tools).into_iter().map(|bin| bin.join(&name));
        if let Some(program) = found.into_iter().find(|program| program.is_file()) {
            return Ok(program);
        }
        let rest = self.version.iter().skip(1);
        if rest.into_iter().any(|word| word.contains("{tools}")) {
            return Ok(name);
        }
        Err(InstallError::ProgramMissing {
            name: self.name.clone(),
            program: name,
        })
    }

    /// Folders that come first on PATH.
    fn folders(&self, tools: &Path) -> Vec<PathBuf> {
        let folders = self.bin.iter();
        folders
            .map(|folder| PathBuf::from(self.fill(folder, tools)))
            .collect()
    }

    fn filled(&self, words: &[String], tools: &Path) -> Vec<String> {
        words.iter().map(|word| self.fill(word, tools)).collect()
    }

    fn fill(&self, text: &str, tools: &Path) -> String {
        let placeholders = self.placeholders.clone();
        placeholders
            .with("tools", tools.to_string_lossy())
            .fill(text)
    }

    /// Runs a command to its end in the user's environment, with the installed program's folders first on PATH.
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
        let users = std::env::var_os("PATH").unwrap_or_default();
        let own = self.folders(tools).into_iter();
        let folders = own.chain(std::env::split_paths(&users));
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

/// Waits until nobody else installs this program; the lock is given back when the file is dropped.
fn lock(path: &Path) -> Result<File, InstallError> {
    let file = File::create(path).map_err(folder("make", path))?;
    file.lock().map_err(folder("lock", path))?;
    Ok(file)
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
