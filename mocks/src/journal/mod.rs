//! The journal: everything that crossed the wire, in order of arrival.

mod attempts;
mod frame;
mod har;
mod lines;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::watch;

use crate::authorization::TokenSeen;
use crate::endpoint::is_upgrade;
use crate::matcher::Matcher;
use crate::message::Request;
use crate::script::{Endpoint, When};

pub use attempts::{Attempt, AttemptKind, FailedHandshake};
pub use frame::{Frame, Opcode};

/// How much of an answer's body is kept.
pub const KEPT_OF_AN_ANSWER: usize = 1 << 20;
/// How many exchanges are kept whole; of later ones only the number is known.
pub const KEPT_EXCHANGES: usize = 20_000;
/// How many bytes of request bodies are kept over all exchanges; later bodies are kept as empty.
pub const KEPT_OF_REQUESTS: usize = 256 << 20;
/// How many bytes of answers' bodies are kept over all exchanges; later bodies are kept as empty.
pub const KEPT_OF_ANSWERS: usize = 256 << 20;

/// What crossed the wire of one server.
#[derive(Debug)]
pub struct Journal {
    entries: Mutex<Entries>,
    version: watch::Sender<u64>,
    started: Instant,
    started_at: SystemTime,
}

#[derive(Debug, Default)]
struct Entries {
    exchanges: Vec<Arc<Exchange>>,
    counts: BTreeMap<Endpoint, u32>,
    next_id: u64,
    request_bytes: usize,
    answer_bytes: usize,
    dropped: u64,
    attempts: Vec<Attempt>,
    failed_handshakes: Vec<FailedHandshake>,
}

/// One request and what became of it. A turn over a WebSocket is one, too: the client's frame, and the frames in answer.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Unique within its server, from 1, in order of arrival.
    pub id: u64,
    /// The connection it came over, from 1.
    pub connection: u64,
    /// What it was for.
    pub endpoint: Endpoint,
    /// False for a request to one of our hosts that no rule, no endpoint and no ambient answer expects. A request to
    /// another host is [`Endpoint::Egress`], which is judged for itself.
    pub expected: bool,
    /// What came.
    pub request: RecordedRequest,
    /// What went out. None until it has ended.
    pub answer: Option<RecordedAnswer>,
    /// The bearer token of the request, judged when it arrived.
    pub access: TokenSeen,
    /// The refresh token in the request, judged when it arrived.
    pub refresh: TokenSeen,
    /// The n-th request to this endpoint, from 1. 0 for a WebSocket upgrade and for a turn that only warms up: those
    /// are not counted.
    pub nth: u32,
    /// The upgrade that opened the WebSocket, for a turn over one.
    pub over: Option<u64>,
    /// Everything that crossed the WebSocket that this request opened, in order.
    pub frames: Vec<Frame>,
}

/// A request as it came, and when: its fields are those of the [`Request`].
#[derive(Clone, Debug)]
pub struct RecordedRequest {
    /// What came. `TEXT` or `BINARY` is the method of a frame.
    pub message: Arc<Request>,
    /// Whether the bodies were left out, because the journal holds enough.
    pub truncated: bool,
    /// When its first byte came, since the server's start.
    pub arrived: Duration,
    /// Bytes on the wire: head, body and its framing. Over HTTP/2 the headers before compression and the body, no frames.
    pub wire_bytes: u64,
}

impl Deref for RecordedRequest {
    type Target = Request;

    fn deref(&self) -> &Request {
        &self.message
    }
}

/// An answer as it went out.
#[derive(Clone, Debug)]
pub struct RecordedAnswer {
    /// HTTP status. 0 when nothing was sent. Over a WebSocket that of the error frame, else 200.
    pub status: u16,
    /// Headers as sent, in order.
    pub headers: Vec<(String, String)>,
    /// The body as sent, without transfer coding: its first MiB. Over a WebSocket one line per frame.
    pub body: Bytes,
    /// Whether the body was longer than what is kept.
    pub truncated: bool,
    /// Bytes on the wire: head, body and its framing. Over HTTP/2 the headers before compression and the body, no frames.
    pub wire_bytes: u64,
    /// When its first byte was sent, since the server's start.
    pub started: Duration,
    /// When its last byte was sent.
    pub ended: Duration,
    /// How it ended.
    pub ending: Ending,
    /// The rule that answered: `server.token[0]`. None for the server's own answer.
    pub rule: Option<String>,
    /// The fixture it was made from.
    pub fixture: Option<String>,
    /// Faults that found nothing to act on, such as an event that this answer does not have.
    pub missed: Vec<String>,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Sent whole.
    Complete,
    /// The connection was reset (RST).
    Reset,
    /// Our side was closed before the end; the other side stayed open.
    HalfClose,
    /// The connection was closed before the end, or the framing never ended.
    Cut,
    /// The client went away first.
    ClientGone,
    /// The connection ended without any answer.
    NoAnswer,
}

