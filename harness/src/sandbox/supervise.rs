//! The process between the harness and a program under test.
//!
//! It leads the program's session, takes the terminal on its standard input as the controlling one, gives the program
//! signals in their default state, adopts every orphan the program leaves, tells the harness what it saw, and ends
//! what was left. Signal dispositions have no safe interface, so there is `unsafe` here.

use std::ffi::OsString;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, WaitStatus, getpid, getppid, wait};
use serde::{Deserialize, Serialize};

use super::disk::Disk;
use super::handed_down::{self, Witness};
use super::namespace::Join;
use super::process_tree::{self, LeftBehind};
use super::usage::Usage;

/// What to start and where to tell about it.
#[derive(Clone, Debug)]
pub struct Enter {
    /// File that gets the [`Report`]; its sibling with `.pid` appended gets the program's process id at once.
    pub report: PathBuf,
    /// File mode creation mask of the program.
    pub umask: Option<u32>,
    /// The namespace to run it in.
    pub join: Option<Join>,
    /// What the disk does with its files.
    pub disk: Option<Disk>,
    /// The program and its arguments.
    pub argv: Vec<OsString>,
}

/// What the supervisor saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Process id of the program; 0 where it could not be started.
    pub pid: i32,
    /// How it ended.
    pub how: HowEnded,
    /// From its start to its end, in microseconds.
    pub ran_us: u64,
    /// Processes that it left behind; they have been ended since.
    pub left_behind: Vec<LeftBehind>,
    /// What it cost.
    #[serde(default)]
    pub usage: Usage,
}

/// How the program ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HowEnded {
    /// By itself, with this status.
    Exit(i32),
    /// By this signal.
    Signal(i32),
    /// It never ran; the system's reason.
    NotStarted(String),
}

/// How long what the program started may live on after it, before it counts as left behind. A shell pipeline's last
/// members need a moment.
const GRACE: Duration = Duration::from_millis(150);

/// How long ending what was left behind may take.
const ENDING: Duration = Duration::from_secs(2);

/// Path of the file that holds the program's process id.
#[must_use]
pub fn pid_file(report: &Path) -> PathBuf {
    let mut name = report.as_os_str().to_owned();
    name.push(".pid");
    name.into()
}

/// Runs the program to its end. Returns the exit status: the program's own, 128+n for a signal, 127 where it could
/// not be started.
#[must_use]
pub fn run(enter: &Enter) -> u8 {
    let parent = getppid();
    if let Some(umask) = enter.umask {
        rustix::process::umask(rustix::fs::Mode::from_bits_truncate(umask as _));
    }
    if let Some(join) = &enter.join
        && let Err(error) = join.enter(&in_sight(enter))
    {
        return refuse(enter, error.to_string());
    }
    if let Some(disk) = &enter.disk
        && let Err(error) = disk.enter(enter.join.is_some())
    {
        return refuse(enter, error);
    }
    signals::reset();
    // A handler, not SIG_IGN: exec gives the program the default action back, while Ctrl+C does not end us. We must
    // live to say what became of the program.
    signals::survive(&[
        libc::SIGINT,
        libc::SIGQUIT,
        libc::SIGHUP,
        libc::SIGTERM,
        libc::SIGTSTP,
    ]);
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(getpid()));
    // Fails only where we already lead a group: started by hand from a shell.
    let _ = rustix::process::setsid();
    if rustix::termios::isatty(io::stdin().as_fd()) {
        let _ = rustix::process::ioctl_tiocsctty(io::stdin().as_fd());
    }

    let started = Instant::now();
    let mut command = Command::new(&enter.argv[0]);
    command.args(&enter.argv[1..]).arg0(&enter.argv[0]);
    #[cfg(target_os = "linux")]
    signals::in_foreground(&mut command);
    if let Some(Disk::Room(bytes)) = enter.disk {
        signals::with_room(&mut command, bytes);
    }
    let program = match command.spawn() {
        Ok(child) => Pid::from_child(&child),
        Err(error) => return refuse(enter, error.to_string()),
    };
    let _ = std::fs::write(
        pid_file(&enter.report),
        program.as_raw_nonzero().to_string(),
    );

    let events = signals::Events::watch(parent);
    let mut witness = Witness::new(&enter.report, &enter.argv);
    let Some(status) = wait_for(program, &events, &mut witness) else {
        end_all(&events);
        return 1;
    };
    let ran = started.elapsed();
    witness.look();
    let left_behind = match wait_for_orphans(&events) {
        true => Vec::new(),
        false => left_behind(),
    };
    let (how, code) = match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => (HowEnded::Exit(code), u8::try_from(code & 0xff).unwrap_or(1)),
        (None, Some(signal)) => (
            HowEnded::Signal(signal),
            u8::try_from(128 + signal).unwrap_or(255),
        ),
        (None, None) => (HowEnded::Exit(1), 1),
    };
    let ran_us = u64::try_from(ran.as_micros()).unwrap_or(u64::MAX);
    // Told before anything is ended: should we be killed now, the evidence stands.
    let mut report = Report {
        pid: program.as_raw_nonzero().get(),
        how,
        ran_us,
        left_behind,
        usage: Usage::of_children(),
    };
    tell(enter, &report);
    end_all(&events);
    if !report.left_behind.is_empty() {
        report.usage = Usage::of_children();
        tell(enter, &report);
    }
    code
}

