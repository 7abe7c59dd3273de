//! Running: a plan of scenarios against targets, played side by side in isolation, told as a stream of events.

pub mod callback;
mod credentials;
pub mod event;
pub mod evidence;
pub mod execute;
pub mod found;
pub mod ground;
pub mod joined;
mod keep;
pub mod keys;
pub mod network;
mod person;
pub mod plan;
mod running;
mod start;
mod steps;
mod store_watch;
pub mod world;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use event::{Event, TargetInfo};
use plan::{Item, Plan, Settings};

/// Plays the plan. Every event goes to `events`; the stream ends with [`Event::Finished`].
pub async fn run(
    plan: Plan,
    targets: Vec<TargetInfo>,
    events: mpsc::UnboundedSender<Event>,
) -> Duration {
    let begun = Instant::now();
    // A listener that has gone away does not stop the run: evidence is still written.
    let tell = move |event: Event| drop(events.send(event));
    tell(Event::Started {
        targets,
        total: plan.items.len(),
        left_out: plan.left_out,
        seed: plan.settings.seed,
        out: plan.settings.out.clone(),
    });
    let places = Arc::new(Semaphore::new(plan.settings.jobs));
    let settings = Arc::new(plan.settings);
    let mut by_target: BTreeMap<String, Vec<Item>> = BTreeMap::new();
    for item in plan.items {
        by_target
            .entry(item.target.file.name.clone())
            .or_default()
            .push(item);
    }
    let mut playing = JoinSet::new();
    for items in by_target.into_values() {
        let (places, settings, tell) = (places.clone(), settings.clone(), tell.clone());
        playing.spawn(async move { play_in_order(items, begun, &places, &settings, &tell).await });
    }
    while playing.join_next().await.is_some() {}
    let duration = begun.elapsed();
    tell(Event::Finished { duration });
    duration
}

/// Plays the scenarios of one target. Each begins in its turn, as soon as there is a place for it.
async fn play_in_order(
    items: Vec<Item>,
    begun: Instant,
    places: &Arc<Semaphore>,
    settings: &Arc<Settings>,
    tell: &(impl Fn(Event) + Clone + Send + 'static),
) {
    let limit = items
        .first()
        .and_then(|item| item.target.file.limits.side_by_side);
    let own = Arc::new(Semaphore::new(limit.unwrap_or(Semaphore::MAX_PERMITS)));
    let mut playing = JoinSet::new();
    for item in items {
        // Neither semaphore is ever closed.
        let held = (
            own.clone().acquire_owned().await,
            places.clone().acquire_owned().await,
        );
        if settings.within.is_some_and(|bound| begun.elapsed() > bound) {
            break;
        }
        let (settings, tell) = (settings.clone(), tell.clone());
        playing.spawn(async move {
            tell(Event::ScenarioStarted(item.id()));
            let outcome = execute::execute(&item, &settings, None).await;
            tell(Event::ScenarioFinished(Box::new(outcome)));
            drop(held);
        });
    }
    while playing.join_next().await.is_some() {}
}
