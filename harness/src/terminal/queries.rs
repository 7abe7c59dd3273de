//! What a program asks its terminal, and what this one answers.
//!
//! Some programs wait for an answer for ever, some take a late one for a key, and some end when two answers come in
//! the wrong order; so every question is answered at once, in the order asked.

use super::scanner::Token;

/// What an answer depends on, at the moment of the question.
#[derive(Clone, Copy)]
pub struct Status<'a> {
    /// Row and column of the cursor, from 1.
    pub cursor: (u16, u16),
    /// Columns and rows.
    pub size: (u16, u16),
    /// Flags of the kitty keyboard protocol now in force.
    pub keyboard: u8,
    /// Whether a private mode is set; `None` for one that this terminal does not know.
    pub mode: &'a dyn Fn(u16) -> Option<bool>,
}

/// Colours of this terminal: text, background, cursor.
const COLOURS: [&str; 3] = [
    "rgb:d0d0/d0d0/d0d0",
    "rgb:1010/1010/1010",
    "rgb:d0d0/d0d0/d0d0",
];

/// The sixteen named colours.
const PALETTE: [&str; 16] = [
    "0000/0000/0000",
    "aaaa/0000/0000",
    "0000/aaaa/0000",
    "aaaa/5555/0000",
    "0000/0000/aaaa",
    "aaaa/0000/aaaa",
    "0000/aaaa/aaaa",
    "aaaa/aaaa/aaaa",
    "5555/5555/5555",
    "ffff/5555/5555",
    "5555/ffff/5555",
    "ffff/ffff/5555",
    "5555/5555/ffff",
    "ffff/5555/ffff",
    "5555/ffff/ffff",
    "ffff/ffff/ffff",
];

/// The answer, when the token is a question.
#[must_use]
pub fn answer(token: Token<'_>, status: Status<'_>) -> Option<Vec<u8>> {
    match token {
        Token::Csi(body, last) => control_sequence(body, last, status),
        Token::Osc(body, bel) => colours(body, if bel { "\x07" } else { "\x1b\\" }),
        // XTGETTCAP and DECRQSS: "not known" is an answer, silence is not.
        Token::Dcs(body) if body.starts_with(b"+q") => Some(b"\x1bP0+r\x1b\\".to_vec()),
        Token::Dcs(body) if body.starts_with(b"$q") => Some(b"\x1bP0$r\x1b\\".to_vec()),
        _ => None,
    }
}

fn control_sequence(body: &[u8], last: u8, status: Status<'_>) -> Option<Vec<u8>> {
    let (row, column) = status.cursor;
    let (columns, rows) = status.size;
    let text = match (body, last) {
        // ECMA-48 §8.3.35 DSR: status, and position of the cursor.
        (b"5", b'n') => "\x1b[0n".to_owned(),
        (b"6", b'n') => format!("\x1b[{row};{column}R"),
        (b"?6", b'n') => format!("\x1b[?{row};{column};1R"),
        // Primary, secondary and tertiary device attributes: a VT220 with colours.
        (b"" | b"0", b'c') => "\x1b[?62;22c".to_owned(),
        (b">" | b">0", b'c') => "\x1b[>1;10;0c".to_owned(),
        (b"=" | b"=0", b'c') => "\x1bP!|00000000\x1b\\".to_owned(),
        (b">" | b">0", b'q') => {
            concat!("\x1bP>|loginproof(", env!("CARGO_PKG_VERSION"), ")\x1b\\").to_owned()
        }
        (b"?", b'u') => format!("\x1b[?{}u", status.keyboard),
        (b"14", b't') => format!(
            "\x1b[4;{};{}t",
            u32::from(rows) * 16,
            u32::from(columns) * 8
        ),
        (b"16", b't') => "\x1b[6;16;8t".to_owned(),
        (b"18", b't') => format!("\x1b[8;{rows};{columns}t"),
        // DECRQM: 0 not known, 1 set, 2 reset.
        (_, b'p') => {
            let body = std::str::from_utf8(body).ok()?.strip_suffix('$')?;
            match body.strip_prefix('?') {
                Some(mode) => {
                    let mode: u16 = mode.parse().ok()?;
                    let state = (status.mode)(mode).map_or(0, |set| if set { 1 } else { 2 });
                    format!("\x1b[?{mode};{state}$y")
                }
                None => format!("\x1b[{};0$y", body.parse::<u16>().ok()?),
            }
        }
        _ => return None,
    };
    Some(text.into_bytes())
}

