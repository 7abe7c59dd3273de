//! What a person sees: the rendered screen, and beside it what the grid alone does not keep: links, title, clipboard,
//! and all text that ever stood there.

use std::collections::BTreeSet;
use std::num::NonZeroU16;

use super::modes::{KeyModes, ModesLeft};
use super::queries::{self, Status};
use super::scanner::{Scanner, Token};
use super::transcript::Transcript;

/// A link (OSC 8), with its whole address, however it is wrapped on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where it leads.
    pub url: String,
    /// The text that stands for it.
    pub text: String,
}

/// Links and clipboard texts kept at most.
const KEPT: usize = 1000;

/// The screen model.
pub struct Screen {
    grid: Option<vt100::Parser>,
    scanners: [Scanner; 2],
    /// Which pipe wrote last.
    last: usize,
    transcript: Transcript,
    links: Vec<Link>,
    open_link: Option<Link>,
    title: String,
    clipboard: Vec<String>,
    /// Flags of the kitty protocol, pushed one over the other.
    kitty: Vec<u8>,
    modes: BTreeSet<u16>,
    /// Rows between the cursor and the lowest row written so far: above it, lines are drawn again.
    above: u16,
    /// Cursor after the last text.
    text_end: Option<(u16, u16)>,
    previous: Vec<String>,
}

impl Screen {
    /// A terminal of this size in cells; 0 counts as 1.
    #[must_use]
    pub fn terminal(columns: u16, rows: u16) -> Self {
        let cells = |count| NonZeroU16::new(count).unwrap_or(NonZeroU16::MIN);
        Self {
            grid: Some(vt100::Parser::new(cells(rows), cells(columns), 0)),
            ..Self::pipes()
        }
    }

    /// No terminal: two pipes of plain text, told in the order of arrival.
    #[must_use]
    pub fn pipes() -> Self {
        Self {
            grid: None,
            scanners: [Scanner::default(), Scanner::default()],
            last: 0,
            transcript: Transcript::default(),
            links: Vec::new(),
            open_link: None,
            title: String::new(),
            clipboard: Vec::new(),
            kitty: vec![0],
            modes: BTreeSet::new(),
            above: 0,
            text_end: None,
            previous: Vec::new(),
        }
    }

    /// Draws bytes. `pipe` is 0 for the terminal or standard output, 1 for standard error. `ask` gets the answer to
    /// each question in them, in order, each given with the state at that point of the bytes.
    pub fn process(&mut self, pipe: usize, bytes: &[u8], mut ask: impl FnMut(Vec<u8>)) {
        if self.last != pipe {
            self.last = pipe;
            self.transcript.jump(false);
        }
        let mut scanner = std::mem::take(&mut self.scanners[pipe]);
        let mut fed = 0;
        scanner.feed(bytes, |end, token| {
            if let Token::Text(text) = token {
                self.draw(&bytes[fed..end - text.len()]);
                fed = end - text.len();
                self.text(text);
            }
            let before = self.cursor();
            if token == Token::EightBitCsi {
                self.draw(&bytes[fed..end - 1]);
                self.draw(b"\x1b[");
            } else {
                self.draw(&bytes[fed..end]);
            }
            fed = end;
            self.follow(token, before);
            if let Some(answer) = self.answer(token) {
                ask(answer);
            }
        });
        self.draw(&bytes[fed..]);
        self.scanners[pipe] = scanner;
    }

    /// Looks at the whole screen in a pause of the program: text that was put together from pieces and is gone now
    /// belongs into the transcript too.
    pub fn settle(&mut self) {
        if self.grid.is_none() {
            return;
        }
        let lines: Vec<String> = self.text_now().lines().map(str::to_owned).collect();
        if self.transcript.looked_at() {
            for line in std::mem::take(&mut self.previous) {
                if !lines.contains(&line) {
                    self.transcript.vanished(&line);
                }
            }
        }
        self.previous = lines;
    }

    /// After bytes were left out: whatever sequence they were in is over.
    pub fn resynchronise(&mut self, pipe: usize) {
        self.scanners[pipe].cancel();
        self.draw(b"\x18");
        self.transcript.jump(false);
    }

