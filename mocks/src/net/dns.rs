//! Messages of the domain name system (RFC 1035), as far as a name service needs them that knows one answer per
//! name. Bytes in, bytes out.

use std::net::Ipv4Addr;

/// Type of an address record.
const A: u16 = 1;
/// Type of the pseudo record that tells of extensions (RFC 6891 §6.1.1).
const OPT: u16 = 41;
/// The internet's class, and any class.
const IN: u16 = 1;
const ANY: u16 = 255;
/// The largest datagram that this service takes, told to clients that speak of extensions.
const LARGEST: u16 = 1232;
/// How long an answer may be kept, in seconds. It holds as long as the run.
const TTL: u32 = 60;
const HEADER: usize = 12;

/// A question that can be answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Query<'a> {
    id: u16,
    /// Bits of the header's second word that an answer repeats: the opcode and RD.
    flags: u16,
    /// The question as sent: an answer repeats it in the same spelling.
    question: &'a [u8],
    /// The name in lower case, without the root's dot; the root itself is empty.
    pub(super) name: String,
    kind: u16,
    class: u16,
    /// Whether the client speaks of extensions.
    extended: bool,
}

/// What cannot be answered with records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// Nothing that anybody would wait for an answer to.
    Ignored,
    /// A message with this identity that gets an error: FORMERR or NOTIMP.
    Refused { id: u16, code: Code },
}

/// RFC 1035 §4.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    NoError = 0,
    FormatError = 1,
    ServerFailure = 2,
    NoSuchName = 3,
    NotImplemented = 4,
}

impl<'a> Query<'a> {
    /// Reads a message.
    pub(super) fn parse(message: &'a [u8]) -> Result<Self, Malformed> {
        let word = |at| word(message, at).ok_or(Malformed::Ignored);
        let (id, flags) = (word(0)?, word(2)?);
        let questions = word(4)?;
        word(HEADER - 2)?;
        // An answer is never answered: two services would do so for ever.
        if flags & 0x8000 != 0 {
            return Err(Malformed::Ignored);
        }
        let refused = |code| Malformed::Refused { id, code };
        if (flags >> 11) & 0xf != 0 {
            return Err(refused(Code::NotImplemented));
        }
        if questions != 1 {
            return Err(refused(Code::FormatError));
        }
        let malformed = refused(Code::FormatError);
        let (name, end) = name(message, HEADER).ok_or(malformed)?;
        let kind = self::word(message, end).ok_or(malformed)?;
        let class = self::word(message, end + 2).ok_or(malformed)?;
        Ok(Self {
            id,
            flags: flags & 0x7900,
            question: &message[HEADER..end + 4],
            name,
            kind,
            class,
            extended: has_opt(message, end + 4),
        })
    }

    /// Whether an address is asked for, which is all that this service has.
    pub(super) fn asks_address(&self) -> bool {
        self.kind == A && (self.class == IN || self.class == ANY)
    }

    /// The answer: an address, or the word that there is none.
    pub(super) fn answer(&self, code: Code, address: Option<Ipv4Addr>) -> Vec<u8> {
        // QR, and RA: who asks for recursion gets it.
        let flags = 0x8080 | self.flags | code as u16;
        let counts = [
            self.id,
            flags,
            1,
            u16::from(address.is_some()),
            0,
            u16::from(self.extended),
        ];
        let mut message: Vec<u8> = counts.into_iter().flat_map(u16::to_be_bytes).collect();
        message.extend_from_slice(self.question);
        if let Some(address) = address {
            // The name is the question's: a pointer to it.
            for word in [0xc000 | 12, A, IN] {
                message.extend_from_slice(&u16::to_be_bytes(word));
            }
            message.extend_from_slice(&TTL.to_be_bytes());
            message.extend_from_slice(&4_u16.to_be_bytes());
            message.extend_from_slice(&address.octets());
        }
        if self.extended {
            message.push(0);
            for word in [OPT, LARGEST, 0, 0, 0] {
                message.extend_from_slice(&u16::to_be_bytes(word));
            }
        }
        message
    }
}

impl Malformed {
    /// The answer to it, when it gets one.
    pub(super) fn answer(self) -> Option<Vec<u8>> {
        let Self::Refused { id, code } = self else {
            return None;
        };
        let words = [id, 0x8080 | code as u16, 0, 0, 0, 0];
        Some(words.into_iter().flat_map(u16::to_be_bytes).collect())
    }
}

fn word(message: &[u8], at: usize) -> Option<u16> {
    let bytes = message.get(at..at.checked_add(2)?)?;
    Some(u16::from_be_bytes([bytes[0], bytes[1]]))
}

/// A name that is written out, and where it ends. Bytes that a host name has not are written as in RFC 1035 §5.1.
fn name(message: &[u8], start: usize) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut at = start;
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        if length == 0 {
            return Some((text, at));
        }
        // Above are pointers: there is nothing before the first name to point to.
        if length > 63 || at + length - start > 254 {
            return None;
        }
        if !text.is_empty() {
            text.push('.');
        }
        for byte in message.get(at..at + length)? {
            match byte.to_ascii_lowercase() {
                byte @ (b'.' | b'\\') => text.extend(['\\', char::from(byte)]),
                byte @ 0x21..=0x7e => text.push(char::from(byte)),
                byte => text.push_str(&format!("\\{byte:03}")),
            }
        }
        at += length;
    }
}

