//! `loginproof report`: documents made from runs that were kept.

use std::io::ErrorKind;
use std::path::PathBuf;

use clap::Args;

use super::{Failure, Outcome, say};
use crate::report::text::{counted, shell_word};
use crate::report::{ExitStatus, Matrix, kept, matrix, write_whole};
use crate::target::load::cache_folder;

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Runs: folders that `run --out` has written, or their run.json; of one program played in several, the last
    /// counts, scenario by scenario [default: the newest run below the user's cache]
    run: Vec<PathBuf>,
    /// Write a table of programs by area into this Markdown file, between `<!-- matrix -->` and `<!-- /matrix -->`;
    /// `-` prints it
    #[arg(long, value_name = "FILE", required = true)]
    matrix: PathBuf,
}

pub(crate) fn report(args: &ReportArgs) -> Outcome {
    let runs = match args.run.as_slice() {
        [] => vec![newest()?],
        given => given.to_vec(),
    };
    let runs = runs
        .iter()
        .map(|run| kept::read(run))
        .collect::<Result<Vec<_>, _>>()?;
    let table = Matrix::of(&runs).markdown(&command(args));
    if args.matrix.as_os_str() == "-" {
        say(table.trim_end())?;
        return Ok(ExitStatus::AsExpected);
    }
    let file = args.matrix.display().to_string();
    let before = match std::fs::read_to_string(&args.matrix) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(miette::miette!("cannot read {file}: {error}").into()),
    };
    let after = matrix::place(&file, before.as_deref(), &table)?;
    write_whole(&args.matrix, &after)
        .map_err(|error| Failure::environment(miette::miette!("cannot write {file}: {error}")))?;
    say(format_args!(
        "the table of {} is in {file}",
        counted(runs.len(), "run")
    ))?;
    Ok(ExitStatus::AsExpected)
}

fn newest() -> Result<PathBuf, Failure> {
    let runs = cache_folder().join("runs");
    kept::newest(&runs).ok_or_else(|| {
        miette::miette!(
            help = "play one with `loginproof run`, or name the folder of one",
            "there is no run in {}",
            runs.display()
        )
        .into()
    })
}

/// The command that makes the table again.
fn command(args: &ReportArgs) -> String {
    let mut words = vec!["loginproof".to_owned(), "report".to_owned()];
    words.push("--matrix".to_owned());
    words.push(args.matrix.display().to_string());
    words.extend(args.run.iter().map(|run| run.display().to_string()));
    let words: Vec<_> = words.iter().map(|word| shell_word(word)).collect();
    words.join(" ")
}
