//! Keeps secrets out of everything that is shown or logged.
//!
//! Two nets: the secrets of the request, in every form a server may echo them in, and anything that has
//! the shape of a credential, because a server can also echo a secret that was never sent.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// What stands in place of a secret.
pub const REDACTED: &str = "[redacted]";

/// The most bytes of server text that are shown.
pub const SHOWN_BYTES: usize = 300;

/// Removes known and credential-shaped secrets from text.
#[derive(Clone, Default)]
pub struct Redactor {
    forms: Vec<String>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} forms)", self.forms.len())
    }
}

impl Redactor {
    /// Knows these secrets in plain, JSON-escaped, form-encoded and base64 form.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut forms = Vec::new();
        // Very short strings would blank out ordinary words.
        for secret in secrets.into_iter().filter(|s| s.len() >= 6) {
            let json = serde_json::Value::from(secret).to_string();
            forms.push(secret.to_owned());
            forms.push(json[1..json.len() - 1].to_owned());
            forms.push(
                percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC)
                    .to_string(),
            );
            forms.extend(serde_urlencoded::to_string([("", secret)]).map(|s| s[1..].to_owned()));
            forms.push(STANDARD_NO_PAD.encode(secret));
            forms.push(URL_SAFE_NO_PAD.encode(secret));
        }
        // Longest first, so that no form leaves the tail of a longer one behind.
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.dedup();
        Self { forms }
    }

    /// The text without secrets.
    ///
    /// ```
    /// use loginproof_client::redact::Redactor;
    /// let redactor = Redactor::new(["rt+loginproof/1"]);
    /// assert_eq!(redactor.redact("bad token rt%2Bloginproof%2F1"), "bad token [redacted]");
    /// ```
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for form in &self.forms {
            if text.contains(form.as_str()) {
                text = text.replace(form.as_str(), REDACTED);
            }
        }
        redact_shapes(&text)
    }

    /// Server text fit for a terminal: redacted, on one line, without control characters, at most [`SHOWN_BYTES`].
    pub fn show(&self, text: &str) -> String {
        // Redaction comes first: cutting first could leave half a secret that is no longer recognised.
        one_line(&self.redact(text), SHOWN_BYTES)
    }
}

/// Text on one line: white space folded, control and direction-changing characters dropped, cut at a character boundary.
pub fn one_line(text: &str, limit: usize) -> String {
    let mut line = String::new();
    let mut space = false;
    for c in text.chars() {
        if c.is_whitespace() {
            space = !line.is_empty();
            continue;
        }
        if c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            continue;
        }
        if line.len() + c.len_utf8() + usize::from(space) + '…'.len_utf8() > limit {
            line.push('…');
            return line;
        }
        if std::mem::take(&mut space) {
            line.push(' ');
        }
        line.push(c);
    }
    line
}

/// Member names whose value is a secret wherever it stands.
const SECRET_NAMES: [&str; 9] = [
    "access_token",
    "refresh_token",
    "id_token",
    "authorization_code",
    "code_verifier",
    "device_auth_id",
    "device_code",
    "client_secret",
    "subject_token",
];

/// Replaces runs of token characters that look like a credential.
fn redact_shapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // Length from which the next run is a secret by its place; none when 0.
    let mut secret_from = 0;
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|c| !is_token_char(c)).unwrap_or(rest.len());
        if length == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            // Between a name and its value stand quotes, colons, equals signs and blanks.
            if !matches!(first, '"' | '\'' | ':' | '=' | ' ' | '\\') {
                secret_from = 0;
            }
            continue;
        }
        let (run, tail) = rest.split_at(length);
        let named = SECRET_NAMES
            .iter()
            .any(|name| run.eq_ignore_ascii_case(name));
        let bearer = run.eq_ignore_ascii_case("bearer");
        if (secret_from > 0 && run.len() >= secret_from) || is_credential(run) {
            out.push_str(REDACTED);
        } else {
            out.push_str(run);
        }
        let assigned = tail
            .trim_start_matches(['"', '\'', ' ', '\\'])
            .starts_with([':', '=']);
        secret_from = match (named && assigned, bearer) {
            (true, _) => 8,
            (_, true) => 16,
            _ => 0,
        };
        rest = tail;
    }
    out
}

fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '~' | '+' | '%')
}

fn is_credential(run: &str) -> bool {
    let prefixed = ["rt_", "at_", "at-", "rt-", "sk-", "rt.", "at."]
        .iter()
        .any(|p| run.starts_with(p))
        && run.len() >= 16;
    let jwt = run.starts_with("eyJ") && run.len() >= 20;
    prefixed || jwt
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "rt+loginproof/\"äöü\"==";

    #[test]
    fn a_secret_is_removed_in_every_form_a_server_echoes() {
        let redactor = Redactor::new([SECRET]);
        let json = serde_json::json!({ "echo": SECRET }).to_string();
        let form = serde_urlencoded::to_string([("x", SECRET)]).unwrap();
        let padded = base64::engine::general_purpose::STANDARD.encode(SECRET);
        for text in [SECRET.to_owned(), json, form, padded] {
            let shown = redactor.redact(&text);
            assert!(
                shown.contains(REDACTED) && !shown.contains("loginproof"),
                "{text} -> {shown}"
            );
        }
    }

    #[test]
    fn credentials_that_were_never_sent_are_known_by_their_shape() {
        let redactor = Redactor::default();
        for text in [
            "you sent refresh_token=loginproof-secret-one",
            r#"{"access_token":"loginproof-secret-one","x":1"#,
            r#"{\"id_token\": \"loginproof-secret-one\"}"#,
            "Authorization: Bearer loginproof-secret-one",
            "token rt_loginproof_1234567890 is dead",
            "eyJhbGciOiJub25lIn0.loginproof.x",
        ] {
            assert!(
                !redactor.redact(text).contains("loginproof"),
                "{text} -> {}",
                redactor.redact(text)
            );
        }
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        let text = "Your refresh token has already been used. code: refresh_token_reused (request id req_12345678)";
        assert_eq!(Redactor::default().redact(text), text);
    }

    #[test]
    fn shown_text_is_one_short_line_without_control_characters() {
        let shown = Redactor::default().show(&format!("a\x1b[2J\r\n\tb {}", "é".repeat(400)));
        assert!(
            shown.starts_with("a[2J b é") && shown.len() <= SHOWN_BYTES && shown.ends_with('…'),
            "{shown}"
        );
    }
}
