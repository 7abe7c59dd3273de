//! Steps: what the person, the terminal and the rest of the world do, in order or side by side.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use regex::Regex;
use tokio::time::Instant;

use super::evidence::ProgramRecord;
use super::joined::Joined;
use super::keys::{self, Stroke};
use super::person;
use super::running::{Running, lock};
use super::world::World;
use crate::scenario::model::{Branch, Elsewhere, Prompts, Step, Wait};
use crate::target::CommandKind;

/// How long a program may take to end after the signal at its bound.
const OBEYING: Duration = Duration::from_secs(5);

/// What a person types to get a full-screen program through a command.
#[derive(Default)]
struct Hands {
    strokes: Vec<Stroke>,
    done: Option<Regex>,
    quit: Vec<String>,
}

/// Plays the steps of one scenario.
pub(super) struct Stage {
    pub(super) world: Arc<World>,
    pub(super) joined: Option<Arc<Joined>>,
    pub(super) begun: Instant,
    deadline: Instant,
    pub(super) running: Mutex<Vec<Arc<Running>>>,
    notes: Mutex<Vec<String>>,
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
            records.push(running.record().await);
        }
        (records, self.notes().clone())
    }

    /// Programs in the order in which they were started.
    pub(super) fn all(&self) -> Vec<Arc<Running>> {
        lock(&self.running).clone()
    }

    async fn step(&self, step: &Step) -> Result<(), StepError> {
        if let Some(login) = &step.login {
            self.run(CommandKind::Login(login.flow), &[], step).await?;
        } else if let Some(prompts) = &step.ask {
            let (kind, prompts) = match prompts {
                Prompts::One(prompt) => (CommandKind::Ask, vec![prompt.clone()]),
                Prompts::Many(prompts) => (CommandKind::AskMany, prompts.clone()),
                Prompts::Repeated(repeated) => (
                    CommandKind::AskMany,
                    vec![repeated.prompt.clone(); repeated.times],
                ),
            };
            self.run(kind, &prompts, step).await?;
        } else if step.logout.is_some() {
            self.run(CommandKind::Logout, &[], step).await?;
        } else if step.status.is_some() {
            self.run(CommandKind::Status, &[], step).await?;
        } else if step.models.is_some() {
            self.run(CommandKind::Models, &[], step).await?;
        } else if step.accounts.is_some() {
            self.run(CommandKind::Accounts, &[], step).await?;
        } else if step.translate.is_some() {
            self.run(CommandKind::Translate, &[], step).await?;
        } else if let Some(text) = &step.r#type {
            self.of(step)?
                .type_in(text)
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
            let crash = ["QUIT", "ABRT", "SEGV"].contains(&signal.trim_start_matches("SIG"));
            running.made_to_crash.fetch_or(crash, Ordering::Relaxed);
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
        self.attend(&running, kind, step).await;
        self.until_end(&running, step).await;
        Ok(())
    }

    /// The person types what a full-screen program needs, signs in where that is asked for, and ends a program that
    /// never does so by itself.
    async fn attend(&self, running: &Running, kind: CommandKind, step: &Step) {
        let hands = self.hands(kind);
        let typing = async {
            if let Err(error) = keys::drive(&running.program, &hands.strokes, self.left()).await {
                self.note(running, &error.to_string());
            }
        };
        let signing_in = async {
            if let Some(login) = &step.login
                && let Err(difference) =
                    person::sign_in(&self.world, running, login, self.deadline).await
            {
                self.note(running, &difference);
            }
        };
        tokio::join!(typing, signing_in);
        if let Some(done) = &hands.done
            && keys::quit(&running.program, done, &hands.quit, self.left()).await
        {
            running.asked_to_end.store(true, Ordering::Relaxed);
        }
    }

    /// What there is to type for a command, unless somebody sits at the terminal.
    fn hands(&self, kind: CommandKind) -> Hands {
        let regex = |pattern: &String| Regex::new(pattern).ok();
        let modes = &self.world.scenario.settings.modes;
        let invocation = self.world.target.invocation(kind, modes, false);
        let command = invocation.map(|invocation| invocation.command);
        let Some(command) = command.filter(|_| self.joined.is_none()) else {
            return Hands::default();
        };
        let strokes = command.keys.iter().map(|key| Stroke {
            after: key.after.as_ref().and_then(regex),
            text: key.text.as_ref().map(|text| self.world.fill(text)),
            press: key.press.clone(),
        });
        Hands {
            strokes: strokes.collect(),
            done: command.done.as_ref().and_then(regex),
            quit: command.quit.clone(),
        }
    }

    /// Waits for the program's own end, or ends it at the step's or the scenario's bound.
    async fn until_end(&self, running: &Running, step: &Step) {
        let left = self.left();
        let bound = step.bound.map_or(left, |bound| bound.0.min(left));
        if running.program.ended(bound).await.is_some() {
            return;
        }
        running.time_out();
        if let Some(signal) = &step.at_bound {
            running.signalled.store(true, Ordering::Relaxed);
            // It may have ended in this moment.
            if running.program.signal(signal).is_ok() {
                running.program.ended(OBEYING).await;
            }
        }
        running.program.end().await;
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
                Regex::new(pattern).map_err(|error| StepError::Input(error.to_string()))?;
            let running = self.of(step)?;
            running
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
            self.notes()
                .push(format!("waited in vain for {}", describe(wait)));
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

    fn note(&self, running: &Running, difference: &str) {
        self.notes().push(format!("{}: {difference}", running.name));
    }

    fn notes(&self) -> MutexGuard<'_, Vec<String>> {
        lock(&self.notes)
    }

    pub(super) fn left(&self) -> Duration {
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
