//! `loginproof report`: documents made from runs that were kept.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Failure, Outcome, say};
use crate::report::findings::{self, Played};
use crate::report::json::RunDocument;
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
    #[arg(long, value_name = "FILE", required_unless_present = "findings")]
    matrix: Option<PathBuf>,
    /// Write a Markdown page for each program into this folder: what does not hold, how to see it again, what shows it,
    /// and how sure it is
    #[arg(long, value_name = "DIR")]
    findings: Option<PathBuf>,
}

pub(crate) fn report(args: &ReportArgs) -> Outcome {
    let folders = match args.run.as_slice() {
        [] => vec![newest()?],
        given => given.to_vec(),
    };
    let runs = folders
        .iter()
        .map(|run| kept::read(run))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(folder) = &args.findings {
        write_findings(folder, &folders, &runs)?;
    }
    if let Some(file) = &args.matrix {
        write_matrix(file, &runs, &command(args, file))?;
    }
    Ok(ExitStatus::AsExpected)
}

fn write_findings(folder: &Path, folders: &[PathBuf], runs: &[RunDocument]) -> Result<(), Failure> {
    let played: Vec<Played<'_>> = folders
        .iter()
        .zip(runs)
        .map(|(folder, run)| Played {
            folder: kept::folder(folder),
            run,
        })
        .collect();
    for page in findings::pages(&played)? {
        let path = folder.join(&page.file);
        write_whole(&path, &page.text).map_err(|error| unwritable(&path, &error))?;
        say(format_args!(
            "{}: {}",
            path.display(),
            counted(page.findings, "finding")
        ))?;
    }
    Ok(())
}

fn write_matrix(path: &Path, runs: &[RunDocument], command: &str) -> Result<(), Failure> {
    let table = Matrix::of(runs).markdown(command);
    if path.as_os_str() == "-" {
        return say(table.trim_end());
    }
    let file = path.display().to_string();
    let before = match std::fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(miette::miette!("cannot read {file}: {error}").into()),
    };
    let after = matrix::place(&file, before.as_deref(), &table)?;
    write_whole(path, &after).map_err(|error| unwritable(path, &error))?;
    say(format_args!(
        "the table of {} is in {file}",
        counted(runs.len(), "run")
    ))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::environment(miette::miette!(
        help = "give a place that can be written",
        "cannot write {}: {error}",
        path.display()
    ))
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
fn command(args: &ReportArgs, matrix: &Path) -> String {
    let mut words = vec!["loginproof".to_owned(), "report".to_owned()];
    words.push("--matrix".to_owned());
    words.push(matrix.display().to_string());
    words.extend(args.run.iter().map(|run| run.display().to_string()));
    let words: Vec<_> = words.iter().map(|word| shell_word(word)).collect();
    words.join(" ")
}
