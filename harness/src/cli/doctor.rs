//! `loginproof doctor`: what works on this machine, what does not, and what to do about it.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use portable_pty::{PtySize, native_pty_system};
use serde::Serialize;

use crate::report::ExitStatus;
use crate::sandbox::namespace::{Etc, available};

/// Space a run needs at least: homes, evidence, and programs that log at will.
const SPACE: u64 = 200 * 1024 * 1024;

/// A built-in target, as far as this machine has it.
#[derive(Clone, Debug)]
pub struct TargetState {
    /// Its name.
    pub name: String,
    /// What it says of its version; `None` when it is not installed.
    pub installed: Option<String>,
    /// How to install it: `loginproof install codex`.
    pub install: String,
}

/// Everything that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Diagnosis {
    /// All that a default run needs works.
    pub ready: bool,
    /// One entry per question.
    pub findings: Vec<Finding>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was asked.
    pub name: String,
    /// It works.
    pub ok: bool,
    /// A default run needs it.
    pub needed: bool,
    /// What was found.
    pub detail: String,
    /// What to do, where something can be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// Looks at this machine. `loginproof` is this program's own binary.
#[must_use]
pub fn doctor(cache: &Path, loginproof: &Path, targets: &[TargetState]) -> Diagnosis {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let temp = std::env::temp_dir();
    let mut findings = vec![
        loopback(),
        pty(),
        script(&path),
        temp_folder(&temp),
        temp_place(&temp, home.as_deref()),
        cache_folder(cache),
        Finding::ok("network: direct", "works wherever loopback does").needed(),
        Finding::ok(
            "network: proxy",
            "works wherever loopback does, for programs that take HTTPS_PROXY",
        ),
        namespace(loginproof),
        installer(
            &path,
            "npm",
            "npm",
            "for targets from npm: install Node.js 22 or later with npm",
        ),
        installer(
            &path,
            "python",
            "python3",
            "for targets from PyPI: install Python 3 with pip",
        ),
    ];
    findings.extend(targets.iter().map(target));
    Diagnosis::new(findings)
}

impl Diagnosis {
    fn new(findings: Vec<Finding>) -> Self {
        Self {
            ready: findings.iter().all(|finding| finding.ok || !finding.needed),
            findings,
        }
    }

    /// 0 when a default run can work here, else 3.
    #[must_use]
    pub fn status(&self) -> ExitStatus {
        if self.ready {
            ExitStatus::AsExpected
        } else {
            ExitStatus::Harness
        }
    }

    /// One line per finding.
    #[must_use]
    pub fn to_text(&self) -> String {
        let width = self
            .findings
            .iter()
            .map(|finding| finding.name.len())
            .max()
            .unwrap_or(0);
        let mut text = String::new();
        for finding in &self.findings {
            let mark = if finding.ok { "ok" } else { "no" };
            let need = if finding.ok || finding.needed {
                ""
            } else {
                " (optional)"
            };
            let remedy = finding
                .remedy
                .as_ref()
                .map(|remedy| format!("; {remedy}"))
                .unwrap_or_default();
            text.push_str(&format!(
                "{mark}  {:width$}  {}{need}{remedy}\n",
                finding.name, finding.detail
            ));
        }
        text.push_str(if self.ready {
            "\nready for a run\n"
        } else {
            "\nnot ready: see the lines with `no`\n"
        });
        text
    }

    /// Prints it, as lines or as JSON.
    ///
    /// # Errors
    /// When the stream takes no more.
    pub fn print(&self, json: bool, stream: &mut dyn Write) -> io::Result<()> {
        let text = if json {
            serde_json::to_string_pretty(self)? + "\n"
        } else {
            self.to_text()
        };
        match stream
            .write_all(text.as_bytes())
            .and_then(|()| stream.flush())
        {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }
}

impl Finding {
    fn ok(name: &str, detail: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            ok: true,
            needed: false,
            detail: detail.into(),
            remedy: None,
        }
    }

    fn no(name: &str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            ok: false,
            remedy: Some(remedy.into()),
            ..Self::ok(name, detail)
        }
    }

    fn needed(self) -> Self {
        Self {
            needed: true,
            ..self
        }
    }
}

fn loopback() -> Finding {
    let connected = || -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        TcpStream::connect_timeout(&listener.local_addr()?, std::time::Duration::from_secs(2))?;
        Ok(())
    };
    match connected() {
        Ok(()) => Finding::ok("loopback", "servers can listen on 127.0.0.1").needed(),
        Err(error) => {
            let remedy =
                "bring up `lo`, and allow connections to 127.0.0.1 in the firewall or sandbox";
            Finding::no(
                "loopback",
                format!("no server on 127.0.0.1: {error}"),
                remedy,
            )
            .needed()
        }
    }
}

