//! Where tokens stand in a JSON document: at one place, or in a list of accounts, or both.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use loginproof_mocks::authorization::TokenSet;
use serde_json::Value;

use super::Unit;

/// Where things stand in a credential file.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The file before tokens are put into it.
    file: Value,
    /// Where accounts stand, the one that counts first.
    places: Vec<Place>,
    /// The list holds what comes after the account that counts, which stands at the first place.
    list_goes_on: bool,
}

/// A place for one account, or a list of accounts.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// JSON pointer to it.
    at: String,
    /// How an account looks there.
    shape: Shape,
    /// It is a list; this tells its entries apart, given their number from 0.
    listed: Option<fn(&mut Value, usize)>,
}

/// How one account looks. Pointers start at the account.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    pub access: String,
    pub refresh: Option<String>,
    pub id: Option<String>,
    pub account: Option<String>,
    pub expires: Option<(String, Unit)>,
    pub last_refresh: Option<String>,
    /// What the program thinks of the account: `dead`.
    pub status: Option<String>,
    /// What stands in it besides.
    pub template: Value,
}

/// Tokens found in a credential file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredTokens {
    /// Access token; none when absent or empty.
    pub access: Option<String>,
    /// Refresh token; none when absent or empty.
    pub refresh: Option<String>,
    /// Id token; none when absent or empty.
    pub id: Option<String>,
    /// Account id; none when absent or empty.
    pub account: Option<String>,
    /// When the access token expires, as the file says.
    pub expires: Option<SystemTime>,
    /// What the program thinks of the account, in its own word: `ok`, `exhausted`, `dead`. Pools only.
    pub status: Option<String>,
}

impl Layout {
    /// Accounts stand at these places of such a file; the first place is the one that is seeded.
    pub(super) fn new(file: Value, places: impl IntoIterator<Item = Place>) -> Self {
        Self {
            file,
            places: places.into_iter().collect(),
            list_goes_on: false,
        }
    }

    /// Of several accounts, only those after the first stand in the list.
    pub(super) fn with_list_that_goes_on(mut self) -> Self {
        self.list_goes_on = true;
        self
    }

    /// The credential file that holds these tokens, as a person's program would have written it.
    #[must_use]
    pub fn seed(&self, tokens: &TokenSet, last_refresh: Duration) -> Value {
        let mut file = self.file.clone();
        if let Some(place) = self.places.first() {
            place.put(&mut file, std::slice::from_ref(tokens), last_refresh);
        }
        file
    }

    /// The credential file that holds these accounts, in this order. None when it has place for one only.
    #[must_use]
    pub fn seed_pool(&self, accounts: &[TokenSet], last_refresh: Duration) -> Option<Value> {
        let list = self.places.iter().find(|place| place.listed.is_some())?;
        let (mut file, mut listed) = (self.file.clone(), accounts);
        if let (true, Some((first, rest))) = (self.list_goes_on, accounts.split_first()) {
            (file, listed) = (self.seed(first, last_refresh), rest);
        }
        list.put(&mut file, listed, last_refresh);
        Some(file)
    }

    /// Whether there is place for several accounts.
    #[must_use]
    pub fn holds_several(&self) -> bool {
        self.places.iter().any(|place| place.listed.is_some())
    }

    /// Puts another pair of the same account into an existing file, leaving everything else as it is. Where several
    /// accounts are kept, the pair's is known by the claim in its access token; when none is, the first is meant.
    pub fn replace(&self, file: &mut Value, tokens: &TokenSet) {
        let stored = self.stored(file);
        let account = Some(tokens.account_id.as_str());
        let same = |(_, _, old): &&(String, &Shape, StoredTokens)| {
            let claimed = old.access.as_deref().and_then(claimed_account);
            old.account.as_deref().or(claimed.as_deref()) == account
        };
        let Some((_, _, old)) = stored.iter().find(same).or(stored.first()) else {
            if let Some(place) = self.places.first() {
                place.put(file, std::slice::from_ref(tokens), Duration::ZERO);
            }
            return;
        };
        // A pool may mirror an account that stands elsewhere in the file.
        let mirrors = |other: &StoredTokens| {
            other == old || (old.refresh.is_some() && other.refresh == old.refresh)
        };
        for (at, shape, _) in stored.iter().filter(|(_, _, other)| mirrors(other)) {
            shape.write(file, at, tokens, Duration::ZERO);
        }
    }

    /// The tokens of the account that counts; none when it is not JSON. Empty when nobody is signed in.
    #[must_use]
    pub fn read(&self, bytes: &[u8]) -> Option<StoredTokens> {
        Some(self.entries(bytes)?.into_iter().next().unwrap_or_default())
    }

    /// The accounts in a file's bytes, in order, each once; none when it is not JSON. One without tokens is left out.
    #[must_use]
    pub fn entries(&self, bytes: &[u8]) -> Option<Vec<StoredTokens>> {
        let file: Value = serde_json::from_slice(bytes).ok()?;
        let mut entries: Vec<StoredTokens> = Vec::new();
        for (_, _, tokens) in self.stored(&file) {
            let pair = |entry: &StoredTokens| (entry.access.clone(), entry.refresh.clone());
            if !entries.iter().any(|entry| pair(entry) == pair(&tokens)) {
                entries.push(tokens);
            }
        }
        Some(entries)
    }

    /// Whether a file's bytes hold no tokens, in any of the accounts.
    #[must_use]
    pub fn signed_out(&self, bytes: &[u8]) -> bool {
        self.entries(bytes).is_none_or(|entries| entries.is_empty())
    }

