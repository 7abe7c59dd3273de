//! Brings up a namespace's loopback device and leads every address of the world to it, by rtnetlink(7).

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, recv, send, socket};

/// The address that a program finds as its machine's own. Without one beside 127.0.0.1 some resolvers take the
/// machine for offline (`AI_ADDRCONFIG`, RFC 3493 §6.1).
pub(super) const OWN: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);

/// The loopback device is the first of every namespace.
const LOOPBACK: u32 = 1;

/// A connection to the kernel's routing tables.
pub(super) struct Routes {
    socket: OwnedFd,
}

impl Routes {
    pub(super) fn open() -> io::Result<Self> {
        let socket = socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
        Ok(Self { socket })
    }

    /// Brings the loopback device up.
    pub(super) fn loopback_up(&self) -> io::Result<()> {
        const IFF_UP: u32 = 1;
        // struct ifinfomsg: family, padding, device type, index, flags, which of them to change.
        let mut body = vec![0, 0, 0, 0];
        for word in [LOOPBACK, IFF_UP, IFF_UP] {
            body.extend(word.to_ne_bytes());
        }
        self.ask(libc::RTM_NEWLINK, &body)
    }

    /// Gives the device [`OWN`].
    pub(super) fn own_address(&self) -> io::Result<()> {
        // struct ifaddrmsg: family, prefix length, flags, scope, index.
        let mut body = vec![family(OWN.into()), 32, 0, libc::RT_SCOPE_UNIVERSE];
        body.extend(LOOPBACK.to_ne_bytes());
        for kind in [libc::IFA_LOCAL, libc::IFA_ADDRESS] {
            attribute(&mut body, kind, &OWN.octets());
        }
        self.ask(libc::RTM_NEWADDR, &body)
    }

    /// `ip route add local default dev lo`: every address is this machine's own. A client that dials one has that
    /// same address as its source, so that answers of a socket bound to all addresses come from the right one.
    pub(super) fn everything_is_local(&self, v6: bool) -> io::Result<()> {
        let family = family(if v6 {
            IpAddr::from([0_u16; 8])
        } else {
            OWN.into()
        });
        // struct rtmsg: family, lengths of destination and source, type of service, table, origin, scope, type; flags.
        let mut body = vec![
            family,
            0,
            0,
            0,
            libc::RT_TABLE_LOCAL,
            libc::RTPROT_BOOT,
            libc::RT_SCOPE_HOST,
            libc::RTN_LOCAL,
        ];
        body.extend(0_u32.to_ne_bytes());
        attribute(&mut body, libc::RTA_OIF, &LOOPBACK.to_ne_bytes());
        self.ask(libc::RTM_NEWROUTE, &body)
    }

    /// Sends one request and reads its acknowledgement.
    fn ask(&self, kind: u16, body: &[u8]) -> io::Result<()> {
        const HEADER: usize = 16;
        let mut flags = libc::NLM_F_REQUEST | libc::NLM_F_ACK;
        if kind != libc::RTM_NEWLINK {
            flags |= libc::NLM_F_CREATE | libc::NLM_F_EXCL;
        }
        let length = u32::try_from(HEADER + body.len()).map_err(io::Error::other)?;
        let flags = u16::try_from(flags).map_err(io::Error::other)?;
        let mut message = Vec::with_capacity(HEADER + body.len());
        message.extend(length.to_ne_bytes());
        message.extend(kind.to_ne_bytes());
        message.extend(flags.to_ne_bytes());
        message.extend([0; 8]); // sequence number and port: one question at a time needs neither
        message.extend(body);
        send(&self.socket, &message, SendFlags::empty())?;

        let mut answer = [0; 512];
        let (_, length) = recv(&self.socket, &mut answer[..], RecvFlags::empty())?;
        // struct nlmsgerr: 0, or the error's number below zero, after the header.
        match answer[..length].get(HEADER..HEADER + 4) {
            Some(&[a, b, c, d]) => match i32::from_ne_bytes([a, b, c, d]) {
                0 => Ok(()),
                error => Err(io::Error::from_raw_os_error(-error)),
            },
            _ => Err(io::Error::other("a short answer of the kernel")),
        }
    }
}

fn family(address: IpAddr) -> u8 {
    let family = match address {
        IpAddr::V4(_) => libc::AF_INET,
        IpAddr::V6(_) => libc::AF_INET6,
    };
    // 2 and 10.
    family as u8
}

/// struct rtattr and its value; all values here are multiples of four bytes.
fn attribute(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = 4 + value.len() as u16;
    message.extend(length.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(value);
}
