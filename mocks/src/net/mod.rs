//! Connections: how requests are read and answers are written, byte by byte.

mod allotment;
mod chunked;
mod coding;
mod connection;
mod datagrams;
mod dns;
mod door;
mod front;
mod http1;
pub(crate) mod http2;
mod listen;
mod names;
mod pace;
mod packets;
mod proxy;
mod tls;
mod writer;

pub use front::{Front, PROXY_PASSWORD, PROXY_USER, Peer, ProxyKind, Sockets, Who};
pub use tls::{CertificateAuthority, CertificateError};

pub(crate) use allotment::Allotment;
pub(crate) use connection::{Channel, Connection, Transport};
pub(crate) use door::{Dialled, Door};
pub(crate) use front::Reception;
pub(crate) use http1::{Incoming, LONGEST_BODY, Nonsense, ReadError};
pub(crate) use listen::listen;
pub(crate) use tls::{H2, HTTP_1_1};
pub(crate) use writer::{Asked, Witness, hang_up};
