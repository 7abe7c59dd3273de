//! The thread that moves bytes: from the program into the capture and the screen, and what is typed or answered back.
//!
//! It never blocks on either side, so a program that does not read what it is sent cannot stop its own output, and
//! the other way round.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{ChildStderr, ChildStdin, ChildStdout};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;

use super::capture::Stream;
use super::program::Shared;
use super::pty::Pty;
use super::{Ended, How, Usage};
use crate::sandbox::handed_down;
use crate::sandbox::process_tree;
use crate::sandbox::supervise::{HowEnded, Report, pid_file};

/// So much output is drawn as it comes. Past it only the last bytes before each quiet moment are drawn, so that a
/// flood costs reading and not drawing.
const DRAWN_AT_ONCE: usize = 2 << 20;
/// So much of that allowance comes back per second.
const ALLOWANCE_PER_SECOND: f64 = 256.0 * 1024.0;
/// Bytes that are drawn after a flood: several screens full.
const DRAWN_LATE: usize = 128 * 1024;
/// A flood that is silent for so long is over for now.
const QUIET: Duration = Duration::from_millis(5);
/// A flood without any pause is shown this often.
const SHOWN_EVERY: Duration = Duration::from_millis(250);
/// How long output may still come after the supervisor has ended: somebody out of reach may hold the other end.
const DRAIN: Duration = Duration::from_millis(500);

/// The harness's ends of a program's streams; they never block.
pub(super) struct Io {
    readers: Vec<Reader>,
    writer: Option<File>,
    pty: Option<Pty>,
}

struct Reader {
    file: File,
    stream: Stream,
    /// 0 for the terminal or standard output, 1 for standard error.
    pipe: usize,
    open: bool,
    /// Bytes drawn lately, and when that was reckoned.
    drawn: (f64, Instant),
    /// Read, but not drawn yet.
    late: Vec<u8>,
    /// Bytes before `late` were left out.
    skipped: bool,
}

impl Io {
    pub(super) fn terminal(pty: Pty) -> io::Result<Self> {
        let reader = Reader::new(pty.master.try_clone()?, Stream::Terminal, 0);
        Ok(Self {
            readers: vec![reader],
            writer: Some(pty.master.try_clone()?),
            pty: Some(pty),
        })
    }

    pub(super) fn pipes(
        stdin: Option<ChildStdin>,
        stdout: Option<ChildStdout>,
        stderr: Option<ChildStderr>,
    ) -> io::Result<Self> {
        let mut readers = Vec::new();
        if let Some(stdout) = stdout {
            readers.push(Reader::new(unblocked(stdout.into())?, Stream::Stdout, 0));
        }
        if let Some(stderr) = stderr {
            readers.push(Reader::new(unblocked(stderr.into())?, Stream::Stderr, 1));
        }
        let writer = stdin.map(|stdin| unblocked(stdin.into())).transpose()?;
        Ok(Self {
            readers,
            writer,
            pty: None,
        })
    }
}

impl Reader {
    fn new(file: File, stream: Stream, pipe: usize) -> Self {
        Self {
            file,
            stream,
            pipe,
            open: true,
            drawn: (0.0, Instant::now()),
            late: Vec::new(),
            skipped: false,
        }
    }
}

impl Reader {
    /// Whether so many bytes are within the allowance; takes them from it.
    fn allowed(&mut self, count: usize) -> bool {
        let (drawn, since) = self.drawn;
        let drawn =
            (drawn - since.elapsed().as_secs_f64() * ALLOWANCE_PER_SECOND).max(0.0) + count as f64;
        let allowed = drawn <= DRAWN_AT_ONCE as f64;
        if allowed {
            self.drawn = (drawn, Instant::now());
        }
        allowed
    }
}

fn unblocked(end: OwnedFd) -> io::Result<File> {
    rustix::fs::fcntl_setfl(&end, rustix::fs::fcntl_getfl(&end)? | OFlags::NONBLOCK)?;
    Ok(end.into())
}

pub(super) struct Pump {
    shared: Arc<Shared>,
    readers: Vec<Reader>,
    writer: Option<File>,
    woken: UnixStream,
    shown: Instant,
}

