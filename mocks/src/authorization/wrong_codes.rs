//! A bound on guessing user codes (RFC 8628 §5.1): they are short, so nobody may try many.

use std::time::{Duration, SystemTime};

/// Counts wrong codes within a window.
#[derive(Default)]
pub(super) struct WrongCodes {
    tries: u32,
    window: Option<SystemTime>,
}

impl WrongCodes {
    /// Seconds until codes are looked at again, if there were too many wrong ones.
    pub(super) fn locked_for(&self, now: SystemTime) -> Option<u64> {
        let left =
            WINDOW.checked_sub(now.duration_since(self.window?).unwrap_or(Duration::ZERO))?;
        (self.tries >= LIMIT && !left.is_zero()).then(|| left.as_secs().max(1))
    }

    /// One more wrong code.
    pub(super) fn count(&mut self, now: SystemTime) {
        let fresh = self
            .window
            .is_none_or(|start| now.duration_since(start).is_ok_and(|age| age >= WINDOW));
        if fresh {
            *self = Self {
                tries: 0,
                window: Some(now),
            };
        }
        self.tries += 1;
    }
}

/// With twenty letters in nine places, ten tries a minute find a code once in a hundred thousand years.
const LIMIT: u32 = 10;
const WINDOW: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn the_tenth_wrong_code_within_a_minute_locks_until_the_minute_is_over() {
        let mut wrong = WrongCodes::default();
        for second in 0..9 {
            wrong.count(at(second));
        }
        assert_eq!(wrong.locked_for(at(9)), None);
        wrong.count(at(9));
        assert_eq!(wrong.locked_for(at(9)), Some(51));
        assert_eq!(wrong.locked_for(at(60)), None);
        wrong.count(at(60));
        assert_eq!(wrong.locked_for(at(60)), None);
    }
}