/// What the server knows of a request when it has arrived, for a new entry.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) connection: u64,
    pub(crate) endpoint: Endpoint,
    pub(crate) request: RecordedRequest,
    pub(crate) access: TokenSeen,
    pub(crate) refresh: TokenSeen,
    pub(crate) over: Option<u64>,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self {
            entries: Mutex::default(),
            version: watch::Sender::new(0),
            started: Instant::now(),
            started_at: SystemTime::now(),
        }
    }

    /// Everything so far, in order of arrival; requests without an answer yet are among them.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Arc<Exchange>> {
        self.entries().exchanges.clone()
    }

    /// Ticks at every change.
    #[must_use]
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// How many requests to an endpoint have been answered to the end; only those that are counted.
    #[must_use]
    pub fn answered(&self, endpoint: Endpoint) -> usize {
        let counted = |exchange: &&Arc<Exchange>| {
            exchange.endpoint == endpoint && exchange.answer.is_some() && exchange.nth > 0
        };
        self.entries().exchanges.iter().filter(counted).count()
    }

    /// Attempts to reach what is neither ours nor ambient nor the machine itself, in order.
    #[must_use]
    pub fn attempts(&self) -> Vec<Attempt> {
        self.entries().attempts.clone()
    }

    /// Connections that ended before their first request could be read, in order.
    #[must_use]
    pub fn failed_handshakes(&self) -> Vec<FailedHandshake> {
        self.entries().failed_handshakes.clone()
    }

    /// How many exchanges came after the journal was full.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.entries().dropped
    }

    /// One JSON object per exchange and line.
    #[must_use]
    pub fn to_jsonl(&self) -> String {
        lines::to_jsonl(&self.snapshot())
    }

    /// An HTTP archive, HAR 1.2.
    #[must_use]
    pub fn to_har(&self) -> Value {
        har::to_har(&self.snapshot(), self.started_at)
    }

    /// When the server was started: what all times in here are counted from.
    #[must_use]
    pub fn began(&self) -> Instant {
        self.started
    }

    /// Time since the server's start.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn since_start(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.started)
    }

    /// Enters a request that has arrived.
    pub(crate) fn begin(&self, arrival: Arrival) -> Arc<Exchange> {
        let mut entries = self.entries();
        entries.next_id += 1;
        let id = entries.next_id;
        let mut full = Exchange {
            id,
            connection: arrival.connection,
            endpoint: arrival.endpoint,
            expected: arrival.endpoint != Endpoint::Unknown,
            request: arrival.request,
            answer: None,
            access: arrival.access,
            refresh: arrival.refresh,
            nth: 0,
            over: arrival.over,
            frames: Vec::new(),
        };
        if !full.is_upgrade() && !full.is_warm_up() {
            let count = entries.counts.entry(full.endpoint).or_default();
            *count += 1;
            full.nth = *count;
        }
        let full = Arc::new(full);
        if entries.exchanges.len() >= KEPT_EXCHANGES {
            entries.dropped += 1;
        } else {
            entries.request_bytes += full.request.body.len() + full.request.decoded.len();
            if entries.request_bytes <= KEPT_OF_REQUESTS {
                entries.exchanges.push(Arc::clone(&full));
            } else {
                let mut kept = (*full).clone();
                let message = (*kept.request.message).clone().with_body(Bytes::new());
                kept.request.message = Arc::new(message);
                kept.request.truncated = true;
                entries.exchanges.push(Arc::new(kept));
            }
        }
        drop(entries);
        self.tick();
        full
    }

    /// Enters what became of it.
    pub(crate) fn finish(&self, id: u64, mut answer: RecordedAnswer) {
        let mut entries = self.entries();
        let found = entries
            .exchanges
            .binary_search_by_key(&id, |exchange| exchange.id);
        if let Ok(at) = found {
            entries.answer_bytes += answer.body.len();
            if entries.answer_bytes > KEPT_OF_ANSWERS {
                answer.truncated |= !answer.body.is_empty();
                answer.body = Bytes::new();
            }
            Arc::make_mut(&mut entries.exchanges[at]).answer = Some(answer);
        }
        drop(entries);
        self.tick();
    }

    /// Enters a frame of the WebSocket that this request opened, as far as there is room for its data.
    pub(crate) fn framed(&self, id: u64, mut frame: Frame) {
        let mut entries = self.entries();
        if let Ok(at) = entries
            .exchanges
            .binary_search_by_key(&id, |exchange| exchange.id)
        {
            let frames = &mut Arc::make_mut(&mut entries.exchanges[at]).frames;
            if frames.len() < frame::KEPT {
                frame.cut_to(KEPT_OF_AN_ANSWER.saturating_sub(frame::length(frames)));
                frames.push(frame);
            }
        }
        drop(entries);
        self.tick();
    }

    /// Enters an attempt to get out.
    pub(crate) fn attempted(&self, attempt: Attempt) {
        let mut entries = self.entries();
        if entries.attempts.len() < attempts::KEPT {
            entries.attempts.push(attempt);
        }
        drop(entries);
        self.tick();
    }

    /// Enters a connection that ended before its first request.
    pub(crate) fn handshake_failed(&self, failed: FailedHandshake) {
        let mut entries = self.entries();
        if entries.failed_handshakes.len() < attempts::KEPT {
            entries.failed_handshakes.push(failed);
        }
        drop(entries);
        self.tick();
    }

    fn tick(&self) {
        // Whoever subscribes later has seen everything so far.
        if self.version.receiver_count() > 0 {
            self.version.send_modify(|version| *version += 1);
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exchange {
    /// Whether the conditions hold for this request, as a rule would ask. Conditions that cannot be
    /// read (a broken regular expression) hold for none.
    #[must_use]
    pub fn matches(&self, when: &When) -> bool {
        Matcher::new(when).is_ok_and(|matcher| matcher.matches(self))
    }

    /// Whether it asks for a WebSocket.
    #[must_use]
    pub fn is_upgrade(&self) -> bool {
        is_upgrade(&self.request.headers)
    }

    /// Whether it is a turn over a WebSocket that only prepares the next one.
    #[must_use]
    pub fn is_warm_up(&self) -> bool {
        self.endpoint == Endpoint::Websocket
            && self
                .request
                .json()
                .is_some_and(|body| body["generate"] == false)
    }
}
