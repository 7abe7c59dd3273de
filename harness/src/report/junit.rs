//! JUnit XML for CI systems: a suite per target and area, a case per check of each scenario and variant.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use quick_junit::{
    NonSuccessKind, Property, Report as Document, TestCase, TestCaseStatus, TestSuite,
};

use super::text::visible;
use super::{Judgement, Record, Report, ReportError, Sink, Terms};
use crate::run::event::{CheckResult, Event, Outcome};
use crate::verdict::Verdict;

/// Writes the file at the end of a run.
pub struct Junit {
    record: Record,
    terms: Arc<Terms>,
    sink: Sink,
}

impl Junit {
    /// Writes to this file, whole or not at all.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>, terms: Arc<Terms>) -> Self {
        Self {
            record: Record::default(),
            terms,
            sink: Sink::File(path.into()),
        }
    }
}

impl Report for Junit {
    fn on(&mut self, event: &Event) -> Result<(), ReportError> {
        if !self.record.on(event) {
            return Ok(());
        }
        let text = document(&self.record, &self.terms)
            .to_string()
            .map_err(|error| ReportError::Encoding {
                report: "junit",
                message: error.to_string(),
            })?;
        self.sink.write("junit", &text)
    }
}

fn document(record: &Record, terms: &Terms) -> Document {
    let judgement = terms.judge(record);
    let mut document = Document::new("loginproof");
    document.set_time(record.duration.unwrap_or_default());
    let mut outcomes = record.outcomes.iter().peekable();
    while let Some(first) = outcomes.next() {
        let (target, area) = (&first.id.target, first.id.area());
        let mut suite = TestSuite::new(format!("{target}/{area}"));
        if let Some(info) = record.targets.iter().find(|info| info.name == *target) {
            suite.add_property(("target", info.name.as_str()));
            suite.add_property(("version", info.version.as_str()));
            suite.add_property(("network", info.network.as_str()));
        }
        suite.add_property(Property::new("seed", record.seed.to_string()));
        let mut time = Duration::ZERO;
        let mut next = Some(first);
        while let Some(outcome) = next {
            time += outcome.duration;
            for result in &outcome.results {
                suite.add_test_case(case(outcome, result, terms, &judgement));
            }
            if outcome.results.is_empty() {
                suite.add_test_case(untold(outcome));
            }
            next = outcomes.next_if(|next| next.id.target == *target && next.id.area() == area);
        }
        suite.set_time(time);
        document.add_test_suite(suite);
    }
    if let Some(suite) = whole_run(record, &judgement) {
        document.add_test_suite(suite);
    }
    document
}

/// What stands in a case's output, beside its status.
enum Told {
    Nothing,
    /// The status says the rest.
    Excerpts,
    All,
}

fn case(outcome: &Outcome, result: &CheckResult, terms: &Terms, judgement: &Judgement) -> TestCase {
    let known = judgement.baseline.known(&outcome.id, &result.check);
    let (status, told) = match (result.verdict, known) {
        // Nothing makes these harmless.
        _ if result.got_out => (
            bad(NonSuccessKind::Failure, outcome, result),
            Told::Excerpts,
        ),
        (Verdict::Error, _) => (bad(NonSuccessKind::Error, outcome, result), Told::Excerpts),
        (Verdict::Unsupported, _) => {
            let mut status = TestCaseStatus::skipped();
            status
                .set_type("unsupported")
                .set_message(shown(&result.because));
            (status, Told::Nothing)
        }
        (Verdict::Pass, _) => (TestCaseStatus::success(), Told::Nothing),
        (_, Some(known)) => {
            let mut status = TestCaseStatus::skipped();
            let link = known
                .link
                .as_ref()
                .map(|link| format!(" ({link})"))
                .unwrap_or_default();
            status
                .set_type("known")
                .set_message(shown(&format!("{}{link}", known.reason)));
            (status, Told::All)
        }
        (verdict, None) if terms.fails(verdict) => (
            bad(NonSuccessKind::Failure, outcome, result),
            Told::Excerpts,
        ),
        (_, None) => (TestCaseStatus::success(), Told::All),
    };
    let name = match &outcome.id.variant {
        Some(variant) => format!("{} [{variant}]", result.check),
        None => result.check.clone(),
    };
    let mut case = TestCase::new(shown(&name), status);
    case.set_classname(shown(&outcome.id.scenario));
    case.set_time(result.duration);
    let out = match told {
        Told::Nothing => String::new(),
        Told::Excerpts => excerpts(result),
        Told::All => format!("{}\n{}", account(outcome, result), excerpts(result)),
    };
    if !out.is_empty() {
        case.set_system_out(out);
    }
    case
}

fn bad(kind: NonSuccessKind, outcome: &Outcome, result: &CheckResult) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(result.verdict.to_string());
    status.set_message(shown(&result.because));
    status.set_description(account(outcome, result));
    status
}