/// What the program, and we, must find where it is.
fn in_sight(enter: &Enter) -> Vec<PathBuf> {
    let folders = ["HOME", "TMPDIR"].map(|name| std::env::var_os(name).map(PathBuf::from));
    let mut all: Vec<PathBuf> = folders.into_iter().flatten().collect();
    all.extend(std::env::current_dir());
    all.extend(enter.report.parent().map(Path::to_owned));
    all.extend(enter.join.as_ref().map(|join| join.etc.clone()));
    all.push(PathBuf::from(&enter.argv[0]));
    all
}

/// Tells that the program never ran.
fn refuse(enter: &Enter, reason: String) -> u8 {
    tell(
        enter,
        &Report {
            pid: 0,
            how: HowEnded::NotStarted(reason),
            ran_us: 0,
            left_behind: Vec::new(),
            usage: Usage::default(),
        },
    );
    127
}

/// Waits for the program, reaping adopted orphans and looking at what it starts meanwhile. `None` when the harness is
/// gone.
fn wait_for(program: Pid, events: &signals::Events, witness: &mut Witness) -> Option<WaitStatus> {
    loop {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == program => return Some(status),
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => break,
                Err(_) => return None,
            }
        }
        if events.orphaned() {
            return None;
        }
        witness.look();
        events.next(Some(handed_down::EVERY));
    }
}

/// Whether all children end within the grace.
fn wait_for_orphans(events: &signals::Events) -> bool {
    let until = Instant::now() + GRACE;
    loop {
        if reap() {
            return true;
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        events.next(Some(left));
    }
}

/// What lives on, by name. What is never there long enough to be looked at is told all the same.
fn left_behind() -> Vec<LeftBehind> {
    let found = process_tree::describe(&process_tree::descendants(getpid()));
    if !found.is_empty() || reap() {
        return found;
    }
    vec![LeftBehind {
        pid: 0,
        command: "(a process that forks and exits over and over)".to_owned(),
    }]
}

/// Ends every descendant, until none is left or the bound is over.
fn end_all(events: &signals::Events) {
    let until = Instant::now() + ENDING;
    while !reap() && Instant::now() < until {
        process_tree::descendants(getpid())
            .iter()
            .for_each(process_tree::kill);
        #[cfg(not(target_os = "linux"))]
        let _ = rustix::process::kill_current_process_group(rustix::process::Signal::HUP);
        if reap() {
            return;
        }
        events.next(Some(Duration::from_millis(20)));
    }
}

/// Reaps every child that has ended; true when there is none left.
fn reap() -> bool {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) => return false,
            Err(_) => return true,
        }
    }
}

/// Writes the report whole or not at all.
fn tell(enter: &Enter, report: &Report) {
    let mut new = enter.report.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    let text = serde_json::to_vec(report).unwrap_or_default();
    if std::fs::write(&new, text).is_ok() {
        let _ = std::fs::rename(&new, &enter.report);
    }
}

mod signals {
    use super::{Duration, MaybeUninit, Pid, getppid};

    /// Gives every signal its default action and unblocks all: whatever started the harness (a shell's `nohup`, a CI
    /// runner) may have ignored some, and ignored signals stay ignored through exec.
    pub(super) fn reset() {
        #[cfg(target_os = "linux")]
        let last = libc::SIGRTMAX();
        #[cfg(not(target_os = "linux"))]
        let last = 31;
        for signal in 1..=last {
            set(signal, libc::SIG_DFL);
        }
        mask(libc::SIG_SETMASK, &[]);
    }

    /// Lets the program lead the terminal's foreground group, as a shell with job control does. Without a group of its
    /// own, beside a parent in the same session, it would not stop when it is suspended.
    #[cfg(target_os = "linux")]
    pub(super) fn in_foreground(command: &mut super::Command) {
        use std::os::fd::AsFd as _;
        use std::os::unix::process::CommandExt as _;

        // Made here: its first use allocates.
        let terminal = std::io::stdin();
        let prepare = move || {
            rustix::process::setpgid(None, None)?;
            let terminal = terminal.as_fd();
            if rustix::termios::isatty(terminal) {
                // Not in the foreground yet: without this the call itself would stop the child.
                mask(libc::SIG_BLOCK, &[libc::SIGTTOU]);
                let taken = rustix::termios::tcsetpgrp(terminal, rustix::process::getpid());
                mask(libc::SIG_UNBLOCK, &[libc::SIGTTOU]);
                taken?;
            }
            Ok(())
        };
        #[expect(unsafe_code, reason = "code between fork and exec")]
        // SAFETY: the closure makes only system calls that are async-signal-safe, and allocates nothing; this process
        // has a single thread besides.
        unsafe {
            command.pre_exec(prepare);
        }
    }

