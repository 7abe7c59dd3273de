//! What a server says when it refuses: every shape of error body seen in the field, read into one value.

use serde_json::{Map, Value};

/// The parts of an error body that mean something. Text is as sent: redact it before showing it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ErrorBody {
    /// Machine-readable code, lower case.
    pub code: Option<String>,
    /// The `type` beside the code, lower case.
    pub kind: Option<String>,
    /// What the server tells a person.
    pub message: Option<String>,
    /// The parameter it is about.
    pub param: Option<String>,
    /// A status repeated inside the body (`status` or `status_code`).
    pub status: Option<u16>,
    /// The plan named by a usage limit.
    pub plan: Option<String>,
    /// Unix time at which a usage limit is lifted.
    pub resets_at: Option<i64>,
    /// Seconds until a usage limit is lifted.
    pub resets_in: Option<i64>,
    /// `retry-after` in a `headers` object of a stream event.
    pub retry_after: Option<String>,
}

impl ErrorBody {
    /// Reads the body of an HTTP answer. Anything that is not a JSON object gives the empty value.
    ///
    /// ```
    /// use loginproof_client::error_body::ErrorBody;
    /// let flat = ErrorBody::from_bytes(br#"{"error":"invalid_grant","error_description":"too old"}"#);
    /// let nested = ErrorBody::from_bytes(br#"{"error":{"code":"invalid_grant","message":"too old"}}"#);
    /// assert_eq!(flat, nested);
    /// ```
    pub fn from_bytes(body: &[u8]) -> Self {
        serde_json::from_slice::<Value>(body)
            .map(|v| Self::from_json(&v))
            .unwrap_or_default()
    }

    /// Reads a JSON value: `error` as object or string, `detail` as string, object or list, or flat members.
    pub fn from_json(value: &Value) -> Self {
        let Value::Object(top) = value else {
            return Self {
                message: text(Some(value)),
                ..Self::default()
            };
        };
        let mut body = match top.get("error") {
            Some(Value::Object(error)) => Self::from_object(error),
            // RFC 6749 §5.2: `error` is a string, the text stands beside it.
            Some(Value::String(code)) if looks_like_code(code) => Self {
                code: code_of(Some(&Value::String(code.clone()))),
                ..Self::default()
            },
            Some(Value::String(message)) => Self {
                message: Some(message.clone()),
                ..Self::default()
            },
            _ => Self::default(),
        };
        if let Some(detail) = top.get("detail") {
            body.fill(Self::from_detail(detail));
        }
        body.fill(Self::from_object(top));
        body
    }

    /// The code if there is one, else the type.
    pub fn code_or_kind(&self) -> Option<&str> {
        self.code.as_deref().or(self.kind.as_deref())
    }

    /// Whether code or type is this name.
    pub fn names(&self, name: &str) -> bool {
        self.code.as_deref() == Some(name) || self.kind.as_deref() == Some(name)
    }

    fn from_detail(detail: &Value) -> Self {
        match detail {
            Value::Object(object) => Self::from_object(object),
            Value::Array(list) => {
                let first = list.first().and_then(|v| v.get("msg").or(v.get("message")));
                Self {
                    message: text(first),
                    ..Self::default()
                }
            }
            other => Self {
                message: text(Some(other)),
                ..Self::default()
            },
        }
    }

    fn from_object(object: &Map<String, Value>) -> Self {
        let get = |names: &[&str]| {
            names
                .iter()
                .find_map(|n| object.get(*n).filter(|v| !v.is_null()))
        };
        Self {
            code: code_of(get(&["code", "error_code"])),
            kind: code_of(get(&["type"]))
                .filter(|kind| kind != "error" && !kind.starts_with("response.")),
            message: text(get(&["message", "error_description", "msg"])),
            param: text(get(&["param"])),
            status: get(&["status_code", "status"])
                .and_then(integer)
                .and_then(|n| u16::try_from(n).ok()),
            plan: text(get(&["plan_type"])),
            resets_at: get(&["resets_at"]).and_then(integer),
            resets_in: get(&["resets_in_seconds"]).and_then(integer),
            retry_after: get(&["headers"])
                .and_then(Value::as_object)
                .and_then(|headers| {
                    let header = headers
                        .iter()
                        .find(|(name, _)| name.eq_ignore_ascii_case("retry-after"));
                    header.and_then(|(_, value)| text(Some(value)))
                }),
        }
    }

