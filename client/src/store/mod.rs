//! The credential file: one JSON document, replaced as a whole, readable by its owner alone.

mod atomic_write;
mod document;
mod format;
mod lock;
mod quarantine;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use document::Slot;
pub use format::{Credentials, Exhausted};
pub use lock::StoreLock;
pub use quarantine::{Quarantine, fingerprint};

use atomic_write::{Fuse, Reserved};
use document::Document;
use serde_json::{Map, Value};

use crate::defect::{self, Defect};

/// What can go wrong with the credential file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be read.
    #[error("cannot read the credential file {path}: {cause}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        cause: String,
    },
    /// The file is there, but not whole.
    #[error("the credential file {path} is damaged ({cause}); it was left as it is", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// The file cannot be replaced.
    #[error("cannot write the credential file {path}: {cause}", path = path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        cause: String,
    },
    /// Another process keeps the lock.
    #[error("another process has been using the credential file for {} s (lock file {path})", waited.as_secs(), path = path.display())]
    Busy {
        /// The lock file.
        path: PathBuf,
        /// How long it was waited for.
        waited: Duration,
    },
}

/// The credential file and the two files beside it: the lock and the quarantine.
///
/// ```
/// use loginproof_client::{oauth::{AccessToken, RefreshToken}, store::{Credentials, Store}};
/// let folder = tempfile::tempdir().unwrap();
/// let store = Store::new(folder.path().join("auth.json"));
/// assert!(store.load().unwrap().is_none());
/// let credentials = Credentials::new(AccessToken::new("at_loginproof"), RefreshToken::new("rt_loginproof"));
/// store.reserve().unwrap().commit(&credentials).unwrap();
/// assert_eq!(store.load().unwrap().unwrap().refresh, credentials.refresh);
/// ```
#[derive(Clone, Debug)]
pub struct Store {
    path: PathBuf,
}

/// Room for the next credentials, proven before anything is spent that only the file can keep.
#[derive(Debug)]
pub struct Reservation {
    store: Store,
    reserved: Reserved,
}

/// Space kept for what the next credentials may need more than the old ones.
const HEADROOM: usize = 16 * 1024;

impl Store {
    /// A store at this path. Nothing is touched yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The credential file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the credentials. `None` when there is no file or nobody is signed in.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the file is not whole, [`StoreError::Unreadable`] when it cannot be read.
    pub fn load(&self) -> Result<Option<Credentials>, StoreError> {
        self.read(|document| document.account(&Slot::Root))
    }

