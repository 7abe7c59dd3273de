//! What plays showed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::run::event::CheckResult;
use crate::verdict::{Level, Verdict};

/// One check of one scenario in one variant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Path below `scenarios/`.
    pub scenario: String,
    /// Which variant.
    pub variant: Option<String>,
    /// Which check.
    pub check: String,
}

/// The scenario and its variant.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.scenario)?;
        match &self.variant {
            Some(variant) => write!(f, " ({variant})"),
            None => Ok(()),
        }
    }
}

/// A verdict that is not `pass`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The verdict.
    pub verdict: Verdict,
    /// How binding the check is.
    pub level: Level,
    /// What was seen, one line.
    pub because: String,
    /// Whether it was seen a second time, without the defect's name.
    pub confirmed: bool,
}

/// What one subject showed.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Scenarios that were played, with their variants.
    pub played: BTreeSet<(String, Option<String>)>,
    /// Checks that were judged.
    pub judged: BTreeSet<Place>,
    /// Those that did not pass.
    pub broken: BTreeMap<Place, Seen>,
}

/// The checks of one play: none for those that passed. What the harness could not tell is not among them.
pub(super) type Shown = BTreeMap<String, Option<Seen>>;

/// What the results of a scenario show.
#[must_use]
pub(super) fn shown(results: Vec<CheckResult>) -> Shown {
    results
        .into_iter()
        .filter(|result| !matches!(result.verdict, Verdict::Error | Verdict::Unsupported))
        .map(|result| {
            let seen = (result.verdict != Verdict::Pass).then_some(Seen {
                verdict: result.verdict,
                level: result.level,
                because: result.because,
                confirmed: false,
            });
            (result.check, seen)
        })
        .collect()
}
