//! So many bytes, or events, per second.

use std::time::Duration;

use tokio::time::Instant;

use crate::fault::Throttle;

/// How often a throttled answer goes on.
const TICK: Duration = Duration::from_millis(20);

/// How an answer is throttled.
#[derive(Debug)]
pub(super) struct Pace {
    throttle: Throttle,
    /// When the last piece had its time: a timer that fires late is made up for.
    due: Option<Instant>,
}

impl Pace {
    pub(super) fn new(throttle: Throttle) -> Self {
        Self {
            throttle,
            due: None,
        }
    }

    /// How many bytes go out at once. An event is written at once anyway.
    pub(super) fn piece(&self) -> usize {
        let Throttle::BytesPerSecond(rate) = self.throttle else {
            return usize::MAX;
        };
        let piece = (f64::from(rate) * TICK.as_secs_f64()).ceil().max(1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and below 2^32"
        )]
        let piece = piece as usize;
        piece
    }

    /// How long to wait now that a piece of so many bytes went out.
    pub(super) fn after(&mut self, length: usize) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "a piece is small")]
        let time = match self.throttle {
            Throttle::BytesPerSecond(rate) => length as f64 / f64::from(rate.max(1)),
            Throttle::EventsPerSecond(rate) => 1.0 / f64::from(rate.max(1)),
        };
        let time = Duration::from_secs_f64(time);
        let now = Instant::now();
        // Not more than one tick, so that a pause is not followed by a burst.
        let next = self.due.map_or(now, |due| due.max(now - TICK)) + time;
        self.due = Some(next);
        next.saturating_duration_since(now)
    }
}
