//! The steps of a scenario as a measurement: what the programs cost and when things happened. Nothing is judged, and no
//! evidence is kept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use loginproof_mocks::Exchange;

use super::evidence::ProgramRecord;
use super::execute::settled;
use super::plan::{Item, Settings};
use super::steps::Stage;
use super::world::{World, WorldError};
use crate::terminal::capture::Chunk;

/// How often the memory of all processes is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// What happened.
pub struct Turn {
    /// The programs in the order in which they were started.
    pub programs: Vec<Asked>,
    /// What crossed the wire. Times in it count from `server_began`.
    pub exchanges: Vec<Arc<Exchange>>,
    /// When the server was started.
    pub server_began: Instant,
    /// When the last program had ended.
    pub ended: Instant,
    /// The most memory that all processes held at one of the moments at which it was looked at; 0 when nobody looked.
    pub peak_of_all: u64,
    /// What went differently, in words.
    pub notes: Vec<String>,
}

/// One program.
pub struct Asked {
    /// How it was started, what it wrote, how it ended.
    pub record: ProgramRecord,
    /// When it was started.
    pub began: Instant,
    /// What it wrote and when, since it was started.
    pub written: Vec<Chunk>,
}

/// Plays the steps of one item, at most so long. With `watch_memory` the processes are looked at meanwhile, which costs
/// the machine something.
///
/// # Errors
/// When the world cannot be made.
pub async fn turn(
    item: &Item,
    settings: &Settings,
    bound: Duration,
    watch_memory: bool,
) -> Result<Turn, WorldError> {
    let world = Arc::new(World::set_up(item, settings).await?);
    let deadline = tokio::time::Instant::now() + bound;
    let stage = Stage::new(world.clone(), None, deadline);
    let mut peak_of_all = 0;
    let played = {
        let mut playing = stage.play(&item.scenario.steps);
        loop {
            tokio::select! {
                played = &mut playing => break played,
                () = tokio::time::sleep(LOOK), if watch_memory => {
                    let held = stage.all().iter().map(|running| running.program.memory()).sum();
                    peak_of_all = peak_of_all.max(held);
                }
            }
        }
    };
    let ended = Instant::now();
    let (records, mut notes) = stage.clear().await;
    notes.extend(played.err().map(|error| error.to_string()));
    let programs = records.into_iter().zip(stage.all());
    let programs = programs.map(|(record, running)| Asked {
        record,
        began: running.program.began(),
        written: running.program.capture().chunks,
    });
    let programs = programs.collect();
    let journal = world.server.journal();
    settled(journal).await;
    let (exchanges, server_began) = (journal.snapshot(), journal.began());
    drop(stage);
    if let Some(world) = Arc::into_inner(world) {
        world.server.stop().await;
    }
    Ok(Turn {
        programs,
        exchanges,
        server_began,
        ended,
        peak_of_all,
        notes,
    })
}
