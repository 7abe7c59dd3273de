//! The end of a run for a person: a table by area, then everything worth a look, with its evidence.

mod findings;
mod table;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use super::text::{Paint, counted, seconds, visible};
use super::{Counts, ExitStatus, Judgement, Record, Report, ReportError, Terms, write_stream};
use crate::run::event::Event;
use crate::verdict::Verdict;

/// Columns where the stream is no terminal.
const WIDTH: usize = 80;

/// Writes the report at the end of a run.
pub struct Human {
    record: Record,
    terms: Arc<Terms>,
    page: Page,
    stream: Box<dyn Write + Send>,
}

/// How the report is laid out.
#[derive(Clone, Debug)]
struct Page {
    width: usize,
    paint: Paint,
    /// What to write after `--target` to get a target again, where that is not its name.
    targets: BTreeMap<String, String>,
    /// What else to write to get the same run again: `--seed 7`.
    arguments: Vec<String>,
}

impl Human {
    /// To standard output: as wide as the terminal, in colours where that is one.
    #[must_use]
    pub fn new(terms: Arc<Terms>) -> Self {
        let stdout = io::stdout();
        let paint = Paint::of(&stdout);
        let width = if stdout.is_terminal() {
            terminal_width().unwrap_or(WIDTH)
        } else {
            WIDTH
        };
        Self::with(stdout, width, paint, terms)
    }

    /// To any stream, without colours, at this width.
    #[must_use]
    pub fn plain(stream: impl Write + Send + 'static, width: usize, terms: Arc<Terms>) -> Self {
        Self::with(stream, width, Paint { colour: false }, terms)
    }

    fn with(
        stream: impl Write + Send + 'static,
        width: usize,
        paint: Paint,
        terms: Arc<Terms>,
    ) -> Self {
        // Wider lines are no longer read, narrower ones no longer hold a word.
        let page = Page {
            width: width.clamp(50, 120),
            paint,
            targets: BTreeMap::new(),
            arguments: Vec::new(),
        };
        Self {
            record: Record::default(),
            terms,
            page,
            stream: Box::new(stream),
        }
    }

    /// What stood after `--target` on the command line, for a target whose name alone does not find it again.
    #[must_use]
    pub fn target_argument(mut self, name: impl Into<String>, argument: impl Into<String>) -> Self {
        self.page.targets.insert(name.into(), argument.into());
        self
    }

    /// Arguments of this run that a scenario needs to be played again alike, such as `--seed 7` or `--suite DIR`.
    #[must_use]
    pub fn arguments(mut self, arguments: impl IntoIterator<Item = String>) -> Self {
        self.page.arguments.extend(arguments);
        self
    }
}

impl Report for Human {
    fn on(&mut self, event: &Event) -> Result<(), ReportError> {
        if !self.record.on(event) {
            return Ok(());
        }
        let text = render(&self.record, &self.terms, &self.page);
        write_stream(self.stream.as_mut(), &text).map_err(|source| ReportError::Stream {
            report: "human",
            source,
        })
    }
}

