//! What runs say of each program: verdicts by scenario, and the evidence of those that do not hold.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::rc::Rc;

use super::Played;
use crate::report::Counts;
use crate::report::json::{CheckEntry, RunDocument, Target};
use crate::run::found::{Found, FoundCheck};
use crate::run::plan::evidence_folder;
use crate::verdict::Verdict;

/// Why a page cannot be written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum FindingsError {
    /// The run says that something does not hold, and nothing is there to show it.
    #[error("cannot read what shows {scenario} of {target}: {}: {source}", folder.display())]
    #[diagnostic(help("play the run again with `--out DIR`, and keep the whole folder"))]
    NoEvidence {
        /// The program.
        target: String,
        /// Its scenario.
        scenario: String,
        /// Where the evidence should be.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// One program in one version, through one way in.
pub(super) struct Program<'a> {
    pub(super) target: &'a Target,
    /// The last run in which it was played.
    pub(super) run: &'a RunDocument,
    /// In how many of the runs.
    pub(super) runs: usize,
    /// Entries of each scenario, as it was played last.
    pub(super) scenarios: BTreeMap<&'a str, Vec<&'a CheckEntry>>,
    /// Checks that do not hold.
    pub(super) instances: Vec<Instance<'a>>,
    /// Checks that did not hold once and do now.
    pub(super) unsteady: BTreeSet<(&'a str, &'a str)>,
}

/// One check that does not hold, in one variant.
pub(super) struct Instance<'a> {
    pub(super) entry: &'a CheckEntry,
    pub(super) found: Rc<Found>,
    /// The same check, with what shows it.
    pub(super) check: FoundCheck,
    pub(super) times: Times,
    /// How the scenario was played: what a command needs besides its name.
    pub(super) arguments: &'a [String],
    /// The baseline's reason, where it expects this.
    pub(super) known: Option<&'a str>,
}

/// How often a check was judged, and how often it got the same verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) judged: usize,
    pub(super) same: usize,
}

type Key<'a> = (&'a str, Option<&'a str>, &'a str);

pub(super) fn programs<'a>(runs: &[Played<'a>]) -> Result<Vec<Program<'a>>, FindingsError> {
    let mut programs: Vec<&'a Target> = Vec::new();
    for target in runs.iter().flat_map(|played| &played.run.targets) {
        if !programs.iter().any(|known| known.is(target)) {
            programs.push(target);
        }
    }
    programs
        .into_iter()
        .map(|target| program(target, runs))
        .collect()
}

fn program<'a>(target: &'a Target, runs: &[Played<'a>]) -> Result<Program<'a>, FindingsError> {
    let mut last: BTreeMap<&'a str, (Played<'a>, Vec<&'a CheckEntry>)> = BTreeMap::new();
    let mut verdicts: BTreeMap<Key<'a>, Vec<Verdict>> = BTreeMap::new();
    let mut its_runs: Vec<Played<'a>> = Vec::new();
    for played in runs {
        if !played.run.targets.iter().any(|known| known.is(target)) {
            continue;
        }
        its_runs.push(*played);
        let mut scenarios: BTreeMap<&str, Vec<&CheckEntry>> = BTreeMap::new();
        for entry in &played.run.results {
            if entry.target == target.name {
                scenarios.entry(&entry.scenario).or_default().push(entry);
                verdicts.entry(key(entry)).or_default().push(entry.verdict);
            }
        }
        last.extend(
            scenarios
                .into_iter()
                .map(|(scenario, entries)| (scenario, (*played, entries))),
        );
    }
    let mut program = Program {
        target,
        run: its_runs[its_runs.len() - 1].run,
        runs: its_runs.len(),
        scenarios: BTreeMap::new(),
        instances: Vec::new(),
        unsteady: BTreeSet::new(),
    };
    for (scenario, (played, entries)) in last {
        let mut read: BTreeMap<Option<&str>, Rc<Found>> = BTreeMap::new();
        for entry in &entries {
            let judged = &verdicts[&key(entry)];
            if !is_broken(entry.verdict) {
                if judged.iter().any(|verdict| is_broken(*verdict)) {
                    program.unsteady.insert((scenario, &entry.check));
                }
                continue;
            }
            let variant = entry.variant.as_deref();
            let found = match read.get(&variant) {
                Some(found) => Rc::clone(found),
                None => {
                    let found = Rc::new(evidence(played, entry)?);
                    read.insert(variant, Rc::clone(&found));
                    found
                }
            };
            let known = played.run.summary.known.iter().find(|known| {
                (&known.target, &known.scenario, &known.variant, &known.check)
                    == (&entry.target, &entry.scenario, &entry.variant, &entry.check)
            });
            program.instances.push(Instance {
                entry,
                check: shown(&found, entry),
                found,
                times: Times {
                    judged: judged.len(),
                    same: judged.iter().filter(|one| **one == entry.verdict).count(),
                },
                arguments: &played.run.summary.arguments,
                known: known.map(|known| known.reason.as_str()),
            });
        }
        program.scenarios.insert(scenario, entries);
    }
    Ok(program)
}

fn key(entry: &CheckEntry) -> Key<'_> {
    (&entry.scenario, entry.variant.as_deref(), &entry.check)
}

/// What a page is written about. What is only reported, and what could not be told, is counted there.
fn is_broken(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Fail | Verdict::Nonstrict | Verdict::Unclean
    )
}

fn evidence(played: Played<'_>, entry: &CheckEntry) -> Result<Found, FindingsError> {
    let folder = played.folder.join(evidence_folder(
        &entry.target,
        &entry.scenario,
        entry.variant.as_deref(),
    ));
    Found::read(&folder).map_err(|source| FindingsError::NoEvidence {
        target: entry.target.clone(),
        scenario: entry.scenario.clone(),
        folder,
        source,
    })
}

fn shown(found: &Found, entry: &CheckEntry) -> FoundCheck {
    let shown = found
        .checks
        .iter()
        .find(|check| check.check == entry.check)
        .cloned();
    shown.unwrap_or_else(|| FoundCheck {
        check: entry.check.clone(),
        seen: entry.because.clone(),
        ..FoundCheck::default()
    })
}

impl Program<'_> {
    /// Its checks by verdict, as they were judged last, each once with the worst of its variants.
    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for entries in self.scenarios.values() {
            let mut worst: BTreeMap<&str, Verdict> = BTreeMap::new();
            for entry in entries {
                let verdict = worst.entry(&entry.check).or_insert(entry.verdict);
                if entry.verdict.weight() > verdict.weight() {
                    *verdict = entry.verdict;
                }
            }
            worst.into_values().for_each(|verdict| counts.add(verdict));
        }
        counts
    }

    /// The variants of a scenario that were played last.
    pub(super) fn variants(&self, scenario: &str) -> BTreeSet<Option<&str>> {
        let entries = self.scenarios.get(scenario);
        entries
            .into_iter()
            .flatten()
            .map(|entry| entry.variant.as_deref())
            .collect()
    }

    /// Whether a check holds here; nothing where it was not judged.
    pub(super) fn holds(&self, scenario: &str, check: &str) -> Option<bool> {
        let entries = self.scenarios.get(scenario)?;
        let judged: Vec<Verdict> = entries
            .iter()
            .filter(|entry| entry.check == check)
            .map(|entry| entry.verdict)
            .filter(|verdict| !matches!(verdict, Verdict::Unsupported | Verdict::Error))
            .collect();
        (!judged.is_empty()).then(|| judged.iter().all(|verdict| *verdict == Verdict::Pass))
    }
}
