//! The answers of RFC 8628, read into values: the code that was issued, and what a poll came to.
//!
//! Providers send the same codes with different statuses (400, 429, 200): the code decides.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use super::refusal;
use super::secret::{AccessToken, DeviceCode, IdToken, RefreshToken};
use super::sign_in_error::SignInError;
use super::user_code::{default_interval, interval};
use crate::answer::Answer;
use crate::defect::{self, Defect};
use crate::error_body::{ErrorBody, integer};
use crate::failure::Failure;
use crate::redact::Redactor;

/// What the device authorization endpoint issued (RFC 8628 §3.2).
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) device_code: DeviceCode,
    pub(super) user_code: String,
    pub(super) url: String,
    pub(super) complete_url: Option<String>,
    pub(super) expires_in: Duration,
    pub(super) interval: Duration,
}

/// Tokens of a provider.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The access token.
    pub access: AccessToken,
    /// The refresh token, where there is one.
    pub refresh: Option<RefreshToken>,
    /// Who signed in, where the server says so.
    pub id: Option<IdToken>,
    /// The type, as the server writes it.
    pub token_type: Option<String>,
    /// What was granted, where the server says so.
    pub scope: Option<String>,
    /// When the access token expires by the clock of this machine.
    pub expires_at: Option<SystemTime>,
    /// What else the service needs.
    pub extra: Map<String, Value>,
}

impl Tokens {
    /// Reads the tokens of a successful exchange.
    ///
    /// # Errors
    /// There are none in it. Nothing of the answer is quoted.
    pub fn read(answer: &Answer) -> Result<Self, SignInError> {
        match read_poll(answer, &[], &Redactor::default(), SystemTime::now()) {
            PollMeaning::Granted(tokens) => Ok(tokens),
            PollMeaning::Ended(error) => Err(error),
            _ => Err(SignInError::MissingField {
                what: "token",
                field: "access_token",
            }),
        }
    }
}

/// The meaning of a poll's answer.
#[derive(Debug)]
pub(super) enum PollMeaning {
    /// The person approved.
    Granted(Tokens),
    /// The person has not decided yet.
    Pending,
    /// The polls come too fast.
    SlowDown {
        interval: Option<Duration>,
        retry_after: Option<Duration>,
    },
    /// The server cannot answer now.
    Busy(Failure),
    /// Nothing more will come.
    Ended(SignInError),
}

/// Reads a 2xx answer of the device authorization endpoint. Members that nobody knows are ignored.
pub(super) fn read_issued(answer: &Answer) -> Result<Issued, SignInError> {
    const WHAT: &str = "device authorization";
    let Some(Value::Object(object)) = answer.json() else {
        return Err(SignInError::NotJson { what: WHAT });
    };
    let required =
        |field| text(&object, field).ok_or(SignInError::MissingField { what: WHAT, field });
    let url = required("verification_uri").or_else(|missing| {
        // The name in early drafts, which some servers kept.
        text(&object, "verification_url").ok_or(missing)
    })?;
    Ok(Issued {
        device_code: DeviceCode::new(required("device_code")?),
        user_code: required("user_code")?,
        url: openable(&url)?,
        complete_url: text(&object, "verification_uri_complete").and_then(|u| openable(&u).ok()),
        expires_in: seconds(&object, "expires_in").ok_or(SignInError::MissingField {
            what: WHAT,
            field: "expires_in",
        })?,
        interval: interval(object.get("interval")).unwrap_or_else(default_interval),
    })
}