    /// Accounts with tokens: where, how, and what.
    fn stored<'a>(&'a self, file: &Value) -> Vec<(String, &'a Shape, StoredTokens)> {
        let mut stored = Vec::new();
        for place in &self.places {
            let found = file.pointer(&place.at);
            let accounts: Vec<(String, &Value)> = match (place.listed, found) {
                (_, None) => Vec::new(),
                (None, Some(account)) => vec![(place.at.clone(), account)],
                (Some(_), Some(list)) => {
                    let list = list.as_array().into_iter().flatten().enumerate();
                    list.map(|(number, account)| (format!("{}/{number}", place.at), account))
                        .collect()
                }
            };
            for (at, account) in accounts {
                let tokens = place.shape.read(account);
                if tokens.access.is_some() || tokens.refresh.is_some() {
                    stored.push((at, &place.shape, tokens));
                }
            }
        }
        stored
    }
}

impl Place {
    /// A place for one account.
    pub(super) fn one(at: impl Into<String>, shape: Shape) -> Self {
        Self {
            at: at.into(),
            shape,
            listed: None,
        }
    }

    /// A list of accounts; `number` writes into each what tells it apart.
    pub(super) fn list(at: impl Into<String>, shape: Shape, number: fn(&mut Value, usize)) -> Self {
        Self {
            at: at.into(),
            shape,
            listed: Some(number),
        }
    }

    fn put(&self, file: &mut Value, accounts: &[TokenSet], last_refresh: Duration) {
        let Some(number) = self.listed else {
            if let Some(tokens) = accounts.first() {
                if let Value::Object(template) = &self.shape.template {
                    for (key, value) in template {
                        set(file, &format!("{}/{key}", self.at), value.clone());
                    }
                }
                self.shape.write(file, &self.at, tokens, last_refresh);
            }
            return;
        };
        let entries = accounts.iter().enumerate().map(|(index, tokens)| {
            let mut entry = self.shape.template.clone();
            number(&mut entry, index);
            self.shape.write(&mut entry, "", tokens, last_refresh);
            entry
        });
        set(file, &self.at, entries.collect());
    }
}

impl Shape {
    /// Every pointer there is.
    pub(super) fn pointers(&self) -> impl Iterator<Item = &str> {
        let optional = [
            &self.refresh,
            &self.id,
            &self.account,
            &self.last_refresh,
            &self.status,
        ];
        let expires = self.expires.iter().map(|(pointer, _)| pointer);
        std::iter::once(&self.access)
            .chain(optional.into_iter().flatten())
            .chain(expires)
            .map(String::as_str)
    }

    /// Writes tokens into the account at a place of the file.
    fn write(&self, file: &mut Value, at: &str, tokens: &TokenSet, last_refresh: Duration) {
        let mut put = |pointer: &str, value: Value| set(file, &format!("{at}{pointer}"), value);
        put(&self.access, tokens.access_token.clone().into());
        let optional = [
            (&self.refresh, &tokens.refresh_token),
            (&self.id, &tokens.id_token),
            (&self.account, &tokens.account_id),
        ];
        for (pointer, value) in optional {
            if let Some(pointer) = pointer {
                put(pointer, value.clone().into());
            }
        }
        if let Some((pointer, unit)) = &self.expires {
            put(pointer, unit.write(tokens.expires_at));
        }
        if let Some(pointer) = &self.last_refresh {
            put(
                pointer,
                Unit::Rfc3339.write(SystemTime::now() - last_refresh),
            );
        }
    }

    fn read(&self, account: &Value) -> StoredTokens {
        let text = |pointer: Option<&String>| {
            let text = account.pointer(pointer?)?.as_str()?;
            (!text.is_empty()).then(|| text.to_owned())
        };
        StoredTokens {
            access: text(Some(&self.access)),
            refresh: text(self.refresh.as_ref()),
            id: text(self.id.as_ref()),
            account: text(self.account.as_ref()),
            expires: self
                .expires
                .as_ref()
                .and_then(|(pointer, unit)| unit.read(account.pointer(pointer)?)),
            status: text(self.status.as_ref()),
        }
    }
}

impl Unit {
    fn write(self, at: SystemTime) -> Value {
        let since = at
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        match self {
            Self::S => since.as_secs().into(),
            Self::Ms => (since.as_secs() * 1000).into(),
            Self::Rfc3339 => {
                let time = jiff::Timestamp::try_from(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
                time.to_string().into()
            }
        }
    }

    fn read(self, value: &Value) -> Option<SystemTime> {
        let since = match self {
            Self::S => Duration::try_from_secs_f64(value.as_f64()?).ok()?,
            Self::Ms => Duration::try_from_secs_f64(value.as_f64()? / 1000.0).ok()?,
            Self::Rfc3339 => {
                let time: jiff::Timestamp = value.as_str()?.parse().ok()?;
                return Some(time.into());
            }
        };
        SystemTime::UNIX_EPOCH.checked_add(since)
    }
}

/// The account that a ChatGPT access token names in its claims.
fn claimed_account(token: &str) -> Option<String> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    let account = claims.pointer("/https:~1~1api.openai.com~1auth/chatgpt_account_id")?;
    account.as_str().map(str::to_owned)
}

/// Sets the value at a JSON pointer, making objects on the way. A list index must exist.
pub fn set(root: &mut Value, pointer: &str, value: Value) {
    let mut place = root;
    for part in pointer.split('/').skip(1) {
        let key = part.replace("~1", "/").replace("~0", "~");
        let listed = place
            .as_array()
            .and_then(|list| key.parse().ok().filter(|index: &usize| *index < list.len()));
        place = match listed {
            Some(index) => &mut place[index],
            None => {
                if !place.is_object() {
                    *place = Value::Object(serde_json::Map::new());
                }
                &mut place[key]
            }
        };
    }
    *place = value;
}
