//! `scenarios/UNKILLED.toml`: checks that kill no defect, each with its reason.

use std::collections::BTreeMap;
use std::path::Path;

use include_dir::include_dir;
use serde::Deserialize;

static SCENARIOS: include_dir::Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../scenarios");

/// Why checks kill nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Excuses {
    /// Each reason with the checks that it is for.
    #[serde(default)]
    pub reason: Vec<Reason>,
}

/// Why checks kill nothing.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// In words.
    pub because: String,
    /// Ids of checks, each with scenarios; `*` stands for any text, and `*` alone for checks that are always on.
    pub checks: BTreeMap<String, Vec<String>>,
}

impl Excuses {
    /// Those of a suite in a folder, or of the embedded one.
    ///
    /// # Errors
    /// The file is there, but cannot be read.
    pub fn load(suite: Option<&Path>) -> Result<Self, String> {
        const NAME: &str = "UNKILLED.toml";
        let text = match suite {
            Some(folder) => {
                let path = folder.join("scenarios").join(NAME);
                match std::fs::read_to_string(&path) {
                    Ok(text) => text,
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
                    Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
                }
            }
            None => SCENARIOS
                .get_file(NAME)
                .and_then(|file| file.contents_utf8())
                .unwrap_or_default()
                .to_owned(),
        };
        toml::from_str(&text).map_err(|error| format!("scenarios/{NAME}: {error}"))
    }

    /// The reason for this check.
    #[must_use]
    pub fn of(&self, scenario: &str, check: &str) -> Option<&Reason> {
        self.reason
            .iter()
            .find(|reason| reason.is_for(scenario, check))
    }

    /// Every check that has a reason, with the scenarios as they are written.
    pub fn places(&self) -> impl Iterator<Item = (&str, &str)> {
        self.reason.iter().flat_map(|reason| {
            let checks = reason.checks.iter();
            checks.flat_map(|(check, scenarios)| {
                let scenarios = scenarios.iter();
                scenarios.map(|scenario| (check.as_str(), scenario.as_str()))
            })
        })
    }
}

impl Reason {
    fn is_for(&self, scenario: &str, check: &str) -> bool {
        let scenarios = self.checks.get(check);
        scenarios.is_some_and(|patterns| patterns.iter().any(|pattern| fits(pattern, scenario)))
    }
}

/// Whether a text fits a pattern in which `*` stands for any text.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.strip_prefix(head).is_some_and(|rest| {
            (0..=rest.len()).any(|at| rest.get(at..).is_some_and(|rest| fits(tail, rest)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(fits("framing/*", "framing/bom") && fits("*", "*") && fits("a", "a"));
        assert!(fits("*/x*z", "a/xyz") && !fits("framing/*", "stream/bom") && !fits("a", "ab"));
    }

    #[test]
    fn the_embedded_reasons_can_be_read() {
        assert!(Excuses::load(None).is_ok());
    }
}
