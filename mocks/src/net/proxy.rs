//! A forward proxy, for systems on which a program cannot have a network of its own. It never goes anywhere: hosts
//! are answered for here, as at the front's sockets. Only the machine itself is really dialled.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::front::{
    HANDSHAKE_BOUND, PROXY_PASSWORD, PROXY_USER, Peer, ProxyKind, Reception, peer_of, too_slow,
};
use super::http1::{Head, split_target};
use super::{Connection, Dialled};
use crate::conversation::converse;
use crate::hosts::{Place, canonical, is_loopback, split_authority};
use crate::message::header;

/// The first byte of a TLS handshake (RFC 8446 §5.1).
const HANDSHAKE: u8 = 22;
/// A tunnel is open (RFC 9110 §9.3.6).
const TUNNEL_OPEN: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";
/// The same of a SOCKS proxy (RFC 1928 §6); where the connection comes from is nobody's business.
const SOCKS_OPEN: &[u8] = &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
/// Headers that are meant for a proxy.
const FOR_THE_PROXY: [&str; 4] = [
    "connection",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
];

/// Serves one client.
pub(super) async fn serve(reception: Arc<Reception>, kind: ProxyKind, mut socket: TcpStream) {
    let Ok(peer) = socket.peer_addr().map(peer_of) else {
        return;
    };
    if kind == ProxyKind::Socks {
        return serve_socks(&reception, socket, peer).await;
    }
    let mut input = BytesMut::new();
    let head = match timeout(HANDSHAKE_BOUND, first_head(&mut socket, &mut input)).await {
        Ok(Ok((head, length))) => Some((head, length)),
        // Not a request: the conversation says so.
        Ok(Err(_)) => None,
        Err(_) => return,
    };
    if let Some((head, length)) = head {
        if let Some(refusal) = refusal(kind, &head) {
            // It may come again on the next connection, knowing more.
            let _ = socket.write_all(refusal.as_bytes()).await;
            let _ = socket.shutdown().await;
            return;
        }
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
                let _ = pass(socket, &host, port, TUNNEL_OPEN, early).await;
            } else {
                open_tunnel(&reception, socket, dialled, early).await;
            }
            return;
        }
        if is_loopback(&host) {
            let mut bytes = BytesMut::from(&*in_origin_form(&head));
            bytes.extend_from_slice(&input[length..]);
            let _ = pass(socket, &host, port, b"", bytes).await;
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

/// Why a client is not let through, if it is not.
fn refusal(kind: ProxyKind, head: &Head) -> Option<&'static str> {
    match kind {
        ProxyKind::Open | ProxyKind::Socks => None,
        ProxyKind::Refusing => Some(
            "HTTP/1.1 403 Forbidden\r\ncontent-type: text/plain\r\ncontent-length: 29\r\nconnection: close\r\n\r\n\
             This host is not allowed here",
        ),
        ProxyKind::Password => {
            let given = header(&head.headers, "proxy-authorization").unwrap_or_default();
            let basic = STANDARD.encode(format!("{PROXY_USER}:{PROXY_PASSWORD}"));
            let (scheme, word) = given.split_once(' ').unwrap_or_default();
            let known = scheme.eq_ignore_ascii_case("basic") && word.trim() == basic;
            // RFC 9110 §15.5.8: the challenge is what tells this answer from a server's.
            (!known).then_some(
                "HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm=\"loginproof\"\r\n\
                 content-length: 0\r\nconnection: close\r\n\r\n",
            )
        }
    }
}

/// A client of the SOCKS proxy: its greeting, what it wants, and then the tunnel.
async fn serve_socks(reception: &Reception, mut socket: TcpStream, peer: Peer) {
    let asked = timeout(HANDSHAKE_BOUND, greeted(&mut socket)).await;
    let Ok(Ok((host, port))) = asked else { return };
    if is_loopback(&host) {
        let _ = pass(socket, &host, port, SOCKS_OPEN, BytesMut::new()).await;
        return;
    }
    let dialled = Dialled::new(peer, host.parse().ok(), named(&host), port);
    told_of(reception, &dialled).await;
    if socket.write_all(SOCKS_OPEN).await.is_ok() {
        in_tunnel(reception, socket, dialled).await;
    }
}

/// RFC 1928 §3 to §5: which host and port a client wants to be connected with.
async fn greeted(socket: &mut TcpStream) -> io::Result<(String, u16)> {
    let mut two = [0; 2];
    socket.read_exact(&mut two).await?;
    let mut methods = vec![0; usize::from(two[1])];
    socket.read_exact(&mut methods).await?;
    if two[0] != 5 || !methods.contains(&0) {
        socket.write_all(&[5, 0xff]).await?;
        return Err(io::ErrorKind::InvalidData.into());
    }
    socket.write_all(&[5, 0]).await?;
    let mut request = [0; 4];
    socket.read_exact(&mut request).await?;
    let host = match request[3] {
        1 => {
            let mut address = [0; 4];
            socket.read_exact(&mut address).await?;
            Ipv4Addr::from(address).to_string()
        }
        3 => {
            let mut name = vec![0; usize::from(socket.read_u8().await?)];
            socket.read_exact(&mut name).await?;
            canonical(&String::from_utf8_lossy(&name))
        }
        4 => {
            let mut address = [0; 16];
            socket.read_exact(&mut address).await?;
            Ipv6Addr::from(address).to_string()
        }
        _ => return Err(io::ErrorKind::InvalidData.into()),
    };
    let port = socket.read_u16().await?;
    if request[1] != 1 {
        // Command not supported: there is nothing here but connections.
        socket.write_all(&[5, 7, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
        return Err(io::ErrorKind::Unsupported.into());
    }
    Ok((host, port))
}

/// Opens a tunnel to a host, which ends here.
async fn open_tunnel(
    reception: &Reception,
    mut socket: TcpStream,
    dialled: Dialled,
    early: BytesMut,
) {
    told_of(reception, &dialled).await;
    // A client speaks once it was told that it may.
    let answer: &[u8] = if early.is_empty() {
        TUNNEL_OPEN
    } else {
        b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    };
    if socket.write_all(answer).await.is_err() || !early.is_empty() {
        return;
    }
    in_tunnel(reception, socket, dialled).await;
}

/// Keeps in mind that a host was asked for which is not ours.
async fn told_of(reception: &Reception, dialled: &Dialled) {
    let responder = &reception.responder;
    let elsewhere = |host: &str| responder.hosts.place(host) == Place::Elsewhere;
    if dialled.host().is_some_and(elsewhere) {
        responder.connected(dialled).await;
    }
}

/// What a client does in a tunnel that it was told is open.
async fn in_tunnel(reception: &Reception, socket: TcpStream, dialled: Dialled) {
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

/// Brings a client to a server on the machine itself: its own callback, or one that a test put there. It is told
/// `opened` first.
async fn pass(
    mut socket: TcpStream,
    host: &str,
    port: u16,
    opened: &[u8],
    first: BytesMut,
) -> io::Result<()> {
    let address = host.parse().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let Ok(mut server) = TcpStream::connect((address, port)).await else {
        let answer = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        return socket.write_all(answer).await;
    };
    socket.write_all(opened).await?;
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
