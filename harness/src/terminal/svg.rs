//! A screen as a picture, and as text.

use super::screen::Screen;

/// A screen at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Text with SGR sequences.
    formatted: String,
    /// Plain text; wrapped lines are joined, so that a long address can be searched for.
    text: String,
}

impl Picture {
    /// Takes the picture.
    #[must_use]
    pub fn of(screen: &Screen) -> Self {
        Self {
            formatted: screen.formatted(),
            text: screen.text_now(),
        }
    }

    /// As SVG.
    #[must_use]
    pub fn svg(&self) -> String {
        anstyle_svg::Term::new().render_svg(self.formatted.trim_end_matches('\n'))
    }

    /// As text, ended by a line end.
    #[must_use]
    pub fn txt(&self) -> String {
        format!("{}\n", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Picture {
        let mut screen = Screen::terminal(24, 4);
        screen.process(
            0,
            b"Enter this code:\r\n  \x1b[1;36mABCD-12345\x1b[0m <&>",
            |_| {},
        );
        Picture::of(&screen)
    }

    #[test]
    fn a_screen_is_drawn_with_its_colours() {
        insta::assert_snapshot!(picture().svg());
    }

    #[test]
    fn a_screen_is_told_as_text() {
        insta::assert_snapshot!(picture().txt(), @"
        Enter this code:
          ABCD-12345 <&>
        ");
    }
}
