//! What a scenario leaves behind to be judged: the wire, the screen, the credential file, the processes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use loginproof_mocks::authorization::{AuthorizationServer, Secret};
use loginproof_mocks::journal::{Attempt, Exchange};

use crate::sandbox::home::{Home, Kind};
use crate::scenario::model::Tty;
use crate::target::model::AnswerFrom;
use crate::target::store::Layout;
use crate::terminal::{Ended, View};

/// Everything the checks may read. No check reaches into the program.
pub struct Evidence {
    /// What crossed the wire, in order of arrival.
    pub exchanges: Vec<Arc<Exchange>>,
    /// What was tried outside of the target's hosts.
    pub attempts: Vec<Attempt>,
    /// Whether such attempts are seen at all.
    pub watched: bool,
    /// Programs in the order in which they were started.
    pub programs: Vec<ProgramRecord>,
    /// The credential file; none when the target names none.
    pub store: Option<StoreEvidence>,
    /// Files of the home at the end.
    pub files: Vec<HomeFile>,
    /// Files that may hold tokens, of the program or of another one.
    pub credential_files: Vec<PathBuf>,
    /// Files that stood in the home before the first step, with their content: a token in them was put there.
    pub furnished: Vec<(PathBuf, Vec<u8>)>,
    /// Every secret that was minted.
    pub secrets: Vec<Secret>,
    /// The authorization server, to ask what a token in the file is.
    pub authorization: AuthorizationServer,
    /// What went differently from the plan without being the harness's fault: a code that could not be read, say.
    pub notes: Vec<String>,
    /// What the harness itself could not do.
    pub errors: Vec<String>,
}

/// One program that was run.
pub struct ProgramRecord {
    /// Name of its step, or what it did: `login`, `ask`.
    pub name: String,
    /// How it was attached.
    pub tty: Tty,
    /// What it was started with, by the harness.
    pub argv: Vec<String>,
    /// When it was started, since the first step.
    pub started: Duration,
    /// How it ended.
    pub ended: Ended,
    /// What could be read, at the end.
    pub view: View,
    /// Everything it wrote, as bytes.
    pub raw: Vec<u8>,
    /// Where its final answer stands.
    pub answer: AnswerFrom,
    /// A step of the scenario sent it a signal.
    pub signalled: bool,
    /// And that was `KILL`.
    pub killed: bool,
    /// That signal is one that programs crash by: `QUIT`, `ABRT`, `SEGV`.
    pub made_to_crash: bool,
    /// A full-screen program that never ends by itself, and was told to by its own keys.
    pub asked_to_end: bool,
    /// When the person had read address and code, since its start.
    pub prompted: Option<Duration>,
    /// What the person typed into it.
    pub typed: String,
    /// The bound of its step was over before it ended.
    pub timed_out: bool,
    /// A file that its output went into.
    pub log: Option<PathBuf>,
}

/// How long any of the programs was running.
#[must_use]
pub fn time_running(programs: &[ProgramRecord]) -> Duration {
    let mut covered = Duration::ZERO;
    let mut total = Duration::ZERO;
    // Programs are in the order in which they were started.
    for program in programs {
        let end = program.started + program.ended.ran;
        total += end.saturating_sub(program.started.max(covered));
        covered = covered.max(end);
    }
    total
}

impl ProgramRecord {
    /// All text a person could have read, in the order: terminal, or stdout and stderr.
    #[must_use]
    pub fn readable(&self) -> Vec<String> {
        match self.tty {
            Tty::Pty => vec![
                self.view.screen.to_string(),
                self.view.transcript.to_string(),
            ],
            Tty::None | Tty::Script | Tty::ScriptLog | Tty::File => {
                vec![self.stdout(), self.stderr()]
            }
        }
    }

    /// Standard output as text; with a terminal: everything on it.
    #[must_use]
    pub fn stdout(&self) -> String {
        match self.tty {
            Tty::Pty => self.view.transcript.to_string(),
            Tty::None | Tty::Script | Tty::ScriptLog | Tty::File => {
                text(self.view.stdout.as_deref())
            }
        }
    }

    /// Standard error as text; empty with a terminal.
    #[must_use]
    pub fn stderr(&self) -> String {
        text(self.view.stderr.as_deref())
    }
}

fn text(bytes: Option<&[u8]>) -> String {
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}

/// A file of the home at the end.
pub struct HomeFile {
    /// Below the home.
    pub path: PathBuf,
    /// Where it stood.
    pub absolute: PathBuf,
    /// Permission bits.
    pub mode: u32,
    /// Size in bytes.
    pub size: u64,
    /// Its content, unless it is too large or could not be read.
    pub bytes: Option<Vec<u8>>,
}

/// Larger files are not searched.
const SEARCHED: u64 = 32 * 1024 * 1024;

/// All files of a home with their content.
#[must_use]
pub fn home_files(home: &Home) -> Vec<HomeFile> {
    let files = home
        .list()
        .into_iter()
        .filter(|entry| entry.kind == Kind::File);
    files
        .map(|entry| {
            let absolute = home.path().join(&entry.path);
            let bytes = (entry.size <= SEARCHED)
                .then(|| std::fs::read(&absolute).ok())
                .flatten();
            HomeFile {
                path: entry.path,
                absolute,
                mode: entry.mode,
                size: entry.size,
                bytes,
            }
        })
        .collect()
}

/// The credential file before, during and after.
pub struct StoreEvidence {
    /// Where it is.
    pub path: PathBuf,
    /// Its shape.
    pub layout: Layout,
    /// Its bytes before the first step.
    pub before: Option<Vec<u8>>,
    /// Its bytes and mode at the end.
    pub after: Option<(Vec<u8>, u32)>,
    /// Whether its place is a symbolic link at the end.
    pub linked: bool,
    /// What a reader saw at each change; none where changes cannot be watched.
    pub moments: Option<Vec<Moment>>,
}

/// The credential file, or a file beside it, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Since the watch began.
    pub at: Duration,
    /// File name.
    pub name: String,
    /// Permission bits.
    pub mode: u32,
    /// Bytes in it.
    pub length: usize,
    /// It was whole JSON.
    pub whole: bool,
}
