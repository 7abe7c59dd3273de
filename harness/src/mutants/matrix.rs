//! Which check killed which defect.

use std::collections::{BTreeMap, BTreeSet};

use loginproof_client::defect::Defect;

use super::observed::{Place, Seen};
use super::search::Findings;
use crate::check::ALWAYS_ON;
use crate::verdict::{Level, Verdict};

/// A check of a scenario, whatever the variant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CheckName {
    /// Path below `scenarios/`; `*` where every scenario is meant.
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
    /// Whether it was seen a second time, without the defect's name. Only then it counts.
    pub confirmed: bool,
    /// Whether the scenario cites the report that the defect is taken from.
    pub cited: bool,
    /// The worst verdict among them.
    pub verdict: Verdict,
    /// How binding the check is.
    pub level: Level,
    /// What was seen, in one of the variants.
    pub because: String,
}

impl Kill {
    fn new(by: CheckName, cited: bool, seen: &Seen) -> Self {
        Self {
            by,
            variants: 0,
            confirmed: false,
            cited,
            verdict: seen.verdict,
            level: seen.level,
            because: seen.because.clone(),
        }
    }

    fn add(&mut self, seen: &Seen) {
        self.variants += 1;
        self.confirmed |= seen.confirmed;
        if seen.verdict.weight() > self.verdict.weight() {
            self.verdict = seen.verdict;
            self.because.clone_from(&seen.because);
        }
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

impl Trial {
    /// Whether a check noticed it.
    #[must_use]
    pub fn is_killed(&self) -> bool {
        self.kills.iter().any(|kill| kill.confirmed)
    }

    /// Whether a check noticed it in a scenario whose text is about it: one that cites the same report.
    #[must_use]
    pub fn is_described(&self) -> bool {
        self.kills.iter().any(|kill| kill.confirmed && kill.cited)
    }
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
    /// What rests on a defect's name rather than on what it does, in words.
    pub names: Vec<String>,
    /// How many scenarios were played in all, variants counted.
    pub played: usize,
}

impl Matrix {
    /// Puts together what was found. `cites` tells whether a scenario cites a defect's report.
    #[must_use]
    pub fn new(findings: &Findings, cites: impl Fn(&str, Defect) -> bool) -> Self {
        let control = &findings.control;
        let mut checks: BTreeMap<CheckName, BTreeSet<Defect>> = control
            .judged
            .iter()
            .map(|place| (name(place), BTreeSet::new()))
            .collect();
        let mut trials = Vec::new();
        for (defect, observed) in &findings.defects {
            let mut kills: BTreeMap<CheckName, Kill> = BTreeMap::new();
            for (place, seen) in &observed.broken {
                if control.broken.contains_key(place) || !control.judged.contains(place) {
                    continue;
                }
                if seen.confirmed {
                    checks.entry(name(place)).or_default().insert(*defect);
                }
                kills
                    .entry(name(place))
                    .or_insert_with(|| {
                        Kill::new(name(place), cites(&place.scenario, *defect), seen)
                    })
                    .add(seen);
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
                    !kill.confirmed,
                    !kill.cited,
                    kill.by.is_always_on(),
                    area.unwrap_or(areas.len()),
                    checks[&kill.by].len(),
                    kill.level,
                    kill.by.clone(),
                )
            });
        }
        trials.sort_by_key(|trial| trial.defect.name());
        let of_defects = findings.by_name_only.iter().map(|(defect, place)| {
            format!(
                "{} of {place} fails with the name {}, and not with its number",
                place.check,
                defect.name()
            )
        });
        let of_any = findings.by_any_name.iter().map(|place| {
            format!(
                "{} of {place} tells the program without a defect from one whose defect does nothing",
                place.check
            )
        });
        Self {
            trials,
            checks,
            unsteady: control
                .broken
                .iter()
                .map(|(place, seen)| (place.clone(), seen.verdict))
                .collect(),
            names: of_defects.chain(of_any).collect(),
            played: findings.played,
        }
    }

    /// Defects that no check noticed.
    pub fn survivors(&self) -> impl Iterator<Item = &Trial> {
        self.trials.iter().filter(|trial| !trial.is_killed())
    }

    /// Defects that were noticed, but in no scenario that cites their report.
    pub fn undescribed(&self) -> impl Iterator<Item = &Trial> {
        self.trials
            .iter()
            .filter(|trial| trial.is_killed() && !trial.is_described())
    }

    /// Checks that kill nothing. Those that are always on count once.
    #[must_use]
    pub fn idle(&self) -> Vec<CheckName> {
        let mut always: BTreeMap<&str, bool> = BTreeMap::new();
        let mut idle = Vec::new();
        for (name, killed) in &self.checks {
            if name.is_always_on() {
                *always.entry(&name.check).or_default() |= !killed.is_empty();
            } else if killed.is_empty() {
                idle.push(name.clone());
            }
        }
        let never = always.into_iter().filter(|(_, kills)| !kills);
        idle.extend(never.map(|(check, _)| CheckName {
            scenario: "*".to_owned(),
            check: check.to_owned(),
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
