//! Requests in HTTP/1.1 (RFC 9112): the head, and how the body is framed.

use std::io;
use std::mem::MaybeUninit;

use bytes::{Buf, Bytes, BytesMut};

use super::chunked::{ChunkError, ChunkedReader};
use crate::message::{Request, header};

/// Longest head of a request.
pub(super) const LONGEST_HEAD: usize = 64 << 10;
/// Longest body of a request, before and after decoding.
pub(crate) const LONGEST_BODY: usize = 64 << 20;
/// Most headers in one request.
const MOST_HEADERS: usize = 256;

/// A request with what its reading told.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) request: Request,
    /// Head, body and its framing.
    pub(crate) wire_bytes: u64,
    /// When its first byte was there.
    pub(crate) arrived: std::time::Instant,
    /// Whether the connection can carry another request.
    pub(crate) keep_alive: bool,
}

/// Why there is no request.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The connection failed or ended in the middle of a request.
    Gone,
    /// What came is not a request that can be answered otherwise.
    Nonsense(Box<Nonsense>),
}

/// Bytes that are no request, and the answer to them.
#[derive(Debug)]
pub(crate) struct Nonsense {
    /// 400, 413, 415, 431, 501 or 505.
    pub(crate) status: u16,
    pub(crate) message: String,
    /// What could be read of it.
    pub(crate) incoming: Incoming,
}

/// The head of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) minor_version: u8,
    pub(super) headers: Vec<(String, String)>,
    pub(super) framing: BodyFraming,
}

/// How the body of a request is framed (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyFraming {
    Length(usize),
    Chunked,
}

/// A head that is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) message: String,
}

impl From<io::Error> for ReadError {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl Head {
    /// Takes a head off the front of `input`, when it is there as a whole.
    pub(super) fn take(input: &mut BytesMut) -> Result<Option<Self>, Refused> {
        // Left as it is: 8 KiB to be written for each request otherwise.
        let mut headers = [const { MaybeUninit::uninit() }; MOST_HEADERS];
        let mut request = httparse::Request::new(&mut []);
        let length = match request.parse_with_uninit_headers(input, &mut headers) {
            Ok(httparse::Status::Complete(length)) if length <= LONGEST_HEAD => length,
            Ok(httparse::Status::Partial) if input.len() <= LONGEST_HEAD => return Ok(None),
            Ok(_) => {
                return Err(refused(
                    431,
                    "the head of the request is longer than 64 KiB",
                ));
            }
            Err(httparse::Error::TooManyHeaders) => {
                return Err(refused(431, "the request has more than 256 headers"));
            }
            Err(httparse::Error::Version) => {
                return Err(refused(
                    505,
                    "this server speaks HTTP/1.1 and HTTP/1.0 here",
                ));
            }
            Err(error) => return Err(refused(400, &format!("this is no HTTP request: {error}"))),
        };
        let headers: Vec<(String, String)> = request
            .headers
            .iter()
            .map(|header| {
                (
                    header.name.to_owned(),
                    String::from_utf8_lossy(header.value).into_owned(),
                )
            })
            .collect();
        let framing = body_framing(&headers)?;
        let head = Self {
            method: request.method.unwrap_or_default().to_owned(),
            target: request.path.unwrap_or_default().to_owned(),
            minor_version: request.version.unwrap_or(1),
            headers,
            framing,
        };
        input.advance(length);
        Ok(Some(head))
    }

    /// Whether the client waits for a word before it sends the body (RFC 9110 §10.1.1).
    pub(super) fn expects_continue(&self) -> bool {
        self.minor_version == 1
            && header(&self.headers, "expect")
                .is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
    }

    /// Whether the connection stays open after the answer (RFC 9112 §9.3).
    pub(super) fn keep_alive(&self) -> bool {
        let connection = header(&self.headers, "connection").unwrap_or_default();
        let has = |option: &str| {
            connection
                .split(',')
                .any(|o| o.trim().eq_ignore_ascii_case(option))
        };
        if self.minor_version == 1 {
            !has("close")
        } else {
            has("keep-alive")
        }
    }

    /// RFC 9112 §3.2: a request of HTTP/1.1 has one `Host`, and none has two.
    pub(super) fn check_host(&self) -> Result<(), Refused> {
        let named = self
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("host"));
        let hosts: Vec<&str> = named.map(|(_, value)| value.trim()).collect();
        let readable = |host: &str| {
            let stray = |c: char| c.is_whitespace() || c.is_control() || "/?#@\\\"<>".contains(c);
            !host.contains(stray)
        };
        match hosts.as_slice() {
            [] if self.minor_version == 0 => Ok(()),
            [] => Err(refused(400, "the request names no host")),
            [host] if readable(host) => Ok(()),
            [_] => Err(refused(400, "the host of the request cannot be read")),
            _ => Err(refused(400, "the request names more than one host")),
        }
    }

    /// The request, once its body is there.
    pub(super) fn into_request(self, body: Bytes, decoded: Bytes) -> Request {
        let (path, query) = split_target(&self.target);
        Request {
            method: self.method,
            path,
            query,
            target: self.target,
            version: match self.minor_version {
                0 => "HTTP/1.0",
                _ => "HTTP/1.1",
            },
            headers: self.headers,
            body,
            decoded,
            ..Request::default()
        }
    }
}

/// A body while it is read.
#[derive(Debug)]
pub(super) enum BodyReader {
    Length(usize),
    Chunked(ChunkedReader),
}

