//! What a program says of its version: run once before anything else, so that a missing program is found at once.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Target;
use super::model::Network;
use super::placeholders::Placeholders;
use crate::run::event::TargetInfo;

/// A program that cannot say its version within this time is taken for broken.
const BOUND: Duration = Duration::from_secs(60);

/// Written last into the folder of a program that is installed in place.
pub const STAMP: &str = ".loginproof-installed";

/// Why a program cannot be run.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot run `{command}` of target `{target}`: {reason}")]
pub struct ProgramError {
    target: String,
    command: String,
    reason: String,
    #[help]
    help: Option<String>,
}

impl Target {
    /// Name, version and network of the program.
    ///
    /// # Errors
    /// When it is not installed, or does not say its version.
    pub fn info(&self, loginproof: &Path, network: Network) -> Result<TargetInfo, ProgramError> {
        let fail = |reason: String| {
            ProgramError {
            target: self.file.name.clone(),
            command: self.file.version.join(" "),
            reason,
            help: Some(match &self.file.install {
                Some(_) => format!("install it with `loginproof install {}`", self.file.name),
                None => "the target's `version` command must run and print a line; programs are searched on PATH".to_owned(),
            }),
        }
        };
        if self.is_half_installed() {
            return Err(fail("its installation did not come to an end".to_owned()));
        }
        let placeholders = self.tool_placeholders(loginproof);
        let argv: Vec<String> = self
            .file
            .version
            .iter()
            .map(|word| placeholders.fill(word))
            .collect();
        let mut command = Command::new(&argv[0]);
        command
            .args(&argv[1..])
            .env_clear()
            .env("HOME", std::env::temp_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(path) = self.search_path(loginproof) {
            command.env("PATH", path);
        }
        let child = command.spawn().map_err(|error| fail(error.to_string()))?;
        let output = output_within(child, BOUND).map_err(&fail)?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        let version = text.lines().map(str::trim).find(|line| !line.is_empty());
        match version {
            Some(version) if output.status.success() => Ok(TargetInfo {
                name: self.file.name.clone(),
                title: self.file.title.clone(),
                version: version.to_owned(),
                network: network.to_string(),
            }),
            _ => Err(fail(format!(
                "{}: {}",
                output.status,
                version.unwrap_or("no output")
            ))),
        }
    }

    /// The same, with the version left open when the program is not there: somebody brings a command of their own.
    #[must_use]
    pub fn info_if_known(&self, loginproof: &Path, network: Network) -> TargetInfo {
        self.info(loginproof, network)
            .unwrap_or_else(|_| TargetInfo {
                name: self.file.name.clone(),
                title: self.file.title.clone(),
                version: "not installed".to_owned(),
                network: network.to_string(),
            })
    }

    /// An installation in place was begun and did not come to an end.
    fn is_half_installed(&self) -> bool {
        let in_place = self
            .file
            .install
            .as_ref()
            .is_some_and(|install| install.in_place);
        let tools = self.tools.as_ref().filter(|tools| tools.is_dir());
        in_place && tools.is_some_and(|tools| !tools.join(STAMP).is_file())
    }

    /// Placeholders that hold outside a scenario.
    #[must_use]
    pub fn tool_placeholders(&self, loginproof: &Path) -> Placeholders {
        let placeholders =
            Placeholders::default().with("loginproof", loginproof.display().to_string());
        match &self.tools {
            Some(tools) => placeholders.with("tools", tools.display().to_string()),
            None => placeholders,
        }
    }

    /// Folders of the installed program, first on PATH.
    #[must_use]
    pub fn bin(&self, placeholders: &Placeholders) -> Vec<PathBuf> {
        let install = self.file.install.iter();
        install
            .flat_map(|install| install.bin.list())
            .map(|folder| PathBuf::from(placeholders.fill(folder)))
            .collect()
    }

    /// PATH with the installed program first; none when there is no PATH at all.
    fn search_path(&self, loginproof: &Path) -> Option<std::ffi::OsString> {
        let bin = self.bin(&self.tool_placeholders(loginproof));
        let rest = std::env::var_os("PATH").unwrap_or_default();
        std::env::join_paths(bin.into_iter().chain(std::env::split_paths(&rest))).ok()
    }
}

fn output_within(
    mut child: std::process::Child,
    bound: Duration,
) -> Result<std::process::Output, String> {
    let deadline = Instant::now() + bound;
    let (done, finished) = std::sync::mpsc::channel();
    let id = child.id();
    let streams = (child.stdout.take(), child.stderr.take());
    std::thread::spawn(move || {
        use std::io::Read;
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let most = 64 * 1024;
        if let Some(stream) = streams.0 {
            drop(stream.take(most).read_to_end(&mut stdout));
        }
        if let Some(stream) = streams.1 {
            drop(stream.take(most).read_to_end(&mut stderr));
        }
        drop(done.send((stdout, stderr)));
    });
    let read = finished.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    let Ok((stdout, stderr)) = read else {
        drop(child.kill());
        drop(child.wait());
        return Err(format!(
            "process {id} said nothing within {} s",
            bound.as_secs()
        ));
    };
    let status = child.wait().map_err(|error| error.to_string())?;
    Ok(std::process::Output {
        status,
        stdout,
        stderr,
    })
}
