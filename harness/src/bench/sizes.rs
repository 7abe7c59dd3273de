//! Whether cost stays linear as one event grows.

use loginproof_streams::Stream;

use super::Entry;
use super::contestant::Contestant;
use super::document::Size;
use super::sample::{Problem, sample};
use super::workload::{Pace, Reading, Served, WorkloadError};
use crate::run::plan::Settings;

/// The sizes, in bytes: each four times the one before.
const SIZES: [usize; 6] = [16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20];
/// Rounds of each size: a factor of four between sizes shows through more noise than a ratio of programs.
const ROUNDS: usize = 3;

/// Measures every program at every size up to `largest`. A program that gives up at one size is spared the larger ones.
pub(super) async fn measure(
    entries: &mut [Entry],
    largest: usize,
    rounds: usize,
    settings: &Settings,
    tell: &impl Fn(String),
) -> Result<(), WorkloadError> {
    let sizes = SIZES.into_iter().filter(|size| *size <= largest);
    let sizes: Vec<usize> = std::iter::once(0).chain(sizes).collect();
    if sizes.len() == 1 {
        return Ok(());
    }
    for bytes in sizes {
        let served = served(bytes)?;
        for entry in entries.iter_mut() {
            let cpu_us = Vec::new();
            entry.program.sizes.push(Size { bytes, cpu_us });
        }
        for round in 1..=rounds.min(ROUNDS) {
            for entry in entries.iter_mut() {
                if entry.out || entry.program.gave_up.is_some() {
                    continue;
                }
                let label = entry.contestant.label();
                tell(format!("event of {}: {label}", kib(bytes)));
                let cost = once(&entry.contestant, &served, settings).await;
                if let Err(why) = &cost {
                    let why = format!("at {} in round {round}: {why}", kib(bytes));
                    entry.program.gave_up = Some(why);
                }
                if let Some(size) = entry.program.sizes.last_mut() {
                    size.cpu_us.push(cost.ok());
                }
            }
        }
    }
    for entry in entries {
        entry.program.sizes.retain(|size| !size.cpu_us.is_empty());
    }
    Ok(())
}

/// CPU time of one turn, in microseconds. A wrong answer has its cost all the same.
async fn once(
    contestant: &Contestant,
    served: &Served,
    settings: &Settings,
) -> Result<u64, String> {
    let sample = sample(contestant, served, 1, settings, false).await;
    match &sample.problem {
        None | Some(Problem::WrongAnswer(_)) => Ok(sample.cpu_us()),
        Some(problem) => Err(problem.words().to_owned()),
    }
}

fn served(bytes: usize) -> Result<Served, WorkloadError> {
    let stream = match bytes {
        0 => Stream::brief(),
        bytes => Stream::with_event_of(bytes),
    };
    let reading = Reading::of(stream.bytes)
        .map_err(|why| WorkloadError::NoStream("a generated stream".to_owned(), why))?;
    Served::new(reading, Pace::Full)
}

/// A size as people write it.
pub(super) fn kib(bytes: usize) -> String {
    match bytes {
        0 => "no size".to_owned(),
        bytes if bytes >= 1 << 20 => format!("{} MB", bytes >> 20),
        bytes => format!("{} KB", bytes >> 10),
    }
}
