//! The matrix for programs: `mutants.json`.

use serde::Serialize;

use super::matrix::Matrix;
use super::proof::Wanting;
use super::unkilled::Excuses;
use crate::verdict::{Level, Verdict};

/// The matrix, both ways.
#[derive(Debug, Serialize)]
pub struct Document {
    /// Whether every defect was played, so that something can be said of each check.
    pub of_checks: bool,
    /// Seed of the run.
    pub seed: u64,
    /// From a defect to the checks that noticed it.
    pub defects: Vec<DefectEntry>,
    /// From a check to the defects that it noticed.
    pub checks: Vec<CheckEntry>,
    /// Checks that do not pass without a defect.
    pub unsteady: Vec<String>,
    /// Defects that were noticed, but in no scenario that cites their report.
    pub undescribed: Vec<String>,
    /// Excuses of checks that kill something after all.
    pub stale: Vec<String>,
    /// What rests on a defect's name rather than on what it does.
    pub by_name: Vec<String>,
    /// How many scenarios were played in all, variants counted.
    pub played: usize,
}

/// One defect.
#[derive(Debug, Serialize)]
pub struct DefectEntry {
    /// Its name.
    pub name: &'static str,
    /// What the program does wrong.
    pub does: &'static str,
    /// Where that was reported.
    pub source: &'static str,
    /// Where it shows.
    pub areas: &'static [&'static str],
    /// Scenarios that were played, variants counted.
    pub played: usize,
    /// What noticed it, the most fitting first.
    pub killed_by: Vec<KillEntry>,
}

/// One kill.
#[derive(Debug, Serialize)]
pub struct KillEntry {
    /// The scenario.
    pub scenario: String,
    /// The check.
    pub check: String,
    /// In how many variants.
    pub variants: usize,
    /// Whether it was seen a second time, with the defect's number in place of its name. Only then it counts.
    pub confirmed: bool,
    /// Whether the scenario cites the defect's report.
    pub cited: bool,
    /// The worst verdict.
    pub verdict: Verdict,
    /// How binding the check is.
    pub level: Level,
    /// What was seen.
    pub because: String,
}

/// One check.
#[derive(Debug, Serialize)]
pub struct CheckEntry {
    /// The scenario.
    pub scenario: String,
    /// The check.
    pub check: String,
    /// Names of the defects.
    pub kills: Vec<&'static str>,
    /// Why it kills nothing, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unkilled_because: Option<String>,
}

impl Document {
    /// The document of a matrix.
    #[must_use]
    pub fn new(
        matrix: &Matrix,
        wanting: &Wanting,
        excuses: &Excuses,
        of_checks: bool,
        seed: u64,
    ) -> Self {
        let defects = matrix.trials.iter().map(|trial| DefectEntry {
            name: trial.defect.name(),
            does: trial.defect.does(),
            source: trial.defect.source(),
            areas: trial.defect.areas(),
            played: trial.played,
            killed_by: trial
                .kills
                .iter()
                .map(|kill| KillEntry {
                    scenario: kill.by.scenario.clone(),
                    check: kill.by.check.clone(),
                    variants: kill.variants,
                    confirmed: kill.confirmed,
                    cited: kill.cited,
                    verdict: kill.verdict,
                    level: kill.level,
                    because: kill.because.clone(),
                })
                .collect(),
        });
        let checks = matrix.checks.iter().map(|(name, killed)| {
            let excuse = killed
                .is_empty()
                .then(|| excuses.of(&name.scenario, &name.check))
                .flatten();
            CheckEntry {
                scenario: name.scenario.clone(),
                check: name.check.clone(),
                kills: killed.iter().map(|defect| defect.name()).collect(),
                unkilled_because: excuse.map(|excuse| excuse.because.clone()),
            }
        });
        Self {
            of_checks,
            seed,
            defects: defects.collect(),
            checks: checks.collect(),
            unsteady: matrix
                .unsteady
                .keys()
                .map(|place| format!("{} of {place}", place.check))
                .collect(),
            undescribed: wanting.undescribed.clone(),
            stale: wanting.stale.clone(),
            by_name: wanting.names.clone(),
            played: matrix.played,
        }
    }
}