/// OSC 10, 11, 12 (each further `?` asks for the next one) and OSC 4 (pairs of number and `?`). Each question gets an
/// answer of its own, ended as the question was.
fn colours(body: &[u8], end: &str) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(body).ok()?;
    let (command, rest) = text.split_once(';')?;
    let mut answers = String::new();
    match command {
        "10" | "11" | "12" => {
            let first: usize = command.parse().ok()?;
            for (number, question) in (first..=12).zip(rest.split(';')) {
                if question == "?" {
                    answers += &format!("\x1b]{number};{}{end}", COLOURS[number - 10]);
                }
            }
        }
        "4" => {
            let mut fields = rest.split(';');
            while let (Some(number), Some(question)) = (fields.next(), fields.next()) {
                if let (Ok(number), "?") = (number.parse::<u8>(), question) {
                    answers += &format!("\x1b]4;{number};rgb:{}{end}", palette(number));
                }
            }
        }
        _ => return None,
    }
    (!answers.is_empty()).then(|| answers.into_bytes())
}

/// The 256 colours: 16 named, a cube of 6 x 6 x 6, 24 greys.
fn palette(number: u8) -> String {
    let twice = |value: u8| format!("{value:02x}{value:02x}");
    match number {
        0..=15 => PALETTE[usize::from(number)].to_owned(),
        16..=231 => {
            let level = |step: u8| twice(if step == 0 { 0 } else { 55 + step * 40 });
            let index = number - 16;
            format!(
                "{}/{}/{}",
                level(index / 36),
                level(index / 6 % 6),
                level(index % 6)
            )
        }
        _ => {
            let grey = twice(8 + (number - 232) * 10);
            format!("{grey}/{grey}/{grey}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(token: Token<'_>) -> Option<String> {
        let mode = |mode| match mode {
            25 => Some(true),
            1049 => Some(false),
            _ => None,
        };
        let status = Status {
            cursor: (3, 7),
            size: (120, 40),
            keyboard: 1,
            mode: &mode,
        };
        answer(token, status).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn questions_get_the_answers_of_a_terminal() {
        let csi = |body: &'static str, last| ask(Token::Csi(body.as_bytes(), last)).unwrap();
        assert_eq!(csi("6", b'n'), "\x1b[3;7R");
        assert_eq!(csi("5", b'n'), "\x1b[0n");
        assert_eq!(csi("", b'c'), csi("0", b'c'));
        assert_eq!(csi(">", b'c'), "\x1b[>1;10;0c");
        assert_eq!(csi("?", b'u'), "\x1b[?1u");
        assert_eq!(csi("18", b't'), "\x1b[8;40;120t");
        assert_eq!(csi("?25$", b'p'), "\x1b[?25;1$y");
        assert_eq!(csi("?1049$", b'p'), "\x1b[?1049;2$y");
        assert_eq!(csi("?4711$", b'p'), "\x1b[?4711;0$y");
        assert_eq!(csi("4$", b'p'), "\x1b[4;0$y");
        assert!(csi(">0", b'q').starts_with("\x1bP>|loginproof("));
    }

    #[test]
    fn colours_are_answered_with_the_terminator_of_the_question() {
        assert_eq!(
            ask(Token::Osc(b"11;?", true)).unwrap(),
            "\x1b]11;rgb:1010/1010/1010\x07"
        );
        assert_eq!(
            ask(Token::Osc(b"10;?", false)).unwrap(),
            "\x1b]10;rgb:d0d0/d0d0/d0d0\x1b\\"
        );
        assert_eq!(
            ask(Token::Osc(b"4;1;?;196;?", true)).unwrap(),
            "\x1b]4;1;rgb:aaaa/0000/0000\x07\x1b]4;196;rgb:ffff/0000/0000\x07"
        );
    }

    #[test]
    fn what_is_no_question_gets_no_answer() {
        assert_eq!(ask(Token::Csi(b"2", b'J')), None);
        assert_eq!(ask(Token::Csi(b"?2004", b'h')), None);
        assert_eq!(ask(Token::Osc(b"11;#ffffff", true)), None);
        assert_eq!(ask(Token::Osc(b"52;c;?", true)), None);
        assert_eq!(ask(Token::Text(b"6n")), None);
    }
}
