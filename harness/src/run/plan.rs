//! The plan of a run: which scenarios, in which variants, against which targets, with which settings.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use loginproof_mocks::fixture::Fixtures;

use super::event::ScenarioRef;
use super::ground::Ground;
use crate::scenario::model::Scenario;
use crate::scenario::{Loaded, Suite};
use crate::target::Target;
use crate::target::model::Network;

/// What will be played.
#[derive(Clone, Debug)]
pub struct Plan {
    /// One per scenario, variant and target.
    pub items: Vec<Item>,
    /// How many variants of each target are left out, for the budget's sake.
    pub left_out: BTreeMap<String, usize>,
    /// What holds for all of them.
    pub settings: Settings,
}

/// Settings of a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Everything random follows from it.
    pub seed: u64,
    /// Most scenarios at a time.
    pub jobs: usize,
    /// No scenario begins later than this after the start of the run.
    pub within: Option<Duration>,
    /// Folder for evidence.
    pub out: PathBuf,
    /// Recorded answers.
    pub fixtures: Arc<Fixtures>,
    /// This binary.
    pub loginproof: PathBuf,
    /// What namespaces and proxies need; none when all programs are reached directly.
    pub ground: Option<Arc<Ground>>,
}

/// One scenario in one variant against one target.
#[derive(Clone, Debug)]
pub struct Item {
    /// The program.
    pub target: Arc<Target>,
    /// How its traffic reaches the mocks.
    pub network: Network,
    /// Path below `scenarios/`.
    pub name: String,
    /// Which variant.
    pub variant: Option<String>,
    /// What is played.
    pub scenario: Arc<Scenario>,
}

impl Item {
    /// What reports call it.
    #[must_use]
    pub fn id(&self) -> ScenarioRef {
        ScenarioRef {
            target: self.target.file.name.clone(),
            scenario: self.name.clone(),
            variant: self.variant.clone(),
        }
    }

    /// Folder for its evidence below the run's.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        evidence_folder(&self.target.file.name, &self.name, self.variant.as_deref())
    }
}

impl Plan {
    /// Plans the selected scenarios of a suite against targets.
    #[must_use]
    pub fn new(
        suite: &Suite,
        selected: &[&Loaded],
        targets: &[(Arc<Target>, Network)],
        slow: bool,
        variants: Option<Variants>,
        settings: Settings,
    ) -> Self {
        debug_assert!(
            Arc::ptr_eq(&suite.fixtures, &settings.fixtures),
            "a scenario answers with its own suite's fixtures"
        );
        let mut items = Vec::new();
        let mut left_out = BTreeMap::new();
        for (target, network) in targets {
            let budget = variants.unwrap_or_else(|| match target.file.limits.variants {
                Some(most) => Variants::AtMost(most),
                None => Variants::All,
            });
            for loaded in selected {
                let playable: Vec<_> = loaded
                    .variants
                    .iter()
                    .filter(|(_, scenario)| slow || !scenario.slow)
                    .collect();
                let played = budget.sample(&loaded.name, &playable, settings.seed);
                *left_out.entry(target.file.name.clone()).or_default() +=
                    playable.len() - played.len();
                items.extend(played.into_iter().map(|(variant, scenario)| Item {
                    target: target.clone(),
                    network: *network,
                    name: loaded.name.clone(),
                    variant: variant.clone(),
                    scenario: Arc::new(scenario.clone()),
                }));
            }
        }
        // Those that wait longest begin first, so that no long one is left alone at the end.
        items.sort_by_key(|item| std::cmp::Reverse(patience(&item.scenario)));
        Self {
            items,
            left_out,
            settings,
        }
    }
}

/// How many variants of each scenario are played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variants {
    /// Every one.
    All,
    /// At most so many. Which ones follows from the seed, scenario by scenario, so that a new variant or scenario moves
    /// no choice elsewhere.
    AtMost(NonZeroUsize),
}

