//! One refresh at a time over all processes that share a credential file.
//!
//! The lock is the kernel's: it goes with the process that holds it, however that ends, and cannot be stolen while
//! the work goes on. The lock file's presence and age mean nothing.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Store, StoreError};
use crate::defect::{self, Defect};

/// The lock, held until dropped.
#[derive(Debug)]
pub struct StoreLock {
    _file: File,
    _by_presence: Option<ByPresence>,
}

/// How often a lock that is held elsewhere is tried.
const INTERVAL: Duration = Duration::from_millis(20);

impl Store {
    /// Takes the lock, waiting up to `bound` for its holder.
    ///
    /// # Errors
    /// [`StoreError::Unwritable`] when the lock file cannot be made, [`StoreError::Busy`] after the bound.
    pub async fn lock(&self, bound: Duration) -> Result<StoreLock, StoreError> {
        self.create_folder()?;
        let path = self.beside("lock");
        if BY_PRESENCE.into_iter().any(defect::active) {
            return self.lock_by_presence(path).await;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(|e| self.unwritable(&e))?;
        let start = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => {
                    return Ok(StoreLock {
                        _file: file,
                        _by_presence: None,
                    });
                }
                Err(TryLockError::WouldBlock) if start.elapsed() < bound => {
                    tokio::time::sleep(INTERVAL).await
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::Busy {
                        path,
                        waited: start.elapsed(),
                    });
                }
                Err(TryLockError::Error(error)) => return Err(self.unwritable(&error)),
            }
        }
    }

    /// The lock of programs that have none of the kernel's: who makes the file has it.
    async fn lock_by_presence(&self, path: PathBuf) -> Result<StoreLock, StoreError> {
        let start = Instant::now();
        loop {
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(mut file) => {
                    let _ = write!(file, "{}", std::process::id());
                    return Ok(StoreLock {
                        _file: file,
                        _by_presence: Some(ByPresence(path)),
                    });
                }
                Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                    return Err(self.unwritable(&error));
                }
                Err(_) => {}
            }
            if is_stale(&path) {
                // What was looked at and what is removed need not be the same file.
                tokio::time::sleep(Duration::from_millis(150)).await;
                let _ = std::fs::remove_file(&path);
            } else if start.elapsed() > Duration::from_secs(3) {
                return Err(StoreError::Busy {
                    path,
                    waited: start.elapsed(),
                });
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }
}

/// Defects with such a lock.
const BY_PRESENCE: [Defect; 3] = [
    Defect::LockWithoutOwner,
    Defect::LockStolenByAge,
    Defect::StaleLockBrokenTwice,
];

/// A lock file that goes with its holder, unless that is killed.
#[derive(Debug)]
struct ByPresence(PathBuf);

impl Drop for ByPresence {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn is_stale(path: &Path) -> bool {
    let age = || {
        std::fs::metadata(path)
            .ok()?
            .modified()
            .ok()?
            .elapsed()
            .ok()
    };
    let holder = || std::fs::read_to_string(path).ok()?.parse::<u32>().ok();
    let is_dead = |pid: u32| !Path::new("/proc").join(pid.to_string()).exists();
    match () {
        () if defect::active(Defect::LockStolenByAge) => {
            age().is_some_and(|age| age > Duration::from_secs(1))
        }
        () if defect::active(Defect::StaleLockBrokenTwice) => holder().is_some_and(is_dead),
        () => false,
    }
}
