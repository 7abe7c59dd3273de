//! `loginproof mutants`: which check notices each of the reference client's named defects.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use loginproof_client::defect::Defect;
use serde_json::json;

use super::run::{absolute, fresh_run_folder, ground, no_way, runtime};
use super::{Failure, Format, Outcome, SuiteArgs, say};
use crate::file_error::suggestion;
use crate::mutants::{Bench, Document, Excuses, Matrix, Observed, table};
use crate::report::ExitStatus;
use crate::report::text::counted;
use crate::run::ground::choose;
use crate::run::plan::Settings;
use crate::target::Target;

/// A defect that so few scenarios noticed is looked at twice: a busy machine can break a check too.
const FEW: usize = 3;

#[derive(Debug, Args)]
pub(crate) struct MutantsArgs {
    /// Names of defects; all when left out
    defect: Vec<String>,
    /// List the defects: what each does, where it was reported, where it shows
    #[arg(long)]
    list: bool,
    /// Play the whole suite against each defect, not only the areas in which it shows, and judge the checks too
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
    let whole = args.whole && args.filter.is_empty() && args.defect.is_empty();
    let observed = runtime()?.block_on(observe(&bench, &defects, args));
    let (control, of_defects) = observed;
    let matrix = Matrix::new(&control, &of_defects);

    let document = Document::new(&matrix, &excuses, whole, args.seed);
    let json = serde_json::to_string_pretty(&document)
        .map_err(|error| Failure::environment(miette::miette!("{error}")))?;
    let path = bench.settings.out.join("mutants.json");
    std::fs::write(&path, format!("{json}\n")).map_err(|error| {
        Failure::environment(miette::miette!("cannot write {}: {error}", path.display()))
    })?;
    match args.format {
        Format::Json => say(json)?,
        Format::Human => {
            say(table(&matrix, &excuses, whole).trim_end())?;
            say(format_args!("written to {}", path.display()))?;
        }
    }
    let survives = matrix.survivors().next().is_some();
    let idle = whole
        && matrix
            .idle(&excuses)
            .iter()
            .any(|(_, excuse)| excuse.is_none());
    Ok(if survives || idle {
        ExitStatus::Unexpected
    } else {
        ExitStatus::AsExpected
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
    let loginproof = std::env::current_exe()
        .map_err(|error| Failure::environment(miette::miette!("{error}")))?;
    let target = Target::load("reference")?;
    let network = choose(&target, None, &loginproof).map_err(no_way)?;
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
            fixtures: suite.fixtures.clone(),
            loginproof,
            ground: ground([network])?,
        },
        suite,
        target,
        network,
    })
}

/// The control and every defect, each where it shows; then once more what only few scenarios noticed.
async fn observe(
    bench: &Bench,
    defects: &[Defect],
    args: &MutantsArgs,
) -> (Observed, BTreeMap<Defect, Observed>) {
    let everywhere = args.whole || !args.filter.is_empty();
    let shows = |defect: Defect, scenario: &str| {
        let area = scenario.split('/').next().unwrap_or_default();
        everywhere || defect.areas().contains(&area)
    };
    let mut done = 0;
    let mut subjects = vec![None];
    subjects.extend(defects.iter().copied().map(Some));
    let mut observed = bench
        .play(
            &subjects,
            |subject, scenario, _| subject.is_none_or(|defect| shows(defect, scenario)),
            |subject, seen| {
                done += 1;
                let name = subject.map_or("without a defect", Defect::name);
                progress(&format!(
                    "{done}/{} {name}: {} of {} not passed",
                    subjects.len(),
                    counted(seen.broken.len(), "check"),
                    seen.judged.len()
                ));
            },
        )
        .await;
    let control = observed.remove(&None).unwrap_or_default();
    let mut of_defects: BTreeMap<Defect, Observed> = observed
        .into_iter()
        .filter_map(|(subject, seen)| Some((subject?, seen)))
        .collect();

    let again: BTreeMap<Defect, Vec<(String, Option<String>)>> = of_defects
        .iter()
        .filter_map(|(defect, seen)| {
            let mut scenarios: Vec<_> = seen
                .broken
                .keys()
                .filter(|place| !control.broken.contains_key(*place))
                .map(|place| (place.scenario.clone(), place.variant.clone()))
                .collect();
            scenarios.dedup();
            (1..=FEW)
                .contains(&scenarios.len())
                .then_some((*defect, scenarios))
        })
        .collect();
    if !again.is_empty() {
        progress(&format!(
            "{} noticed by few: once more",
            counted(again.len(), "defect")
        ));
        let subjects: Vec<Option<Defect>> = again.keys().copied().map(Some).collect();
        let confirmed = bench
            .play(
                &subjects,
                |subject, scenario, variant| {
                    subject
                        .and_then(|defect| again.get(&defect))
                        .is_some_and(|few| {
                            few.iter()
                                .any(|(name, of)| name == scenario && of.as_deref() == variant)
                        })
                },
                |_, _| {},
            )
            .await;
        for (subject, seen) in confirmed {
            if let Some(first) = subject.and_then(|defect| of_defects.get_mut(&defect)) {
                first.confirm(&seen);
            }
        }
    }
    (control, of_defects)
}

#[expect(clippy::print_stderr, reason = "progress belongs there")]
fn progress(line: &str) {
    eprintln!("{line}");
}
