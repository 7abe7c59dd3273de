//! A running program.

use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::sync::watch;

use super::capture::{Capture, Stream};
use super::error::{KeyError, SignalError, WaitError};
use super::keys;
use super::launch::{Attach, Launch, LaunchError, StdinKind};
use super::pump::{Io, Pump};
use super::screen::Screen;
use super::state::State;
use super::svg::Picture;
use super::{Ended, How, LeftBehind, Usage, View};
use crate::sandbox::{handed_down, process_tree, supervise};

/// How long the supervisor may take to notice the end of the program and to end what was left.
const TIDY: Duration = Duration::from_secs(3);
/// How long ending everything by force may take.
const FORCE: Duration = Duration::from_secs(3);
/// How long a signal waits for the program to be there.
const STARTING: Duration = Duration::from_secs(5);

/// A program in a terminal or on pipes. Dropping it ends it with everything that it started.
pub struct Program {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What the threads of a program and its users share.
pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    /// Ticks at every change of the state.
    pub(super) tick: watch::Sender<u64>,
    /// Wakes the pump.
    pub(super) wake: UnixStream,
    pub(super) launch: Launch,
    pub(super) started: Instant,
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves values that are still the best evidence there is.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn changed(&self) {
        self.tick.send_modify(|tick| *tick += 1);
    }

    fn wake(&self) {
        // Full means that it is awake already.
        let _ = (&self.wake).write(&[0]);
    }
}

