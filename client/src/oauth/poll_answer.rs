//! What an answer to a poll means. The vendor says "pending" with a bare 403 or 404; RFC 8628 says it with a code.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::refusal;
use super::secret::{AuthorizationCode, CodeVerifier};
use super::user_code::interval;
use crate::answer::Answer;
use crate::defect::{self, Defect};
use crate::error_body::ErrorBody;
use crate::failure::Failure;
use crate::redact::Redactor;

/// The meaning of a poll's answer.
#[derive(Debug)]
pub(super) enum PollAnswer {
    /// The person approved.
    Approved {
        code: AuthorizationCode,
        verifier: CodeVerifier,
    },
    /// The person has not decided yet.
    Pending,
    /// The polls come too fast.
    SlowDown {
        interval: Option<Duration>,
        retry_after: Option<Duration>,
    },
    /// The server cannot answer now.
    Busy(Failure),
    /// The person said no.
    Denied,
    /// The code is past its time.
    Expired,
    /// No later poll can succeed.
    Refused(Failure),
    /// Approved, but a field is not there.
    Missing(&'static str),
    /// A success that is not JSON.
    NotJson,
}

pub(super) fn read(answer: &Answer, redactor: &Redactor, now: SystemTime) -> PollAnswer {
    let json = answer.json();
    let body = json.as_ref().map(ErrorBody::from_json).unwrap_or_default();
    let refused = || refusal::classify_sign_in(answer, redactor);
    // A 403 is pending only when nothing in it speaks against it.
    if refusal::is_policy(&body) {
        return PollAnswer::Refused(refused());
    }
    if let Some(code) = body.code_or_kind().filter(|_| answer.status < 500) {
        if code.contains("pending") && !defect::active(Defect::PendingCodeUnknown) {
            return PollAnswer::Pending;
        }
        if code == "slow_down" {
            let given = json.as_ref().and_then(|j| {
                j.get("interval")
                    .or_else(|| j.get("error")?.get("interval"))
            });
            return PollAnswer::SlowDown {
                interval: interval(given),
                retry_after: answer.retry_after(now),
            };
        }
        // RFC 8628 §3.5: access_denied and expired_token end the flow. The vendor's denial is authorization_declined.
        if code.contains("denied") || code.contains("declined") {
            return PollAnswer::Denied;
        }
        if code.contains("expired") {
            return PollAnswer::Expired;
        }
    }
    match answer.status {
        200..300 => approved(json.as_ref()),
        403 if answer.is_html() || answer.header("cf-mitigated").is_some() => {
            PollAnswer::Busy(refused())
        }
        403 | 404 if !defect::active(Defect::BareStatusFatal) => PollAnswer::Pending,
        429 if defect::active(Defect::ThrottledPollKeepsPace) => PollAnswer::Pending,
        429 => PollAnswer::SlowDown {
            interval: None,
            retry_after: answer.retry_after(now),
        },
        408 | 500.. => PollAnswer::Busy(refused()),
        _ => PollAnswer::Refused(refused()),
    }
}

fn approved(json: Option<&Value>) -> PollAnswer {
    let Some(Value::Object(object)) = json else {
        return PollAnswer::NotJson;
    };
    let text = |name: &str| {
        object
            .get(name)
            .and_then(Value::as_str)
            .filter(|s| !s.is_empty())
    };
    let Some(code) = text("authorization_code") else {
        return PollAnswer::Missing("authorization_code");
    };
    let Some(verifier) = text("code_verifier") else {
        return PollAnswer::Missing("code_verifier");
    };
    PollAnswer::Approved {
        code: AuthorizationCode::new(code),
        verifier: CodeVerifier::new(verifier),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(status: u16, body: &str) -> PollAnswer {
        read(
            &Answer::new(status, body),
            &Redactor::default(),
            SystemTime::UNIX_EPOCH,
        )
    }

    #[test]
    fn a_bare_403_or_404_is_pending_and_so_is_the_standard_code() {
        for (status, body) in [
            (403, ""),
            (404, "{}"),
            (
                403,
                r#"{"error":{"code":"deviceauth_authorization_unknown"}}"#,
            ),
            (
                400,
                r#"{"error":"authorization_pending","error_description":"x"}"#,
            ),
            (400, r#"{"error":"token_pending"}"#),
            (200, r#"{"error":"authorization_pending"}"#),
        ] {
            assert!(
                matches!(meaning(status, body), PollAnswer::Pending),
                "{status} {body}"
            );
        }
    }

    #[test]
    fn denied_and_expired_are_told_apart_at_any_status() {
        for (status, body) in [
            (
                401,
                r#"{"error":"authorization_declined","error_description":"Denied"}"#,
            ),
            (400, r#"{"error":"access_denied"}"#),
            (403, r#"{"error":{"code":"access_denied"}}"#),
        ] {
            assert!(
                matches!(meaning(status, body), PollAnswer::Denied),
                "{status} {body}"
            );
        }
        assert!(matches!(
            meaning(400, r#"{"error":"expired_token"}"#),
            PollAnswer::Expired
        ));
    }

    #[test]
    fn slow_down_comes_with_any_status_and_may_carry_an_interval() {
        let ten = Some(Duration::from_secs(10));
        assert!(
            matches!(meaning(200, r#"{"error":"slow_down","interval":10}"#), PollAnswer::SlowDown { interval, .. } if interval == ten)
        );
        assert!(matches!(
            meaning(400, r#"{"error":"slow_down"}"#),
            PollAnswer::SlowDown { interval: None, .. }
        ));
        assert!(matches!(meaning(429, ""), PollAnswer::SlowDown { .. }));
    }

    #[test]
    fn what_a_gateway_says_is_neither_yes_nor_no() {
        for (status, body) in [
            (502, "<html>"),
            (503, "down"),
            (500, ""),
            (403, "<!doctype html><title>Just a moment..."),
        ] {
            assert!(
                matches!(meaning(status, body), PollAnswer::Busy(_)),
                "{status} {body}"
            );
        }
        assert!(matches!(meaning(200, "<html>"), PollAnswer::NotJson));
        assert!(matches!(
            meaning(200, "{}"),
            PollAnswer::Missing("authorization_code")
        ));
    }

    #[test]
    fn a_region_refusal_ends_the_flow_though_it_is_a_403() {
        let body = r#"{"error":{"code":"unsupported_country_region_territory","message":"no"}}"#;
        assert!(matches!(meaning(403, body), PollAnswer::Refused(_)));
    }
}
