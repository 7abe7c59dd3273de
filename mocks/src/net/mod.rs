//! Connections: how requests are read and answers are written, byte by byte.

mod chunked;
mod coding;
mod connection;
mod front;
mod http1;
mod tls;
mod writer;

pub use front::{Front, Peer, Sockets, Who};
pub use tls::{CertificateAuthority, CertificateError};

pub(crate) use connection::{Connection, Transport};
pub(crate) use http1::{Incoming, Nonsense, ReadError};
pub(crate) use writer::{Asked, Witness, wire_headers};