    /// Changes the size.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        if let (Some(grid), Some(columns), Some(rows)) = (
            &mut self.grid,
            NonZeroU16::new(columns),
            NonZeroU16::new(rows),
        ) {
            grid.set_size(rows, columns);
        }
    }

    /// What is readable now: lines that the terminal wrapped are joined, trailing blanks cut. Without a terminal this
    /// is the transcript.
    #[must_use]
    pub fn text_now(&self) -> String {
        let Some(grid) = &self.grid else {
            return self.transcript.read();
        };
        let mut text = String::new();
        for line in grid.screen().contents().lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text.truncate(text.trim_end().len());
        text
    }

    /// All text that could ever be read.
    #[must_use]
    pub fn transcript(&self) -> String {
        self.transcript.read()
    }

    /// The screen with colours: text, SGR sequences and line ends only.
    #[must_use]
    pub fn formatted(&self) -> String {
        match &self.grid {
            Some(grid) => grid.screen().contents_formatted_basic(),
            None => self.transcript.read(),
        }
    }

    /// Columns and rows; `None` without a terminal.
    #[must_use]
    pub fn size(&self) -> Option<(u16, u16)> {
        let (rows, columns) = self.grid.as_ref()?.screen().size();
        Some((columns.get(), rows.get()))
    }

    /// Links in the order in which they came, each once.
    #[must_use]
    pub fn links(&self) -> Vec<Link> {
        self.links.iter().chain(&self.open_link).cloned().collect()
    }

    /// The window's title.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What was put on the clipboard (OSC 52), as sent: base64.
    #[must_use]
    pub fn clipboard(&self) -> &[String] {
        &self.clipboard
    }

    /// Whether the alternate screen is shown.
    #[must_use]
    pub fn alternate(&self) -> bool {
        self.grid
            .as_ref()
            .is_some_and(|grid| grid.screen().alternate_screen())
    }

    /// Modes as they are now.
    #[must_use]
    pub fn modes(&self) -> ModesLeft {
        let Some(grid) = &self.grid else {
            return ModesLeft::default();
        };
        let screen = grid.screen();
        ModesLeft {
            alternate_screen: screen.alternate_screen(),
            cursor_hidden: screen.hide_cursor(),
            mouse: screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None,
            bracketed_paste: screen.bracketed_paste(),
            keyboard: self.kitty_flags() != 0,
            line_discipline_changed: false,
        }
    }

    /// How keys are to be sent now.
    #[must_use]
    pub fn key_modes(&self) -> KeyModes {
        KeyModes {
            application_cursor: self
                .grid
                .as_ref()
                .is_some_and(|grid| grid.screen().application_cursor()),
            kitty: self.kitty_flags(),
        }
    }

    fn kitty_flags(&self) -> u8 {
        self.kitty.last().copied().unwrap_or_default()
    }

    fn draw(&mut self, bytes: &[u8]) {
        if let Some(grid) = &mut self.grid
            && !bytes.is_empty()
        {
            grid.process(bytes);
        }
    }

    fn cursor(&self) -> (u16, u16) {
        self.grid
            .as_ref()
            .map_or((0, 0), |grid| grid.screen().cursor_position())
    }

    /// Text is about to be drawn: tell it in the transcript, joined to the last text where it stands beside it.
    fn text(&mut self, text: &[u8]) {
        let (row, column) = self.cursor();
        match self.text_end {
            _ if self.grid.is_none() => {}
            None => self.transcript.jump(self.above > 0),
            Some((end_row, end_column)) if row != end_row || column < end_column => {
                self.transcript.jump(self.above > 0 || row == end_row);
            }
            Some((_, end_column)) => self.transcript.blanks(column - end_column),
        }
        self.transcript.text(text);
        if let Some(link) = &mut self.open_link {
            link.text.push_str(&String::from_utf8_lossy(text));
        }
    }

    /// What a token means beside the grid. `before` is where the cursor was.
    fn follow(&mut self, token: Token<'_>, before: (u16, u16)) {
        match token {
            Token::Text(_) => self.text_end = Some(self.cursor()),
            Token::Control(b'\n' | 0x0b | 0x0c) => {
                self.transcript.newline();
                self.above = self.above.saturating_sub(1);
                self.text_end = None;
            }
            Token::Control(b'\t') if self.grid.is_none() => self.transcript.text(b"\t"),
            Token::Control(_) => {}
            Token::Csi(body, last) => {
                self.moved(before);
                self.set_modes(body, last);
            }
            Token::Escape(b'c') => {
                self.kitty = vec![0];
                self.modes.clear();
                self.moved(before);
            }
            Token::Escape(_) => self.moved(before),
            Token::Osc(body, _) => self.command(body),
            Token::EightBitCsi | Token::Dcs(_) => {}
        }
    }

    fn moved(&mut self, before: (u16, u16)) {
        let (row, _) = self.cursor();
        self.above = if row < before.0 {
            self.above.saturating_add(before.0 - row)
        } else {
            self.above.saturating_sub(row - before.0)
        };
    }

    /// Modes that the grid does not keep, or does not tell.
    fn set_modes(&mut self, body: &[u8], last: u8) {
        let Ok(text) = std::str::from_utf8(body) else {
            return;
        };
        match (last, text.split_at_checked(1)) {
            (b'h' | b'l', Some(("?", modes))) => {
                for mode in modes.split(';').filter_map(|mode| mode.parse().ok()) {
                    if last == b'h' {
                        self.modes.insert(mode)
                    } else {
                        self.modes.remove(&mode)
                    };
                }
            }
            // Kitty keyboard protocol: push, pop, set.
            (b'u', Some((">", flags))) if self.kitty.len() < 64 => {
                self.kitty.push(flags.parse().unwrap_or_default())
            }
            (b'u', Some(("<", count))) => {
                for _ in 0..count.parse::<usize>().unwrap_or(1).min(64) {
                    if self.kitty.len() > 1 {
                        self.kitty.pop();
                    }
                }
            }
            (b'u', Some(("=", rest))) => {
                let (flags, mode) = rest.split_once(';').unwrap_or((rest, "1"));
                let flags: u8 = flags.parse().unwrap_or_default();
                if let Some(now) = self.kitty.last_mut() {
                    match mode {
                        "2" => *now |= flags,
                        "3" => *now &= !flags,
                        _ => *now = flags,
                    }
                }
            }
            _ => {}
        }
    }

    fn command(&mut self, body: &[u8]) {
        let text = String::from_utf8_lossy(body);
        let Some((command, rest)) = text.split_once(';') else {
            return;
        };
        match command {
            "0" | "2" => rest.clone_into(&mut self.title),
            // OSC 8 ; parameters ; URI. The address may itself hold semicolons.
            "8" => {
                self.close_link();
                if let Some((_, url)) = rest.split_once(';')
                    && !url.is_empty()
                {
                    self.open_link = Some(Link {
                        url: url.to_owned(),
                        text: String::new(),
                    });
                }
            }
            "52" => {
                if let Some((_, data)) = rest.split_once(';')
                    && data != "?"
                    && self.clipboard.len() < KEPT
                {
                    self.clipboard.push(data.to_owned());
                }
            }
            _ => {}
        }
    }

    fn close_link(&mut self) {
        if let Some(link) = self.open_link.take()
            && self.links.len() < KEPT
            && !self.links.contains(&link)
        {
            self.links.push(link);
        }
    }

    fn answer(&self, token: Token<'_>) -> Option<Vec<u8>> {
        let size = self.size()?;
        let (row, column) = self.cursor();
        let mode = |mode: u16| self.mode(mode);
        // Behind the last column the cursor waits for the next character: it is shown, and reported, in that column.
        let column = column.min(size.0 - 1);
        let status = Status {
            cursor: (row + 1, column + 1),
            size,
            keyboard: self.kitty_flags(),
            mode: &mode,
        };
        queries::answer(token, status)
    }

    fn mode(&self, mode: u16) -> Option<bool> {
        let screen = self.grid.as_ref()?.screen();
        match mode {
            25 => Some(!screen.hide_cursor()),
            // Cursor keys, origin, wrap, mouse, focus, alternate screens, bracketed paste, synchronised output.
            1 | 6 | 7 | 9 | 47 | 1000 | 1002..=1006 | 1015 | 1047..=1049 | 2004 | 2026 => {
                Some(self.modes.contains(&mode) || mode == 7)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