/// Whether one of the records behind the question tells of extensions. What cannot be read tells of nothing.
fn has_opt(message: &[u8], mut at: usize) -> bool {
    let counts = [6, 8, 10].map(|at| word(message, at).unwrap_or(0));
    let records: u32 = counts.into_iter().map(u32::from).sum();
    for _ in 0..records {
        let Some(end) = skip_name(message, at) else {
            return false;
        };
        let (Some(kind), Some(length)) = (word(message, end), word(message, end + 8)) else {
            return false;
        };
        if kind == OPT {
            return true;
        }
        at = end + 10 + usize::from(length);
    }
    false
}

/// Where a name ends that may be a pointer or end with one.
fn skip_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            length @ 1..=63 => at += 1 + usize::from(length),
            0xc0.. => return Some(at + 2),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A question with a header of its own.
    fn message(name: &str, kind: u16, opt: bool) -> Vec<u8> {
        let words = [0x1234, 0x0100, 1, 0, 0, u16::from(opt)];
        let mut message: Vec<u8> = words.into_iter().flat_map(u16::to_be_bytes).collect();
        for label in name.split('.').filter(|label| !label.is_empty()) {
            message.push(u8::try_from(label.len()).unwrap());
            message.extend_from_slice(label.as_bytes());
        }
        message.push(0);
        message.extend_from_slice(&[kind.to_be_bytes(), IN.to_be_bytes()].concat());
        if opt {
            message.extend_from_slice(&[0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0]);
        }
        message
    }

    #[test]
    fn an_answer_repeats_the_question_and_its_spelling() {
        let asked = message("Auth.OpenAI.com", A, false);
        let query = Query::parse(&asked).unwrap();
        assert_eq!(query.name, "auth.openai.com");
        assert!(query.asks_address());
        let answer = query.answer(Code::NoError, Some(Ipv4Addr::new(198, 18, 0, 1)));
        assert_eq!(
            answer[..12],
            [0x12, 0x34, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]
        );
        assert_eq!(answer[12..asked.len()], asked[12..]);
        assert_eq!(
            answer[asked.len()..],
            [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 18, 0, 1]
        );
    }

    #[test]
    fn a_client_that_speaks_of_extensions_is_spoken_to_of_them() {
        let asked = message("a.example", 28, true);
        let query = Query::parse(&asked).unwrap();
        assert!(!query.asks_address());
        let answer = query.answer(Code::NoError, None);
        assert_eq!(answer[6..12], [0, 0, 0, 0, 0, 1]);
        assert_eq!(
            answer[answer.len() - 11..],
            [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]
        );
    }

    #[test]
    fn what_is_no_question_is_ignored_or_refused() {
        let good = message("a.example", A, false);
        let mut answer = good.clone();
        answer[2] |= 0x80;
        let mut update = good.clone();
        update[2] |= 5 << 3;
        let mut two = good.clone();
        two[5] = 2;
        let mut pointer = good.clone();
        pointer[12] = 0xc0;
        let refused = |code| Malformed::Refused { id: 0x1234, code };
        for (message, error) in [
            (&good[..11], Malformed::Ignored),
            (&answer, Malformed::Ignored),
            (&update, refused(Code::NotImplemented)),
            (&two, refused(Code::FormatError)),
            (&pointer, refused(Code::FormatError)),
            (&good[..good.len() - 1], refused(Code::FormatError)),
        ] {
            assert_eq!(Query::parse(message), Err(error));
        }
        let answer = refused(Code::FormatError).answer().unwrap();
        assert_eq!(answer, [0x12, 0x34, 0x80, 0x81, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(Malformed::Ignored.answer(), None);
    }

    #[test]
    fn a_strange_name_is_written_so_that_it_stays_one() {
        let mut asked = message("a", A, false);
        asked.splice(12..14, [4, b'A', b'.', 0, 0xff]);
        assert_eq!(Query::parse(&asked).unwrap().name, "a\\.\\000\\255");
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered_or_not(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            match Query::parse(&bytes) {
                Ok(query) => {
                    prop_assert!(query.answer(Code::NoError, None).len() > HEADER);
                }
                Err(malformed) => drop(malformed.answer()),
            }
        }

        #[test]
        fn any_change_of_a_question_is_answered_or_not(
            at in 0_usize..60,
            byte in any::<u8>(),
            end in 0_usize..60,
        ) {
            let mut bytes = message("auth.openai.com", A, true);
            let at = at.min(bytes.len() - 1);
            bytes[at] = byte;
            bytes.truncate(end.max(1));
            if let Ok(query) = Query::parse(&bytes) {
                let address = Some(Ipv4Addr::LOCALHOST);
                let answer = query.answer(Code::NoError, address);
                prop_assert_eq!(&answer[HEADER..HEADER + query.question.len()], query.question);
            }
        }
    }
}
