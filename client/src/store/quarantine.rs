//! Remembers, over restarts, that refresh tokens are dead: they are not sent again.
//!
//! The notes stand in a file of their own and hold fingerprints, not tokens. Each speaks of one token only: as soon as
//! the credential file holds another in its place, it means nothing.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Store;
use super::atomic_write::{Fuse, Reserved};
use crate::defect::{self, Defect};
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
    /// Not even the access token beside it is taken any more.
    #[serde(default)]
    whole_account: bool,
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

/// The file: notes of earlier versions stand alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Notes {
    Many { notes: Vec<Quarantine> },
    One(Quarantine),
}

impl Quarantine {
    /// Whether not even the access token beside it is taken any more.
    pub fn is_of_the_whole_account(&self) -> bool {
        self.whole_account || self.class == "access_revoked"
    }

    /// The failure that put the token here.
    pub fn failure(&self) -> Failure {
        let class = match self.class.as_str() {
            "refresh_reused" => Class::RefreshReused,
            "refresh_expired" => Class::RefreshExpired,
            "refresh_revoked" | "access_revoked" => Class::RefreshRevoked,
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
        if token.is_empty() || defect::active(Defect::DeadTokenSentAgain) {
            return None;
        }
        let wanted = fingerprint(token);
        self.notes()
            .into_iter()
            .find(|note| note.fingerprint == wanted)
    }

    /// Notes that a token is dead. A note that cannot be written is no reason to fail.
    pub fn quarantine(&self, token: &RefreshToken, failure: &Failure, now: SystemTime) {
        self.note(token, failure, false, now);
    }

    /// Notes that a token is dead and that the access token beside it is refused as well.
    pub fn quarantine_account(&self, token: &RefreshToken, failure: &Failure, now: SystemTime) {
        self.note(token, failure, true, now);
    }

    fn note(&self, token: &RefreshToken, failure: &Failure, whole_account: bool, now: SystemTime) {
        if token.is_empty() {
            return;
        }
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
            whole_account,
        };
        let mut notes = self.notes();
        notes.retain(|known| known.fingerprint != note.fingerprint);
        notes.push(note);
        // Tokens that are dead for longer than so many others are in no file any more.
        let surplus = notes.len().saturating_sub(MOST_NOTES);
        notes.drain(..surplus);
        self.write_notes(&notes);
    }

    /// Forgets all dead tokens but those of accounts that are still in the credential file.
    pub fn tidy_quarantine(&self) {
        let kept: Vec<String> = self
            .accounts()
            .unwrap_or_default()
            .iter()
            .map(|account| fingerprint(&account.refresh))
            .collect();
        let mut notes = self.notes();
        notes.retain(|note| kept.contains(&note.fingerprint));
        if notes.is_empty() {
            self.clear_quarantine();
        } else {
            self.write_notes(&notes);
        }
    }

    /// Forgets any dead token.
    pub fn clear_quarantine(&self) {
        let _ = std::fs::remove_file(self.beside("quarantine"));
    }

    fn notes(&self) -> Vec<Quarantine> {
        let text = std::fs::read(self.beside("quarantine")).unwrap_or_default();
        match serde_json::from_slice(&text) {
            Ok(Notes::Many { notes }) => notes,
            Ok(Notes::One(note)) => vec![note],
            Err(_) => Vec::new(),
        }
    }

    fn write_notes(&self, notes: &[Quarantine]) {
        let Ok(text) = serde_json::to_vec(&serde_json::json!({ "notes": notes })) else {
            return;
        };
        let _ = Reserved::create(&self.beside("quarantine"), 0, Fuse::never())
            .and_then(|file| file.commit(&text));
    }
}

/// Notes that are kept at most.
const MOST_NOTES: usize = 64;
