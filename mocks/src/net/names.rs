//! The name service: every name has an address, so that whoever looks one up comes here.

use std::collections::HashSet;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use super::datagrams::Datagrams;
use super::dns::{Code, Query};
use super::listen::told;
use super::{Peer, front::peer_of};
use crate::hosts::{Place, canonical, is_loopback};
use crate::responder::Responder;

/// The longest message that is taken over UDP.
const LONGEST_DATAGRAM: usize = 4096;
/// Before the next try when nothing can be received.
const PAUSE: Duration = Duration::from_millis(10);
/// How long a client may be silent over TCP.
const IDLE: Duration = Duration::from_secs(10);

/// Answers look-ups of names.
#[derive(Debug)]
pub(super) struct NameService {
    responder: Arc<Responder>,
    /// What the machine calls itself.
    own: String,
    /// Who asked for which foreign name already: programs ask for every kind of address, and again.
    reported: Mutex<HashSet<(String, Option<String>)>>,
}

impl NameService {
    pub(super) fn new(responder: Arc<Responder>) -> Self {
        let own = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        Self {
            responder,
            own: canonical(own.trim()),
            reported: Mutex::default(),
        }
    }

    /// Answers over UDP until told to stop.
    pub(super) async fn datagrams(
        self: Arc<Self>,
        socket: Datagrams,
        mut stopped: watch::Receiver<bool>,
    ) {
        let mut buffer = [0; LONGEST_DATAGRAM];
        loop {
            let received = tokio::select! {
                () = told(&mut stopped) => return,
                received = socket.receive(&mut buffer) => received,
            };
            // What a client refused of an earlier answer is told here, and means nothing for the next.
            let Ok((length, sender)) = received else {
                sleep(PAUSE).await;
                continue;
            };
            let peer = Peer {
                udp: true,
                port: sender.address.port(),
            };
            if let Some(answer) = self.answer(&buffer[..length], peer).await {
                // A client that is gone needs none.
                let _ = socket.answer(&sender, &answer).await;
            }
        }
    }

    /// Answers over one TCP connection (RFC 1035 §4.2.2: every message behind its length).
    pub(super) async fn stream(self: Arc<Self>, socket: TcpStream) {
        // A client that goes away or falls silent is done.
        let _ = self.answer_stream(socket).await;
    }

    async fn answer_stream(&self, mut socket: TcpStream) -> io::Result<()> {
        let peer = peer_of(socket.peer_addr()?);
        loop {
            let length = timeout(IDLE, socket.read_u16()).await??;
            let mut message = vec![0; usize::from(length)];
            timeout(IDLE, socket.read_exact(&mut message)).await??;
            let Some(answer) = self.answer(&message, peer).await else {
                return Ok(());
            };
            let mut bytes = u16::try_from(answer.len())
                .map_err(io::Error::other)?
                .to_be_bytes()
                .to_vec();
            bytes.extend_from_slice(&answer);
            socket.write_all(&bytes).await?;
        }
    }

    async fn answer(&self, message: &[u8], peer: Peer) -> Option<Vec<u8>> {
        let query = match Query::parse(message) {
            Ok(query) => query,
            Err(malformed) => return malformed.answer(),
        };
        let name = &query.name;
        // Which name an address has: nobody's business here.
        if name.ends_with(".in-addr.arpa") || name.ends_with(".ip6.arpa") || name.is_empty() {
            let code = if name.is_empty() {
                Code::NoError
            } else {
                Code::NoSuchName
            };
            return Some(query.answer(code, None));
        }
        let own = is_loopback(name) || *name == self.own;
        if !own && self.responder.hosts.place(name) == Place::Elsewhere {
            self.report(name, peer).await;
        }
        if !query.asks_address() {
            return Some(query.answer(Code::NoError, None));
        }
        let address = if own {
            Some(Ipv4Addr::LOCALHOST)
        } else {
            self.responder.allotment.address_of(name)
        };
        let code = address.map_or(Code::ServerFailure, |_| Code::NoError);
        Some(query.answer(code, address))
    }

    async fn report(&self, name: &str, peer: Peer) {
        let process = match self.responder.who.clone() {
            Some(who) => spawn_blocking(move || who(peer)).await.ok().flatten(),
            None => None,
        };
        let key = (name.to_owned(), process.clone());
        let new = self
            .reported
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key);
        if new {
            self.responder.looked_up(name, process);
        }
    }
}
