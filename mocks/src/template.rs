//! Placeholders in answers: `{{access_token}}`, `{{unix+3600}}`, `{{large:4096}}`.
//!
//! Braces that do not hold a name are text. Braces that hold an unknown name are an error when the
//! answer is loaded, so that a misspelt one never goes out as it stands.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde_json::Value;

/// The longest text that `{{large:BYTES}}` makes.
const LARGEST: usize = 64 << 20;

/// What a placeholder stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placeholder {
    /// A member of the real server's JSON answer: only it can mint these.
    Minted(&'static str),
    AccountId,
    ResponseId,
    Model,
    Origin,
    RequestRefreshToken,
    RequestAccessToken,
    /// Unix seconds now, plus so many.
    Unix(i64),
    Nth,
    /// So many letters `x`.
    Large(usize),
}

/// What only the real server can fill in.
const MINTED: [&str; 11] = [
    "access_token",
    "refresh_token",
    "id_token",
    "authorization_code",
    "code_verifier",
    "code_challenge",
    "device_auth_id",
    "user_code",
    "device_code",
    "verification_uri",
    "verification_uri_complete",
];

/// Bytes with placeholders in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Bytes(Bytes),
    Placeholder(Placeholder),
}

/// How a value is written where its placeholder stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escape {
    /// As it is.
    None,
    /// As the inside of a JSON string.
    Json,
    /// In a header: line ends and other control characters are left out.
    Header,
}

/// The values of one exchange.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
    /// The real server's JSON answer, if it was asked.
    pub(crate) minted: Option<Value>,
    pub(crate) account_id: String,
    pub(crate) response_id: String,
    pub(crate) model: String,
    pub(crate) origin: String,
    pub(crate) request_refresh_token: String,
    pub(crate) request_access_token: String,
    /// Unix seconds.
    pub(crate) now: i64,
    pub(crate) nth: u32,
}

/// A placeholder that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no placeholder `{{{{{0}}}}}`")]
pub(crate) struct UnknownPlaceholder(pub(crate) String);

/// A placeholder that the real server's answer does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the real server's answer has no `{0}` to fill `{{{{{0}}}}}`")]
pub(crate) struct Unfilled(pub(crate) &'static str);

impl Template {
    /// Finds the placeholders in `bytes`.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, UnknownPlaceholder> {
        let mut pieces = Vec::new();
        let mut text = Vec::new();
        let mut rest = bytes;
        while let Some(at) = find(rest, b"{{") {
            let Some((name, after)) = placeholder_name(&rest[at..]) else {
                // A brace more may still begin a placeholder: `{{{model}}`.
                text.extend_from_slice(&rest[..=at]);
                rest = &rest[at + 1..];
                continue;
            };
            text.extend_from_slice(&rest[..at]);
            let placeholder: Placeholder = name.parse()?;
            if !text.is_empty() {
                pieces.push(Piece::Bytes(std::mem::take(&mut text).into()));
            }
            pieces.push(Piece::Placeholder(placeholder));
            rest = &rest[at + after..];
        }
        text.extend_from_slice(rest);
        if !text.is_empty() {
            pieces.push(Piece::Bytes(text.into()));
        }
        Ok(Self { pieces })
    }

    /// The placeholders, in order.
    pub(crate) fn placeholders(&self) -> impl Iterator<Item = Placeholder> + '_ {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Placeholder(placeholder) => Some(*placeholder),
            Piece::Bytes(_) => None,
        })
    }

    /// Writes the values where their placeholders stand.
    pub(crate) fn fill(&self, values: &Values, escape: Escape) -> Result<Bytes, Unfilled> {
        if let [Piece::Bytes(bytes)] = self.pieces.as_slice() {
            return Ok(bytes.clone());
        }
        let mut out = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Bytes(bytes) => out.extend_from_slice(bytes),
                Piece::Placeholder(Placeholder::Large(length)) => {
                    out.resize(out.len() + length, b'x');
                }
                Piece::Placeholder(placeholder) => {
                    let value = values.get(*placeholder)?;
                    out.extend_from_slice(escape.apply(&value).as_bytes());
                }
            }
        }
        Ok(out.into())
    }

    /// A number, when the template is nothing but `{{unix…}}` or `{{nth}}`.
    fn number(&self, values: &Values) -> Option<Value> {
        match self.pieces.as_slice() {
            [Piece::Placeholder(Placeholder::Unix(offset))] => Some((values.now + offset).into()),
            [Piece::Placeholder(Placeholder::Nth)] => Some(values.nth.into()),
            _ => None,
        }
    }
}

