//! What a program hands down to the processes that it starts: their arguments, which everybody on the machine can read,
//! and what it adds to their environment.
//!
//! They are looked at from outside, through `/proc`, every few milliseconds: a process that is gone sooner may be missed.
//! A look at a process that starts and ends others meanwhile may miss one that lives; the next sees it.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::ffi::OsString;
use std::fs::File;
use std::hash::{Hash as _, Hasher as _};
use std::io::Write as _;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, getpid};
use serde::{Deserialize, Serialize};

/// How often processes are looked at.
pub(super) const EVERY: Duration = Duration::from_millis(10);

/// No more than this is written down: a program that starts others without end is told of all the same.
const MOST: usize = 8 << 20;
/// Nor so many processes at one look.
const MOST_AT_ONCE: usize = 512;

/// What one process was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedDown {
    /// Its arguments, its name among them.
    pub arguments: Vec<String>,
    /// Variables that its environment has and the program's own has not, or with another value: `NAME=VALUE`.
    pub added: Vec<String>,
}

/// The file beside the supervisor's report that holds what was seen, a process per line.
#[must_use]
pub fn file(report: &Path) -> PathBuf {
    let mut name = report.as_os_str().to_owned();
    name.push(".handed-down");
    name.into()
}

/// Reads what was seen of a program's children.
#[must_use]
pub fn read(report: &Path) -> Vec<HandedDown> {
    let text = std::fs::read_to_string(file(report)).unwrap_or_default();
    // The last line may have been cut off with the supervisor.
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// Looks at what lives below this process.
pub(super) struct Witness {
    path: PathBuf,
    file: Option<File>,
    written: usize,
    seen: HashSet<u64>,
    /// Arguments that are the program's own: it, and what it forks.
    own: Vec<u8>,
    environment: HashSet<Vec<u8>>,
}

impl Witness {
    /// For a program with these arguments and this process's environment.
    pub(super) fn new(report: &Path, argv: &[OsString]) -> Self {
        let environment = std::env::vars_os().map(|(name, value)| {
            let mut entry = name.into_vec();
            entry.push(b'=');
            entry.extend(value.into_vec());
            entry
        });
        let mut own = Vec::new();
        for word in argv {
            own.extend(word.as_encoded_bytes());
            own.push(0);
        }
        Self {
            path: file(report),
            file: None,
            written: 0,
            seen: HashSet::new(),
            own,
            environment: environment.collect(),
        }
    }

    /// One look.
    pub(super) fn look(&mut self) {
        if self.written >= MOST {
            return;
        }
        let mut below = vec![getpid().as_raw_nonzero().get()];
        let mut next = 0;
        while let Some(pid) = below.get(next).copied().filter(|_| next < MOST_AT_ONCE) {
            if next > 0 {
                self.look_at(pid);
            }
            below.extend(children(pid));
            next += 1;
        }
    }

    fn look_at(&mut self, pid: i32) {
        // A process that is gone, or about to be, has neither.
        let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        if arguments.is_empty() {
            return;
        }
        let mut hasher = DefaultHasher::new();
        (&arguments, &environment).hash(&mut hasher);
        if !self.seen.insert(hasher.finish()) {
            return;
        }
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let entries = environment.split(|byte| *byte == 0);
        let added = entries.filter(|entry| !entry.is_empty() && !self.environment.contains(*entry));
        let handed_down = HandedDown {
            arguments: arguments
                .strip_suffix(&[0])
                .unwrap_or(&arguments)
                .split(|byte| *byte == 0)
                .map(lossy)
                .collect(),
            added: added.map(lossy).collect(),
        };
        if arguments != self.own || !handed_down.added.is_empty() {
            self.tell(&handed_down);
        }
    }

    /// Written down at once: the supervisor may be ended before the program.
    fn tell(&mut self, handed_down: &HandedDown) {
        let Ok(mut line) = serde_json::to_vec(handed_down) else {
            return;
        };
        line.push(b'\n');
        if self.file.is_none() {
            self.file = File::create(&self.path).ok();
        }
        if let Some(file) = &mut self.file
            && file.write_all(&line).is_ok()
        {
            self.written += line.len();
        }
    }
}

/// The children of a process, started by any of its threads.
fn children(pid: i32) -> Vec<i32> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task"));
    let lists = threads.into_iter().flatten().flatten().map(|thread| {
        let list = std::fs::read_to_string(thread.path().join("children"));
        list.unwrap_or_default()
    });
    let all: String = lists.collect::<Vec<_>>().join(" ");
    let pids = all.split_ascii_whitespace();
    pids.filter_map(|pid| pid.parse().ok().filter(|pid| Pid::from_raw(*pid).is_some()))
        .collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn arguments_are_told_whole_and_of_the_environment_only_what_is_new() {
        let folder = tempfile::tempdir().unwrap();
        let report = folder.path().join("report.json");
        let mut witness = Witness::new(&report, &["sleep".into(), "999".into()]);
        let start = |command: &mut Command| command.stdin(Stdio::null()).spawn().unwrap();
        let mut program = start(Command::new("sleep").arg("999"));
        let mut other = start(Command::new("sleep").arg("998").env("ADDED", "for it"));
        // The kernel's list of children is not exact while others start and end, as those of other tests do: one look
        // may miss one. Looks are repeated here as in life.
        let looks = std::iter::repeat_with(|| witness.look()).take(1000);
        let _ = looks.take_while(|()| read(&report).is_empty()).count();
        witness.look();
        program.kill().unwrap();
        other.kill().unwrap();
        program.wait().unwrap();
        other.wait().unwrap();
        let seen: Vec<_> = read(&report)
            .into_iter()
            .filter(|one| one.arguments[0] == "sleep")
            .collect();
        let expected = HandedDown {
            arguments: vec!["sleep".to_owned(), "998".to_owned()],
            added: vec!["ADDED=for it".to_owned()],
        };
        assert_eq!(seen, [expected]);
    }
}
