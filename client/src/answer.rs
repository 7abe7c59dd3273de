//! A whole HTTP answer as a value: what the state machines read instead of a socket.

use std::time::{Duration, SystemTime};

/// An HTTP answer that was read to its end.
#[derive(Clone, Default)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Headers, names in any case.
    pub headers: Vec<(String, String)>,
    /// The body as received.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Answer {
    // Bodies of token answers hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.status, self.body.len())
    }
}

impl Answer {
    /// An answer with a body and no headers.
    ///
    /// ```
    /// let answer = loginproof_client::answer::Answer::new(404, "not here");
    /// assert_eq!(answer.header("retry-after"), None);
    /// ```
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// The same answer with one more header.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the body is a web page, by its first character or by the content type of a body that is not JSON.
    pub fn is_html(&self) -> bool {
        match first_visible(&self.body) {
            Some(b'<') => true,
            Some(b'{' | b'[') => false,
            _ => self
                .header("content-type")
                .is_some_and(|t| t.to_ascii_lowercase().contains("html")),
        }
    }

    /// The body as JSON, when it is.
    pub fn json(&self) -> Option<serde_json::Value> {
        let body = self
            .body
            .strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(&self.body);
        serde_json::from_slice(body).ok()
    }

    /// How long the server asks to wait, from `retry-after-ms` or `Retry-After`.
    ///
    /// A header that cannot be read does not hide the other. A date in the past or a negative number is zero.
    pub fn retry_after(&self, now: SystemTime) -> Option<Duration> {
        let millis = self
            .header("retry-after-ms")
            .and_then(|v| v.trim().parse::<f64>().ok())
            .filter(|ms| ms.is_finite())
            .map(|ms| duration(ms / 1000.0));
        millis.or_else(|| {
            self.header("retry-after")
                .and_then(|v| parse_retry_after(v, now))
        })
    }

    /// The id that the server's operators can look the request up by.
    pub fn request_id(&self) -> Option<String> {
        [
            "x-request-id",
            "x-oai-request-id",
            "x-openai-request-id",
            "cf-ray",
        ]
        .iter()
        .find_map(|name| self.header(name))
        .map(|id| {
            id.chars()
                .filter(|c| c.is_ascii_graphic())
                .take(64)
                .collect::<String>()
        })
        .filter(|id| !id.is_empty())
    }
}

/// Reads a `Retry-After` value: seconds or a date (RFC 9110 §10.2.3), rounded up to whole seconds.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use loginproof_client::answer::parse_retry_after;
/// let now = SystemTime::now();
/// assert_eq!(parse_retry_after("7", now), Some(Duration::from_secs(7)));
/// assert_eq!(parse_retry_after("-1", now), Some(Duration::ZERO));
/// assert_eq!(parse_retry_after("soon", now), None);
/// ```
pub fn parse_retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return seconds.is_finite().then(|| duration(seconds.ceil()));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(duration(
        date.duration_since(now)
            .unwrap_or_default()
            .as_secs_f64()
            .ceil(),
    ))
}

/// The first byte that is neither white space nor part of a byte order mark.
pub(crate) fn first_visible(body: &[u8]) -> Option<u8> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    body.iter().copied().find(|b| !b.is_ascii_whitespace())
}

fn duration(seconds: f64) -> Duration {
    // A year is as good as never, and far from any overflow.
    Duration::from_secs_f64(seconds.clamp(0.0, 31_536_000.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_after_date_counts_from_now_and_the_past_is_zero() {
        let now = httpdate::parse_http_date("Sat, 25 Jul 2026 12:00:00 GMT").unwrap();
        let at = |v: &str| parse_retry_after(v, now);
        assert_eq!(
            at("Sat, 25 Jul 2026 12:05:00 GMT"),
            Some(Duration::from_secs(300))
        );
        assert_eq!(at("Sat, 25 Jul 2026 11:05:00 GMT"), Some(Duration::ZERO));
        assert_eq!(at("NaN"), None);
    }

    #[test]
    fn an_unusable_millisecond_header_does_not_hide_retry_after() {
        let now = SystemTime::UNIX_EPOCH;
        let answer = |ms: &str| {
            Answer::new(429, "")
                .with_header("Retry-After-Ms", ms)
                .with_header("Retry-After", "3")
        };
        assert_eq!(
            answer("1500").retry_after(now),
            Some(Duration::from_millis(1500))
        );
        assert_eq!(answer("").retry_after(now), Some(Duration::from_secs(3)));
        assert_eq!(
            answer("junk").retry_after(now),
            Some(Duration::from_secs(3))
        );
    }

    #[test]
    fn a_page_is_known_by_its_first_character() {
        assert!(Answer::new(403, "\n <!DOCTYPE html>").is_html());
        assert!(
            !Answer::new(403, "{}")
                .with_header("content-type", "text/html")
                .is_html()
        );
    }
}
