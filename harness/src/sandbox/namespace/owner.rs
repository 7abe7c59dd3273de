//! Which process a socket belongs to, by proc(5).

use std::fs;
use std::os::fd::{AsFd, OwnedFd};

use rustix::process::{Pid, getpid};

use super::Peer;
use crate::sandbox::process_tree::{self, descendants};

/// Longest command line that is told.
const LONGEST: usize = 200;

/// The process behind a client's socket in the namespace `net`.
pub(super) fn find(net: &OwnedFd, peer: Peer) -> Option<String> {
    let ours = rustix::fs::fstat(net.as_fd()).ok()?.st_ino;
    let name = format!("net:[{ours}]");
    let inside = |pid: &i32| {
        fs::read_link(format!("/proc/{pid}/ns/net")).is_ok_and(|link| link.as_os_str() == &*name)
    };
    let processes: Vec<i32> = descendants(getpid())
        .iter()
        .map(|process| process.pid.as_raw_nonzero().get())
        .filter(inside)
        .filter(|pid| !is_supervisor(*pid))
        .collect();
    let sockets = sockets(*processes.first()?, peer);
    let holds = |pid: &&i32| {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd"));
        descriptors.into_iter().flatten().flatten().any(|entry| {
            fs::read_link(entry.path()).is_ok_and(|link| {
                sockets
                    .iter()
                    .any(|socket| link.as_os_str() == socket.as_str())
            })
        })
    };
    match (processes.iter().find(holds), &*processes) {
        (Some(pid), _) => describe(*pid),
        (None, [only]) => describe(*only).map(|process| format!("probably {process}")),
        _ => None,
    }
}

/// The sockets of this port, as links in `/proc/PID/fd` show them. `pid` lives in their network namespace.
fn sockets(pid: i32, peer: Peer) -> Vec<String> {
    let tables = if peer.udp {
        ["udp", "udp6"]
    } else {
        ["tcp", "tcp6"]
    };
    let mut found = Vec::new();
    for table in tables {
        let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        let inodes = text.lines().filter_map(|line| inode(line, peer.port));
        found.extend(inodes.map(|inode| format!("socket:[{inode}]")));
    }
    found
}

/// `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …`; addresses and ports in hexadecimal,
/// 0 for a socket that nobody holds any more.
fn inode(line: &str, port: u16) -> Option<&str> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let (_, local) = fields.next()?.rsplit_once(':')?;
    (u16::from_str_radix(local, 16).ok()? == port).then_some(())?;
    fields.nth(7).filter(|inode| *inode != "0")
}

/// `enter` lives in the namespace with the program that it started, and opens no sockets.
fn is_supervisor(pid: i32) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut words = line.split(|byte| *byte == 0).skip(1);
    words.next() == Some(b"enter") && words.next() == Some(b"--report")
}

fn describe(pid: i32) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    let mut line = process_tree::command(Pid::from_raw(pid)?);
    if let Some((end, _)) = line.char_indices().nth(LONGEST) {
        line.truncate(end);
        line.push('…');
    }
    Some(format!("{} (pid {pid}): {line}", name.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_table_of_sockets_is_read() {
        let line = "   1: 0502A8C0:C350 050012C6:01BB 01 00000000:00000000 00:00000000 00000000  1000        0 70123 1 0 20 4 30 10 -1";
        assert_eq!(inode(line, 50_000), Some("70123"));
        assert_eq!(inode(line, 443), None);
        assert_eq!(inode(&line.replace("70123", "0"), 50_000), None);
        let v6 = "   0: 00000000000000000000000001000000:0035 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 9 2 0 0";
        assert_eq!(inode(v6, 53), Some("9"));
        let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
        assert_eq!(inode(head, 53), None);
    }
}
