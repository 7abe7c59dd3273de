//! `loginproof bench`: how fast programs read a stream, beside the reference client.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::{Failure, Format, Outcome, say};
use crate::bench::contestant::{Contestant, STREAMS};
use crate::bench::document::Document;
use crate::bench::workload::Workload;
use crate::bench::{Plan, bench as measure, chart, table};
use crate::report::{ExitStatus, write_whole};
use crate::run::ground::choose;
use crate::run::plan::Settings;
use crate::target::Target;
use crate::target::model::Network;

/// The target that all others are compared with.
const REFERENCE: &str = "reference";

#[derive(Debug, Args)]
#[command(after_help = "\
The programs take turns with the reference client, unmodified, each turn in a world of its own as in `run`. What counts \
is the CPU time of a program and everything it started, with the cost of starting taken off: other work on the machine \
disturbs it least. Every figure stands with the least and the most of all rounds.")]
pub(crate) struct BenchArgs {
    /// Program to measure: a built-in target's name, or the path of a target file; can be given several times
    #[arg(long, value_name = "NAME|FILE")]
    target: Vec<String>,
    /// How traffic reaches the server [default: the first way in the target's file that works on this machine]
    #[arg(long, value_enum, value_name = "WAY")]
    network: Option<Network>,
    /// What is read: text, mix, tools, big, or a file with a Responses stream (raw, or `.http` with its `.timing`)
    ///
    /// `text` is one message, which every program that answers can show. `mix` and `tools` hold function calls: a
    /// program with tools asks once more. `big` holds few events of a megabyte.
    #[arg(long, value_name = "NAME|FILE", default_value = "text")]
    stream: String,
    /// Streams at once, up to 1000: in one process where the target has `[ask-many]`, else in up to 16 processes
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=STREAMS as i64))]
    streams: u16,
    /// How fast it is sent: `full` as fast as the program takes it, `live` an event each 20 ms, or as recorded
    #[arg(long, value_enum, default_value_t)]
    pace: Pace,
    /// Rounds that count, after one to warm up
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: u16,
    /// The largest single event, up to 16M, to see whether cost stays linear; 0 leaves that out
    #[arg(long, value_name = "SIZE", default_value = "16M", value_parser = size)]
    largest: usize,
    /// Fail when a program costs more than so many times the reference client's CPU time for each event
    #[arg(long, value_name = "X", value_parser = ratio)]
    max_ratio: Option<f64>,
    /// Folder for bench.json and bench.svg [default: a new one below the user's cache]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How fast a stream is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Pace {
    /// As live traffic comes
    Live,
    /// As fast as the program takes it
    #[default]
    Full,
}

/// `64K`, `16M`, or bytes.
fn size(text: &str) -> Result<usize, String> {
    let (digits, unit) = match text.strip_suffix(['K', 'k']) {
        Some(digits) => (digits, 1 << 10),
        None => match text.strip_suffix(['M', 'm']) {
            Some(digits) => (digits, 1 << 20),
            None => (text, 1),
        },
    };
    let bytes = digits
        .parse::<usize>()
        .ok()
        .and_then(|n| n.checked_mul(unit));
    bytes.ok_or_else(|| "give a number of bytes, or one with K or M behind it".to_owned())
}

fn ratio(text: &str) -> Result<f64, String> {
    let ratio = text.parse::<f64>().ok();
    let sound = ratio.filter(|ratio| ratio.is_finite() && *ratio > 0.0);
    sound.ok_or_else(|| "give a number above 0".to_owned())
}