/// A scenario that ended without any verdict: an error, as it is everywhere else.
fn untold(outcome: &Outcome) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status
        .set_type("error")
        .set_message("the scenario ended without a verdict");
    let mut case = TestCase::new("verdict", status);
    case.set_classname(shown(&outcome.id.scenario));
    case
}

/// What makes a run fail and belongs to no check.
fn whole_run(record: &Record, judgement: &Judgement) -> Option<TestSuite> {
    let mut suite = TestSuite::new("run");
    for stale in &judgement.baseline.stale {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type("stale").set_message(shown(&stale.message));
        let mut case = TestCase::new(shown(&stale.place), status);
        case.set_classname("baseline");
        suite.add_test_case(case);
    }
    if record.missing() > 0 {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        let message = format!(
            "{} of {} scenarios were not played",
            record.missing(),
            record.planned
        );
        status.set_type("error").set_message(message);
        let mut case = TestCase::new("complete", status);
        case.set_classname("run");
        suite.add_test_case(case);
    }
    (suite.tests > 0).then_some(suite)
}

/// The verdict and what led to it, in words.
fn account(outcome: &Outcome, result: &CheckResult) -> String {
    let mut lines = vec![format!("verdict: {} ({})", result.verdict, result.level)];
    if result.got_out {
        lines.push("a secret or a connection got out".to_owned());
    }
    lines.push(format!("case: {} {}", outcome.case, outcome.title));
    if !result.expected.is_empty() {
        lines.push(format!("expected: {}", result.expected));
    }
    lines.push(format!("seen: {}", result.because));
    if !outcome.sources.is_empty() {
        lines.push(format!("sources: {}", outcome.sources.join(", ")));
    }
    lines.push(format!("evidence: {}", outcome.evidence.display()));
    shown(&lines.join("\n"))
}

fn excerpts(result: &CheckResult) -> String {
    let mut lines = Vec::new();
    for excerpt in &result.excerpts {
        lines.push(format!("{}:", excerpt.witness));
        lines.extend(excerpt.text.lines().map(|line| format!("  {line}")));
    }
    shown(&lines.join("\n"))
}

/// Text that XML can hold. Most control characters have no form in XML 1.0 at all, not even escaped
/// (XML 1.0 §2.2), so they are spelt out.
fn shown(text: &str) -> String {
    visible(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::Baseline;
    use crate::report::sample;

    fn xml(record: &Record, terms: &Terms) -> String {
        document(record, terms).to_string().unwrap()
    }

    fn totals(verdicts: &[Verdict], terms: &Terms) -> (usize, usize, usize, usize) {
        let document = document(&sample::verdicts(verdicts), terms);
        let skipped = document.test_suites.iter().map(|suite| suite.skipped).sum();
        (document.tests, document.failures, document.errors, skipped)
    }

    #[test]
    fn the_file_of_a_run() {
        insta::assert_snapshot!(xml(&sample::record(), &Terms::default()));
    }

    #[test]
    fn each_verdict_becomes_what_it_is() {
        let all = [
            Verdict::Pass,
            Verdict::Fail,
            Verdict::Nonstrict,
            Verdict::Info,
            Verdict::Unsupported,
            Verdict::Unclean,
            Verdict::Error,
        ];
        assert_eq!(totals(&all, &Terms::default()), (7, 1, 1, 1));
        assert_eq!(
            totals(
                &all,
                &Terms {
                    strict: true,
                    ..Terms::default()
                }
            ),
            (7, 4, 1, 1)
        );
    }

    #[test]
    fn a_known_failure_is_skipped_and_a_stale_entry_fails() {
        let entry = |check: &str| {
            format!(
                "[[known]]\nscenario = \"area/name\"\ncheck = \"{check}\"\nverdict = \"fail\"\nreason = \"old\"\n"
            )
        };
        let text = format!("{}{}", entry("check-0"), entry("check-1"));
        let baseline = Baseline::parse("known.toml", &text).unwrap();
        let terms = Terms {
            baseline,
            ..Terms::default()
        };
        assert_eq!(
            totals(&[Verdict::Fail, Verdict::Pass], &terms),
            (3, 1, 0, 1)
        );
    }

    #[test]
    fn a_run_cut_short_is_an_error() {
        let mut record = sample::verdicts(&[Verdict::Pass]);
        record.planned = 3;
        let document = document(&record, &Terms::default());
        assert_eq!((document.tests, document.errors), (2, 1));
    }

    #[test]
    fn characters_that_xml_cannot_hold_are_spelt_out() {
        let mut record = sample::verdicts(&[Verdict::Fail]);
        record.outcomes[0].results[0].because =
            "bell \u{7} nul \0 noncharacter \u{ffff} <&\"]]>".to_owned();
        let xml = xml(&record, &Terms::default());
        let allowed = |c: char| matches!(c, '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        assert!(xml.chars().all(allowed));
        assert!(xml.contains("bell \\u{7} nul \\u{0}"), "{xml}");
        assert!(quick_junit::Report::deserialize_from_str(&xml).is_ok());
    }
}