    /// Reads the account in this place.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn load_slot(&self, slot: &Slot) -> Result<Option<Credentials>, StoreError> {
        self.read(|document| document.account(slot))
    }

    /// Reads the account in this place, and once more when the file is not whole.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn load_slot_patiently(&self, slot: &Slot) -> Result<Option<Credentials>, StoreError> {
        patiently(|| self.load_slot(slot))
    }

    /// Reads all accounts, in the order in which they are used.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn accounts(&self) -> Result<Vec<Credentials>, StoreError> {
        patiently(|| self.read(Document::accounts))
    }

    /// Reads the whole document, or a part of it.
    fn read<T: Default>(
        &self,
        part: impl Fn(&Document) -> Result<T, String>,
    ) -> Result<T, StoreError> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound) => {
                return Ok(T::default());
            }
            Err(error) => {
                return Err(StoreError::Unreadable {
                    path: self.path.clone(),
                    cause: error.to_string(),
                });
            }
        };
        let damaged = |cause| StoreError::Damaged {
            path: self.path.clone(),
            cause,
        };
        let document = match Document::parse(&text) {
            Err(_) if defect::active(Defect::DamagedFileReset) => {
                let _ = fs::write(&self.path, "{}");
                return Ok(T::default());
            }
            document => document.map_err(damaged)?,
        };
        part(&document).map_err(damaged)
    }

    /// The stored tokens of a provider other than ChatGPT, as they stand in the file.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn provider(&self, name: &str) -> Result<Option<Map<String, Value>>, StoreError> {
        self.read(|document| Ok(document.provider(name).cloned()))
    }

    /// The names of the providers other than ChatGPT that there are tokens of.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn providers(&self) -> Result<Vec<String>, StoreError> {
        self.read(|document| Ok(document.provider_names().map(str::to_owned).collect()))
    }

    /// Reads the credentials, and looks once more a little later when the file is not whole: a program that writes in
    /// place may be at it right now.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn load_patiently(&self) -> Result<Option<Credentials>, StoreError> {
        self.load_slot_patiently(&Slot::Root)
    }

    /// Makes the folder, if needed, and room for the next credentials.
    ///
    /// # Errors
    /// [`StoreError::Unwritable`], before anything was lost.
    pub fn reserve(&self) -> Result<Reservation, StoreError> {
        self.create_folder()?;
        let target = self.target();
        let old = fs::metadata(&target).map_or(0, |m| usize::try_from(m.len()).unwrap_or(0));
        // A file that refuses to be written by its owner says that somebody wants it kept.
        let reserved = Reserved::create(&target, old + HEADROOM, Fuse::never())
            .map_err(|e| self.unwritable(&e))?;
        Ok(Reservation {
            store: self.clone(),
            reserved,
        })
    }

    /// Moves a damaged file aside, so that a new sign-in does not overwrite what may still be of use.
    ///
    /// # Errors
    /// [`StoreError::Unwritable`].
    pub fn set_damaged_aside(&self) -> Result<Option<PathBuf>, StoreError> {
        if !matches!(self.load(), Err(StoreError::Damaged { .. })) {
            return Ok(None);
        }
        let aside = self.beside("corrupt");
        fs::rename(self.target(), &aside).map_err(|e| self.unwritable(&e))?;
        Ok(Some(aside))
    }

    /// Removes the credentials. Whether there was a file.
    ///
    /// # Errors
    /// [`StoreError::Unwritable`].
    pub fn remove(&self) -> Result<bool, StoreError> {
        self.clear_quarantine();
        match fs::remove_file(self.target()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.unwritable(&error)),
        }
    }

    fn create_folder(&self) -> Result<(), StoreError> {
        let Some(folder) = self
            .path
            .parent()
            .filter(|f| !f.as_os_str().is_empty() && !f.exists())
        else {
            return Ok(());
        };
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(|e| self.unwritable(&e))
    }

    /// The file itself, behind any symbolic link: a rename would replace the link.
    fn target(&self) -> PathBuf {
        if defect::active(Defect::LinkReplaced) {
            return self.path.clone();
        }
        fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone())
    }

    /// A file beside the credential file: its name and one more ending.
    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".");
        name.push(ending);
        self.path.with_file_name(name)
    }

    fn unwritable(&self, error: &io::Error) -> StoreError {
        StoreError::Unwritable {
            path: self.path.clone(),
            cause: error.to_string(),
        }
    }
}

/// Reads again a little later when the file is not whole.
fn patiently<T>(read: impl Fn() -> Result<T, StoreError>) -> Result<T, StoreError> {
    match read() {
        Err(StoreError::Damaged { .. }) => {
            std::thread::sleep(Duration::from_millis(100));
            read()
        }
        result => result,
    }
}

impl Reservation {
    /// Replaces the credential file. Readers see the old document or the new one, never a part. What other processes
    /// have put beside these credentials stays.
    ///
    /// # Errors
    /// [`StoreError::Unwritable`]; the old file is then still whole.
    pub fn commit(self, credentials: &Credentials) -> Result<(), StoreError> {
        let document = match self.stored() {
            Some(_) if defect::active(Defect::UnknownMembersDropped) => {
                credentials.alone().to_document()
            }
            Some(mut document) => {
                document.put(credentials);
                document
            }
            None => credentials.to_document(),
        };
        self.replace(&document)
    }

    /// Puts the tokens of a provider other than ChatGPT into the file.
    ///
    /// # Errors
    /// As [`Reservation::commit`].
    pub fn commit_provider(self, name: &str, tokens: Map<String, Value>) -> Result<(), StoreError> {
        let mut document = self.stored().unwrap_or_default();
        document.put_provider(name, tokens);
        self.replace(&document)
    }

    /// Notes that an account is of no use for a while; nothing happens when it is not in the file.
    ///
    /// # Errors
    /// As [`Reservation::commit`].
    pub fn commit_exhausted(self, slot: &Slot, exhausted: &Exhausted) -> Result<(), StoreError> {
        let Some(mut document) = self.stored() else {
            return Ok(());
        };
        if !document.exhaust(slot, exhausted) {
            return Ok(());
        }
        self.replace(&document)
    }

    fn stored(&self) -> Option<Document> {
        Document::parse(&fs::read(&self.store.path).ok()?).ok()
    }

    fn replace(self, document: &Document) -> Result<(), StoreError> {
        let store = self.store;
        self.reserved
            .commit(document.to_text().as_bytes())
            .map_err(|e| store.unwritable(&e))
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