fn pty() -> Finding {
    match native_pty_system().openpty(PtySize::default()) {
        Ok(_pair) => Finding::ok("terminal", "pseudo-terminals can be opened").needed(),
        Err(error) => {
            let remedy =
                "mount devpts on /dev/pts, and allow /dev/ptmx in the container or sandbox";
            Finding::no("terminal", format!("no pseudo-terminal: {error:#}"), remedy).needed()
        }
    }
}

fn script(path: &OsStr) -> Finding {
    match on_path(path, "script") {
        Some(found) => Finding::ok("script", found.display().to_string()).needed(),
        None => {
            let remedy =
                "scenarios with `tty: script` need it: install util-linux (Debian: bsdutils)";
            Finding::no("script", "not on PATH", remedy).needed()
        }
    }
}

fn temp_folder(temp: &Path) -> Finding {
    let name = "temporary folder";
    let shown = temp.display();
    if let Err(error) = tempfile::tempdir_in(temp) {
        let remedy = "set TMPDIR to a folder that can be written";
        return Finding::no(name, format!("cannot write {shown}: {error}"), remedy).needed();
    }
    let Ok(facts) = rustix::fs::statvfs(temp) else {
        return Finding::ok(name, shown.to_string()).needed();
    };
    if facts.f_flag.contains(rustix::fs::StatVfsMountFlags::NOEXEC) {
        let remedy = "programs unpack and start helpers there: set TMPDIR to a folder on another file system";
        return Finding::no(name, format!("{shown} is mounted noexec"), remedy).needed();
    }
    let free = facts.f_bavail.saturating_mul(facts.f_frsize);
    let megabytes = free / (1024 * 1024);
    if free < SPACE {
        let remedy = "free some space, or set TMPDIR to another file system";
        return Finding::no(name, format!("{shown} has {megabytes} MiB left"), remedy).needed();
    }
    Finding::ok(name, format!("{shown}, {megabytes} MiB free")).needed()
}

/// Programs look for settings in the folders above the one they are started in.
fn temp_place(temp: &Path, home: Option<&Path>) -> Finding {
    let name = "temporary place";
    let temp = std::fs::canonicalize(temp).unwrap_or_else(|_| temp.to_owned());
    let home = home.map(|home| std::fs::canonicalize(home).unwrap_or_else(|_| home.to_owned()));
    // A home of `/`, as containers have it, is above everything and holds nothing.
    if home.is_some_and(|home| home.parent().is_some() && temp.starts_with(home)) {
        let remedy = "programs under test may find your settings in the folders above: set TMPDIR outside your home";
        return Finding::no(
            name,
            format!("{} is below your home", temp.display()),
            remedy,
        );
    }
    if let Some(repository) = temp.ancestors().find(|folder| folder.join(".git").exists()) {
        let remedy =
            "programs under test will take that for their project: set TMPDIR outside of it";
        return Finding::no(
            name,
            format!(
                "{} is inside the repository {}",
                temp.display(),
                repository.display()
            ),
            remedy,
        );
    }
    Finding::ok(name, "below no home and no repository")
}

fn cache_folder(cache: &Path) -> Finding {
    let made = std::fs::create_dir_all(cache).and_then(|()| tempfile::tempdir_in(cache).map(drop));
    match made {
        Ok(()) => Finding::ok("cache folder", cache.display().to_string()).needed(),
        Err(error) => {
            let remedy = "set XDG_CACHE_HOME to a folder that can be written";
            Finding::no(
                "cache folder",
                format!("cannot write {}: {error}", cache.display()),
                remedy,
            )
            .needed()
        }
    }
}

/// Whether programs can be run in a network of their own. Tried, not read from settings.
fn namespace(loginproof: &Path) -> Finding {
    let name = "network: namespace";
    match available(loginproof) {
        Ok(()) => {
            let mut detail = "every host is ours, and nothing else can be reached".to_owned();
            let missing = Etc::missing();
            if !missing.is_empty() {
                detail.push_str("; not there, so not replaced: ");
                detail.push_str(&missing.join(", "));
            }
            Finding::ok(name, detail)
        }
        Err(error) => Finding {
            remedy: error.remedy().map(str::to_owned),
            ..Finding::no(name, error.to_string(), "")
        },
    }
}

fn installer(path: &OsStr, name: &str, program: &str, remedy: &str) -> Finding {
    match on_path(path, program) {
        Some(found) => Finding::ok(name, found.display().to_string()),
        None => Finding::no(name, format!("`{program}` is not on PATH"), remedy),
    }
}

fn target(target: &TargetState) -> Finding {
    let name = format!("target: {}", target.name);
    match &target.installed {
        Some(version) => Finding::ok(&name, version),
        None => Finding::no(&name, "not installed", &target.install),
    }
}

/// The program of this name that a shell would start.
fn on_path(path: &OsStr, program: &str) -> Option<PathBuf> {
    let path = OsString::from(path);
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| {
            file.is_file() && rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok()
        })
}

#[cfg(test)]
mod tests;
