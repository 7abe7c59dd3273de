//! So many bytes per second.

use std::time::Duration;

use tokio::time::Instant;

/// How often a throttled answer goes on.
const TICK: Duration = Duration::from_millis(20);

/// How an answer is throttled.
#[derive(Debug)]
pub(super) struct Pace {
    /// Bytes per second.
    rate: f64,
    /// When the last piece had its time: a timer that fires late is made up for.
    due: Option<Instant>,
}

impl Pace {
    pub(super) fn new(bytes_per_second: u32) -> Self {
        Self {
            rate: f64::from(bytes_per_second.max(1)),
            due: None,
        }
    }

    /// How many bytes go out at once.
    pub(super) fn piece(&self) -> usize {
        let piece = (self.rate * TICK.as_secs_f64()).ceil().max(1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and below 2^32"
        )]
        let piece = piece as usize;
        piece
    }

    /// How long to wait now that so many bytes went out.
    pub(super) fn after(&mut self, length: usize) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "a piece is small")]
        let time = Duration::from_secs_f64(length as f64 / self.rate);
        let now = Instant::now();
        // Not more than one tick, so that a pause is not followed by a burst.
        let next = self.due.map_or(now, |due| due.max(now - TICK.min(time))) + time;
        self.due = Some(next);
        next.saturating_duration_since(now)
    }
}