    /// Lets no file that the program writes grow beyond so many bytes. What it writes beyond fails, and does not end it.
    pub(super) fn with_room(command: &mut super::Command, bytes: u64) {
        use std::os::unix::process::CommandExt as _;

        use rustix::process::{Resource, Rlimit, setrlimit};

        let prepare = move || {
            set(libc::SIGXFSZ, libc::SIG_IGN);
            let limit = Rlimit {
                current: Some(bytes),
                maximum: Some(bytes),
            };
            Ok(setrlimit(Resource::Fsize, limit)?)
        };
        #[expect(unsafe_code, reason = "code between fork and exec")]
        // SAFETY: the closure makes only system calls that are async-signal-safe, and allocates nothing; this process
        // has a single thread besides.
        unsafe {
            command.pre_exec(prepare);
        }
    }

    /// Keeps these signals from ending this process, with a handler that does nothing.
    pub(super) fn survive(signals: &[libc::c_int]) {
        extern "C" fn nothing(_: libc::c_int) {}
        for signal in signals {
            set(
                *signal,
                nothing as extern "C" fn(libc::c_int) as libc::sighandler_t,
            );
        }
    }

    #[expect(unsafe_code, reason = "no safe interface to signal dispositions")]
    fn set(signal: libc::c_int, handler: libc::sighandler_t) {
        // SAFETY: `action` is fully initialised (all zeroes is a valid sigaction: empty mask, no flags), lives through
        // the call, and the handler is SIG_DFL or a function that touches nothing, which is async-signal-safe. For a
        // signal that cannot be changed (KILL, STOP, the C library's own) the call fails and changes nothing.
        unsafe {
            let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
            action.sa_sigaction = handler;
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }

    fn mask(how: libc::c_int, signals: &[libc::c_int]) {
        let set = set_of(signals);
        #[expect(unsafe_code, reason = "no safe interface to the signal mask")]
        // SAFETY: `set` is an initialised signal set that lives through the call; the old mask is not asked for.
        unsafe {
            libc::sigprocmask(how, &raw const set, std::ptr::null_mut());
        }
    }

    #[expect(unsafe_code, reason = "no safe interface to signal sets")]
    fn set_of(signals: &[libc::c_int]) -> libc::sigset_t {
        let mut set = MaybeUninit::uninit();
        // SAFETY: sigemptyset initialises the set before sigaddset changes it and before it is taken as initialised.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            for signal in signals {
                libc::sigaddset(set.as_mut_ptr(), *signal);
            }
            set.assume_init()
        }
    }

    /// The end of a child, or of the harness, as something to wait for.
    pub(super) struct Events {
        parent: Option<Pid>,
    }

    impl Events {
        /// From here on SIGCHLD and the harness's death (SIGUSR2) are kept until [`Events::next`] takes them: between
        /// a look at the children and the wait no event gets lost. The program was started before, with a clear mask.
        pub(super) fn watch(parent: Option<Pid>) -> Self {
            #[cfg(target_os = "linux")]
            {
                mask(libc::SIG_BLOCK, &[libc::SIGCHLD, libc::SIGUSR2]);
                let _ = rustix::process::set_parent_process_death_signal(Some(
                    rustix::process::Signal::USR2,
                ));
            }
            Self { parent }
        }

        /// Whether the harness is gone.
        pub(super) fn orphaned(&self) -> bool {
            cfg!(target_os = "linux") && getppid() != self.parent
        }

        /// Waits for the next event, at most so long.
        #[cfg(target_os = "linux")]
        pub(super) fn next(&self, bound: Option<Duration>) {
            let set = set_of(&[libc::SIGCHLD, libc::SIGUSR2]);
            let bound = bound.map(|bound| libc::timespec {
                tv_sec: libc::time_t::try_from(bound.as_secs()).unwrap_or(libc::time_t::MAX),
                tv_nsec: bound.subsec_nanos().into(),
            });
            let timeout = bound.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
            #[expect(unsafe_code, reason = "no safe interface to sigtimedwait")]
            // SAFETY: `set` and, where not null, `timeout` point to initialised values that live through the call.
            unsafe {
                libc::sigtimedwait(&raw const set, std::ptr::null_mut(), timeout);
            }
        }

        /// Without `sigtimedwait` the children are looked at every few milliseconds.
        #[cfg(not(target_os = "linux"))]
        pub(super) fn next(&self, bound: Option<Duration>) {
            std::thread::sleep(bound.unwrap_or(Duration::MAX).min(Duration::from_millis(5)));
        }
    }
}
