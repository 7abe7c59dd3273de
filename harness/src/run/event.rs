//! What a run tells: a linear stream of events. The runner emits, reports listen.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::verdict::{Level, Verdict};

/// One event of a run, in the order in which things became known.
#[derive(Clone, Debug)]
pub enum Event {
    /// The plan stands.
    Started {
        /// Programs under test.
        targets: Vec<TargetInfo>,
        /// Scenarios x variants x targets that will be played.
        total: usize,
        /// How many more variants there are that the budget leaves out, by target.
        left_out: BTreeMap<String, usize>,
        /// Seed of everything random in this run.
        seed: u64,
        /// Where evidence is written.
        out: PathBuf,
    },
    /// A scenario begins.
    ScenarioStarted(ScenarioRef),
    /// A scenario has ended and is judged.
    ScenarioFinished(Box<Outcome>),
    /// Nothing more will come.
    Finished {
        /// Wall time of the run.
        duration: Duration,
    },
}

/// A program under test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TargetInfo {
    /// Name of its target file.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// What it says of its version, first line.
    pub version: String,
    /// How its traffic reaches the mocks: `direct`, `proxy` or `namespace`.
    pub network: String,
}

/// One scenario against one target, in one variant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ScenarioRef {
    /// The target's name.
    pub target: String,
    /// Path below `scenarios/` without the ending: `refresh/reused`.
    pub scenario: String,
    /// Which variant of its matrix, `status=401,shape=nested`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl ScenarioRef {
    /// The folder of the scenario file: `refresh`.
    #[must_use]
    pub fn area(&self) -> &str {
        self.scenario.split('/').next().unwrap_or_default()
    }
}

/// A judged scenario.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Which one.
    pub id: ScenarioRef,
    /// Case id in the catalogue.
    pub case: String,
    /// The scenario's title.
    pub title: String,
    /// The scenario's `because`.
    pub because: String,
    /// The scenario's sources.
    pub sources: Vec<String>,
    /// One entry per check, the always-on ones included.
    pub results: Vec<CheckResult>,
    /// From the first action of the harness to the last.
    pub duration: Duration,
    /// How long programs under test were running (side by side counted once).
    pub program: Duration,
    /// Folder with the evidence.
    pub evidence: PathBuf,
}

impl Outcome {
    /// The worst verdict of all checks.
    #[must_use]
    pub fn worst(&self) -> Verdict {
        self.results
            .iter()
            .map(|result| result.verdict)
            .max_by_key(|verdict| verdict.weight())
            .unwrap_or(Verdict::Error)
    }
}

/// One judged check.
#[derive(Clone, Debug)]
pub struct CheckResult {
    /// Its id.
    pub check: String,
    /// How binding.
    pub level: Level,
    /// The verdict.
    pub verdict: Verdict,
    /// One line: what was seen, measured values included.
    pub because: String,
    /// What had to hold, one line; empty where the id says it.
    pub expected: String,
    /// Excerpts that show it: for failures only.
    pub excerpts: Vec<Excerpt>,
    /// A secret or a connection got out: exit status 5.
    pub got_out: bool,
    /// Time spent judging.
    pub duration: Duration,
}

/// A piece of evidence to show beside a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// `wire`, `screen`, `file` or `process`.
    pub witness: &'static str,
    /// Some lines of text, secrets shortened.
    pub text: String,
}
