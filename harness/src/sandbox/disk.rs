//! What the disk does with a program's files: it is full, it is read-only, or the credential file is mounted by itself.
//!
//! A full disk is a limit on the size of files, which holds for everybody. The others are mounts in a namespace of the
//! program's own: modes of files would mean nothing to root.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::supervise::HowEnded;
use super::trial;

/// What the disk does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disk {
    /// No file can grow beyond so many bytes.
    Room(u64),
    /// Nothing below this folder can be changed.
    ReadOnly(PathBuf),
    /// This file is a mount point: it can be written, and not replaced.
    Mounted(PathBuf),
}

impl Disk {
    /// The arguments of `enter`.
    pub(crate) fn arguments(&self) -> [OsString; 2] {
        match self {
            Self::Room(bytes) => ["--room".into(), bytes.to_string().into()],
            Self::ReadOnly(folder) => ["--read-only".into(), folder.into()],
            Self::Mounted(file) => ["--mounted".into(), file.into()],
        }
    }

    /// Whether it takes a mount namespace.
    #[must_use]
    pub fn mounts(&self) -> bool {
        !matches!(self, Self::Room(_))
    }

    /// Makes it so for this process, which must have one thread, and for what it starts. `own` tells whether the
    /// process lives in a mount namespace of its own already. A [`Disk::Room`] is made by whoever starts the program:
    /// it would hold for this process's own files.
    ///
    /// # Errors
    /// In words, what this machine does not give.
    #[cfg(target_os = "linux")]
    pub(crate) fn enter(&self, own: bool) -> Result<(), String> {
        if self.mounts() && !own {
            linux::own_mounts()?;
        }
        match self {
            Self::Room(_) => Ok(()),
            Self::ReadOnly(folder) => linux::read_only(folder),
            Self::Mounted(file) => linux::mount_point(file),
        }
    }

    /// Says that there are no mount namespaces.
    ///
    /// # Errors
    /// For all that needs one.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn enter(&self, _own: bool) -> Result<(), String> {
        match self {
            Self::Room(_) => Ok(()),
            _ => Err("mount namespaces are a feature of Linux".to_owned()),
        }
    }
}

/// Whether this machine gives a program mounts of its own; why not, else. Takes some milliseconds, and blocks.
///
/// # Errors
/// In words.
pub fn mounts_available(loginproof: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| error.to_string();
    let disk = tempfile::tempdir().map_err(failed)?;
    let arguments = Disk::ReadOnly(disk.path().to_owned()).arguments();
    let Some(refused) = trial::enter(loginproof, arguments).map_err(failed)? else {
        return Ok(());
    };
    Err(match refused.report.map(|report| report.how) {
        Some(HowEnded::NotStarted(reason)) => reason,
        _ => format!(
            "a program in a mount namespace ended with {}",
            refused.status
        ),
    })
}

#[cfg(target_os = "linux")]
mod linux {
    use std::path::Path;

    use rustix::fs::StatVfsMountFlags;
    use rustix::mount::{
        MountFlags, MountPropagationFlags, mount_bind, mount_change, mount_remount,
    };
    use rustix::thread::{UnshareFlags, unshare_unsafe};

    /// Moves into a user and a mount namespace, in which this process stays who it is.
    pub(super) fn own_mounts() -> Result<(), String> {
        let (user, group) = (rustix::process::getuid(), rustix::process::getgid());
        let during = |doing: &str| {
            let doing = doing.to_owned();
            move |error: rustix::io::Errno| format!("cannot {doing}: {error}")
        };
        #[expect(
            unsafe_code,
            reason = "`unshare` may take descriptors away from other threads"
        )]
        // SAFETY: this process has one thread, and CLONE_FILES is not among the flags.
        unsafe { unshare_unsafe(UnshareFlags::NEWUSER | UnshareFlags::NEWNS) }
            .map_err(during("make a mount namespace"))?;
        let (user, group) = (user.as_raw(), group.as_raw());
        for (file, text) in [
            ("setgroups", "deny".to_owned()),
            ("uid_map", format!("{user} {user} 1")),
            ("gid_map", format!("{group} {group} 1")),
        ] {
            std::fs::write(Path::new("/proc/self").join(file), text)
                .map_err(|error| format!("cannot write {file} of a user namespace: {error}"))?;
        }
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        mount_change("/", private).map_err(during("keep mounts to itself"))
    }

    pub(super) fn mount_point(path: &Path) -> Result<(), String> {
        mount_bind(path, path).map_err(|error| format!("cannot mount {}: {error}", path.display()))
    }

    pub(super) fn read_only(folder: &Path) -> Result<(), String> {
        let failed = |error| format!("cannot make {} read-only: {error}", folder.display());
        mount_point(folder)?;
        // What the mount forbids already cannot be allowed again.
        let now = rustix::fs::statvfs(folder).map_err(failed)?.f_flag;
        let kept = [
            (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
            (StatVfsMountFlags::NODEV, MountFlags::NODEV),
            (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
            (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
            (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
            (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
        ];
        let flags = kept
            .into_iter()
            .filter(|(is, _)| now.contains(*is))
            .fold(MountFlags::BIND | MountFlags::RDONLY, |all, (_, flag)| {
                all | flag
            });
        mount_remount(folder, flags, c"").map_err(failed)
    }
}
