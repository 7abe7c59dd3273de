//! Reads JSON in place: strings found eight bytes at a time, nothing built. It accepts less than serde_json does and
//! never more: `None` means "look again with serde_json", not "this is wrong".

/// A string of the text, without its quotes, and valid: UTF-8, no bare control character, every escape complete.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body<'d> {
    pub(super) bytes: &'d [u8],
    pub(super) escaped: bool,
    pub(super) ascii: bool,
}

impl<'d> Body<'d> {
    /// The text, when it stands there without an escape.
    pub(super) fn plain(self) -> Option<&'d str> {
        (!self.escaped)
            .then(|| std::str::from_utf8(self.bytes).ok())
            .flatten()
    }
}

/// Finds the end of a string that begins at `from`: the place of its closing quote.
#[inline]
pub(super) fn string(bytes: &[u8], from: usize) -> Option<(Body<'_>, usize)> {
    let (mut at, mut escaped, mut high) = (from, false, 0);
    let end = loop {
        let Some(word) = bytes.get(at..at + 8) else {
            match *bytes.get(at)? {
                b'"' => break at,
                b'\\' => {
                    escaped = true;
                    at = escape(bytes, at)?;
                }
                0..0x20 => return None,
                byte => {
                    high |= u64::from(byte);
                    at += 1;
                }
            }
            continue;
        };
        let word = u64::from_le_bytes(word.try_into().ok()?);
        let stops = stops(word);
        if stops == 0 {
            high |= word;
            at += 8;
            continue;
        }
        // Only the lowest flag is sure, and it is the one that counts.
        let first = (stops.trailing_zeros() / 8) as usize;
        high |= word & ((1 << (first * 8)) - 1);
        at += first;
        match bytes[at] {
            b'"' => break at,
            b'\\' => {
                escaped = true;
                at = escape(bytes, at)?;
            }
            _ => return None,
        }
    };
    let body = &bytes[from..end];
    let ascii = high & HIGH == 0;
    if !ascii && !is_utf8(body) {
        return None;
    }
    Some((
        Body {
            bytes: body,
            escaped,
            ascii,
        },
        end,
    ))
}

fn is_utf8(body: &[u8]) -> bool {
    simdutf8::basic::from_utf8(body).is_ok()
}

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Flags the bytes that a string cannot hold as they are: quote, backslash, control characters.
#[inline]
fn stops(word: u64) -> u64 {
    let zero = |word: u64| word.wrapping_sub(LOW) & !word;
    let quote = zero(word ^ (LOW * b'"' as u64));
    let backslash = zero(word ^ (LOW * b'\\' as u64));
    let control = word.wrapping_sub(LOW * 0x20) & !word;
    (quote | backslash | control) & HIGH
}

/// The place after the escape that begins at `at`. A surrogate needs its other half, as in serde_json.
#[inline]
fn escape(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at + 1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 2),
        b'u' => match hex(bytes, at + 2)? {
            0xdc00..0xe000 => None,
            0xd800..0xdc00 => {
                let low = (bytes.get(at + 6..at + 8)? == b"\\u").then(|| hex(bytes, at + 8))??;
                (0xdc00..0xe000).contains(&low).then_some(at + 12)
            }
            _ => Some(at + 6),
        },
        _ => None,
    }
}

/// Four hexadecimal digits.
pub(super) fn hex(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.iter().try_fold(0, |number, digit| {
        Some(number * 16 + char::from(*digit).to_digit(16)?)
    })
}

/// A place in a JSON text.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'d> {
    pub(super) bytes: &'d [u8],
    pub(super) at: usize,
}

/// Deeper than this is left to serde_json, whose own limit is 128.
const DEPTH: usize = 64;

impl<'d> Cursor<'d> {
    pub(super) fn new(bytes: &'d [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next byte that is no white space, not taken.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            match *self.bytes.get(self.at)? {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Nothing but white space is left.
    pub(super) fn end(&mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    pub(super) fn string(&mut self) -> Option<Body<'d>> {
        self.take(b'"')?;
        let (body, end) = string(self.bytes, self.at)?;
        self.at = end + 1;
        Some(body)
    }

    /// A string without escapes that is not empty.
    pub(super) fn plain(&mut self) -> Option<&'d str> {
        self.string()?.plain().filter(|text| !text.is_empty())
    }