/// Fills the placeholders in every string of a JSON value. A string that is nothing but `{{unix…}}`
/// or `{{nth}}` becomes a number.
pub(crate) fn fill_json(value: &Value, values: &Values) -> Result<Value, FillError> {
    Ok(match value {
        Value::String(text) if text.contains("{{") => {
            let template = Template::parse(text.as_bytes())?;
            match template.number(values) {
                Some(number) => number,
                None => {
                    let bytes = template.fill(values, Escape::None)?;
                    Value::String(String::from_utf8_lossy(&bytes).into_owned())
                }
            }
        }
        Value::Array(items) => Value::Array(
            items
                .iter()
                .map(|item| fill_json(item, values))
                .collect::<Result<_, _>>()?,
        ),
        Value::Object(members) => {
            let fill =
                |(key, value): (&String, &Value)| Ok((key.clone(), fill_json(value, values)?));
            Value::Object(members.iter().map(fill).collect::<Result<_, FillError>>()?)
        }
        other => other.clone(),
    })
}

/// The placeholders in every string of a JSON value.
pub(crate) fn json_placeholders(value: &Value) -> Result<Vec<Placeholder>, UnknownPlaceholder> {
    let mut found = Vec::new();
    let mut rest = vec![value];
    while let Some(value) = rest.pop() {
        match value {
            Value::String(text) => found.extend(Template::parse(text.as_bytes())?.placeholders()),
            Value::Array(items) => rest.extend(items),
            Value::Object(members) => rest.extend(members.values()),
            _ => {}
        }
    }
    Ok(found)
}

/// Why a value could not be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FillError {
    #[error(transparent)]
    Unknown(#[from] UnknownPlaceholder),
    #[error(transparent)]
    Unfilled(#[from] Unfilled),
}

impl Values {
    fn get(&self, placeholder: Placeholder) -> Result<Cow<'_, str>, Unfilled> {
        Ok(match placeholder {
            Placeholder::Minted(name) => {
                let value = self.minted.as_ref().and_then(|answer| answer.get(name));
                value.and_then(Value::as_str).ok_or(Unfilled(name))?.into()
            }
            Placeholder::AccountId => self.account_id.as_str().into(),
            Placeholder::ResponseId => self.response_id.as_str().into(),
            Placeholder::Model => self.model.as_str().into(),
            Placeholder::Origin => self.origin.as_str().into(),
            Placeholder::RequestRefreshToken => self.request_refresh_token.as_str().into(),
            Placeholder::RequestAccessToken => self.request_access_token.as_str().into(),
            Placeholder::Unix(offset) => (self.now + offset).to_string().into(),
            Placeholder::Nth => self.nth.to_string().into(),
            Placeholder::Large(length) => "x".repeat(length).into(),
        })
    }
}

impl std::str::FromStr for Placeholder {
    type Err = UnknownPlaceholder;

