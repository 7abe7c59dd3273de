//! The command line. One file per subcommand.

mod bench;
pub mod doctor;
pub mod enter;
mod exec;
mod explain;
pub mod install;
mod lint;
mod list;
mod mutants;
mod namespace;
mod report;
mod run;
pub mod schema;
mod serve;
mod stream;
mod visit;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::report::{ExitStatus, write_stream};
use crate::scenario::{Suite, SuiteError};
use crate::target::Target;
use crate::target::load::cache_folder;
use crate::target::model::Network;
use crate::target::placeholders::Placeholders;

const STATUS: &str = "\
Exit status:
  0  as expected
  1  an unexpected verdict, or a baseline entry that no longer comes true
  2  a mistake on the command line or in a file
  3  the harness or its environment failed
  4  nothing was selected
  5  a secret or a connection got out";

/// Proves that command-line agents sign in, stay signed in, and read their streams correctly.
#[derive(Debug, Parser)]
#[command(name = "loginproof", version, about, after_help = STATUS, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play scenarios against programs and judge them
    Run(run::RunArgs),
    /// Measure how fast programs read a stream, beside the reference client
    Bench(bench::BenchArgs),
    /// Make a table of programs by area from kept runs
    Report(report::ReportArgs),
    /// Prove that the checks can fail: play the suite against the reference client's named defects
    Mutants(mutants::MutantsArgs),
    /// List scenarios
    List(list::ListArgs),
    /// Explain a case: why it matters, what the server does, what must hold, where it was reported
    Explain(explain::ExplainArgs),
    /// Check scenario, fixture and target files without running anything
    Lint(lint::LintArgs),
    /// Print the JSON Schema of a file format
    Schema(SchemaArgs),
    /// Say what works on this machine, and why not
    Doctor(DoctorArgs),
    /// Install a program under test in its pinned version
    Install(InstallArgs),
    /// Start the mock servers of a scenario and show what they see
    Serve(serve::ServeArgs),
    /// Run one command in a scenario's world, on this terminal, with a verdict at the end
    Exec(exec::ExecArgs),
    /// Ask once, and let a program read the stream: `loginproof stream PROMPT -- PROGRAM`
    Stream(stream::StreamArgs),
    /// The reference client: login, ask, logout, status
    #[command(disable_help_flag = true)]
    Client {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        arguments: Vec<OsString>,
    },
}

#[derive(Debug, Args)]
struct SchemaArgs {
    /// Which format
    format: SchemaOf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SchemaOf {
    Scenario,
    Target,
    Run,
}

#[derive(Debug, Args)]
struct DoctorArgs {
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Args)]
struct InstallArgs {
    /// Name of a built-in target, or path of a target file
    target: String,
    /// Install again even if it is there
    #[arg(long)]
    force: bool,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Human,
    /// For programs
    Json,
}

/// Where scenarios and fixtures come from.
#[derive(Debug, Args)]
pub(crate) struct SuiteArgs {
    /// Use the scenarios (and fixtures) in this folder instead of the embedded ones
    #[arg(long, value_name = "DIR")]
    suite: Option<PathBuf>,
}

impl SuiteArgs {
    pub(crate) fn load(&self) -> Result<Suite, SuiteError> {
        match &self.suite {
            Some(dir) => Suite::from_dir(dir),
            None => Suite::embedded(),
        }
    }

    /// The folder, when it is not the embedded suite, as a path.
    pub(crate) fn path(&self) -> Option<&std::path::Path> {
        self.suite.as_deref()
    }

    /// The folder, when it is not the embedded suite.
    pub(crate) fn folder(&self) -> Option<String> {
        self.suite.as_ref().map(|dir| dir.display().to_string())
    }
}

/// One scenario's world for a person: whose, and from which seed.
#[derive(Debug, Args)]
pub(crate) struct WorldArgs {
    /// Whose environment and credential file it has
    #[arg(long, default_value = "reference", value_name = "NAME|FILE")]
    target: String,
    /// How traffic reaches the mocks
    #[arg(long, value_enum, value_name = "WAY")]
    network: Option<Network>,
    /// Seed of tokens, codes and seeded faults
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    suite: SuiteArgs,
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let rest: Vec<OsString> = std::env::args_os().skip(1).collect();
    // Programs of their own within this binary: none needs the harness, and start-up time counts in all.
    match rest.first().and_then(|word| word.to_str()) {
        Some("enter") => return enter::main(rest.into_iter().skip(1)),
        Some("namespace") => return namespace::main(rest.into_iter().skip(1)),
        Some("visit") => return visit::main(rest.into_iter().skip(1)),
        Some("client") => return loginproof_client::cli::main(rest.into_iter().skip(1)),
        _ => {}
    }
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Bench(args) => bench::bench(&args),
        Command::Report(args) => report::report(&args),
        Command::Mutants(args) => mutants::mutants(&args),
        Command::List(args) => list::list(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::Lint(args) => lint::lint(&args),
        Command::Schema(args) => schema(&args),
        Command::Doctor(args) => doctor(&args),
        Command::Install(args) => install(&args),
        Command::Serve(args) => serve::serve(&args),
        Command::Exec(args) => exec::exec(&args),
        Command::Stream(args) => return stream::stream(&args),
        Command::Client { arguments } => {
            return loginproof_client::cli::main(arguments.into_iter());
        }
    };
    match result {
        Ok(status) => status.into(),
        Err(Failure { status, report }) => {
            #[expect(clippy::print_stderr, reason = "this is where errors reach the person")]
            {
                eprintln!("{report:?}");
            }
            status.into()
        }
    }
}

