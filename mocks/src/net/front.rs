//! The front: where a program arrives that dials hosts by their own names.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustls::server::Acceptor;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;

use super::datagrams::Datagrams;
use super::names::NameService;
use super::packets::Packets;
use super::tls::H2;
use super::{
    CertificateAuthority, CertificateError, Connection, Dialled, Door, http2, listen, proxy,
};
use crate::conversation::converse;
use crate::egress::why;
use crate::hosts::{Place, canonical};
use crate::responder::Responder;

/// How long a client may take to its first request's first byte as far as TLS is concerned.
pub(super) const HANDSHAKE_BOUND: Duration = Duration::from_secs(10);

/// How a program's traffic is brought here.
#[derive(Debug)]
pub enum Front {
    /// Through sockets that listen inside the program's own network.
    Sockets(Sockets),
    /// Through a forward proxy on 127.0.0.1.
    Proxy(ProxyKind),
}

/// What kind of forward proxy there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyKind {
    /// An HTTP proxy that asks nobody who he is.
    #[default]
    Open,
    /// An HTTP proxy that answers 407 to whoever does not come as [`PROXY_USER`] with [`PROXY_PASSWORD`]
    /// (RFC 9110 §11.7).
    Password,
    /// An HTTP proxy that opens no tunnel and passes nothing on: 403.
    Refusing,
    /// A SOCKS proxy of version 5 (RFC 1928), without authentication.
    Socks,
}

/// Who a proxy with a password lets through.
pub const PROXY_USER: &str = "loginproof";
/// That user's password. Two of its characters stand percent-encoded in a URL.
pub const PROXY_PASSWORD: &str = "pass:word@1";

/// Sockets that listen inside the program's own network. Whatever address is dialled there arrives at them.
#[derive(Debug, Default)]
pub struct Sockets {
    /// Port 443, with TLS.
    pub tls: Vec<TcpListener>,
    /// Port 80, without.
    pub plain: Vec<TcpListener>,
    /// Port 53.
    pub names_udp: Vec<UdpSocket>,
    /// Port 53.
    pub names_tcp: Vec<TcpListener>,
    /// A packet socket (`SOCK_DGRAM`) that sees the SYN of every connection and every UDP datagram.
    pub packets: Option<OwnedFd>,
}

/// Says which process holds a client's socket: `pi (pid 123): …`. Called before its request is answered; may block.
pub type Who = Arc<dyn Fn(Peer) -> Option<String> + Send + Sync>;

/// A client's socket, in the program's own network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Whether it is a UDP socket; TCP else.
    pub udp: bool,
    /// The client's port.
    pub port: u16,
}

/// What everything at the front shares.
pub(crate) struct Reception {
    pub(crate) responder: Arc<Responder>,
    authority: Arc<CertificateAuthority>,
    /// For clients that name their host.
    by_name: Arc<rustls::ServerConfig>,
    /// What is spoken, in the server's order of preference.
    protocols: &'static [&'static [u8]],
}

