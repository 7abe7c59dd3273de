//! Takes over the sign-in of another program. Its file is read and never written.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{AccountError, Credentials, Place, Session};
use crate::defect::{self, Defect};
use crate::oauth::jwt::Claims;
use crate::store::{Store, StoreError};

/// Why a sign-in cannot be taken over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// There is no such file, or nobody is signed in by it.
    #[error("there is no sign-in to import in {path}: {why}", path = path.display())]
    NothingThere {
        /// The file.
        path: PathBuf,
        /// What is missing.
        why: &'static str,
    },
    /// The file is in the way.
    #[error("cannot import: {0}")]
    Unreadable(StoreError),
}

impl Session {
    /// Imports the ChatGPT sign-in of Codex from its `auth.json`: only tokens that are unexpired, with both parts.
    ///
    /// # Errors
    /// Why there are no new credentials in the file.
    pub async fn import_codex(
        &self,
        path: &Path,
        place: Place,
    ) -> Result<Credentials, AccountError> {
        let nothing = |why| {
            let path = path.to_owned();
            AccountError::Import(ImportError::NothingThere { path, why })
        };
        if !path.exists() {
            return Err(nothing("the file is not there"));
        }
        let found = Store::new(path)
            .load_patiently()
            .map_err(ImportError::Unreadable)?
            .ok_or_else(|| nothing("it holds no ChatGPT tokens"))?;
        if found.access.is_empty() {
            return Err(nothing("its access token is missing"));
        }
        if found.refresh.is_empty() {
            return Err(nothing("its refresh token is missing"));
        }
        // Tokens of tests and of sign-ins that were given up look like nothing that the server gives.
        if Claims::read(found.access.expose()).is_none_or(|claims| claims.account_id.is_none())
            && !defect::active(Defect::PlaceholderImported)
        {
            return Err(nothing(
                "its access token is none of ChatGPT's: it names no account",
            ));
        }
        let now = SystemTime::now();
        if found.expires_at().is_some_and(|end| end <= now) {
            return Err(nothing("its access token has expired"));
        }
        let kept = self.keep(found.alone(), place).await?;
        self.warn(
            "both programs now hold the same refresh token, which is good for one renewal: \
             the one that renews second has to sign in again",
        );
        Ok(kept)
    }
}
