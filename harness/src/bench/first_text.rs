//! When the first words of an answer could be read.

use std::time::Instant;

use crate::run::turn::{Asked, Turn};
use crate::terminal::Stream;

/// Words are looked for in so much of what a program writes.
const SEARCHED: usize = 1 << 20;

/// When the first words of one of these messages stood on the screen or on standard output; the first program's, where
/// there are several.
pub(super) fn moment(turn: &Turn, messages: &[String]) -> Option<Instant> {
    let words = words(messages.first()?)?;
    let shown = turn
        .programs
        .iter()
        .filter_map(|program| shown(program, words));
    shown.min()
}

fn shown(program: &Asked, words: &str) -> Option<Instant> {
    let mut text = Vec::new();
    for chunk in &program.written {
        if !matches!(chunk.stream, Stream::Terminal | Stream::Stdout) {
            continue;
        }
        // The words may be cut by the end of a piece.
        let from = text.len().saturating_sub(words.len());
        text.extend_from_slice(&chunk.bytes);
        if holds(&text[from..], words.as_bytes()) {
            return Some(program.began + chunk.at);
        }
        if text.len() > SEARCHED {
            return None;
        }
    }
    None
}

fn holds(text: &[u8], words: &[u8]) -> bool {
    text.windows(words.len()).any(|window| window == words)
}

/// The first run of plain letters and spaces that is long enough to be nobody else's: no escape of JSON and no wrap of a
/// renderer stands in it.
fn words(message: &str) -> Option<&str> {
    const LENGTH: std::ops::RangeInclusive<usize> = 8..=16;
    let plain = |c: char| c.is_ascii_alphabetic() || c == ' ';
    let runs = message.split(|c: char| !plain(c)).map(str::trim);
    let mut long = runs.filter(|run| run.len() >= *LENGTH.start());
    long.next()
        .map(|run| run[..run.len().min(*LENGTH.end())].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_no_renderer_changes_are_looked_for() {
        assert_eq!(
            words("für \"so\" the reader takes what"),
            Some("the reader takes")
        );
        assert_eq!(words("a\n\nb"), None);
        assert!(holds(b"..the reader takes..", b"the reader"));
    }
}
