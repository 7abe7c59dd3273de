//! The document in the credential file: one account at its root, further ones in `pool`, other providers' tokens in
//! `providers`. Members that this version does not know are kept as they are.

use serde_json::{Map, Value};

use super::format::{Credentials, Exhausted};
use crate::defect::{self, Defect};
use crate::error_body::integer;

/// The version that this client writes.
const VERSION: i64 = 1;

/// The whole document.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Document(Map<String, Value>);

/// Where in the document an account stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Slot {
    /// At the root.
    #[default]
    Root,
    /// In the pool: the entry's `id`, or `#` and its place when it has none.
    Pool(String),
}

impl Document {
    /// A document with these members.
    pub(super) fn of(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// Reads the file's text.
    ///
    /// # Errors
    /// What is wrong with the text, without quoting it.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        if text.iter().all(u8::is_ascii_whitespace) {
            return Err("it is empty".to_owned());
        }
        let document = match serde_json::from_slice::<Value>(text) {
            Ok(Value::Object(document)) => document,
            Ok(_) => return Err("it is not a JSON object".to_owned()),
            Err(error) if error.is_eof() => return Err("it ends in the middle".to_owned()),
            Err(error) => {
                return Err(format!(
                    "it is not JSON at line {} column {}",
                    error.line(),
                    error.column()
                ));
            }
        };
        if let Some(version) = document
            .get("version")
            .and_then(integer)
            .filter(|v| *v > VERSION)
        {
            return Err(format!(
                "it has version {version}, this program knows version {VERSION}"
            ));
        }
        Ok(Self(document))
    }

    /// The file's text.
    pub(super) fn to_text(&self) -> String {
        let mut document = Map::new();
        document.insert("version".to_owned(), VERSION.into());
        document.extend(self.0.clone());
        let mut text = serde_json::to_string_pretty(&Value::Object(document))
            .expect("a JSON value can be written");
        text.push('\n');
        text
    }

    /// The account in this place.
    ///
    /// # Errors
    /// What is wrong with it, without quoting it.
    pub(super) fn account(&self, slot: &Slot) -> Result<Option<Credentials>, String> {
        match slot {
            Slot::Root => Credentials::of_entry(&self.0, Slot::Root),
            Slot::Pool(_) => self
                .pool()
                .find(|(found, _)| found == slot)
                .map_or(Ok(None), |(slot, entry)| Credentials::of_entry(entry, slot)),
        }
    }

    /// All accounts in order, the one at the root first. Entries that cannot be read are left out, and so are those
    /// that repeat a refresh token.
    pub(super) fn accounts(&self) -> Result<Vec<Credentials>, String> {
        let mut accounts: Vec<Credentials> = self.account(&Slot::Root)?.into_iter().collect();
        for (slot, entry) in self.pool() {
            let Ok(Some(account)) = Credentials::of_entry(entry, slot) else {
                continue;
            };
            let same = |known: &Credentials| {
                (known.access == account.access && known.refresh == account.refresh)
                    || (defect::active(Defect::UsersOfAWorkspaceMerged)
                        && known.same_account(&account))
            };
            if !accounts.iter().any(same) {
                accounts.push(account);
            }
        }
        Ok(accounts)
    }

    /// Puts an account in its place, which is made when it is not there.
    pub(super) fn put(&mut self, account: &Credentials) {
        match &account.slot {
            _ if defect::active(Defect::OnePairForAllAccounts) => account.write_into(&mut self.0),
            Slot::Root => account.write_into(&mut self.0),
            Slot::Pool(key) => {
                let place = self.pool().position(|(slot, _)| slot == account.slot);
                let pool = self
                    .0
                    .entry("pool")
                    .or_insert_with(|| Value::Array(Vec::new()));
                if !pool.is_array() {
                    *pool = Value::Array(Vec::new());
                }
                let Some(list) = pool.as_array_mut() else {
                    return;
                };
                // The place counts the objects only.
                let mut entries = list.iter_mut().filter_map(Value::as_object_mut);
                if let Some(entry) = place.and_then(|n| entries.nth(n)) {
                    return account.write_into(entry);
                }
                let mut entry = Map::new();
                entry.insert("id".to_owned(), key.as_str().into());
                account.write_into(&mut entry);
                list.push(Value::Object(entry));
            }
        }
    }

    /// Notes that an account is of no use for a while. Whether it is there.
    pub(super) fn exhaust(&mut self, slot: &Slot, exhausted: &Exhausted) -> bool {
        let place = self.pool().position(|(found, _)| found == *slot);
        let entry = match slot {
            Slot::Root => Some(&mut self.0),
            Slot::Pool(_) => place.and_then(|n| {
                let pool = self.0.get_mut("pool")?.as_array_mut()?;
                // The place counts the objects only.
                pool.iter_mut().filter_map(Value::as_object_mut).nth(n)
            }),
        };
        entry.map(|entry| exhausted.write_into(entry)).is_some()
    }

    /// The tokens of a provider other than ChatGPT.
    pub(super) fn provider(&self, name: &str) -> Option<&Map<String, Value>> {
        self.0.get("providers")?.get(name)?.as_object()
    }

    /// The names of the other providers that there are tokens of.
    pub(super) fn provider_names(&self) -> impl Iterator<Item = &str> {
        let providers = self.0.get("providers").and_then(Value::as_object);
        providers
            .into_iter()
            .flatten()
            .filter(|(_, value)| value.is_object())
            .map(|(name, _)| name.as_str())
    }

    /// Puts the tokens of another provider in their place.
    pub(super) fn put_provider(&mut self, name: &str, tokens: Map<String, Value>) {
        let providers = self
            .0
            .entry("providers")
            .or_insert_with(|| Map::new().into());
        if !providers.is_object() {
            *providers = Map::new().into();
        }
        if let Some(providers) = providers.as_object_mut() {
            providers.insert(name.to_owned(), tokens.into());
        }
    }

    fn pool(&self) -> impl Iterator<Item = (Slot, &Map<String, Value>)> {
        let entries = self.0.get("pool").and_then(Value::as_array);
        entries
            .into_iter()
            .flatten()
            .enumerate()
            .filter_map(|(n, entry)| {
                let entry = entry.as_object()?;
                let id = entry.get("id").and_then(Value::as_str);
                let key = id.map_or_else(|| format!("#{n}"), str::to_owned);
                Some((Slot::Pool(key), entry))
            })
    }
}
