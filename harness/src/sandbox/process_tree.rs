//! The processes that a program started, found through `/proc`, and their end.
//!
//! A process group is not enough: a program that detaches a helper (`setsid`, double fork) leaves it outside. The
//! supervisor adopts such orphans (`PR_SET_CHILD_SUBREAPER`), so that they stay its descendants.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

/// A process that outlived the program that started it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftBehind {
    /// Its id.
    pub pid: i32,
    /// Its command line, arguments separated by spaces; the short name where that is empty.
    pub command: String,
}

/// One line of the table of processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: Pid,
    /// Its parent's id; 0 where there is none.
    pub parent: i32,
    /// Its process group's id.
    pub group: i32,
    /// Its session's id.
    pub session: i32,
    /// It has ended and only waits to be reaped.
    pub zombie: bool,
    /// It is suspended.
    pub stopped: bool,
}

/// All living processes below `root`, parents before their children, `root` itself left out. On systems without
/// `/proc` the list is empty and callers fall back on process groups.
#[must_use]
pub fn descendants(root: Pid) -> Vec<Process> {
    let table = table();
    let mut found: Vec<Process> = Vec::new();
    let mut parents = vec![root.as_raw_nonzero().get()];
    while let Some(parent) = parents.pop() {
        for process in table.iter().filter(|process| process.parent == parent) {
            parents.push(process.pid.as_raw_nonzero().get());
            found.push(*process);
        }
    }
    // A zombie counts only as the way to its children.
    found.retain(|process| !process.zombie);
    found
}

/// Names the processes, for a report.
#[must_use]
pub fn describe(processes: &[Process]) -> Vec<LeftBehind> {
    processes
        .iter()
        .map(|process| LeftBehind {
            pid: process.pid.as_raw_nonzero().get(),
            command: command(process.pid),
        })
        .collect()
}

/// Ends `root`, everything below it, and everything in the session it leads, until none is left or `bound` is over.
/// Returns what was found alive, `root` left out.
pub fn end(root: Pid, bound: Duration) -> Vec<LeftBehind> {
    let until = Instant::now() + bound;
    // Collected before the root goes: with it goes the way to the orphans it had adopted.
    let mut named = Vec::new();
    let mut first = true;
    let mut known: HashSet<Pid> = HashSet::new();
    loop {
        let mut alive = descendants(root);
        for process in table() {
            let belongs =
                process.session == root.as_raw_nonzero().get() || known.contains(&process.pid);
            if belongs
                && !process.zombie
                && process.pid != root
                && !alive.iter().any(|other| other.pid == process.pid)
            {
                alive.push(process);
            }
        }
        let new: Vec<Process> = alive
            .iter()
            .copied()
            .filter(|process| known.insert(process.pid))
            .collect();
        named.extend(describe(&new));
        if std::mem::take(&mut first) {
            // Once: afterwards the number may belong to somebody else.
            let _ = kill_process(root, Signal::KILL);
            #[cfg(not(target_os = "linux"))]
            let _ = rustix::process::kill_process_group(root, Signal::KILL);
        }
        alive.iter().for_each(kill);
        let left = until.saturating_duration_since(Instant::now());
        match alive.first() {
            Some(process) if !left.is_zero() => wait_for_end(process.pid, left),
            _ => return named,
        }
    }
}

/// Kills a process, and with it its group, where that is not our own: a process that forks and exits over and over is
/// gone before a signal finds it, but none of a group gets past a signal to the group.
pub fn kill(process: &Process) {
    let _ = kill_process(process.pid, Signal::KILL);
    let own = rustix::process::getpgrp().as_raw_nonzero().get();
    if process.group > 1
        && process.group != own
        && let Some(group) = Pid::from_raw(process.group)
    {
        let _ = rustix::process::kill_process_group(group, Signal::KILL);
    }
}

