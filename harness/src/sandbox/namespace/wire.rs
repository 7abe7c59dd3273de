//! What the helper and the harness say to each other, over a socket that is the helper's standard input.
//!
//! The helper asks for its id maps (`m`), goes on when told to (any byte), and ends with either the descriptors (`k`
//! and how many of each) or a refusal (`e`, the step, the error's number).

use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use super::{Descriptors, NamespaceError, Sockets};

/// How long the helper may take; it needs a few milliseconds.
const BOUND: Duration = Duration::from_secs(20);

/// More descriptors than the helper ever sends.
const MOST: usize = 32;

/// What the helper was doing when it failed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Unshare,
    Map,
    Route,
    Listen,
    HandOver,
}

impl Step {
    const ALL: [Self; 5] = [
        Self::Unshare,
        Self::Map,
        Self::Route,
        Self::Listen,
        Self::HandOver,
    ];

    fn doing(self) -> &'static str {
        match self {
            Self::Unshare => "make a user and network namespace",
            Self::Map => "map user and group ids into a user namespace",
            Self::Route => "set up the network of a namespace",
            Self::Listen => "listen in a namespace",
            Self::HandOver => "hand over the sockets of a namespace",
        }
    }
}

/// How many descriptors of each kind follow the two namespaces.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    pub(super) tls: u8,
    pub(super) plain: u8,
    pub(super) names_tcp: u8,
    pub(super) names_udp: u8,
    pub(super) packets: u8,
    pub(super) taken: u8,
}

/// The helper's end.
pub(super) struct Harness<'fd> {
    socket: BorrowedFd<'fd>,
}

impl<'fd> Harness<'fd> {
    pub(super) fn new(socket: BorrowedFd<'fd>) -> Self {
        Self { socket }
    }

    /// Waits until the harness has written the maps.
    pub(super) fn ask_for_maps(&mut self) -> io::Result<()> {
        self.send(b"m", &[])?;
        match rustix::io::read(self.socket, &mut [0; 1])? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    pub(super) fn hand_over(&mut self, counts: Counts, all: &[OwnedFd]) -> io::Result<()> {
        let borrowed: Vec<_> = all.iter().map(std::os::fd::AsFd::as_fd).collect();
        let Counts {
            tls,
            plain,
            names_tcp,
            names_udp,
            packets,
            taken,
        } = counts;
        self.send(
            &[b'k', tls, plain, names_tcp, names_udp, packets, taken],
            &borrowed,
        )
    }

    pub(super) fn refuse(&mut self, step: Step, error: &io::Error) -> io::Result<()> {
        let mut message = vec![b'e', step as u8];
        message.extend(error.raw_os_error().unwrap_or(0).to_ne_bytes());
        self.send(&message, &[])
    }

    fn send(&self, message: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(io::Error::other("too many descriptors"));
        }
        sendmsg(
            self.socket,
            &[IoSlice::new(message)],
            &mut control,
            SendFlags::NOSIGNAL,
        )?;
        Ok(())
    }
}

/// Runs the helper and takes what it hands over.
pub(super) fn start(
    loginproof: &Path,
    taken: &[u16],
) -> Result<(Descriptors, Sockets), NamespaceError> {
    let failed = |reason| NamespaceError::Start {
        program: loginproof.to_owned(),
        reason,
    };
    let (ours, theirs) = UnixStream::pair().map_err(failed)?;
    ours.set_read_timeout(Some(BOUND)).map_err(failed)?;
    let mut helper = Command::new(loginproof)
        .arg("namespace")
        .args(taken.iter().map(u16::to_string))
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let result = converse(ours, &helper);
    if result.is_err() {
        // It has ended already, or hangs.
        let _ = helper.kill();
    }
    let status = helper.wait().map_err(failed)?;
    match result {
        Err(Failed::NoAnswer) => Err(NamespaceError::NoAnswer(status.to_string())),
        Err(Failed::Step(step, error)) => Err(NamespaceError::refused(step.doing(), &error)),
        Ok(all) => Ok(all),
    }
}

enum Failed {
    NoAnswer,
    Step(Step, io::Error),
}

