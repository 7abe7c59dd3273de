//! Frames of a WebSocket, as they crossed the wire.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::har::text_or_base64;

/// How many frames of one WebSocket are kept.
pub(super) const KEPT: usize = 20_000;

/// One frame; a message that was cut into several counts as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Whether the client sent it.
    pub from_client: bool,
    /// Its kind.
    pub opcode: Opcode,
    /// Its payload: in clear, without mask. The first MiB of all frames of a WebSocket is kept.
    pub data: Bytes,
    /// Length of the payload.
    pub length: usize,
    /// When, since the server's start.
    pub at: Duration,
}

/// The kinds of frame (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the protocol")]
pub enum Opcode {
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Frame {
    pub(super) fn cut_to(&mut self, room: usize) {
        self.data.truncate(room);
    }

    /// As the network panel of a browser exports it.
    pub(super) fn to_json(&self) -> Value {
        let (text, base64) = text_or_base64(&self.data);
        let mut json = json!({
            "type": if self.from_client { "send" } else { "receive" },
            "time": self.at.as_secs_f64(),
            "opcode": self.opcode as u8,
            "data": text,
        });
        if base64 {
            json["_encoding"] = "base64".into();
        }
        if self.data.len() < self.length {
            json["_length"] = self.length.into();
        }
        json
    }
}

/// Bytes of data that these hold.
pub(super) fn length(frames: &[Frame]) -> usize {
    frames.iter().map(|frame| frame.data.len()).sum()
}
