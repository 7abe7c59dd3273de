//! Answers in HTTP/1.1, written as their plan says.

use std::io::{self, IoSlice};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::pace::Pace;
use super::{Channel, Connection, Transport};
use crate::fault::How;
use crate::journal::Ending;
use crate::plan::{End, Framing, Plan, Step};

/// How long a connection that is closed for good is still read, so that what the client is sending does
/// not turn our FIN into a RST.
const LINGER: Duration = Duration::from_millis(500);

/// Data from this size on are not copied to be written together with what stands around them.
const LARGE: usize = 16 << 10;

/// Room for a head, and for a small body behind it.
const HEAD: usize = 512;

/// Who is told what goes out.
pub(crate) trait Witness {
    /// The head of the answer, which goes out with the bytes that are sent next.
    fn head(&mut self, headers: Vec<(String, String)>);

    /// So many bytes were handed to the network, and so many of them are the next ones of the body.
    fn sent(&mut self, wire_bytes: usize, body_bytes: usize);
}

/// How the request asked for its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// `HEAD`: the head of the answer only.
    pub(crate) head_only: bool,
    /// Whether the connection may stay open.
    pub(crate) keep_alive: bool,
    /// HTTP/1.0 knows no chunks.
    pub(crate) chunks: bool,
}

impl<T: Transport> Channel for Connection<T> {
    async fn gone(&mut self) {
        self.wait_gone().await;
    }

    async fn write(
        &mut self,
        plan: &Plan,
        asked: Asked,
        witness: &mut (impl Witness + Send),
    ) -> Ending {
        let mut output = Output {
            large: Vec::new(),
            bytes: BytesMut::new(),
            body: 0,
            pace: plan.pace.map(Pace::new),
        };
        let mut begun = false;
        for step in &plan.steps {
            if let Step::Stall(time) = step {
                if self.flush(&mut output, witness).await.is_err() || !self.stall(*time).await {
                    return Ending::ClientGone;
                }
                continue;
            }
            if *step == Step::Head {
                begun = true;
                let headers = wire_headers(plan, asked);
                output.head(plan, &headers);
                witness.head(headers);
            }
            if output.step(step, plan, asked) && self.flush(&mut output, witness).await.is_err() {
                return Ending::ClientGone;
            }
        }
        if self.flush(&mut output, witness).await.is_err() {
            return Ending::ClientGone;
        }
        match plan.end {
            End::Open => Ending::Complete,
            End::Closed(how) => {
                hang_up(&mut self.transport, how).await;
                Ending::Complete
            }
            End::Cut(how) => {
                hang_up(&mut self.transport, how).await;
                match how {
                    How::Reset | How::RstStream(_) => Ending::Reset,
                    How::Half => Ending::HalfClose,
                    How::Fin if begun => Ending::Cut,
                    How::Fin => Ending::NoAnswer,
                }
            }
        }
    }

    /// The last word on a connection whose other side may still be sending.
    async fn finish(&mut self) {
        if self.transport.shutdown().await.is_ok() {
            // Whether it ended or went on too long, the connection is dropped next.
            let _ = timeout(LINGER, drain(&mut self.transport)).await;
        }
    }
}

impl<T: Transport> Connection<T> {
    async fn flush(&mut self, output: &mut Output, witness: &mut impl Witness) -> io::Result<()> {
        if output.bytes.is_empty() && output.large.is_empty() {
            return Ok(());
        }
        let bytes = output.bytes.split();
        let mut length = bytes.len();
        match &mut output.pace {
            None if output.large.is_empty() => self.transport.write_all(&bytes).await?,
            None => {
                output.large.push(bytes.freeze());
                length = output.large.iter().map(Bytes::len).sum();
                self.write_parts(&output.large).await?;
                output.large.clear();
            }
            Some(pace) => self.trickle(&bytes, pace).await?,
        }
        self.transport.flush().await?;
        witness.sent(length, std::mem::take(&mut output.body));
        Ok(())
    }

    /// Writes parts one behind the other, in as few writes as the system takes.
    async fn write_parts(&mut self, parts: &[Bytes]) -> io::Result<()> {
        let mut slices: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
        let mut left = slices.as_mut_slice();
        // Slices without bytes are no reason for another write.
        IoSlice::advance_slices(&mut left, 0);
        while !left.is_empty() {
            match self.transport.write_vectored(left).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                written => IoSlice::advance_slices(&mut left, written),
            }
        }
        Ok(())
    }

    /// Writes at a pace.
    async fn trickle(&mut self, bytes: &[u8], pace: &mut Pace) -> io::Result<()> {
        for piece in bytes.chunks(pace.piece()) {
            self.transport.write_all(piece).await?;
            self.transport.flush().await?;
            if !self.wait(pace.after(piece.len())).await {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
        }
        Ok(())
    }
}

