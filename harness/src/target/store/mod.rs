//! Credential files: where tokens stand in them, how they are seeded and read. One file per known format.

mod claude;
mod codex;
mod gemini;
mod hermes;
mod layout;
mod opencode;
mod pi;
mod qwen;
mod reference;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

pub use layout::{Layout, StoredTokens, set};
use layout::{Place, Shape};

/// The `[store]` table of a target file: a known `format`, or JSON pointers.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct StoreFile {
    /// The credential file, with placeholders.
    pub path: String,
    /// Further files of the program that hold the same tokens: where it shares them between profiles, say. They are
    /// no leak, and nothing else is asked of them.
    pub also: Vec<String>,
    /// `codex`, `hermes`, `hermes-pool`, `opencode`, `pi`, `claude`, `gemini`, `qwen`, `loginproof`, or `pointers`
    /// (the same as none).
    pub format: Option<String>,
    /// Whose tokens, in a file that holds those of several providers. Default for `hermes`, `hermes-pool` and `pi`:
    /// `openai-codex`; for `opencode`: `openai`; for `loginproof`: the tokens at its root.
    pub provider: Option<String>,
    /// JSON pointer to the access token: `/tokens/access_token`.
    pub access: Option<String>,
    /// JSON pointer to the refresh token, if the file holds one.
    pub refresh: Option<String>,
    /// JSON pointer to the id token, if the file holds one.
    pub id: Option<String>,
    /// JSON pointer to the account id, if the file holds one.
    pub account: Option<String>,
    /// JSON pointer to the expiry.
    pub expires: Option<String>,
    /// Unit of `expires`: `s` (default) or `ms` since 1970, or `rfc3339`.
    pub expires_unit: Option<Unit>,
    /// JSON pointer to the time of the last refresh, RFC 3339.
    pub last_refresh: Option<String>,
    /// JSON text that the seeded file starts from.
    pub template: Option<String>,
}

/// How an expiry is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Seconds since 1970.
    #[default]
    S,
    /// Milliseconds since 1970.
    Ms,
    /// A text, RFC 3339.
    Rfc3339,
}

/// The known formats.
const FORMATS: [Format; 9] = [
    Format::one("codex", codex::layout),
    Format::several("hermes", "openai-codex", hermes::layout),
    Format::several("hermes-pool", "openai-codex", hermes::pool),
    Format::several("opencode", "openai", opencode::layout),
    Format::several("pi", "openai-codex", pi::layout),
    Format::one("claude", claude::layout),
    Format::one("gemini", gemini::layout),
    Format::one("qwen", qwen::layout),
    Format::several("loginproof", "", reference::layout),
];

/// A format by name.
struct Format {
    name: &'static str,
    providers: Providers,
    /// Its shape for the tokens of a provider.
    layout: fn(&str) -> Layout,
}

impl Format {
    const fn one(name: &'static str, layout: fn(&str) -> Layout) -> Self {
        let providers = Providers::One;
        Self {
            name,
            providers,
            layout,
        }
    }

    const fn several(
        name: &'static str,
        default: &'static str,
        layout: fn(&str) -> Layout,
    ) -> Self {
        let providers = Providers::Several(default);
        Self {
            name,
            providers,
            layout,
        }
    }
}

/// Whose tokens a format holds.
#[derive(Clone, Copy)]
enum Providers {
    /// Those of one provider.
    One,
    /// Those of several; this one is meant when none is named.
    Several(&'static str),
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
        let name = match (self.format.as_deref(), pointers) {
            (None | Some("pointers"), _) => return self.described(),
            (Some(_), true) => {
                return Err("[store] takes either `format` or JSON pointers, not both".to_owned());
            }
            (Some(name), false) => name,
        };
        let Some(format) = FORMATS.iter().find(|known| known.name == name) else {
            let known = FORMATS.map(|format| format.name).join(", ");
            return Err(format!(
                "`{name}` is no known store format; known are {known}, pointers"
            ));
        };
        match (format.providers, self.provider.as_deref()) {
            (Providers::One, None) => Ok((format.layout)("")),
            (Providers::One, Some(_)) => Err(format!(
                "a file of the format `{name}` holds the tokens of one provider: leave out `provider`"
            )),
            (Providers::Several(default), provider) => {
                Ok((format.layout)(provider.unwrap_or(default)))
            }
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
            also: self.also.clone(),
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
        let Some(access) = self.access.clone() else {
            return Err("[store] needs `format`, or JSON pointers: `access` is missing".to_owned());
        };
        if self.provider.is_some() {
            return Err("`provider` is for a known `format`".to_owned());
        }
        let expires = self.expires.clone();
        let shape = Shape {
            access,
            refresh: self.refresh.clone(),
            id: self.id.clone(),
            account: self.account.clone(),
            expires: expires.map(|pointer| (pointer, self.expires_unit.unwrap_or_default())),
            last_refresh: self.last_refresh.clone(),
            ..Shape::default()
        };
        if let Some(pointer) = shape.pointers().find(|pointer| !pointer.starts_with('/')) {
            return Err(format!(
                "`{pointer}` is not a JSON pointer: it starts with `/`"
            ));
        }
        let template = self.template.as_deref().unwrap_or("{}");
        let file: Value = serde_json::from_str(template)
            .map_err(|error| format!("`template` is not JSON: {error}"))?;
        Ok(Layout::new(file, [Place::one("", shape)]))
    }
}

#[cfg(test)]
mod tests;
