//! One HTTP message each way, as plain values: what was read off the wire, and what goes out before
//! any fault touches it.

use std::sync::OnceLock;

use bytes::Bytes;
use serde_json::Value;

/// A request as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `POST`.
    pub method: String,
    /// The request target as written in the request line.
    pub target: String,
    /// Path of the target, without query, as written (not percent-decoded).
    pub path: String,
    /// Query of the target, without `?`.
    pub query: Option<String>,
    /// `HTTP/1.1`, `HTTP/2`.
    pub version: &'static str,
    /// The host that is meant, in lower case and without port: by the TLS hello, else by the authority or `Host`.
    pub host: Option<String>,
    /// Scheme and authority as the client sees them, without a slash at the end.
    pub origin: String,
    /// Headers in the order and case of the wire.
    pub headers: Vec<(String, String)>,
    /// The body as sent, without transfer coding.
    pub body: Bytes,
    /// The body after its content coding was undone.
    pub decoded: Bytes,
    /// What [`Request::json`] found, once somebody has asked.
    pub(crate) json: OnceLock<Option<Value>>,
}

/// An answer before faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Reason phrase.
    pub reason: String,
    /// Headers in order. Framing (`content-length`, `transfer-encoding`) is set when the answer is written.
    pub headers: Vec<(String, String)>,
    /// The body, without any transfer coding.
    pub body: Bytes,
}

impl Request {
    /// The decoded body as JSON; a form is a flat object of strings.
    #[must_use]
    pub fn json(&self) -> Option<&Value> {
        let read = || body_json(&self.headers, &self.decoded);
        self.json.get_or_init(read).as_ref()
    }

    /// The same request with another body, which has no content coding.
    #[must_use]
    pub fn with_body(self, body: Bytes) -> Self {
        Self {
            decoded: body.clone(),
            body,
            json: OnceLock::new(),
            ..self
        }
    }

    /// The first value of a header, by name in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

impl Answer {
    /// An answer with the usual reason phrase of its status.
    #[must_use]
    pub fn new(status: u16, headers: Vec<(String, String)>, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            reason: reason(status).to_owned(),
            headers,
            body: body.into(),
        }
    }

    /// A JSON answer.
    #[must_use]
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        let content_type = ("content-type".to_owned(), "application/json".to_owned());
        Self::new(status, vec![content_type], body.to_string())
    }

    /// The first value of a header, by name in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// Whether the body is an event stream.
    #[must_use]
    pub fn is_event_stream(&self) -> bool {
        self.header("content-type")
            .is_some_and(|value| media_type(value).eq_ignore_ascii_case("text/event-stream"))
    }
}

/// The usual reason phrase of a status.
#[must_use]
pub fn reason(status: u16) -> &'static str {
    http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("")
}

/// The media type of a `content-type`, without parameters.
#[must_use]
pub fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or("").trim()
}

/// A body as JSON; a form is a flat object of strings.
pub(crate) fn body_json(headers: &[(String, String)], body: &[u8]) -> Option<Value> {
    let content_type = header(headers, "content-type").map_or("", media_type);
    if content_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(body).ok()?;
        return Some(
            pairs
                .into_iter()
                .map(|(key, value)| (key, Value::String(value)))
                .collect(),
        );
    }
    serde_json::from_slice(body).ok()
}

/// The first value of a header, by name in any case.
#[must_use]
pub fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}
