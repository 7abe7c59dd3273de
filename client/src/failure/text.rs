//! How a failure reads: what happened, the server's words, and the marks to look it up by.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::{Class, Failure};

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.headline())?;
        if let Class::UsageLimit { plan, resets_at } = &self.class {
            if let Some(plan) = plan {
                write!(f, " (plan {plan})")?;
            }
            if let Some(at) = resets_at {
                write!(f, ", resets {}", moment(*at, SystemTime::now()))?;
            }
        }
        if let Some(message) = self
            .message
            .as_deref()
            .filter(|_| self.class != Class::EdgeBlock || self.status.is_none())
        {
            write!(f, ": {message}")?;
        }
        let mut marks = Vec::new();
        marks.extend(self.code.clone());
        marks.extend(self.status.map(|s| format!("HTTP {s}")));
        marks.extend(
            self.request_id
                .as_ref()
                .map(|id| format!("request id {id}")),
        );
        if let Some(wait) = self.retry_after.filter(|_| self.retry_helps()) {
            marks.push(format!("try again in {}", span(wait)));
        }
        if !marks.is_empty() {
            write!(f, " [{}]", marks.join(", "))?;
        }
        Ok(())
    }
}

impl Failure {
    fn headline(&self) -> &'static str {
        match self.class {
            Class::AccessExpired => "the server does not accept the access token",
            Class::AccessRevoked => "this sign-in was revoked by the server",
            Class::RefreshReused => "the refresh token was already used by another program",
            Class::RefreshExpired => "the refresh token has expired",
            Class::RefreshRevoked => "the refresh token was revoked",
            Class::RefreshRejected => "the server refuses to renew this sign-in",
            Class::UsageLimit { .. } => "usage limit reached",
            Class::Quota => "no quota left for this request",
            Class::RateLimited => "rate limited by the server",
            Class::Overloaded => "the service is overloaded",
            Class::Server => "the server failed",
            Class::ContextLength => "the conversation is too long for the model",
            Class::Policy => "refused by the service's policy",
            Class::InvalidRequest => "the server rejects the request",
            Class::EdgeBlock => {
                "blocked by a proxy or the network edge: a web page (HTML) came instead of the service's answer"
            }
            Class::Transport => "the connection failed",
            Class::Timeout => "timed out",
            Class::Setup => "no connection with these settings",
            Class::Unreadable => "the server's answer cannot be read",
            Class::Unclassified => "the response failed",
        }
    }
}

/// A moment in UTC and how far away it is: `at 2026-04-04 15:52 UTC (in 3 h 20 min)`.
pub(crate) fn moment(at: SystemTime, now: SystemTime) -> String {
    let seconds = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let date = i64::try_from(seconds)
        .ok()
        .and_then(|s| jiff::Timestamp::from_second(s).ok());
    let date = date.map_or_else(
        || "an unknown time".to_owned(),
        |t| t.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    );
    match at.duration_since(now) {
        Ok(left) => format!("at {date} (in {})", span(left)),
        Err(ago) => format!("at {date} ({} ago)", span(ago.duration())),
    }
}

/// A duration in its two largest units.
pub(crate) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let Some(first) = units.iter().position(|(size, _)| seconds >= *size) else {
        return "0 s".to_owned();
    };
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (size, name) in units.iter().skip(first).take(2) {
        if rest / size > 0 {
            parts.push(format!("{} {name}", rest / size));
        }
        rest %= size;
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_span_names_its_two_largest_units() {
        let read = |s| span(Duration::from_secs(s));
        assert_eq!(
            (read(0), read(59), read(60)),
            ("0 s".into(), "59 s".into(), "1 min".into())
        );
        assert_eq!(read(602_705), "6 d 23 h");
        assert_eq!(span(Duration::from_millis(1)), "1 s");
    }

    #[test]
    fn a_moment_is_given_in_utc_with_its_distance() {
        assert_eq!(
            moment(at(1_775_317_531), at(1_775_317_531 - 3600)),
            "at 2026-04-04 15:45 UTC (in 1 h)"
        );
        assert_eq!(moment(at(0), at(60)), "at 1970-01-01 00:00 UTC (1 min ago)");
    }

    #[test]
    fn a_failure_reads_as_headline_words_and_marks() {
        let failure = Failure {
            class: Class::RefreshReused,
            status: Some(401),
            code: Some("refresh_token_reused".into()),
            message: Some("Already used.".into()),
            request_id: Some("req_1".into()),
            retry_after: None,
        };
        assert_eq!(
            failure.to_string(),
            "the refresh token was already used by another program: Already used. [refresh_token_reused, HTTP 401, request id req_1]"
        );
    }

    #[test]
    fn a_usage_limit_says_nothing_of_signing_in() {
        let class = Class::UsageLimit {
            plan: Some("free".into()),
            resets_at: Some(at(1_775_317_531)),
        };
        let text = Failure::local(class, "The usage limit has been reached").to_string();
        assert!(
            text.contains("plan free") && text.contains("2026-04-04 15:45 UTC"),
            "{text}"
        );
        assert!(
            !text.contains("sign") && !text.contains("credential"),
            "{text}"
        );
    }
}
