use super::*;

fn http(status: u16, body: &str) -> Failure {
    classify_answer(&Answer::new(status, body), &Redactor::default())
}

fn streamed(error: &str) -> Failure {
    let response = format!(r#"{{"status":"failed","error":{error}}}"#);
    let json = serde_json::from_str(&response).unwrap();
    failure_of_response(&json, &Redactor::default(), SystemTime::now())
}

#[test]
fn an_expired_access_token_is_curable_and_a_revoked_one_is_not() {
    let expired = http(
        401,
        r#"{"error":{"message":"Provided authentication token is expired.","type":null,"code":"token_expired","param":null},"status":401}"#,
    );
    assert_eq!(expired.class, Class::AccessExpired);
    assert!(expired.refresh_helps() && expired.sign_in_helps() && !expired.retry_helps());
    for code in ["token_invalidated", "token_revoked"] {
        let revoked = http(
            401,
            &format!(r#"{{"error":{{"code":"{code}","type":null}}}}"#),
        );
        assert_eq!(revoked.class, Class::AccessRevoked);
        assert!(!revoked.refresh_helps() && revoked.sign_in_helps());
    }
}

#[test]
fn every_other_401_gets_the_same_recovery_as_an_expired_token() {
    for body in [
        r#"{"detail":"Unauthorized"}"#,
        "",
        "<html>no</html>",
        r#"{"error":"invalid_token"}"#,
        r#"{"error":{"type":"invalid_request_error","code":"invalid_api_key"}}"#,
    ] {
        assert_eq!(http(401, body).class, Class::AccessExpired, "{body}");
    }
}

#[test]
fn a_code_in_a_header_speaks_for_a_generic_body() {
    let answer = Answer::new(401, "").with_header(
        "x-error-json",
        "eyJlcnJvciI6eyJjb2RlIjoidG9rZW5fcmV2b2tlZCJ9fQ==",
    );
    let answer = answer.with_header("x-request-id", "req_loginproof");
    let failure = classify_answer(&answer, &Redactor::default());
    assert_eq!(failure.class, Class::AccessRevoked);
    assert!(failure.to_string().contains("req_loginproof"));
}

#[test]
fn a_usage_limit_is_known_by_status_or_in_a_stream_and_names_its_reset() {
    let error = r#"{"type":"usage_limit_reached","message":"The usage limit has been reached","plan_type":"free","resets_at":1775317531,"resets_in_seconds":602705}"#;
    let body = format!(r#"{{"error":{error}}}"#);
    let event = ErrorBody::from_bytes(
        format!(r#"{{"type":"error","status_code":429,"error":{error}}}"#).as_bytes(),
    );
    let in_event = classify_error(&event, None, &Redactor::default(), SystemTime::now());
    for failure in [http(429, &body), streamed(error), in_event] {
        assert!(
            matches!(&failure.class, Class::UsageLimit { plan: Some(plan), resets_at: Some(_) } if plan == "free")
        );
        assert!(!failure.retry_helps() && !failure.sign_in_helps());
        let text = failure.to_string().to_lowercase();
        assert!(
            text.contains("2026-04-04 15:45 utc") && text.contains("free"),
            "{text}"
        );
        assert!(
            !text.contains("sign in") && !text.contains("credential"),
            "{text}"
        );
    }
}

#[test]
fn permanent_failures_are_not_retried_and_passing_ones_are() {
    for (code, class) in [
        ("context_length_exceeded", Class::ContextLength),
        ("insufficient_quota", Class::Quota),
        ("credit_balance_exhausted", Class::Quota),
        ("organization_spend_limit_exceeded", Class::Quota),
        ("usage_not_included", Class::Quota),
        ("cyber_policy", Class::Policy),
        ("invalid_prompt", Class::InvalidRequest),
        ("something_new", Class::Unclassified),
    ] {
        let failure = streamed(&format!(r#"{{"code":"{code}","message":"m"}}"#));
        assert_eq!(failure.class, class, "{code}");
        assert!(!failure.retry_helps(), "{code}");
        assert!(failure.to_string().contains(code), "{code}");
    }
    for (code, class) in [
        ("server_error", Class::Server),
        ("internal_error", Class::Server),
        ("server_is_overloaded", Class::Overloaded),
        ("slow_down", Class::Overloaded),
        ("rate_limit_exceeded", Class::RateLimited),
    ] {
        let failure = streamed(&format!(r#"{{"code":"{code}","message":""}}"#));
        assert_eq!(failure.class, class, "{code}");
        assert!(failure.retry_helps(), "{code}");
    }
}

#[test]
fn a_status_without_a_body_has_a_class() {
    for (status, class) in [
        (400, Class::InvalidRequest),
        (402, Class::Policy),
        (404, Class::InvalidRequest),
        (413, Class::InvalidRequest),
        (429, Class::RateLimited),
        (500, Class::Server),
        (503, Class::Server),
        (529, Class::Overloaded),
    ] {
        assert_eq!(http(status, "").class, class, "{status}");
    }
    assert_eq!(
        http(503, r#"{"error":{"code":"slow_down"}}"#).class,
        Class::Overloaded
    );
    assert!(
        http(400, r#"{"detail":"Store must be set to false"}"#)
            .to_string()
            .contains("Store must be set to false")
    );
}

#[test]
fn the_delay_is_taken_from_prose_when_it_stands_nowhere_else() {
    for (message, wait) in [
        ("Please try again in 11.054s.", Some(11_054)),
        ("Please try again in 28ms.", Some(28)),
        ("try again in 35 seconds", Some(35_000)),
        ("Try again in 2 minutes", Some(120_000)),
        ("Rate limit reached.", None),
    ] {
        let failure = streamed(&format!(
            r#"{{"code":"rate_limit_exceeded","message":"{message}"}}"#
        ));
        assert_eq!(
            failure.retry_after.map(|d| d.as_millis()),
            wait,
            "{message}"
        );
    }
}

#[test]
fn an_odd_error_object_is_still_a_failure_with_words() {
    for (error, words) in [
        ("null", "no reason"),
        (r#""it broke down""#, "it broke down"),
        ("17", "no reason"),
        (
            r#"{"code":"internal_error","message":""}"#,
            "internal_error",
        ),
        (r#"{"message":"Slow down"}"#, "Slow down"),
    ] {
        let text = streamed(error).to_string();
        assert!(text.contains(words), "{error}: {text}");
    }
}

#[test]
fn a_web_page_becomes_one_short_line() {
    let page = format!(
        "<!DOCTYPE html><title>Just a moment...</title>{}",
        "<p>x</p>".repeat(4000)
    );
    let answer = Answer::new(403, page)
        .with_header("content-type", "text/html")
        .with_header("cf-ray", "8c0ffee-FRA");
    let failure = classify_answer(&answer, &Redactor::default());
    assert_eq!(failure.class, Class::EdgeBlock);
    let text = failure.to_string();
    assert!(
        text.contains("8c0ffee-FRA") && text.contains("403"),
        "{text}"
    );
    assert!(
        text.len() <= 300 && !text.contains('<') && !text.contains('\n'),
        "{text}"
    );
    assert!(!failure.sign_in_helps() && !failure.retry_helps());
}
