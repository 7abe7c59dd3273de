//! What a program tried beside the hosts of its run, and connections that ended before they said anything.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

/// How many attempts and how many failed handshakes are kept.
pub(super) const KEPT: usize = 10_000;

/// An attempt to reach a host that is neither ours nor ambient, nor the machine itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// Since the server's start.
    pub at: Duration,
    /// How far it came.
    pub kind: AttemptKind,
    /// The name that was meant, as far as it is known: looked up, dialled through the proxy, or asked for over TLS.
    pub name: Option<String>,
    /// The address that was dialled.
    pub address: Option<IpAddr>,
    /// The port that was dialled.
    pub port: Option<u16>,
    /// The name in the TLS hello.
    pub sni: Option<String>,
    /// Who it was.
    pub process: Option<String>,
    /// The request, for `Request`: its id among the exchanges.
    pub exchange: Option<u64>,
}

/// How far an attempt came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptKind {
    /// A name was looked up.
    LookUp,
    /// An address was dialled. A request over the connection is an attempt of its own.
    Connection,
    /// A request was sent, and read whole.
    Request,
}

/// A connection to the front that ended before its first request could be read: what a client does that does not
/// trust the run's authority, or that does not speak TLS where it is spoken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedHandshake {
    /// Since the server's start.
    pub at: Duration,
    /// The name that was meant, as far as it is known.
    pub host: Option<String>,
    /// The address that was dialled.
    pub address: Option<IpAddr>,
    /// The port that was dialled.
    pub port: u16,
    /// Who it was.
    pub process: Option<String>,
    /// What went wrong, in words for people.
    pub reason: String,
}
