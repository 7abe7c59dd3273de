//! Starting the program of a step: how it is attached, and where its output goes.

use std::path::PathBuf;
use std::sync::Arc;

use super::running::{Running, lock};
use super::steps::{Stage, StepError};
use crate::sandbox::disk::Disk;
use crate::scenario::model::{self as scenario, Login, Stdin, Step, Tty};
use crate::target::{CommandKind, Flow};
use crate::terminal::{Attach, Launch, Program, StdinKind};

/// Runs a command with its output in the file `$0`, as `CLI >FILE 2>&1 &` does.
const INTO_FILE: &str = r#"exec "$@" >"$0" 2>&1"#;

impl Stage {
    pub(super) fn start(
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
        if self.joined.is_some() {
            tty = Tty::Pty;
        }
        let mut running = lock(&self.running);
        let mut log = None;
        let terminal = &world.scenario.terminal;
        let stdin = stdin(step, tty);
        let mut attach = match tty {
            Tty::Pty => Attach::Pty {
                columns: terminal.columns,
                rows: terminal.rows,
            },
            Tty::None => Attach::Pipes { stdin },
            Tty::Script => Attach::Script { stdin, log: None },
            Tty::ScriptLog => {
                log = Some(self.free("session", running.len()));
                Attach::Script {
                    stdin,
                    log: log.clone(),
                }
            }
            Tty::File => {
                let file = self.free("output", running.len());
                let shell = ["sh", "-c", INTO_FILE].map(str::to_owned);
                let place = file.display().to_string();
                argv = shell.into_iter().chain([place]).chain(argv).collect();
                log = Some(file);
                Attach::Pipes { stdin }
            }
        };
        if let Some(joined) = &self.joined {
            argv.clone_from(&joined.argv);
            let (columns, rows) = joined.size().unwrap_or((terminal.columns, terminal.rows));
            attach = Attach::Pty { columns, rows };
        }
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
            inside: world.network.inside(),
            disk: self.disk(step)?,
            supervisor: world.loginproof.clone(),
            report: world
                .dir
                .join(format!("process-{}-{name}.json", running.len() + 1)),
        };
        let since = self.begun.elapsed();
        let program =
            Program::start(launch).map_err(|error| StepError::Launch(error.to_string()))?;
        let modes = &world.scenario.settings.modes;
        let answer = world
            .target
            .invocation(kind, modes, step.verbose)
            .and_then(|invocation| invocation.command.answer.clone())
            .unwrap_or_default();
        let started = Arc::new(Running::new(name, tty, since, program, log, answer));
        running.push(started.clone());
        if let Some(joined) = &self.joined {
            joined.attach(started.clone());
        }
        Ok(started)
    }

    /// What the disk does with the program's files in this step.
    fn disk(&self, step: &Step) -> Result<Option<Disk>, StepError> {
        let Some(wanted) = step.disk else {
            return Ok(None);
        };
        let store = self.world.file_behind_store().ok_or_else(|| {
            StepError::Launch("the target names no credential file for `disk`".to_owned())
        })?;
        let folder = || store.parent().unwrap_or(&store).to_owned();
        Ok(Some(match wanted {
            scenario::Disk::Full => Disk::Room(0),
            scenario::Disk::NearlyFull => Disk::Room(512),
            scenario::Disk::ReadOnly => Disk::ReadOnly(folder()),
            scenario::Disk::Mounted => Disk::Mounted(store),
        }))
    }

    /// A log in the working folder: `output.log`, and `output-2.log` for the second program.
    fn free(&self, name: &str, running: usize) -> PathBuf {
        self.world.work.join(match running {
            0 => format!("{name}.log"),
            more => format!("{name}-{}.log", more + 1),
        })
    }
}

/// What stands at the program's standard input, where it is no terminal. What the person will type needs a way in.
fn stdin(step: &Step, tty: Tty) -> StdinKind {
    let pasted = |login: &Login| login.flow == Flow::Paste;
    if let Some(request) = &step.translate {
        return StdinKind::Text(request.to_string().into_bytes());
    }
    match &step.stdin {
        Some(Stdin::Null) => StdinKind::Null,
        Some(Stdin::Open) => StdinKind::Open,
        Some(Stdin::Text(text)) => StdinKind::Text(text.clone().into_bytes()),
        None if tty == Tty::File => StdinKind::Null,
        None if tty == Tty::ScriptLog || step.login.as_ref().is_some_and(pasted) => StdinKind::Open,
        None => StdinKind::Null,
    }
}
