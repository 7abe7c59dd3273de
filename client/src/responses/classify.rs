//! What a failure of the Responses endpoint means: from an HTTP answer, an error event, or a failed response.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::answer::Answer;
use crate::defect::{self, Defect};
use crate::error_body::ErrorBody;
use crate::failure::{Class, Failure};
use crate::redact::Redactor;

/// Classifies an HTTP answer that is not a stream.
///
/// ```
/// use loginproof_client::{answer::Answer, failure::Class, redact::Redactor, responses::classify_answer};
/// let answer = Answer::new(401, r#"{"error":{"code":"token_revoked","type":null}}"#);
/// assert_eq!(classify_answer(&answer, &Redactor::default()).class, Class::AccessRevoked);
/// ```
pub fn classify_answer(answer: &Answer, redactor: &Redactor) -> Failure {
    let now = SystemTime::now();
    if answer.is_html() {
        return page(answer, now);
    }
    let mut body = answer
        .json()
        .map(|json| ErrorBody::from_json(&json))
        .unwrap_or_default();
    if body.message.is_none() && answer.json().is_none() {
        body.message = std::str::from_utf8(&answer.body)
            .ok()
            .map(str::to_owned)
            .filter(|t| !t.trim().is_empty());
    }
    if body.code.is_none() {
        body.code = hinted_code(answer);
    }
    if body.resets_at.is_none() && body.resets_in.is_none() {
        body.resets_in = answer
            .header("x-codex-primary-reset-after-seconds")
            .and_then(|v| v.trim().parse().ok());
    }
    classify_error(&body, Some(answer), redactor, now)
}

/// Classifies an error body, from an answer or from an event of a stream.
pub fn classify_error(
    body: &ErrorBody,
    answer: Option<&Answer>,
    redactor: &Redactor,
    now: SystemTime,
) -> Failure {
    let status = answer
        .map(|a| a.status)
        .or(body.status)
        .filter(|s| *s >= 400);
    let class = class_of(body, status, now);
    let mut failure = Failure::from_body(class, body, answer, redactor, now);
    if failure.class == Class::RateLimited && failure.retry_after.is_none() {
        failure.retry_after = body.message.as_deref().and_then(delay_in_prose);
    }
    failure
}

/// Classifies the `error` of a failed response: an object, a string, null, or something else.
pub fn failure_of_response(response: &Value, redactor: &Redactor, now: SystemTime) -> Failure {
    let error = response.get("error").filter(|e| !e.is_null());
    let body = match error {
        Some(error) => ErrorBody::from_json(&serde_json::json!({ "error": error })),
        None => ErrorBody::default(),
    };
    let mut failure = classify_error(&body, None, redactor, now);
    if failure.code.is_none() && failure.message.is_none() {
        failure.message = Some("the server gave no reason".to_owned());
    }
    failure
}

fn class_of(body: &ErrorBody, status: Option<u16>, now: SystemTime) -> Class {
    let by_name = [body.code.as_deref(), body.kind.as_deref()]
        .into_iter()
        .flatten();
    for name in by_name {
        if let Some(class) = class_of_name(name, body, status, now) {
            return class;
        }
    }
    match status {
        Some(401) if defect::active(Defect::BareUnauthorizedUnknown) => Class::InvalidRequest,
        Some(401) => Class::AccessExpired,
        Some(408) => Class::Timeout,
        Some(429) => Class::RateLimited,
        Some(529) => Class::Overloaded,
        Some(402 | 403 | 451) => Class::Policy,
        Some(500..) => Class::Server,
        Some(_) => Class::InvalidRequest,
        None => Class::Unclassified,
    }
}

