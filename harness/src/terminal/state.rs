//! What the threads of a program and its users share: what was seen so far, what is still to be written, how it ended.

use std::collections::VecDeque;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Pid;

use super::capture::{Capture, Recorder, Stream};
use super::pty::Pty;
use super::screen::Screen;
use super::{Ended, LeftBehind, View};

/// Of each stream this much of the start and as much of the end is kept.
const KEPT: usize = 4 << 20;
/// Input that waits unread at most.
const UNREAD: usize = 1 << 20;

/// What the pump and the users of a program share.
pub(super) struct State {
    pub(super) screen: Screen,
    pub(super) pty: Option<Pty>,
    pub(super) output: [Recorder; 2],
    input: Recorder,
    pub(super) outgoing: VecDeque<u8>,
    pub(super) input_open: bool,
    /// Standard input is closed once everything is written.
    pub(super) close_input: bool,
    /// The supervisor, while its number is surely its own.
    pub(super) supervisor: Option<Pid>,
    pub(super) supervisor_ended: Option<(Pid, Option<ExitStatus>)>,
    /// The harness ends the program.
    pub(super) killed: bool,
    /// It was suspended then.
    pub(super) suspended: bool,
    /// What the harness ended itself.
    pub(super) forced: Vec<LeftBehind>,
    pub(super) ended: Option<Ended>,
    pub(super) cached: Option<View>,
}

impl State {
    pub(super) fn new(screen: Screen) -> Self {
        Self {
            screen,
            pty: None,
            output: [Recorder::new(KEPT), Recorder::new(KEPT)],
            input: Recorder::new(KEPT),
            outgoing: VecDeque::new(),
            input_open: false,
            close_input: false,
            supervisor: None,
            supervisor_ended: None,
            killed: false,
            suspended: false,
            forced: Vec::new(),
            ended: None,
            cached: None,
        }
    }

    /// What can be read; made anew only when something has changed.
    pub(super) fn view(&mut self) -> View {
        if let Some(view) = &self.cached {
            return view.clone();
        }
        let pipe = |recorder: &Recorder, stream| Some(recorder.bytes(stream).into());
        let piped = self.pty.is_none();
        let screen: Arc<str> = self.screen.text_now().into();
        let transcript = if self.screen.size().is_none() {
            Arc::clone(&screen)
        } else {
            self.screen.transcript().into()
        };
        let view = View {
            screen,
            transcript,
            links: self.screen.links().into(),
            clipboard: self.screen.clipboard().into(),
            stdout: piped
                .then(|| pipe(&self.output[0], Stream::Stdout))
                .flatten(),
            stderr: piped
                .then(|| pipe(&self.output[1], Stream::Stderr))
                .flatten(),
            alternate: self.screen.alternate(),
        };
        self.cached.insert(view).clone()
    }

    /// Puts bytes where the program can read them; false when too much waits there already.
    pub(super) fn queue(&mut self, at: Duration, stream: Stream, bytes: &[u8]) -> bool {
        if self.outgoing.len() + bytes.len() > UNREAD && !self.outgoing.is_empty() {
            return false;
        }
        self.outgoing.extend(bytes);
        self.input.record(at, stream, bytes);
        true
    }

    /// Bytes of output so far.
    pub(super) fn written(&self) -> u64 {
        self.output.iter().map(Recorder::seen).sum()
    }

    pub(super) fn resized(&mut self, at: Duration, columns: u16, rows: u16) {
        self.input.record(at, Stream::Resize { columns, rows }, &[]);
        self.cached = None;
    }

    pub(super) fn capture(&self, size: (u16, u16)) -> Capture {
        let recorders = [&self.output[0], &self.output[1], &self.input];
        let mut chunks: Vec<_> = recorders
            .iter()
            .flat_map(|recorder| recorder.chunks().cloned())
            .collect();
        chunks.sort_by_key(|chunk| chunk.at);
        Capture {
            size,
            chunks,
            dropped: self.output.iter().map(Recorder::dropped).sum(),
        }
    }
}