/// Reads the answer to a poll.
pub(super) fn read_poll(
    answer: &Answer,
    kept: &[&str],
    redactor: &Redactor,
    now: SystemTime,
) -> PollMeaning {
    const WHAT: &str = "token";
    let json = answer.json();
    let refused = || refusal::classify_sign_in(answer, redactor);
    let Some(Value::Object(object)) = &json else {
        // What is not from the token endpoint itself says neither yes nor no.
        let mitigated = ["cf-mitigated", "x-vercel-mitigated"]
            .iter()
            .any(|name| answer.header(name).is_some());
        return match answer.status {
            408 | 429 | 500.. => PollMeaning::Busy(waiting(refused(), answer, now)),
            403 if mitigated || answer.is_html() => {
                PollMeaning::Busy(waiting(refused(), answer, now))
            }
            200..300 => PollMeaning::Ended(SignInError::NotJson { what: WHAT }),
            _ => PollMeaning::Ended(SignInError::Refused(refused())),
        };
    };
    if answer.is_success() && text(object, "access_token").is_some() {
        return granted(object, kept, now);
    }
    let body = ErrorBody::from_json(&Value::Object(object.clone()));
    if refusal::is_policy(&body) {
        return PollMeaning::Ended(SignInError::Refused(refused()));
    }
    let by_status = defect::active(Defect::PollErrorsWith400Only) && answer.status != 400;
    match body
        .code_or_kind()
        .filter(|_| answer.status < 500 && !by_status)
    {
        Some("authorization_pending") if !defect::active(Defect::PendingCodeUnknown) => {
            return PollMeaning::Pending;
        }
        Some("slow_down") => {
            return PollMeaning::SlowDown {
                interval: interval(object.get("interval"))
                    .filter(|_| !defect::active(Defect::NewIntervalUnread)),
                retry_after: answer.retry_after(now),
            };
        }
        Some("access_denied" | "authorization_declined") => {
            return PollMeaning::Ended(SignInError::Denied);
        }
        Some("expired_token") => return PollMeaning::Ended(SignInError::Expired),
        _ => {}
    }
    match answer.status {
        408 | 429 | 500.. => PollMeaning::Busy(waiting(refused(), answer, now)),
        200..300 if body.code_or_kind().is_none() => {
            PollMeaning::Ended(SignInError::MissingField {
                what: WHAT,
                field: "access_token",
            })
        }
        // RFC 8628 §3.5: any other error ends the polling.
        _ => PollMeaning::Ended(SignInError::Refused(refused())),
    }
}

/// Reads the token that a provider's second call gives.
pub(super) fn read_companion(
    answer: &Answer,
    redactor: &Redactor,
) -> Result<Map<String, Value>, SignInError> {
    const WHAT: &str = "service token";
    if !answer.is_success() {
        return Err(SignInError::Refused(refusal::classify_sign_in(
            answer, redactor,
        )));
    }
    let Some(Value::Object(mut object)) = answer.json() else {
        return Err(SignInError::NotJson { what: WHAT });
    };
    if text(&object, "token").is_none() {
        return Err(SignInError::MissingField {
            what: WHAT,
            field: "token",
        });
    }
    object.retain(|name, _| matches!(name.as_str(), "token" | "expires_at"));
    Ok(object)
}

fn granted(object: &Map<String, Value>, kept: &[&str], now: SystemTime) -> PollMeaning {
    let token_type = text(object, "token_type");
    // RFC 6749 §7.1: a token of a type that is not understood must not be used.
    if let Some(other) = token_type
        .as_deref()
        .filter(|t| !t.eq_ignore_ascii_case("bearer"))
    {
        let other = crate::redact::one_line(other, 40);
        let why = format!("the token type {other} is not understood");
        return PollMeaning::Ended(SignInError::Refused(Failure::local(
            crate::failure::Class::Unreadable,
            why,
        )));
    }
    let mut extra = object.clone();
    extra.retain(|name, value| kept.contains(&name.as_str()) && !value.is_null());
    PollMeaning::Granted(Tokens {
        access: AccessToken::new(text(object, "access_token").unwrap_or_default()),
        refresh: text(object, "refresh_token").map(RefreshToken::new),
        id: text(object, "id_token").map(IdToken::new),
        token_type,
        scope: text(object, "scope"),
        expires_at: seconds(object, "expires_in").and_then(|s| now.checked_add(s)),
        extra,
    })
}

fn waiting(failure: Failure, answer: &Answer, now: SystemTime) -> Failure {
    Failure {
        retry_after: answer.retry_after(now),
        ..failure
    }
}

/// A page that a person may be sent to, safe to print.
fn openable(url: &str) -> Result<String, SignInError> {
    let line = crate::redact::one_line(url, 2048);
    if line.starts_with("https://") || line.starts_with("http://") {
        return Ok(line);
    }
    Err(SignInError::MissingField {
        what: "device authorization",
        field: "verification_uri (an http or https URL)",
    })
}

fn text(object: &Map<String, Value>, name: &str) -> Option<String> {
    object
        .get(name)
        .and_then(Value::as_str)
        .map(str::trim)
        .filter(|s| !s.is_empty())
        .map(str::to_owned)
}

fn seconds(object: &Map<String, Value>, name: &str) -> Option<Duration> {
    let seconds = u64::try_from(object.get(name).and_then(integer)?).ok()?;
    Some(Duration::from_secs(seconds.min(u64::from(u32::MAX))))
}