impl Pump {
    pub(super) fn new(shared: Arc<Shared>, io: Io, woken: UnixStream) -> Self {
        {
            let mut state = shared.state();
            state.pty = io.pty;
            state.input_open = io.writer.is_some();
        }
        Self {
            shared,
            readers: io.readers,
            writer: io.writer,
            woken,
            shown: Instant::now(),
        }
    }

    pub(super) fn run(mut self) {
        let mut buffer = vec![0; 64 * 1024];
        let mut drain_until = None;
        loop {
            self.write();
            let over = drain_until.is_some_and(|until| Instant::now() >= until);
            if drain_until.is_some() && (over || self.readers.iter().all(|reader| !reader.open)) {
                break;
            }
            if self.wait(drain_until) {
                for index in 0..self.readers.len() {
                    self.draw_late(index);
                    self.shared.state().screen.settle();
                }
            }
            let _ = (&self.woken).read(&mut [0; 64]);
            for index in 0..self.readers.len() {
                self.read(index, &mut buffer);
            }
            let supervisor = self.shared.state().supervisor_ended;
            if let (None, Some((supervisor, _))) = (drain_until, supervisor) {
                if !self.shared.launch.report.exists() {
                    // It was killed itself: what it kept together is ours to end.
                    let orphans = process_tree::end_session(supervisor, Duration::from_secs(2));
                    self.shared.state().forced.extend(orphans);
                }
                drain_until = Some(Instant::now() + DRAIN);
            }
        }
        for index in 0..self.readers.len() {
            self.draw_late(index);
        }
        self.finish();
    }

    /// Sleeps until there is something to do; true when nothing came.
    fn wait(&self, drain_until: Option<Instant>) -> bool {
        let mut ends = vec![PollFd::new(&self.woken, PollFlags::IN)];
        for reader in self.readers.iter().filter(|reader| reader.open) {
            ends.push(PollFd::new(&reader.file, PollFlags::IN));
        }
        if let Some(writer) = &self.writer
            && !self.shared.state().outgoing.is_empty()
        {
            ends.push(PollFd::from_borrowed_fd(writer.as_fd(), PollFlags::OUT));
        }
        let late = self.readers.iter().any(|reader| !reader.late.is_empty());
        let drain = drain_until.map(|until| until.saturating_duration_since(Instant::now()));
        let timeout = if late {
            Some(drain.map_or(QUIET, |left| left.min(QUIET)))
        } else {
            drain
        };
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        // Interrupted or failed: look at everything and come back.
        poll(&mut ends, timeout.as_ref()).is_ok_and(|ready| ready == 0)
    }

    /// Reads all there is, as long as it is not a flood; then draws it.
    fn read(&mut self, index: usize, buffer: &mut [u8]) {
        // Bounded, so that one stream does not keep the other from being read.
        for _ in 0..16 {
            let reader = &mut self.readers[index];
            if !reader.open {
                break;
            }
            match reader.file.read(buffer) {
                Ok(0) => reader.open = false,
                Ok(count) => {
                    let bytes = &buffer[..count];
                    let at = self.shared.started.elapsed();
                    self.shared.state().output[reader.pipe].record(at, reader.stream, bytes);
                    if self.shared.launch.mirror {
                        // Whoever reads our output may have gone; the program is judged all the same.
                        let mut own = io::stdout().lock();
                        let _ = own.write_all(bytes).and_then(|()| own.flush());
                    }
                    if reader.late.is_empty() && reader.allowed(count) {
                        self.draw(index, &buffer[..count], false);
                        continue;
                    }
                    reader.late.extend_from_slice(bytes);
                    if reader.late.len() > 2 * DRAWN_LATE {
                        let surplus = reader.late.len() - DRAWN_LATE;
                        reader.late.drain(..surplus);
                        reader.skipped = true;
                    }
                    if self.shown.elapsed() > SHOWN_EVERY {
                        return self.draw_late(index);
                    }
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock => {
                        if reader.late.is_empty() {
                            self.shared.state().screen.settle();
                        }
                        return;
                    }
                    // EIO from a terminal: nobody holds the other end any more.
                    _ => reader.open = false,
                },
            }
        }
    }

