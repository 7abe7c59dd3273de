//! What a refusal of an OAuth endpoint means. The code decides, not the status: the same error comes as 400 and 401.

use std::time::SystemTime;

use crate::answer::Answer;
use crate::defect::{self, Defect};
use crate::error_body::ErrorBody;
use crate::failure::{Class, Failure};
use crate::redact::Redactor;

/// Runs of this many token characters in the words of an OAuth endpoint are taken for a secret.
const OPAQUE_RUN: usize = 32;

/// Classifies an answer of the token endpoint that is not a set of tokens.
///
/// ```
/// use loginproof_client::{answer::Answer, failure::Class, oauth::refusal, redact::Redactor};
/// let body = r#"{"error":{"code":"refresh_token_reused","message":"Used."}}"#;
/// for status in [400, 401] {
///     let failure = refusal::classify(&Answer::new(status, body), &Redactor::default());
///     assert_eq!(failure.class, Class::RefreshReused);
/// }
/// ```
pub fn classify(answer: &Answer, redactor: &Redactor) -> Failure {
    let mut body = ErrorBody::from_bytes(&answer.body);
    let nested = || answer.json().is_some_and(|json| json["error"].is_object());
    if defect::active(Defect::FlatErrorsOnly) && nested() {
        let nothing = ErrorBody::default();
        let now = SystemTime::now();
        return Failure::from_body(Class::InvalidRequest, &nothing, Some(answer), redactor, now);
    }
    let quoted = body.message.clone();
    if answer.is_html() {
        body = ErrorBody::default();
    }
    body.message = body
        .message
        .map(|m| without_opaque_runs(&redactor.redact(&m)));
    let class = class_of(answer, &body);
    let mut failure = Failure::from_body(class, &body, Some(answer), redactor, SystemTime::now());
    if defect::active(Defect::RefusalQuotedAsSent) {
        failure.message = quoted;
    }
    if defect::active(Defect::ReasonDropped) {
        (failure.code, failure.message) = (None, None);
    }
    failure
}

/// Classifies a refusal during sign-in, where no grant exists yet that could be dead.
pub fn classify_sign_in(answer: &Answer, redactor: &Redactor) -> Failure {
    let failure = classify(answer, redactor);
    if failure.ends_the_grant() {
        Failure {
            class: Class::InvalidRequest,
            ..failure
        }
    } else {
        failure
    }
}

/// Codes that mean refusal by region or policy, at any OAuth endpoint.
pub(super) fn is_policy(body: &ErrorBody) -> bool {
    [
        "unsupported_country_region_territory",
        "unsupported_country",
        "account_deactivated",
        "access_restricted",
    ]
    .iter()
    .any(|code| body.names(code))
}

fn class_of(answer: &Answer, body: &ErrorBody) -> Class {
    let status = answer.status;
    if is_policy(body) {
        return Class::Policy;
    }
    if let Some(class) = body
        .code_or_kind()
        .and_then(|code| class_of_code(code, status))
    {
        return class;
    }
    match status {
        429 if defect::active(Defect::ThrottleEndsTheSignIn) => Class::RefreshRejected,
        500.. if defect::active(Defect::ServerErrorEndsTheSignIn) => Class::RefreshRejected,
        403 if defect::active(Defect::BlockPageEndsTheSignIn) => Class::RefreshRejected,
        429 => Class::RateLimited,
        500.. => Class::Server,
        401 => Class::RefreshRejected,
        // An edge in between has no say on the grant.
        403 if answer.is_html() || answer.header("cf-mitigated").is_some() => Class::EdgeBlock,
        403 => Class::RefreshRejected,
        408 => Class::Timeout,
        200..300 if answer.is_html() => Class::EdgeBlock,
        _ if answer.is_html() => Class::EdgeBlock,
        200..300 => Class::Unreadable,
        // RFC 6749 §5.2: a refused grant is a 400, whatever words stand beside it.
        400 => Class::RefreshRejected,
        _ => Class::InvalidRequest,
    }
}

/// Whether this code says that the grant itself is dead. Anything else may be a gateway's word.
pub fn ends_the_grant(code: &str) -> bool {
    use Class::{RefreshExpired, RefreshRejected, RefreshReused, RefreshRevoked};
    let class = class_of_code(code, 400);
    matches!(
        class,
        Some(RefreshExpired | RefreshRejected | RefreshReused | RefreshRevoked)
    )
}

