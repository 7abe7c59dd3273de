//! Plays what a search asks for, side by side.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use loginproof_client::defect::{Defect, INERT, NONE, VARIABLE};
use loginproof_mocks::script::Endpoint;
use tokio::task::JoinSet;

use super::observed::{Shown, shown};
use super::search::{Field, Play, Search, Subject};
use super::unkilled::Excuses;
use crate::run::execute::execute;
use crate::run::ground::Ways;
use crate::run::plan::{Item, Settings};
use crate::scenario::model::Scenario;
use crate::scenario::{Loaded, Suite};
use crate::target::Target;
use crate::target::model::Network;

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

impl Bench {
    /// The scenarios as a search sees them. Those that take minutes are left out.
    #[must_use]
    pub fn fields(&self, excuses: &Excuses) -> Vec<Field> {
        self.suite
            .scenarios
            .iter()
            .map(|loaded| {
                let scenarios = || loaded.variants.iter().map(|(_, scenario)| scenario);
                let checks = || scenarios().flat_map(|scenario| &scenario.checks);
                Field {
                    name: loaded.name.clone(),
                    sources: sources(loaded).map(str::to_owned).collect(),
                    variants: loaded
                        .variants
                        .iter()
                        .map(|(label, _)| label.clone())
                        .collect(),
                    checks: checks()
                        .map(|(id, check)| (id.clone(), check.witness()))
                        .collect(),
                    excused: checks()
                        .map(|(id, _)| id.clone())
                        .filter(|id| excuses.of(&loaded.name, id).is_some())
                        .collect::<BTreeSet<String>>(),
                }
            })
            .collect()
    }

    /// Plays until the search has found what there is to find, or begins nothing more when `bound` is over. `told` hears
    /// of each play. True when the search has come to its end.
    pub async fn play(
        &self,
        search: &mut Search,
        bound: Option<Duration>,
        mut told: impl FnMut(&Search),
    ) -> bool {
        let begin = Instant::now();
        let over = || bound.is_some_and(|bound| begin.elapsed() >= bound);
        let mut playing = JoinSet::new();
        let mut plays = HashMap::new();
        let mut begun = 0;
        loop {
            while playing.len() < self.settings.jobs
                && !over()
                && let Some(play) = search.next_play()
            {
                begun += 1;
                let (item, settings) = self.item(play, begun);
                let task = playing.spawn(async move {
                    let outcome = execute(&item, &settings, None).await;
                    drop(std::fs::remove_dir_all(&settings.out));
                    shown(outcome.results)
                });
                plays.insert(task.id(), play);
            }
            let Some(ended) = playing.join_next_with_id().await else {
                return !over() || search.next_play().is_none();
            };
            // One that could not be played to its end has shown nothing.
            let (id, shown) = match ended {
                Ok(ended) => ended,
                Err(error) => (error.id(), Shown::new()),
            };
            if let Some(play) = plays.remove(&id) {
                search.heard(play, shown);
                told(search);
            }
        }
    }

    /// One play, with a folder of its own. The subject's name stands nowhere but in the variable.
    fn item(&self, play: Play, serial: usize) -> (Item, Settings) {
        let loaded = &self.suite.scenarios[play.field];
        let (variant, scenario) = &loaded.variants[play.variant];
        let mut target = self.target.clone();
        let subject = match play.subject {
            Subject::Plain => NONE.to_owned(),
            Subject::Inert => INERT.to_owned(),
            Subject::Named(defect) => defect.name().to_owned(),
            Subject::Numbered(defect) => defect.number().to_string(),
        };
        target.file.env.insert(VARIABLE.to_owned(), subject);
        let watched = asks_who_else_was_reached(scenario) && scenario.network.is_empty();
        let network = if watched {
            // Without a namespace nothing is seen of other hosts, and nothing is said of the checks that ask for them.
            let watched = self.network.among(&[Network::Namespace]);
            watched.or_else(|_| self.network.among(&[]))
        } else {
            self.network.among(&scenario.network)
        };
        let item = Item {
            target: Arc::new(target),
            network,
            name: loaded.name.clone(),
            variant: variant.clone(),
            scenario: Arc::new(scenario.clone()),
        };
        let settings = Settings {
            out: self.settings.out.join(format!("{serial:06}")),
            ..self.settings.clone()
        };
        (item, settings)
    }
}

/// The reports that a scenario or one of its checks cites.
fn sources(loaded: &Loaded) -> impl Iterator<Item = &str> {
    let scenarios = || loaded.variants.iter().map(|(_, scenario)| scenario);
    let of_checks = scenarios()
        .flat_map(|scenario| scenario.checks.values())
        .flat_map(|check| &check.sources);
    let own = scenarios().flat_map(|scenario| &scenario.sources);
    own.chain(of_checks).map(String::as_str)
}

/// Whether a scenario cites the report that a defect is taken from.
#[must_use]
pub fn cites(loaded: &Loaded, defect: Defect) -> bool {
    sources(loaded).any(|source| source == defect.source())
}

/// Whether a check of this scenario sees only what a namespace or a proxy sees.
fn asks_who_else_was_reached(scenario: &Scenario) -> bool {
    let mut requests = scenario
        .checks
        .values()
        .filter_map(|check| check.requests.as_ref());
    requests.any(|requests| requests.to == Endpoint::Egress)
}
