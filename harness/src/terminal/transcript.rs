//! All text that could ever be read, in the order in which it was written: what scrolled away and what was redrawn
//! included, escape sequences left out.

use std::collections::VecDeque;

/// How much of the start and of the end is kept.
const EACH: usize = 512 * 1024;
/// A line that is drawn again unchanged is not told again, when it is among so many last ones.
const RECENT: usize = 200;

/// The text so far.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    head: String,
    tail: VecDeque<String>,
    tail_size: usize,
    line: String,
    /// The current line is drawn over text that stood there before.
    redrawn: bool,
    /// Start of a character whose rest has not come yet.
    partial: Vec<u8>,
    recent: VecDeque<String>,
    cut: bool,
    /// Lines told since the screen was last looked at.
    since_look: usize,
}

impl Transcript {
    /// Adds printable bytes to the current line.
    pub(super) fn text(&mut self, bytes: &[u8]) {
        if self.partial.is_empty() {
            self.decode(bytes);
        } else {
            let mut all = std::mem::take(&mut self.partial);
            all.extend_from_slice(bytes);
            self.decode(&all);
        }
        // A line without end, such as one long base64 text, must not grow without bound.
        if self.line.len() > EACH / 4 {
            self.newline();
        }
    }

    /// Adds blanks that the program skipped over.
    pub(super) fn blanks(&mut self, count: u16) {
        self.line.extend(std::iter::repeat_n(' ', count.into()));
    }

    /// Ends the current line. The next one is new.
    pub(super) fn newline(&mut self) {
        self.partial.clear();
        let line = std::mem::take(&mut self.line);
        let line = line.trim_end();
        let redrawn = std::mem::take(&mut self.redrawn);
        let blank = line.is_empty() && self.recent.back().is_none_or(String::is_empty);
        if blank
            || (redrawn && (line.is_empty() || self.recent.iter().any(|recent| recent == line)))
        {
            return;
        }
        self.push(line.to_owned());
    }

    /// Ends the current line, because the program goes on elsewhere; the next one is drawn over older text.
    pub(super) fn jump(&mut self, over: bool) {
        if !self.line.is_empty() {
            self.newline();
        }
        self.redrawn |= over;
    }

    /// Whether so little was written since the last call that lines which vanished can be looked up.
    pub(super) fn looked_at(&mut self) -> bool {
        std::mem::take(&mut self.since_look) < RECENT / 2
    }

    /// Adds a line that stood on the screen and is gone, unless it was written as a whole.
    pub(super) fn vanished(&mut self, line: &str) {
        let line = line.trim();
        let known = line.is_empty()
            || self.line.contains(line)
            || self.recent.iter().any(|recent| recent.contains(line));
        if !known {
            self.jump(false);
            self.push(line.to_owned());
        }
    }

    /// The text, with a mark where its middle was dropped.
    pub(super) fn read(&self) -> String {
        let mut text =
            String::with_capacity(self.head.len() + self.tail_size + self.line.len() + 4);
        text.push_str(&self.head);
        if self.cut {
            text.push_str("…\n");
        }
        for line in &self.tail {
            text.push_str(line);
            text.push('\n');
        }
        text.push_str(self.line.trim_end());
        text.truncate(text.trim_end_matches('\n').len());
        text
    }

    fn push(&mut self, line: String) {
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(line.clone());
        self.since_look += 1;
        if self.head.len() < EACH {
            self.head.push_str(&line);
            self.head.push('\n');
            return;
        }
        self.tail_size += line.len() + 1;
        self.tail.push_back(line);
        while self.tail_size > EACH {
            let Some(line) = self.tail.pop_front() else {
                break;
            };
            self.tail_size -= line.len() + 1;
            self.cut = true;
        }
    }

    fn decode(&mut self, mut bytes: &[u8]) {
        loop {
            match std::str::from_utf8(bytes) {
                Ok(text) => return self.line.push_str(text),
                Err(error) => {
                    let (good, rest) = bytes.split_at(error.valid_up_to());
                    self.line.push_str(&String::from_utf8_lossy(good));
                    let Some(bad) = error.error_len() else {
                        self.partial = rest.to_vec();
                        return;
                    };
                    self.line.push(char::REPLACEMENT_CHARACTER);
                    bytes = &rest[bad..];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redrawn_line_is_told_once_and_a_changed_one_again() {
        let mut transcript = Transcript::default();
        for line in ["Waiting |", "Waiting /", "Waiting |"] {
            transcript.jump(true);
            transcript.text(line.as_bytes());
        }
        transcript.newline();
        assert_eq!(transcript.read(), "Waiting |\nWaiting /");
    }

    #[test]
    fn a_character_split_over_reads_is_whole() {
        let mut transcript = Transcript::default();
        let bytes = "grün".as_bytes();
        transcript.text(&bytes[..3]);
        transcript.text(&bytes[3..]);
        transcript.text(b"\xff!");
        assert_eq!(transcript.read(), "grün\u{fffd}!");
    }

    #[test]
    fn a_flood_stays_bounded() {
        let mut transcript = Transcript::default();
        for number in 0..200_000 {
            transcript.text(format!("line {number}").as_bytes());
            transcript.newline();
        }
        let text = transcript.read();
        assert!(text.len() < 3 * EACH);
        assert!(text.starts_with("line 0\n"));
        assert!(text.contains("\n…\n"));
        assert!(text.ends_with("line 199999"));
    }
}
