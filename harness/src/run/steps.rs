//! Steps: what the person, the terminal and the rest of the world do, in order or side by side.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::evidence::ProgramRecord;
use super::joined::Joined;
use super::person;
use super::world::World;
use crate::scenario::model::{Branch, Elsewhere, Login, Prompts, Stdin, Step, Tty, Wait};
use crate::target::{CommandKind, Flow};
use crate::terminal::{Attach, Launch, Program, StdinKind, Stream};

/// Plays the steps of one scenario.
pub(super) struct Stage {
    world: Arc<World>,
    joined: Option<Arc<Joined>>,
    begun: Instant,
    deadline: Instant,
    running: Mutex<Vec<Arc<Running>>>,
    notes: Mutex<Vec<String>>,
}

/// A program that was started.
pub(super) struct Running {
    pub(super) name: String,
    tty: Tty,
    started: Duration,
    pub(super) program: Program,
    signalled: AtomicBool,
}

/// Why the steps could not be played on: the harness's own failure.
#[derive(Debug, thiserror::Error)]
pub(super) enum StepError {
    /// A program could not be started.
    #[error("{0}")]
    Launch(String),
    /// A step is about a program that was never started.
    #[error("no program named `{0}` was started")]
    NoProgram(String),
    /// What another program does could not be done.
    #[error("{0}")]
    Elsewhere(String),
    /// A key or signal that does not exist, or could not be sent.
    #[error("{0}")]
    Input(String),
}

impl Stage {
    pub(super) fn new(world: Arc<World>, joined: Option<Arc<Joined>>, deadline: Instant) -> Self {
        Self {
            world,
            joined,
            begun: Instant::now(),
            deadline,
            running: Mutex::default(),
            notes: Mutex::default(),
        }
    }

