//! What a server answers: rules first, then itself.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http_body_util::BodyExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::answering;
use crate::authorization::profile::nous::REFRESH_HEADER;
use crate::authorization::{AuthorizationServer, Rotation, TokenSeen};
use crate::endpoint;
use crate::fault;
use crate::fixture::Fixtures;
use crate::gate::Gates;
use crate::hosts::{Hosts, Origin, Place, split_authority};
use crate::journal::{Arrival, Exchange, Journal, RecordedRequest};
use crate::message::{Answer, Request, body_json, reason};
use crate::net::{Allotment, Door, Incoming, Who};
use crate::plan::{Draft, Plan};
use crate::routes::DefaultStream;
use crate::rulebook::{BoundRule, Rulebook};
use crate::script::{AnswerSpec, Endpoint};
use crate::template::{FillError, Values};
use crate::websocket;

/// Content codings of requests that are understood.
const CODINGS: &str = "zstd, gzip, deflate";

/// Longest body that the real server may answer.
const LONGEST_ANSWER: usize = 64 << 20;

/// Everything that decides what a request is answered. Shared by all connections of a server.
pub(crate) struct Responder {
    pub(crate) rulebook: Rulebook,
    pub(crate) fixtures: Arc<Fixtures>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) gates: Arc<Gates>,
    pub(crate) authorization: AuthorizationServer,
    pub(crate) router: axum::Router,
    /// What a turn is answered when no rule does: an event stream.
    pub(crate) default_stream: Bytes,
    pub(crate) origin: String,
    pub(crate) seed: u64,
    pub(crate) hosts: Hosts,
    /// Addresses of names that the name service was asked for.
    pub(crate) allotment: Allotment,
    /// Numbers of connections given so far.
    pub(crate) connections: AtomicU64,
    pub(crate) who: Option<Who>,
    pub(crate) response_ids: AtomicU64,
}

/// A request that was judged, and what will answer it.
#[derive(Debug)]
pub(crate) struct Judged<'a> {
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) rule: Option<&'a BoundRule>,
}

impl Judged<'_> {
    pub(crate) fn request(&self) -> &Request {
        &self.exchange.request
    }
}

/// An answer that is ready to go out.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) plan: Plan,
    pub(crate) missed: Vec<String>,
    pub(crate) fixture: Option<String>,
}

/// An answer with what faults made of it, before a connection gives it its form.
#[derive(Debug)]
pub(crate) struct Drafted {
    pub(crate) draft: Draft,
    pub(crate) missed: Vec<String>,
    pub(crate) fixture: Option<String>,
}

