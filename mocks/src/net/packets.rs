//! Attempts to reach ports at which nothing of the run listens, seen as packets.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::spawn_blocking;

use super::Peer;
use super::listen::told;
use crate::hosts::{Place, is_loopback_address};
use crate::responder::Responder;

/// Ports that the front serves itself.
const SERVED: [u16; 2] = [443, 80];
/// Of names: asked at any address, answered by the name service.
const NAMES: u16 = 53;
/// How many flows are remembered before they are forgotten.
const MOST_FLOWS: usize = 10_000;

/// The beginning of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Flow {
    udp: bool,
    from: SocketAddr,
    to: SocketAddr,
}

/// Watches packets.
#[derive(Debug)]
pub(super) struct Packets {
    socket: UdpSocket,
    /// The same, read without waiting for word of its readiness.
    pending: std::net::UdpSocket,
    responder: Arc<Responder>,
    /// Every packet is seen on its way out and on its way in; some are sent again; some are answers.
    flows: HashSet<Flow>,
    reported: HashSet<(SocketAddr, Option<String>)>,
}

impl Packets {
    /// Takes a packet socket without link-layer headers.
    pub(super) fn new(socket: OwnedFd, responder: Arc<Responder>) -> io::Result<Self> {
        // Not one of UDP, yet received from in the same way: nothing but `recv` is called on it.
        let socket = std::net::UdpSocket::from(socket);
        socket.set_nonblocking(true)?;
        Ok(Self {
            pending: socket.try_clone()?,
            socket: UdpSocket::from_std(socket)?,
            responder,
            flows: HashSet::new(),
            reported: HashSet::new(),
        })
    }

    /// Watches until told to stop. Whoever asks gets an answer when all packets that were sent before are seen.
    pub(super) async fn watch(
        mut self,
        mut stopped: watch::Receiver<bool>,
        mut asked: mpsc::Receiver<oneshot::Sender<()>>,
    ) {
        // Longer than every header; the rest of a packet is nobody's business.
        let mut buffer = [0; 256];
        loop {
            let read = tokio::select! {
                () = told(&mut stopped) => return,
                Some(asks) = asked.recv() => {
                    while let Ok(length) = self.pending.recv(&mut buffer) {
                        self.read(&buffer[..length]).await;
                    }
                    // Who no longer waits needs no answer.
                    let _ = asks.send(());
                    continue;
                }
                read = self.socket.recv(&mut buffer) => read,
            };
            match read {
                Ok(length) => self.read(&buffer[..length]).await,
                // The program's network is gone.
                Err(_) => return,
            }
        }
    }

    async fn read(&mut self, packet: &[u8]) {
        if let Some(flow) = Flow::parse(packet) {
            self.see(flow).await;
        }
    }

    async fn see(&mut self, flow: Flow) {
        let back = Flow {
            from: flow.to,
            to: flow.from,
            ..flow
        };
        if self.flows.len() >= MOST_FLOWS {
            self.flows.clear();
        }
        if self.flows.contains(&back) || !self.flows.insert(flow) || !self.matters(&flow) {
            return;
        }
        let peer = Peer {
            udp: flow.udp,
            port: flow.from.port(),
        };
        let process = match self.responder.who.clone() {
            Some(who) => spawn_blocking(move || who(peer)).await.ok().flatten(),
            None => None,
        };
        if self.reported.len() < MOST_FLOWS && self.reported.insert((flow.to, process.clone())) {
            let (address, port) = (flow.to.ip(), flow.to.port());
            let name = self.responder.allotment.name_of(address);
            self.responder.saw_packet(name, (address, port), process);
        }
    }

    /// Whether a flow leads to where nobody of this run is.
    fn matters(&self, flow: &Flow) -> bool {
        let port = flow.to.port();
        // A connection to a port that is served is told of by who serves it; over UDP nobody serves it.
        let served = SERVED.contains(&port) && !flow.udp;
        let names = port == NAMES || (flow.udp && flow.from.port() == NAMES);
        if served || names || is_loopback_address(flow.to.ip()) {
            return false;
        }
        let name = self.responder.allotment.name_of(flow.to.ip());
        let place = name.map(|name| self.responder.hosts.place(&name));
        place.is_none_or(|place| place == Place::Elsewhere)
    }
}

