//! Remembers, over restarts, that a refresh token is dead: it is not sent again.
//!
//! The note stands in a file of its own and holds a fingerprint, not the token. It speaks of one token only:
//! as soon as the credential file holds another, it means nothing.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Store;
use super::atomic_write::{Fuse, Reserved};
use crate::failure::{Class, Failure};
use crate::oauth::RefreshToken;

/// What is known of a dead refresh token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    fingerprint: String,
    class: String,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    at: Option<String>,
}

/// A short hash of a token: enough to know it again, useless to sign in with.
///
/// ```
/// use loginproof_client::{oauth::RefreshToken, store::fingerprint};
/// let print = fingerprint(&RefreshToken::new("rt_loginproof"));
/// assert_eq!(print.len(), 32);
/// ```
pub fn fingerprint(token: &RefreshToken) -> String {
    let hash = Sha256::digest(token.expose().as_bytes());
    hash.iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl Quarantine {
    /// The failure that put the token here.
    pub fn failure(&self) -> Failure {
        let class = match self.class.as_str() {
            "refresh_reused" => Class::RefreshReused,
            "refresh_expired" => Class::RefreshExpired,
            "refresh_revoked" => Class::RefreshRevoked,
            _ => Class::RefreshRejected,
        };
        let when = self
            .at
            .as_deref()
            .map_or_else(String::new, |at| format!(" at {at}"));
        Failure {
            code: self.code.clone(),
            ..Failure::local(
                class,
                format!("the server said so{when}; it was not asked again"),
            )
        }
    }
}

impl Store {
    /// What is known of this token, if it is dead.
    pub fn quarantined(&self, token: &RefreshToken) -> Option<Quarantine> {
        let text = std::fs::read(self.beside("quarantine")).ok()?;
        let note: Quarantine = serde_json::from_slice(&text).ok()?;
        (note.fingerprint == fingerprint(token)).then_some(note)
    }

    /// Notes that a token is dead. A note that cannot be written is no reason to fail.
    pub fn quarantine(&self, token: &RefreshToken, failure: &Failure, now: SystemTime) {
        let seconds = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |d| d.as_secs());
        let note = Quarantine {
            fingerprint: fingerprint(token),
            class: failure.class_name().to_owned(),
            code: failure.code.clone(),
            at: i64::try_from(seconds)
                .ok()
                .and_then(|s| jiff::Timestamp::from_second(s).ok())
                .map(|t| t.to_string()),
        };
        let Ok(text) = serde_json::to_vec(&note) else {
            return;
        };
        let _ = Reserved::create(&self.beside("quarantine"), 0, Fuse::never())
            .and_then(|file| file.commit(&text));
    }

    /// Forgets any dead token.
    pub fn clear_quarantine(&self) {
        let _ = std::fs::remove_file(self.beside("quarantine"));
    }
}
