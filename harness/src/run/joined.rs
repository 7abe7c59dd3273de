//! A command of the user's own, joined to the user's terminal, in the place of the target's commands.

use std::io::Read;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::termios::{self, OptionalActions, Termios};

use super::running::Running;

/// The user's terminal and the command that is played on it.
pub struct Joined {
    /// Program and arguments, run for every step that runs a program.
    pub argv: Vec<String>,
    /// Both ends are a terminal: keys go in, and the terminal itself answers queries.
    pub interactive: bool,
    current: Mutex<Option<Arc<Running>>>,
}

impl Joined {
    /// Joins this process's stdin and stdout to whatever program runs.
    #[must_use]
    pub fn new(argv: Vec<String>) -> Arc<Self> {
        let interactive = termios::isatty(std::io::stdin()) && termios::isatty(std::io::stdout());
        let joined = Arc::new(Self {
            argv,
            interactive,
            current: Mutex::default(),
        });
        if interactive {
            let keys = joined.clone();
            // Blocked in a read for as long as the process lives; it ends with it.
            std::thread::spawn(move || keys.forward_keys());
        }
        joined
    }

    /// Size of the user's terminal, in columns and rows.
    #[must_use]
    pub fn size(&self) -> Option<(u16, u16)> {
        let size = termios::tcgetwinsize(std::io::stdout()).ok()?;
        (self.interactive && size.ws_col > 0 && size.ws_row > 0)
            .then_some((size.ws_col, size.ws_row))
    }

    /// This program gets the keys from now on.
    pub(super) fn attach(&self, running: Arc<Running>) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
    }

    /// Passes on changes of size, for as long as it is polled.
    pub async fn follow_size(&self) {
        let changes = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::window_change());
        // Without the signal the size stays what it was.
        let Ok(mut changes) = changes else {
            return std::future::pending().await;
        };
        while changes.recv().await.is_some() {
            let running = self.running();
            if let (Some(running), Some((columns, rows))) = (running, self.size()) {
                // The program may have ended in this moment.
                drop(running.program.resize(columns, rows));
            }
        }
        std::future::pending().await
    }

    fn forward_keys(&self) {
        let mut keys = [0; 1024];
        while let Ok(length @ 1..) = std::io::stdin().read(&mut keys) {
            if let Some(running) = self.running() {
                drop(running.program.send(&keys[..length]));
            }
        }
    }

    fn running(&self) -> Option<Arc<Running>> {
        self.current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// The user's terminal in raw mode; as it was when this is dropped.
pub struct RawMode(Termios);

impl RawMode {
    /// Switches stdin to raw mode, so that every key reaches the program. None when stdin is no terminal.
    #[must_use]
    pub fn enter() -> Option<Self> {
        let stdin = std::io::stdin();
        let before = termios::tcgetattr(stdin.as_fd()).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        termios::tcsetattr(stdin.as_fd(), OptionalActions::Now, &raw).ok()?;
        Some(Self(before))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that has gone.
        let _ = termios::tcsetattr(std::io::stdin().as_fd(), OptionalActions::Now, &self.0);
    }
}
