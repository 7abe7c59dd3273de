//! Credential files: where tokens stand in them, how they are seeded and read. One file per known format.

mod codex;
mod reference;

use std::time::{Duration, SystemTime};

use loginproof_mocks::authorization::TokenSet;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// The `[store]` table of a target file: a known `format`, or JSON pointers.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct StoreFile {
    /// The credential file, with placeholders.
    pub path: String,
    /// `codex` or `loginproof`.
    pub format: Option<String>,
    /// Whose tokens, in a file that holds those of several providers: `openai-codex`, `nous`.
    pub provider: Option<String>,
    /// JSON pointer to the access token: `/tokens/access_token`.
    pub access: Option<String>,
    /// JSON pointer to the refresh token.
    pub refresh: Option<String>,
    /// JSON pointer to the id token, if the file holds one.
    pub id: Option<String>,
    /// JSON pointer to the account id, if the file holds one.
    pub account: Option<String>,
    /// JSON pointer to the expiry as a number.
    pub expires: Option<String>,
    /// Unit of `expires`: `s` (default) or `ms` since 1970.
    pub expires_unit: Option<Unit>,
    /// JSON pointer to the time of the last refresh, RFC 3339.
    pub last_refresh: Option<String>,
    /// JSON text that the seeded file starts from.
    pub template: Option<String>,
}

/// Unit of an expiry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Seconds since 1970.
    #[default]
    S,
    /// Milliseconds since 1970.
    Ms,
}

/// Where things stand in a credential file.
#[derive(Clone, Debug)]
pub struct Layout {
    access: String,
    refresh: String,
    id: Option<String>,
    account: Option<String>,
    expires: Option<(String, Unit)>,
    last_refresh: Option<String>,
    template: Value,
}

/// Tokens found in a credential file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredTokens {
    /// Access token; none when absent or empty.
    pub access: Option<String>,
    /// Refresh token; none when absent or empty.
    pub refresh: Option<String>,
}

impl StoreFile {
    /// The layout this table describes.
    ///
    /// # Errors
    /// What is missing or contradictory, in words.
    pub fn layout(&self) -> Result<Layout, String> {
        if self.path.is_empty() {
            return Err("[store] needs `path`".to_owned());
        }
        let pointers = self.access.is_some() || self.refresh.is_some() || self.template.is_some();
        match (self.format.as_deref(), pointers) {
            (Some("codex"), false) => Ok(codex::layout()),
            (Some("loginproof"), false) => Ok(reference::layout()),
            (Some(_), true) => {
                Err("[store] takes either `format` or JSON pointers, not both".to_owned())
            }
            (Some(other), false) => Err(format!(
                "`{other}` is no known store format; known are codex, loginproof"
            )),
            (None, _) => self.described(),
        }
    }

    /// This table laid over another: what is given here takes the place of what is given there.
    #[must_use]
    pub fn over(&self, below: &Self) -> Self {
        let path = if self.path.is_empty() {
            below.path.clone()
        } else {
            self.path.clone()
        };
        // Another format, or other pointers, say everything that is to be said of the shape.
        let shape = self.format.is_some() || self.access.is_some();
        let shape = if shape { self } else { below };
        Self {
            path,
            provider: self.provider.clone().or_else(|| below.provider.clone()),
            ..shape.clone()
        }
    }

    /// This table, with the format of this name when it describes none.
    #[must_use]
    pub fn named(&self, name: &str) -> Self {
        let mut store = self.clone();
        if store.format.is_none() && store.access.is_none() {
            store.format = Some(name.to_owned());
        }
        store
    }

    fn described(&self) -> Result<Layout, String> {
        let needed = |value: &Option<String>, name: &str| {
            value.clone().ok_or_else(|| {
                format!("[store] needs `format`, or JSON pointers: `{name}` is missing")
            })
        };
        let template = self.template.as_deref().unwrap_or("{}");
        let layout = Layout {
            access: needed(&self.access, "access")?,
            refresh: needed(&self.refresh, "refresh")?,
            id: self.id.clone(),
            account: self.account.clone(),
            expires: self
                .expires
                .clone()
                .map(|pointer| (pointer, self.expires_unit.unwrap_or_default())),
            last_refresh: self.last_refresh.clone(),
            template: serde_json::from_str(template)
                .map_err(|error| format!("`template` is not JSON: {error}"))?,
        };
        let pointers = [
            Some(&layout.access),
            Some(&layout.refresh),
            layout.id.as_ref(),
            layout.account.as_ref(),
            layout.last_refresh.as_ref(),
        ];
        for pointer in pointers
            .into_iter()
            .flatten()
            .chain(layout.expires.as_ref().map(|(pointer, _)| pointer))
        {
            if !pointer.starts_with('/') {
                return Err(format!(
                    "`{pointer}` is not a JSON pointer: it starts with `/`"
                ));
            }
        }
        Ok(layout)
    }
}

