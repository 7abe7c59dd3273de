//! What is happening now, on standard error: a bar on a terminal, plain lines elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::text::{Paint, clip, counted, seconds, visible};
use super::{Counts, Report, ReportError};
use crate::run::event::{Event, Outcome, ScenarioRef};
use crate::verdict::Verdict;

/// Progress of a run.
pub struct Live {
    view: View,
    paint: Paint,
    several_targets: bool,
    running: Vec<ScenarioRef>,
    counts: Counts,
}

enum View {
    /// A bar at the bottom, findings above it.
    Bar(ProgressBar),
    /// One line per finished scenario.
    Lines(Box<dyn Write + Send>),
}

impl Live {
    /// A bar where standard error is a terminal that nobody but a person reads; lines elsewhere.
    #[must_use]
    pub fn new() -> Self {
        let stderr = io::stderr();
        let paint = Paint::of(&stderr);
        // A CI system may offer a terminal too; its log keeps every redrawn bar.
        let ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let view = if stderr.is_terminal() && !ci && !dumb {
            View::Bar(bar())
        } else {
            View::Lines(Box::new(stderr))
        };
        Self::with(view, paint)
    }

    /// Plain lines without colours, to `stream`.
    #[must_use]
    pub fn lines(stream: impl Write + Send + 'static) -> Self {
        Self::with(View::Lines(Box::new(stream)), Paint { colour: false })
    }

    fn with(view: View, paint: Paint) -> Self {
        Self {
            view,
            paint,
            several_targets: false,
            running: Vec::new(),
            counts: Counts::default(),
        }
    }

    fn say(&mut self, lines: &[String]) -> io::Result<()> {
        match &mut self.view {
            View::Bar(bar) => lines.iter().for_each(|line| bar.println(line)),
            View::Lines(stream) => {
                for line in lines {
                    writeln!(stream, "{line}")?;
                }
                stream.flush()?;
            }
        }
        Ok(())
    }

    fn redraw(&self) {
        let View::Bar(bar) = &self.view else { return };
        let noted = |(verdict, count): &(Verdict, usize)| {
            let quiet = matches!(
                verdict,
                Verdict::Pass | Verdict::Info | Verdict::Unsupported
            );
            (*count > 0 && !quiet)
                .then(|| self.paint.verdict(*verdict, &format!("{count} {verdict}")))
        };
        let noted: Vec<String> = self.counts.each().iter().filter_map(noted).collect();
        bar.set_prefix(noted.join(" "));
        let names: Vec<String> = self.running.iter().map(|id| self.name(id)).collect();
        bar.set_message(names.join("  "));
    }

    fn name(&self, id: &ScenarioRef) -> String {
        let mut name = String::new();
        if self.several_targets {
            name = format!("{} ", id.target);
        }
        name.push_str(&id.scenario);
        if let Some(variant) = &id.variant {
            name = format!("{name} ({variant})");
        }
        visible(&name).into_owned()
    }

    /// `FAIL refresh/reused  12 checks, 1 fail  0.4 s`, and a line for each check to look at.
    fn finished(&self, outcome: &Outcome) -> Vec<String> {
        let counts = Counts::of(&outcome.results);
        let mut tally = counted(counts.total(), "check");
        for (verdict, count) in counts.each() {
            if count > 0 && verdict != Verdict::Pass {
                tally = format!("{tally}, {count} {verdict}");
            }
        }
        let verdict = headline(outcome);
        let word = verdict.to_string().to_uppercase();
        let mut lines = vec![format!(
            "{} {}  {tally}  {}",
            self.paint.verdict(verdict, &word),
            self.name(&outcome.id),
            seconds(outcome.duration)
        )];
        for result in &outcome.results {
            if matches!(result.verdict, Verdict::Fail | Verdict::Error) {
                let seen = visible(&result.because).replace('\n', " ");
                let line = format!("     {} ({}): {seen}", result.check, result.level);
                lines.push(clip(&line, 160).into_owned());
            }
        }
        lines
    }
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}

impl Report for Live {
    fn on(&mut self, event: &Event) -> Result<(), ReportError> {
        let mut lines = Vec::new();
        match event {
            Event::Started { targets, total, .. } => {
                self.several_targets = targets.len() > 1;
                if let View::Bar(bar) = &self.view {
                    bar.set_length(*total as u64);
                }
            }
            Event::ScenarioStarted(id) => self.running.push(id.clone()),
            Event::ScenarioFinished(outcome) => {
                self.running.retain(|id| *id != outcome.id);
                self.counts = self.counts.plus(Counts::of(&outcome.results));
                let grave = matches!(headline(outcome), Verdict::Fail | Verdict::Error);
                // Above a bar only what went wrong: the bar counts the rest.
                if grave || matches!(self.view, View::Lines(_)) {
                    lines = self.finished(outcome);
                }
                if let View::Bar(bar) = &self.view {
                    bar.inc(1);
                }
            }
            Event::Finished { .. } => {
                if let View::Bar(bar) = &self.view {
                    bar.finish_and_clear();
                }
            }
        }
        self.redraw();
        self.say(&lines).map_err(|source| ReportError::Stream {
            report: "live",
            source,
        })
    }
}

/// The word for a whole scenario: what is only reported does not hide that the rest holds.
fn headline(outcome: &Outcome) -> Verdict {
    let worst = outcome.worst();
    let some_pass = outcome
        .results
        .iter()
        .any(|result| result.verdict == Verdict::Pass);
    match worst {
        Verdict::Unsupported | Verdict::Info if some_pass => Verdict::Pass,
        worst => worst,
    }
}

fn bar() -> ProgressBar {
    let style =
        ProgressStyle::with_template("{bar:20} {pos}/{len}  {elapsed}  {prefix}  {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(0).with_style(style.progress_chars("=> "));
    // The clock goes on while a scenario waits, so that a slow run does not look dead.
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::report::sample;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines(events: &[Event]) -> String {
        let shared = Shared::default();
        let mut live = Live::lines(shared.clone());
        for event in events {
            live.on(event).unwrap();
        }
        let written = shared.0.lock().unwrap().clone();
        String::from_utf8(written).unwrap()
    }

    #[test]
    fn each_finished_scenario_is_one_line_and_its_failures() {
        insta::assert_snapshot!(lines(&sample::events()));
    }

    #[test]
    fn a_scenario_that_passes_apart_from_what_is_only_reported_passes() {
        let record = sample::verdicts(&[Verdict::Pass, Verdict::Info, Verdict::Unsupported]);
        assert_eq!(headline(&record.outcomes[0]), Verdict::Pass);
        let record = sample::verdicts(&[Verdict::Unsupported]);
        assert_eq!(headline(&record.outcomes[0]), Verdict::Unsupported);
        let record = sample::verdicts(&[]);
        assert_eq!(headline(&record.outcomes[0]), Verdict::Error);
    }

    #[test]
    fn what_runs_now_is_forgotten_when_it_ends() {
        let mut live = Live::lines(io::sink());
        for event in sample::events() {
            live.on(&event).unwrap();
        }
        assert!(live.running.is_empty());
        assert_eq!(live.counts, Counts::of(sample::record().results()));
    }
}
