//! The first answer of the device flow: the code that a person enters, and how often to ask.

use std::time::Duration;

use serde_json::Value;

use super::secret::DeviceAuthId;
use super::sign_in_error::SignInError;
use crate::answer::Answer;
use crate::defect::{self, Defect};

/// RFC 8628 §3.2: without an interval the client must use five seconds.
pub(super) const DEFAULT_INTERVAL: Duration = Duration::from_secs(5);

/// The interval when the server names none.
pub(super) fn default_interval() -> Duration {
    if defect::active(Defect::NoIntervalNoWait) {
        return Duration::ZERO;
    }
    DEFAULT_INTERVAL
}

/// What the server issued.
#[derive(Clone, Debug)]
pub(super) struct Issued {
    pub(super) device_auth_id: DeviceAuthId,
    pub(super) user_code: String,
    pub(super) interval: Duration,
}

/// Reads a 200 answer of the user-code endpoint. Members that nobody knows are ignored.
pub(super) fn read(answer: &Answer) -> Result<Issued, SignInError> {
    const WHAT: &str = "device code";
    let Some(Value::Object(object)) = answer.json() else {
        return Err(SignInError::NotJson { what: WHAT });
    };
    let text = |name: &str| {
        object
            .get(name)
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|s| !s.is_empty())
    };
    if defect::active(Defect::IntervalStringOnly)
        && object.get("interval").is_some_and(Value::is_number)
    {
        return Err(SignInError::NotJson { what: WHAT });
    }
    let missing = |field| SignInError::MissingField { what: WHAT, field };
    Ok(Issued {
        device_auth_id: DeviceAuthId::new(text("device_auth_id").ok_or(missing("device_auth_id"))?),
        // The vendor's own client reads both spellings.
        user_code: text("user_code")
            .or_else(|| text("usercode").filter(|_| !defect::active(Defect::OneSpellingOfTheCode)))
            .ok_or(missing("user_code"))?
            .to_owned(),
        interval: interval(object.get("interval")).unwrap_or_else(default_interval),
    })
}

/// A polling interval sent as string or number. `None` when it is absent, below a second, or no number.
pub(super) fn interval(value: Option<&Value>) -> Option<Duration> {
    let seconds = match value? {
        Value::String(_) if defect::active(Defect::IntervalNumberOnly) => return None,
        Value::String(s) => s.trim().parse::<f64>().ok()?,
        Value::Number(n) => n.as_f64()?,
        _ => return None,
    };
    (seconds.is_finite() && seconds >= 1.0)
        .then(|| Duration::from_secs(seconds.ceil().min(86_400.0) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_read_as_string_and_number_and_defaults_to_five_seconds() {
        for (json, seconds) in [
            (r#""7""#, 7),
            (r#"" 7 ""#, 7),
            ("7", 7),
            ("7.2", 8),
            ("0", 5),
            (r#""""#, 5),
            (r#""junk""#, 5),
            ("null", 5),
            ("-3", 5),
            (r#""NaN""#, 5),
            ("[7]", 5),
        ] {
            let body = format!(
                r#"{{"device_auth_id":"d","usercode":"C","interval":{json},"expires_at":1}}"#
            );
            assert_eq!(
                read(&Answer::new(200, body)).unwrap().interval,
                Duration::from_secs(seconds),
                "{json}"
            );
        }
        let absent = read(&Answer::new(
            200,
            r#"{"device_auth_id":"d","user_code":"C"}"#,
        ))
        .unwrap();
        assert_eq!(absent.interval, DEFAULT_INTERVAL);
    }

    #[test]
    fn a_missing_field_is_named() {
        let error = read(&Answer::new(200, r#"{"user_code":"C"}"#)).unwrap_err();
        assert!(error.to_string().contains("device_auth_id"), "{error}");
        let error = read(&Answer::new(
            200,
            r#"{"device_auth_id":"loginproof-secret"}"#,
        ))
        .unwrap_err();
        assert!(
            error.to_string().contains("user_code") && !error.to_string().contains("secret"),
            "{error}"
        );
    }
}
