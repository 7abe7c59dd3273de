//! How long the flows wait, and how often they try.

use std::time::{Duration, Instant};

use super::sign_in_error::SignInError;
use crate::defect::{self, Defect};
use crate::failure::Failure;

/// Added to every wait: a poll that is early by a rounding error costs five seconds for good.
pub(super) const MARGIN: Duration = Duration::from_millis(100);
/// Polls in a row that may get no answer.
const LOST_POLLS: u32 = 6;
/// The longest wait that a server can ask for or that back-off grows to.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// RFC 8628 §3.5: slow_down adds five seconds, for good.
pub(super) const SLOW_DOWN: Duration = Duration::from_secs(5);

/// The wait before the next poll after so many in a row without a useful answer.
///
/// RFC 8628 §3.5: on a timeout the client must poll less often; exponential back-off is recommended.
pub(super) fn backed_off(interval: Duration, idle: u32) -> Duration {
    (interval * (1 << idle.min(10))).min(LONGEST_WAIT.max(interval))
}

/// The wait before a request is sent again: `first`, twice that, … seconds, or as long as the server asks, unless that
/// is too long.
pub(crate) fn before_retry(
    failure: Failure,
    attempts: u32,
    limit: u32,
    first: u64,
) -> Result<Duration, SignInError> {
    let wait = failure
        .retry_after
        .unwrap_or_else(|| Duration::from_secs(first << (attempts - 1).min(4)));
    if !failure.retry_helps() || wait > LONGEST_WAIT {
        return Err(SignInError::Refused(failure));
    }
    if attempts >= limit {
        return Err(SignInError::GaveUp {
            attempts,
            last: failure,
        });
    }
    Ok(wait)
}

/// When to poll next: after the wait, counted from the end of the last answer.
pub(super) fn after(now: Instant, wait: Duration) -> Instant {
    if defect::active(Defect::PollsAHairEarly) {
        return now + wait.saturating_sub(MARGIN);
    }
    now + wait + MARGIN
}

/// Counts a poll that got no answer: `lost` of them in a row by now. Gives the failure back while the sign-in goes on.
pub(super) fn lost_poll(lost: &mut u32, failure: Failure) -> Result<Failure, SignInError> {
    *lost += 1;
    if poll_is_fatal(&failure) {
        return Err(SignInError::Refused(failure));
    }
    if *lost >= LOST_POLLS {
        return Err(SignInError::GaveUp {
            attempts: *lost,
            last: failure,
        });
    }
    Ok(failure)
}

/// Whether a poll's failure ends the sign-in.
pub(super) fn poll_is_fatal(failure: &Failure) -> bool {
    match failure.status {
        None => defect::active(Defect::LostPollFatal),
        Some(500..) => defect::active(Defect::PollServerErrorFatal),
        Some(_) => false,
    }
}

/// The interval from now on and the wait before the next poll, after `slow_down`.
pub(super) fn slowed_down(
    interval: Duration,
    asked: Duration,
    retry_after: Option<Duration>,
) -> (Duration, Duration) {
    let slower = if defect::active(Defect::SlowDownIgnored) {
        interval
    } else {
        asked
    };
    let wait = slower.max(retry_after.unwrap_or_default());
    if defect::active(Defect::SlowDownForgotten) {
        return (interval, wait);
    }
    (slower, wait)
}