impl Variants {
    /// The chosen ones, in the order of the file.
    fn sample<'a>(
        self,
        scenario: &str,
        all: &[&'a (Option<String>, Scenario)],
        seed: u64,
    ) -> Vec<&'a (Option<String>, Scenario)> {
        let Self::AtMost(most) = self else {
            return all.to_vec();
        };
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by_cached_key(|&index| {
            let label = all[index].0.as_deref().unwrap_or_default();
            fnv(&format!("{seed} {scenario} {label}"))
        });
        order.truncate(most.get());
        order.sort_unstable();
        order.into_iter().map(|index| all[index]).collect()
    }
}

impl fmt::Display for Variants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::AtMost(most) => most.fmt(f),
        }
    }
}

impl FromStr for Variants {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            number => number
                .parse()
                .map(Self::AtMost)
                .map_err(|_| "give a number from 1 up, or `all`".to_owned()),
        }
    }
}

/// How long a right program waits in this scenario, roughly: only the order of the plan rests on it.
fn patience(scenario: &Scenario) -> Duration {
    const DEFAULT_INTERVAL: Duration = Duration::from_secs(5); // RFC 8628 §3.2
    let server = &scenario.server;
    let interval = server
        .authorization
        .interval
        .trim()
        .parse()
        .map_or(DEFAULT_INTERVAL, Duration::from_secs);
    let mut patience = Duration::ZERO;
    if scenario.steps.iter().any(|step| step.login.is_some()) {
        let polls: u32 = server.poll.iter().map(|rule| rule.times.unwrap_or(1)).sum();
        patience += interval * (polls + 1);
        // Other intervals, more time between polls, attempts at a first step that fails.
        if !server.usercode.is_empty() || !server.poll.is_empty() {
            patience += DEFAULT_INTERVAL;
        }
    }
    patience
        + scenario
            .settings
            .idle_timeout
            .map_or(Duration::ZERO, |span| span.0 * 3)
}

/// Folder for the evidence of one scenario in one variant, below the run's.
#[must_use]
pub fn evidence_folder(target: &str, scenario: &str, variant: Option<&str>) -> PathBuf {
    let mut folder = PathBuf::from(target).join(scenario);
    if let Some(variant) = variant {
        folder.push(folder_name(variant));
    }
    folder
}

/// A variant's label as the name of a folder. Labels that differ give names that differ, whatever had to be left out.
fn folder_name(label: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "=,.-_".contains(c);
    let mut name: String = label
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .take(80)
        .collect();
    if name != label {
        name.push_str(&format!("-{:016x}", fnv(label)));
    }
    name
}

/// FNV-1a: the same text gives the same number in every version and on every machine.
pub(super) fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_follows_from_the_seed_and_keeps_the_order_of_the_file() {
        let suite = Suite::embedded().unwrap();
        let loaded = suite
            .scenarios
            .iter()
            .max_by_key(|loaded| loaded.variants.len());
        let loaded = loaded.unwrap();
        let all: Vec<_> = loaded.variants.iter().collect();
        let two = Variants::AtMost(NonZeroUsize::new(2).unwrap());
        let labels = |seed| -> Vec<_> {
            let sample = two.sample(&loaded.name, &all, seed);
            sample.into_iter().map(|(label, _)| label.clone()).collect()
        };
        assert_eq!(labels(7).len(), 2);
        assert_eq!(labels(7), labels(7));
        let place = |label: &Option<String>| all.iter().position(|(other, _)| other == label);
        assert!(place(&labels(7)[0]) < place(&labels(7)[1]));
        assert!((0..50).any(|seed| labels(seed) != labels(7)));
        assert_eq!(Variants::All.sample(&loaded.name, &all, 7).len(), all.len());
    }

    #[test]
    fn variants_that_differ_have_folders_that_differ() {
        assert_eq!(
            folder_name("status=401,shape=nested"),
            "status=401,shape=nested"
        );
        assert_ne!(folder_name("character=ü"), folder_name("character=你"));
        let long = "x".repeat(80);
        assert_ne!(
            folder_name(&format!("{long}1")),
            folder_name(&format!("{long}2"))
        );
    }
}
