//! The filter form: a reader gets the stream as its standard input, without any client around it.

use std::path::Path;
use std::time::{Duration, Instant};

use super::sample::{Problem, Sample, differs, expected, micros};
use super::workload::Served;
use crate::filter_form::Answer;
use crate::run::plan::{Item, Settings};
use crate::run::world::World;
use crate::target::CommandKind;
use crate::terminal::{Attach, Ended, How, Launch, Program, StdinKind};

/// Runs a command with a file on each side, so that nobody has to keep up with it.
const BETWEEN_FILES: &str = r#"exec "$@" <"$0.in" >"$0.out""#;
/// How often the memory of all processes is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// Longer output is no list of these events.
const LONGEST: u64 = 1 << 30;

pub(super) async fn sample(
    item: &Item,
    served: &Served,
    settings: &Settings,
    bound: Duration,
    watch_memory: bool,
) -> Sample {
    measure(item, served, settings, bound, watch_memory)
        .await
        .unwrap_or_else(|why| Sample::spoilt(Problem::Harness(why)))
}

async fn measure(
    item: &Item,
    served: &Served,
    settings: &Settings,
    bound: Duration,
    watch_memory: bool,
) -> Result<Sample, String> {
    let words = |error: &dyn std::fmt::Display| error.to_string();
    let world = World::set_up(item, settings).await.map_err(|e| words(&e))?;
    let (argv, env) = world
        .command(CommandKind::Ask, &[String::new()], false)
        .ok_or("the target has no [ask]")?;
    let reader = argv.iter().skip_while(|word| *word != "--").skip(1);
    let base = world.dir.join("reader");
    let (input, output) = (base.with_extension("in"), base.with_extension("out"));
    std::fs::write(&input, &served.reading.bytes).map_err(|e| words(&e))?;
    let shell = ["sh", "-c", BETWEEN_FILES].map(str::to_owned);
    let place = base.display().to_string();
    let launch = Launch {
        argv: shell
            .into_iter()
            .chain([place])
            .chain(reader.cloned())
            .collect(),
        env: world.environment(env, &std::collections::BTreeMap::new()),
        cwd: world.work.clone(),
        attach: Attach::Pipes {
            stdin: StdinKind::Null,
        },
        answers: false,
        mirror: false,
        umask: None,
        inside: world.network.inside(),
        disk: None,
        supervisor: world.loginproof.clone(),
        report: world.dir.join("process.json"),
    };
    let began = Instant::now();
    let program = Program::start(launch).map_err(|e| words(&e))?;
    let mut peak_of_all = 0;
    let ended = loop {
        let left = bound.saturating_sub(began.elapsed());
        let look = if watch_memory { LOOK.min(left) } else { left };
        if let Some(ended) = program.ended(look).await {
            break Some(ended);
        }
        peak_of_all = peak_of_all.max(program.memory());
        if began.elapsed() >= bound {
            program.end().await;
            break None;
        }
    };
    let problem = match &ended {
        None => {
            let seconds = bound.as_secs();
            Some(Problem::TooSlow(format!(
                "it had not ended after {seconds} s"
            )))
        }
        Some(ended) if ended.how != How::Exit(0) => Some(Problem::Failed(failed(ended, &program))),
        Some(_) => wrong_answer(&output, served).map(Problem::WrongAnswer),
    };
    let usage = ended
        .as_ref()
        .map_or_else(Default::default, |ended| ended.usage);
    let ran = ended.map_or(bound, |ended| ended.ran);
    world.server.stop().await;
    Ok(Sample {
        user_us: usage.user_us,
        system_us: usage.system_us,
        wall_us: micros(ran),
        peak_kib: usage.peak_kib,
        peak_of_all_kib: watch_memory.then_some(peak_of_all / 1024),
        at_once: 1,
        problem,
        ..Sample::default()
    })
}

fn failed(ended: &Ended, program: &Program) -> String {
    let view = program.view();
    let said = String::from_utf8_lossy(view.stderr.as_deref().unwrap_or_default());
    let said = said.trim().lines().last().unwrap_or_default();
    format!(
        "it ended by {:?}: {}",
        ended.how,
        said.chars().take(160).collect::<String>()
    )
}

fn wrong_answer(output: &Path, served: &Served) -> Option<String> {
    let length = std::fs::metadata(output).map_or(0, |data| data.len());
    if length > LONGEST {
        return Some(format!("it wrote {length} bytes"));
    }
    let text = match std::fs::read(output) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => return Some(format!("its output cannot be read: {error}")),
    };
    let mut answer = Answer::default();
    for line in text.lines() {
        if let Err(why) = answer.take(line) {
            return Some(why);
        }
    }
    let (found, wanted) = (answer.text(), expected(&served.reading, "", false));
    let right = wanted.is_empty() || wanted.iter().any(|wanted| wanted.trim() == found.trim());
    (!right).then(|| differs(&found, &wanted))
}
