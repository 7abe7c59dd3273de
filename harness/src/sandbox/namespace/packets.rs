//! A socket that sees each try to reach a port where nobody of ours listens.

use std::io;
use std::num::NonZeroU32;
use std::os::fd::{AsRawFd as _, OwnedFd};

use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, socket_with};

use super::netlink::OWN;

/// Bytes of a packet that are kept: headers, and the beginning of what is said.
const KEPT: u32 = 512;

/// `ETH_P_ALL` in network byte order.
const EVERY_PROTOCOL: u32 = (libc::ETH_P_ALL as u16).to_be() as u32;

/// Opens the socket. Each read gives one IP packet, without a link header.
pub(super) fn open() -> io::Result<OwnedFd> {
    let protocol = NonZeroU32::new(EVERY_PROTOCOL).map(Protocol::from_raw);
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    // Nothing runs in the namespace yet: no packet can come before the filter.
    let socket = socket_with(AddressFamily::PACKET, SocketType::DGRAM, flags, protocol)?;
    attach(&socket, &filter())?;
    Ok(socket)
}

/// Classic BPF, as packet(7) takes it: the first packet of a TCP connection, and UDP; except to loopback, to the
/// machine's own address, and to and from the ports that are served.
fn filter() -> Vec<libc::sock_filter> {
    const WORD: u16 = 0x20;
    const HALF: u16 = 0x28;
    const BYTE: u16 = 0x30;
    const SHIFT_RIGHT: u16 = 0x74;
    const AND: u16 = 0x54;
    const EQUAL: u16 = 0x15;
    const ANY_BIT: u16 = 0x45;
    const HALF_AFTER_X: u16 = 0x48;
    const BYTE_AFTER_X: u16 = 0x50;
    const X_IS: u16 = 0x01;
    const X_IS_V4_HEADER: u16 = 0xb1;
    const KEEP: u16 = 0x06;
    // SKF_AD_OFF + SKF_AD_PKTTYPE
    const DIRECTION: u32 = 0xffff_f000 + 4;
    // Numbers of lines.
    const V4: usize = 6;
    const V6: usize = 16;
    const TCP: usize = 28;
    const UDP: usize = 35;
    const TAKE: usize = 39;
    const DROP: usize = 40;
    // Operation, operand, and for comparisons the lines to go on with: if true, if not.
    let lines = [
        // Each packet passes twice, when it is sent (PACKET_OUTGOING) and when it is received.
        (WORD, DIRECTION, 0, 0),
        (EQUAL, 4, DROP, 2),
        (BYTE, 0, 0, 0),
        (SHIFT_RIGHT, 4, 0, 0),
        (EQUAL, 4, V4, 5),
        (EQUAL, 6, V6, DROP),
        // V4: where to. Later fragments have no ports.
        (WORD, 16, 0, 0),
        (EQUAL, OWN.to_bits(), DROP, 8),
        (SHIFT_RIGHT, 24, 0, 0),
        (EQUAL, 127, DROP, 10),
        (HALF, 6, 0, 0),
        (ANY_BIT, 0x1fff, DROP, 12),
        (X_IS_V4_HEADER, 0, 0, 0),
        (BYTE, 9, 0, 0),
        (EQUAL, 6, TCP, 15),
        (EQUAL, 17, UDP, DROP),
        // V6: ::1 is loopback.
        (WORD, 24, 0, 0),
        (EQUAL, 0, 18, 24),
        (WORD, 28, 0, 0),
        (EQUAL, 0, 20, 24),
        (WORD, 32, 0, 0),
        (EQUAL, 0, 22, 24),
        (WORD, 36, 0, 0),
        (EQUAL, 1, DROP, 24),
        (X_IS, 40, 0, 0),
        (BYTE, 6, 0, 0),
        (EQUAL, 6, TCP, 27),
        (EQUAL, 17, UDP, DROP),
        // TCP: SYN without ACK.
        (BYTE_AFTER_X, 13, 0, 0),
        (AND, 0x12, 0, 0),
        (EQUAL, 0x02, 31, DROP),
        (HALF_AFTER_X, 2, 0, 0),
        (EQUAL, 443, DROP, 33),
        (EQUAL, 80, DROP, 34),
        (EQUAL, 53, DROP, TAKE),
        // UDP.
        (HALF_AFTER_X, 0, 0, 0),
        (EQUAL, 53, DROP, 37),
        (HALF_AFTER_X, 2, 0, 0),
        (EQUAL, 53, DROP, TAKE),
        (KEEP, KEPT, 0, 0),
        (KEEP, 0, 0, 0),
    ];
    let steps = |from: usize, to: usize| to.saturating_sub(from + 1) as u8;
    let line = |(at, (code, k, yes, no)): (usize, (u16, u32, usize, usize))| libc::sock_filter {
        code,
        jt: steps(at, yes),
        jf: steps(at, no),
        k,
    };
    lines.into_iter().enumerate().map(line).collect()
}

fn attach(socket: &OwnedFd, filter: &[libc::sock_filter]) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_ptr().cast_mut(),
    };
    #[expect(unsafe_code, reason = "no safe interface to socket filters")]
    // SAFETY: `program` points to `filter`, which has the stated length; both live through the call, which copies
    // them and writes to neither.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            size_of::<libc::sock_fprog>() as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
