//! Responses over a WebSocket (RFC 6455): a turn is a text frame with the JSON of a request, and the events of its
//! answer come back one per frame. Handshake and refusals are HTTP, and answered like all of it.

mod answer;
mod known;
mod line;

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use crate::backend::request_rules::Profile;
use crate::conversation::Recording;
use crate::journal::{Ending, Exchange};
use crate::message::Request;
use crate::net::{Connection, Door, Incoming, Transport};
use crate::responder::{Judged, Responder};
use known::Known;
use line::{Line, Received};

pub(crate) use answer::as_events;

/// The request that opened a WebSocket.
#[derive(Debug)]
pub(crate) struct Opened {
    exchange: Arc<Exchange>,
}

impl From<Judged<'_>> for Opened {
    fn from(judged: Judged<'_>) -> Self {
        Self {
            exchange: judged.exchange,
        }
    }
}

/// Whether a frame asks for a response.
pub(crate) fn is_turn(frame: &Request) -> bool {
    let kind = |json: Value| json["type"] == "response.create";
    frame.method == "TEXT" && serde_json::from_slice(&frame.decoded).is_ok_and(kind)
}

/// Answers the turns of a client, one after another, until the WebSocket ends.
pub(crate) async fn converse<T: Transport>(
    connection: Connection<T>,
    opened: &Opened,
    door: &Door,
    responder: &Responder,
) {
    let id = opened.exchange.id;
    let mut line = Line::new(connection, Arc::clone(&responder.journal), id).await;
    let mut known = Known::default();
    while let Some(received) = line.next().await {
        if known.ignores(&received) {
            continue;
        }
        let judged = responder.judge_frame(door, opened.frame(received), id);
        if !turn(&mut line, &judged, &mut known, responder).await {
            return;
        }
    }
}

/// One turn and its answer. False when the WebSocket is over.
async fn turn<T: Transport>(
    line: &mut Line<T>,
    judged: &Judged<'_>,
    known: &mut Known,
    responder: &Responder,
) -> bool {
    let mut recording = Recording::new(&responder.journal, judged);
    if let Some(gate) = judged.rule.and_then(|bound| bound.rule.hold.as_deref()) {
        let opened = tokio::select! {
            () = responder.gates.pass(gate) => true,
            () = line.gone() => false,
        };
        if !opened {
            recording.end(Ending::ClientGone);
            return false;
        }
    }
    let turn: Value = serde_json::from_slice(&judged.request().decoded).unwrap_or_default();
    let own = async {
        let own = known.answer(profile(judged.request()), &turn, &responder.default_stream);
        responder.filled(judged, own)
    };
    let drafted = responder.draft(judged, own).await;
    recording.made_of(drafted.fixture.as_deref(), &drafted.missed);
    let plan = answer::Plan::new(drafted.draft);
    recording.will_send(plan.status(), plan.body());
    let ending = line.play(&plan, &mut recording).await;
    known.learn(&turn, plan.sent(ending));
    recording.end(ending);
    ending == Ending::Complete && !plan.ends_it()
}

/// Which server a path belongs to.
fn profile(request: &Request) -> Profile {
    if request.path.starts_with("/backend-api/") {
        Profile::ChatGpt
    } else {
        Profile::PublicApi
    }
}

impl Opened {
    /// A frame as a request: its data is the body, the rest is that of the upgrade.
    fn frame(&self, received: Received) -> Incoming {
        let mut request = (*self.exchange.request.message).clone();
        let handshake = |name: &str| {
            let name = name.to_ascii_lowercase();
            name.starts_with("sec-websocket-") || matches!(name.as_str(), "upgrade" | "connection")
        };
        request.headers.retain(|(name, _)| !handshake(name));
        received.kind().clone_into(&mut request.method);
        let wire_bytes = received.wire_bytes();
        Incoming {
            request: request.with_body(received.into_data()),
            wire_bytes,
            arrived: Instant::now(),
            keep_alive: true,
        }
    }
}
