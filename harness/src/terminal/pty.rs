//! A pseudo terminal: the harness holds one end, the program the other.

use std::fs::File;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use portable_pty::{MasterPty, PtySize, native_pty_system};
use rustix::fs::{Mode, OFlags};
use rustix::termios::{InputModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// The harness's end.
pub(super) struct Pty {
    /// For reading and writing; never blocks.
    pub(super) master: File,
    terminal: Box<dyn MasterPty + Send>,
    before: Termios,
}

impl Pty {
    /// Opens a pair with a size. The other end is for the program's three standard streams.
    pub(super) fn open(columns: u16, rows: u16) -> io::Result<(Pty, OwnedFd)> {
        let pair = native_pty_system()
            .openpty(size(columns, rows))
            .map_err(io::Error::other)?;
        let terminal = pair.master;
        let name = terminal
            .tty_name()
            .ok_or_else(|| io::Error::other("the terminal has no name"))?;
        let slave = rustix::fs::open(
            name,
            OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        let master = File::from(own_descriptor(terminal.as_ref())?);
        rustix::fs::fcntl_setfl(
            &master,
            rustix::fs::fcntl_getfl(&master)? | OFlags::NONBLOCK,
        )?;
        // As terminals do, so that erasing a character of several bytes erases all of it.
        let mut settings = tcgetattr(&slave)?;
        settings.input_modes |= InputModes::IUTF8;
        tcsetattr(&slave, OptionalActions::Now, &settings)?;
        let before = tcgetattr(&slave)?;
        Ok((
            Pty {
                master,
                terminal,
                before,
            },
            slave,
        ))
    }

    /// Changes the size; the foreground processes get SIGWINCH.
    pub(super) fn resize(&self, columns: u16, rows: u16) -> io::Result<()> {
        self.terminal
            .resize(size(columns, rows))
            .map_err(io::Error::other)
    }

    /// Whether echo, line editing, signals or special characters are not as they were at the start.
    pub(super) fn line_discipline_changed(&self) -> bool {
        let Ok(now) = tcgetattr(&self.master) else {
            return false;
        };
        let before = &self.before;
        let modes = |settings: &Termios| {
            (
                settings.input_modes,
                settings.output_modes,
                settings.control_modes,
                settings.local_modes,
            )
        };
        modes(before) != modes(&now)
            || format!("{:?}", before.special_codes) != format!("{:?}", now.special_codes)
    }
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols: columns,
        pixel_width: 0,
        pixel_height: 0,
    }
}

/// A descriptor of our own for the master, to poll it together with others.
#[expect(
    unsafe_code,
    reason = "the library lends its descriptor as a plain number"
)]
fn own_descriptor(terminal: &(dyn MasterPty + Send)) -> io::Result<OwnedFd> {
    let number = terminal
        .as_raw_fd()
        .ok_or_else(|| io::Error::other("the terminal has no descriptor"))?;
    // SAFETY: `terminal` is borrowed for the whole function and owns the descriptor, so that it stays open while
    // it is duplicated.
    unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned()
}
