//! One connection: requests come off it one after another.

use std::io;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::coding::{CodingError, decode};
use super::http1::{BodyReader, Head, Incoming, LONGEST_BODY, Nonsense, ReadError, Refused};
use super::writer::{Asked, Witness};
use crate::fault::Time;
use crate::journal::Ending;
use crate::message::header;
use crate::plan::Plan;

/// How much is read ahead of the request that is being answered.
const READ_AHEAD: usize = 256 << 10;

/// Room for what is read at once, at least.
const SHARE: usize = 2 << 10;

/// What a connection runs over: TCP, or TLS over TCP.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin + Send {
    /// The socket below.
    fn socket(&self) -> &TcpStream;
}

impl Transport for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

/// What one request's answer is written to: a connection, or one of its streams.
pub(crate) trait Channel: Send {
    /// Ends when the client no longer waits for an answer.
    fn gone(&mut self) -> impl Future<Output = ()> + Send;

    /// False when the client went away meanwhile.
    fn stall(&mut self, time: Time) -> impl Future<Output = bool> + Send {
        async move {
            match time {
                Time::For(span) => self.wait(span.0).await,
                Time::Ever => {
                    self.gone().await;
                    false
                }
            }
        }
    }

    /// False when the client went away meanwhile.
    fn wait(&mut self, time: Duration) -> impl Future<Output = bool> + Send {
        async move {
            tokio::select! {
                () = sleep(time) => true,
                () = self.gone() => false,
            }
        }
    }

    /// Carries out a plan. Gives back how it ended; anything but a complete answer to a client that
    /// keeps its connection ends the channel, and so does `Complete` when `asked` says so.
    fn write(
        &mut self,
        plan: &Plan,
        asked: Asked,
        witness: &mut (impl Witness + Send),
    ) -> impl Future<Output = Ending> + Send;

    /// The last word on a channel whose other side may still be sending.
    fn finish(&mut self) -> impl Future<Output = ()> + Send;
}

/// A connection with what was read ahead.
#[derive(Debug)]
pub(crate) struct Connection<T> {
    pub(super) transport: T,
    input: BytesMut,
}

impl<T: Transport> Connection<T> {
    pub(crate) fn new(transport: T) -> Self {
        Self::resumed(transport, BytesMut::new())
    }

    /// A connection of which `input` was read already.
    pub(super) fn resumed(transport: T, input: BytesMut) -> Self {
        Self { transport, input }
    }

    /// What it runs over, and what was read ahead.
    pub(crate) fn into_parts(self) -> (T, BytesMut) {
        (self.transport, self.input)
    }

    /// The next request. None when the client closes between requests.
    pub(crate) async fn read_request(&mut self) -> Result<Option<Incoming>, ReadError> {
        if self.input.is_empty() && self.fill().await? == 0 {
            return Ok(None);
        }
        let arrived = Instant::now();
        let mut wire_bytes = 0;
        let head = loop {
            let before = self.input.len();
            match Head::take(&mut self.input) {
                Ok(Some(head)) => {
                    wire_bytes += before - self.input.len();
                    break head;
                }
                Ok(None) if self.fill().await? == 0 => return Err(ReadError::Gone),
                Ok(None) => {}
                Err(refused) => {
                    return Err(nonsense(
                        refused,
                        unreadable_head(&self.input),
                        arrived,
                        before,
                    ));
                }
            }
        };
        if let Err(refused) = head.check_host() {
            return Err(nonsense(refused, head, arrived, wire_bytes));
        }
        let keep_alive = head.keep_alive();
        let body = match self.read_body(&head, &mut wire_bytes).await {
            Ok(body) => body,
            Err(Unread::Gone) => return Err(ReadError::Gone),
            Err(Unread::Refused(refused)) => {
                return Err(nonsense(refused, head, arrived, wire_bytes));
            }
        };
        let decoded = match decoded(&head.headers, &body) {
            Ok(decoded) => decoded,
            Err(refused) => return Err(nonsense(refused, head, arrived, wire_bytes)),
        };
        Ok(Some(Incoming {
            request: head.into_request(body, decoded),
            wire_bytes: wire_bytes as u64,
            arrived,
            keep_alive,
        }))
    }

    /// Ends when the client has closed its side or the connection has failed. What it sends until then
    /// is kept for the next request.
    pub(super) async fn wait_gone(&mut self) {
        while self.input.len() < READ_AHEAD {
            match self.fill().await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        std::future::pending().await
    }

    async fn read_body(&mut self, head: &Head, wire_bytes: &mut usize) -> Result<Bytes, Unread> {
        let mut reader = BodyReader::new(head.framing);
        let mut told = !head.expects_continue();
        loop {
            let before = self.input.len();
            let body = reader.feed(&mut self.input).map_err(Unread::Refused)?;
            *wire_bytes += before - self.input.len();
            if let Some(body) = body {
                return Ok(body);
            }
            if !told {
                told = true;
                let word = self
                    .transport
                    .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
                    .await;
                word.map_err(|_| Unread::Gone)?;
            }
            if self.fill().await.map_err(|_| Unread::Gone)? == 0 {
                return Err(Unread::Gone);
            }
        }
    }

    async fn fill(&mut self) -> io::Result<usize> {
        // A client that only waits costs no more than this, however many there are.
        self.input.reserve(SHARE);
        self.transport.read_buf(&mut self.input).await
    }
}

/// The body after its content coding was undone.
pub(super) fn decoded(headers: &[(String, String)], body: &Bytes) -> Result<Bytes, Refused> {
    let coding = header(headers, "content-encoding").unwrap_or_default();
    decode(coding, body, LONGEST_BODY).map_err(|error| Refused {
        status: match error {
            CodingError::Unknown(_) => 415,
            CodingError::Invalid(..) => 400,
            CodingError::TooLarge => 413,
        },
        message: error.to_string(),
    })
}

enum Unread {
    Gone,
    Refused(Refused),
}

fn nonsense(refused: Refused, head: Head, arrived: Instant, wire_bytes: usize) -> ReadError {
    ReadError::Nonsense(Box::new(Nonsense {
        status: refused.status,
        message: refused.message,
        incoming: Incoming {
            request: head.into_request(Bytes::new(), Bytes::new()),
            wire_bytes: wire_bytes as u64,
            arrived,
            keep_alive: false,
        },
    }))
}

/// What the journal shows of a head that could not be read: its first line.
fn unreadable_head(input: &[u8]) -> Head {
    let line = input
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let line = String::from_utf8_lossy(&line[..line.len().min(200)]);
    let mut words = line.split_whitespace();
    Head {
        method: words.next().unwrap_or_default().to_owned(),
        target: words.next().unwrap_or_default().to_owned(),
        minor_version: 1,
        headers: Vec::new(),
        framing: super::http1::BodyFraming::Length(0),
    }
}
