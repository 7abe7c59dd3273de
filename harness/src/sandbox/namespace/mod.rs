//! A network of its own for each scenario: every host is ours, and nothing else can be reached.
//!
//! A short-lived helper (`loginproof namespace`) makes a user and a network namespace, routes every address of the
//! world to its loopback device, listens there, and hands the descriptors over; the harness serves them from outside.
//! Programs enter through `loginproof enter`, which also shows them the run's own names and certificates ([`Etc`]).

mod error;
mod etc;
#[cfg(target_os = "linux")]
pub(crate) mod helper;
#[cfg(target_os = "linux")]
mod join;
#[cfg(target_os = "linux")]
mod netlink;
#[cfg(target_os = "linux")]
mod owner;
#[cfg(target_os = "linux")]
mod packets;
#[cfg(target_os = "linux")]
mod wire;

use std::ffi::OsString;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use error::{Cause, NamespaceError};
pub use etc::Etc;
pub use loginproof_mocks::server::{Peer, Sockets, Who};

use super::trial;

/// A user and a network namespace. They end with the last of: this value, what [`Namespace::who`] and
/// [`Namespace::inside`] gave, the sockets, and the programs inside.
#[derive(Clone, Debug)]
pub struct Namespace {
    descriptors: Arc<Descriptors>,
}

#[derive(Debug)]
struct Descriptors {
    user: OwnedFd,
    net: OwnedFd,
    /// Listeners that nobody serves.
    #[expect(dead_code, reason = "they only have to stay open")]
    taken: Vec<OwnedFd>,
}

/// Ports that can be taken in one namespace.
pub const MOST_PORTS_TAKEN: usize = 8;

/// What [`crate::terminal::Launch`] needs to start a program inside.
#[derive(Clone, Debug)]
pub struct Inside {
    /// Holds the namespaces until the program is started.
    descriptors: Arc<Descriptors>,
    etc: PathBuf,
}

/// Where `enter` leads a program: the other end of [`Inside`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// Path of the user namespace.
    pub user: PathBuf,
    /// Path of the network namespace.
    pub net: PathBuf,
    /// A folder that [`Etc::write`] has filled.
    pub etc: PathBuf,
}

impl Namespace {
    /// Makes a namespace, with sockets that listen in it; the ports `taken` of its loopback addresses belong to somebody
    /// who never answers. `loginproof` is this program's own binary: the helper is started from it.
    ///
    /// # Errors
    /// When the system has no namespaces or refuses them; the error says why, and what can be done.
    #[cfg(target_os = "linux")]
    pub fn create(loginproof: &Path, taken: &[u16]) -> Result<(Self, Sockets), NamespaceError> {
        let (descriptors, sockets) = wire::start(loginproof, taken)?;
        Ok((
            Self {
                descriptors: Arc::new(descriptors),
            },
            sockets,
        ))
    }

    /// Says that there are none.
    ///
    /// # Errors
    /// Always.
    #[cfg(not(target_os = "linux"))]
    pub fn create(_loginproof: &Path, _taken: &[u16]) -> Result<(Self, Sockets), NamespaceError> {
        Err(NamespaceError::NotLinux)
    }

    /// Names the process behind a client's socket: `pi (pid 123): node /path/pi login`. Looks among the harness's own
    /// descendants that live in this namespace. Where the socket is gone already and just one process is there, that
    /// one, marked `probably`.
    #[must_use]
    pub fn who(&self) -> Who {
        let descriptors = Arc::clone(&self.descriptors);
        #[cfg(target_os = "linux")]
        return Arc::new(move |peer| owner::find(&descriptors.net, peer));
        #[cfg(not(target_os = "linux"))]
        Arc::new(move |_peer| {
            let _ = &descriptors;
            None
        })
    }

    /// For programs that shall run inside and see `etc`, a folder that [`Etc::write`] has filled.
    #[must_use]
    pub fn inside(&self, etc: &Path) -> Inside {
        Inside {
            descriptors: Arc::clone(&self.descriptors),
            etc: std::path::absolute(etc).unwrap_or_else(|_| etc.to_owned()),
        }
    }
}

impl Inside {
    /// The arguments of `enter`. The paths lead to this process's descriptors, so they hold as long as it lives and
    /// keeps them.
    pub(crate) fn arguments(&self) -> [OsString; 6] {
        let path = |descriptor: &OwnedFd| {
            format!("/proc/{}/fd/{}", std::process::id(), descriptor.as_raw_fd()).into()
        };
        [
            "--user".into(),
            path(&self.descriptors.user),
            "--net".into(),
            path(&self.descriptors.net),
            "--etc".into(),
            self.etc.clone().into(),
        ]
    }
}

#[cfg(not(target_os = "linux"))]
impl Join {
    /// Says that there is nothing to enter.
    pub(crate) fn enter(&self, _needed: &[PathBuf]) -> Result<(), NamespaceError> {
        Err(NamespaceError::NotLinux)
    }
}

/// Whether a program can be run in a namespace here: makes one, and starts a program in it. Takes some milliseconds,
/// and blocks.
///
/// # Errors
/// When it cannot; the error says why, and what can be done ([`NamespaceError::remedy`]).
pub fn available(loginproof: &Path) -> Result<(), NamespaceError> {
    let (namespace, _sockets) = Namespace::create(loginproof, &[])?;
    let failed = |reason| NamespaceError::Start {
        program: loginproof.to_owned(),
        reason,
    };
    let folder = tempfile::tempdir().map_err(failed)?;
    let etc = folder.path().join("etc");
    Etc::write(&etc, "", &[]).map_err(failed)?;
    let arguments = namespace.inside(&etc).arguments();
    match trial::enter(loginproof, arguments).map_err(failed)? {
        None => Ok(()),
        Some(refused) => Err(error::from_report(refused.report, refused.status)),
    }
}