fn class_of_name(
    name: &str,
    body: &ErrorBody,
    status: Option<u16>,
    now: SystemTime,
) -> Option<Class> {
    Some(match name {
        "token_expired" => Class::AccessExpired,
        "token_invalidated" | "token_revoked" | "account_deactivated" => Class::AccessRevoked,
        "invalid_token" | "authentication_error" | "unauthorized" => Class::AccessExpired,
        "usage_limit_reached" if defect::active(Defect::LimitTakenForSignIn) => {
            Class::AccessRevoked
        }
        "usage_limit_reached" => Class::UsageLimit {
            plan: plan(body),
            resets_at: reset(body, now),
        },
        "insufficient_quota"
        | "usage_not_included"
        | "credit_balance_exhausted"
        | "organization_spend_limit_exceeded"
        | "project_spend_limit_exceeded"
        | "organization_usage_limit_exceeded"
        | "billing_hard_limit_reached" => Class::Quota,
        "rate_limit_exceeded" | "rate_limit_error" | "too_many_requests" => Class::RateLimited,
        // `slow_down` here is a lack of capacity, not the OAuth error of that name.
        "server_is_overloaded"
        | "slow_down"
        | "overloaded_error"
        | "service_unavailable_error"
        | "engine_overloaded" => Class::Overloaded,
        "server_error"
        | "internal_error"
        | "internal_server_error"
        | "api_error"
        | "vector_store_timeout" => Class::Server,
        "context_length_exceeded" => Class::ContextLength,
        "deactivated_workspace" => Class::Policy,
        policy if names_a_policy(policy) => Class::Policy,
        "invalid_prompt" | "model_not_found" => Class::InvalidRequest,
        // Only where no better word stands beside it: a 401 may be typed `invalid_request_error`.
        "invalid_request_error" if status.is_none_or(|s| s == 400) => Class::InvalidRequest,
        _ => return None,
    })
}

/// Whether this code says what a policy forbids, to whomever it is asked by.
pub(crate) fn names_a_policy(code: &str) -> bool {
    matches!(
        code,
        "cyber_policy"
            | "bio_policy"
            | "misalignment_policy_violation"
            | "image_content_policy_violation"
            | "content_policy_violation"
            | "data_residency_mismatch"
            | "unsupported_country_region_territory"
    )
}

fn plan(body: &ErrorBody) -> Option<String> {
    body.plan
        .as_deref()
        .map(|plan| crate::redact::one_line(plan, 40))
}

fn reset(body: &ErrorBody, now: SystemTime) -> Option<SystemTime> {
    if defect::active(Defect::ResetTimeUnread) {
        return None;
    }
    let seconds = |n: i64| u64::try_from(n).ok().map(Duration::from_secs);
    let at = body
        .resets_at
        .and_then(seconds)
        .and_then(|s| SystemTime::UNIX_EPOCH.checked_add(s));
    let invented =
        || defect::active(Defect::ResetTimeInvented).then(|| now + Duration::from_secs(5 * 3600));
    at.or_else(|| now.checked_add(body.resets_in.and_then(seconds)?))
        .or_else(invented)
}

/// The code that some answers carry in a header when the body is generic.
fn hinted_code(answer: &Answer) -> Option<String> {
    let sealed = answer
        .header("x-error-json")
        .and_then(|v| STANDARD.decode(v.trim()).ok());
    let code = sealed.and_then(|json| ErrorBody::from_bytes(&json).code);
    let plain = || {
        answer
            .header("x-openai-authorization-error")
            .map(|v| v.trim().to_ascii_lowercase())
    };
    code.or_else(plain).filter(|code| !code.is_empty())
}

/// A web page where the service should answer: named in one line, never quoted.
fn page(answer: &Answer, now: SystemTime) -> Failure {
    let class = if answer.status >= 500 {
        Class::Server
    } else {
        Class::EdgeBlock
    };
    let class = match answer.status {
        401 => Class::AccessExpired,
        429 => Class::RateLimited,
        _ => class,
    };
    if defect::active(Defect::BlockPageQuoted) {
        let page = String::from_utf8_lossy(&answer.body);
        return Failure::local(Class::InvalidRequest, page);
    }
    let body = ErrorBody {
        message: Some("a web page came instead of an answer".to_owned()),
        ..ErrorBody::default()
    };
    Failure::from_body(class, &body, Some(answer), &Redactor::default(), now)
}

/// "try again in 11.054s", "28ms", "35 seconds": the delay that a server states in its text only.
fn delay_in_prose(message: &str) -> Option<Duration> {
    if defect::active(Defect::DelayInProseUnread) {
        return None;
    }
    let lower = message.to_ascii_lowercase();
    let rest = lower.split_once("try again in")?.1.trim_start();
    let digits = rest
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(rest.len());
    let number: f64 = rest[..digits].trim_end_matches('.').parse().ok()?;
    let unit: String = rest[digits..]
        .trim_start()
        .chars()
        .take_while(char::is_ascii_alphabetic)
        .collect();
    let seconds = match unit.as_str() {
        "ms" | "milliseconds" | "millisecond" => number / 1000.0,
        "s" | "sec" | "secs" | "second" | "seconds" => number,
        "m" | "min" | "mins" | "minute" | "minutes" => number * 60.0,
        "h" | "hour" | "hours" => number * 3600.0,
        _ => return None,
    };
    Some(Duration::from_secs_f64(seconds.min(31_536_000.0)))
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