    fn draw_late(&mut self, index: usize) {
        let reader = &mut self.readers[index];
        if reader.late.is_empty() {
            return;
        }
        let mut bytes = std::mem::take(&mut reader.late);
        let skipped = std::mem::take(&mut reader.skipped);
        if skipped {
            // Start where a line or a sequence starts, not inside one.
            let start = bytes
                .iter()
                .position(|byte| matches!(byte, b'\n' | 0x1b))
                .unwrap_or(0);
            bytes.drain(..start);
        }
        self.draw(index, &bytes, skipped);
    }

    fn draw(&mut self, index: usize, bytes: &[u8], after_gap: bool) {
        let pipe = self.readers[index].pipe;
        let at = self.shared.started.elapsed();
        let mut state = self.shared.state();
        let answers = self.shared.launch.answers && state.pty.is_some();
        let mut given = Vec::new();
        if after_gap {
            state.screen.resynchronise(pipe);
        }
        state
            .screen
            .process(pipe, bytes, |answer| given.push(answer));
        if answers {
            for answer in given {
                state.queue(at, Stream::Answer, &answer);
            }
        }
        state.cached = None;
        drop(state);
        self.shown = Instant::now();
        self.shared.changed();
    }

    /// Writes what waits to be read by the program, as much as it takes.
    fn write(&mut self) {
        let mut state = self.shared.state();
        let Some(mut writer) = self.writer.as_ref() else {
            return;
        };
        while !state.outgoing.is_empty() {
            match writer.write(state.outgoing.as_slices().0) {
                Ok(count) => drop(state.outgoing.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    state.outgoing.clear();
                    state.close_input = true;
                }
            }
        }
        if state.close_input && state.pty.is_none() {
            state.input_open = false;
            self.writer = None;
        }
    }

    /// Everything has come: say how the program ended.
    fn finish(self) {
        let launch = &self.shared.launch;
        let text = std::fs::read(&launch.report).unwrap_or_default();
        let report: Option<Report> = serde_json::from_slice(&text).ok();
        let mut state = self.shared.state();
        let killed = state.killed;
        let mut left_behind = std::mem::take(&mut state.forced);
        let usage = report
            .as_ref()
            .map_or_else(Usage::default, |report| report.usage);
        let ended = match report {
            Some(report) => {
                left_behind.extend(report.left_behind);
                let how = match report.how {
                    HowEnded::Exit(code) => How::Exit(code),
                    HowEnded::Signal(9) if killed => How::Killed,
                    HowEnded::Signal(signal) => How::Signal(signal),
                    HowEnded::NotStarted(reason) => How::NotStarted(reason),
                };
                (how, Duration::from_micros(report.ran_us))
            }
            None if killed => (How::Killed, self.shared.started.elapsed()),
            None => {
                let status = state.supervisor_ended.and_then(|(_, status)| status);
                let signal = status.and_then(|status| ExitStatusExt::signal(&status));
                let how = match signal {
                    // Somebody killed the supervisor, and what it supervised with it.
                    Some(signal) => How::Signal(signal),
                    None => How::NotStarted(format!(
                        "{} ended without a report",
                        launch.supervisor.display()
                    )),
                };
                (how, self.shared.started.elapsed())
            }
        };
        let program = std::fs::read_to_string(pid_file(&launch.report))
            .ok()
            .and_then(|text| text.parse::<i32>().ok());
        left_behind.retain(|left| Some(left.pid) != program);
        left_behind.sort_by_key(|left| left.pid);
        left_behind.dedup_by_key(|left| left.pid);
        let mut modes = state.screen.modes();
        modes.line_discipline_changed =
            state.pty.as_ref().is_some_and(Pty::line_discipline_changed);
        state.input_open = false;
        state.cached = None;
        let (suspended, written) = (state.suspended, state.written());
        state.ended.get_or_insert(Ended {
            how: ended.0,
            ran: ended.1,
            suspended,
            written,
            left_behind,
            handed_down: handed_down::read(&launch.report),
            modes,
            usage,
        });
        drop(state);
        self.shared.changed();
    }
}
