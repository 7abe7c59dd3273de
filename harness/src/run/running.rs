//! A program that was started by a step, and what the person did with it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::evidence::ProgramRecord;
use crate::scenario::model::Tty;
use crate::target::model::AnswerFrom;
use crate::terminal::{Program, Stream, View, WaitError, scanner};

/// How often a file is looked at that the program writes.
const LOOK: Duration = Duration::from_millis(40);

/// A program that was started.
pub(super) struct Running {
    pub(super) name: String,
    pub(super) tty: Tty,
    /// Since the first step.
    pub(super) started: Duration,
    began: Instant,
    pub(super) program: Program,
    /// The file that output goes into, in the place of a terminal or pipes or beside them.
    log: Option<PathBuf>,
    /// Where its final answer stands.
    answer: AnswerFrom,
    /// A step sent it a signal.
    pub(super) signalled: AtomicBool,
    /// It never ends by itself, and was told to by its own keys.
    pub(super) asked_to_end: AtomicBool,
    timed_out: AtomicBool,
    person: Mutex<PersonSaw>,
}

/// What the person saw and typed.
#[derive(Clone, Debug, Default)]
struct PersonSaw {
    prompted: Option<Duration>,
    typed: String,
}

impl Running {
    pub(super) fn new(
        name: String,
        tty: Tty,
        started: Duration,
        program: Program,
        log: Option<PathBuf>,
        answer: AnswerFrom,
    ) -> Self {
        Self {
            name,
            tty,
            started,
            began: Instant::now(),
            program,
            log,
            answer,
            signalled: AtomicBool::new(false),
            asked_to_end: AtomicBool::new(false),
            timed_out: AtomicBool::new(false),
            person: Mutex::default(),
        }
    }

    /// What can be read now, wherever it goes.
    pub(super) fn view(&self) -> View {
        let view = self.program.view();
        let Some(log) = self.read_from() else {
            return view;
        };
        let bytes = std::fs::read(log).unwrap_or_default();
        // Whoever shows the file to somebody shows it in a terminal: colours are no letters there.
        let text: Arc<str> = scanner::readable(&bytes).into();
        View {
            screen: text.clone(),
            transcript: text,
            stdout: Some(bytes.into()),
            ..view
        }
    }

    /// As [`Program::wait_for`].
    pub(super) async fn wait_for<T>(
        &self,
        bound: Duration,
        mut f: impl FnMut(&View) -> Option<T>,
    ) -> Result<T, WaitError> {
        if self.read_from().is_none() {
            return self.program.wait_for(bound, f).await;
        }
        // Nobody tells of changes to a file.
        let until = Instant::now() + bound;
        loop {
            let ended = self.program.ended(Duration::ZERO).await.is_some();
            let view = self.view();
            if let Some(found) = f(&view) {
                return Ok(found);
            }
            if ended {
                return Err(WaitError::Ended { view });
            }
            if Instant::now() >= until {
                return Err(WaitError::Bound { view });
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The person has read what there is to do.
    pub(super) fn prompted(&self) {
        self.person().prompted.get_or_insert(self.began.elapsed());
    }

    /// Types for the person: what was typed may be seen on the terminal again.
    pub(super) fn type_in(&self, text: &str) -> std::io::Result<()> {
        self.person().typed.push_str(text);
        self.program.send(text.as_bytes())
    }

    /// The bound of the step is over.
    pub(super) fn time_out(&self) {
        self.timed_out.store(true, Ordering::Relaxed);
    }

    /// Ends it, unless it has ended, and tells what was seen.
    pub(super) async fn record(&self) -> ProgramRecord {
        let ended = self.program.end().await;
        let view = self.view();
        let raw = match self.read_from() {
            Some(_) => view.stdout.as_deref().unwrap_or_default().to_vec(),
            None => {
                self.program
                    .capture()
                    .bytes(&[Stream::Terminal, Stream::Stdout, Stream::Stderr])
            }
        };
        let person = self.person().clone();
        ProgramRecord {
            name: self.name.clone(),
            tty: self.tty,
            started: self.started,
            ended,
            view,
            raw,
            answer: self.answer.clone(),
            signalled: self.signalled.load(Ordering::Relaxed),
            asked_to_end: self.asked_to_end.load(Ordering::Relaxed),
            prompted: person.prompted,
            typed: person.typed,
            timed_out: self.timed_out.load(Ordering::Relaxed),
            log: self.log.clone(),
        }
    }

    /// The file that is the only place where output can be read.
    fn read_from(&self) -> Option<&PathBuf> {
        self.log.as_ref().filter(|_| self.tty == Tty::File)
    }

    fn person(&self) -> MutexGuard<'_, PersonSaw> {
        lock(&self.person)
    }
}

/// A panicking step must not hide what the others saw.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
