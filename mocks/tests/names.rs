//! The name service and the watch over packets, over real sockets.
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    reason = "a test says what went wrong by its panic"
)]

mod support;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;

use loginproof_mocks::journal::{Attempt, AttemptKind};
use loginproof_mocks::net::CertificateAuthority;
use loginproof_mocks::server::{Front, Sockets};
use loginproof_mocks::{MockServer, ServerConfig};
use support::{BOUND, start, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

const A: u16 = 1;
const PTR: u16 = 12;
const AAAA: u16 = 28;

struct Run {
    server: MockServer,
    udp: SocketAddr,
    tcp: SocketAddr,
    /// Packets that are put in here are seen.
    packets: UnixDatagram,
}

async fn run() -> Run {
    // On every address, as inside a program's own network.
    let udp = UdpSocket::bind("0.0.0.0:0").unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let (packets, seen) = UnixDatagram::pair().unwrap();
    let at = (udp.local_addr().unwrap(), tcp.local_addr().unwrap());
    let server = start(ServerConfig {
        front: Some(Front::Sockets(Sockets {
            names_udp: vec![udp],
            names_tcp: vec![tcp],
            packets: Some(seen.into()),
            ..Sockets::default()
        })),
        authority: Some(Arc::new(CertificateAuthority::new().unwrap())),
        hosts: vec!["chatgpt.com".to_owned()],
        ambient: vec!["registry.npmjs.org/x".to_owned()],
        who: Some(Arc::new(|peer| {
            Some(format!("udp {}", peer.udp)).filter(|_| peer.port > 0)
        })),
        ..ServerConfig::default()
    })
    .await;
    Run {
        server,
        udp: at.0,
        tcp: at.1,
        packets,
    }
}

fn question(name: &str, kind: u16) -> Vec<u8> {
    let words: [u16; 6] = [7, 0x0100, 1, 0, 0, 0];
    let mut message: Vec<u8> = words.into_iter().flat_map(u16::to_be_bytes).collect();
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).unwrap());
        message.extend_from_slice(label.as_bytes());
    }
    message.push(0);
    message.extend_from_slice(&kind.to_be_bytes());
    message.extend_from_slice(&1_u16.to_be_bytes());
    message
}

/// The code of an answer, and the address in it.
fn read(asked: &[u8], answer: &[u8]) -> (u8, Option<Ipv4Addr>) {
    assert_eq!(answer[..2], asked[..2], "the identity");
    assert_eq!(answer[12..asked.len()], asked[12..], "the question");
    let address = answer[7] == 1;
    let address = address.then(|| {
        let end: [u8; 4] = answer[answer.len() - 4..].try_into().unwrap();
        Ipv4Addr::from(end)
    });
    (answer[3] & 0xf, address)
}

impl Run {
    /// Asks the service at some address; only an answer from that very address is heard.
    async fn ask(&self, name: &str, kind: u16) -> (u8, Option<Ipv4Addr>) {
        let asked = question(name, kind);
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let at = SocketAddr::from(([127, 9, 9, 9], self.udp.port()));
        socket.connect(at).await.unwrap();
        socket.send(&asked).await.unwrap();
        let mut answer = [0; 512];
        let length = timeout(BOUND, socket.recv(&mut answer)).await;
        read(&asked, &answer[..length.expect("no answer").unwrap()])
    }

    fn attempts(&self) -> Vec<Attempt> {
        self.server.journal().attempts()
    }
}

#[tokio::test]
async fn every_name_has_an_address_of_its_own() {
    let run = run().await;
    let first = run.ask("chatgpt.com", A).await;
    assert_eq!(first, (0, Some(Ipv4Addr::new(198, 18, 0, 1))));
    let second = run.ask("registry.npmjs.org", A).await;
    assert_eq!(second, (0, Some(Ipv4Addr::new(198, 18, 0, 2))));
    assert_eq!(run.ask("ChatGPT.com", A).await, first);
    assert_eq!(run.ask("chatgpt.com", AAAA).await, (0, None));
    let own = (0, Some(Ipv4Addr::LOCALHOST));
    assert_eq!(run.ask("localhost", A).await, own);
    assert_eq!(run.ask("x.localhost", A).await, own);
    assert_eq!(run.ask("1.0.18.198.in-addr.arpa", PTR).await, (3, None));
    assert_eq!(run.attempts(), []);
}

