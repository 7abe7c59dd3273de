//! One account in the credential file. Members that this version does not know are kept as they are.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use super::document::{Document, Slot};
use crate::defect::{self, Defect};
use crate::error_body::integer;
use crate::oauth::jwt::Claims;
use crate::oauth::token::Grant;
use crate::oauth::{AccessToken, IdToken, RefreshToken};

/// Tokens with all that stands around them in the file.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The access token.
    pub access: AccessToken,
    /// The refresh token; empty when the file has none.
    pub refresh: RefreshToken,
    /// The id token.
    pub id: Option<IdToken>,
    /// The account as the file names it.
    pub stored_account: Option<String>,
    /// When the access token expires, as the file says.
    pub stored_expiry: Option<SystemTime>,
    /// When tokens were last renewed.
    pub last_refresh: Option<SystemTime>,
    /// Where in the file they stand.
    pub slot: Slot,
    /// Until when the account is of no use to ask with, as the file says.
    pub exhausted: Option<Exhausted>,
    /// Whether they are of a sign-in that the file does not know yet.
    new: bool,
    /// What stands around them in their place.
    entry: Map<String, Value>,
}

impl Credentials {
    /// Credentials that stand in no file yet, renewed now.
    pub fn new(access: AccessToken, refresh: RefreshToken) -> Self {
        Self {
            access,
            refresh,
            id: None,
            stored_account: None,
            stored_expiry: None,
            last_refresh: Some(SystemTime::now()),
            slot: Slot::Root,
            exhausted: None,
            new: true,
            entry: Map::new(),
        }
    }

    /// The same credentials without what stood around them: as of a new sign-in.
    pub fn alone(&self) -> Self {
        Self {
            id: self.id.clone(),
            stored_account: self.account_id(),
            stored_expiry: self.stored_expiry,
            last_refresh: self.last_refresh,
            ..Self::new(self.access.clone(), self.refresh.clone())
        }
    }

    /// Credentials of a fresh sign-in. In the file, members beside the tokens stay, members within them belong to the
    /// old sign-in.
    pub fn signed_in(grant: &Grant, now: SystemTime) -> Self {
        let refresh = grant
            .refresh
            .clone()
            .unwrap_or_else(|| RefreshToken::new(""));
        Self {
            id: grant.id.clone(),
            stored_account: match grant.account_id() {
                Some(_) if defect::active(Defect::OrganizationStored) => {
                    Some("org-loginproof".to_owned())
                }
                account => account,
            },
            stored_expiry: grant.expires_at,
            last_refresh: Some(now),
            ..Self::new(grant.access.clone(), refresh)
        }
    }

    /// The same credentials after a refresh: what the answer leaves out keeps its value.
    pub fn renewed(&self, grant: &Grant, now: SystemTime) -> Self {
        Self {
            access: grant.access.clone(),
            // RFC 6749 §6: a new refresh token replaces the old one, no new one leaves it in force.
            refresh: match &grant.refresh {
                Some(_) if defect::active(Defect::OldRefreshTokenKept) => self.refresh.clone(),
                Some(new) => new.clone(),
                None if defect::active(Defect::RefreshTokenLost) => RefreshToken::new(""),
                None => self.refresh.clone(),
            },
            id: grant.id.clone().or_else(|| self.id.clone()),
            stored_account: self.stored_account.clone().or_else(|| grant.account_id()),
            // An expiry that belonged to the old token must not outlive it.
            stored_expiry: grant.expires_at,
            last_refresh: Some(now),
            slot: self.slot.clone(),
            exhausted: self.exhausted.clone(),
            new: self.new,
            entry: self.entry.clone(),
        }
    }

    /// Reads the file's text. `Ok(None)` when it is a document without tokens.
    ///
    /// # Errors
    /// What is wrong with the text, without quoting it.
    pub fn parse(text: &[u8]) -> Result<Option<Self>, String> {
        Document::parse(text)?.account(&Slot::Root)
    }

