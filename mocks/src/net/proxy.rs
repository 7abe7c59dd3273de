//! A forward proxy, for systems on which a program cannot have a network of its own. It never goes anywhere: hosts
//! are answered for here, as at the front's sockets. Only the machine itself is really dialled.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::front::{HANDSHAKE_BOUND, Reception, peer_of, too_slow};
use super::http1::{Head, split_target};
use super::{Connection, Dialled};
use crate::conversation::converse;
use crate::hosts::{Place, is_loopback, split_authority};
use crate::message::header;

/// The first byte of a TLS handshake (RFC 8446 §5.1).
const HANDSHAKE: u8 = 22;
/// Headers that are meant for a proxy.
const FOR_THE_PROXY: [&str; 4] = [
    "connection",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
];

/// Serves one client. Whether it knows a password is nobody's business here.
pub(super) async fn serve(reception: Arc<Reception>, mut socket: TcpStream) {
    let Ok(peer) = socket.peer_addr().map(peer_of) else {
        return;
    };
    let mut input = BytesMut::new();
    let head = match timeout(HANDSHAKE_BOUND, first_head(&mut socket, &mut input)).await {
        Ok(Ok((head, length))) => Some((head, length)),
        // Not a request: the conversation says so.
        Ok(Err(_)) => None,
        Err(_) => return,
    };
    if let Some((head, length)) = head {
        let (authority, usual, tunnel) = if head.method.eq_ignore_ascii_case("CONNECT") {
            (head.target.as_str(), 443, true)
        } else {
            (authority_of(&head.target), 80, false)
        };
        let (host, port) = split_authority(authority);
        let port = port.unwrap_or(usual);
        if tunnel {
            let early = input.split_off(length);
            let dialled = Dialled::new(peer, host.parse().ok(), named(&host), port);
            if is_loopback(&host) {
                // Who is dialled says what becomes of it.
                let _ = pass(socket, &host, port, early, true).await;
            } else {
                open_tunnel(&reception, socket, dialled, early).await;
            }
            return;
        }
        if is_loopback(&host) {
            let mut bytes = BytesMut::from(&*in_origin_form(&head));
            bytes.extend_from_slice(&input[length..]);
            let _ = pass(socket, &host, port, bytes, false).await;
            return;
        }
    }
    // Every request says for whom it is.
    let door = reception.door(Dialled::new(peer, None, None, 80));
    converse(
        Connection::resumed(socket, input),
        &door,
        &reception.responder,
    )
    .await;
}

/// Opens a tunnel to a host, which ends here.
async fn open_tunnel(
    reception: &Reception,
    mut socket: TcpStream,
    dialled: Dialled,
    early: BytesMut,
) {
    let responder = &reception.responder;
    let host = dialled.host().map(str::to_owned);
    let place = match (&host, dialled.address) {
        (Some(host), _) => responder.hosts.place(host),
        (None, _) => Place::Elsewhere,
    };
    if host.is_some() && place == Place::Elsewhere {
        responder.connected(&dialled).await;
    }
    // A client speaks once it was told that it may.
    let answer: &[u8] = if early.is_empty() {
        b"HTTP/1.1 200 Connection established\r\n\r\n"
    } else {
        b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    };
    if socket.write_all(answer).await.is_err() || !early.is_empty() {
        return;
    }
    let mut first = [0];
    match timeout(HANDSHAKE_BOUND, socket.peek(&mut first)).await {
        Ok(Ok(1..)) if first[0] == HANDSHAKE => {
            reception.terminate(socket, reception.door(dialled)).await;
        }
        Ok(Ok(1..)) => reception.plain(socket, reception.door(dialled)).await,
        Ok(_) => {
            let reason = "the client closed the tunnel without a word".to_owned();
            reception.no_handshake(&dialled, reason).await;
        }
        Err(_) => reception.no_handshake(&dialled, too_slow()).await,
    }
}

/// Brings a client to a server on the machine itself: its own callback, or one that a test put there.
async fn pass(
    mut socket: TcpStream,
    host: &str,
    port: u16,
    first: BytesMut,
    tunnel: bool,
) -> io::Result<()> {
    let address = host.parse().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let Ok(mut server) = TcpStream::connect((address, port)).await else {
        let answer = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        return socket.write_all(answer).await;
    };
    if tunnel {
        let answer = b"HTTP/1.1 200 Connection established\r\n\r\n";
        socket.write_all(answer).await?;
    }
    server.write_all(&first).await?;
    copy_bidirectional(&mut socket, &mut server).await.map(drop)
}

/// Reads the first head of a connection. Gives it back with its length; `input` keeps all that was read.
async fn first_head(socket: &mut TcpStream, input: &mut BytesMut) -> io::Result<(Head, usize)> {
    loop {
        if socket.read_buf(input).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut rest = input.clone();
        match Head::take(&mut rest) {
            Ok(Some(head)) => return Ok((head, input.len() - rest.len())),
            Ok(None) => {}
            Err(_) => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// A request for a server instead of a proxy. It is the last of its connection: the next may be for another host.
fn in_origin_form(head: &Head) -> Vec<u8> {
    let (path, query) = split_target(&head.target);
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    let mut text = format!(
        "{} {path}{query} HTTP/1.{}\r\n",
        head.method, head.minor_version
    );
    for (name, value) in &head.headers {
        if !FOR_THE_PROXY
            .iter()
            .any(|one| name.eq_ignore_ascii_case(one))
        {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    if header(&head.headers, "host").is_none() {
        text.push_str(&format!("host: {}\r\n", authority_of(&head.target)));
    }
    text.push_str("connection: close\r\n\r\n");
    text.into_bytes()
}

/// The authority of an absolute target; nothing of any other.
fn authority_of(target: &str) -> &str {
    match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => {
            &rest[..rest.find(['/', '?']).unwrap_or(rest.len())]
        }
        _ => "",
    }
}

/// A host that is a name.
fn named(host: &str) -> Option<String> {
    host.parse::<IpAddr>().is_err().then(|| host.to_owned())
}
