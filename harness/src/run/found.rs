//! `finding.json`: what does not hold in a scenario, with what shows it. It lies beside the evidence, for reports that
//! are made later and on another machine.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::event::{CheckResult, Excerpt};
use super::evidence::Evidence;
use super::world::World;
use crate::check;
use crate::target::load::cache_folder;
use crate::verdict::Verdict;

/// Name of the file.
pub const FILE: &str = "finding.json";

/// What does not hold in one scenario, in one variant.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Found {
    /// The scenario's title.
    pub title: String,
    /// Its `because`.
    pub because: String,
    /// Its sources.
    pub sources: Vec<String>,
    /// The checks that do not hold.
    pub checks: Vec<FoundCheck>,
    /// What all witnesses saw: every request, every screen, the credential file.
    pub witnesses: Vec<Witness>,
    /// What went differently from the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// How busy the machine was, where it can be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<Load>,
}

/// One check that does not hold.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct FoundCheck {
    /// Its id.
    pub check: String,
    /// What was seen, secrets shortened.
    pub seen: String,
    /// What had to hold; empty where the id says it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub expected: String,
    /// Why, when the scenario's `because` does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// Sources of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Whom it asks: `requests`, `screen`, `store` and so on; empty for the checks that are always on.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub asks: String,
    /// It measures time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub timed: bool,
    /// A secret or a connection got out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub got_out: bool,
    /// Its own excerpts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excerpts: Vec<Witness>,
}

/// A piece of evidence, secrets shortened.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Witness {
    /// `wire`, `screen`, `file` or `process`.
    pub witness: String,
    /// Some lines of text.
    pub text: String,
}

/// How busy the machine was when the scenario ended.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Load {
    /// Load average of the last minute.
    pub average: f64,
    /// Processors.
    pub cores: usize,
}

impl Load {
    /// Linux tells it in a file; elsewhere nobody is asked.
    fn now() -> Option<Self> {
        let text = std::fs::read_to_string("/proc/loadavg").ok()?;
        Some(Self {
            average: text.split_whitespace().next()?.parse().ok()?,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
        })
    }

    /// More programs wanted to run than could.
    #[must_use]
    pub fn is_heavy(self) -> bool {
        self.average > self.cores as f64
    }
}

impl Found {
    /// What does not hold; nothing where all does.
    pub(super) fn of(world: &World, evidence: &Evidence, results: &[CheckResult]) -> Option<Self> {
        let broken =
            |result: &&CheckResult| !matches!(result.verdict, Verdict::Pass | Verdict::Unsupported);
        let home = Home::of(world);
        let checks: Vec<FoundCheck> = results
            .iter()
            .filter(broken)
            .map(|result| home.check(world, evidence, result))
            .collect();
        if checks.is_empty() {
            return None;
        }
        let scenario = &world.scenario;
        Some(Self {
            title: scenario.title.clone(),
            because: scenario.because.clone(),
            sources: scenario.sources.clone(),
            checks,
            witnesses: home.witnesses(&check::witnesses(evidence)),
            notes: evidence.notes.iter().map(|note| home.tidy(note)).collect(),
            load: Load::now(),
        })
    }

    /// Reads it from an evidence folder.
    ///
    /// # Errors
    /// When it is not there or is something else.
    pub fn read(folder: &Path) -> std::io::Result<Self> {
        let text = std::fs::read(folder.join(FILE))?;
        serde_json::from_slice(&text).map_err(std::io::Error::other)
    }
}

/// Where the program lived, and where it is installed. Those folders are this machine's affair.
struct Home {
    home: String,
    cache: String,
}

impl Home {
    fn of(world: &World) -> Self {
        Self {
            home: world.home.path().display().to_string(),
            cache: cache_folder().display().to_string(),
        }
    }

    fn check(&self, world: &World, evidence: &Evidence, result: &CheckResult) -> FoundCheck {
        let own = world.scenario.checks.get(&result.check);
        FoundCheck {
            check: result.check.clone(),
            seen: self.tidy(&check::shortened(&result.because, evidence)),
            expected: self.tidy(&result.expected),
            because: own.and_then(|check| check.because.clone()),
            sources: own.map_or_else(Vec::new, |check| check.sources.clone()),
            asks: own.map_or_else(String::new, |check| check.asks().to_owned()),
            timed: own.is_some_and(|check| {
                let gap = check
                    .requests
                    .as_ref()
                    .is_some_and(|asked| asked.gap.is_some());
                check.within.is_some() || gap
            }),
            got_out: result.got_out,
            excerpts: self.witnesses(&result.excerpts),
        }
    }

    fn witnesses(&self, excerpts: &[Excerpt]) -> Vec<Witness> {
        excerpts
            .iter()
            .map(|excerpt| Witness {
                witness: excerpt.witness.to_owned(),
                text: self.tidy(&excerpt.text),
            })
            .collect()
    }

    fn tidy(&self, text: &str) -> String {
        text.replace(&self.home, "~")
            .replace(&self.cache, "(cache)")
    }
}
