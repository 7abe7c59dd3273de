//! `loginproof serve`: the mock servers of a scenario, for a person at a desk.

use std::sync::Arc;

use clap::Args;
use loginproof_mocks::journal::Exchange;

use super::{Failure, Outcome, WorldArgs, say};
use crate::report::ExitStatus;
use crate::run::plan::{Item, Settings};
use crate::run::world::World;
use crate::scenario::Suite;
use crate::scenario::model::Scenario;
use crate::target::Target;
use crate::target::model::Network;

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// A scenario such as refresh/reused; the well-behaved server when left out
    scenario: Option<String>,
    #[command(flatten)]
    world: WorldArgs,
}

/// What the well-behaved server needs of a scenario.
const WELL_BEHAVED: &str = "
case: '0.0'
title: The well-behaved server
level: convention
needs: []
because: Somebody wants to look at it.
sources: [loginproof serve]
steps: [{ ask: Hello. }]
checks: { ends: { exit: any } }
";

pub(crate) fn serve(args: &ServeArgs) -> Outcome {
    let suite = args.world.suite.load()?;
    let target = Arc::new(Target::load(&args.world.target)?);
    let (name, scenario) = chosen(&suite, args.scenario.as_deref())?;
    let folder = tempfile::Builder::new()
        .prefix("serve-")
        .tempdir_in(super::run::cache()?)
        .map_err(environment)?;
    let network = match args.world.network {
        Some(Network::Namespace) => {
            return Err(miette::miette!(
                help = "`--network proxy` leads a program of yours to the servers; `loginproof exec SCENARIO --network namespace -- COMMAND` runs a command in the namespace",
                "a program that is started elsewhere cannot enter a namespace"
            )
            .into());
        }
        network => network.unwrap_or(Network::Direct),
    };
    let settings = Settings {
        seed: args.world.seed,
        jobs: 1,
        within: None,
        out: folder.path().to_owned(),
        fixtures: suite.fixtures.clone(),
        loginproof: std::env::current_exe().map_err(environment)?,
        ground: super::run::ground([network])?,
    };
    let item = Item {
        target,
        network,
        name: name.clone(),
        variant: None,
        scenario: Arc::new(scenario),
    };
    let runtime = super::run::runtime()?;
    runtime.block_on(async {
        let world = World::set_up(&item, &settings)
            .await
            .map_err(|error| Failure::environment(miette::miette!("{error}")))?;
        let origin = world.server.origin().to_owned();
        say(format_args!("{name}: {}", item.scenario.title))?;
        say(format_args!("  issuer              {origin}"))?;
        say(format_args!("  approve sign-ins at {origin}/codex/device"))?;
        say(format_args!("  ChatGPT base        {origin}/backend-api"))?;
        say(format_args!(
            "  Responses base      {origin}/backend-api/codex"
        ))?;
        if let Some(store) = world.store.as_ref().filter(|_| world.seeded.is_some()) {
            say(format_args!("  credential file     {}", store.display()))?;
        }
        say(format_args!("\nPaste this where your program is started:"))?;
        for line in world.lines_to_paste() {
            say(format_args!("  {line}"))?;
        }
        say(format_args!(
            "\nRequests as they are answered (Ctrl+C ends):"
        ))?;
        journal(&world).await?;
        world.server.stop().await;
        say(format_args!("\nended"))?;
        Ok(ExitStatus::AsExpected)
    })
}

/// The named scenario in its first variant, or the well-behaved server.
pub(super) fn chosen(suite: &Suite, name: Option<&str>) -> Result<(String, Scenario), Failure> {
    let Some(name) = name else {
        let scenario =
            serde_saphyr::from_str(WELL_BEHAVED).map_err(|error| miette::miette!("{error}"))?;
        return Ok(("well-behaved".to_owned(), scenario));
    };
    let selected = suite.select(&[name.to_owned()]);
    match selected.as_slice() {
        [only] => Ok((only.name.clone(), only.first().clone())),
        [] => {
            let help = suite.advice(name);
            Err(Failure::nothing(miette::miette!(
                help = help,
                "no scenario is called `{name}`"
            )))
        }
        several => {
            let names: Vec<&str> = several.iter().map(|loaded| loaded.name.as_str()).collect();
            Err(miette::miette!(
                help = "name one of them",
                "`{name}` stands for {} scenarios: {}",
                names.len(),
                names.join(", ")
            )
            .into())
        }
    }
}

async fn journal(world: &World) -> Result<(), Failure> {
    let mut changed = world.server.journal().changed();
    let mut shown = std::collections::HashSet::new();
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    loop {
        for exchange in world.server.journal().snapshot() {
            if exchange.answer.is_some() && shown.insert(exchange.id) {
                say(format_args!("{}", line(&exchange)))?;
            }
        }
        tokio::select! {
            _ = &mut interrupted => return Ok(()),
            more = changed.changed() => if more.is_err() { return Ok(()) },
        }
    }
}

fn line(exchange: &Exchange) -> String {
    let request = &exchange.request;
    let status = exchange.answer.as_ref().map_or(0, |answer| answer.status);
    let rule = exchange
        .answer
        .as_ref()
        .and_then(|answer| answer.rule.as_deref())
        .map(|rule| format!("  {rule}"))
        .unwrap_or_default();
    let surprise = if exchange.expected {
        ""
    } else {
        "  (nobody expected this)"
    };
    format!(
        "{:>9.3}s  {status}  {} {}{rule}{surprise}",
        request.arrived.as_secs_f64(),
        request.method,
        request.target
    )
}

fn environment(error: std::io::Error) -> Failure {
    Failure::environment(miette::miette!("{error}"))
}
