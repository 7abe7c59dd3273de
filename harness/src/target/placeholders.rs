//! `{placeholders}` in target files.

use std::collections::BTreeMap;

use crate::file_error::suggestion;

/// Every name a target file may use.
pub const KNOWN: [&str; 13] = [
    "home",
    "work",
    "origin",
    "issuer",
    "chatgpt_base_url",
    "base_url",
    "store",
    "tools",
    "prompt",
    "prompts",
    "model",
    "idle_timeout_ms",
    "loginproof",
];

/// Values for placeholders. Names outside this set stay as they are written.
#[derive(Clone, Debug, Default)]
pub struct Placeholders(BTreeMap<&'static str, String>);

impl Placeholders {
    /// Gives a name its value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        debug_assert!(KNOWN.contains(&name), "{name}");
        self.0.insert(name, value.into());
        self
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
    fn a_misspelt_name_is_found() {
        let found: Vec<_> = unknown("{hom}/{home}/{\"x\": 1}").collect();
        assert_eq!(found, [("hom", Some("home"))]);
    }
}