fn converse(mut ours: UnixStream, helper: &Child) -> Result<(Descriptors, Sockets), Failed> {
    let (mut message, _) = receive(&ours).map_err(|_| Failed::NoAnswer)?;
    let mut descriptors = Vec::new();
    if message == b"m" {
        map(helper.id()).map_err(|error| Failed::Step(Step::Map, error))?;
        ours.write_all(b"g").map_err(|_| Failed::NoAnswer)?;
        (message, descriptors) = receive(&ours).map_err(|_| Failed::NoAnswer)?;
    }
    match *message {
        [b'k', tls, plain, names_tcp, names_udp, packets, taken] => {
            let counts = Counts {
                taken,
                tls,
                plain,
                names_tcp,
                names_udp,
                packets,
            };
            sort(counts, descriptors).ok_or(Failed::NoAnswer)
        }
        [b'e', step, a, b, c, d] => {
            let step = Step::ALL.get(usize::from(step)).ok_or(Failed::NoAnswer)?;
            let error = io::Error::from_raw_os_error(i32::from_ne_bytes([a, b, c, d]));
            Err(Failed::Step(*step, error))
        }
        _ => Err(Failed::NoAnswer),
    }
}

fn receive(socket: &UnixStream) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = [0; 16];
    let length = loop {
        let mut parts = [IoSliceMut::new(&mut bytes)];
        match recvmsg(socket, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC) {
            Ok(message) => break message.bytes,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    };
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(some) = message {
            descriptors.extend(some);
        }
    }
    Ok((bytes[..length].to_vec(), descriptors))
}

fn sort(counts: Counts, descriptors: Vec<OwnedFd>) -> Option<(Descriptors, Sockets)> {
    let mut rest = descriptors.into_iter();
    let (user, net) = (rest.next()?, rest.next()?);
    let mut take =
        |count: u8| -> Option<Vec<OwnedFd>> { (0..count).map(|_| rest.next()).collect() };
    let sockets = Sockets {
        tls: take(counts.tls)?.into_iter().map(Into::into).collect(),
        plain: take(counts.plain)?.into_iter().map(Into::into).collect(),
        names_tcp: take(counts.names_tcp)?
            .into_iter()
            .map(Into::into)
            .collect(),
        names_udp: take(counts.names_udp)?
            .into_iter()
            .map(Into::into)
            .collect(),
        packets: take(counts.packets)?.pop(),
    };
    let taken = take(counts.taken)?;
    Some((Descriptors { user, net, taken }, sockets))
}

/// Every id stays what it is. With the privilege for it all ids that we know are mapped, so that files of other
/// users belong to them inside as well, and root can be root; else only our own.
fn map(helper: u32) -> io::Result<()> {
    let write = |name: &str, text: &str| {
        std::fs::OpenOptions::new()
            .write(true)
            .open(format!("/proc/{helper}/{name}"))?
            .write_all(text.as_bytes())
    };
    let own = |id: u32| format!("{id} {id} 1\n");
    let user = rustix::process::geteuid().as_raw();
    let whole = identity("/proc/self/uid_map");
    if whole.is_none_or(|map| write("uid_map", &map).is_err()) {
        write("uid_map", &own(user))?;
    }
    let whole = identity("/proc/self/gid_map");
    if whole.is_none_or(|map| write("gid_map", &map).is_err()) {
        // user_namespaces(7): without the privilege a group map needs this first. Older kernels have no such file.
        match write("setgroups", "deny") {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        write("gid_map", &own(rustix::process::getegid().as_raw()))?;
    }
    Ok(())
}

/// The ids that this process knows, each mapped to itself.
fn identity(path: &str) -> Option<String> {
    let mut text = String::new();
    std::fs::File::open(path)
        .ok()?
        .read_to_string(&mut text)
        .ok()?;
    let mut map = String::new();
    for line in text.lines() {
        let mut numbers = line.split_ascii_whitespace();
        let (first, count) = (numbers.next()?, numbers.nth(1)?);
        map.push_str(&format!("{first} {first} {count}\n"));
    }
    Some(map)
}