impl Reception {
    pub(crate) fn new(
        responder: Arc<Responder>,
        authority: Arc<CertificateAuthority>,
        protocols: &'static [&'static [u8]],
    ) -> Result<Self, CertificateError> {
        Ok(Self {
            by_name: authority.server_config("localhost", protocols)?,
            responder,
            authority,
            protocols,
        })
    }

    /// Serves a forward proxy until told to stop. Gives back where.
    pub(crate) async fn open_proxy(
        self: &Arc<Self>,
        kind: ProxyKind,
        stopped: &watch::Receiver<bool>,
        tasks: &mut JoinSet<()>,
    ) -> io::Result<SocketAddr> {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let reception = Arc::clone(self);
        tasks.spawn(listen(listener, stopped.clone(), move |socket| {
            proxy::serve(Arc::clone(&reception), kind, socket)
        }));
        Ok(address)
    }

    /// Serves sockets until told to stop. Gives back whom to ask whether all packets are seen.
    pub(crate) fn open(
        self: &Arc<Self>,
        sockets: Sockets,
        stopped: &watch::Receiver<bool>,
        tasks: &mut JoinSet<()>,
    ) -> io::Result<mpsc::Sender<oneshot::Sender<()>>> {
        for (listeners, tls) in [(sockets.tls, true), (sockets.plain, false)] {
            for listener in listeners {
                let reception = Arc::clone(self);
                tasks.spawn(listen(adopt(listener)?, stopped.clone(), move |socket| {
                    Arc::clone(&reception).receive(socket, tls)
                }));
            }
        }
        let names = Arc::new(NameService::new(Arc::clone(&self.responder)));
        for socket in sockets.names_udp {
            let socket = Datagrams::new(socket)?;
            tasks.spawn(Arc::clone(&names).datagrams(socket, stopped.clone()));
        }
        for listener in sockets.names_tcp {
            let names = Arc::clone(&names);
            tasks.spawn(listen(adopt(listener)?, stopped.clone(), move |socket| {
                Arc::clone(&names).stream(socket)
            }));
        }
        let (ask, asked) = mpsc::channel(1);
        if let Some(packets) = sockets.packets {
            let packets = Packets::new(packets, Arc::clone(&self.responder))?;
            tasks.spawn(packets.watch(stopped.clone(), asked));
        }
        Ok(ask)
    }

    /// A connection that dialled an address.
    async fn receive(self: Arc<Self>, socket: TcpStream, tls: bool) {
        let (Ok(local), Ok(peer)) = (socket.local_addr(), socket.peer_addr()) else {
            return;
        };
        let address = local.ip().to_canonical();
        let name = self.responder.allotment.name_of(address);
        let dialled = Dialled::new(peer_of(peer), Some(address), name, local.port());
        let door = self.door(dialled);
        if tls {
            self.terminate(socket, door).await;
        } else {
            self.plain(socket, door).await;
        }
    }

    /// A door with a number of its own.
    pub(crate) fn door(&self, dialled: Dialled) -> Door {
        Door {
            number: self.responder.connections.fetch_add(1, Ordering::Relaxed) + 1,
            dialled: Some(dialled),
        }
    }

    /// A connection without TLS.
    pub(crate) async fn plain(&self, socket: TcpStream, door: Door) {
        let Some(dialled) = &door.dialled else { return };
        let place = self.responder.place_dialled(dialled);
        if place == Some(Place::Elsewhere) {
            self.responder.connected(dialled).await;
        }
        let requests = converse(Connection::new(socket), &door, &self.responder).await;
        // Nobody learned whom it was for.
        if place.is_none() && requests == 0 {
            self.responder.connected(dialled).await;
        }
    }

    /// A connection that begins with TLS.
    pub(crate) async fn terminate(&self, socket: TcpStream, mut door: Door) {
        let Some(dialled) = &mut door.dialled else {
            return;
        };
        dialled.tls = true;
        let hello = LazyConfigAcceptor::new(Acceptor::default(), socket);
        let hello = match timeout(HANDSHAKE_BOUND, hello).await {
            Ok(Ok(hello)) => hello,
            Ok(Err(error)) => return self.no_handshake(dialled, why(&error)).await,
            Err(_) => return self.no_handshake(dialled, too_slow()).await,
        };
        dialled.sni = hello.client_hello().server_name().map(canonical);
        if !matches!(
            self.responder.place_dialled(dialled),
            Some(Place::Ours | Place::Ambient | Place::Loopback)
        ) {
            self.responder.connected(dialled).await;
        }
        let config = match self.config(dialled) {
            Ok(config) => config,
            Err(error) => {
                return self
                    .responder
                    .handshake_failed(dialled, error.to_string())
                    .await;
            }
        };
        let stream = match timeout(HANDSHAKE_BOUND, hello.into_stream(config)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return self.responder.handshake_failed(dialled, why(&error)).await,
            Err(_) => return self.responder.handshake_failed(dialled, too_slow()).await,
        };
        let door = Arc::new(door);
        let requests = if stream.get_ref().1.alpn_protocol() == Some(H2) {
            http2::serve(stream, &door, &self.responder).await
        } else {
            converse(Connection::new(stream), &door, &self.responder).await
        };
        if let Some(dialled) = door.dialled.as_ref().filter(|_| requests == 0) {
            let reason = "the client closed the connection after the TLS handshake, without a request; \
                          some programs do so when they do not trust the run's authority";
            self.responder
                .handshake_failed(dialled, reason.to_owned())
                .await;
        }
    }

    /// A connection that ended before anybody learned more of whom it was for.
    pub(super) async fn no_handshake(&self, dialled: &Dialled, reason: String) {
        let known = self.responder.place_dialled(dialled);
        if known.is_none_or(|place| place == Place::Elsewhere) {
            self.responder.connected(dialled).await;
        }
        self.responder.handshake_failed(dialled, reason).await;
    }

    /// A certificate for the name that is asked for, else for what was dialled.
    fn config(&self, dialled: &Dialled) -> Result<Arc<rustls::ServerConfig>, CertificateError> {
        if dialled.sni.is_some() {
            return Ok(Arc::clone(&self.by_name));
        }
        let address = dialled.address.map(|address| address.to_string());
        match dialled.name.clone().or(address) {
            Some(unnamed) => self.authority.server_config(&unnamed, self.protocols),
            None => Ok(Arc::clone(&self.by_name)),
        }
    }
}

impl fmt::Debug for Reception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reception").finish_non_exhaustive()
    }
}

/// The client's side of a TCP connection.
pub(crate) fn peer_of(address: SocketAddr) -> Peer {
    Peer {
        udp: false,
        port: address.port(),
    }
}

/// A listener of the standard library in the running runtime.
pub(super) fn adopt(listener: TcpListener) -> io::Result<tokio::net::TcpListener> {
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}

pub(super) fn too_slow() -> String {
    format!(
        "the client did not finish the TLS handshake within {} s",
        HANDSHAKE_BOUND.as_secs()
    )
}
