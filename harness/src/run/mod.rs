//! Running: a plan of scenarios against targets, played side by side in isolation, told as a stream of events.

pub mod event;
pub mod evidence;
pub mod execute;
pub mod joined;
mod keep;
mod person;
pub mod plan;
mod steps;
mod store_watch;
pub mod world;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use event::{Event, TargetInfo};
use plan::Plan;

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
        seed: plan.settings.seed,
        out: plan.settings.out.clone(),
    });
    let places = Arc::new(Semaphore::new(plan.settings.jobs));
    let mut by_target: HashMap<String, Arc<Semaphore>> = HashMap::new();
    let settings = Arc::new(plan.settings);
    let mut playing = JoinSet::new();
    for item in plan.items {
        let limit = item
            .target
            .file
            .limits
            .side_by_side
            .unwrap_or(Semaphore::MAX_PERMITS);
        let own = by_target
            .entry(item.target.file.name.clone())
            .or_insert_with(|| Arc::new(Semaphore::new(limit)))
            .clone();
        let (places, settings, tell) = (places.clone(), settings.clone(), tell.clone());
        playing.spawn(async move {
            // Neither semaphore is ever closed.
            let _own = own.acquire_owned().await;
            let _place = places.acquire_owned().await;
            tell(Event::ScenarioStarted(item.id()));
            let outcome = execute::execute(&item, &settings, None).await;
            tell(Event::ScenarioFinished(Box::new(outcome)));
        });
    }
    while playing.join_next().await.is_some() {}
    let duration = begun.elapsed();
    tell(Event::Finished { duration });
    duration
}
