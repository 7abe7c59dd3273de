//! Runs a program in a terminal or on pipes, shows what a person would see, and types what a person would type.

pub mod capture;
pub mod cast;
mod error;
pub mod keys;
mod launch;
pub mod modes;
mod program;
mod pty;
mod pump;
pub mod queries;
pub mod scanner;
pub mod screen;
mod state;
pub mod svg;
mod transcript;

use std::sync::Arc;
use std::time::Duration;

pub use capture::{Capture, Chunk, Stream};
pub use error::{KeyError, SignalError, WaitError};
pub use launch::{Attach, Launch, LaunchError, StdinKind};
pub use modes::ModesLeft;
pub use program::Program;
pub use screen::Link;
pub use svg::Picture;

pub use crate::sandbox::handed_down::HandedDown;
pub use crate::sandbox::process_tree::LeftBehind;
pub use crate::sandbox::usage::Usage;

/// What can be read at one moment.
#[derive(Clone, Debug)]
pub struct View {
    /// The screen as it stands: wrapped lines joined, trailing blanks cut. Without a terminal the same as
    /// `transcript`.
    pub screen: Arc<str>,
    /// All text that could ever be read: scrolled away or drawn over included, escape sequences left out.
    pub transcript: Arc<str>,
    /// Links (OSC 8) in the order in which they came.
    pub links: Arc<[Link]>,
    /// What was put on the clipboard (OSC 52), base64 as sent.
    pub clipboard: Arc<[String]>,
    /// All bytes of standard output, where it is a pipe.
    pub stdout: Option<Arc<[u8]>>,
    /// All bytes of standard error, where it is a pipe.
    pub stderr: Option<Arc<[u8]>>,
    /// The alternate screen is shown.
    pub alternate: bool,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// By itself, with this status.
    Exit(i32),
    /// By this signal, which was not ours at the bound.
    Signal(i32),
    /// The harness ended it, because it had not ended by itself.
    Killed,
    /// It never ran, although its file was there; the system's reason.
    NotStarted(String),
}

/// A program's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub how: How,
    /// From its start to its end.
    pub ran: Duration,
    /// It was suspended when the harness ended it.
    pub suspended: bool,
    /// Bytes that it wrote to its terminal or its pipes.
    pub written: u64,
    /// Processes that lived on after it, ended by the harness.
    pub left_behind: Vec<LeftBehind>,
    /// What it handed down to the processes that it started.
    pub handed_down: Vec<HandedDown>,
    /// Modes of the terminal that it did not restore.
    pub modes: ModesLeft,
    /// What it cost, and every process below it; nothing where the harness had to end it by force.
    pub usage: Usage,
}
