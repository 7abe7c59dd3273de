//! Cuts the bytes of a terminal into text, controls and escape sequences, wherever reads happen to split them.
//!
//! Pure: bytes in, tokens with their place out. The screen model beside it draws; this one knows what was asked and
//! which links were named, without a limit that would cut a long sign-in URL.

/// Longest sequence that is kept. Longer ones are passed over.
const LIMIT: usize = 1 << 20;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// Printable bytes, UTF-8, possibly cut inside a character at the end of a read.
    Text(&'a [u8]),
    /// A control character.
    Control(u8),
    /// `ESC` and this byte.
    Escape(u8),
    /// A control sequence: everything between its introducer and its final byte, and the final byte.
    Csi(&'a [u8], u8),
    /// The 8-bit introducer of a control sequence, for models that know only `ESC [`.
    EightBitCsi,
    /// An operating system command: its text, and whether BEL ended it (else ST).
    Osc(&'a [u8], bool),
    /// A device control string.
    Dcs(&'a [u8]),
}

/// The text in some output, as a terminal shows it: without colours and other sequences.
#[must_use]
pub fn readable(bytes: &[u8]) -> String {
    let mut text = Vec::with_capacity(bytes.len());
    Scanner::default().feed(bytes, |_, token| match token {
        Token::Text(letters) => text.extend_from_slice(letters),
        Token::Control(blank @ (b'\n' | b'\r' | b'\t')) => text.push(blank),
        _ => {}
    });
    String::from_utf8_lossy(&text).into_owned()
}

/// The state between reads.
#[derive(Debug, Default)]
pub struct Scanner {
    state: State,
    kept: Vec<u8>,
    /// Continuation bytes that the current character still needs: inside a character 0x9B is not a control.
    continuation: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    Escape,
    /// `ESC` with intermediates, such as a character set.
    Intermediate,
    Csi,
    Osc,
    Dcs,
    /// APC, PM, SOS: passed over.
    Text,
    /// `ESC` inside a string, perhaps the start of ST. Holds the kind of string.
    StringEscape(Kind),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Osc,
    Dcs,
    Text,
}

impl Scanner {
    /// Reads on. `sink` gets each token together with the offset in `bytes` just behind it, in order.
    pub fn feed(&mut self, bytes: &[u8], mut sink: impl FnMut(usize, Token<'_>)) {
        let mut at = 0;
        while at < bytes.len() {
            if self.state == State::Ground {
                let text = self.text(&bytes[at..]);
                if text > 0 {
                    sink(at + text, Token::Text(&bytes[at..at + text]));
                    at += text;
                    continue;
                }
            }
            self.step(bytes[at], at + 1, &mut sink);
            at += 1;
        }
    }

    /// Forgets a sequence in progress.
    pub fn cancel(&mut self) {
        *self = Self::default();
    }

    /// Number of bytes at the start that are text.
    fn text(&mut self, bytes: &[u8]) -> usize {
        for (index, byte) in bytes.iter().enumerate() {
            match byte {
                0x00..=0x1f | 0x7f => {
                    self.continuation = 0;
                    return index;
                }
                0x9b if self.continuation == 0 => return index,
                0x80..=0xbf => self.continuation = self.continuation.saturating_sub(1),
                0xc2..=0xdf => self.continuation = 1,
                0xe0..=0xef => self.continuation = 2,
                0xf0..=0xf4 => self.continuation = 3,
                _ => self.continuation = 0,
            }
        }
        bytes.len()
    }

    fn step(&mut self, byte: u8, end: usize, sink: &mut impl FnMut(usize, Token<'_>)) {
        match self.state {
            State::Ground => match byte {
                0x1b => self.enter(State::Escape),
                0x9b => {
                    self.enter(State::Csi);
                    sink(end, Token::EightBitCsi);
                }
                control => sink(end, Token::Control(control)),
            },
            State::Escape => self.escape(byte, end, sink),
            State::Intermediate => match byte {
                0x20..=0x2f => {}
                0x1b => self.enter(State::Escape),
                0x18 | 0x1a | 0x30..=0x7e => self.state = State::Ground,
                0x00..=0x1f => sink(end, Token::Control(byte)),
                _ => {}
            },
            State::Csi => match byte {
                0x20..=0x3f => self.keep(byte),
                0x40..=0x7e => {
                    self.state = State::Ground;
                    sink(end, Token::Csi(&self.kept, byte));
                }
                0x1b => self.enter(State::Escape),
                0x18 | 0x1a => self.state = State::Ground,
                // Controls inside a sequence act at once.
                0x00..=0x1f => sink(end, Token::Control(byte)),
                _ => {}
            },
            State::Osc => match byte {
                0x07 => {
                    self.state = State::Ground;
                    self.osc(true, end, sink);
                }
                0x1b => self.state = State::StringEscape(Kind::Osc),
                0x18 | 0x1a => self.state = State::Ground,
                0x00..=0x1f => {}
                _ => self.keep(byte),
            },
            State::Dcs => match byte {
                0x1b => self.state = State::StringEscape(Kind::Dcs),
                0x18 | 0x1a => self.state = State::Ground,
                _ => self.keep(byte),
            },
            State::Text => match byte {
                0x1b => self.state = State::StringEscape(Kind::Text),
                0x18 | 0x1a => self.state = State::Ground,
                _ => {}
            },
            State::StringEscape(kind) => {
                // ESC ends a string even where something else than `\` follows; that starts a sequence of its own.
                self.state = State::Ground;
                match kind {
                    Kind::Osc => self.osc(false, end, sink),
                    Kind::Dcs => sink(end, Token::Dcs(&self.kept)),
                    Kind::Text => {}
                }
                if byte != b'\\' {
                    self.enter(State::Escape);
                    self.escape(byte, end, sink);
                }
            }
        }
    }

    fn escape(&mut self, byte: u8, end: usize, sink: &mut impl FnMut(usize, Token<'_>)) {
        match byte {
            b'[' => self.enter(State::Csi),
            b']' => self.enter(State::Osc),
            b'P' => self.enter(State::Dcs),
            b'X' | b'^' | b'_' => self.enter(State::Text),
            0x1b => {}
            0x20..=0x2f => self.state = State::Intermediate,
            0x30..=0x7e => {
                self.state = State::Ground;
                sink(end, Token::Escape(byte));
            }
            0x18 | 0x1a => self.state = State::Ground,
            0x00..=0x1f => sink(end, Token::Control(byte)),
            _ => self.state = State::Ground,
        }
    }

    fn osc(&mut self, bel: bool, end: usize, sink: &mut impl FnMut(usize, Token<'_>)) {
        if self.kept.len() < LIMIT {
            sink(end, Token::Osc(&self.kept, bel));
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.kept.clear();
    }

    fn keep(&mut self, byte: u8) {
        if self.kept.len() < LIMIT {
            self.kept.push(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq)]
    enum Owned {
        Text(Vec<u8>),
        Control(u8),
        Escape(u8),
        Csi(Vec<u8>, u8),
        EightBitCsi,
        Osc(Vec<u8>, bool),
        Dcs(Vec<u8>),
    }

    fn scan<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<Owned> {
        let mut scanner = Scanner::default();
        let mut all = Vec::new();
        for part in parts {
            let mut last = 0;
            scanner.feed(part, |end, token| {
                assert!(end >= last && end <= part.len());
                last = end;
                match (token, all.last_mut()) {
                    (Token::Text(more), Some(Owned::Text(text))) => text.extend_from_slice(more),
                    (Token::Text(text), _) => all.push(Owned::Text(text.to_vec())),
                    (Token::Control(byte), _) => all.push(Owned::Control(byte)),
                    (Token::Escape(byte), _) => all.push(Owned::Escape(byte)),
                    (Token::Csi(body, last), _) => all.push(Owned::Csi(body.to_vec(), last)),
                    (Token::EightBitCsi, _) => all.push(Owned::EightBitCsi),
                    (Token::Osc(body, bel), _) => all.push(Owned::Osc(body.to_vec(), bel)),
                    (Token::Dcs(body), _) => all.push(Owned::Dcs(body.to_vec())),
                }
            });
        }
        all
    }

    #[test]
    fn text_controls_and_sequences_are_told_apart() {
        let all = scan([
            &b"a\x1b[1;2Hb\r\n\x1b]10;?\x07\x1b]11;?\x1b\\\x9b6n\x1bP+q54\x1b\\\x1b(B\x1b7c"[..],
        ]);
        assert_eq!(
            all,
            [
                Owned::Text(b"a".to_vec()),
                Owned::Csi(b"1;2".to_vec(), b'H'),
                Owned::Text(b"b".to_vec()),
                Owned::Control(b'\r'),
                Owned::Control(b'\n'),
                Owned::Osc(b"10;?".to_vec(), true),
                Owned::Osc(b"11;?".to_vec(), false),
                Owned::EightBitCsi,
                Owned::Csi(b"6".to_vec(), b'n'),
                Owned::Dcs(b"+q54".to_vec()),
                Owned::Escape(b'7'),
                Owned::Text(b"c".to_vec()),
            ]
        );
    }

    #[test]
    fn the_byte_9b_inside_a_character_is_text() {
        assert_eq!(
            scan(["ě6n雛".as_bytes()]),
            [Owned::Text("ě6n雛".as_bytes().to_vec())]
        );
    }

    #[test]
    fn a_cancelled_sequence_is_forgotten() {
        assert_eq!(scan([&b"\x1b[6\x18n"[..]]), [Owned::Text(b"n".to_vec())]);
        assert_eq!(
            scan([&b"\x1b]10;?\x1b[5n"[..]]),
            [
                Owned::Osc(b"10;?".to_vec(), false),
                Owned::Csi(b"5".to_vec(), b'n')
            ]
        );
    }

    fn piece() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            Just(b"\x1b[6n".to_vec()),
            Just(b"\x9b6n".to_vec()),
            Just(b"\x1b]11;?\x07".to_vec()),
            Just(b"\x1b]8;;http://127.0.0.1/a;b\x1b\\".to_vec()),
            Just(b"\x1b[?u".to_vec()),
            Just(b"\x1bP$qm\x1b\\".to_vec()),
            Just("grün 雛".as_bytes().to_vec()),
            proptest::collection::vec(any::<u8>(), 0..6),
        ]
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_tokens(
            pieces in proptest::collection::vec(piece(), 0..8),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..10),
        ) {
            let bytes = pieces.concat();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let parts: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(scan(parts), scan([&bytes[..]]));
            prop_assert_eq!(scan(bytes.chunks(1)), scan([&bytes[..]]));
        }
    }
}
