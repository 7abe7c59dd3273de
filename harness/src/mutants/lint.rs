//! What can be said of the proof without playing anything.

use loginproof_client::defect::Defect;

use super::unkilled::{Excuses, fits};
use crate::check::ALWAYS_ON;
use crate::scenario::Suite;

/// Mistakes: files that name a defect, and excuses for checks that do not exist.
#[must_use]
pub fn lint(suite: &Suite, excuses: &Excuses) -> Vec<String> {
    let mut problems = Vec::new();
    let scenarios = suite.scenarios.iter().map(|loaded| {
        (
            format!("scenarios/{}.yaml", loaded.name),
            loaded.text.clone(),
        )
    });
    let fixtures = suite.fixtures.names().filter_map(|name| {
        let fixture = suite.fixtures.get(name)?;
        let headers: String = (fixture.headers.iter())
            .map(|(name, value)| format!("{name}: {value}\n"))
            .collect();
        let body = String::from_utf8_lossy(&fixture.body);
        Some((
            format!("fixtures/{name}.http"),
            format!("{headers}\n{body}"),
        ))
    });
    for (file, text) in scenarios.chain(fixtures) {
        for defect in Defect::ALL
            .iter()
            .filter(|defect| names(&text, defect.name()))
        {
            problems.push(format!(
                "{file}: names the defect {}; an outcome must rest on what a program does, not on what it is called",
                defect.name()
            ));
        }
    }
    for (check, pattern) in excuses.places() {
        let exists = ALWAYS_ON.contains(&check)
            || suite.scenarios.iter().any(|loaded| {
                fits(pattern, &loaded.name)
                    && loaded
                        .variants
                        .iter()
                        .any(|(_, scenario)| scenario.checks.contains_key(check))
            });
        if !exists {
            problems.push(format!(
                "scenarios/UNKILLED.toml: there is no check {check} of {pattern}"
            ));
        }
    }
    problems
}

/// Whether a text holds this name as a word of its own.
fn names(text: &str, name: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.match_indices(name)
        .any(|(at, _)| !text[..at].ends_with(part) && !text[at + name.len()..].starts_with(part))
}
