//! The matrix for people: a line for each defect, then what is wrong.

use std::collections::BTreeSet;

use super::matrix::{CheckName, Matrix};
use super::unkilled::Excuses;
use crate::report::text::counted;

/// The table. `whole` when every defect met the whole suite, so that something can be said of each check.
#[must_use]
pub fn table(matrix: &Matrix, excuses: &Excuses, whole: bool) -> String {
    let width = matrix
        .trials
        .iter()
        .map(|trial| trial.defect.name().len())
        .max()
        .unwrap_or_default();
    let mut text = String::new();
    for trial in &matrix.trials {
        let defect = trial.defect.name();
        let line = match trial.kills.as_slice() {
            [] => format!(
                "SURVIVES {}: {}",
                counted(trial.played, "scenario"),
                trial.defect.does()
            ),
            [first] => format!("{} of {}", first.by.check, first.by.scenario),
            [first, others @ ..] => {
                let scenarios: BTreeSet<&str> = others
                    .iter()
                    .map(|kill| kill.by.scenario.as_str())
                    .collect();
                format!(
                    "{} of {} (+{} in {})",
                    first.by.check,
                    first.by.scenario,
                    others.len(),
                    counted(scenarios.len(), "scenario")
                )
            }
        };
        text.push_str(&format!("{defect:<width$}  {line}\n"));
    }
    for (place, verdict) in &matrix.unsteady {
        let variant = place
            .variant
            .as_ref()
            .map_or_else(String::new, |variant| format!(" ({variant})"));
        text.push_str(&format!(
            "not counted: {} of {}{variant} is {verdict} without any defect\n",
            place.check, place.scenario
        ));
    }
    let idle = matrix.idle(excuses);
    if whole {
        for (CheckName { scenario, check }, excuse) in &idle {
            if excuse.is_none() {
                text.push_str(&format!("kills nothing: {check} of {scenario}\n"));
            }
        }
    }
    let survivors = matrix.survivors().count();
    let own = matrix
        .checks
        .keys()
        .filter(|name| !name.is_always_on())
        .count();
    let idle_own = idle.iter().filter(|(name, _)| !name.is_always_on()).count();
    text.push_str(&format!(
        "{}: {} killed, {survivors} survive; {} of {} kill at least one{}\n",
        counted(matrix.trials.len(), "defect"),
        matrix.trials.len() - survivors,
        own - idle_own,
        counted(own, "check"),
        if whole {
            let excused = idle.iter().filter(|(_, excuse)| excuse.is_some()).count();
            format!(", {excused} say why they cannot")
        } else {
            String::new()
        },
    ));
    text
}
