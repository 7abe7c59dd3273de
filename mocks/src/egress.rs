//! What is written down of a client that goes where nothing of this run is.

use std::io;
use std::net::IpAddr;

use rustls::AlertDescription;

use crate::hosts::{Place, split_authority};
use crate::journal::{Attempt, AttemptKind, Exchange, FailedHandshake};
use crate::net::{Dialled, Door};
use crate::responder::Responder;

impl Responder {
    /// Whose a connection is, as far as is known before its first request. None when that is not known.
    pub(crate) fn place_dialled(&self, dialled: &Dialled) -> Option<Place> {
        match dialled.host() {
            Some(host) => Some(self.hosts.place(host)),
            None if dialled.is_loopback() => Some(Place::Loopback),
            None => None,
        }
    }

    /// Whose a host is that a request names.
    pub(crate) fn place(&self, door: &Door, host: Option<&str>) -> Place {
        match (&door.dialled, host) {
            (None, _) => Place::Ours,
            (Some(_), Some(host)) => self.hosts.place(host),
            (Some(dialled), None) if dialled.is_loopback() => Place::Loopback,
            (Some(_), None) => Place::Elsewhere,
        }
    }

    /// Enters that a name was looked up.
    pub(crate) fn looked_up(&self, name: &str, process: Option<String>) {
        self.journal.attempted(Attempt {
            at: self.journal.now(),
            kind: AttemptKind::LookUp,
            name: Some(name.to_owned()),
            address: None,
            port: None,
            sni: None,
            process,
            exchange: None,
        });
    }

    /// Enters that an address was dialled at which nothing of the run listens.
    pub(crate) fn saw_packet(
        &self,
        name: Option<String>,
        (address, port): (IpAddr, u16),
        process: Option<String>,
    ) {
        self.journal.attempted(Attempt {
            at: self.journal.now(),
            kind: AttemptKind::Connection,
            name,
            address: Some(address),
            port: Some(port),
            sni: None,
            process,
            exchange: None,
        });
    }

    /// Enters a connection to a host that is not ours, once.
    pub(crate) async fn connected(&self, dialled: &Dialled) {
        if dialled.to_report() {
            self.attempted(dialled, AttemptKind::Connection, dialled.host(), None)
                .await;
        }
    }

    /// Enters a request to a host that is not ours.
    pub(crate) async fn requested(&self, door: &Door, exchange: &Exchange) {
        if let Some(dialled) = &door.dialled {
            self.attempted(
                dialled,
                AttemptKind::Request,
                exchange.request.host.as_deref(),
                Some(exchange),
            )
            .await;
        }
    }

    /// Enters that a connection ended before its first request.
    pub(crate) async fn handshake_failed(&self, dialled: &Dialled, reason: String) {
        let process = dialled.process(self.who.as_ref()).await;
        self.journal.handshake_failed(FailedHandshake {
            at: self.journal.now(),
            host: dialled.host().map(str::to_owned),
            address: dialled.address,
            port: dialled.port,
            process,
            reason,
        });
    }

    async fn attempted(
        &self,
        dialled: &Dialled,
        kind: AttemptKind,
        name: Option<&str>,
        exchange: Option<&Exchange>,
    ) {
        let at = self.journal.now();
        let process = dialled.process(self.who.as_ref()).await;
        // Without a tunnel, every request to the proxy names its own.
        let port = exchange.and_then(|exchange| {
            let (_, authority) = exchange.request.origin.split_once("://")?;
            split_authority(authority).1
        });
        self.journal.attempted(Attempt {
            at,
            kind,
            name: name.map(str::to_owned),
            address: dialled.address,
            port: port.or(Some(dialled.port)),
            sni: dialled.sni.clone(),
            process,
            exchange: exchange.map(|exchange| exchange.id),
        });
    }
}

/// Why a TLS handshake failed, in words for people.
pub(crate) fn why(error: &io::Error) -> String {
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::AlertReceived(
            alert @ (AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown),
        )) => format!(
            "the client refused the certificate ({alert:?}): it does not trust the run's authority"
        ),
        Some(rustls::Error::InvalidMessage(_)) => "what the client sent is not TLS".to_owned(),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the client closed the connection in the middle of the TLS handshake".to_owned()
        }
        _ => format!("the TLS handshake failed: {error}"),
    }
}
