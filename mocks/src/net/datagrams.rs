//! Datagrams that are answered from the address that they were sent to. A socket that listens on every address
//! would else answer from one of the system's choosing, and a client that dialled another ignores that.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

use nix::sys::socket::sockopt::{Ipv4PacketInfo, Ipv6RecvPacketInfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt,
};
use tokio::io::Interest;

/// Room for what the system tells of one datagram.
const TOLD: usize = 128;

/// A socket that knows where each datagram was sent to.
#[derive(Debug)]
pub(super) struct Datagrams(tokio::net::UdpSocket);

/// Who sent a datagram, and where to.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) address: SocketAddr,
    storage: SockaddrStorage,
    dialled: Option<Dialled>,
}

#[derive(Debug)]
enum Dialled {
    V4(libc::in_pktinfo),
    V6(libc::in6_pktinfo),
}

impl Datagrams {
    pub(super) fn new(socket: UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        if socket.local_addr()?.is_ipv6() {
            setsockopt(&socket, Ipv6RecvPacketInfo, &true)?;
        } else {
            setsockopt(&socket, Ipv4PacketInfo, &true)?;
        }
        tokio::net::UdpSocket::from_std(socket).map(Self)
    }

    /// The next datagram; what is longer than `buffer` is cut off.
    pub(super) async fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, Sender)> {
        let receive = || {
            let mut told = Vec::with_capacity(TOLD);
            let mut parts = [IoSliceMut::new(buffer)];
            let message = recvmsg::<SockaddrStorage>(
                self.0.as_raw_fd(),
                &mut parts,
                Some(&mut told),
                MsgFlags::empty(),
            )?;
            let storage = message.address.ok_or(io::ErrorKind::InvalidData)?;
            let address = socket_address(&storage).ok_or(io::ErrorKind::InvalidData)?;
            let dialled = message.cmsgs().find_map(|told| match told {
                ControlMessageOwned::Ipv4PacketInfo(info) => Some(Dialled::V4(libc::in_pktinfo {
                    ipi_ifindex: 0,
                    ipi_spec_dst: info.ipi_addr,
                    ipi_addr: libc::in_addr { s_addr: 0 },
                })),
                ControlMessageOwned::Ipv6PacketInfo(info) => Some(Dialled::V6(libc::in6_pktinfo {
                    ipi6_addr: info.ipi6_addr,
                    ipi6_ifindex: 0,
                })),
                _ => None,
            });
            let sender = Sender {
                address,
                storage,
                dialled,
            };
            Ok((message.bytes, sender))
        };
        self.0.async_io(Interest::READABLE, receive).await
    }

    /// Answers a datagram.
    pub(super) async fn answer(&self, sender: &Sender, bytes: &[u8]) -> io::Result<()> {
        let from = sender.dialled.as_ref().map(|dialled| match dialled {
            Dialled::V4(info) => ControlMessage::Ipv4PacketInfo(info),
            Dialled::V6(info) => ControlMessage::Ipv6PacketInfo(info),
        });
        let send = || {
            let sent = sendmsg(
                self.0.as_raw_fd(),
                &[IoSlice::new(bytes)],
                from.as_slice(),
                MsgFlags::empty(),
                Some(&sender.storage),
            )?;
            Ok(sent)
        };
        self.0.async_io(Interest::WRITABLE, send).await.map(drop)
    }
}

fn socket_address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage
        .as_sockaddr_in()
        .map(|address| SocketAddr::V4((*address).into()));
    v4.or_else(|| {
        let address = storage.as_sockaddr_in6()?;
        Some(SocketAddr::V6((*address).into()))
    })
}
