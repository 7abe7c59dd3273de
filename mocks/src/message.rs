//! One HTTP message each way, as plain values: what was read off the wire, and what goes out before
//! any fault touches it.

use bytes::Bytes;

/// A request as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    pub version: String,
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

/// The first value of a header, by name in any case.
#[must_use]
pub fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}
