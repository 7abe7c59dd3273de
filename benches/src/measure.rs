//! A paired comparison: candidates take turns in one process, and the best CPU time of each counts. What else the
//! machine does costs all of them alike.

use std::hint::black_box;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::allocations;

/// One reader under test. It returns what it found, which must be the same for all.
pub(crate) struct Candidate {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&'static [u8], usize) -> usize,
    /// Reads small chunks in quadratic time, and gets a shorter stream for them.
    pub(crate) slow: bool,
}

/// What one candidate took for one pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) time: Duration,
    pub(crate) allocations: u64,
    pub(crate) found: usize,
}

/// Passes over the stream and time, per candidate.
const ROUNDS: usize = 15;
const BUDGET: Duration = Duration::from_millis(900);

/// The best pass of each candidate. `input` says which bytes it reads.
pub(crate) fn paired(
    candidates: &[&Candidate],
    chunk: usize,
    input: impl Fn(&Candidate) -> &'static [u8],
) -> Vec<Cost> {
    let mut best: Vec<Option<Cost>> = vec![None; candidates.len()];
    let mut spent = vec![Duration::ZERO; candidates.len()];
    for _ in 0..ROUNDS {
        for (at, candidate) in candidates.iter().enumerate() {
            if spent[at] >= BUDGET {
                continue;
            }
            let cost = once(candidate, input(candidate), chunk);
            spent[at] += cost.time;
            if best[at].is_none_or(|best| cost.time < best.time) {
                best[at] = Some(cost);
            }
        }
    }
    best.into_iter().flatten().collect()
}

fn once(candidate: &Candidate, stream: &'static [u8], chunk: usize) -> Cost {
    let (allocations, start) = (allocations::so_far(), cpu_time());
    let found = black_box((candidate.run)(black_box(stream), chunk));
    Cost {
        time: cpu_time().saturating_sub(start),
        allocations: allocations::so_far() - allocations,
        found,
    }
}

/// CPU time of this thread: other work on the machine does not count.
fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        now.tv_sec.unsigned_abs(),
        u32::try_from(now.tv_nsec).unwrap_or_default(),
    )
}