fn render(record: &Record, terms: &Terms, page: &Page) -> String {
    let judgement = terms.judge(record);
    let mut lines = Vec::new();
    table::write(&mut lines, record, page);
    findings::write(&mut lines, record, terms, &judgement, page);
    unsupported(&mut lines, record, page);
    beside(&mut lines, &judgement, page);
    closing(&mut lines, record, &judgement, page);
    let mut text = String::new();
    for line in lines {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// What a target does not claim: told once for each reason.
fn unsupported(lines: &mut Vec<String>, record: &Record, page: &Page) {
    let mut reasons: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for outcome in &record.outcomes {
        for result in outcome
            .results
            .iter()
            .filter(|result| result.verdict == Verdict::Unsupported)
        {
            *reasons
                .entry((&outcome.id.target, &result.because))
                .or_default() += 1;
        }
    }
    if reasons.is_empty() {
        return;
    }
    lines.push(page.paint.bold("Not asked"));
    for ((target, reason), count) in reasons {
        let text = format!("{target}: {}, {reason}", counted(count, "check"));
        page.wrap(lines, "  ", "    ", &visible(&text));
    }
    lines.push(String::new());
}

/// What the baseline expects, and what it expects no longer.
fn beside(lines: &mut Vec<String>, judgement: &Judgement, page: &Page) {
    let comparison = &judgement.baseline;
    if !comparison.known.is_empty() {
        lines.push(page.paint.bold("Known, and expected by the baseline"));
        for known in &comparison.known {
            let variant = known
                .id
                .variant
                .as_ref()
                .map(|variant| format!(" ({variant})"))
                .unwrap_or_default();
            let link = known
                .link
                .as_ref()
                .map(|link| format!(" {link}"))
                .unwrap_or_default();
            let text = format!(
                "{} {}{variant}: {} is {}: {}{link}",
                known.id.target, known.id.scenario, known.check, known.verdict, known.reason
            );
            page.wrap(lines, "  ", "    ", &text);
        }
        lines.push(String::new());
    }
    if !comparison.stale.is_empty() {
        lines.push(page.paint.bold("Stale entries of the baseline"));
        for stale in &comparison.stale {
            page.wrap(
                lines,
                "  ",
                "    ",
                &format!("{}: {}", stale.place, stale.message),
            );
        }
        lines.push(String::new());
    }
}

fn closing(lines: &mut Vec<String>, record: &Record, judgement: &Judgement, page: &Page) {
    let counts = Counts::of(record.results());
    let mut played = counted(record.scenarios(), "scenario");
    if record.outcomes.len() != record.scenarios() {
        played = format!("{played} ({} with variants)", record.outcomes.len());
    }
    let each: Vec<String> = counts
        .each()
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(verdict, count)| page.paint.verdict(*verdict, &format!("{count} {verdict}")))
        .collect();
    let known = judgement.baseline.known.len();
    let known = if known > 0 {
        format!(" ({known} known)")
    } else {
        String::new()
    };
    let tally = if each.is_empty() {
        String::new()
    } else {
        format!(": {}{known}", each.join(", "))
    };
    page.wrap(
        lines,
        "",
        "  ",
        &format!(
            "{played}, {} in {}{tally}",
            counted(counts.total(), "check"),
            seconds(record.duration.unwrap_or_default())
        ),
    );
    if record.missing() > 0 {
        let text = format!(
            "{} of {} scenarios were not played",
            record.missing(),
            record.planned
        );
        lines.push(page.paint.verdict(Verdict::Error, &text));
    }
    let left_out: usize = record.left_out.values().sum();
    if left_out > 0 {
        let text = format!("{left_out} more variants were left out; --variants all plays them");
        page.wrap(lines, "", "  ", &text);
    }
    lines.push(format!(
        "seed {}, evidence in {}",
        record.seed,
        visible(&record.out.display().to_string())
    ));
    let status = judgement.status;
    let text = format!("exit status {}: {}", status.code(), status.meaning());
    let verdict = if status == ExitStatus::AsExpected {
        Verdict::Pass
    } else {
        Verdict::Fail
    };
    lines.push(page.paint.verdict(verdict, &text));
}

impl Page {
    /// Adds text, wrapped at words; the first line begins with `first`, the others with `rest`.
    fn wrap(&self, lines: &mut Vec<String>, first: &str, rest: &str, text: &str) {
        let options = textwrap::Options::new(self.width)
            .initial_indent(first)
            .subsequent_indent(rest)
            // A hyphen belongs to the name it stands in; a name broken there can no longer be searched for.
            .word_splitter(textwrap::WordSplitter::NoHyphenation)
            .word_separator(textwrap::WordSeparator::AsciiSpace);
        // Painted text has passed `visible` piece by piece; its colours would not survive a second time.
        lines.extend(
            textwrap::wrap(text, options)
                .into_iter()
                .map(|line| line.into_owned()),
        );
    }
}

fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

#[cfg(test)]
mod tests;
