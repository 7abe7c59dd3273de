//! Responses over a WebSocket (RFC 6455): the upgrade, and frames in and out. What they say goes through the same
//! reassembly as a stream of events.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::Upgraded;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

use super::{Broken, Exchange, Limits, Method, Request, Transport, head, host, timed_out};
use crate::defect::{self, Defect};
use crate::failure::{Class, Failure};
use crate::redact::Redactor;
use crate::responses::{Assembly, Response};
use crate::sse::Frame;

/// The largest frame that is read.
const LARGEST_FRAME: usize = 64 * 1024 * 1024;

/// What became of a request for a WebSocket.
#[derive(Debug)]
pub enum Upgrade {
    /// It is open.
    Open(Box<Socket>),
    /// The server answered otherwise.
    Refused(reqwest::Response),
}

/// An open WebSocket.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<Upgraded>,
    url: String,
}

impl Transport {
    /// Asks for a WebSocket; `headers` say who asks.
    ///
    /// # Errors
    /// There is no connection, or what came is no WebSocket. A refusal is no error here.
    pub async fn upgrade(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        follow: &dyn Fn(Exchange),
    ) -> Result<Upgrade, Failure> {
        let key = STANDARD.encode(rand::random::<[u8; 16]>());
        let mut headers = headers.to_vec();
        headers.extend([
            ("connection", "Upgrade".to_owned()),
            ("upgrade", "websocket".to_owned()),
            ("sec-websocket-version", "13".to_owned()),
            ("sec-websocket-key", key.clone()),
        ]);
        let request = Request {
            purpose: "websocket",
            method: Method::Upgrade,
            url,
            headers: &headers,
            body: bytes::Bytes::new(),
        };
        let response = self.open(&request, follow).await?;
        let answer = head(&response);
        if answer.status != 101 {
            return Ok(Upgrade::Refused(response));
        }
        // RFC 6455 §4.1: anything else comes from somebody who does not know what was asked.
        if answer.header("sec-websocket-accept").map(str::trim)
            != Some(derive_accept_key(key.as_bytes()).as_str())
        {
            return Err(broken(
                url,
                "the answer to the upgrade is not that of a WebSocket",
            ));
        }
        let upgraded = response
            .upgrade()
            .await
            .map_err(|error| super::broken(url, &error))?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(LARGEST_FRAME))
            .max_frame_size(Some(LARGEST_FRAME));
        let stream = WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await;
        let url = url.to_owned();
        Ok(Upgrade::Open(Box::new(Socket { stream, url })))
    }
}

impl Socket {
    /// Sends a frame.
    ///
    /// # Errors
    /// The connection broke, or takes nothing for too long.
    pub async fn send(&mut self, text: String, limits: &Limits) -> Result<(), Failure> {
        let sent = self.stream.send(Message::text(text));
        match tokio::time::timeout(limits.first_byte, sent).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(broken(&self.url, error)),
            Err(_) => Err(timed_out(
                &self.url,
                "an acknowledgement",
                limits.first_byte,
            )),
        }
    }

    /// Reads the frames of one response, to its terminal event. The connection stays open.
    ///
    /// # Errors
    /// Why there is no response. The connection is of no more use then.
    pub async fn read_response(
        &mut self,
        limits: &Limits,
        redactor: &Redactor,
    ) -> Result<Response, Broken> {
        let mut assembly = Assembly::new(redactor.clone());
        let mut limit = limits.first_byte;
        while !assembly.is_ended() {
            let failure = match self.frame(limit).await {
                Ok(Some(text)) => {
                    read(&mut assembly, text.as_bytes());
                    limit = limits.idle;
                    continue;
                }
                Ok(None) => {
                    limit = limits.idle;
                    continue;
                }
                Err(_) if defect::active(Defect::ClosedSocketIsSuccess) => {
                    assembly.complete();
                    continue;
                }
                Err(failure) => failure,
            };
            return Err(Broken {
                failure,
                partial: assembly.partial_text(),
            });
        }
        assembly
            .finish()
            .ok_or_else(|| broken(&self.url, "the websocket ended before the response did").into())
    }

    /// The next text. `None` for a frame of the protocol's own: a sign of life, and no more.
    async fn frame(&mut self, limit: Duration) -> Result<Option<String>, Failure> {
        let Ok(message) = tokio::time::timeout(limit, self.stream.next()).await else {
            return Err(timed_out(&self.url, "another frame", limit));
        };
        match message {
            Some(Ok(Message::Text(text))) => Ok(Some(text.as_str().to_owned())),
            Some(Ok(Message::Binary(data))) if defect::active(Defect::BinaryFrameRead) => {
                Ok(Some(String::from_utf8_lossy(&data).into_owned()))
            }
            Some(Ok(Message::Binary(_))) => {
                let why = "a binary frame came, where each frame is the text of an event";
                Err(broken(&self.url, why))
            }
            Some(Ok(Message::Close(frame))) => Err(broken(&self.url, closed(frame.as_ref()))),
            Some(Ok(_)) => Ok(None),
            Some(Err(error)) => Err(broken(&self.url, error)),
            None => Err(broken(&self.url, closed(None))),
        }
    }
}

/// One event. What is no JSON is passed over.
fn read(assembly: &mut Assembly, data: &[u8]) {
    if defect::active(Defect::BrokenFrameFatal)
        && serde_json::from_slice::<serde_json::Value>(data).is_err()
    {
        panic!("Unexpected end of JSON input");
    }
    assembly.push_frame(Frame {
        name: b"",
        data,
        last_id: "",
    });
}

fn closed(frame: Option<&CloseFrame>) -> String {
    let why = match frame {
        Some(frame) if frame.reason.is_empty() => format!(" (code {})", u16::from(frame.code)),
        Some(frame) => format!(" (code {}: {})", u16::from(frame.code), frame.reason),
        None => String::new(),
    };
    format!("the websocket was closed before the response ended{why}")
}

fn broken(url: &str, why: impl std::fmt::Display) -> Failure {
    Failure::local(Class::Transport, format!("{}: {why}", host(url)))
}
