//! `loginproof run`: plays scenarios against programs and judges them.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use loginproof_mocks::span::Span;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::{Failure, Format, Outcome, SuiteArgs, say};
use crate::baseline::Baseline;
use crate::report::text::{counted, seconds};
use crate::report::{ExitStatus, Human, Json, Junit, Live, Record, Report, Reports, Rounds, Terms};
use crate::run::event::TargetInfo;
use crate::run::ground::{Ground, WayError, choose};
use crate::run::plan::{Plan, Settings, Variants};
use crate::sandbox::home::Home;
use crate::scenario::model::Scenario;
use crate::scenario::{Loaded, Suite};
use crate::target::Target;
use crate::target::load::cache_folder;
use crate::target::model::Network;

/// Evidence of so many runs is kept below the cache folder.
const KEPT_RUNS: usize = 5;

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Scenarios: names, folders, case ids, or globs; all when left out
    filter: Vec<String>,
    /// Program under test: a built-in target's name, or the path of a target file; can be given several times
    #[arg(long, value_name = "NAME|FILE", default_value = "reference")]
    target: Vec<String>,
    /// How traffic reaches the mocks [default: the first way in the target's file that works on this machine]
    #[arg(long, value_enum, value_name = "WAY")]
    network: Option<Network>,
    /// Most scenarios at a time [default: 16 for each core; most of a scenario is waiting]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Let no scenario begin later than this, such as 15m: what was played until then is judged and kept, and the run
    /// counts as cut short
    #[arg(long, value_name = "TIME")]
    within: Option<Span>,
    /// Folder for run.json and the evidence [default: a new one below the user's cache]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Most variants of each scenario, chosen by the seed; `all` for every one [default: what the target's file says, else all]
    #[arg(long, value_name = "N|all")]
    variants: Option<Variants>,
    /// Also play scenarios that take minutes
    #[arg(long)]
    slow: bool,
    /// Also write the result as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Verdicts known beforehand; an entry that no longer comes true fails the run
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Let nonstrict, info and unclean verdicts fail the run too
    #[arg(long)]
    strict: bool,
    /// Seed of tokens, codes, seeded faults and a shuffled order; a run prints its own [default: 1]
    #[arg(long, default_value_t = 1, hide_default_value = true)]
    seed: u64,
    /// Begin the scenarios in an order that follows from the seed
    #[arg(long)]
    shuffle: bool,
    /// Play so many rounds, each with the next seed in an order of its own, and demand the same verdicts of all
    #[arg(long, value_name = "ROUNDS", conflicts_with_all = ["format", "junit"])]
    repeat: Option<NonZeroUsize>,
    #[command(flatten)]
    suite: SuiteArgs,
}

pub(crate) fn run(args: &RunArgs) -> Outcome {
    let suite = args.suite.load()?;
    let targets: Vec<Arc<Target>> = args
        .target
        .iter()
        .map(|name| Target::load(name).map(Arc::new))
        .collect::<Result<_, _>>()?;
    let baseline = match &args.baseline {
        Some(path) => Baseline::load(path)?,
        None => Baseline::default(),
    };
    let selected = suite.select(&args.filter);
    let loginproof = std::env::current_exe().map_err(environment)?;
    let targets = targets
        .into_iter()
        .map(|target| {
            let ways = choose(&target, args.network, wanted(&selected), &loginproof)?;
            Ok((target, ways))
        })
        .collect::<Result<Vec<_>, WayError>>()
        .map_err(no_way)?;
    let infos: Vec<TargetInfo> = targets
        .iter()
        .map(|(target, ways)| target.info(&loginproof, ways.usual()))
        .collect::<Result<_, _>>()
        .map_err(Failure::environment)?;
    let out = match &args.out {
        Some(out) => absolute(out)?,
        None => fresh_run_folder()?,
    };
    let jobs = args.jobs.map_or_else(
        || 16 * std::thread::available_parallelism().map_or(1, usize::from),
        usize::from,
    );
    let ground = ground(
        targets.iter().any(|(_, ways)| ways.need_ground()),
        scenarios(&selected),
    )?;
    let plan = |seed: u64, out: PathBuf| {
        let settings = Settings {
            // Every round plays the same variants.
            seed: args.seed,
            jobs,
            within: args.within.map(|span| span.0),
            out,
            evidence: true,
            fixtures: suite.fixtures.clone(),
            loginproof: loginproof.clone(),
            ground: ground.clone(),
        };
        let mut plan = Plan::new(
            &suite,
            &selected,
            &targets,
            args.slow,
            args.variants,
            settings,
        );
        plan.settings.seed = seed;
        if args.shuffle || args.repeat.is_some() {
            plan.shuffle();
        }
        plan
    };
    let first = plan(args.seed, out.clone());
    if first.items.is_empty() {
        return Err(nothing_selected(&suite, args));
    }

    let terms = Arc::new(Terms {
        strict: args.strict,
        baseline,
        whole: args.filter.is_empty()
            && args.slow
            && first.left_out.values().all(|&left| left == 0),
    });
    if let Some(count) = args.repeat {
        return repeated(count, args.seed, &out, &terms, &infos, plan);
    }
    let mut json = Json::new(terms.clone())
        .suite(args.suite.folder())
        .arguments(again(args))
        .file(out.join("run.json"));
    for (argument, (target, _)) in args.target.iter().zip(&targets) {
        json = json.target_argument(&target.file.name, argument);
    }
    let mut reports = Reports::new().with(Live::new());
    if args.format == Format::Json {
        json = json.stream(std::io::stdout());
    } else {
        let mut human = Human::new(terms.clone()).arguments(again(args));
        for (argument, (target, _)) in args.target.iter().zip(&targets) {
            human = human.target_argument(&target.file.name, argument);
        }
        reports = reports.with(human);
    }
    reports = reports.with(json);
    if let Some(path) = &args.junit {
        reports = reports.with(Junit::file(path, terms.clone()));
    }
    let record = runtime()?.block_on(played(first, infos, reports))?;
    Ok(terms.judge(&record).status)
}

