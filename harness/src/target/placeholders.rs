//! `{placeholders}` in target files.

use std::collections::BTreeMap;

use crate::file_error::suggestion;

/// Every name a target file may use.
pub const KNOWN: [&str; 20] = [
    "home",
    "work",
    "origin",
    "issuer",
    "chatgpt_base_url",
    "base_url",
    "api_base_url",
    "access_token",
    "ca",
    "ca_bundle",
    "proxy",
    "flow",
    "store",
    "tools",
    "platform",
    "prompt",
    "prompts",
    "model",
    "idle_timeout_ms",
    "loginproof",
];

/// Values for placeholders. Names outside this set stay as they are written.
#[derive(Clone, Debug)]
pub struct Placeholders(BTreeMap<&'static str, String>);

/// What holds everywhere.
impl Default for Placeholders {
    fn default() -> Self {
        Self(BTreeMap::new()).with("platform", platform())
    }
}

/// This machine's platform as npm packages name it: `linux-x64`, `darwin-arm64`.
fn platform() -> String {
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let processor = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{system}-{processor}")
}

impl Placeholders {
    /// Gives a name its value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        debug_assert!(KNOWN.contains(&name), "{name}");
        self.0.insert(name, value.into());
        self
    }

    /// Whether every placeholder in the text has a value.
    #[must_use]
    pub fn suffice_for(&self, text: &str) -> bool {
        used(text).all(|name| self.0.contains_key(name))
    }

    /// The variables of an environment, filled. One that asks for what has no value here is left out.
    #[must_use]
    pub fn fill_env(&self, env: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        env.iter()
            .filter(|(_, value)| self.suffice_for(value))
            .map(|(name, value)| (name.clone(), self.fill(value)))
            .collect()
    }

    /// The text with every known placeholder filled. JSON and TOML braces that hold no known name stay.
    #[must_use]
    pub fn fill(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find('{') {
            filled.push_str(&rest[..start]);
            rest = &rest[start..];
            let value = rest
                .find('}')
                .and_then(|end| self.0.get(&rest[1..end]).map(|value| (end, value)));
            match value {
                Some((end, value)) => {
                    filled.push_str(value);
                    rest = &rest[end + 1..];
                }
                None => {
                    filled.push('{');
                    rest = &rest[1..];
                }
            }
        }
        filled.push_str(rest);
        filled
    }
}

/// Names in a text for which there is a placeholder, in order.
pub fn used(text: &str) -> impl Iterator<Item = &'static str> + '_ {
    text.split('{').skip(1).filter_map(|rest| {
        let word = &rest[..rest.find('}')?];
        KNOWN.into_iter().find(|known| *known == word)
    })
}

/// Words in braces that look like a placeholder but are none, each with the name that was probably meant.
pub fn unknown(text: &str) -> impl Iterator<Item = (&str, Option<&'static str>)> {
    text.split('{').skip(1).filter_map(|rest| {
        let word = &rest[..rest.find('}')?];
        let shaped = !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        (shaped && !KNOWN.contains(&word)).then(|| (word, suggestion(word, KNOWN)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_are_filled_and_other_braces_stay() {
        let values = Placeholders::default()
            .with("home", "/h")
            .with("prompt", "{home}");
        assert_eq!(
            values.fill(r#"{home}/x {"a":{prompt}} {nobody} {"#),
            r#"/h/x {"a":{home}} {nobody} {"#
        );
    }

    #[test]
    fn a_variable_without_its_value_is_left_out() {
        let values = Placeholders::default().with("home", "/h");
        let env = [("A", "{home}/a"), ("B", "{proxy}"), ("C", "{\"c\":1}")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let filled: Vec<_> = values.fill_env(&env).into_values().collect();
        assert_eq!(filled, ["/h/a", "{\"c\":1}"]);
    }

    #[test]
    fn a_misspelt_name_is_found() {
        let found: Vec<_> = unknown("{hom}/{home}/{\"x\": 1}").collect();
        assert_eq!(found, [("hom", Some("home"))]);
    }
}