impl Flow {
    /// Reads a packet: the SYN of a connection, or a datagram.
    fn parse(packet: &[u8]) -> Option<Self> {
        let (protocol, from, to, payload) = match packet.first()? >> 4 {
            4 => v4(packet)?,
            6 => v6(packet)?,
            _ => return None,
        };
        let port = |at: usize| {
            let bytes = payload.get(at..at + 2)?;
            Some(u16::from_be_bytes([bytes[0], bytes[1]]))
        };
        let udp = match protocol {
            17 => true,
            // SYN without ACK (RFC 9293 §3.1): the first packet of a connection.
            6 if payload.get(13)? & 0b1_0010 == 0b0_0010 => false,
            _ => return None,
        };
        Some(Self {
            udp,
            from: SocketAddr::new(from.to_canonical(), port(0)?),
            to: SocketAddr::new(to.to_canonical(), port(2)?),
        })
    }
}

type Parts<'a> = (u8, IpAddr, IpAddr, &'a [u8]);

/// RFC 791 §3.1.
fn v4(packet: &[u8]) -> Option<Parts<'_>> {
    let header = packet.get(..20)?;
    // Later fragments have no ports.
    if u16::from_be_bytes([header[6], header[7]]) & 0x1fff != 0 {
        return None;
    }
    let address = |at: usize| -> IpAddr {
        Ipv4Addr::new(header[at], header[at + 1], header[at + 2], header[at + 3]).into()
    };
    let length = usize::from(header[0] & 0xf) * 4;
    Some((
        header[9],
        address(12),
        address(16),
        packet.get(length.max(20)..)?,
    ))
}

/// RFC 8200 §3 and §4.
fn v6(packet: &[u8]) -> Option<Parts<'_>> {
    let header = packet.get(..40)?;
    let address = |at: usize| -> Option<IpAddr> {
        let octets: [u8; 16] = header.get(at..at + 16)?.try_into().ok()?;
        Some(Ipv6Addr::from(octets).into())
    };
    let (mut next, mut at) = (header[6], 40);
    // Options for hops, routing and the destination stand before what is carried.
    while matches!(next, 0 | 43 | 60) {
        let extension = packet.get(at..at + 2)?;
        next = extension[0];
        at += (usize::from(extension[1]) + 1) * 8;
    }
    Some((next, address(8)?, address(24)?, packet.get(at..)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tcp(flags: u8) -> Vec<u8> {
        let mut payload = vec![0; 20];
        payload[..4].copy_from_slice(&[0x9c, 0x40, 0x1f, 0x90]);
        payload[13] = flags;
        payload
    }

    fn packet_v4(protocol: u8, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; 20];
        packet[0] = 0x45;
        packet[9] = protocol;
        packet[12..20].copy_from_slice(&[127, 0, 0, 1, 198, 18, 0, 1]);
        packet.extend_from_slice(payload);
        packet
    }

    fn flow(udp: bool, from: &str, to: &str) -> Flow {
        Flow {
            udp,
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
        }
    }

    #[test]
    fn the_beginning_of_a_flow_is_read() {
        let expected = flow(false, "127.0.0.1:40000", "198.18.0.1:8080");
        let syn = packet_v4(6, &tcp(0x02));
        assert_eq!(Flow::parse(&syn), Some(expected));
        assert_eq!(Flow::parse(&packet_v4(6, &tcp(0x12))), None);
        assert_eq!(Flow::parse(&packet_v4(1, &tcp(0x02))), None);
        let datagram = packet_v4(17, &[0x9c, 0x40, 0x1f, 0x90, 0, 8, 0, 0]);
        let expected = flow(true, "127.0.0.1:40000", "198.18.0.1:8080");
        assert_eq!(Flow::parse(&datagram), Some(expected));
        let mut later = datagram;
        later[7] = 1;
        assert_eq!(Flow::parse(&later), None);
    }

    #[test]
    fn extensions_of_ipv6_are_passed_over() {
        let mut packet = vec![0; 40];
        packet[0] = 0x60;
        packet[6] = 0;
        packet[23] = 1;
        packet[24..40].copy_from_slice(&"2001:db8::1".parse::<Ipv6Addr>().unwrap().octets());
        packet.extend_from_slice(&[6, 0, 0, 0, 0, 0, 0, 0]);
        packet.extend_from_slice(&tcp(0x02));
        let expected = flow(false, "[::1]:40000", "[2001:db8::1]:8080");
        assert_eq!(Flow::parse(&packet), Some(expected));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_flow_or_not(
            first in prop::sample::select(vec![0x45_u8, 0x4f, 0x60, 0]),
            rest in prop::collection::vec(any::<u8>(), 0..120),
        ) {
            let packet: Vec<u8> = [vec![first], rest].concat();
            let _ = Flow::parse(&packet);
        }
    }
}
