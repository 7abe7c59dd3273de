//! The events of a run, gathered for reports that speak at its end.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::run::event::{CheckResult, Event, Outcome, TargetInfo};
use crate::verdict::Verdict;

/// What a run has told so far.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Programs under test.
    pub targets: Vec<TargetInfo>,
    /// Scenarios x variants x targets that the plan holds.
    pub planned: usize,
    /// How many more variants the budget leaves out, by target.
    pub left_out: BTreeMap<String, usize>,
    /// Seed of everything random in the run.
    pub seed: u64,
    /// Where evidence is written.
    pub out: PathBuf,
    /// Judged scenarios; by target, scenario and variant once the run is over.
    pub outcomes: Vec<Outcome>,
    /// Wall time; `None` while the run goes on.
    pub duration: Option<Duration>,
}

impl Record {
    /// Takes note of one event. True when the run is over.
    pub fn on(&mut self, event: &Event) -> bool {
        match event {
            Event::Started {
                targets,
                total,
                left_out,
                seed,
                out,
            } => {
                self.left_out.clone_from(left_out);
                self.targets.clone_from(targets);
                self.planned = *total;
                self.seed = *seed;
                self.out.clone_from(out);
            }
            Event::ScenarioStarted(_) => {}
            Event::ScenarioFinished(outcome) => self.outcomes.push((**outcome).clone()),
            Event::Finished { duration } => {
                self.duration = Some(*duration);
                // Side by side, scenarios end in any order; a report reads the same every time.
                self.outcomes.sort_by(|a, b| a.id.cmp(&b.id));
                return true;
            }
        }
        false
    }

    /// All judged checks.
    pub fn results(&self) -> impl Iterator<Item = &CheckResult> {
        self.outcomes.iter().flat_map(|outcome| &outcome.results)
    }

    /// Scenarios x targets, variants of one scenario counted once.
    #[must_use]
    pub fn scenarios(&self) -> usize {
        let distinct: BTreeSet<_> = self
            .outcomes
            .iter()
            .map(|outcome| (&outcome.id.target, &outcome.id.scenario))
            .collect();
        distinct.len()
    }

    /// Planned scenarios that were never judged: the run was cut short.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.planned.saturating_sub(self.outcomes.len())
    }
}

/// How many checks got which verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Counts {
    /// Holds.
    pub pass: usize,
    /// A MUST or MUST-V does not hold.
    pub fail: usize,
    /// A SHOULD does not hold.
    pub nonstrict: usize,
    /// A convention does not hold; reported only.
    pub info: usize,
    /// The target does not claim the capability.
    pub unsupported: usize,
    /// The outcome is right, the process left something behind.
    pub unclean: usize,
    /// The harness could not tell.
    pub error: usize,
}

impl Counts {
    /// Counts the verdicts of these checks.
    pub fn of<'a>(results: impl IntoIterator<Item = &'a CheckResult>) -> Self {
        let mut counts = Self::default();
        for result in results {
            counts.add(result.verdict);
        }
        counts
    }

    /// Counts one more.
    pub fn add(&mut self, verdict: Verdict) {
        *self.slot(verdict) += 1;
    }

    /// Each verdict with its count, in the order in which reports show them.
    #[must_use]
    pub fn each(&self) -> [(Verdict, usize); 7] {
        [
            (Verdict::Pass, self.pass),
            (Verdict::Fail, self.fail),
            (Verdict::Nonstrict, self.nonstrict),
            (Verdict::Info, self.info),
            (Verdict::Unsupported, self.unsupported),
            (Verdict::Unclean, self.unclean),
            (Verdict::Error, self.error),
        ]
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> usize {
        self.each().iter().map(|(_, count)| count).sum()
    }

    /// Both together.
    #[must_use]
    pub fn plus(mut self, other: Self) -> Self {
        for (verdict, count) in other.each() {
            *self.slot(verdict) += count;
        }
        self
    }

    fn slot(&mut self, verdict: Verdict) -> &mut usize {
        match verdict {
            Verdict::Pass => &mut self.pass,
            Verdict::Fail => &mut self.fail,
            Verdict::Nonstrict => &mut self.nonstrict,
            Verdict::Info => &mut self.info,
            Verdict::Unsupported => &mut self.unsupported,
            Verdict::Unclean => &mut self.unclean,
            Verdict::Error => &mut self.error,
        }
    }
}
