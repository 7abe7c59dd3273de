//! Findings: for each program a page that its maintainers can act on without knowing this project.
//!
//! A finding is one bug as far as the evidence tells: several checks of a scenario that fail together are one, and so
//! is what every scenario shows alike.

mod gather;
mod group;
mod page;
mod quote;
mod source;
mod sure;

use std::path::{Path, PathBuf};

use super::json::RunDocument;

pub use gather::FindingsError;

/// A run and the folder that holds its evidence.
#[derive(Clone, Copy, Debug)]
pub struct Played<'a> {
    /// The folder of `run.json`.
    pub folder: &'a Path,
    /// What it says.
    pub run: &'a RunDocument,
}

/// One page, as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Name of the file: program, version, way in.
    pub file: PathBuf,
    /// Its text, in Markdown.
    pub text: String,
    /// Findings on it.
    pub findings: usize,
}

/// Makes the page of every program in these runs, in the order in which the programs appear. What was played several
/// times is judged as it was played last; the other times tell whether it is steady.
///
/// # Errors
/// When the evidence of a finding cannot be read.
pub fn pages(runs: &[Played<'_>]) -> Result<Vec<Page>, FindingsError> {
    let programs = gather::programs(runs)?;
    Ok(programs
        .iter()
        .map(|program| {
            let findings = group::group(&program.instances);
            Page {
                file: page::file(program.target),
                text: page::write(program, &findings, &programs),
                findings: findings.len(),
            }
        })
        .collect())
}

#[cfg(test)]
mod tests;