fn class_of_code(code: &str, status: u16) -> Option<Class> {
    Some(match code {
        "refresh_token_reused" => Class::RefreshReused,
        // The access token's code, but here it speaks of the grant that was shown: no second try can help.
        "refresh_token_expired" | "token_expired" | "expired_token" => Class::RefreshExpired,
        "refresh_token_invalidated"
        | "refresh_token_revoked"
        | "token_revoked"
        | "token_invalidated" => Class::RefreshRevoked,
        // RFC 6749 §5.2
        "invalid_grant"
        | "invalid_token"
        | "unauthorized_client"
        | "invalid_client"
        | "access_denied" => Class::RefreshRejected,
        "temporarily_unavailable" | "server_error" if status < 500 => Class::Server,
        "slow_down" => Class::RateLimited,
        _ => return None,
    })
}

/// An OAuth endpoint has every reason to echo secrets, and none to say long opaque words.
fn without_opaque_runs(text: &str) -> String {
    let opaque =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '~' | '+' | '=' | '%');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let run = rest.find(|c| !opaque(c)).unwrap_or(rest.len());
        out.push_str(if run >= OPAQUE_RUN {
            crate::redact::REDACTED
        } else {
            &rest[..run]
        });
        rest = &rest[run..];
        let gap = rest.find(opaque).unwrap_or(rest.len());
        out.push_str(&rest[..gap]);
        rest = &rest[gap..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(status: u16, body: &str) -> Class {
        classify(&Answer::new(status, body), &Redactor::default()).class
    }

    #[test]
    fn every_shape_of_a_dead_grant_has_its_class() {
        assert_eq!(
            class(401, r#"{"error":{"code":"refresh_token_expired"}}"#),
            Class::RefreshExpired
        );
        assert_eq!(
            class(401, r#"{"error":{"code":"refresh_token_invalidated"}}"#),
            Class::RefreshRevoked
        );
        assert_eq!(
            class(401, r#"{"error":{"code":"token_expired","type":null}}"#),
            Class::RefreshExpired
        );
        assert_eq!(
            class(400, r#"{"error":"invalid_grant","error_description":"x"}"#),
            Class::RefreshRejected
        );
        assert_eq!(
            class(400, r#"{"error_code":"invalid_grant"}"#),
            Class::RefreshRejected
        );
        assert_eq!(
            class(400, r#"{"code":"refresh_token_reused"}"#),
            Class::RefreshReused
        );
        assert_eq!(class(401, ""), Class::RefreshRejected);
        assert_eq!(class(403, "{}"), Class::RefreshRejected);
        assert_eq!(
            class(400, r#"{"detail":"Unknown grant"}"#),
            Class::RefreshRejected
        );
    }

    #[test]
    fn only_a_code_that_names_the_grant_ends_it_for_good() {
        assert!(ends_the_grant("invalid_grant") && ends_the_grant("token_expired"));
        assert!(!ends_the_grant("invalid_request") && !ends_the_grant("something_new"));
    }

    #[test]
    fn what_passes_by_itself_leaves_the_grant_alive() {
        for (status, body) in [
            (500, r#"{"error":"temporary-failure"}"#),
            (502, "<html>"),
            (503, ""),
            (429, "{}"),
            (403, "<!doctype html>"),
        ] {
            let failure = classify(&Answer::new(status, body), &Redactor::default());
            assert!(
                !failure.ends_the_grant() && !failure.sign_in_helps(),
                "{status} {body}: {failure:?}"
            );
        }
        assert_eq!(
            class(403, "<!doctype html><title>Just a moment...</title>"),
            Class::EdgeBlock
        );
    }

    #[test]
    fn a_region_refusal_is_a_policy_and_keeps_its_code() {
        let answer = Answer::new(
            403,
            r#"{"error":{"code":"unsupported_country_region_territory","message":"Country, region, or territory not supported"}}"#,
        );
        let failure = classify(&answer, &Redactor::default());
        assert_eq!(failure.class, Class::Policy);
        assert!(
            failure
                .to_string()
                .contains("unsupported_country_region_territory")
        );
    }

    #[test]
    fn an_echoed_secret_does_not_reach_the_text() {
        let secret = "rt.loginproof.0123456789abcdefghij";
        let answer = Answer::new(
            401,
            format!(
                r#"{{"error":{{"code":"invalid_grant","message":"bad {secret}, new LOGINPROOF0123456789012345678901234567890"}}}}"#
            ),
        );
        let text = classify(&answer, &Redactor::new([secret])).to_string();
        assert!(!text.to_lowercase().contains("loginproof"), "{text}");
    }
}