    /// The same, or null or an empty string, which say as little.
    pub(super) fn plain_or_nothing(&mut self) -> Option<Option<&'d str>> {
        if self.peek()? == b'n' {
            self.literal()?;
            return Some(None);
        }
        Some(Some(self.string()?.plain()?).filter(|text| !text.is_empty()))
    }

    /// A whole number as it is always written.
    pub(super) fn number(&mut self) -> Option<u64> {
        self.peek()?;
        let length = digits(&self.bytes[self.at..])?;
        let number = self.bytes[self.at..self.at + length]
            .iter()
            .fold(0, |n, digit| n * 10 + u64::from(digit - b'0'));
        self.at += length;
        // A fraction or an exponent may follow, which is another number.
        (!matches!(self.bytes.get(self.at), Some(b'.' | b'e' | b'E'))).then_some(number)
    }

    /// Calls `member` with the name of each member, before its value. A name with an escape is left to serde_json.
    #[inline]
    pub(super) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, &'d [u8]) -> Option<()>,
    ) -> Option<()> {
        self.take(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            let name = self.string()?;
            if name.escaped {
                return None;
            }
            self.take(b':')?;
            member(self, name.bytes)?;
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// Calls `element` before each value of an array.
    #[inline]
    pub(super) fn array(&mut self, mut element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.take(b'[')?;
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            element(self)?;
            match self.peek()? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// Reads over any value, and lends its text.
    pub(super) fn skip(&mut self) -> Option<&'d [u8]> {
        self.peek()?;
        let from = self.at;
        self.skip_within(DEPTH)?;
        Some(&self.bytes[from..self.at])
    }

    fn skip_within(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'{' if depth > 0 => self.object(|cursor, _| cursor.skip_within(depth - 1)),
            b'[' if depth > 0 => self.array(|cursor| cursor.skip_within(depth - 1)),
            first @ (b'0'..=b'9' | b'-') => {
                self.at += usize::from(first == b'-');
                self.at += digits(&self.bytes[self.at..])?;
                if self.bytes.get(self.at) == Some(&b'.') {
                    let fraction = &self.bytes[self.at + 1..];
                    let length = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
                    if !(1..=15).contains(&length) {
                        return None;
                    }
                    self.at += 1 + length;
                }
                (!matches!(self.bytes.get(self.at), Some(b'.' | b'e' | b'E'))).then_some(())
            }
            _ => self.literal(),
        }
    }

    fn literal(&mut self) -> Option<()> {
        let rest = &self.bytes[self.at..];
        let word: &[u8] = [&b"null"[..], b"true", b"false"]
            .into_iter()
            .find(|word| rest.starts_with(word))?;
        self.at += word.len();
        Some(())
    }
}

/// How many digits a whole number has that begins here: 1 to 15, without a leading zero.
#[inline]
pub(super) fn digits(bytes: &[u8]) -> Option<usize> {
    let length = match bytes.first_chunk::<8>() {
        Some(word) => {
            let word = u64::from_le_bytes(*word) ^ (LOW * b'0' as u64);
            // What is no digit gets a flag; of these only the lowest is sure.
            let others = (word.wrapping_add(LOW * 0x76) | word) & HIGH;
            (others.trailing_zeros() / 8) as usize
        }
        None => 8,
    };
    let length = match length {
        8 => {
            let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit());
            digits.take(16).count()
        }
        length => length,
    };
    (matches!(length, 1..=15) && (bytes[0] != b'0' || length == 1)).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skips(text: &str) -> bool {
        let mut cursor = Cursor::new(text.as_bytes());
        cursor.skip().is_some() && cursor.end().is_some()
    }

    #[test]
    fn what_is_skipped_is_json() {
        for text in [
            "{}",
            " [ 1 , 2.50 , \"a\\u00e9\\ud83c\\udf0d\\\\\" , null ] ",
            "{\"a\":{\"b\":[true,false]}}",
            "\"12345678é\\n12345678901234567\"",
            "0",
            "-1.5",
            "[1234567,12345678,123456789012345]",
        ] {
            assert!(skips(text), "{text}");
            assert!(serde_json::from_str::<serde_json::Value>(text).is_ok());
        }
    }

    #[test]
    fn what_may_not_be_json_is_left() {
        for text in [
            "",
            "{",
            "{\"a\"}",
            "[1,]",
            "01",
            "1.",
            "1e3",
            "-",
            "--1",
            "nul",
            "\"a\nb\"",
            "\"1234567\u{1f}90123456\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\ud800\"",
            "\"\\udc00\"",
            "\"\\ud800\\u0041\"",
            "{} x",
            "\"a",
        ] {
            assert!(!skips(text), "{text}");
        }
        assert!(Cursor::new(b"\"\xff\"").skip().is_none());
    }
}