/// Plays a plan and tells the reports of it.
async fn played(
    plan: Plan,
    targets: Vec<TargetInfo>,
    mut reports: Reports,
) -> Result<Record, Failure> {
    let mut record = Record::default();
    let (events, mut heard) = mpsc::unbounded_channel();
    let playing = tokio::spawn(crate::run::run(plan, targets, events));
    let mut told = Ok(());
    while let Some(event) = heard.recv().await {
        record.on(&event);
        told = told.and(reports.on(&event));
    }
    drop(playing.await);
    told.map_err(|error| Failure::environment(miette::miette!("{error}")))?;
    Ok(record)
}

/// Plays several rounds and compares their verdicts. As expected is only what is so in each of them.
fn repeated(
    count: NonZeroUsize,
    seed: u64,
    out: &Path,
    terms: &Arc<Terms>,
    infos: &[TargetInfo],
    plan: impl Fn(u64, PathBuf) -> Plan,
) -> Outcome {
    let runtime = runtime()?;
    let mut rounds = Rounds::default();
    let mut worst = ExitStatus::AsExpected;
    for (round, seed) in (1..=count.get()).zip(seed..) {
        let out = out.join(format!("round-{round}"));
        let json = Json::new(terms.clone()).file(out.join("run.json"));
        let reports = Reports::new().with(json);
        let record = runtime.block_on(played(plan(seed, out), infos.to_vec(), reports))?;
        let differ = rounds.add(&record);
        let status = terms.judge(&record).status;
        if worst == ExitStatus::AsExpected {
            worst = status;
        }
        say(format_args!(
            "round {round} of {count}, seed {seed}: {} in {}, {}; {}",
            counted(record.results().count(), "check"),
            seconds(record.duration.unwrap_or_default()),
            status.meaning(),
            match differ {
                0 if round == 1 => "the round that others are compared with".to_owned(),
                0 => "the same verdicts".to_owned(),
                differ => format!("{} from round 1", counted(differ, "difference")),
            }
        ))?;
    }
    for difference in rounds.differences() {
        say(difference)?;
    }
    say(format_args!(
        "{} of {}: {}; evidence in {}",
        counted(rounds.count(), "round"),
        counted(rounds.checks(), "check"),
        match rounds.differences().len() {
            0 => "the same verdicts in all".to_owned(),
            differ => counted(differ, "difference"),
        },
        out.display()
    ))?;
    if worst == ExitStatus::AsExpected && !rounds.differences().is_empty() {
        worst = ExitStatus::Unexpected;
    }
    Ok(worst)
}

