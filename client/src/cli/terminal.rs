//! What a person enters: a line from standard input, which a terminal does not echo when it is a secret.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

/// Standard input with echo switched off, if it is a terminal, until dropped.
pub(super) struct Terminal {
    #[cfg(unix)]
    before: Option<rustix::termios::Termios>,
}

/// The longest line.
const LONGEST: u64 = 16 * 1024;

impl Terminal {
    /// Switches echo off. Where that cannot be done, the person sees what they paste.
    #[cfg(unix)]
    pub(super) fn quiet() -> Self {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let stdin = io::stdin();
        let before = stdin
            .is_terminal()
            .then(|| tcgetattr(&stdin).ok())
            .flatten();
        if let Some(before) = &before {
            let mut quiet = before.clone();
            quiet.local_modes.remove(LocalModes::ECHO);
            // The end of the line is still shown.
            quiet.local_modes.insert(LocalModes::ECHONL);
            let _ = tcsetattr(&stdin, OptionalActions::Now, &quiet);
        }
        Self { before }
    }

    /// Echo is left as it is.
    #[cfg(not(unix))]
    pub(super) fn quiet() -> Self {
        Self {}
    }

    /// The next line; `None` at the end of the input.
    pub(super) async fn line(&self) -> io::Result<Option<String>> {
        // Reading blocks. The thread is left behind when the wait for it ends, and goes with the program.
        let read = tokio::task::spawn_blocking(|| {
            let mut line = Vec::new();
            let mut input = io::stdin().lock().take(LONGEST);
            input.read_until(b'\n', &mut line)?;
            let text = String::from_utf8_lossy(&line).into_owned();
            Ok((!line.is_empty()).then_some(text))
        });
        read.await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
    }
}

#[cfg(unix)]
impl Drop for Terminal {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        if let Some(before) = &self.before {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}
