//! Plays scenarios against defects, all in one plan, and keeps what did not pass.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use loginproof_client::defect::{Defect, NONE, VARIABLE};
use tokio::sync::mpsc;

use crate::run::event::{Event, Outcome};
use crate::run::ground::Ways;
use crate::run::plan::{Plan, Settings, Variants};
use crate::scenario::Suite;
use crate::target::Target;
use crate::verdict::{Level, Verdict};

/// Where things are played: the suite, the reference client, the settings.
#[derive(Clone, Debug)]
pub struct Bench {
    /// Scenarios and fixtures.
    pub suite: Suite,
    /// The reference client.
    pub target: Target,
    /// How its traffic reaches the mocks.
    pub network: Ways,
    /// Seed, jobs, folders.
    pub settings: Settings,
}

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

/// A verdict that is not `pass`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The verdict.
    pub verdict: Verdict,
    /// How binding the check is.
    pub level: Level,
    /// What was seen, one line.
    pub because: String,
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

impl Bench {
    /// Plays, for each subject (a defect, or none), the scenarios and variants that `wanted` takes.
    ///
    /// `told` hears of each subject that has been through all of its scenarios.
    pub async fn play(
        &self,
        subjects: &[Option<Defect>],
        wanted: impl Fn(Option<Defect>, &str, Option<&str>) -> bool,
        mut told: impl FnMut(Option<Defect>, &Observed),
    ) -> BTreeMap<Option<Defect>, Observed> {
        let by_name: BTreeMap<&str, Option<Defect>> =
            subjects.iter().map(|s| (name_of(*s), *s)).collect();
        let targets: Vec<(Arc<Target>, Ways)> = subjects
            .iter()
            .map(|subject| (Arc::new(self.with(*subject)), self.network.clone()))
            .collect();
        let selected: Vec<_> = self.suite.scenarios.iter().collect();
        let mut plan = Plan::new(
            &self.suite,
            &selected,
            &targets,
            false,
            Some(Variants::All),
            self.settings.clone(),
        );
        plan.items.retain(|item| {
            wanted(
                by_name[item.target.file.name.as_str()],
                &item.name,
                item.variant.as_deref(),
            )
        });
        let mut left: BTreeMap<Option<Defect>, usize> = BTreeMap::new();
        for item in &plan.items {
            *left
                .entry(by_name[item.target.file.name.as_str()])
                .or_default() += 1;
        }
        let mut observed: BTreeMap<Option<Defect>, Observed> = subjects
            .iter()
            .map(|subject| (*subject, Observed::default()))
            .collect();
        let (events, mut heard) = mpsc::unbounded_channel();
        let playing = tokio::spawn(crate::run::run(plan, Vec::new(), events));
        while let Some(event) = heard.recv().await {
            let Event::ScenarioFinished(outcome) = event else {
                continue;
            };
            // What a defect leaves behind is of no use once it is judged, and there is a lot of it.
            drop(std::fs::remove_dir_all(&outcome.evidence));
            let Some(subject) = by_name.get(outcome.id.target.as_str()).copied() else {
                continue;
            };
            let own = observed.entry(subject).or_default();
            own.note(*outcome);
            let count = left.entry(subject).or_default();
            *count = count.saturating_sub(1);
            if *count == 0 {
                told(subject, own);
            }
        }
        drop(playing.await);
        observed
    }

    /// The reference client with this defect, under the defect's name.
    fn with(&self, subject: Option<Defect>) -> Target {
        let mut target = self.target.clone();
        target.file.name = name_of(subject).to_owned();
        target
            .file
            .env
            .insert(VARIABLE.to_owned(), name_of(subject).to_owned());
        target
    }
}

impl Observed {
    fn note(&mut self, outcome: Outcome) {
        let (scenario, variant) = (outcome.id.scenario, outcome.id.variant);
        for result in outcome.results {
            let place = Place {
                scenario: scenario.clone(),
                variant: variant.clone(),
                check: result.check,
            };
            self.judged.insert(place.clone());
            if result.verdict != Verdict::Pass {
                let seen = Seen {
                    verdict: result.verdict,
                    level: result.level,
                    because: result.because,
                };
                self.broken.insert(place, seen);
            }
        }
        self.played.insert((scenario, variant));
    }

    /// Keeps of what was played again only what was broken again.
    pub fn confirm(&mut self, again: &Self) {
        self.broken
            .retain(|place, _| !again.judged.contains(place) || again.broken.contains_key(place));
    }
}

fn name_of(subject: Option<Defect>) -> &'static str {
    subject.map_or(NONE, Defect::name)
}
