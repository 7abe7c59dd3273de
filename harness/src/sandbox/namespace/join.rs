//! Enters a namespace: the process that calls this, and every program that it starts, live there.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::mount::{
    MountFlags, MountPropagationFlags, mount, mount_bind, mount_bind_recursive, mount_change,
};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};

use super::{Etc, Join};

/// Folders with sockets of services that would use the network, or start a program, outside.
const HIDDEN: [&str; 13] = [
    "/run/user",
    "/run/dbus",
    "/var/run/dbus",
    "/run/systemd/resolve",
    "/run/systemd/resolve.hook",
    "/run/nscd",
    "/var/run/nscd",
    "/run/avahi-daemon",
    "/run/podman",
    "/run/containerd",
    "/run/cups",
    "/run/WSL",
    "/tmp/.X11-unix",
];

/// Such sockets in folders that must stay.
const HIDDEN_SOCKETS: [&str; 2] = ["/run/docker.sock", "/var/run/docker.sock"];

/// Where OpenSSL looks certificates up by hash, in most distributions.
const HASHED: &str = "/etc/ssl/certs";

/// The hash of the subject of the run's authority: `openssl x509 -subject_hash`.
const AUTHORITY: &str = "931e8d11";

impl Join {
    /// Moves this process, which must have one thread, into the namespaces, and shows it the run's own files. `needed`
    /// are files and folders that must stay in sight.
    pub(crate) fn enter(&self, needed: &[PathBuf]) -> Result<(), JoinError> {
        let during = |doing: &'static str| {
            move |reason: rustix::io::Errno| JoinError {
                doing: doing.to_owned(),
                reason: reason.into(),
            }
        };
        let open = |path: &Path| {
            File::open(path).map_err(|reason| JoinError {
                doing: format!("open {}", path.display()),
                reason,
            })
        };
        // Both before the first step: afterwards the harness is out of reach.
        let (user, net) = (open(&self.user)?, open(&self.net)?);
        open(&self.etc)?;
        move_into_link_name_space(user.as_fd(), Some(LinkNameSpaceType::User))
            .map_err(during("enter the user namespace"))?;
        move_into_link_name_space(net.as_fd(), Some(LinkNameSpaceType::Network))
            .map_err(during("enter the network namespace"))?;
        #[expect(
            unsafe_code,
            reason = "`unshare` may take descriptors away from other threads"
        )]
        // SAFETY: this process has one thread, and CLONE_FILES is not among the flags.
        unsafe { unshare_unsafe(UnshareFlags::NEWNS) }.map_err(during("make a mount namespace"))?;
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        mount_change("/", private).map_err(during("keep mounts to itself"))?;

        // Looked up first: `/etc/resolv.conf` may lead to a folder that is about to be hidden.
        let places = Etc::places(&self.etc);
        let hidden = hide(needed)?;
        trust_by_hash(&self.etc)?;
        for (place, file) in &places {
            let failed = |reason: io::Error| JoinError {
                doing: format!("show {} as {}", file.display(), place.display()),
                reason,
            };
            if hidden.iter().any(|folder| place.starts_with(folder)) {
                restore(place).map_err(failed)?;
            }
            mount_bind(file, place).map_err(|errno| failed(errno.into()))?;
        }
        Ok(())
    }
}

/// Adds the run's authority to the folder where OpenSSL looks a certificate up by the hash of its subject. Nothing can
/// be put there, so an empty folder takes its place, and links lead to what was there before.
fn trust_by_hash(etc: &Path) -> Result<(), JoinError> {
    let Ok(folder) = Path::new(HASHED).canonicalize() else {
        return Ok(());
    };
    let failed = |reason: io::Error| JoinError {
        doing: format!("add a certificate to {}", folder.display()),
        reason,
    };
    let before = etc.join(Etc::SYSTEM_CERTIFICATES);
    mount_bind_recursive(&folder, &before).map_err(|errno| failed(errno.into()))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount("tmpfs", &folder, "tmpfs", flags, c"size=4m,mode=755")
        .map_err(|errno| failed(errno.into()))?;
    for entry in before.read_dir().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        // A link may be relative: it leads to the same file from here.
        let to = match entry.file_type() {
            Ok(kind) if kind.is_symlink() => std::fs::read_link(entry.path()),
            _ => Ok(before.join(&name)),
        };
        to.and_then(|to| symlink(to, folder.join(&name)))
            .map_err(failed)?;
    }
    let named = folder.join(format!("{AUTHORITY}.0"));
    match symlink(etc.join("ca.pem"), &named) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(error)),
        _ => Ok(()),
    }
}

/// A step that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing}: {reason}")]
pub(crate) struct JoinError {
    doing: String,
    reason: io::Error,
}

/// Puts empty folders over those that are not to be seen; returns them.
fn hide(needed: &[PathBuf]) -> Result<Vec<PathBuf>, JoinError> {
    let needed: Vec<PathBuf> = needed
        .iter()
        .filter_map(|path| path.canonicalize().ok())
        .collect();
    let mut hidden: Vec<PathBuf> = Vec::new();
    for folder in HIDDEN {
        let Ok(folder) = Path::new(folder).canonicalize() else {
            continue;
        };
        let failed = |reason: rustix::io::Errno| JoinError {
            doing: format!("hide {}", folder.display()),
            reason: reason.into(),
        };
        if hidden.contains(&folder) || !folder.is_dir() {
            continue;
        }
        if needed.iter().any(|path| path.starts_with(&folder)) {
            hide_sockets(&folder);
            continue;
        }
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        mount("tmpfs", &folder, "tmpfs", flags, c"size=1m,mode=755").map_err(failed)?;
        hidden.push(folder);
    }
    for socket in HIDDEN_SOCKETS {
        // Most often there is none.
        if let Ok(socket) = Path::new(socket).canonicalize() {
            let _ = mount_bind_recursive("/dev/null", socket);
        }
    }
    Ok(hidden)
}

/// Hides the sockets of a folder that must stay, and of the folders in it: `/run/user/1000/bus`.
fn hide_sockets(folder: &Path) {
    use std::os::unix::fs::FileTypeExt as _;
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_socket() => {
                    let _ = mount_bind_recursive("/dev/null", entry.path());
                }
                Ok(kind) if kind.is_dir() && depth < 2 => {
                    folders.push((entry.path(), depth + 1));
                }
                _ => {}
            }
        }
    }
}

/// Makes an empty file below a hidden folder.
fn restore(place: &Path) -> io::Result<()> {
    if let Some(folder) = place.parent() {
        std::fs::create_dir_all(folder)?;
    }
    File::options()
        .create(true)
        .append(true)
        .open(place)
        .map(drop)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn the_authority_is_found_by_its_hash() {
        let authority = loginproof_mocks::net::CertificateAuthority::new().unwrap();
        let openssl = Command::new("openssl")
            .args(["x509", "-noout", "-subject_hash"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        // Not everybody has it.
        let Ok(mut openssl) = openssl else { return };
        let mut input = openssl.stdin.take().unwrap();
        input.write_all(authority.pem().as_bytes()).unwrap();
        drop(input);
        let output = openssl.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), AUTHORITY);
    }
}
