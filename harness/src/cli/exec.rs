//! `loginproof exec`: one command in a scenario's world, on this terminal, with the verdict at the end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;

use super::{Failure, Outcome, WorldArgs};
use crate::report::{Human, Record, Report, Reports, Terms};
use crate::run::event::Event;
use crate::run::execute::execute;
use crate::run::ground::choose;
use crate::run::joined::{Joined, RawMode};
use crate::run::plan::{Item, Settings};
use crate::target::Target;

#[derive(Debug, Args)]
pub(crate) struct ExecArgs {
    /// The scenario whose world is made, such as refresh/reused
    scenario: String,
    #[command(flatten)]
    world: WorldArgs,
    /// Program and arguments, after `--`; they take the place of the target's own command
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(crate) fn exec(args: &ExecArgs) -> Outcome {
    let suite = args.world.suite.load()?;
    let target = Arc::new(Target::load(&args.world.target)?);
    let (name, scenario) = super::serve::chosen(&suite, Some(&args.scenario))?;
    let loginproof = std::env::current_exe().map_err(environment)?;
    let network = choose(&target, args.world.network, &loginproof).map_err(super::run::no_way)?;
    let info = target.info_if_known(&loginproof, network);
    let settings = Settings {
        seed: args.world.seed,
        jobs: 1,
        within: None,
        out: super::run::fresh_run_folder()?,
        fixtures: suite.fixtures.clone(),
        loginproof,
        ground: super::run::ground([network])?,
    };
    let item = Item {
        target,
        network,
        name,
        variant: None,
        scenario: Arc::new(scenario),
    };
    let joined = Joined::new(args.command.clone());
    let begun = Instant::now();
    let outcome = super::run::runtime()?.block_on(async {
        let _raw = if joined.interactive { RawMode::enter() } else { None };
        tokio::select! {
            outcome = execute(&item, &settings, Some(&joined)) => outcome,
            () = joined.follow_size(), if joined.interactive => unreachable!("sizes are followed until the scenario ends"),
        }
    });
    let terms = Arc::new(Terms::default());
    let mut reports = Reports::new().with(Human::new(terms.clone()));
    let mut record = Record::default();
    let started = Event::Started {
        targets: vec![info],
        total: 1,
        left_out: BTreeMap::new(),
        seed: args.world.seed,
        out: settings.out.clone(),
    };
    for event in [
        started,
        Event::ScenarioFinished(Box::new(outcome)),
        Event::Finished {
            duration: begun.elapsed(),
        },
    ] {
        record.on(&event);
        reports
            .on(&event)
            .map_err(|error| Failure::environment(miette::miette!("{error}")))?;
    }
    Ok(terms.judge(&record).status)
}

fn environment(error: std::io::Error) -> Failure {
    Failure::environment(miette::miette!("{error}"))
}
