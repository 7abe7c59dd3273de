//! The WebSocket itself: data of the client in order, frames out, and everything written down.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

use super::answer::{Plan, Step};
use crate::conversation::Recording;
use crate::fault::{How, Time};
use crate::journal::{Ending, Frame, Journal, Opcode};
use crate::net::{Connection, LONGEST_BODY, Transport, Witness as _, hang_up};
use crate::plan::Farewell;

/// How long the client's answer to our close frame is waited for.
const LINGER: Duration = Duration::from_millis(500);

/// How many messages of a client are read while another one is answered.
const READ_AHEAD: usize = 64;

/// A WebSocket, with what was read ahead of it.
pub(super) struct Line<T> {
    socket: WebSocketStream<T>,
    waiting: VecDeque<Received>,
    journal: Arc<Journal>,
    /// The exchange that opened it.
    id: u64,
}

/// Data that the client sent.
#[derive(Debug)]
pub(super) enum Received {
    Text(Bytes),
    Binary(Bytes),
}

impl Received {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "TEXT",
            Self::Binary(_) => "BINARY",
        }
    }

    pub(super) fn data(&self) -> &Bytes {
        match self {
            Self::Text(data) | Self::Binary(data) => data,
        }
    }

    pub(super) fn into_data(self) -> Bytes {
        match self {
            Self::Text(data) | Self::Binary(data) => data,
        }
    }

    /// Its bytes on the wire, as one frame: a client's has a mask.
    pub(super) fn wire_bytes(&self) -> u64 {
        framed(self.data().len()) as u64 + 4
    }
}

impl<T: Transport> Line<T> {
    /// Goes on as a WebSocket where HTTP has ended.
    pub(super) async fn new(connection: Connection<T>, journal: Arc<Journal>, id: u64) -> Self {
        let (transport, input) = connection.into_parts();
        let config = WebSocketConfig::default()
            .max_message_size(Some(LONGEST_BODY))
            .max_frame_size(Some(LONGEST_BODY));
        let socket = WebSocketStream::from_partially_read(
            transport,
            input.into(),
            Role::Server,
            Some(config),
        );
        Self {
            socket: socket.await,
            waiting: VecDeque::new(),
            journal,
            id,
        }
    }

    /// The client's next data. None when it is gone, or does not keep to the protocol.
    pub(super) async fn next(&mut self) -> Option<Received> {
        if let Some(received) = self.waiting.pop_front() {
            return Some(received);
        }
        loop {
            let message = self.read().await?;
            if let Some(received) = data(message) {
                return Some(received);
            }
        }
    }

    /// Ends when the client is gone. What it sends until then is kept.
    pub(super) async fn gone(&mut self) {
        while self.waiting.len() < READ_AHEAD {
            let Some(message) = self.read().await else {
                return;
            };
            self.waiting.extend(data(message));
        }
        std::future::pending().await
    }

    /// Carries out a plan, and says how it ended.
    pub(super) async fn play(&mut self, plan: &Plan, recording: &mut Recording<'_>) -> Ending {
        let mut begun = false;
        for step in &plan.steps {
            let sent = match step {
                Step::Text(text) => self.send(Message::text(text.as_str())).await,
                Step::Binary(data) => self.send(Message::binary(data.clone())).await,
                Step::Stall(time) => {
                    if !self.stall(*time).await {
                        return Ending::ClientGone;
                    }
                    continue;
                }
                Step::Goodbye(farewell) => {
                    self.say_goodbye(farewell).await;
                    return Ending::Complete;
                }
                Step::Cut(how) => {
                    hang_up(self.socket.get_mut(), *how).await;
                    return match how {
                        How::Reset | How::RstStream(_) => Ending::Reset,
                        How::Half => Ending::HalfClose,
                        How::Fin if begun => Ending::Cut,
                        How::Fin => Ending::NoAnswer,
                    };
                }
            };
            if !sent {
                return Ending::ClientGone;
            }
            // As in the body of the record: a line for each.
            let length = step.data().len();
            recording.sent(framed(length), length + usize::from(begun));
            begun = true;
        }
        Ending::Complete
    }

    async fn read(&mut self) -> Option<Message> {
        let message = self.socket.next().await?.ok()?;
        self.record(true, &message);
        Some(message)
    }

    async fn send(&mut self, message: Message) -> bool {
        self.record(false, &message);
        self.socket.send(message).await.is_ok()
    }

    /// False when the client goes away meanwhile.
    async fn stall(&mut self, time: Time) -> bool {
        match time {
            Time::Ever => {
                self.gone().await;
                false
            }
            Time::For(span) => {
                tokio::select! {
                    () = sleep(span.0) => true,
                    () = self.gone() => false,
                }
            }
        }
    }

    /// RFC 6455 §7.1.1: our close frame, the client's, then the end of the connection.
    async fn say_goodbye(&mut self, Farewell(farewell): &Farewell) {
        let frame = farewell.as_ref().map(|(code, reason)| CloseFrame {
            code: (*code).into(),
            reason: reason.as_str().into(),
        });
        if self.send(Message::Close(frame)).await {
            // Whether it answered or not, the connection is dropped next.
            let _ = timeout(LINGER, self.gone()).await;
        }
    }

    fn record(&self, from_client: bool, message: &Message) {
        let (opcode, data) = match message {
            Message::Text(text) => (Opcode::Text, text.clone().into()),
            Message::Binary(data) => (Opcode::Binary, data.clone()),
            Message::Ping(data) => (Opcode::Ping, data.clone()),
            Message::Pong(data) => (Opcode::Pong, data.clone()),
            Message::Close(frame) => (Opcode::Close, closing(frame.as_ref())),
            // Never read, and never sent.
            Message::Frame(_) => return,
        };
        let frame = Frame {
            from_client,
            opcode,
            length: data.len(),
            data,
            at: self.journal.now(),
        };
        self.journal.framed(self.id, frame);
    }
}

/// RFC 6455 §5.2: two bytes, and the length once more when it is greater than 125.
fn framed(length: usize) -> usize {
    length
        + match length {
            0..=125 => 2,
            126..=0xffff => 4,
            _ => 10,
        }
}

fn data(message: Message) -> Option<Received> {
    match message {
        Message::Text(text) => Some(Received::Text(text.into())),
        Message::Binary(data) => Some(Received::Binary(data)),
        _ => None,
    }
}

/// RFC 6455 §5.5.1: the code in two bytes, then the reason.
fn closing(frame: Option<&CloseFrame>) -> Bytes {
    frame.map_or_else(Bytes::new, |frame| {
        let code = u16::from(frame.code).to_be_bytes();
        [code.as_slice(), frame.reason.as_bytes()].concat().into()
    })
}
