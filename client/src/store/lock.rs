//! One refresh at a time over all processes that share a credential file.
//!
//! The lock is the kernel's: it goes with the process that holds it, however that ends, and cannot be stolen while
//! the work goes on. The lock file's presence and age mean nothing.

use std::fs::{File, OpenOptions, TryLockError};
use std::time::{Duration, Instant};

use super::{Store, StoreError};

/// The lock, held until dropped.
#[derive(Debug)]
pub struct StoreLock {
    _file: File,
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
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(|e| self.unwritable(&e))?;
        let start = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(StoreLock { _file: file }),
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
}