    fn from_str(name: &str) -> Result<Self, UnknownPlaceholder> {
        let unknown = || UnknownPlaceholder(name.to_owned());
        if let Some(minted) = MINTED.iter().find(|minted| **minted == name) {
            return Ok(Self::Minted(minted));
        }
        if let Some(length) = name.strip_prefix("large:") {
            let length: usize = length.parse().map_err(|_| unknown())?;
            return if length <= LARGEST {
                Ok(Self::Large(length))
            } else {
                Err(unknown())
            };
        }
        if let Some(offset) = name.strip_prefix("unix") {
            let signed = offset.starts_with(['+', '-']);
            return match offset.parse() {
                _ if offset.is_empty() => Ok(Self::Unix(0)),
                Ok(seconds) if signed => Ok(Self::Unix(seconds)),
                _ => Err(unknown()),
            };
        }
        Ok(match name {
            "account_id" => Self::AccountId,
            "response_id" => Self::ResponseId,
            "model" => Self::Model,
            "origin" => Self::Origin,
            "request.refresh_token" => Self::RequestRefreshToken,
            "request.access_token" => Self::RequestAccessToken,
            "nth" => Self::Nth,
            _ => return Err(unknown()),
        })
    }
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Minted(name) => write!(f, "{{{{{name}}}}}"),
            other => write!(f, "{other:?}"),
        }
    }
}

impl Escape {
    fn apply(self, value: &str) -> Cow<'_, str> {
        match self {
            Self::None => value.into(),
            Self::Json => {
                let quoted = Value::from(value).to_string();
                quoted[1..quoted.len() - 1].to_owned().into()
            }
            Self::Header => value
                .chars()
                .filter(|c| !c.is_control())
                .collect::<String>()
                .into(),
        }
    }
}

/// The name in `{{name}}` at the start of `bytes`, and how long the whole is.
fn placeholder_name(bytes: &[u8]) -> Option<(&str, usize)> {
    let inside = &bytes[2..bytes.len().min(66)];
    let end = find(inside, b"}}")?;
    let name = std::str::from_utf8(&inside[..end]).ok()?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.:+-".contains(c));
    is_name.then_some((name, end + 4))
}

/// Where `needle` first occurs.
pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    if needle.is_empty() {
        return None;
    }
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values() -> Values {
        Values {
            minted: Some(json!({ "access_token": "loginproof-at" })),
            model: "gpt \"5\"".to_owned(),
            now: 1_000,
            nth: 3,
            ..Values::default()
        }
    }

    fn fill(text: &str, escape: Escape) -> String {
        let bytes = Template::parse(text.as_bytes())
            .unwrap()
            .fill(&values(), escape)
            .unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn placeholders_are_filled_where_they_stand() {
        assert_eq!(
            fill("a {{access_token}} b", Escape::None),
            "a loginproof-at b"
        );
        assert_eq!(
            fill("{{unix+60}} {{unix-60}} {{unix}}", Escape::None),
            "1060 940 1000"
        );
        assert_eq!(fill("{{{nth}}}", Escape::None), "{3}");
        assert_eq!(fill("[{{large:5}}]", Escape::None), "[xxxxx]");
    }

    #[test]
    fn a_value_is_escaped_inside_json() {
        assert_eq!(fill(r#""{{model}}""#, Escape::Json), r#""gpt \"5\"""#);
    }

    #[test]
    fn braces_without_a_name_are_text() {
        for text in [r#"{"a":{"b":{{}}}"#, "{{ spaced }}", "{{", "a {{} b"] {
            assert_eq!(fill(text, Escape::None), text);
        }
    }

    #[test]
    fn an_unknown_name_is_an_error() {
        for text in [
            "{{acess_token}}",
            "{{unix60}}",
            "{{unix+}}",
            "{{large:many}}",
            "{{large:99999999999}}",
        ] {
            let error = Template::parse(text.as_bytes()).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("there is no placeholder `{text}`")
            );
        }
    }

    #[test]
    fn what_the_real_server_did_not_mint_stays_unfilled() {
        let template = Template::parse(b"{{id_token}}").unwrap();
        assert_eq!(
            template.fill(&values(), Escape::None),
            Err(Unfilled("id_token"))
        );
    }

    #[test]
    fn a_string_that_is_only_a_time_becomes_a_number() {
        let filled = fill_json(
            &json!({ "at": "{{unix+1}}", "text": ["at {{unix}}"] }),
            &values(),
        );
        assert_eq!(filled.unwrap(), json!({ "at": 1001, "text": ["at 1000"] }));
    }
}