/// Ends a connection in the middle of something.
pub(crate) async fn hang_up(transport: &mut impl Transport, how: How) {
    match how {
        How::Fin => {
            // The socket's own side, below TLS: no close_notify, as when a process dies.
            let _ = socket2::SockRef::from(transport.socket()).shutdown(std::net::Shutdown::Write);
        }
        How::Reset | How::RstStream(_) => {
            // Closing a socket that lingers for no time sends a RST.
            let _ = transport.socket().set_zero_linger();
        }
        How::Half => {
            if transport.shutdown().await.is_ok() {
                drain(transport).await;
            }
        }
    }
}

/// Reads until the client has closed its side, too.
async fn drain(transport: &mut impl Transport) {
    // Not in the future itself: every connection has the size of what it may do one day.
    let mut waste = vec![0; 4 << 10];
    while matches!(transport.read(&mut waste).await, Ok(length) if length > 0) {}
}

/// What waits for the next write.
struct Output {
    /// Parts that stand before `bytes`.
    large: Vec<Bytes>,
    bytes: BytesMut,
    /// How many of all are the body's.
    body: usize,
    pace: Option<Pace>,
}

impl Output {
    /// Takes a step. True when what has gathered is to be written now.
    fn step(&mut self, step: &Step, plan: &Plan, asked: Asked) -> bool {
        let chunked = plan.framing == Framing::Chunked && asked.chunks;
        match step {
            Step::Head => return chunked,
            _ if asked.head_only => {}
            Step::Chunk(length) if chunked => {
                self.bytes.put_slice(format!("{length:x}\r\n").as_bytes());
            }
            Step::Chunk(_) => {}
            Step::Data(data) => {
                self.body += data.len();
                if data.len() < LARGE || self.pace.is_some() {
                    self.bytes.put_slice(data);
                } else {
                    self.large.push(self.bytes.split().freeze());
                    self.large.push(data.clone());
                }
            }
            Step::ChunkEnd => {
                if chunked {
                    self.bytes.put_slice(b"\r\n");
                }
                return true;
            }
            Step::Finish if chunked => self.bytes.put_slice(b"0\r\n\r\n"),
            Step::Finish | Step::Stall(_) | Step::Goaway(..) => {}
        }
        false
    }

    fn head(&mut self, plan: &Plan, headers: &[(String, String)]) {
        let status = plan.status;
        self.bytes.reserve(HEAD);
        self.bytes
            .put_slice(format!("HTTP/1.1 {status} {}\r\n", plan.reason).as_bytes());
        for (name, value) in headers {
            for part in [name, ": ", value, "\r\n"] {
                self.bytes.put_slice(part.as_bytes());
            }
        }
        self.bytes.put_slice(b"\r\n");
    }
}

/// The headers as they go out: the framing at the place where the answer names it, else at the end.
pub(crate) fn wire_headers(plan: &Plan, asked: Asked) -> Vec<(String, String)> {
    // RFC 9110 §8.6: no length where there is never a body.
    let bodiless = plan.status < 200 || plan.status == 204 || plan.status == 304;
    let framing = match plan.framing {
        _ if bodiless => None,
        Framing::Chunked if asked.chunks => Some(("transfer-encoding", "chunked".to_owned())),
        Framing::Chunked => None,
        Framing::Length => Some(("content-length", plan.body.len().to_string())),
        Framing::WrongLength(length) => Some(("content-length", length.to_string())),
    };
    let is_framing = |name: &str| {
        name.eq_ignore_ascii_case("content-length")
            || name.eq_ignore_ascii_case("transfer-encoding")
    };
    let mut left = framing;
    let mut headers = Vec::new();
    for (name, value) in &plan.headers {
        if !is_framing(name) {
            headers.push((name.clone(), value.clone()));
        } else if let Some((framing, value)) =
            left.take_if(|(framing, _)| name.eq_ignore_ascii_case(framing))
        {
            // The name as the answer writes it.
            let name = if name.eq_ignore_ascii_case(framing) {
                name
            } else {
                framing
            };
            headers.push((name.to_owned(), value));
        }
    }
    headers.extend(left.map(|(name, value)| (name.to_owned(), value)));
    let says = headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("connection"));
    if !asked.keep_alive && plan.end == End::Open && !says {
        headers.push(("connection".to_owned(), "close".to_owned()));
    }
    headers
}