impl BodyReader {
    pub(super) fn new(framing: BodyFraming) -> Self {
        match framing {
            BodyFraming::Length(length) => Self::Length(length),
            BodyFraming::Chunked => Self::Chunked(ChunkedReader::new(LONGEST_BODY)),
        }
    }

    /// Takes what it can from `input`. Gives back the body once it is whole.
    pub(super) fn feed(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, Refused> {
        match self {
            Self::Length(length) if input.len() >= *length => {
                Ok(Some(input.split_to(*length).freeze()))
            }
            Self::Length(_) => Ok(None),
            Self::Chunked(reader) => match reader.feed(input) {
                Ok(body) => Ok(body.map(Bytes::from)),
                Err(error @ ChunkError::TooLarge) => Err(refused(413, &error.to_string())),
                Err(error) => Err(refused(400, &error.to_string())),
            },
        }
    }
}

fn body_framing(headers: &[(String, String)]) -> Result<BodyFraming, Refused> {
    let values = |name: &'static str| {
        let named = headers
            .iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name));
        named.flat_map(|(_, value)| value.split(',')).map(str::trim)
    };
    let codings: Vec<&str> = values("transfer-encoding").collect();
    let lengths: Vec<&str> = values("content-length").collect();
    if !codings.is_empty() {
        // RFC 9112 §6.1: both together are how requests are smuggled.
        if !lengths.is_empty() {
            return Err(refused(
                400,
                "the request has both content-length and transfer-encoding",
            ));
        }
        return match codings.as_slice() {
            [coding] if coding.eq_ignore_ascii_case("chunked") => Ok(BodyFraming::Chunked),
            _ => Err(refused(
                501,
                "chunked is the only transfer coding spoken here",
            )),
        };
    }
    let Some(first) = lengths.first() else {
        return Ok(BodyFraming::Length(0));
    };
    let digits = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || lengths.iter().any(|length| length != first) {
        return Err(refused(400, "content-length is not one number"));
    }
    match first.parse() {
        Ok(length) if length <= LONGEST_BODY => Ok(BodyFraming::Length(length)),
        _ => Err(refused(
            413,
            "the body of the request is larger than 64 MiB",
        )),
    }
}

/// Path and query of a target in origin form or absolute form (RFC 9112 §3.2).
pub(super) fn split_target(target: &str) -> (String, Option<String>) {
    let origin_form = match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => {
            rest.find(['/', '?']).map_or("/", |at| &rest[at..])
        }
        _ => target,
    };
    match origin_form.split_once('?') {
        Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
        None => (origin_form.to_owned(), None),
    }
}

fn refused(status: u16, message: &str) -> Refused {
    Refused {
        status,
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(text: &str) -> Result<Option<Head>, Refused> {
        Head::take(&mut BytesMut::from(text))
    }

    #[test]
    fn a_head_is_taken_once_it_is_whole() {
        let text = "POST /a?b=1 HTTP/1.1\r\nHost: x\r\nX-Two: 1\r\nx-two:  2 \r\nContent-Length: 3\r\n\r\nabc";
        let mut input = BytesMut::new();
        for (at, byte) in text.bytes().enumerate() {
            input.extend_from_slice(&[byte]);
            if let Some(head) = Head::take(&mut input).unwrap() {
                assert_eq!(at, text.len() - 4);
                assert_eq!(head.framing, BodyFraming::Length(3));
                assert_eq!(head.headers[2], ("x-two".to_owned(), "2".to_owned()));
                let request = head.into_request(Bytes::new(), Bytes::new());
                assert_eq!(
                    (request.path.as_str(), request.query.as_deref()),
                    ("/a", Some("b=1"))
                );
                return;
            }
        }
        panic!("no head");
    }

    #[test]
    fn nonsense_has_its_status() {
        let long = format!("GET / HTTP/1.1\r\nx: {}\r\n", "a".repeat(LONGEST_HEAD));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x: 1\r\n".repeat(300));
        for (text, status) in [
            ("\x16\x03\x01\x02\x00\x01", 400),
            ("GET / HTTP/2.0\r\n\r\n", 505),
            ("GET / HTTP/1.1\r\nno header\r\n\r\n", 400),
            (
                "POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
                400,
            ),
            ("POST / HTTP/1.1\r\ncontent-length: +1\r\n\r\n", 400),
            (
                "POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
                400,
            ),
            ("POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n", 501),
            (
                "POST / HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n",
                413,
            ),
            (&long, 431),
            (&many, 431),
        ] {
            assert_eq!(take(text).unwrap_err().status, status, "{:.60}", text);
        }
    }

    #[test]
    fn the_connection_stays_open_as_the_version_says() {
        for (text, keep_alive) in [
            ("GET / HTTP/1.1\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n", false),
            ("GET / HTTP/1.0\r\n\r\n", false),
            ("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n", true),
        ] {
            assert_eq!(
                take(text).unwrap().unwrap().keep_alive(),
                keep_alive,
                "{text}"
            );
        }
    }

    #[test]
    fn an_absolute_target_has_a_path() {
        for (target, path) in [
            ("http://a.example/b/c?d", "/b/c"),
            ("http://a.example", "/"),
            ("/oauth?next=http://b/", "/oauth"),
            ("*", "*"),
        ] {
            assert_eq!(split_target(target).0, path);
        }
    }
}
