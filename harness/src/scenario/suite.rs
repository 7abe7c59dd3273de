//! The suite: embedded in the binary, or read from a folder.

use std::path::Path;
use std::sync::Arc;

use include_dir::{Dir, include_dir};
use loginproof_mocks::fixture::{FixtureError, Fixtures};
use regex::Regex;

use super::load::{Loaded, load};
use crate::file_error::{FileError, suggestion};

static SCENARIOS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../scenarios");
static FIXTURES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../fixtures");

/// All scenarios and the fixtures they answer with.
#[derive(Clone, Debug)]
pub struct Suite {
    /// By name.
    pub scenarios: Vec<Loaded>,
    /// By name.
    pub fixtures: Arc<Fixtures>,
}

/// Why a suite cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SuiteError {
    /// A folder or file cannot be read.
    #[error("cannot read {path}: {reason}")]
    #[diagnostic(help("--suite takes a folder with `scenarios/` and `fixtures/` in it"))]
    Unreadable {
        /// Which.
        path: String,
        /// The system's words.
        reason: String,
    },
    /// A fixture is malformed.
    #[error("{0}")]
    Fixture(FixtureError),
    /// A scenario file holds a mistake.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Scenario(#[from] FileError),
}

impl Suite {
    /// The suite in the binary.
    ///
    /// # Errors
    /// Only if the binary was built from a broken suite.
    pub fn embedded() -> Result<Self, SuiteError> {
        let fixtures = files(&FIXTURES, "http");
        let scenarios = files(&SCENARIOS, "yaml");
        Self::from_texts(
            fixtures
                .into_iter()
                .map(|(name, bytes)| (name, bytes.to_vec())),
            scenarios
                .into_iter()
                .map(|(name, bytes)| (name, String::from_utf8_lossy(bytes).into_owned())),
            "scenarios/",
        )
    }

    /// The suite in a folder with `scenarios/` and `fixtures/`; embedded fixtures where it has no `fixtures/`.
    ///
    /// # Errors
    /// What cannot be read, or the first mistake in a file.
    pub fn from_dir(dir: &Path) -> Result<Self, SuiteError> {
        let unreadable = |path: &Path, reason: std::io::Error| SuiteError::Unreadable {
            path: path.display().to_string(),
            reason: reason.to_string(),
        };
        let mut scenarios = Vec::new();
        let folder = dir.join("scenarios");
        collect(&folder, &folder, &mut scenarios).map_err(|error| unreadable(&folder, error))?;
        let shown = format!("{}/", folder.display());
        let fixtures = dir.join("fixtures");
        if fixtures.is_dir() {
            let fixtures = Fixtures::from_dir(&fixtures).map_err(SuiteError::Fixture)?;
            return Self::assemble(fixtures, scenarios.into_iter(), &shown);
        }
        let fixtures = files(&FIXTURES, "http")
            .into_iter()
            .map(|(name, bytes)| (name, bytes.to_vec()));
        Self::from_texts(fixtures, scenarios.into_iter(), &shown)
    }

    fn from_texts(
        fixtures: impl IntoIterator<Item = (String, Vec<u8>)>,
        scenarios: impl Iterator<Item = (String, String)>,
        shown: &str,
    ) -> Result<Self, SuiteError> {
        Self::assemble(
            Fixtures::from_files(fixtures).map_err(SuiteError::Fixture)?,
            scenarios,
            shown,
        )
    }

    fn assemble(
        fixtures: Fixtures,
        scenarios: impl Iterator<Item = (String, String)>,
        shown: &str,
    ) -> Result<Self, SuiteError> {
        let mut loaded: Vec<Loaded> = scenarios
            .map(|(name, text)| load(&name, &format!("{shown}{name}.yaml"), &text, &fixtures))
            .collect::<Result<_, _>>()?;
        loaded.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self {
            scenarios: loaded,
            fixtures: Arc::new(fixtures),
        })
    }

    /// The scenario of this exact name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Loaded> {
        self.scenarios.iter().find(|scenario| scenario.name == name)
    }

    /// Advice for a word that selects nothing: the name or case that was probably meant.
    #[must_use]
    pub fn advice(&self, word: &str) -> String {
        let names = self
            .scenarios
            .iter()
            .flat_map(|loaded| [loaded.name.as_str(), loaded.first().case.as_str()]);
        suggestion(word, names).map_or_else(
            || "`loginproof list` shows all scenarios".to_owned(),
            |meant| format!("did you mean `{meant}`?"),
        )
    }

    /// Scenarios that any of the filters selects; all without a filter.
    ///
    /// A filter is a name, a folder, a case id, a prefix of one of these, or a glob with `*`.
    #[must_use]
    pub fn select(&self, filters: &[String]) -> Vec<&Loaded> {
        self.scenarios
            .iter()
            .filter(|scenario| {
                filters.is_empty() || filters.iter().any(|filter| selects(filter, scenario))
            })
            .collect()
    }
}

