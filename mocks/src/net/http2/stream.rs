//! Answers in HTTP/2, written as their plan says.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use super::super::Channel;
use super::super::pace::Pace;
use super::super::writer::{Asked, Witness, wire_headers};
use super::line::Line;
use crate::fault::{ErrorCode, How, Last};
use crate::journal::Ending;
use crate::plan::{End, Plan, Step};

/// Headers that speak of one connection of HTTP/1.1 (RFC 9113 §8.2.2).
const OF_A_CONNECTION: [&str; 5] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];

/// The way back of one request.
#[derive(Debug)]
pub(super) struct Stream {
    respond: SendResponse<Bytes>,
    /// Once the head is sent.
    body: Option<SendStream<Bytes>>,
    line: Arc<Line>,
    /// Whether the whole connection is to be over.
    hangs_up: bool,
}

/// The client is gone, or no longer wants the answer.
struct Gone;

impl Stream {
    pub(super) fn new(respond: SendResponse<Bytes>, line: Arc<Line>) -> Self {
        Self {
            respond,
            body: None,
            line,
            hangs_up: false,
        }
    }

    /// Everything is written down: what is to be over is over now.
    pub(super) fn end(self) {
        if self.hangs_up {
            self.line.hang_up();
        }
    }

    /// Sends the head. `length` counts names and values before compression.
    fn head(
        &mut self,
        plan: &Plan,
        headers: &[(String, String)],
        last: bool,
    ) -> Result<usize, Gone> {
        let mut response = Response::new(());
        // A plan has the status of a fixture or a script, which were checked.
        *response.status_mut() =
            StatusCode::from_u16(plan.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut length = 0;
        for (name, value) in headers {
            // What no header of HTTP/2 can hold is left out.
            if let (Ok(name), Ok(value)) = (
                HeaderName::from_bytes(name.as_bytes()),
                HeaderValue::from_bytes(value.as_bytes()),
            ) {
                length += name.as_str().len() + value.len();
                response.headers_mut().append(name, value);
            }
        }
        let body = self.respond.send_response(response, last);
        self.body = Some(body.map_err(|_| Gone)?);
        Ok(length.max(1))
    }

    /// Sends bytes as far as the client's window allows, and waits until they are out.
    async fn data(
        &mut self,
        bytes: &Bytes,
        pace: &mut Option<Pace>,
        witness: &mut (impl Witness + Send),
    ) -> Result<(), Gone> {
        let mut left = bytes.clone();
        while !left.is_empty() {
            let piece = pace.as_ref().map_or(left.len(), Pace::piece);
            let mut piece = left.split_to(piece.min(left.len()));
            let length = piece.len();
            while !piece.is_empty() {
                let room = self.room(piece.len()).await?;
                let part = piece.split_to(room.min(piece.len()));
                let sent = part.len();
                self.push(part, false)?;
                if !self.line.flush().await {
                    return Err(Gone);
                }
                witness.sent(sent, sent);
            }
            if let Some(pace) = pace
                && !self.wait(pace.after(length)).await
            {
                return Err(Gone);
            }
        }
        Ok(())
    }

    /// How much of so many bytes may be sent now.
    async fn room(&mut self, length: usize) -> Result<usize, Gone> {
        let stream = self.body.as_mut().ok_or(Gone)?;
        stream.reserve_capacity(length);
        loop {
            let room = stream.capacity();
            if room > 0 {
                return Ok(room);
            }
            let more = poll_fn(|context| stream.poll_capacity(context)).await;
            more.ok_or(Gone)?.map_err(|_| Gone)?;
        }
    }

    fn push(&mut self, bytes: Bytes, last: bool) -> Result<(), Gone> {
        let stream = self.body.as_mut().ok_or(Gone)?;
        stream.send_data(bytes, last).map_err(|_| Gone)
    }

    /// Carries out the steps. Says whether anything was sent, and whether the stream was ended.
    async fn steps(
        &mut self,
        plan: &Plan,
        asked: Asked,
        witness: &mut (impl Witness + Send),
    ) -> Result<(bool, bool), Gone> {
        let (mut begun, mut ended) = (false, false);
        let mut pace = plan.pace.map(Pace::new);
        // A body that is not there needs no frame of its own.
        let bare = plan.steps.ends_with(&[Step::Head, Step::Finish]);
        let cut = matches!(plan.end, End::Cut(_));
        for step in &plan.steps {
            match step {
                Step::Stall(time) => {
                    if !self.line.flush().await || !self.stall(*time).await {
                        return Err(Gone);
                    }
                }
                Step::Goaway(last, code) => {
                    self.goaway(*last, *code);
                    if !self.line.flush().await {
                        return Err(Gone);
                    }
                }
                Step::Head => {
                    begun = true;
                    ended = bare || (asked.head_only && !cut);
                    let headers = headers(plan, asked);
                    let length = self.head(plan, &headers, ended)?;
                    witness.head(headers);
                    if !self.line.flush().await {
                        return Err(Gone);
                    }
                    witness.sent(length, 0);
                }
                _ if ended || asked.head_only => {}
                Step::Data(bytes) => self.data(bytes, &mut pace, witness).await?,
                Step::Finish => {
                    ended = true;
                    self.push(Bytes::new(), true)?;
                }
                Step::Chunk(_) | Step::ChunkEnd => {}
            }
        }
        // With a true length nothing is missing.
        if !ended && matches!(plan.end, End::Closed(_)) {
            ended = true;
            self.push(Bytes::new(), true)?;
        }
        if self.line.flush().await {
            Ok((begun, ended))
        } else {
            Err(Gone)
        }
    }

    /// Tells the client that no further request is taken (RFC 9113 §6.8).
    fn goaway(&self, last: Last, code: ErrorCode) {
        let this = u32::from(self.respond.stream_id());
        let last = match last {
            Last::This => this,
            // Streams that a client begins have odd numbers.
            Last::Before => this.saturating_sub(2),
        };
        self.line.say_goaway(last, code.number());
    }

    /// Ends the stream alone, or the whole connection.
    async fn close(&mut self, how: How) {
        if let How::RstStream(code) = how {
            return self.reset(code);
        }
        self.hangs_up = true;
        match how {
            How::Reset | How::RstStream(_) => self.line.reset(),
            How::Fin => self.line.shut(),
            How::Half => {
                self.line.shut();
                self.gone().await;
            }
        }
    }

    fn reset(&mut self, code: ErrorCode) {
        let reason = Reason::from(code.number());
        match &mut self.body {
            Some(body) => body.send_reset(reason),
            None => self.respond.send_reset(reason),
        }
    }
}

/// The headers of an answer as they go out.
fn headers(plan: &Plan, asked: Asked) -> Vec<(String, String)> {
    let headers = wire_headers(plan, asked).into_iter();
    let lower = headers.map(|(name, value)| (name.to_ascii_lowercase(), value));
    lower
        .filter(|(name, _)| !OF_A_CONNECTION.contains(&name.as_str()))
        .collect()
}

impl Channel for Stream {
    async fn gone(&mut self) {
        poll_fn(|context| match &mut self.body {
            Some(body) => body.poll_reset(context).map(drop),
            None => self.respond.poll_reset(context).map(drop),
        })
        .await;
    }

    async fn write(
        &mut self,
        plan: &Plan,
        asked: Asked,
        witness: &mut (impl Witness + Send),
    ) -> Ending {
        let Ok((begun, ended)) = self.steps(plan, asked, witness).await else {
            return Ending::ClientGone;
        };
        match plan.end {
            End::Open => Ending::Complete,
            End::Closed(how) => {
                self.close(how).await;
                Ending::Complete
            }
            // The length was a lie, and the stream's end said so.
            End::Cut(_) if ended => Ending::Cut,
            End::Cut(how @ (How::Reset | How::RstStream(_))) => {
                self.reset(match how {
                    How::RstStream(code) => code,
                    _ => ErrorCode::InternalError,
                });
                // A connection that is gone needs no reset of its stream.
                let _ = self.line.flush().await;
                Ending::Reset
            }
            End::Cut(how) => {
                self.close(how).await;
                match how {
                    How::Half => Ending::HalfClose,
                    _ if begun => Ending::Cut,
                    _ => Ending::NoAnswer,
                }
            }
        }
    }

    async fn finish(&mut self) {}
}
