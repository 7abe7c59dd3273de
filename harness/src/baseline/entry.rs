//! One entry of a baseline: what is expected of which check.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::version::Versions;
use crate::run::event::ScenarioRef;
use crate::verdict::Verdict;

/// A checked entry.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) line: usize,
    pub(super) target: Option<String>,
    pub(super) place: Place,
    pub(super) variant: Option<String>,
    pub(super) check: String,
    pub(super) verdict: Verdict,
    pub(super) reason: String,
    pub(super) link: Option<String>,
    pub(super) versions: Option<Versions>,
}

/// Which scenarios an entry speaks of.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// All scenarios of one case of the catalogue.
    Case(String),
    /// One scenario, by its path.
    Scenario(String),
}

/// What is wrong with a baseline.
pub(super) struct Problem {
    pub(super) message: String,
    pub(super) at: Range<usize>,
    pub(super) help: Option<String>,
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    known: Vec<Spanned<WrittenEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenEntry {
    #[serde(default)]
    target: Option<String>,
    #[serde(default)]
    case: Option<Spanned<String>>,
    #[serde(default)]
    scenario: Option<String>,
    #[serde(default)]
    variant: Option<String>,
    check: String,
    verdict: Spanned<Verdict>,
    reason: Spanned<String>,
    #[serde(default)]
    link: Option<String>,
    #[serde(default)]
    versions: Option<Spanned<String>>,
}

/// Reads all entries.
pub(super) fn entries(text: &str) -> Result<Vec<Entry>, Problem> {
    let written: Written = toml::from_str(text).map_err(|error| Problem {
        message: format!("the baseline is not right: {}", error.message()),
        at: error.span().unwrap_or(0..0),
        help: Some("each [[known]] has scenario or case, check, verdict and reason; target, variant, versions and link are optional".to_owned()),
    })?;
    written
        .known
        .into_iter()
        .map(|entry| checked(entry, text))
        .collect()
}

fn checked(entry: Spanned<WrittenEntry>, text: &str) -> Result<Entry, Problem> {
    let at = entry.span();
    let entry = entry.into_inner();
    let problem = |message: &str, at: Range<usize>, help: &str| Problem {
        message: message.to_owned(),
        at,
        help: Some(help.to_owned()),
    };
    let place = match (entry.case, entry.scenario) {
        (Some(case), None) => Place::Case(case.into_inner()),
        (None, Some(scenario)) => Place::Scenario(scenario),
        (Some(case), Some(_)) => {
            return Err(problem(
                "an entry names a case and a scenario",
                case.span(),
                "keep one of them",
            ));
        }
        (None, None) => {
            return Err(problem(
                "an entry names no scenario",
                at,
                "add `scenario = \"area/name\"` or `case = \"2.2.1\"`",
            ));
        }
    };
    let verdict = *entry.verdict.get_ref();
    if matches!(
        verdict,
        Verdict::Pass | Verdict::Unsupported | Verdict::Error
    ) {
        return Err(problem(
            &format!("`{verdict}` cannot be expected"),
            entry.verdict.span(),
            "a baseline lists `fail`, `nonstrict`, `info` and `unclean`",
        ));
    }
    if entry.reason.get_ref().trim().is_empty() {
        return Err(problem(
            "an entry gives no reason",
            entry.reason.span(),
            "say why this is expected",
        ));
    }
    let versions = match entry.versions {
        None => None,
        Some(written) => match Versions::parse(written.get_ref()) {
            Ok(versions) => Some(versions),
            Err(message) => {
                let help = "write `0.169` for every 0.169.x, or bounds such as `>=0.160, <0.170`";
                return Err(problem(&message, written.span(), help));
            }
        },
    };
    Ok(Entry {
        line: 1 + text
            .bytes()
            .take(at.start)
            .filter(|byte| *byte == b'\n')
            .count(),
        target: entry.target,
        place,
        variant: entry.variant,
        check: entry.check,
        verdict,
        reason: entry.reason.into_inner(),
        link: entry.link,
        versions,
    })
}

impl Entry {
    /// Whether the entry speaks of this program in this version.
    pub(super) fn meets(&self, target: &str, version: &str) -> bool {
        self.target.as_deref().is_none_or(|name| name == target)
            && self
                .versions
                .as_ref()
                .is_none_or(|versions| versions.hold(version))
    }

    /// Whether the entry speaks of this scenario.
    pub(super) fn concerns(&self, id: &ScenarioRef, case: &str, version: &str) -> bool {
        let here = match &self.place {
            Place::Case(wanted) => wanted == case,
            Place::Scenario(wanted) => *wanted == id.scenario,
        };
        let variant = self.variant.is_none() || self.variant == id.variant;
        here && variant && self.meets(&id.target, version)
    }

    /// `check` in `refresh/reused (status=401)`.
    pub(super) fn describe(&self) -> String {
        let place = match &self.place {
            Place::Case(case) => format!("case {case}"),
            Place::Scenario(scenario) => scenario.clone(),
        };
        match &self.variant {
            Some(variant) => format!("`{}` in {place} ({variant})", self.check),
            None => format!("`{}` in {place}", self.check),
        }
    }
}
