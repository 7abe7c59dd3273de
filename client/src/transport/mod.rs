//! HTTP, at the edge: builds connections, bounds every wait, and turns what goes wrong into a failure with its cause.

mod clients;
mod loopback;
mod proxy;
mod stream;
mod websocket;

use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::{Response, Url};

pub use loopback::{Loopback, Visit};
pub use stream::{Broken, read_response};
pub use websocket::{Socket, Upgrade};

use crate::answer::Answer;
use crate::defect::{self, Defect};
use crate::failure::{Class, Failure};
use clients::Clients;

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A whole OAuth request, from connecting to the last byte.
    pub oauth: Duration,
    /// A refresh. Longer, because giving up on it may lose the pair that it bought.
    pub refresh: Duration,
    /// A revocation, which nobody waits for gladly.
    pub revoke: Duration,
    /// From a request to the first byte of its answer, and from the head to the first byte of the body.
    pub first_byte: Duration,
    /// Between two bytes of a stream.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self::with_idle(Duration::from_secs(300))
    }
}

impl Limits {
    /// The default limits with another idle limit, which bounds the wait for the first byte as well.
    pub fn with_idle(idle: Duration) -> Self {
        Self {
            oauth: Duration::from_secs(15),
            refresh: Duration::from_secs(60),
            revoke: Duration::from_secs(10),
            first_byte: match idle.min(Duration::from_secs(120)) {
                _ if defect::active(Defect::FirstByteUnlimited) => Duration::from_secs(86_400),
                usual if defect::active(Defect::BatchTakenForSilence) => usual / 16,
                usual => usual,
            },
            idle: match idle {
                _ if defect::active(Defect::SilenceUnlimited) => Duration::from_secs(86_400),
                idle if defect::active(Defect::ThoughtTakenForSilence) => idle / 4,
                idle => idle,
            },
        }
    }
}

/// The largest answer that is read as a whole.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;

/// A request that was sent, for whoever follows along. Nothing in it is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// What the request is for.
    pub purpose: &'static str,
    /// The method.
    pub method: Method,
    /// The URL without query and user information.
    pub url: String,
    /// Bytes of the request's body.
    pub sent: usize,
    /// The status, or why there is none.
    pub result: Result<u16, String>,
    /// The server's id of the request.
    pub request_id: Option<String>,
    /// Time to the head of the answer.
    pub took: Duration,
}

/// Sends requests.
#[derive(Debug)]
pub struct Transport {
    clients: Clients,
    limits: Limits,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// What the request is for, in a word or two.
    pub purpose: &'static str,
    /// The method.
    pub method: Method,
    /// Where it goes.
    pub url: &'a str,
    /// Headers in order.
    pub headers: &'a [(&'static str, String)],
    /// The body.
    pub body: Bytes,
}

/// The methods that the protocol has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Asks for what is there.
    Get,
    /// Everything else.
    Post,
    /// Asks for a WebSocket.
    Upgrade,
}

impl Method {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get | Self::Upgrade => "GET",
            Self::Post => "POST",
        }
    }
}

impl Transport {
    /// A transport with these limits. Nothing is opened or read yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            clients: Clients::default(),
            limits,
        }
    }

    /// The limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// [`Class::Transport`] or [`Class::Timeout`]; an answer of any status is none.
    pub async fn answer(
        &self,
        request: &Request<'_>,
        bound: Duration,
        follow: &dyn Fn(Exchange),
    ) -> Result<Answer, Failure> {
        let whole = async {
            let mut response = self.send(request, bound, follow).await?;
            let mut answer = head(&response);
            while let Some(chunk) = response
                .chunk()
                .await
                .map_err(|e| broken(request.url, &e))?
            {
                if answer.body.len() + chunk.len() > LARGEST_ANSWER {
                    let why = format!("the answer is larger than {LARGEST_ANSWER} bytes");
                    return Err(Failure::local(Class::Unreadable, why));
                }
                answer.body.extend_from_slice(&chunk);
            }
            Ok(answer)
        };
        match tokio::time::timeout(bound, whole).await {
            Ok(result) => result,
            Err(_) => Err(timed_out(request.url, "a whole answer", bound)),
        }
    }

    /// Sends a request and reads the head of the answer.
    ///
    /// # Errors
    /// As [`Transport::answer`].
    pub async fn open(
        &self,
        request: &Request<'_>,
        follow: &dyn Fn(Exchange),
    ) -> Result<Response, Failure> {
        self.send(request, self.limits.first_byte, follow).await
    }

    async fn send(
        &self,
        request: &Request<'_>,
        bound: Duration,
        follow: &dyn Fn(Exchange),
    ) -> Result<Response, Failure> {
        let url = Url::parse(request.url).map_err(|e| {
            Failure::local(Class::Setup, format!("{} is not a URL: {e}", request.url))
        })?;
        let elsewhere = request.purpose != "responses";
        let client = match request.method {
            Method::Upgrade => self.clients.for_upgrade(&url)?.clone(),
            Method::Get | Method::Post
                if elsewhere && defect::active(Defect::AuthorityOnlyForTurns) =>
            {
                clients::of_other_roots()?
            }
            Method::Get | Method::Post => self.clients.for_url(&url)?.clone(),
        };
        let mut outgoing = match request.method {
            Method::Get | Method::Upgrade => client.get(url.clone()),
            Method::Post => client.post(url.clone()).body(request.body.clone()),
        };
        for (name, value) in request.headers {
            outgoing = outgoing.header(*name, value);
        }
        let start = Instant::now();
        let result = match tokio::time::timeout(bound, outgoing.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(broken(request.url, &error)),
            Err(_) => Err(timed_out(request.url, "the first byte of an answer", bound)),
        };
        follow(Exchange {
            purpose: request.purpose,
            method: request.method,
            url: if defect::active(Defect::VerboseShowsTokens)
                || defect::active(Defect::DebugVariableShowsTokens)
            {
                let body = String::from_utf8_lossy(&request.body);
                format!("{url} {:?} {body}", request.headers)
            } else {
                format!("{}{}", url.origin().ascii_serialization(), url.path())
            },
            sent: request.body.len(),
            result: result
                .as_ref()
                .map(|r| r.status().as_u16())
                .map_err(ToString::to_string),
            request_id: result.as_ref().ok().and_then(|r| head(r).request_id()),
            took: start.elapsed(),
        });
        result
    }
}