impl Responder {
    /// Judges a request at the moment of its arrival: endpoint, tokens, rule. Enters it in the journal.
    pub(crate) fn judge(&self, door: &Door, mut incoming: Incoming) -> Judged<'_> {
        self.label(door, &mut incoming.request);
        let endpoint = self.endpoint(door, &incoming.request);
        self.enter(door, incoming, endpoint, None)
    }

    /// Judges a frame of a client's WebSocket in the same way: a turn, or something that nobody expected.
    pub(crate) fn judge_frame(&self, door: &Door, frame: Incoming, over: u64) -> Judged<'_> {
        let endpoint = if websocket::is_turn(&frame.request) {
            Endpoint::Websocket
        } else {
            Endpoint::Unknown
        };
        self.enter(door, frame, endpoint, Some(over))
    }

    fn enter(
        &self,
        door: &Door,
        incoming: Incoming,
        endpoint: Endpoint,
        over: Option<u64>,
    ) -> Judged<'_> {
        let request = &incoming.request;
        let exchange = self.journal.begin(Arrival {
            connection: door.number,
            endpoint,
            access: self.access_seen(request),
            refresh: self.refresh_seen(request, endpoint),
            request: self.recorded(incoming),
            over,
        });
        let rule = self.rulebook.choose(&exchange);
        Judged { exchange, rule }
    }

    /// Enters what is no request in the journal: nobody expected it, and no rule is for it.
    pub(crate) fn judge_nonsense(&self, door: &Door, mut incoming: Incoming) -> Judged<'_> {
        self.label(door, &mut incoming.request);
        let host = incoming.request.host.as_deref();
        let exchange = self.journal.begin(Arrival {
            connection: door.number,
            endpoint: match self.place(door, host) {
                Place::Ours => Endpoint::Unknown,
                Place::Ambient | Place::Loopback => Endpoint::Ambient,
                Place::Elsewhere => Endpoint::Egress,
            },
            access: TokenSeen::none(),
            refresh: TokenSeen::none(),
            request: self.recorded(incoming),
            over: None,
        });
        Judged {
            exchange,
            rule: None,
        }
    }

    /// The answer to a request, with what its rule's faults make of it.
    pub(crate) async fn answer(&self, judged: &Judged<'_>) -> Arc<Ready> {
        let kept = judged.rule.and_then(|bound| bound.made.as_ref());
        if let Some(ready) = kept.and_then(OnceLock::get) {
            return Arc::clone(ready);
        }
        // In a box: a connection that waits has no room for it.
        let ready = Arc::new(Box::pin(self.make(judged)).await);
        match kept {
            Some(kept) => Arc::clone(kept.get_or_init(|| ready)),
            None => ready,
        }
    }

    async fn make(&self, judged: &Judged<'_>) -> Ready {
        let Drafted {
            draft,
            missed,
            fixture,
        } = self.draft(judged, self.own_answer(judged)).await;
        Ready {
            plan: draft.plan(),
            missed,
            fixture,
        }
    }

    /// The answer to a request, its rule's faults included; `own` is the server's own.
    pub(crate) async fn draft(
        &self,
        judged: &Judged<'_>,
        own: impl Future<Output = Answer>,
    ) -> Drafted {
        let spec = judged.rule.and_then(|bound| bound.rule.answer.as_ref());
        let (answer, fixture) = match spec {
            None => (own.await, None),
            Some(spec) => match self.scripted_answer(judged, spec).await {
                Scripted::Made(answer) => {
                    let fixture = match spec {
                        AnswerSpec::Fixture(name) => Some(name.clone()),
                        AnswerSpec::Inline(_) => None,
                    };
                    (answer, fixture)
                }
                Scripted::Refused(answer) => (answer, None),
            },
        };
        let answer = match judged.exchange.over {
            Some(_) => websocket::as_events(answer),
            None => answer,
        };
        let mut draft = Draft::new(answer, self.random(&judged.exchange));
        let recording = fixture.as_ref().and_then(|name| self.fixtures.get(name));
        let arrivals = recording.and_then(|fixture| fixture.timing.clone());
        draft.arrivals = arrivals.unwrap_or_default();
        draft.nth = usize::try_from(judged.exchange.nth).unwrap_or(usize::MAX);
        let faults = judged.rule.map_or(&[][..], |bound| &bound.rule.faults);
        let missed = fault::apply(faults, &mut draft);
        Drafted {
            draft,
            missed,
            fixture,
        }
    }

    /// What the server says to bytes that are no request.
    pub(crate) fn nonsense(&self, status: u16, message: &str) -> Arc<Ready> {
        let mut answer = Answer::json(status, &json!({ "detail": message }));
        if status == 415 {
            // RFC 9110 §15.5.16: where a content coding is the matter, the answer names those that would do.
            let codings = ("accept-encoding".to_owned(), CODINGS.to_owned());
            answer.headers.push(codings);
        }
        let plan = Draft::new(answer, StdRng::seed_from_u64(self.seed)).plan();
        Arc::new(Ready {
            plan,
            missed: Vec::new(),
            fixture: None,
        })
    }

    async fn own_answer(&self, judged: &Judged<'_>) -> Answer {
        match judged.exchange.endpoint {
            Endpoint::Unknown => {
                if let Some(refused) = refused_method(judged.request()) {
                    return refused;
                }
            }
            Endpoint::Ambient | Endpoint::Egress => return not_found(),
            _ => {}
        }
        let (answer, default_stream) = self.ask_server(judged, Rotation::Rotate).await;
        if default_stream {
            self.filled(judged, answer)
        } else {
            answer
        }
    }

    /// An answer of the server's own with its placeholders filled.
    pub(crate) fn filled(&self, judged: &Judged<'_>, answer: Answer) -> Answer {
        match answering::fill_stream(&answer.body, &self.values(judged, None)) {
            Ok(body) => Answer { body, ..answer },
            Err(error) => internal(&error),
        }
    }

    async fn scripted_answer(&self, judged: &Judged<'_>, spec: &AnswerSpec) -> Scripted {
        let mut minted = None;
        if let Some(bound) = judged.rule.filter(|bound| bound.asks_server) {
            let rotation = if bound.rotates {
                Rotation::Rotate
            } else {
                Rotation::Keep
            };
            let (answer, _) = self.ask_server(judged, rotation).await;
            if !(200..300).contains(&answer.status) {
                return Scripted::Refused(answer);
            }
            minted = body_json(&answer.headers, &answer.body);
        }
        match answering::make(spec, &self.fixtures, &self.values(judged, minted)) {
            Ok(answer) => Scripted::Made(answer),
            Err(error) => Scripted::Refused(internal(&error)),
        }
    }

    /// The real server's answer, and whether it is the stream that it gives when no rule names one.
    async fn ask_server(&self, judged: &Judged<'_>, rotation: Rotation) -> (Answer, bool) {
        let response = match to_http(judged.request()) {
            Ok(mut request) => {
                request.extensions_mut().insert(rotation);
                let origin = Origin(judged.request().origin.clone());
                request.extensions_mut().insert(origin);
                // The router cannot fail: its error type is empty.
                self.router
                    .clone()
                    .oneshot(request)
                    .await
                    .unwrap_or_else(|never| match never {})
            }
            Err(error) => {
                let detail =
                    json!({ "detail": format!("the request cannot be understood: {error}") });
                return (Answer::json(400, &detail), false);
            }
        };
        let default_stream = response.extensions().get::<DefaultStream>().is_some();
        (from_http(response).await, default_stream)
    }

    fn values(&self, judged: &Judged<'_>, minted: Option<Value>) -> Values {
        let exchange = &judged.exchange;
        let body = judged.request().json();
        let member = |name: &str| {
            let value = body.and_then(|body| body.get(name)).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        let account = exchange
            .access
            .account
            .clone()
            .or_else(|| exchange.refresh.account.clone());
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let number = self.response_ids.fetch_add(1, Ordering::Relaxed) + 1;
        Values {
            minted,
            account_id: account.unwrap_or_default(),
            response_id: format!("resp_loginproof_{number:032x}"),
            model: member("model"),
            origin: judged.request().origin.clone(),
            request_refresh_token: member("refresh_token"),
            request_access_token: bearer(judged.request()).unwrap_or_default().to_owned(),
            now: i64::try_from(now).unwrap_or(i64::MAX),
            nth: exchange.nth,
        }
    }

    /// Writes into a request whom it is for. At the server's own listener everything is ours, and a browser that is
    /// led there under a host's own name stays on that host.
    fn label(&self, door: &Door, request: &mut Request) {
        if let Some(dialled) = &door.dialled {
            dialled.label(request, &self.allotment);
            return;
        }
        // HTTP/2 has it in a field of its own (RFC 9113 §8.3.1).
        let host = request.host.take();
        let host = host.or_else(|| request.header("host").map(str::to_owned));
        let host = host.map(|host| split_authority(&host).0);
        request.origin = match &host {
            Some(host) if self.hosts.is_ours(host) => format!("https://{host}"),
            _ => self.origin.clone(),
        };
        request.host = host;
    }

    fn endpoint(&self, door: &Door, request: &Request) -> Endpoint {
        let host = request.host.as_deref();
        let ambient = || host.is_some_and(|host| self.hosts.is_ambient(host, &request.path));
        match self.place(door, host) {
            Place::Ours => match endpoint::of(request, self.hosts.paths()) {
                Endpoint::Unknown if ambient() => Endpoint::Ambient,
                endpoint => endpoint,
            },
            Place::Loopback => Endpoint::Ambient,
            Place::Ambient if ambient() => Endpoint::Ambient,
            Place::Ambient | Place::Elsewhere => Endpoint::Egress,
        }
    }

    fn recorded(&self, incoming: Incoming) -> RecordedRequest {
        RecordedRequest {
            message: Arc::new(incoming.request),
            truncated: false,
            arrived: self.journal.since_start(incoming.arrived),
            wire_bytes: incoming.wire_bytes,
        }
    }

    fn access_seen(&self, request: &Request) -> TokenSeen {
        bearer(request).map_or_else(TokenSeen::none, |token| {
            self.authorization.describe_access(token)
        })
    }

    fn refresh_seen(&self, request: &Request, endpoint: Endpoint) -> TokenSeen {
        let member = match endpoint {
            Endpoint::Token => "refresh_token",
            Endpoint::Revoke => "token",
            _ => return TokenSeen::none(),
        };
        let text = |name| request.json()?.get(name)?.as_str();
        let is_access = text("token_type_hint") == Some("access_token");
        match text(member) {
            Some(token) if !is_access => self.authorization.describe_refresh(token),
            _ => request
                .header(REFRESH_HEADER)
                .filter(|_| endpoint == Endpoint::Token)
                .map_or_else(TokenSeen::none, |token| {
                    self.authorization.describe_refresh(token)
                }),
        }
    }

    /// Randomness of one exchange: the same for the same seed, endpoint and number, whatever else runs.
    fn random(&self, exchange: &Exchange) -> StdRng {
        let place = ((exchange.endpoint as u64) << 32) | u64::from(exchange.nth);
        StdRng::seed_from_u64(self.seed ^ place.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responder")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

enum Scripted {
    Made(Answer),
    Refused(Answer),
}

/// The bearer token of a request (RFC 6750 §2.1; GitHub's clients call the scheme `token`).
fn bearer(request: &Request) -> Option<&str> {
    let (scheme, token) = request.header("authorization")?.split_once(' ')?;
    ["bearer", "token"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
        .then(|| token.trim())
}

/// What is said to a request for nothing that is here. None where `HEAD` stands for `GET` (RFC 9110 §9.3.2).
fn refused_method(request: &Request) -> Option<Answer> {
    let method = request.method.as_str();
    let Some(methods) =
        endpoint::methods(&request.path).filter(|methods| !methods.contains(&method))
    else {
        return Some(not_found());
    };
    let head = methods.contains(&"GET") && !methods.contains(&"HEAD");
    if head && method == "HEAD" {
        return None;
    }
    let allowed = methods.iter().copied().chain(head.then_some("HEAD"));
    let allowed: Vec<&str> = allowed.collect();
    let mut answer = Answer::json(405, &json!({ "detail": "Method Not Allowed" }));
    // RFC 9110 §15.5.6
    answer
        .headers
        .push(("allow".to_owned(), allowed.join(", ")));
    Some(answer)
}

fn not_found() -> Answer {
    Answer::json(404, &json!({ "detail": "Not Found" }))
}

fn internal(error: &FillError) -> Answer {
    Answer::json(500, &json!({ "detail": format!("loginproof: {error}") }))
}

fn to_http(request: &Request) -> Result<http::Request<Body>, http::Error> {
    let target = match &request.query {
        Some(query) => format!("{}?{query}", request.path),
        None => request.path.clone(),
    };
    // RFC 9110 §8.6: what is said of the length holds for GET. Whoever writes the answer leaves its content out.
    let method = match request.method.as_str() {
        "HEAD" => "GET",
        method => method,
    };
    let mut builder = http::Request::builder().method(method).uri(target);
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    builder.body(Body::from(request.decoded.clone()))
}

async fn from_http(response: Response) -> Answer {
    let (parts, body) = response.into_parts();
    let limited = http_body_util::Limited::new(body, LONGEST_ANSWER);
    // The handlers answer whole values, which cannot fail to arrive.
    let body = limited
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_else(|_| Bytes::new());
    let headers = parts.headers.iter().map(|(name, value)| {
        (
            name.as_str().to_owned(),
            String::from_utf8_lossy(value.as_bytes()).into_owned(),
        )
    });
    let status = parts.status.as_u16();
    Answer {
        status,
        reason: reason(status).to_owned(),
        headers: headers.collect(),
        body,
    }
}
