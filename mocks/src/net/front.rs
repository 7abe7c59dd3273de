//! The front: where a program arrives that dials hosts by their own names.

use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// How a program's traffic is brought here.
#[derive(Debug)]
pub enum Front {
    /// Through sockets that listen inside the program's own network.
    Sockets(Sockets),
    /// Through a forward proxy on 127.0.0.1.
    Proxy,
}

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