    /// Takes from `other` what is still unknown here.
    fn fill(&mut self, other: Self) {
        self.code = self.code.take().or(other.code);
        self.kind = self.kind.take().or(other.kind);
        self.message = self.message.take().or(other.message);
        self.param = self.param.take().or(other.param);
        self.status = self.status.or(other.status);
        self.plan = self.plan.take().or(other.plan);
        self.resets_at = self.resets_at.or(other.resets_at);
        self.resets_in = self.resets_in.or(other.resets_in);
        self.retry_after = self.retry_after.take().or(other.retry_after);
    }
}

fn code_of(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(s) if !s.trim().is_empty() => Some(s.trim().to_ascii_lowercase()),
        Value::Number(n) => Some(n.to_string()),
        _ => None,
    }
}

fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(s) if !s.trim().is_empty() => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        _ => None,
    }
}

/// An integer written as a number, a float, or digits in a string.
pub(crate) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(n) => n
            .as_i64()
            .or_else(|| n.as_f64().filter(|f| f.is_finite()).map(|f| f as i64)),
        Value::String(s) => s
            .trim()
            .parse::<f64>()
            .ok()
            .filter(|f| f.is_finite())
            .map(|f| f as i64),
        _ => None,
    }
}

fn looks_like_code(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> ErrorBody {
        ErrorBody::from_bytes(json.as_bytes())
    }

    #[test]
    fn the_code_is_found_wherever_a_server_puts_it() {
        for json in [
            r#"{"error":{"code":"refresh_token_reused","message":"m"}}"#,
            r#"{"error":"refresh_token_reused","error_description":"m"}"#,
            r#"{"code":"REFRESH_TOKEN_REUSED","message":"m"}"#,
            r#"{"error_code":"refresh_token_reused","message":"m"}"#,
            r#"{"detail":{"code":"refresh_token_reused","message":"m"}}"#,
            r#"{"type":"error","status":400,"error":{"code":"refresh_token_reused","message":"m"}}"#,
        ] {
            let body = read(json);
            assert_eq!(body.code.as_deref(), Some("refresh_token_reused"), "{json}");
            assert_eq!(body.message.as_deref(), Some("m"), "{json}");
        }
    }

    #[test]
    fn bodies_without_a_code_still_give_their_text() {
        assert_eq!(
            read(r#"{"detail":"Unauthorized"}"#).message.as_deref(),
            Some("Unauthorized")
        );
        assert_eq!(
            read(r#"{"error":"Something broke."}"#).message.as_deref(),
            Some("Something broke.")
        );
        assert_eq!(
            read(r#"{"detail":[{"msg":"field required"}]}"#)
                .message
                .as_deref(),
            Some("field required")
        );
        assert_eq!(read("<html>"), ErrorBody::default());
        assert_eq!(read(""), ErrorBody::default());
        assert_eq!(read(r#"{"error":null,"code":null}"#), ErrorBody::default());
    }

    #[test]
    fn a_null_code_leaves_the_type() {
        let body = read(
            r#"{"type":"error","error":{"type":"server_error","code":null,"message":"m","param":null}}"#,
        );
        assert_eq!(body.code_or_kind(), Some("server_error"));
    }

    #[test]
    fn a_usage_limit_carries_plan_and_reset() {
        let body = read(
            r#"{"error":{"type":"usage_limit_reached","plan_type":"plus","resets_at":1777936568,"resets_in_seconds":"13872"}}"#,
        );
        assert_eq!(
            (body.plan.as_deref(), body.resets_at, body.resets_in),
            (Some("plus"), Some(1_777_936_568), Some(13872))
        );
    }
}
