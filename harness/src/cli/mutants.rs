//! `loginproof mutants`: which check notices each of the reference client's named defects.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use loginproof_client::defect::Defect;
use serde_json::json;

use super::run::{absolute, fresh_run_folder, ground, no_way, runtime, scenarios, wanted};
use super::{Failure, Format, Outcome, SuiteArgs, say};
use crate::file_error::suggestion;
use crate::mutants::{
    Bench, Breadth, Document, Excuses, Findings, Matrix, Search, Wanting, cites, table,
};
use crate::report::ExitStatus;
use crate::report::text::counted;
use crate::run::ground::choose;
use crate::run::plan::Settings;
use crate::target::Target;
use crate::target::model::Network;

#[derive(Debug, Args)]
pub(crate) struct MutantsArgs {
    /// Names of defects; all when left out, until each is killed and each check has failed
    defect: Vec<String>,
    /// List the defects: what each does, where it was reported, where it shows
    #[arg(long)]
    list: bool,
    /// Play the whole suite against each defect, however long it takes
    #[arg(long)]
    whole: bool,
    /// Only these scenarios: names, folders, case ids, or globs; can be given several times
    #[arg(long, value_name = "SCENARIO")]
    filter: Vec<String>,
    /// Most scenarios at a time [default: 16 for each core; most of a scenario is waiting]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Folder for mutants.json [default: a new one below the user's cache]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Begin nothing more after so many minutes; what is not known by then counts as not proved
    #[arg(long, value_name = "N")]
    minutes: Option<u64>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Seed of tokens, codes and seeded faults
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    suite: SuiteArgs,
}

pub(crate) fn mutants(args: &MutantsArgs) -> Outcome {
    let defects = chosen(&args.defect)?;
    if args.list {
        return list(&defects, args.format);
    }
    let bench = bench(args)?;
    let excuses = Excuses::load(args.suite.path()).map_err(|error| miette::miette!("{error}"))?;
    // Of the checks something can be said when every defect met every scenario that it may show in.
    let of_checks = args.filter.is_empty() && args.defect.is_empty();
    let breadth = if args.whole || !args.filter.is_empty() {
        Breadth::Everything
    } else if args.defect.is_empty() {
        Breadth::Proof
    } else {
        Breadth::Areas
    };
    let search = Search::new(bench.fields(&excuses), defects, breadth, args.seed);
    let findings = runtime()?.block_on(play(&bench, search, args.minutes));
    let matrix = Matrix::new(&findings, |scenario, defect| {
        bench
            .suite
            .get(scenario)
            .is_some_and(|loaded| cites(loaded, defect))
    });
    let wanting = Wanting::new(&matrix, &excuses, of_checks);

    let document = Document::new(&matrix, &wanting, &excuses, of_checks, args.seed);
    let json = serde_json::to_string_pretty(&document)
        .map_err(|error| Failure::environment(miette::miette!("{error}")))?;
    let path = bench.settings.out.join("mutants.json");
    std::fs::write(&path, format!("{json}\n")).map_err(|error| {
        Failure::environment(miette::miette!("cannot write {}: {error}", path.display()))
    })?;
    match args.format {
        Format::Json => say(json)?,
        Format::Human => {
            say(table(&matrix, &wanting, of_checks).trim_end())?;
            say(format_args!("written to {}", path.display()))?;
        }
    }
    Ok(if wanting.is_nothing() {
        ExitStatus::AsExpected
    } else {
        ExitStatus::Unexpected
    })
}

/// The defects of these names.
fn chosen(names: &[String]) -> Result<Vec<Defect>, Failure> {
    if names.is_empty() {
        return Ok(Defect::ALL.to_vec());
    }
    let known = || Defect::ALL.iter().map(|defect| defect.name());
    names
        .iter()
        .map(|name| {
            Defect::named(name).ok_or_else(|| {
                let help = suggestion(name, known()).map_or_else(
                    || "`loginproof mutants --list` shows all defects".to_owned(),
                    |meant| format!("did you mean `{meant}`?"),
                );
                miette::miette!(help = help, "there is no defect `{name}`").into()
            })
        })
        .collect()
}

fn list(defects: &[Defect], format: Format) -> Outcome {
    if format == Format::Json {
        let all: Vec<_> = defects
            .iter()
            .map(|defect| {
                json!({
                    "name": defect.name(), "does": defect.does(), "source": defect.source(), "areas": defect.areas(),
                })
            })
            .collect();
        say(serde_json::to_string_pretty(&all).map_err(|error| miette::miette!("{error}"))?)?;
        return Ok(ExitStatus::AsExpected);
    }
    for defect in defects {
        say(format_args!(
            "{}\n    {}\n    {}; shows in {}",
            defect.name(),
            defect.does(),
            defect.source(),
            defect.areas().join(", ")
        ))?;
    }
    say(counted(defects.len(), "defect"))?;
    Ok(ExitStatus::AsExpected)
}

fn bench(args: &MutantsArgs) -> Result<Bench, Failure> {
    let mut suite = args.suite.load()?;
    let selected: Vec<String> = suite
        .select(&args.filter)
        .iter()
        .map(|loaded| loaded.name.clone())
        .collect();
    if selected.is_empty() {
        return Err(Failure::nothing(miette::miette!(
            "no scenario is selected by {}",
            args.filter.join(" ")
        )));
    }
    suite
        .scenarios
        .retain(|loaded| selected.contains(&loaded.name));
    // What takes minutes is played by hand.
    for loaded in &mut suite.scenarios {
        loaded.variants.retain(|(_, scenario)| !scenario.slow);
    }
    suite.scenarios.retain(|loaded| !loaded.variants.is_empty());
    let loginproof = std::env::current_exe()
        .map_err(|error| Failure::environment(miette::miette!("{error}")))?;
    let target = Target::load("reference")?;
    let selected: Vec<_> = suite.scenarios.iter().collect();
    let ways = wanted(&selected).into_iter().chain([Network::Namespace]);
    let network = choose(&target, None, ways, &loginproof).map_err(no_way)?;
    let out = match &args.out {
        Some(out) => absolute(out)?,
        None => fresh_run_folder()?,
    };
    let jobs = args.jobs.map_or_else(
        || 16 * std::thread::available_parallelism().map_or(1, usize::from),
        usize::from,
    );
    Ok(Bench {
        settings: Settings {
            seed: args.seed,
            jobs,
            within: None,
            out,
            evidence: false,
            fixtures: suite.fixtures.clone(),
            loginproof,
            ground: ground(network.need_ground(), scenarios(&selected))?,
        },
        suite,
        target,
        network,
    })
}

/// Plays the search to its end, and says now and then how far it has come.
async fn play(bench: &Bench, mut search: Search, minutes: Option<u64>) -> Findings {
    const EVERY: usize = 100;
    let mut plays = 0;
    let bound = minutes.map(|minutes| Duration::from_secs(60 * minutes));
    let whole = bench
        .play(&mut search, bound, |search| {
            plays += 1;
            if plays % EVERY == 0 {
                let (killed, failed) = search.progress();
                progress(&format!(
                    "{} played: {} killed, {} failed",
                    counted(plays, "scenario"),
                    counted(killed, "defect"),
                    counted(failed, "check")
                ));
            }
        })
        .await;
    if !whole {
        progress("out of time: not everything was looked for");
    }
    search.into_findings()
}

#[expect(clippy::print_stderr, reason = "progress belongs there")]
fn progress(line: &str) {
    eprintln!("{line}");
}
