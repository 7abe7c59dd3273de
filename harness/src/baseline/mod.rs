//! Verdicts known beforehand: `known.toml`, kept in the repository of the program under test.
//!
//! An expected verdict does not fail a run. An entry that no longer comes true does, so that the file never
//! promises less than the program keeps.

mod entry;
mod version;

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use miette::{Diagnostic, NamedSource, SourceSpan};
use thiserror::Error;

use crate::run::event::{Outcome, ScenarioRef, TargetInfo};
use crate::verdict::Verdict;

use entry::{Entry, Place};

/// A loaded `known.toml`.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    name: String,
    entries: Vec<Entry>,
}

/// Why a baseline could not be loaded.
#[derive(Debug, Error, Diagnostic)]
pub enum BaselineError {
    /// The file could not be read.
    #[error("cannot read the baseline {}: {source}", path.display())]
    #[diagnostic(help("name an existing file, or leave the baseline out"))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not a baseline.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Invalid(#[from] Box<InvalidBaseline>),
}

/// What is wrong in a baseline, and where.
#[derive(Debug, Error, Diagnostic)]
#[error("{message}")]
pub struct InvalidBaseline {
    message: String,
    #[source_code]
    text: NamedSource<String>,
    #[label("here")]
    at: SourceSpan,
    #[help]
    help: Option<String>,
}

/// A baseline held against a run.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Failing checks that were expected, in the run's order.
    pub known: Vec<Known>,
    /// Entries that did not come true, in the file's order.
    pub stale: Vec<Stale>,
    index: HashMap<(ScenarioRef, String), usize>,
}

/// A failing check that was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Where it failed.
    pub id: ScenarioRef,
    /// The check.
    pub check: String,
    /// The verdict, as expected.
    pub verdict: Verdict,
    /// Why it is expected.
    pub reason: String,
    /// Where it is being dealt with.
    pub link: Option<String>,
}

/// An entry that did not come true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// File and line, `known.toml:12`.
    pub place: String,
    /// What was expected and what came instead.
    pub message: String,
}

impl Baseline {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, is not TOML, or holds an entry that says too little, too much or nonsense.
    pub fn load(path: &Path) -> Result<Self, BaselineError> {
        let text = std::fs::read_to_string(path).map_err(|source| BaselineError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// Reads text; `name` stands for the file in messages.
    ///
    /// # Errors
    /// As [`Baseline::load`], apart from reading.
    pub fn parse(name: &str, text: &str) -> Result<Self, BaselineError> {
        match entry::entries(text) {
            Ok(entries) => Ok(Self {
                name: name.to_owned(),
                entries,
            }),
            Err(problem) => Err(BaselineError::Invalid(Box::new(InvalidBaseline {
                message: problem.message,
                text: NamedSource::new(name, text.to_owned()).with_language("TOML"),
                at: span(problem.at, text),
                help: problem.help,
            }))),
        }
    }

    /// Holds the baseline against a run. With `whole`, nothing was left out of the run by filters, so that an
    /// entry whose scenario never ran is stale.
    #[must_use]
    pub fn compare(&self, targets: &[TargetInfo], outcomes: &[Outcome], whole: bool) -> Comparison {
        let mut comparison = Comparison::default();
        let mut came: Vec<Seen> = self.entries.iter().map(|_| Seen::default()).collect();
        for outcome in outcomes {
            let version = targets
                .iter()
                .find(|target| target.name == outcome.id.target)
                .map_or("", |target| target.version.as_str());
            let entries = self.entries.iter().zip(&mut came);
            for (entry, seen) in
                entries.filter(|(entry, _)| entry.concerns(&outcome.id, &outcome.case, version))
            {
                seen.scenario = true;
                let Some(result) = outcome
                    .results
                    .iter()
                    .find(|result| result.check == entry.check)
                else {
                    continue;
                };
                seen.verdicts.push(result.verdict);
                if result.verdict == entry.verdict {
                    comparison.add(Known {
                        id: outcome.id.clone(),
                        check: entry.check.clone(),
                        verdict: entry.verdict,
                        reason: entry.reason.clone(),
                        link: entry.link.clone(),
                    });
                }
            }
        }
        for (entry, seen) in self.entries.iter().zip(came) {
            // An entry for a program or a version that is not under test has nothing to come true about.
            let reachable = whole
                && targets
                    .iter()
                    .any(|target| entry.meets(&target.name, &target.version));
            if let Some(message) = seen.stale(entry, reachable) {
                comparison.stale.push(Stale {
                    place: format!("{}:{}", self.name, entry.line),
                    message,
                });
            }
        }
        comparison
    }
}

impl Comparison {
    /// Whether this check's verdict was expected.
    #[must_use]
    pub fn expects(&self, id: &ScenarioRef, check: &str) -> bool {
        self.known(id, check).is_some()
    }

    /// What the baseline says about this check, if its verdict was expected.
    #[must_use]
    pub fn known(&self, id: &ScenarioRef, check: &str) -> Option<&Known> {
        self.index
            .get(&(id.clone(), check.to_owned()))
            .map(|&at| &self.known[at])
    }

    fn add(&mut self, known: Known) {
        let key = (known.id.clone(), known.check.clone());
        if !self.index.contains_key(&key) {
            self.index.insert(key, self.known.len());
            self.known.push(known);
        }
    }
}

/// What a run showed of one entry.
#[derive(Default)]
struct Seen {
    scenario: bool,
    verdicts: Vec<Verdict>,
}

impl Seen {
    fn stale(&self, entry: &Entry, reachable: bool) -> Option<String> {
        let expected = format!("expects `{}` of {}", entry.verdict, entry.describe());
        if self.verdicts.contains(&entry.verdict) {
            return None;
        }
        // Where the harness could not tell, nobody knows whether the entry still holds; the error itself
        // decides how the run ends.
        if self.verdicts.contains(&Verdict::Error) {
            return None;
        }
        if let Some(verdict) = self.verdicts.first() {
            let advice = match verdict {
                Verdict::Pass => "it passes now: remove the entry",
                Verdict::Unsupported => {
                    "the target does not claim the capability: remove the entry"
                }
                _ => return Some(format!("{expected}, but it is `{verdict}` now")),
            };
            return Some(format!("{expected}, but {advice}"));
        }
        if self.scenario {
            return Some(format!(
                "{expected}, but the scenario has no check of that name"
            ));
        }
        reachable.then(|| {
            format!(
                "{expected}, but no such scenario ran: {}",
                match entry.place {
                    Place::Case(_) => "is the case id right?",
                    Place::Scenario(_) => "is the name right?",
                }
            )
        })
    }
}

/// A byte range as miette has it, inside the text whatever the parser said.
fn span(range: Range<usize>, text: &str) -> SourceSpan {
    let start = range.start.min(text.len());
    let end = range.end.clamp(start, text.len());
    SourceSpan::new(start.into(), end - start)
}

#[cfg(test)]
mod tests;
