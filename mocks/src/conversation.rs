//! One connection from its first request to its end: read, judge, hold, answer, write, record.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::journal::{Ending, Journal, KEPT_OF_AN_ANSWER, RecordedAnswer};
use crate::net::{
    Asked, Channel, Connection, Door, Incoming, Nonsense, ReadError, Transport, Witness,
};
use crate::plan::{End, Framing};
use crate::responder::{Judged, Ready, Responder};
use crate::script::Endpoint;
use crate::websocket::{self, Opened};

/// Answers the requests of a connection, one after another. Gives back how many there were.
pub(crate) async fn converse<T: Transport>(
    mut connection: Connection<T>,
    door: &Door,
    responder: &Responder,
) -> u64 {
    let mut requests = 0;
    loop {
        let read = match connection.read_request().await {
            Ok(Some(incoming)) => Ok(incoming),
            Ok(None) | Err(ReadError::Gone) => return requests,
            Err(ReadError::Nonsense(nonsense)) => Err(nonsense),
        };
        requests += 1;
        match exchange(&mut connection, read, door, responder).await {
            Next::Request => {}
            Next::End => return requests,
            Next::WebSocket(opened) => {
                // In a box, so that other connections do not have its size.
                Box::pin(websocket::converse(connection, &opened, door, responder)).await;
                return requests;
            }
        }
    }
}

/// What comes next on a channel.
pub(crate) enum Next {
    /// Another request may.
    Request,
    /// Nothing.
    End,
    /// Frames: the upgrade was granted.
    WebSocket(Box<Opened>),
}

/// One request and its answer.
pub(crate) async fn exchange<C: Channel>(
    channel: &mut C,
    read: Result<Incoming, Box<Nonsense>>,
    door: &Door,
    responder: &Responder,
) -> Next {
    let (asked, judged, refusal) = match read {
        Ok(incoming) => {
            let asked = Asked {
                head_only: incoming.request.method == "HEAD",
                keep_alive: incoming.keep_alive,
                chunks: incoming.request.version == "HTTP/1.1",
            };
            (asked, responder.judge(door, incoming), None)
        }
        Err(nonsense) => {
            let asked = Asked {
                head_only: false,
                keep_alive: false,
                chunks: nonsense.incoming.request.version == "HTTP/1.1",
            };
            let refusal = (nonsense.status, nonsense.message);
            let judged = responder.judge_nonsense(door, nonsense.incoming);
            (asked, judged, Some(refusal))
        }
    };
    let mut recording = Recording::new(&responder.journal, &judged);
    if judged.exchange.endpoint == Endpoint::Egress {
        responder.requested(door, &judged.exchange).await;
    }
    let rule = judged.rule.map(|bound| &bound.rule);
    let held = rule.and_then(|rule| rule.hold.as_deref());
    if !passes(channel, responder, held).await {
        recording.end(Ending::ClientGone);
        return Next::End;
    }
    let ready = match refusal {
        Some((status, message)) => responder.nonsense(status, &message),
        None => responder.answer(&judged).await,
    };
    let held = rule.and_then(|rule| rule.hold_answer.as_deref());
    if !passes(channel, responder, held).await {
        recording.end(Ending::ClientGone);
        return Next::End;
    }
    let open = reply(channel, &ready, asked, recording).await;
    match open {
        true if ready.plan.status == SWITCHING_PROTOCOLS => {
            Next::WebSocket(Box::new(judged.into()))
        }
        true => Next::Request,
        false => Next::End,
    }
}

/// RFC 9110 §15.2.2: the server goes on in the protocol that was asked for.
const SWITCHING_PROTOCOLS: u16 = 101;

/// Waits at a gate, if there is one. False when the client goes meanwhile.
async fn passes<C: Channel>(channel: &mut C, responder: &Responder, gate: Option<&str>) -> bool {
    let Some(gate) = gate else { return true };
    tokio::select! {
        () = responder.gates.pass(gate) => true,
        () = channel.gone() => false,
    }
}

