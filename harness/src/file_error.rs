//! Errors in files that people write: what is wrong, in which file, at which line, with a caret and advice.

use std::fmt;
use std::ops::Range;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

/// A mistake in a scenario, target, baseline or fixture file.
#[derive(Debug)]
pub struct FileError(Box<Mistake>);

#[derive(Debug)]
struct Mistake {
    message: String,
    source: NamedSource<String>,
    span: Option<Range<usize>>,
    help: Option<String>,
}

impl FileError {
    /// A mistake at a place of `text`, the content of `file`.
    #[must_use]
    pub fn new(
        file: &str,
        text: &str,
        span: Option<Range<usize>>,
        message: impl Into<String>,
    ) -> Self {
        Self(Box::new(Mistake {
            message: message.into(),
            source: NamedSource::new(file, text.to_owned()),
            span,
            help: None,
        }))
    }

    /// Adds advice.
    #[must_use]
    pub fn with_help(mut self, help: Option<String>) -> Self {
        self.0.help = help.or(self.0.help);
        self
    }

    /// The mistake that a YAML reader reports.
    #[must_use]
    pub fn from_yaml(file: &str, text: &str, error: &serde_saphyr::Error) -> Self {
        let error = error.without_snippet();
        let span = error.location().map(|location| {
            let start = offset(text, location.line(), location.column());
            start..end_of_word(text, start)
        });
        let message = error.render_with_options(serde_saphyr::RenderOptions::default());
        // The reader appends the place in words; the caret says it better.
        let message = message
            .split(" at line ")
            .next()
            .unwrap_or(&message)
            .trim_start_matches("error: ")
            .to_owned();
        let help = advice(&message);
        Self::new(file, text, span, message).with_help(help)
    }

    /// The mistake that a TOML reader reports.
    #[must_use]
    pub fn from_toml(file: &str, text: &str, error: &toml::de::Error) -> Self {
        Self::from_reader(file, text, error.span(), error.message())
    }

    /// A mistake in a reader's words, with advice where they name what is known.
    #[must_use]
    pub fn from_reader(file: &str, text: &str, span: Option<Range<usize>>, message: &str) -> Self {
        Self::new(file, text, span, message).with_help(advice(message))
    }

    /// A mistake that stands where `needle` first occurs in the text.
    #[must_use]
    pub fn at(file: &str, text: &str, needle: &str, message: impl Into<String>) -> Self {
        let span = text.find(needle).map(|start| start..start + needle.len());
        Self::new(file, text, span, message)
    }

    /// What is wrong, without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for FileError {}

impl Diagnostic for FileError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0
            .help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.0.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.0.span.clone()?;
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(
            Some("here".to_owned()),
            span,
        ))))
    }
}

/// The word of `known` that somebody probably meant by `word`.
#[must_use]
pub fn suggestion<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .map(|(_, candidate)| candidate)
}

/// Advice on serde's "unknown field `x`, expected one of `a`, `b`" and its kin.
fn advice(message: &str) -> Option<String> {
    if !message.starts_with("unknown") {
        return None;
    }
    let wrong = message.split('`').nth(1)?;
    let (_, known) = message.split_once("expected ")?;
    let known = known
        .trim_start_matches("one of ")
        .split([',', ' ', '`'])
        .filter(|word| !word.is_empty());
    let meant = suggestion(wrong, known)?;
    Some(format!("did you mean `{meant}`?"))
}

fn offset(text: &str, line: u64, column: u64) -> usize {
    let line = usize::try_from(line).unwrap_or(usize::MAX).max(1);
    let column = usize::try_from(column).unwrap_or(usize::MAX).max(1);
    let start: usize = text
        .split_inclusive('\n')
        .take(line - 1)
        .map(str::len)
        .sum();
    let row = text[start.min(text.len())..]
        .lines()
        .next()
        .unwrap_or_default();
    start
        + row
            .char_indices()
            .nth(column - 1)
            .map_or(row.len(), |(index, _)| index)
}

fn end_of_word(text: &str, start: usize) -> usize {
    let rest = &text[start.min(text.len())..];
    let length = rest
        .find(|c: char| c.is_whitespace() || matches!(c, ':' | ',' | ']' | '}'))
        .unwrap_or(rest.len());
    start + length.max(1).min(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_word_is_recognised_and_a_strange_one_is_not() {
        assert_eq!(
            suggestion("requets", ["requests", "screen"]),
            Some("requests")
        );
        assert_eq!(suggestion("zebra", ["requests", "screen"]), None);
    }

    #[test]
    fn an_unknown_field_brings_the_field_that_was_meant() {
        assert_eq!(
            advice("unknown field `tims`, expected one of `when`, `times`, `answer`"),
            Some("did you mean `times`?".to_owned())
        );
        assert_eq!(advice("missing field `case`"), None);
    }
}
