//! Whether a program can be started in a way: this program's own binary is started so, and says its version.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use super::supervise::Report;

/// What kept a program from being started: how the supervisor ended, and what it reported.
pub(super) struct Refused {
    pub(super) status: ExitStatus,
    pub(super) report: Option<Report>,
}

/// Starts `loginproof` with these arguments of `enter`. None when it can be started so. Takes some milliseconds, and
/// blocks.
pub(super) fn enter<A: AsRef<OsStr>>(
    loginproof: &Path,
    arguments: impl IntoIterator<Item = A>,
) -> io::Result<Option<Refused>> {
    let folder = tempfile::tempdir()?;
    let report = folder.path().join("report.json");
    let status = Command::new(loginproof)
        .arg("enter")
        .arg("--report")
        .arg(&report)
        .args(arguments)
        .arg("--")
        .arg(loginproof)
        .arg("--version")
        .env_clear()
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if status.success() {
        return Ok(None);
    }
    let told = std::fs::read(&report).ok();
    let report = told.and_then(|text| serde_json::from_slice(&text).ok());
    Ok(Some(Refused { status, report }))
}
