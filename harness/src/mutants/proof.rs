//! What is wanting in the proof: everything here fails the run.

use super::matrix::{CheckName, Matrix};
use super::unkilled::{Excuses, fits};

/// What a proof lacks, in words.
#[derive(Clone, Debug, Default)]
pub struct Wanting {
    /// Defects that no check noticed.
    pub survivors: Vec<String>,
    /// Defects that no scenario about them noticed.
    pub undescribed: Vec<String>,
    /// Checks that kill nothing and do not say why.
    pub idle: Vec<CheckName>,
    /// Excuses of checks that kill something after all.
    pub stale: Vec<String>,
    /// What rests on names.
    pub names: Vec<String>,
}

impl Wanting {
    /// What this matrix lacks. Of the checks something can be said only when all defects were played.
    #[must_use]
    pub fn new(matrix: &Matrix, excuses: &Excuses, of_checks: bool) -> Self {
        let mut wanting = Self {
            survivors: matrix
                .survivors()
                .map(|trial| trial.defect.name().to_owned())
                .collect(),
            undescribed: matrix
                .undescribed()
                .map(|trial| {
                    format!(
                        "{}: no scenario that cites {} notices it",
                        trial.defect.name(),
                        trial.defect.source()
                    )
                })
                .collect(),
            names: matrix.names.clone(),
            ..Self::default()
        };
        if !of_checks {
            // A filter may leave out the scenarios that are about a defect.
            wanting.undescribed.clear();
            return wanting;
        }
        let idle = matrix.idle();
        for (check, pattern) in excuses.places() {
            let mut excused = matrix
                .checks
                .iter()
                .filter(|(name, _)| name.check == check && fits(pattern, &name.scenario))
                .peekable();
            // One of all that a star stands for is enough.
            if excused.peek().is_some() && excused.all(|(_, killed)| !killed.is_empty()) {
                wanting.stale.push(format!(
                    "{check} of {pattern} kills something, and needs no excuse"
                ));
            }
        }
        wanting.idle = idle
            .into_iter()
            .filter(|name| excuses.of(&name.scenario, &name.check).is_none())
            .collect();
        wanting
    }

    /// Whether nothing is wanting. An excuse too many is none: what else a search fails on its way differs with the order.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.survivors.is_empty()
            && self.undescribed.is_empty()
            && self.idle.is_empty()
            && self.names.is_empty()
    }
}
