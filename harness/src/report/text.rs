//! Text for terminals: colours, widths, and nothing that a program under test could play on the reader.

use std::borrow::Cow;
use std::io::IsTerminal;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Style};
use textwrap::core::display_width;

use crate::verdict::Verdict;

/// Colours a piece of text, or leaves it as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Paint {
    pub(super) colour: bool,
}

impl Paint {
    /// Colours where the stream is a terminal and nobody asked for none (https://no-color.org).
    pub(super) fn of(stream: &impl IsTerminal) -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self {
            colour: stream.is_terminal() && !unwanted,
        }
    }

    pub(super) fn verdict(self, verdict: Verdict, text: &str) -> String {
        let style = match verdict {
            Verdict::Pass => AnsiColor::Green.on_default(),
            Verdict::Fail => AnsiColor::Red.on_default().bold(),
            Verdict::Error => AnsiColor::Magenta.on_default().bold(),
            Verdict::Nonstrict | Verdict::Unclean => AnsiColor::Yellow.on_default(),
            Verdict::Info => AnsiColor::Cyan.on_default(),
            Verdict::Unsupported => Style::new().dimmed(),
        };
        self.styled(style, text)
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.styled(Style::new().bold(), text)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.styled(Style::new().dimmed(), text)
    }

    fn styled(self, style: Style, text: &str) -> String {
        if self.colour {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

/// Control characters made visible: what a program under test printed must not move the reader's cursor.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    let harmless = |c: char| c == '\n' || !(c.is_control() || reorders(c));
    if text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\t' => shown.push_str("    "),
            '\r' => shown.push_str("\\r"),
            c if harmless(c) => shown.push(c),
            c => shown.extend(c.escape_default()),
        }
    }
    Cow::Owned(shown)
}

/// Marks that change the direction of what follows them.
fn reorders(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Cuts a line to a width in columns; a cut line ends in `…`.
pub(super) fn clip(line: &str, width: usize) -> Cow<'_, str> {
    if display_width(line) <= width {
        return Cow::Borrowed(line);
    }
    let mut cut = String::new();
    let mut used = 0;
    for c in line.chars() {
        let columns = display_width(c.encode_utf8(&mut [0; 4]));
        if used + columns + 1 > width {
            break;
        }
        used += columns;
        cut.push(c);
    }
    cut.push('…');
    Cow::Owned(cut)
}

/// `0.4 s`, `2 min 5 s`.
pub(crate) fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    if whole >= 60 {
        format!("{} min {} s", whole / 60, whole % 60)
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

/// `1 check`, `2 checks`.
pub(crate) fn counted(count: usize, thing: &str) -> String {
    if count == 1 {
        format!("1 {thing}")
    } else {
        format!("{count} {thing}s")
    }
}

/// One word of a shell command, quoted where it must be.
pub(crate) fn shell_word(word: &str) -> Cow<'_, str> {
    let plain = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '@' | '+' | ',')
    };
    if !word.is_empty() && word.chars().all(plain) {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_cannot_move_the_readers_cursor() {
        assert_eq!(
            visible("a\x1b[2Jb\r\nc\td\u{202e}e"),
            "a\\u{1b}[2Jb\\r\nc    d\\u{202e}e"
        );
    }

    #[test]
    fn a_line_is_cut_to_its_width_in_columns() {
        assert_eq!(clip("abcdef", 6), "abcdef");
        assert_eq!(clip("abcdefg", 6), "abcde…");
        assert_eq!(clip("漢字漢字", 6), "漢字…");
    }

    #[test]
    fn a_word_with_quotes_survives_a_shell() {
        assert_eq!(shell_word("refresh/reused"), "refresh/reused");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word(""), "''");
    }

    #[test]
    fn durations_read_as_people_say_them() {
        assert_eq!(seconds(Duration::from_millis(449)), "0.4 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 5 s");
    }

    #[test]
    fn colours_end_where_they_began() {
        let painted = Paint { colour: true }.verdict(Verdict::Fail, "FAIL");
        assert!(
            painted.starts_with('\u{1b}') && painted.ends_with("\u{1b}[0m"),
            "{painted:?}"
        );
        assert_eq!(
            Paint { colour: false }.verdict(Verdict::Fail, "FAIL"),
            "FAIL"
        );
    }
}