/// Ends what is left of the session that `leader`, who is gone, has led.
pub fn end_session(leader: Pid, bound: Duration) -> Vec<LeftBehind> {
    let until = Instant::now() + bound;
    let mut known: HashSet<Pid> = HashSet::new();
    let mut named = Vec::new();
    loop {
        let mut alive = table();
        alive.retain(|process| process.session == leader.as_raw_nonzero().get() && !process.zombie);
        let new: Vec<Process> = alive
            .iter()
            .copied()
            .filter(|process| known.insert(process.pid))
            .collect();
        named.extend(describe(&new));
        for process in &alive {
            let _ = kill_process(process.pid, Signal::KILL);
        }
        let left = until.saturating_duration_since(Instant::now());
        match alive.first() {
            Some(process) if !left.is_zero() => wait_for_end(process.pid, left),
            _ => return named,
        }
    }
}

/// Bytes of memory that a process holds now.
#[must_use]
pub fn memory(process: &Process) -> u64 {
    let path = format!("/proc/{}/status", process.pid.as_raw_nonzero());
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}

/// A living process.
#[must_use]
pub fn find(pid: Pid) -> Option<Process> {
    stat(pid.as_raw_nonzero().get()).filter(|process| !process.zombie)
}

#[cfg(target_os = "linux")]
fn wait_for_end(pid: Pid, bound: Duration) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let Ok(handle) = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()) else {
        return;
    };
    let timeout = Timespec::try_from(bound.min(Duration::from_millis(200))).ok();
    let _ = poll(&mut [PollFd::new(&handle, PollFlags::IN)], timeout.as_ref());
}

#[cfg(not(target_os = "linux"))]
fn wait_for_end(_pid: Pid, _bound: Duration) {}

fn table() -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| stat(entry.file_name().to_str()?.parse().ok()?))
        .collect()
}

fn stat(pid: i32) -> Option<Process> {
    let text = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    read_stat(&String::from_utf8_lossy(&text))
}

/// proc(5): `pid (comm) state ppid pgrp session …`; `comm` may itself hold spaces and parentheses.
fn read_stat(text: &str) -> Option<Process> {
    let (head, tail) = text.rsplit_once(')')?;
    let pid = head.split_once(' ')?.0.parse().ok()?;
    let mut fields = tail.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let session = fields.next()?.parse().ok()?;
    Some(Process {
        pid: Pid::from_raw(pid)?,
        parent,
        group,
        session,
        zombie: matches!(state, "Z" | "X"),
        stopped: matches!(state, "T"),
    })
}

/// The command line of a process, arguments separated by spaces; its short name in brackets where that is empty.
pub(super) fn command(pid: Pid) -> String {
    let folder = format!("/proc/{}", pid.as_raw_nonzero());
    let line = std::fs::read(format!("{folder}/cmdline")).unwrap_or_default();
    let words: Vec<_> = line
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .collect();
    if words.is_empty() {
        let name = std::fs::read_to_string(format!("{folder}/comm")).unwrap_or_default();
        return format!("[{}]", name.trim_end());
    }
    words
        .iter()
        .map(|word| String::from_utf8_lossy(word))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_spaces_is_read_past() {
        let process = read_stat("42 (a (b) c) S 7 42 40 0 -1 4194560").unwrap();
        assert_eq!(
            (
                process.pid.as_raw_nonzero().get(),
                process.parent,
                process.group,
                process.session
            ),
            (42, 7, 42, 40)
        );
        assert!(!process.zombie && !process.stopped);
        assert!(read_stat("42 (waits) T 7 42 40 0").unwrap().stopped);
        assert!(read_stat("42 (gone) Z 7 42 40 0").unwrap().zombie);
        assert!(read_stat("no process").is_none());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_grandchild_is_found_and_ended() {
        let mut child = std::process::Command::new("sh")
            .args(["-c", "sleep 1000 & echo up; wait"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(
            &mut std::io::BufReader::new(child.stdout.take().unwrap()),
            &mut line,
        )
        .unwrap();
        let root = Pid::from_child(&child);
        assert_eq!(descendants(root).len(), 1);
        assert!(memory(&descendants(root)[0]) > 10_000);
        let ended = end(root, Duration::from_secs(5));
        assert_eq!(ended.len(), 1);
        assert_eq!(ended[0].command, "sleep 1000");
        child.wait().unwrap();
        assert!(descendants(root).is_empty());
    }
}