    /// Reads one account: an object with `tokens`, or (in a pool that another program wrote) with the tokens themselves.
    pub(super) fn of_entry(entry: &Map<String, Value>, slot: Slot) -> Result<Option<Self>, String> {
        let tokens = match entry.get("tokens") {
            Some(Value::Object(tokens)) => tokens,
            None if slot != Slot::Root => entry,
            None | Some(Value::Null) => return Ok(None),
            Some(_) => return Err("its member tokens is not an object".to_owned()),
        };
        let text = |name: &str| {
            tokens
                .get(name)
                .and_then(Value::as_str)
                .filter(|s| !s.is_empty())
        };
        let access = text("access_token").unwrap_or_default();
        let refresh = text("refresh_token").unwrap_or_default();
        if access.is_empty() && refresh.is_empty() {
            return Ok(None);
        }
        let seconds = |value: &Value| {
            integer(value)
                .and_then(|s| u64::try_from(s).ok())
                .map(Duration::from_secs)
        };
        let expiry = entry
            .get("expires_at")
            .and_then(seconds)
            .and_then(|s| SystemTime::UNIX_EPOCH.checked_add(s));
        let refreshed = entry
            .get("last_refresh")
            .and_then(Value::as_str)
            .and_then(|t| t.parse::<jiff::Timestamp>().ok());
        Ok(Some(Self {
            access: AccessToken::new(access),
            refresh: RefreshToken::new(refresh),
            id: text("id_token").map(IdToken::new),
            stored_account: text("account_id").map(str::to_owned),
            stored_expiry: expiry,
            last_refresh: refreshed.map(SystemTime::from),
            slot,
            exhausted: Exhausted::read(entry),
            new: false,
            entry: entry.clone(),
        }))
    }

    /// The text of a file that holds these credentials and what stood around them.
    pub fn to_text(&self) -> String {
        self.to_document().to_text()
    }

    /// A document that holds nothing but these credentials and what stood around them.
    pub(super) fn to_document(&self) -> Document {
        let mut document = Document::default();
        if self.slot == Slot::Root {
            document = Document::of(self.entry.clone());
        }
        document.put(self);
        document
    }

    /// Puts tokens and times into their place; what stands beside them stays.
    pub(super) fn write_into(&self, entry: &mut Map<String, Value>) {
        // Members within the tokens go with the sign-in that they came with.
        let mut tokens = match self.entry.get("tokens") {
            Some(Value::Object(tokens)) => tokens.clone(),
            _ => Map::new(),
        };
        let optional = |text: Option<&str>| text.map_or(Value::Null, Value::from);
        tokens.insert("access_token".to_owned(), self.access.expose().into());
        tokens.insert("refresh_token".to_owned(), self.refresh.expose().into());
        tokens.insert(
            "id_token".to_owned(),
            optional(self.id.as_ref().map(IdToken::expose)),
        );
        tokens.insert(
            "account_id".to_owned(),
            optional(self.stored_account.as_deref()),
        );
        // Tokens that stood without a `tokens` around them must not stay behind.
        if self.slot != Slot::Root && !entry.contains_key("tokens") {
            for name in ["access_token", "refresh_token", "id_token", "account_id"] {
                entry.shift_remove(name);
            }
        }
        entry.insert("tokens".to_owned(), tokens.into());
        if self.new && !defect::active(Defect::CooldownOutlivesSignIn) {
            entry.shift_remove(EXHAUSTED);
        }
        let unix = |at: SystemTime| {
            at.duration_since(SystemTime::UNIX_EPOCH)
                .map_or(0, |d| d.as_secs())
        };
        match self.stored_expiry {
            Some(at) => entry.insert("expires_at".to_owned(), unix(at).into()),
            None => entry.shift_remove("expires_at"),
        };
        if let Some(at) = self
            .last_refresh
            .and_then(|at| jiff::Timestamp::from_second(unix(at) as i64).ok())
        {
            entry.insert("last_refresh".to_owned(), at.to_string().into());
        }
    }

    /// The account to name in requests: the claim, because that is what the server compares with; else the file's word.
    pub fn account_id(&self) -> Option<String> {
        let stored = || self.stored_account.clone();
        if defect::active(Defect::StoredAccountTrusted) && self.stored_account.is_some() {
            return stored();
        }
        self.claim(|claims| claims.account_id).or_else(stored)
    }

    /// The person within the account, as far as the tokens say.
    fn user_id(&self) -> Option<String> {
        self.claim(|claims| claims.user_id)
    }

    /// A claim of the id token, or else of the access token.
    fn claim(&self, of: impl Fn(Claims) -> Option<String>) -> Option<String> {
        let read = |token: &str| Claims::read(token).and_then(&of);
        let by_id = self.id.as_ref().and_then(|id| read(id.expose()));
        by_id.or_else(|| read(self.access.expose()))
    }

