//! What the streams of a connection share: the word that what they wrote is out, and the socket below.

use std::future::poll_fn;
use std::io;
use std::net::Shutdown;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Connection, SendResponse};
use h2::{RecvStream, server};
use socket2::{SockRef, Socket};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};

use super::super::Transport;

/// What the streams of a connection share.
#[derive(Debug)]
pub(super) struct Line {
    /// How often a stream asked that everything be written.
    asked: AtomicU64,
    /// Up to which time of asking everything was written. None once the connection is over.
    flushed: watch::Sender<Option<u64>>,
    wake: Notify,
    cut: Notify,
    /// Whether bytes were written that may not have reached the system yet.
    dirty: AtomicBool,
    /// Frames that are written between those of the library.
    frames: Mutex<Vec<u8>>,
    /// The socket below TLS, until the connection is over.
    socket: Mutex<Option<Socket>>,
}

impl Line {
    pub(super) fn new(socket: &TcpStream) -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            asked: AtomicU64::new(0),
            flushed: watch::Sender::new(Some(0)),
            wake: Notify::new(),
            cut: Notify::new(),
            dirty: AtomicBool::new(false),
            frames: Mutex::default(),
            socket: Mutex::new(Some(SockRef::from(socket).try_clone()?)),
        }))
    }

    /// Moves a connection on, up to its next request.
    pub(super) async fn drive<T: AsyncRead + AsyncWrite + Unpin>(
        &self,
        connection: &mut Connection<T, Bytes>,
    ) -> Option<Result<(http::Request<RecvStream>, SendResponse<Bytes>), h2::Error>> {
        let mut accept = pin!(server::Connection::accept(connection));
        poll_fn(|context| {
            // What was queued by now goes out when the connection is moved on.
            let asked = self.asked.load(Ordering::SeqCst);
            let accepted = accept.as_mut().poll(context);
            if accepted.is_pending() && !self.dirty.load(Ordering::SeqCst) {
                self.flushed.send_if_modified(|flushed| {
                    let new = flushed.is_some_and(|flushed| flushed < asked);
                    if new {
                        *flushed = Some(asked);
                    }
                    new
                });
            }
            accepted
        })
        .await
    }

    /// Ends when a stream asks that the connection be moved on.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Ends when a stream wants the connection to be over.
    pub(super) async fn cut(&self) {
        self.cut.notified().await;
    }

    /// The connection is over: nothing is written any more, and the socket is closed.
    pub(super) fn end(&self) {
        self.flushed.send_replace(None);
        drop(self.socket().take());
    }

    /// Ends when everything that was queued was handed to the system. False when it never will be.
    pub(super) async fn flush(&self) -> bool {
        let mut flushed = self.flushed.subscribe();
        let ticket = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        self.wake.notify_one();
        let reached = flushed.wait_for(|flushed| flushed.is_none_or(|flushed| flushed >= ticket));
        reached.await.is_ok_and(|flushed| flushed.is_some())
    }

    /// Puts a GOAWAY frame (RFC 9113 §6.8) before whatever is written next. The library sends one only to end the
    /// connection, and names the last stream itself.
    pub(super) fn say_goaway(&self, last_stream: u32, code: u32) {
        let mut frame = vec![0, 0, 8, 0x7, 0, 0, 0, 0, 0];
        frame.extend_from_slice(&last_stream.to_be_bytes());
        frame.extend_from_slice(&code.to_be_bytes());
        self.frames().extend_from_slice(&frame);
        self.dirty.store(true, Ordering::SeqCst);
    }

    /// The connection is to be over.
    pub(super) fn hang_up(&self) {
        self.cut.notify_one();
    }

    /// Ends our side below TLS: no close_notify, as when a process dies.
    pub(super) fn shut(&self) {
        if let Some(socket) = &*self.socket() {
            // A socket that is gone is shut.
            let _ = socket.shutdown(Shutdown::Write);
        }
    }

    /// Lets the connection end with a RST.
    pub(super) fn reset(&self) {
        if let Some(socket) = &*self.socket() {
            // Closing a socket that lingers for no time sends a RST.
            let _ = socket.set_linger(Some(Duration::ZERO));
        }
    }

    fn frames(&self) -> MutexGuard<'_, Vec<u8>> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn socket(&self) -> MutexGuard<'_, Option<Socket>> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A transport that tells its line whether everything was handed to the system.
#[derive(Debug)]
pub(super) struct Watched<T> {
    transport: T,
    line: Arc<Line>,
}

impl<T: Transport> Watched<T> {
    pub(super) fn new(transport: T, line: Arc<Line>) -> Self {
        Self { transport, line }
    }
}

impl<T: Transport> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_read(context, buffer)
    }
}

impl<T: Transport> AsyncWrite for Watched<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.line.dirty.store(true, Ordering::SeqCst);
        Pin::new(&mut self.transport).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // The library flushes when it has written its frames whole: here is a place between two.
        loop {
            let mut frames = this.line.frames();
            if frames.is_empty() {
                break;
            }
            let length = ready!(Pin::new(&mut this.transport).poll_write(context, &frames))?;
            frames.drain(..length);
        }
        let flushed = Pin::new(&mut this.transport).poll_flush(context);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            this.line.dirty.store(false, Ordering::SeqCst);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_shutdown(context)
    }
}