#[tokio::test]
async fn a_look_up_of_another_name_is_an_attempt() {
    let run = run().await;
    run.ask("Telemetry.example", AAAA).await;
    run.ask("telemetry.example", A).await;
    run.ask("other.example", A).await;
    let attempts = run.attempts();
    let seen: Vec<_> = attempts
        .iter()
        .map(|attempt| (attempt.kind, attempt.name.as_deref().unwrap()))
        .collect();
    assert_eq!(
        seen,
        [
            (AttemptKind::LookUp, "telemetry.example"),
            (AttemptKind::LookUp, "other.example")
        ]
    );
    assert_eq!(attempts[0].process.as_deref(), Some("udp true"));
}

#[tokio::test]
async fn names_are_told_over_tcp_too() {
    let run = run().await;
    let mut socket = tokio::net::TcpStream::connect(run.tcp).await.unwrap();
    for (name, last) in [("chatgpt.com", 1), ("other.example", 2)] {
        let asked = question(name, A);
        let length = u16::try_from(asked.len()).unwrap();
        socket.write_u16(length).await.unwrap();
        socket.write_all(&asked).await.unwrap();
        let length = timeout(BOUND, socket.read_u16()).await.unwrap().unwrap();
        let mut answer = vec![0; usize::from(length)];
        socket.read_exact(&mut answer).await.unwrap();
        let address = Some(Ipv4Addr::new(198, 18, 0, last));
        assert_eq!(read(&asked, &answer), (0, address));
    }
    // What is no message ends the connection, and not the service.
    socket.write_all(&[0, 1, 9]).await.unwrap();
    let ended = timeout(BOUND, socket.read_u16()).await.unwrap();
    assert!(ended.is_err());
    run.ask("chatgpt.com", A).await;
}

fn syn(to: Ipv4Addr, port: u16) -> Vec<u8> {
    let mut packet = vec![0; 40];
    packet[0] = 0x45;
    packet[9] = 6;
    packet[12..16].copy_from_slice(&[127, 0, 0, 1]);
    packet[16..20].copy_from_slice(&to.octets());
    packet[20..22].copy_from_slice(&40_000_u16.to_be_bytes());
    packet[22..24].copy_from_slice(&port.to_be_bytes());
    packet[33] = 0x02;
    packet
}

fn datagram(from: (Ipv4Addr, u16), to: (Ipv4Addr, u16)) -> Vec<u8> {
    let mut packet = vec![0; 28];
    packet[0] = 0x45;
    packet[9] = 17;
    packet[12..16].copy_from_slice(&from.0.octets());
    packet[16..20].copy_from_slice(&to.0.octets());
    packet[20..22].copy_from_slice(&from.1.to_be_bytes());
    packet[22..24].copy_from_slice(&to.1.to_be_bytes());
    packet
}

#[tokio::test]
async fn a_packet_to_another_port_is_an_attempt_once() {
    let run = run().await;
    let (_, ours) = run.ask("chatgpt.com", A).await;
    let (_, other) = run.ask("other.example", A).await;
    let (ours, other) = (ours.unwrap(), other.unwrap());
    let client = (Ipv4Addr::LOCALHOST, 5_000);
    let public = Ipv4Addr::new(8, 8, 8, 8);
    for packet in [
        syn(Ipv4Addr::LOCALHOST, 9_000),
        syn(other, 443),
        syn(other, 80),
        syn(ours, 8_443),
        syn(other, 8_443),
        syn(other, 8_443),
        // The name service's answers, and what it was asked.
        datagram(client, (public, 53)),
        datagram((public, 53), client),
        // Somebody answers: still one flow.
        datagram(client, (public, 123)),
        datagram((public, 123), client),
        // HTTP/3 to one of our hosts is nothing to tell, to another host it is.
        datagram(client, (ours, 443)),
        datagram(client, (other, 443)),
        b"no packet".to_vec(),
    ] {
        run.packets.send(&packet).unwrap();
    }
    until(&run.server, || run.attempts().len() >= 4).await;
    let connection = |name: Option<&str>, address: Ipv4Addr, port, process: &str| {
        (
            AttemptKind::Connection,
            name.map(str::to_owned),
            Some(IpAddr::from(address)),
            Some(port),
            Some(process.to_owned()),
        )
    };
    let seen: Vec<_> = run
        .attempts()
        .into_iter()
        .skip(1)
        .map(|one| (one.kind, one.name, one.address, one.port, one.process))
        .collect();
    assert_eq!(
        seen,
        [
            connection(Some("other.example"), other, 8_443, "udp false"),
            connection(None, public, 123, "udp true"),
            connection(Some("other.example"), other, 443, "udp true"),
        ]
    );
}
