//! The matrix for people: a line for each defect, then what is wrong.

use std::collections::BTreeSet;

use super::matrix::{CheckName, Matrix, Trial};
use super::proof::Wanting;
use crate::report::text::counted;

/// The table. `of_checks` when something can be said of each check, because every defect was played.
#[must_use]
pub fn table(matrix: &Matrix, wanting: &Wanting, of_checks: bool) -> String {
    let width = matrix
        .trials
        .iter()
        .map(|trial| trial.defect.name().len())
        .max()
        .unwrap_or_default();
    let mut text = String::new();
    for trial in &matrix.trials {
        let defect = trial.defect.name();
        text.push_str(&format!("{defect:<width$}  {}\n", line(trial)));
    }
    for (place, verdict) in &matrix.unsteady {
        text.push_str(&format!(
            "not counted: {} of {place} is {verdict} without any defect\n",
            place.check
        ));
    }
    for CheckName { scenario, check } in &wanting.idle {
        text.push_str(&format!("kills nothing: {check} of {scenario}\n"));
    }
    for (what, lines) in [
        ("not described", &wanting.undescribed),
        ("stale excuse", &wanting.stale),
        ("by name", &wanting.names),
    ] {
        for line in lines {
            text.push_str(&format!("{what}: {line}\n"));
        }
    }
    let survivors = matrix.survivors().count();
    let own = matrix
        .checks
        .keys()
        .filter(|name| !name.is_always_on())
        .count();
    let idle = matrix.idle();
    let idle_own = idle.iter().filter(|name| !name.is_always_on()).count();
    text.push_str(&format!(
        "{}: {} killed, {survivors} survive; {} of {} kill at least one{}; {} played\n",
        counted(matrix.trials.len(), "defect"),
        matrix.trials.len() - survivors,
        own - idle_own,
        counted(own, "check"),
        if of_checks {
            let excused = idle.len() - wanting.idle.len();
            format!(", {excused} say why they need not")
        } else {
            String::new()
        },
        counted(matrix.played, "scenario"),
    ));
    text
}

/// What noticed a defect.
fn line(trial: &Trial) -> String {
    let Some((first, others)) = trial.kills.split_first().filter(|_| trial.is_killed()) else {
        return format!(
            "SURVIVES {}: {}",
            counted(trial.played, "scenario"),
            trial.defect.does()
        );
    };
    let mut line = format!("{} of {}", first.by.check, first.by.scenario);
    if !others.is_empty() {
        let scenarios: BTreeSet<&str> = others
            .iter()
            .map(|kill| kill.by.scenario.as_str())
            .collect();
        line.push_str(&format!(
            " (+{} in {})",
            others.len(),
            counted(scenarios.len(), "scenario")
        ));
    }
    line
}