/// Writes an answer. False when the channel is over.
async fn reply<C: Channel>(
    channel: &mut C,
    ready: &Ready,
    mut asked: Asked,
    mut recording: Recording<'_>,
) -> bool {
    let plan = &ready.plan;
    // Without chunks the end of such a body is the end of the connection (RFC 9112 §6.3).
    asked.keep_alive &= asked.chunks || plan.framing != Framing::Chunked;
    recording.will_send(plan.status, plan.body.clone());
    recording.made_of(ready.fixture.as_deref(), &ready.missed);
    let ending = channel.write(plan, asked, &mut recording).await;
    recording.end(ending);
    let open = ending == Ending::Complete && plan.end == End::Open;
    if open && !asked.keep_alive {
        channel.finish().await;
    }
    open && asked.keep_alive
}

/// What is written down of an answer while it goes out. An answer that is dropped on its way, because
/// the server stops, is written down as far as it came.
pub(crate) struct Recording<'a> {
    journal: &'a Arc<Journal>,
    id: u64,
    answer: Option<RecordedAnswer>,
    status: u16,
    headers: Vec<(String, String)>,
    /// The whole body, and how much of it was sent.
    body: Bytes,
    sent: usize,
}

impl<'a> Recording<'a> {
    pub(crate) fn new(journal: &'a Arc<Journal>, judged: &Judged<'_>) -> Self {
        let answer = RecordedAnswer {
            status: 0,
            headers: Vec::new(),
            body: Bytes::new(),
            truncated: false,
            wire_bytes: 0,
            started: Duration::ZERO,
            ended: Duration::ZERO,
            ending: Ending::NoAnswer,
            rule: judged.rule.map(|bound| bound.place.clone()),
            fixture: None,
            missed: Vec::new(),
        };
        Self {
            journal,
            id: judged.exchange.id,
            answer: Some(answer),
            status: 0,
            headers: Vec::new(),
            body: Bytes::new(),
            sent: 0,
        }
    }

    /// The status that goes out with the first bytes, and the whole body.
    pub(crate) fn will_send(&mut self, status: u16, body: Bytes) {
        self.status = status;
        self.body = body;
    }

    /// What the answer was made of, and which faults found nothing in it.
    pub(crate) fn made_of(&mut self, fixture: Option<&str>, missed: &[String]) {
        if let Some(answer) = &mut self.answer {
            answer.fixture = fixture.map(str::to_owned);
            answer.missed = missed.to_vec();
        }
    }

    pub(crate) fn end(&mut self, ending: Ending) {
        let Some(mut answer) = self.answer.take() else {
            return;
        };
        answer.ended = self.journal.now();
        if answer.wire_bytes == 0 {
            answer.started = answer.ended;
        }
        answer.truncated = self.sent > KEPT_OF_AN_ANSWER;
        answer.body = self.body.slice(..self.sent.min(KEPT_OF_AN_ANSWER));
        if answer.body.len() < self.body.len() {
            // The rest is not kept alive for it.
            answer.body = Bytes::copy_from_slice(&answer.body);
        }
        answer.ending = ending;
        self.journal.finish(self.id, answer);
    }
}

impl Witness for Recording<'_> {
    fn head(&mut self, headers: Vec<(String, String)>) {
        self.headers = headers;
    }

    fn sent(&mut self, wire_bytes: usize, body_bytes: usize) {
        let Some(answer) = &mut self.answer else {
            return;
        };
        if answer.wire_bytes == 0 {
            answer.started = self.journal.now();
            answer.status = self.status;
            answer.headers = std::mem::take(&mut self.headers);
        }
        answer.wire_bytes += wire_bytes as u64;
        self.sent += body_bytes;
    }
}

impl Drop for Recording<'_> {
    fn drop(&mut self) {
        let sent = self
            .answer
            .as_ref()
            .is_some_and(|answer| answer.wire_bytes > 0);
        self.end(if sent { Ending::Cut } else { Ending::NoAnswer });
    }
}
