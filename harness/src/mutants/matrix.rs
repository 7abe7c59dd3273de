//! Which check killed which defect.

use std::collections::{BTreeMap, BTreeSet};

use loginproof_client::defect::Defect;

use super::play::{Observed, Place};
use super::unkilled::{Excuse, Excuses};
use crate::check::ALWAYS_ON;
use crate::verdict::{Level, Verdict};

/// A check of a scenario, whatever the variant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CheckName {
    /// Path below `scenarios/`.
    pub scenario: String,
    /// The check's id.
    pub check: String,
}

impl CheckName {
    /// Whether every scenario makes this check.
    #[must_use]
    pub fn is_always_on(&self) -> bool {
        ALWAYS_ON.contains(&self.check.as_str()) || self.check == "no-egress"
    }

    fn area(&self) -> &str {
        self.scenario.split('/').next().unwrap_or_default()
    }
}

/// A check that does not pass with a defect and passes without it.
#[derive(Clone, Debug)]
pub struct Kill {
    /// Which check.
    pub by: CheckName,
    /// In how many of its variants.
    pub variants: usize,
    /// The worst verdict among them.
    pub verdict: Verdict,
    /// How binding the check is.
    pub level: Level,
    /// What was seen, in one of the variants.
    pub because: String,
}

impl Kill {
    /// A convention that does not hold is no kill, but it shows that the check can fail.
    fn counts(&self) -> bool {
        self.verdict != Verdict::Info
    }
}

/// One defect, and what noticed it: the most fitting first.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The defect.
    pub defect: Defect,
    /// Scenarios that were played, variants counted.
    pub played: usize,
    /// Kills.
    pub kills: Vec<Kill>,
}

/// Defects by checks.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    /// By name of the defect.
    pub trials: Vec<Trial>,
    /// Every check that was made, and the defects that it killed.
    pub checks: BTreeMap<CheckName, BTreeSet<Defect>>,
    /// Checks that do not pass without any defect: nothing is counted of them.
    pub unsteady: BTreeMap<Place, Verdict>,
}

impl Matrix {
    /// Puts together what the control and the defects showed.
    #[must_use]
    pub fn new(control: &Observed, defects: &BTreeMap<Defect, Observed>) -> Self {
        let mut checks: BTreeMap<CheckName, BTreeSet<Defect>> = control
            .judged
            .iter()
            .map(|place| (name(place), BTreeSet::new()))
            .collect();
        let mut trials = Vec::new();
        for (defect, observed) in defects {
            let mut kills: BTreeMap<CheckName, Kill> = BTreeMap::new();
            for (place, seen) in &observed.broken {
                let steady = !control.broken.contains_key(place) && control.judged.contains(place);
                let told = !matches!(seen.verdict, Verdict::Error | Verdict::Unsupported);
                if !steady || !told {
                    continue;
                }
                checks.entry(name(place)).or_default().insert(*defect);
                let kill = kills.entry(name(place)).or_insert_with(|| Kill {
                    by: name(place),
                    variants: 0,
                    verdict: seen.verdict,
                    level: seen.level,
                    because: seen.because.clone(),
                });
                kill.variants += 1;
                if seen.verdict.weight() > kill.verdict.weight() {
                    kill.verdict = seen.verdict;
                    kill.because.clone_from(&seen.because);
                }
            }
            trials.push(Trial {
                defect: *defect,
                played: observed.played.len(),
                kills: kills.into_values().collect(),
            });
        }
        for trial in &mut trials {
            let areas = trial.defect.areas();
            trial.kills.sort_by_cached_key(|kill| {
                let area = areas.iter().position(|area| *area == kill.by.area());
                // The check that kills the fewest says most about the one.
                (
                    !kill.counts(),
                    kill.by.is_always_on(),
                    area.unwrap_or(areas.len()),
                    checks[&kill.by].len(),
                    kill.level,
                    kill.by.clone(),
                )
            });
        }
        trials.sort_by_key(|trial| trial.defect.name());
        Self {
            trials,
            checks,
            unsteady: control
                .broken
                .iter()
                .map(|(place, seen)| (place.clone(), seen.verdict))
                .collect(),
        }
    }

    /// Defects that no check noticed.
    pub fn survivors(&self) -> impl Iterator<Item = &Trial> {
        self.trials
            .iter()
            .filter(|trial| !trial.kills.iter().any(Kill::counts))
    }

    /// Checks that kill nothing, with the reason where one is given. Those that are always on count once.
    #[must_use]
    pub fn idle<'a>(&self, excuses: &'a Excuses) -> Vec<(CheckName, Option<&'a Excuse>)> {
        let mut always: BTreeMap<&str, bool> = BTreeMap::new();
        let mut idle = Vec::new();
        for (name, killed) in &self.checks {
            if name.is_always_on() {
                *always.entry(&name.check).or_default() |= !killed.is_empty();
            } else if killed.is_empty() {
                idle.push((name.clone(), excuses.of(&name.scenario, &name.check)));
            }
        }
        let never = always.into_iter().filter(|(_, kills)| !kills);
        idle.extend(never.map(|(check, _)| {
            let name = CheckName {
                scenario: "*".to_owned(),
                check: check.to_owned(),
            };
            (name, excuses.of("*", check))
        }));
        idle
    }
}

fn name(place: &Place) -> CheckName {
    CheckName {
        scenario: place.scenario.clone(),
        check: place.check.clone(),
    }
}
