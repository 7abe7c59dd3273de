//! Modes of a terminal: those that a program can leave behind, and those that change what keys send.

/// Modes that a program can leave behind in a terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModesLeft {
    /// The alternate screen is shown.
    pub alternate_screen: bool,
    /// The cursor is hidden.
    pub cursor_hidden: bool,
    /// Mouse events are reported.
    pub mouse: bool,
    /// Pasted text is bracketed.
    pub bracketed_paste: bool,
    /// Keys come in the kitty protocol.
    pub keyboard: bool,
    /// The line discipline (echo, line editing, signals) differs from before.
    pub line_discipline_changed: bool,
}

/// How keys are to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyModes {
    /// Cursor keys in application mode (DECCKM).
    pub application_cursor: bool,
    /// Flags of the kitty keyboard protocol.
    pub kitty: u8,
}