    /// Plays steps in order.
    pub(super) fn play<'a>(
        &'a self,
        steps: &'a [Step],
    ) -> Pin<Box<dyn Future<Output = Result<(), StepError>> + Send + 'a>> {
        Box::pin(async move {
            for step in steps {
                self.step(step).await?;
            }
            Ok(())
        })
    }

    /// Ends whatever still runs and hands over what was seen.
    pub(super) async fn clear(&self) -> (Vec<ProgramRecord>, Vec<String>) {
        let mut records = Vec::new();
        for running in self.all() {
            let ended = running.program.end().await;
            records.push(ProgramRecord {
                name: running.name.clone(),
                tty: running.tty,
                started: running.started,
                ended,
                view: running.program.view(),
                raw: running.program.capture().bytes(&[
                    Stream::Terminal,
                    Stream::Stdout,
                    Stream::Stderr,
                ]),
                signalled: running.signalled.load(Ordering::Relaxed),
            });
        }
        (records, lock(&self.notes).clone())
    }

    /// Programs in the order in which they were started.
    pub(super) fn all(&self) -> Vec<Arc<Running>> {
        lock(&self.running).clone()
    }

    async fn step(&self, step: &Step) -> Result<(), StepError> {
        if let Some(login) = &step.login {
            let running = self.start(CommandKind::Login(Flow::Chatgpt), &[], step)?;
            self.log_in(&running, login).await;
            self.until_end(&running, step).await;
        } else if let Some(prompts) = &step.ask {
            let (kind, prompts) = match prompts {
                Prompts::One(prompt) => (CommandKind::Ask, vec![prompt.clone()]),
                Prompts::Many(prompts) => (CommandKind::AskMany, prompts.clone()),
            };
            self.run(kind, &prompts, step).await?;
        } else if step.logout.is_some() {
            self.run(CommandKind::Logout, &[], step).await?;
        } else if step.status.is_some() {
            self.run(CommandKind::Status, &[], step).await?;
        } else if let Some(text) = &step.r#type {
            self.of(step)?
                .program
                .send(text.as_bytes())
                .map_err(|error| StepError::Input(format!("cannot type: {error}")))?;
        } else if let Some(key) = &step.press {
            self.of(step)?
                .program
                .press(key)
                .map_err(|error| StepError::Input(error.to_string()))?;
        } else if let Some(size) = step.resize {
            self.of(step)?
                .program
                .resize(size.columns, size.rows)
                .map_err(|error| StepError::Input(format!("cannot resize: {error}")))?;
        } else if let Some(signal) = &step.signal {
            let running = self.of(step)?;
            running.signalled.store(true, Ordering::Relaxed);
            running
                .program
                .signal(signal)
                .map_err(|error| StepError::Input(error.to_string()))?;
        } else if let Some(wait) = &step.wait {
            self.wait(wait, step).await?;
        } else if let Some(gate) = &step.release {
            self.world.server.gates().open(gate);
        } else if let Some(elsewhere) = &step.elsewhere {
            self.elsewhere(elsewhere)?;
        } else if let Some(branches) = &step.together {
            self.together(branches).await?;
        }
        Ok(())
    }

    async fn together(&self, branches: &[Branch]) -> Result<(), StepError> {
        let mut playing: Vec<_> = branches
            .iter()
            .map(|branch| self.play(branch.steps()))
            .collect();
        let mut failed = Ok(());
        // All branches advance on one task: they only ever wait for events.
        std::future::poll_fn(|context| {
            playing.retain_mut(|branch| match branch.as_mut().poll(context) {
                std::task::Poll::Ready(result) => {
                    if failed.is_ok() {
                        failed = result;
                    }
                    false
                }
                std::task::Poll::Pending => true,
            });
            if playing.is_empty() || failed.is_err() {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
        failed
    }

    async fn run(
        &self,
        kind: CommandKind,
        prompts: &[String],
        step: &Step,
    ) -> Result<(), StepError> {
        let running = self.start(kind, prompts, step)?;
        self.until_end(&running, step).await;
        Ok(())
    }

    fn start(
        &self,
        kind: CommandKind,
        prompts: &[String],
        step: &Step,
    ) -> Result<Arc<Running>, StepError> {
        let world = &self.world;
        let (mut argv, env) = world
            .command(kind, prompts, step.verbose)
            .ok_or_else(|| StepError::Launch(format!("the target has no [{}]", kind.key())))?;
        let mut tty = step
            .tty
            .or_else(|| world.target.command(kind).and_then(|command| command.tty))
            .unwrap_or(Tty::Pty);
        let stdin = match step.stdin.clone().unwrap_or_default() {
            Stdin::Null => StdinKind::Null,
            Stdin::Open => StdinKind::Open,
            Stdin::Text(text) => StdinKind::Text(text.into_bytes()),
        };
        let terminal = &world.scenario.terminal;
        let mut attach = match tty {
            Tty::Pty => Attach::Pty {
                columns: terminal.columns,
                rows: terminal.rows,
            },
            Tty::None => Attach::Pipes { stdin },
            Tty::Script => Attach::Script { stdin },
        };
        if let Some(joined) = &self.joined {
            argv.clone_from(&joined.argv);
            let (columns, rows) = joined.size().unwrap_or((terminal.columns, terminal.rows));
            tty = Tty::Pty;
            attach = Attach::Pty { columns, rows };
        }
        let mut running = lock(&self.running);
        let name = step.name.clone().unwrap_or_else(|| kind.step().to_owned());
        let launch = Launch {
            argv,
            env: world.environment(env, &step.env),
            cwd: world.work.clone(),
            attach,
            // A real terminal answers for itself.
            answers: terminal.answers
                && !self
                    .joined
                    .as_ref()
                    .is_some_and(|joined| joined.interactive),
            mirror: self.joined.is_some(),
            umask: world
                .scenario
                .settings
                .umask
                .as_deref()
                .and_then(|mask| u32::from_str_radix(mask, 8).ok()),
            inside: None,
            supervisor: world.loginproof.clone(),
            report: world
                .dir
                .join(format!("process-{}-{name}.json", running.len() + 1)),
        };
        let since = self.begun.elapsed();
        let program =
            Program::start(launch).map_err(|error| StepError::Launch(error.to_string()))?;
        let started = Arc::new(Running {
            name,
            tty,
            started: since,
            program,
            signalled: AtomicBool::new(false),
        });
        running.push(started.clone());
        if let Some(joined) = &self.joined {
            joined.attach(started.clone());
        }
        Ok(started)
    }

    async fn log_in(&self, running: &Running, login: &Login) {
        if let Err(difference) =
            person::sign_in(&self.world, &running.program, login, self.deadline).await
        {
            lock(&self.notes).push(format!("{}: {difference}", running.name));
        }
    }

    /// Waits for the program's own end, or ends it at the step's or the scenario's bound.
    async fn until_end(&self, running: &Running, step: &Step) {
        let left = self.left();
        let bound = step.bound.map_or(left, |bound| bound.0.min(left));
        if running.program.ended(bound).await.is_none() {
            running.program.end().await;
        }
    }

    async fn wait(&self, wait: &Wait, step: &Step) -> Result<(), StepError> {
        // Waiting in vain must leave time to release what others wait for.
        let patience = self.left() / 2;
        let met = if let Some(gate) = &wait.held {
            let held = self
                .world
                .server
                .gates()
                .held(gate, wait.count.unwrap_or(1));
            tokio::time::timeout(patience, held).await.is_ok()
        } else if let Some(answered) = wait.answered {
            let journal = self.world.server.journal();
            let mut changed = journal.changed();
            tokio::time::timeout(patience, async {
                while journal.answered(answered.to) < answered.count {
                    if changed.changed().await.is_err() {
                        break;
                    }
                }
            })
            .await
            .is_ok()
        } else if let Some(pattern) = &wait.screen {
            let pattern =
                regex::Regex::new(pattern).map_err(|error| StepError::Input(error.to_string()))?;
            let running = self.of(step)?;
            running
                .program
                .wait_for(patience, |view| {
                    (pattern.is_match(&view.screen) || pattern.is_match(&view.transcript))
                        .then_some(())
                })
                .await
                .is_ok()
        } else {
            true
        };
        if !met {
            lock(&self.notes).push(format!("waited in vain for {}", describe(wait)));
        }
        Ok(())
    }

    fn elsewhere(&self, elsewhere: &Elsewhere) -> Result<(), StepError> {
        match elsewhere {
            Elsewhere::RotateAndStore => self
                .world
                .rotate_elsewhere(true)
                .map_err(StepError::Elsewhere),
            Elsewhere::Rotate => self
                .world
                .rotate_elsewhere(false)
                .map_err(StepError::Elsewhere),
            Elsewhere::Expire => {
                self.world.server.authorization().expire_access();
                Ok(())
            }
            Elsewhere::RemoveStore => match &self.world.store {
                Some(store) => std::fs::remove_file(store).map_err(|error| {
                    StepError::Elsewhere(format!("cannot remove {}: {error}", store.display()))
                }),
                None => Err(StepError::Elsewhere(
                    "the target names no credential file".to_owned(),
                )),
            },
        }
    }

    fn of(&self, step: &Step) -> Result<Arc<Running>, StepError> {
        let running = lock(&self.running);
        let found = match &step.of {
            Some(name) => running.iter().rev().find(|running| running.name == *name),
            None => running.last(),
        };
        found.cloned().ok_or_else(|| {
            StepError::NoProgram(step.of.clone().unwrap_or_else(|| "(any)".to_owned()))
        })
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

fn describe(wait: &Wait) -> String {
    if let Some(gate) = &wait.held {
        return format!("{} request(s) held at `{gate}`", wait.count.unwrap_or(1));
    }
    if let Some(answered) = wait.answered {
        return format!(
            "{} answered request(s) to {:?}",
            answered.count, answered.to
        );
    }
    format!(
        "a screen that matches /{}/",
        wait.screen.as_deref().unwrap_or_default()
    )
}

/// A panicking step must not hide what the others saw.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