/// What is said when no scenario fits.
fn nothing_selected(suite: &Suite, args: &RunArgs) -> Failure {
    let names = suite.scenarios.iter().map(|loaded| loaded.name.as_str());
    let help = args
        .filter
        .iter()
        .find_map(|filter| crate::file_error::suggestion(filter, names.clone()))
        .map_or_else(
            || "`loginproof list` shows all scenarios; some are played only with --slow".to_owned(),
            |meant| format!("did you mean `{meant}`?"),
        );
    Failure::nothing(miette::miette!(
        help = help,
        "no scenario is selected by {}",
        args.filter.join(" ")
    ))
}

/// What a command that plays one scenario again needs besides its name.
fn again(args: &RunArgs) -> Vec<String> {
    let mut words = Vec::new();
    if args.seed != 1 {
        words.extend(["--seed".to_owned(), args.seed.to_string()]);
    }
    if let Some(network) = args.network {
        words.extend(["--network".to_owned(), network.to_string()]);
    }
    if let Some(variants) = args.variants {
        words.extend(["--variants".to_owned(), variants.to_string()]);
    }
    if let Some(suite) = &args.suite.suite {
        words.extend(["--suite".to_owned(), suite.display().to_string()]);
    }
    if args.slow {
        words.push("--slow".to_owned());
    }
    words
}

/// The ways that scenarios ask for by name.
pub(super) fn wanted(selected: &[&Loaded]) -> Vec<Network> {
    scenarios(selected)
        .flat_map(|scenario| scenario.network.iter().copied())
        .collect()
}

/// All variants.
pub(super) fn scenarios<'a>(selected: &[&'a Loaded]) -> impl Iterator<Item = &'a Scenario> {
    let variants = selected.iter().flat_map(|loaded| &loaded.variants);
    variants.map(|(_, scenario)| scenario)
}

/// What the ways that were chosen need, and scenarios that speak TLS on any way.
pub(super) fn ground<'a>(
    needed: bool,
    scenarios: impl IntoIterator<Item = &'a Scenario>,
) -> Result<Option<Arc<Ground>>, Failure> {
    let needed = needed
        || scenarios
            .into_iter()
            .any(|scenario| scenario.server.is_http2());
    needed
        .then(Ground::prepare)
        .transpose()
        .map_err(Failure::environment)
}

/// A way that is not listed is a mistake on the command line; one that does not work is the machine's.
pub(super) fn no_way(error: WayError) -> Failure {
    match error {
        WayError::NotListed { .. } => Failure::from(miette::Report::from(error)),
        _ => Failure::environment(error),
    }
}

/// Descriptors for as many scenarios side by side as there may be: each has servers, terminals and namespaces.
const DESCRIPTORS: u64 = 8192;

/// The runtime that servers, programs and checks share.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = limit
        .maximum
        .map_or(DESCRIPTORS, |most| most.min(DESCRIPTORS));
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = Some(wanted);
        // Where it is refused, a run with few jobs still works.
        let _ = setrlimit(Resource::Nofile, limit);
    }
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(environment)
}

/// The folder below the user's cache, made if need be.
pub(super) fn cache() -> Result<PathBuf, Failure> {
    let folder = cache_folder();
    std::fs::create_dir_all(&folder).map_err(|error| {
        Failure::environment(miette::miette!(
            help = "name another folder with --out, or set XDG_CACHE_HOME",
            "cannot make {}: {error}",
            folder.display()
        ))
    })?;
    Ok(folder)
}

/// A new folder for a run; the oldest ones make place.
pub(super) fn fresh_run_folder() -> Result<PathBuf, Failure> {
    Home::sweep(&Home::parent());
    let runs = cache()?.join("runs");
    std::fs::create_dir_all(&runs).map_err(environment)?;
    let mut old: Vec<PathBuf> = std::fs::read_dir(&runs)
        .map_err(environment)?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    old.sort();
    for path in old.iter().take((old.len() + 1).saturating_sub(KEPT_RUNS)) {
        // Another run may be removing the same folder.
        drop(std::fs::remove_dir_all(path));
    }
    let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S").to_string();
    let folder = runs.join(format!("{stamp}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(environment)?;
    Ok(folder)
}

pub(super) fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::fs::create_dir_all(path)
        .and_then(|()| std::fs::canonicalize(path))
        .map_err(|error| {
            miette::miette!(
                help = "give a folder that can be made and written",
                "cannot use --out {}: {error}",
                path.display()
            )
            .into()
        })
}

fn environment(error: std::io::Error) -> Failure {
    Failure::environment(miette::miette!("{error}"))
}
