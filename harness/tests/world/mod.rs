//! What tests with real programs share.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use loginproof::terminal::{Attach, Ended, Launch, Program, StdinKind};
use tempfile::TempDir;

/// Longer than anything here takes.
pub(crate) const BOUND: Duration = Duration::from_secs(10);

/// A folder and the programs started in it.
pub(crate) struct World {
    pub(crate) folder: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            folder: TempDir::new().expect("a folder"),
        }
    }

    pub(crate) fn launch(&self, argv: &[&str]) -> Launch {
        let path = std::env::var_os("PATH").expect("a PATH");
        Launch {
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            env: vec![
                (OsString::from("PATH"), path),
                ("TERM".into(), "xterm-256color".into()),
                ("LANG".into(), "C.UTF-8".into()),
            ],
            cwd: self.folder.path().to_owned(),
            attach: Attach::Pty {
                columns: 80,
                rows: 24,
            },
            answers: true,
            mirror: false,
            umask: None,
            inside: None,
            disk: None,
            supervisor: PathBuf::from(env!("CARGO_BIN_EXE_loginproof")),
            report: self.folder.path().join("report.json"),
        }
    }

    pub(crate) fn shell(&self, script: &str) -> Launch {
        self.launch(&["sh", "-c", script])
    }

    pub(crate) fn pipes(&self, script: &str, stdin: StdinKind) -> Launch {
        Launch {
            attach: Attach::Pipes { stdin },
            ..self.shell(script)
        }
    }
}

/// How the program ends by itself.
pub(crate) async fn end_of(program: &Program) -> Ended {
    program
        .ended(BOUND)
        .await
        .expect("the program ends by itself")
}