/// Prints a line of the command's own output.
pub(crate) fn say(line: impl std::fmt::Display) -> Result<(), Failure> {
    write_stream(&mut std::io::stdout(), &format!("{line}\n"))
        .map_err(|error| Failure::environment(miette::miette!("cannot print: {error}")))
}

/// Why a command could not do its work.
pub(crate) struct Failure {
    status: ExitStatus,
    report: miette::Report,
}

impl Failure {
    /// The harness or its environment failed.
    pub(crate) fn environment(report: impl Into<miette::Report>) -> Self {
        Self {
            status: ExitStatus::Harness,
            report: report.into(),
        }
    }

    /// Nothing was selected.
    pub(crate) fn nothing(report: impl Into<miette::Report>) -> Self {
        Self {
            status: ExitStatus::NothingSelected,
            report: report.into(),
        }
    }
}

/// Mistakes in what the user wrote or named.
impl<E: Into<miette::Report>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            status: ExitStatus::Usage,
            report: error.into(),
        }
    }
}

pub(crate) type Outcome = Result<ExitStatus, Failure>;

fn schema(args: &SchemaArgs) -> Outcome {
    use crate::report::json::RunDocument;
    let schema = || match args.format {
        SchemaOf::Scenario => schemars::schema_for!(crate::scenario::Scenario),
        SchemaOf::Target => schemars::schema_for!(crate::target::model::TargetFile),
        SchemaOf::Run => RunDocument::schema(),
    };
    schema::print(schema, &mut std::io::stdout())
        .map_err(|error| Failure::environment(miette::miette!("{error}")))?;
    Ok(ExitStatus::AsExpected)
}

fn doctor(args: &DoctorArgs) -> Outcome {
    let loginproof = std::env::current_exe()
        .map_err(|error| Failure::environment(miette::miette!("{error}")))?;
    let mut states = Vec::new();
    for name in Target::built_in() {
        let target = Target::load(&name)?;
        let installed = target
            .info(&loginproof, target.preferred_network())
            .ok()
            .map(|info| info.version);
        states.push(doctor::TargetState {
            install: format!("loginproof install {name}"),
            name,
            installed,
        });
    }
    let diagnosis = doctor::doctor(&cache_folder(), &loginproof, &states);
    diagnosis
        .print(args.format == Format::Json, &mut std::io::stdout())
        .map_err(|error| Failure::environment(miette::miette!("{error}")))?;
    Ok(diagnosis.status())
}

fn install(args: &InstallArgs) -> Outcome {
    let target = Target::load(&args.target)?;
    let (Some(recipe), Some(tools)) = (&target.file.install, &target.tools) else {
        say(format_args!("{} needs no installation", target.file.name))?;
        return Ok(ExitStatus::AsExpected);
    };
    let loginproof = std::env::current_exe()
        .map_err(|error| Failure::environment(miette::miette!("{error}")))?;
    let plan = install::InstallPlan {
        name: target.file.name.clone(),
        run: recipe.run.list(),
        files: (recipe.files.iter())
            .map(|(path, file)| (path.clone(), file.content(&Placeholders::default())))
            .collect(),
        tools: tools.clone(),
        bin: recipe.bin.list().to_vec(),
        version: target.file.version.clone(),
        expect: recipe.pin.clone(),
        placeholders: target.tool_placeholders(&loginproof),
        in_place: recipe.in_place,
        force: args.force,
    };
    let installed =
        install::install(&plan, &mut std::io::stderr()).map_err(Failure::environment)?;
    let how = if installed.already {
        "is installed already"
    } else {
        "is installed"
    };
    say(format_args!(
        "{} {how}: {} ({})",
        target.file.name,
        installed.version,
        installed.program.display()
    ))?;
    Ok(ExitStatus::AsExpected)
}