pub(crate) fn bench(args: &BenchArgs) -> Outcome {
    let targets: Vec<Arc<Target>> = (args.target.iter())
        .map(|name| Target::load(name).map(Arc::new))
        .collect::<Result<_, _>>()?;
    let programs: Vec<Arc<Target>> = targets
        .into_iter()
        .filter(|target| target.file.name != REFERENCE)
        .collect();
    if args.max_ratio.is_some() && programs.is_empty() {
        return Err(Failure::from(miette::miette!(
            help = "name a program with --target",
            "--max-ratio compares a program with the reference client, and there is none"
        )));
    }
    let paced = args.pace == Pace::Live;
    let streams = usize::from(args.streams);
    let workload = Workload::named(&args.stream, paced || streams > 1)?;
    let loginproof = std::env::current_exe().map_err(environment)?;
    let contestants = contestants(args, programs, &loginproof)?;
    let out = match &args.out {
        Some(out) => super::run::absolute(out)?,
        None => super::run::fresh_run_folder()?,
    };
    let work = tempfile::tempdir().map_err(environment)?;
    let ground = super::run::ground(
        contestants
            .iter()
            .any(|contestant| contestant.network != Network::Direct),
        [],
    )?;
    let plan = Plan {
        contestants,
        workload,
        paced,
        streams,
        rounds: usize::from(args.rounds),
        largest: args.largest,
        settings: Settings {
            seed: 1,
            jobs: 1,
            out: work.path().to_owned(),
            evidence: false,
            within: None,
            fixtures: Arc::default(),
            loginproof,
            ground,
        },
    };
    let document = super::run::runtime()?.block_on(measure(plan, tell))?;
    let write = |name: &str, text: &str| {
        write_whole(&out.join(name), text)
            .map_err(|error| Failure::environment(miette::miette!("cannot write {name}: {error}")))
    };
    let json = serde_json::to_string_pretty(&document)
        .map_err(|error| Failure::environment(miette::miette!("{error}")))?;
    write("bench.json", &json)?;
    write("bench.svg", &chart::chart(&document))?;
    if args.format == Format::Json {
        say(json)?;
    } else {
        say(table::table(&document))?;
        say(format_args!(
            "bench.json and bench.svg are in {}",
            out.display()
        ))?;
    }
    judge(&document, args)
}

/// The reference client once for each way to the server, then the programs.
fn contestants(
    args: &BenchArgs,
    programs: Vec<Arc<Target>>,
    loginproof: &std::path::Path,
) -> Result<Vec<Contestant>, Failure> {
    let reference = Arc::new(Target::load(REFERENCE)?);
    let usual = |target: &Target| -> Result<Network, Failure> {
        let ways = choose(target, args.network, [], loginproof).map_err(super::run::no_way)?;
        Ok(ways.usual())
    };
    let mut chosen = Vec::new();
    for program in programs {
        let network = usual(&program)?;
        chosen.push((program, network));
    }
    let mut ways: Vec<Network> = chosen.iter().map(|(_, network)| *network).collect();
    if ways.is_empty() {
        ways.push(usual(&reference)?);
    }
    ways.sort_unstable();
    ways.dedup();
    let references = ways.into_iter().map(|way| (reference.clone(), way));
    let all = references.map(|pair| (pair, true));
    let all = all.chain(chosen.into_iter().map(|pair| (pair, false)));
    let (streams, paced) = (usize::from(args.streams), args.pace == Pace::Live);
    all.map(|((target, network), is_reference)| {
        let info = target
            .info(loginproof, network)
            .map_err(Failure::environment)?;
        Ok(Contestant::new(
            target,
            network,
            info,
            is_reference,
            streams,
            paced,
        ))
    })
    .collect()
}

/// What is being done, for a person who waits.
fn tell(what: String) {
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        // Somebody who cannot be told waits all the same.
        drop(crate::report::write_stream(
            &mut stderr,
            &format!("{what}\n"),
        ));
    }
}

fn judge(document: &Document, args: &BenchArgs) -> Outcome {
    let Some(most) = args.max_ratio else {
        return Ok(ExitStatus::AsExpected);
    };
    let above = document.above(most);
    for line in &above {
        let line = format!("above --max-ratio: {line}\n");
        crate::report::write_stream(&mut std::io::stderr(), &line).map_err(environment)?;
    }
    Ok(if above.is_empty() {
        ExitStatus::AsExpected
    } else {
        ExitStatus::Unexpected
    })
}

fn environment(error: std::io::Error) -> Failure {
    Failure::environment(miette::miette!("{error}"))
}
