//! The matrix for programs: `mutants.json`.

use serde::Serialize;

use super::matrix::Matrix;
use super::unkilled::Excuses;
use crate::verdict::{Level, Verdict};

/// The matrix, both ways.
#[derive(Debug, Serialize)]
pub struct Document {
    /// Whether every defect met the whole suite.
    pub whole: bool,
    /// Seed of the run.
    pub seed: u64,
    /// From a defect to the checks that noticed it.
    pub defects: Vec<DefectEntry>,
    /// From a check to the defects that it noticed.
    pub checks: Vec<CheckEntry>,
    /// Checks that do not pass without a defect.
    pub unsteady: Vec<String>,
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
    pub fn new(matrix: &Matrix, excuses: &Excuses, whole: bool, seed: u64) -> Self {
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
            whole,
            seed,
            defects: defects.collect(),
            checks: checks.collect(),
            unsteady: matrix
                .unsteady
                .keys()
                .map(|place| format!("{} of {}", place.check, place.scenario))
                .collect(),
        }
    }
}
