//! How fast a device may poll (RFC 8628 §3.5), and how often it did not wait.

use std::time::{Duration, SystemTime};

/// A poll that came sooner than the interval allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlyPoll {
    /// Which provider was asked.
    pub provider: &'static str,
    /// Time since the poll before, or since the code was issued.
    pub waited: Duration,
    /// What the device should have waited.
    pub interval: Duration,
}

/// The interval of one sign-in and from when on the next wait counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    interval: Duration,
    last: Option<SystemTime>,
}

impl Pace {
    /// A pace that rules the time between two polls; the first may come at once, as in the vendor's own flow.
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval,
            last: None,
        }
    }

    /// A pace that rules the time before the first poll too, counted from when the code was issued: some servers
    /// stamp the next allowed poll then (RFC 8628 §3.5 speaks of each new request).
    pub(super) fn from_issue(interval: Duration, issued: SystemTime) -> Self {
        Self {
            interval,
            last: Some(issued),
        }
    }

    pub(super) fn interval(&self) -> Duration {
        self.interval
    }

    /// A poll comes in. How long the device waited, if that was too short.
    pub(super) fn poll(&mut self, now: SystemTime) -> Option<Duration> {
        let waited = self
            .last
            .replace(now)
            .map(|last| now.duration_since(last).unwrap_or(Duration::ZERO));
        waited.filter(|waited| *waited + TOLERANCE < self.interval)
    }

    /// RFC 8628 §3.5: `slow_down` adds five seconds, for this and all later requests.
    pub(super) fn slow_down(&mut self) -> Duration {
        self.interval += Duration::from_secs(5);
        self.interval
    }
}

/// A device measures on its own clock and from its own end of the wire.
const TOLERANCE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
    }

    #[test]
    fn only_a_second_poll_can_be_early() {
        let mut pace = Pace::new(Duration::from_secs(5));
        assert_eq!(pace.poll(at(0)), None);
        assert_eq!(pace.poll(at(4_000)), Some(Duration::from_secs(4)));
        assert_eq!(pace.poll(at(8_960)), None);
    }

    #[test]
    fn a_first_poll_is_early_where_the_wait_counts_from_the_issue() {
        let mut pace = Pace::from_issue(Duration::from_secs(5), at(1_000));
        assert_eq!(pace.poll(at(1_200)), Some(Duration::from_millis(200)));
        let mut pace = Pace::from_issue(Duration::from_secs(5), at(1_000));
        assert_eq!(pace.poll(at(6_000)), None);
    }

    #[test]
    fn slowing_down_lasts_as_rfc_8628_section_3_5_says() {
        let mut pace = Pace::new(Duration::from_secs(5));
        pace.poll(at(0));
        assert_eq!(pace.slow_down(), Duration::from_secs(10));
        assert_eq!(pace.slow_down(), Duration::from_secs(15));
        assert!(pace.poll(at(14_000)).is_some());
        assert!(pace.poll(at(29_000)).is_none());
    }
}