impl Program {
    /// Starts a program.
    ///
    /// # Errors
    /// When it is not there or cannot be run, or when the system has no terminal or process left.
    pub fn start(launch: Launch) -> Result<Program, LaunchError> {
        let mut command = launch.command()?;
        let pty = launch.attach(&mut command)?;
        let (wake, woken) =
            UnixStream::pair().map_err(LaunchError::system("make a socket pair"))?;
        wake.set_nonblocking(true)
            .map_err(LaunchError::system("make a socket pair"))?;
        woken
            .set_nonblocking(true)
            .map_err(LaunchError::system("make a socket pair"))?;

        let screen = match launch.attach {
            Attach::Pty { columns, rows } => Screen::terminal(columns, rows),
            // `script` makes a terminal without a size; programs take that for 80 x 24.
            Attach::Script { .. } => Screen::terminal(80, 24),
            Attach::Pipes { .. } => Screen::pipes(),
        };
        let started = Instant::now();
        let state = Mutex::new(State::new(screen));
        let shared = Arc::new(Shared {
            state,
            tick: watch::Sender::new(0),
            wake,
            launch,
            started,
        });

        // The thread that starts the supervisor lives as long as it: the supervisor asks to be told of its parent
        // thread's death (PR_SET_PDEATHSIG), to end everything should the harness be killed.
        let (sender, receiver) = mpsc::sync_channel(1);
        let keeper = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("keeper".to_owned());
        let keeper = thread.spawn(move || {
            let spawned = command.spawn();
            // The terminal's other end is held by the command too: closed here, so that the end can be seen.
            drop(command);
            match spawned {
                Ok(mut child) => {
                    let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
                    keeper.state().supervisor = Some(Pid::from_child(&child));
                    let _ = sender.send(Ok(streams));
                    keep(&keeper, child);
                }
                Err(error) => drop(sender.send(Err(error))),
            }
        });
        let keeper = keeper.map_err(LaunchError::system("start a thread"))?;
        let (stdin, stdout, stderr) = receiver
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("the thread ended")))
            .map_err(LaunchError::system("start the supervisor"))?;

        let io = match pty {
            Some(pty) => Io::terminal(pty),
            None => Io::pipes(stdin, stdout, stderr),
        }
        .map_err(LaunchError::system("set up the streams"))?;
        let mut program = Program {
            shared: Arc::clone(&shared),
            threads: vec![keeper],
        };
        if let Attach::Pipes {
            stdin: StdinKind::Text(text),
        }
        | Attach::Script {
            stdin: StdinKind::Text(text),
            ..
        } = &shared.launch.attach
        {
            let mut state = shared.state();
            state.queue(shared.started.elapsed(), Stream::Input, text);
            state.close_input = true;
        }
        let pump = Pump::new(Arc::clone(&shared), io, woken);
        let thread = std::thread::Builder::new().name("pump".to_owned());
        let pump = thread
            .spawn(move || pump.run())
            .map_err(LaunchError::system("start a thread"))?;
        program.threads.push(pump);
        Ok(program)
    }

    /// When it was started.
    #[must_use]
    pub fn began(&self) -> Instant {
        self.shared.started
    }

    /// Bytes of memory that all its processes hold now; what they share counts in each. 0 once it has ended.
    #[must_use]
    pub fn memory(&self) -> u64 {
        let supervisor = self.shared.state().supervisor;
        supervisor.map_or(0, |supervisor| {
            let processes = process_tree::descendants(supervisor);
            processes.iter().map(process_tree::memory).sum()
        })
    }

    /// The program and its arguments, as it was started.
    #[must_use]
    pub fn argv(&self) -> &[String] {
        &self.shared.launch.argv
    }

    /// What can be read now.
    #[must_use]
    pub fn view(&self) -> View {
        self.shared.state().view()
    }

    /// The screen as it stands, for evidence.
    #[must_use]
    pub fn picture(&self) -> Picture {
        Picture::of(&self.shared.state().screen)
    }

    /// Waits until `f` finds what it looks for; it is asked at every change.
    ///
    /// # Errors
    /// When the program ends first, or the bound is reached.
    pub async fn wait_for<T>(
        &self,
        bound: Duration,
        mut f: impl FnMut(&View) -> Option<T>,
    ) -> Result<T, WaitError> {
        let until = tokio::time::Instant::now() + bound;
        let mut ticks = self.shared.tick.subscribe();
        loop {
            ticks.borrow_and_update();
            let (view, ended) = {
                let mut state = self.shared.state();
                (state.view(), state.ended.is_some())
            };
            if let Some(found) = f(&view) {
                return Ok(found);
            }
            if ended {
                return Err(WaitError::Ended { view });
            }
            if !matches!(
                tokio::time::timeout_at(until, ticks.changed()).await,
                Ok(Ok(()))
            ) {
                return Err(WaitError::Bound { view });
            }
        }
    }

    /// Types these bytes, or writes them to standard input. Returns at once.
    ///
    /// # Errors
    /// When nobody can read them any more, or far too much waits unread.
    pub fn send(&self, bytes: &[u8]) -> io::Result<()> {
        {
            let mut state = self.shared.state();
            if state.ended.is_some() || !state.input_open || state.close_input {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            if !state.queue(self.shared.started.elapsed(), Stream::Input, bytes) {
                return Err(io::ErrorKind::WouldBlock.into());
            }
        }
        self.shared.wake();
        Ok(())
    }

    /// Presses a key: see [`keys::bytes`].
    ///
    /// # Errors
    /// When there is no such key, or as [`Program::send`].
    pub fn press(&self, key: &str) -> Result<(), KeyError> {
        let modes = self.shared.state().screen.key_modes();
        self.send(&keys::bytes(key, modes)?)?;
        Ok(())
    }

    /// Changes the size of the terminal.
    ///
    /// # Errors
    /// When there is no terminal, the size is empty, or the system refuses.
    pub fn resize(&self, columns: u16, rows: u16) -> io::Result<()> {
        if columns == 0 || rows == 0 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        {
            let mut state = self.shared.state();
            let Some(pty) = &state.pty else {
                return Err(io::ErrorKind::Unsupported.into());
            };
            pty.resize(columns, rows)?;
            state.screen.resize(columns, rows);
            let at = self.shared.started.elapsed();
            state.resized(at, columns, rows);
        }
        self.shared.changed();
        Ok(())
    }

    /// Sends a signal to the program itself, by name with or without `SIG`. With [`Attach::Script`] that is `script`.
    ///
    /// # Errors
    /// When there is no such signal, or the program has ended.
    pub fn signal(&self, name: &str) -> Result<(), SignalError> {
        let signal = match name.strip_prefix("SIG").unwrap_or(name) {
            "INT" => Signal::INT,
            "TERM" => Signal::TERM,
            "HUP" => Signal::HUP,
            "KILL" => Signal::KILL,
            "QUIT" => Signal::QUIT,
            "ABRT" => Signal::ABORT,
            "SEGV" => Signal::SEGV,
            "TSTP" => Signal::TSTP,
            "CONT" => Signal::CONT,
            "USR1" => Signal::USR1,
            "USR2" => Signal::USR2,
            "WINCH" => Signal::WINCH,
            _ => return Err(SignalError::Unknown(name.to_owned())),
        };
        let pid = self.pid()?;
        kill_process(pid, signal).map_err(|error| match error {
            rustix::io::Errno::SRCH => SignalError::Ended,
            error => SignalError::System {
                name: name.to_owned(),
                reason: error.into(),
            },
        })
    }

    /// Kills the program with everything that it started.
    ///
    /// # Errors
    /// When it has ended.
    pub fn kill(&self) -> Result<(), SignalError> {
        let pid = self.pid()?;
        // What a wrapper started goes first: it would be an orphan without it.
        for process in process_tree::descendants(pid) {
            process_tree::kill(&process);
        }
        self.signal("KILL")
    }

    /// The id of the program's process, once it is there.
    fn pid(&self) -> Result<Pid, SignalError> {
        let until = Instant::now() + STARTING;
        // The supervisor needs a few milliseconds until the program is there.
        loop {
            match self.shared.program() {
                Ok(pid) => return Ok(pid),
                Err(NotThere::Yet) if Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(1))
                }
                Err(_) => return Err(SignalError::Ended),
            }
        }
    }

    /// Waits for the program to end by itself; `None` when it has not within the bound.
    pub async fn ended(&self, bound: Duration) -> Option<Ended> {
        let mut ticks = self.shared.tick.subscribe();
        let shared = &self.shared;
        let wait = async {
            loop {
                ticks.borrow_and_update();
                if let Some(ended) = shared.state().ended.clone() {
                    return Some(ended);
                }
                ticks.changed().await.ok()?;
            }
        };
        tokio::time::timeout(bound, wait).await.ok().flatten()
    }

    /// Ends the program, unless it has ended by itself, with everything that it started. Within ten seconds whatever
    /// it does; called again, it says the same.
    pub async fn end(&self) -> Ended {
        if let Some(ended) = self.ended(Duration::ZERO).await {
            return ended;
        }
        self.shared.state().killed = true;
        // First the program alone: the supervisor then sees what it leaves behind.
        if let Ok(pid) = self.shared.program() {
            self.shared.state().suspended =
                process_tree::find(pid).is_some_and(|process| process.stopped);
            let _ = kill_process(pid, Signal::KILL);
            if let Some(ended) = self.ended(TIDY).await {
                return ended;
            }
        }
        let shared = Arc::clone(&self.shared);
        let forced = tokio::task::spawn_blocking(move || shared.force())
            .await
            .unwrap_or_default();
        if let Some(ended) = self.ended(FORCE).await {
            return ended;
        }
        // Not even SIGKILL helped: a process in the kernel's hands. Nothing more can be done or learnt.
        let mut state = self.shared.state();
        let ran = self.shared.started.elapsed();
        let modes = state.screen.modes();
        let (suspended, written) = (state.suspended, state.written());
        state
            .ended
            .get_or_insert(Ended {
                how: How::Killed,
                ran,
                suspended,
                written,
                left_behind: forced,
                handed_down: handed_down::read(&self.shared.launch.report),
                modes,
                usage: Usage::default(),
            })
            .clone()
    }

    /// Everything that was shown and typed, for evidence.
    #[must_use]
    pub fn capture(&self) -> Capture {
        let size = match self.shared.launch.attach {
            Attach::Pty { columns, rows } => (columns, rows),
            Attach::Pipes { .. } | Attach::Script { .. } => (80, 24),
        };
        self.shared.state().capture(size)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let over = self.shared.state().ended.is_some();
        if !over {
            self.shared.state().killed = true;
            let _ = self.shared.force();
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

enum NotThere {
    /// It is about to be started.
    Yet,
    /// It has ended, or never started.
    AnyMore,
}

impl Shared {
    /// Process id of the program, while it lives.
    fn program(&self) -> Result<Pid, NotThere> {
        let supervisor = {
            let state = self.state();
            if state.ended.is_some() {
                return Err(NotThere::AnyMore);
            }
            state.supervisor.ok_or(NotThere::AnyMore)?
        };
        let text =
            std::fs::read_to_string(supervise::pid_file(&self.launch.report)).unwrap_or_default();
        let Some(pid) = text.parse().ok().and_then(Pid::from_raw) else {
            return Err(NotThere::Yet);
        };
        // The number may belong to somebody else by now.
        if cfg!(target_os = "linux")
            && process_tree::find(pid).map(|process| process.parent)
                != Some(supervisor.as_raw_nonzero().get())
        {
            return Err(NotThere::AnyMore);
        }
        Ok(pid)
    }

    /// Ends the supervisor and everything below it.
    fn force(&self) -> Vec<LeftBehind> {
        let Some(supervisor) = self.state().supervisor else {
            return Vec::new();
        };
        let ended = process_tree::end(supervisor, FORCE);
        self.state().forced.extend(ended.iter().cloned());
        ended
    }
}

/// Waits for the supervisor's end and tells the pump.
fn keep(shared: &Shared, mut child: std::process::Child) {
    // Its number stays taken until it is reaped, which is not before nobody uses it any more.
    let pid = Pid::from_child(&child);
    while let Err(rustix::io::Errno::INTR) = waitid(
        WaitId::Pid(pid),
        WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
    ) {}
    let mut state = shared.state();
    state.supervisor = None;
    let status: Option<ExitStatus> = child.wait().ok();
    state.supervisor_ended = Some((pid, status));
    drop(state);
    shared.wake();
}
