//! The helper: makes the namespaces, the routes and the sockets, and hands them over. A process of its own with one
//! thread, since a user namespace cannot be made with several.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::sockopt::{set_ipv6_v6only, set_socket_reuseaddr};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with};
use rustix::thread::{UnshareFlags, unshare_unsafe};

use super::netlink::Routes;
use super::packets;
use super::wire::{Counts, Harness, Step};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

/// Does its work for the harness at the other end of standard input; ends with 0 when it is done. `taken` are ports of
/// loopback that shall be in use.
pub(crate) fn main(taken: &[u16]) -> u8 {
    let socket = io::stdin();
    let mut harness = Harness::new(socket.as_fd());
    match work(&mut harness, taken) {
        Ok(()) => 0,
        Err((step, error)) => {
            // The harness may be gone.
            let _ = harness.refuse(step, &error);
            1
        }
    }
}

fn work(harness: &mut Harness<'_>, taken: &[u16]) -> Result<(), (Step, io::Error)> {
    let during = |step| move |error: io::Error| (step, error);
    let flags = UnshareFlags::NEWUSER | UnshareFlags::NEWNET;
    #[expect(
        unsafe_code,
        reason = "`unshare` may take descriptors away from other threads"
    )]
    // SAFETY: this process has one thread, and CLONE_FILES is not among the flags.
    unsafe { unshare_unsafe(flags) }.map_err(|error| (Step::Unshare, error.into()))?;
    // Only a process outside can map more ids than one.
    harness.ask_for_maps().map_err(during(Step::Map))?;

    let routes = Routes::open().map_err(during(Step::Route))?;
    routes.loopback_up().map_err(during(Step::Route))?;
    routes.own_address().map_err(during(Step::Route))?;
    routes
        .everything_is_local(false)
        .map_err(during(Step::Route))?;
    // IPv6 may be switched off. What it would carry then fails at once, and programs take IPv4.
    let v6 = routes.everything_is_local(true).is_ok();

    let everywhere: &[IpAddr] =
        &[Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()][..if v6 { 2 } else { 1 }];
    // An answer of a socket for all addresses would come from 127.0.0.1, whichever loopback address was asked.
    let resolver = IpAddr::from([127, 0, 0, 53]);
    let mut descriptors = vec![namespace("user")?, namespace("net")?];
    let mut open = |addresses: &mut dyn Iterator<Item = IpAddr>, kind, port| {
        let before = descriptors.len();
        for address in addresses {
            descriptors.push(listener(SocketAddr::new(address, port), kind)?);
        }
        Ok((descriptors.len() - before) as u8)
    };
    let mut all = |kind, port| open(&mut everywhere.iter().copied(), kind, port);
    let failed = during(Step::Listen);
    let counts = Counts {
        tls: all(SocketType::STREAM, 443).map_err(failed)?,
        plain: all(SocketType::STREAM, 80).map_err(failed)?,
        names_tcp: all(SocketType::STREAM, 53).map_err(failed)?,
        names_udp: open(
            &mut everywhere.iter().copied().chain([resolver]),
            SocketType::DGRAM,
            53,
        )
        .map_err(failed)?,
        // Some kernels have none; then only what reaches a listener is seen.
        packets: match packets::open() {
            Ok(socket) => {
                descriptors.push(socket);
                1
            }
            Err(_) => 0,
        },
        taken: {
            // A name may lead to either address; the one is no use without the other.
            let loopback: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
            let loopback = &loopback[..everywhere.len()];
            let before = descriptors.len();
            for port in taken {
                for address in loopback {
                    let address = SocketAddr::new(*address, *port);
                    descriptors.push(listener(address, SocketType::STREAM).map_err(failed)?);
                }
            }
            (descriptors.len() - before) as u8
        },
    };
    harness
        .hand_over(counts, &descriptors)
        .map_err(during(Step::HandOver))
}

fn namespace(name: &str) -> Result<OwnedFd, (Step, io::Error)> {
    let file = std::fs::File::open(format!("/proc/self/ns/{name}"));
    file.map(OwnedFd::from)
        .map_err(|error| (Step::HandOver, error))
}

fn listener(address: SocketAddr, kind: SocketType) -> io::Result<OwnedFd> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, kind, flags, None)?;
    set_socket_reuseaddr(&socket, true)?;
    if address.is_ipv6() {
        set_ipv6_v6only(&socket, true)?;
    }
    bind(&socket, &address)?;
    if kind == SocketType::STREAM {
        listen(&socket, BACKLOG)?;
    }
    Ok(socket)
}
