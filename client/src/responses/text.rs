//! A text in the making. It is kept as it stands in JSON, escapes and all: what repeats it can then be compared byte
//! by byte, and equal bytes need no further proof. Escapes are undone once, when the text is wanted.

use super::scan::{Body, hex};

/// Text as the body of a JSON string; always a valid one.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    body: Vec<u8>,
    escaped: bool,
    wide: bool,
}

impl Text {
    pub(super) fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    /// Adds a piece of a stream. Each piece is valid by itself, and so is what they add up to.
    #[inline]
    pub(super) fn push_body(&mut self, body: Body<'_>) {
        if self.body.capacity() == 0 {
            self.body.reserve(FIRST);
        }
        self.body.extend_from_slice(body.bytes);
        self.escaped |= body.escaped;
        self.wide |= !body.ascii;
    }

    /// Adds text that is not escaped.
    pub(super) fn push_str(&mut self, text: &str) {
        let mut rest = text;
        while let Some(at) = rest.find(|c: char| matches!(c, '"' | '\\' | '\0'..' ')) {
            self.body.extend_from_slice(&rest.as_bytes()[..at]);
            let byte = rest.as_bytes()[at];
            match byte {
                b'"' | b'\\' => self.body.extend_from_slice(&[b'\\', byte]),
                b'\n' => self.body.extend_from_slice(b"\\n"),
                _ => self
                    .body
                    .extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            }
            self.escaped = true;
            rest = &rest[at + 1..];
        }
        self.body.extend_from_slice(rest.as_bytes());
        self.wide |= !text.is_ascii();
    }

    /// Whether the JSON string that begins at `from` is this text, and if so the place after its closing quote.
    #[inline]
    pub(super) fn repeated_at(&self, json: &[u8], from: usize) -> Option<usize> {
        let end = from + self.body.len();
        (json.get(from..end)? == self.body && json.get(end) == Some(&b'"')).then_some(end + 1)
    }

    /// Whether the string says the same, also with other escapes.
    pub(super) fn equals_body(&self, other: &[u8]) -> bool {
        let (mut a, mut b) = (self.body.as_slice(), other);
        loop {
            match (unit(&mut a), unit(&mut b)) {
                (None, None) => return true,
                (left, right) if left != right => return false,
                _ => {}
            }
        }
    }

    /// Whether this is the text.
    pub(super) fn equals(&self, text: &str) -> bool {
        if !self.escaped {
            return self.body == text.as_bytes();
        }
        let mut body = self.body.as_slice();
        text.chars().all(|c| unit(&mut body) == Some(c)) && body.is_empty()
    }

    /// The text, escapes undone.
    pub(super) fn to_text(&self) -> String {
        if self.escaped {
            return checked(unescape(&self.body));
        }
        owned(&self.body)
    }

    /// The text, without a copy where there is nothing to undo.
    pub(super) fn take_text(&mut self) -> String {
        let text = std::mem::take(self);
        if text.escaped || text.wide {
            return text.to_text();
        }
        checked(text.body)
    }
}

/// Room for a text when it begins: many are no longer.
const FIRST: usize = 1024;

/// Undoes the escapes of a valid body.
pub(super) fn unescaped(body: Body<'_>) -> String {
    if body.escaped {
        checked(unescape(body.bytes))
    } else {
        owned(body.bytes)
    }
}

const VALID: &str = "a body is valid UTF-8, and its escapes name characters";

fn owned(body: &[u8]) -> String {
    simdutf8::basic::from_utf8(body).expect(VALID).to_owned()
}

fn checked(text: Vec<u8>) -> String {
    if text.is_ascii() {
        return String::from_utf8(text).expect(VALID);
    }
    owned(&text)
}

/// Eight bytes at a time: a long text full of escapes costs about as much as one without.
fn unescape(body: &[u8]) -> Vec<u8> {
    // No escape is shorter than what it stands for, and seven bytes more are room for the last store.
    let mut out = vec![0; body.len() + 8];
    let (mut from, mut to) = (0, 0);
    while from < body.len() {
        if let Some(word) = body
            .get(from..from + 8)
            .and_then(|w| <[u8; 8]>::try_from(w).ok())
        {
            out[to..to + 8].copy_from_slice(&word);
            let found = u64::from_le_bytes(word) ^ 0x5c5c_5c5c_5c5c_5c5c;
            let found = found.wrapping_sub(0x0101_0101_0101_0101) & !found & 0x8080_8080_8080_8080;
            if found == 0 {
                (from, to) = (from + 8, to + 8);
                continue;
            }
            let before = (found.trailing_zeros() / 8) as usize;
            (from, to) = (from + before, to + before);
        } else if body[from] != b'\\' {
            out[to] = body[from];
            (from, to) = (from + 1, to + 1);
            continue;
        }
        let simple = match body.get(from + 1) {
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'r') => b'\r',
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'u') => {
                let mut rest = &body[from..];
                let length = rest.len();
                let character = unit(&mut rest).unwrap_or_default();
                to += character.encode_utf8(&mut out[to..]).len();
                from += length - rest.len();
                continue;
            }
            // Quote, backslash and slash stand for themselves.
            other => other.copied().unwrap_or_default(),
        };
        out[to] = simple;
        (from, to) = (from + 2, to + 1);
    }
    out.truncate(to);
    out
}

/// Takes the next character of a valid body.
fn unit(body: &mut &[u8]) -> Option<char> {
    let (&first, rest) = body.split_first()?;
    if first != b'\\' {
        let length = match first {
            0..0x80 => 1,
            0x80..0xe0 => 2,
            0xe0..0xf0 => 3,
            _ => 4,
        };
        let (character, rest) = body.split_at_checked(length)?;
        *body = rest;
        return std::str::from_utf8(character).ok()?.chars().next();
    }
    let (&kind, rest) = rest.split_first()?;
    *body = rest;
    Some(match kind {
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'u' => {
            let high = hex(rest, 0)?;
            *body = &rest[4..];
            if !(0xd800..0xdc00).contains(&high) {
                return char::from_u32(high);
            }
            let low = hex(rest, 6)?;
            *body = &rest[10..];
            return char::from_u32(0x10000 + ((high - 0xd800) << 10) + low.checked_sub(0xdc00)?);
        }
        other => char::from(other),
    })
}

#[cfg(test)]
mod tests {
    use super::super::scan::string;
    use super::*;

    #[test]
    fn a_text_comes_back_as_it_was_put_in() {
        for text in [
            "",
            "plain",
            "a \"quoted\" \\ back\nslash\u{1}\u{1f} and é世🌍, longer than eight bytes",
        ] {
            let mut kept = Text::default();
            kept.push_str(text);
            assert!(kept.equals(text));
            assert!(!kept.equals(&format!("{text}x")));
            assert_eq!(kept.to_text(), text);
            let json = serde_json::to_string(text).unwrap();
            assert!(kept.equals_body(&json.as_bytes()[1..json.len() - 1]));
            assert_eq!(kept.take_text(), text);
        }
    }

    #[test]
    fn every_escape_is_undone_as_serde_json_does() {
        let json = r#""\"\\\/\b\f\n\r\tA\u00e9\u4e16\ud83c\udf0d\u0000 1234567 \ud83c\udf0d""#;
        let (body, end) = string(json.as_bytes(), 1).unwrap();
        assert_eq!(end, json.len() - 1);
        let expected: String = serde_json::from_str(json).unwrap();
        assert_eq!(unescaped(body), expected);
        let mut text = Text::default();
        text.push_body(body);
        assert!(text.equals(&expected));
        assert_eq!(text.repeated_at(json.as_bytes(), 1), Some(json.len()));
    }
}