    /// When the access token expires by the clock of this machine, if that can be known.
    pub fn expires_at(&self) -> Option<SystemTime> {
        let stored = self.stored_expiry;
        // What the answer said is counted by this machine's clock from the start, the claim by the server's.
        let stored = stored.filter(|_| !defect::active(Defect::NewTokenRefreshedAgain));
        stored.or_else(|| {
            let seconds = u64::try_from(Claims::read(self.access.expose())?.expires_at?).ok()?;
            SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
        })
    }

    /// Whether two credentials are of the same person in the same account, as far as both say. A workspace is one account
    /// of several people.
    pub fn same_account(&self, other: &Self) -> bool {
        let same_user = match (self.user_id(), other.user_id()) {
            (Some(one), Some(another)) => {
                one == another || defect::active(Defect::UsersOfAWorkspaceMerged)
            }
            _ => true,
        };
        same_user && self.account_id() == other.account_id()
    }
}

/// Why and until when an account is of no use to ask with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exhausted {
    /// Until then.
    pub until: SystemTime,
    /// The class of the failure.
    pub class: String,
    /// The server's code.
    pub code: Option<String>,
}

/// The member that holds it.
const EXHAUSTED: &str = "exhausted";

impl Exhausted {
    fn read(entry: &Map<String, Value>) -> Option<Self> {
        let stored = entry.get(EXHAUSTED)?;
        let text = |name: &str| stored.get(name).and_then(Value::as_str).map(str::to_owned);
        let until = u64::try_from(stored.get("until").and_then(integer)?).ok()?;
        Some(Self {
            until: SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(until))?,
            class: text("class").unwrap_or_default(),
            code: text("code"),
        })
    }

    pub(super) fn write_into(&self, entry: &mut Map<String, Value>) {
        let until = self.until.duration_since(SystemTime::UNIX_EPOCH);
        let stored = serde_json::json!({
            "until": until.map_or(0, |d| d.as_secs()), "class": self.class, "code": self.code,
        });
        entry.insert(EXHAUSTED.to_owned(), stored);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_that_nobody_knows_survive_a_renewal() {
        let text = r#"{"future":{"a":[1,2.50]},"version":1,"tokens":{"access_token":"a","refresh_token":"r","agent":"x"},"expires_at":5,"z":null}"#;
        let old = Credentials::parse(text.as_bytes()).unwrap().unwrap();
        let grant = Grant {
            access: AccessToken::new("a2"),
            refresh: None,
            id: None,
            expires_at: None,
        };
        let new = old.renewed(&grant, SystemTime::UNIX_EPOCH);
        let value: Value = serde_json::from_str(&new.to_text()).unwrap();
        assert_eq!(value["future"].to_string(), r#"{"a":[1,2.5]}"#);
        assert_eq!(
            (&value["tokens"]["agent"], &value["z"]),
            (&"x".into(), &Value::Null)
        );
        assert_eq!(
            value["tokens"]["refresh_token"], "r",
            "the old refresh token stays in force"
        );
        assert_eq!(
            value.get("expires_at"),
            None,
            "the old token's expiry goes with it"
        );
        assert_eq!(value["last_refresh"], "1970-01-01T00:00:00Z");
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut old = Credentials::new(AccessToken::new("a"), RefreshToken::new("r"));
        old.id = Some(IdToken::new("i"));
        old.stored_account = Some("acct".into());
        old.stored_expiry = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
        let new = Credentials::parse(old.to_text().as_bytes())
            .unwrap()
            .unwrap();
        assert_eq!(
            (new.access, new.refresh, new.id),
            (old.access, old.refresh, old.id)
        );
        assert_eq!(
            (new.stored_account, new.stored_expiry),
            (old.stored_account, old.stored_expiry)
        );
    }

    #[test]
    fn damage_is_described_without_quoting() {
        for (text, words) in [
            ("", "empty"),
            ("{", "ends in the middle"),
            (
                r#"{"tokens":{"access_token":"at_loginproof"#,
                "ends in the middle",
            ),
            (r#"{"tokens":loginproof}"#, "not JSON"),
            (r#"["loginproof"]"#, "not a JSON object"),
            (r#"{"version":9,"tokens":{}}"#, "version 9"),
            (r#"{"tokens":"loginproof"}"#, "not an object"),
        ] {
            let cause = Credentials::parse(text.as_bytes()).unwrap_err();
            assert!(
                cause.contains(words) && !cause.contains("loginproof"),
                "{text}: {cause}"
            );
        }
        assert!(Credentials::parse(b"{}").unwrap().is_none());
    }
}