fn selects(filter: &str, scenario: &Loaded) -> bool {
    let case = &scenario.first().case;
    if filter.contains('*') {
        let pattern = format!("^{}$", regex::escape(filter).replace("\\*", ".*"));
        return Regex::new(&pattern)
            .is_ok_and(|pattern| pattern.is_match(&scenario.name) || pattern.is_match(case));
    }
    let filter = filter.trim_end_matches('/');
    let within = |whole: &str, separator: char| {
        whole
            .strip_prefix(filter)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(separator))
    };
    within(&scenario.name, '/')
        || within(case, '.')
        || scenario.name.split('/').next_back() == Some(filter)
}

fn files(dir: &'static Dir<'static>, ending: &str) -> Vec<(String, &'static [u8])> {
    let mut found = Vec::new();
    let mut folders = vec![dir];
    while let Some(folder) = folders.pop() {
        folders.extend(folder.dirs());
        for file in folder.files() {
            if file
                .path()
                .extension()
                .is_some_and(|extension| extension == ending)
            {
                found.push((
                    file.path().with_extension("").display().to_string(),
                    file.contents(),
                ));
            }
        }
    }
    found
}

fn collect(root: &Path, folder: &Path, into: &mut Vec<(String, String)>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, into)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            let name = path
                .strip_prefix(root)
                .unwrap_or(&path)
                .with_extension("")
                .display()
                .to_string();
            into.push((name, std::fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use loginproof_mocks::fault::{Chunk, Fault, Stride, Sweep};

    use super::*;
    use crate::scenario::model::Prompts;

    /// Longer than what its placeholders are filled with, by far.
    fn length_with_crlf(suite: &Suite, fixture: &str) -> usize {
        let body = &suite.fixtures.get(fixture).unwrap().body;
        body.len() + body.iter().filter(|byte| **byte == b'\n').count()
    }

    #[test]
    fn the_variants_of_a_sweep_leave_no_place_out() {
        let suite = Suite::embedded().unwrap();
        let sweep = suite.get("framing/every-place-of-the-stream").unwrap();
        // An id and a model's name in place of `{{response_id}}` and `{{model}}`, twice each.
        let length = length_with_crlf(&suite, "responses/short") + 2 * 64;
        let mut places = vec![false; length];
        for (_, scenario) in &sweep.variants {
            let Some(Prompts::Repeated(asked)) = &scenario.steps[0].ask else {
                panic!("the sweep asks many times");
            };
            for fault in &scenario.server.responses[0].faults {
                if let Fault::Chunk(Chunk::Split(Sweep::Answers(Stride { first, step }))) = fault {
                    for nth in 0..asked.times {
                        places[(first + nth * step).min(length - 1)] = true;
                    }
                }
            }
        }
        let left_out = places.iter().skip(1).position(|covered| !covered);
        assert_eq!(left_out, None, "of {length}");
    }

    #[test]
    fn a_stream_whose_events_are_cut_each_elsewhere_has_enough_of_them() {
        let suite = Suite::embedded().unwrap();
        let body = &suite.fixtures.get("responses/every_cut").unwrap().body;
        let text = std::str::from_utf8(body).unwrap();
        let deltas = text.split_inclusive("\n\n");
        let deltas = deltas.filter(|event| event.starts_with("event: response.output_text.delta"));
        let longest = deltas.clone().map(|event| event.len() + 3).max();
        assert!(longest < Some(deltas.count()), "{longest:?}");
    }
}
