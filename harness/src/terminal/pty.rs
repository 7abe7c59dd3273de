//! A pseudo terminal: the harness holds one end, the program the other.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, Termios, Winsize, tcgetattr, tcsetattr, tcsetwinsize};

/// The harness's end, which never blocks.
#[derive(Debug)]
pub(super) struct Pty {
    pub(super) master: File,
    before: Option<Termios>,
}

impl Pty {
    /// Opens a pair with a size. The other end is for the program's three standard streams.
    pub(super) fn open(columns: u16, rows: u16) -> io::Result<(Pty, OwnedFd)> {
        #[cfg(target_os = "linux")]
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        #[cfg(not(target_os = "linux"))]
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let master = openpt(flags)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?;
        let slave = rustix::fs::open(
            name,
            OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        rustix::fs::fcntl_setfl(
            &master,
            rustix::fs::fcntl_getfl(&master)? | OFlags::NONBLOCK,
        )?;
        let pty = Pty {
            master: master.into(),
            before: None,
        };
        pty.resize(columns, rows)?;
        // As terminals do, so that erasing a character of several bytes erases all of it.
        let mut settings = tcgetattr(&slave)?;
        settings.input_modes |= rustix::termios::InputModes::IUTF8;
        tcsetattr(&slave, OptionalActions::Now, &settings)?;
        Ok((
            Pty {
                before: Some(tcgetattr(&slave)?),
                ..pty
            },
            slave,
        ))
    }

    /// Changes the size; the foreground processes get SIGWINCH.
    pub(super) fn resize(&self, columns: u16, rows: u16) -> io::Result<()> {
        Ok(tcsetwinsize(
            &self.master,
            Winsize {
                ws_row: rows,
                ws_col: columns,
                ws_xpixel: 0,
                ws_ypixel: 0,
            },
        )?)
    }

    /// Whether echo, line editing, signals or special characters are not as they were at the start.
    pub(super) fn line_discipline_changed(&self) -> bool {
        let (Some(before), Ok(now)) = (&self.before, tcgetattr(&self.master)) else {
            return false;
        };
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