impl Layout {
    /// The credential file that holds these tokens, as a person's program would have written it.
    #[must_use]
    pub fn seed(&self, tokens: &TokenSet, last_refresh: Duration) -> Value {
        let mut file = self.template.clone();
        set(&mut file, &self.access, tokens.access_token.clone().into());
        set(
            &mut file,
            &self.refresh,
            tokens.refresh_token.clone().into(),
        );
        if let Some(pointer) = &self.id {
            set(&mut file, pointer, tokens.id_token.clone().into());
        }
        if let Some(pointer) = &self.account {
            set(&mut file, pointer, tokens.account_id.clone().into());
        }
        if let Some((pointer, unit)) = &self.expires {
            let since = tokens
                .expires_at
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default();
            let seconds = since.as_secs();
            set(
                &mut file,
                pointer,
                if *unit == Unit::Ms {
                    seconds * 1000
                } else {
                    seconds
                }
                .into(),
            );
        }
        if let Some(pointer) = &self.last_refresh {
            let time = jiff::Timestamp::try_from(SystemTime::now() - last_refresh)
                .unwrap_or(jiff::Timestamp::UNIX_EPOCH);
            set(&mut file, pointer, time.to_string().into());
        }
        file
    }

    /// Puts another pair into an existing file, leaving everything else as it is.
    pub fn replace(&self, file: &mut Value, tokens: &TokenSet) {
        let fresh = self.seed(tokens, Duration::ZERO);
        let optional = [
            self.id.as_ref(),
            self.account.as_ref(),
            self.last_refresh.as_ref(),
        ];
        let pointers = [&self.access, &self.refresh]
            .into_iter()
            .chain(optional.into_iter().flatten());
        for pointer in pointers.chain(self.expires.as_ref().map(|(pointer, _)| pointer)) {
            if let Some(value) = fresh.pointer(pointer) {
                set(file, pointer, value.clone());
            }
        }
    }

    /// The tokens in a file's bytes; none when it is not JSON.
    #[must_use]
    pub fn read(&self, bytes: &[u8]) -> Option<StoredTokens> {
        let file: Value = serde_json::from_slice(bytes).ok()?;
        let text = |pointer: &str| {
            file.pointer(pointer)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        Some(StoredTokens {
            access: text(&self.access),
            refresh: text(&self.refresh),
        })
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> TokenSet {
        TokenSet {
            access_token: "loginproof-access".into(),
            refresh_token: "loginproof-refresh".into(),
            id_token: "loginproof-id".into(),
            account_id: "loginproof-account".into(),
            expires_at: SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000),
        }
    }

    #[test]
    fn every_known_format_reads_back_what_it_seeds() {
        for format in ["codex", "loginproof"] {
            let store = StoreFile {
                path: "x".into(),
                format: Some(format.into()),
                ..StoreFile::default()
            };
            let layout = store.layout().unwrap();
            let file = layout.seed(&tokens(), Duration::from_secs(60));
            let read = layout.read(file.to_string().as_bytes()).unwrap();
            assert_eq!(
                read.access.as_deref(),
                Some("loginproof-access"),
                "{format}"
            );
            assert_eq!(
                read.refresh.as_deref(),
                Some("loginproof-refresh"),
                "{format}"
            );
        }
    }

    #[test]
    fn replacing_a_pair_keeps_what_else_is_in_the_file() {
        let store = StoreFile {
            path: "x".into(),
            format: Some("codex".into()),
            ..StoreFile::default()
        };
        let layout = store.layout().unwrap();
        let mut file = layout.seed(&tokens(), Duration::ZERO);
        set(&mut file, "/tokens/kept", 1.into());
        layout.replace(
            &mut file,
            &TokenSet {
                access_token: "loginproof-next".into(),
                ..tokens()
            },
        );
        assert_eq!(
            file.pointer("/tokens/access_token"),
            Some(&"loginproof-next".into())
        );
        assert_eq!(file.pointer("/tokens/kept"), Some(&1.into()));
        assert_eq!(file.pointer("/auth_mode"), Some(&"chatgpt".into()));
    }

    #[test]
    fn a_store_without_format_or_pointers_says_what_is_missing() {
        let error = StoreFile {
            path: "x".into(),
            ..StoreFile::default()
        }
        .layout()
        .unwrap_err();
        assert!(error.contains("`access`"), "{error}");
        let error = StoreFile {
            path: "x".into(),
            format: Some("kodex".into()),
            ..StoreFile::default()
        }
        .layout()
        .unwrap_err();
        assert!(error.contains("codex, loginproof"), "{error}");
    }
}
