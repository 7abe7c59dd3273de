//! How a connection came in, and what that tells of whom its requests are for.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

use super::{Allotment, Peer, Who};
use crate::hosts::{is_loopback_address, split_authority};
use crate::message::Request;

/// How a connection came in.
#[derive(Debug)]
pub(crate) struct Door {
    /// The connection's number within its server, from 1.
    pub(crate) number: u64,
    /// What the client dialled. None at the server's own listener, where everything is ours.
    pub(crate) dialled: Option<Dialled>,
}

/// What a client of the front dialled.
#[derive(Debug)]
pub(crate) struct Dialled {
    /// Whether TLS is spoken.
    pub(crate) tls: bool,
    /// The name that the address stands for, or that the proxy was asked for.
    pub(crate) name: Option<String>,
    /// The name in the TLS hello.
    pub(crate) sni: Option<String>,
    pub(crate) address: Option<IpAddr>,
    pub(crate) port: u16,
    pub(crate) peer: Peer,
    /// Asked for once, when there is something to report.
    process: OnceCell<Option<String>>,
    /// Set once the connection itself was entered as an attempt.
    reported: AtomicBool,
}

impl Dialled {
    /// A client that dialled an address, or the name itself.
    pub(crate) fn new(
        peer: Peer,
        address: Option<IpAddr>,
        name: Option<String>,
        port: u16,
    ) -> Self {
        Self {
            tls: false,
            name,
            sni: None,
            address,
            port,
            peer,
            process: OnceCell::new(),
            reported: AtomicBool::new(false),
        }
    }

    /// The host that is meant, before any request: by the TLS hello, else by what was dialled.
    pub(crate) fn host(&self) -> Option<&str> {
        self.sni.as_deref().or(self.name.as_deref())
    }

    /// Whether the machine itself was dialled, by no other name.
    pub(crate) fn is_loopback(&self) -> bool {
        self.address.is_some_and(is_loopback_address)
    }

    /// Whether the connection itself is still to be entered as an attempt; only the first time.
    pub(crate) fn to_report(&self) -> bool {
        !self.reported.swap(true, Ordering::Relaxed)
    }

    /// Who dialled.
    pub(crate) async fn process(&self, who: Option<&Who>) -> Option<String> {
        let ask = async {
            let who = who.cloned()?;
            let peer = self.peer;
            spawn_blocking(move || who(peer)).await.ok().flatten()
        };
        self.process.get_or_init(|| ask).await.clone()
    }

    /// Writes into a request for whom it is and by which origin the client knows it.
    pub(crate) fn label(&self, request: &mut Request, allotment: &Allotment) {
        let asked = request.host.take().or_else(|| authority(request));
        let (scheme, usual) = if self.tls {
            ("https", 443)
        } else {
            ("http", 80)
        };
        let (asked, port) = asked.map_or((None, self.port), |authority| {
            let (host, port) = split_authority(&authority);
            (
                Some(host).filter(|host| !host.is_empty()),
                port.unwrap_or(usual),
            )
        });
        // An address that stands for a name means the name.
        let asked = asked.map(|host| {
            let name = host.parse().ok().and_then(|ip| allotment.name_of(ip));
            name.unwrap_or(host)
        });
        let host = self.sni.clone().or(asked).or_else(|| self.name.clone());
        let address = self.address.map(|address| address.to_string());
        let mut origin = host.clone().or(address).unwrap_or_default();
        if origin.contains(':') {
            origin = format!("[{origin}]");
        }
        request.origin = if port == usual {
            format!("{scheme}://{origin}")
        } else {
            format!("{scheme}://{origin}:{port}")
        };
        request.host = host;
    }
}

/// The authority that an HTTP/1.1 request names: in an absolute target, else under `host` (RFC 9112 §3.2).
fn authority(request: &Request) -> Option<String> {
    if let Some((_, rest)) = request.target.split_once("://")
        && !request.target.starts_with('/')
    {
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        return Some(rest[..end].to_owned());
    }
    request.header("host").map(str::to_owned)
}