/// Status and headers of an answer whose body is still to come.
fn head(response: &Response) -> Answer {
    let text = |value: &reqwest::header::HeaderValue| {
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    };
    Answer {
        status: response.status().as_u16(),
        headers: response
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), text(value)))
            .collect(),
        body: Vec::new(),
    }
}

fn timed_out(url: &str, what: &str, bound: Duration) -> Failure {
    let bound = if bound.subsec_millis() == 0 {
        format!("{} s", bound.as_secs())
    } else {
        format!("{} ms", bound.as_millis())
    };
    Failure::local(
        Class::Timeout,
        format!("{} did not send {what} within {bound}", host(url)),
    )
}

/// What broke, down to the cause: the library's own text stops at "error sending request".
fn broken(url: &str, error: &reqwest::Error) -> Failure {
    let mut cause: &dyn std::error::Error = error;
    let mut causes = Vec::new();
    while let Some(next) = cause.source() {
        causes.push(next.to_string());
        cause = next;
    }
    // The causes repeat each other from the outside in.
    let innermost = causes.pop().unwrap_or_else(|| "no cause given".to_owned());
    let lower = innermost.to_ascii_lowercase();
    // A certificate that is not trusted now will not be trusted at the next try either.
    if lower.contains("certificate") || lower.contains("unknownissuer") {
        if defect::active(Defect::CertificateUnnamed) {
            return Failure::local(Class::Setup, "error sending request");
        }
        let who = match std::env::var("SSL_CERT_FILE") {
            Ok(file) if !file.is_empty() => format!("SSL_CERT_FILE={file} names who is"),
            _ => "SSL_CERT_FILE can name another authority".to_owned(),
        };
        let why = format!("its TLS certificate is not trusted ({who})");
        return Failure::local(Class::Setup, format!("{}: {why}: {innermost}", host(url)));
    }
    let proxy = Url::parse(url).ok().and_then(|url| proxy::between(&url));
    if let Some(proxy) =
        proxy.filter(|_| error.is_connect() && !defect::active(Defect::ProxyUnnamed))
    {
        // What the proxy wants to know, or does not allow, is the same at the next try.
        let class = if lower.contains("authorization") || lower.contains("unsuccessful") {
            Class::Setup
        } else {
            Class::Transport
        };
        let why = format!("no connection through the proxy {proxy}");
        return Failure::local(class, format!("{}: {why}: {innermost}", host(url)));
    }
    let (class, what) =
        if lower.contains("refused stream") && defect::active(Defect::RefusedStreamFatal) {
            (Class::Setup, "the request was refused")
        } else if error.is_connect() {
            (Class::Transport, "no connection")
        } else if lower.contains("invalid chunk size")
            || lower.contains("content-length")
            || lower.contains("unexpected eof")
        {
            (Class::Transport, "the answer was cut off")
        } else {
            (Class::Transport, "the connection broke")
        };
    Failure::local(class, format!("{}: {what}: {innermost}", host(url)))
}

/// Host and port of a URL, for people.
fn host(url: &str) -> String {
    let Ok(url) = Url::parse(url) else {
        return "the server".to_owned();
    };
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        _ => "the server".to_owned(),
    }
}
