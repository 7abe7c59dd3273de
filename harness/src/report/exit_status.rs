//! What a run's exit status says, and how it follows from the verdicts.

use std::process::ExitCode;

use crate::baseline::{Baseline, Comparison};
use crate::report::Record;
use crate::verdict::Verdict;

/// The exit status of the command line. The numbers are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ExitStatus {
    /// Every verdict is as expected.
    AsExpected = 0,
    /// A verdict nobody expected, or an entry of the baseline that no longer comes true.
    Unexpected = 1,
    /// The command line or a file is wrong.
    Usage = 2,
    /// The harness or its surroundings failed: a verdict `error`, or scenarios that were never played.
    Harness = 3,
    /// The filters select nothing.
    NothingSelected = 4,
    /// A secret or a connection got out.
    GotOut = 5,
}

impl ExitStatus {
    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What it means, in a few words.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::AsExpected => "as expected",
            Self::Unexpected => "unexpected verdict or stale baseline",
            Self::Usage => "usage or file error",
            Self::Harness => "harness or environment error",
            Self::NothingSelected => "nothing selected",
            Self::GotOut => "a secret or a connection got out",
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}

/// What a run is measured by.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// `nonstrict`, `info` and `unclean` count as failures too.
    pub strict: bool,
    /// Verdicts known beforehand; an empty one expects nothing.
    pub baseline: Baseline,
    /// Every scenario of the suite was selected, slow ones included, so that an entry of the baseline that
    /// meets nothing is stale.
    pub whole: bool,
}

/// A run, measured.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// How the command ends.
    pub status: ExitStatus,
    /// What the baseline had to say.
    pub baseline: Comparison,
}

impl Terms {
    /// Measures a run.
    #[must_use]
    pub fn judge(&self, record: &Record) -> Judgement {
        let baseline = self
            .baseline
            .compare(&record.targets, &record.outcomes, self.whole);
        Judgement {
            status: exit_status(record, &baseline, self.strict),
            baseline,
        }
    }

    /// Whether this verdict makes a run fail when nobody expected it. `error` is not a failure of the program;
    /// it has an exit status of its own.
    #[must_use]
    pub fn fails(&self, verdict: Verdict) -> bool {
        fails(verdict, self.strict)
    }
}

/// The exit status of a run. What weighs more wins: got out (which no baseline excuses), harness, unexpected.
#[must_use]
pub fn exit_status(record: &Record, baseline: &Comparison, strict: bool) -> ExitStatus {
    if record.results().any(|result| result.got_out) {
        return ExitStatus::GotOut;
    }
    if record.planned == 0 && record.outcomes.is_empty() {
        return ExitStatus::NothingSelected;
    }
    // A scenario without a single verdict says nothing about the program.
    let untold = record
        .outcomes
        .iter()
        .any(|outcome| outcome.results.is_empty());
    let broken = record
        .results()
        .any(|result| result.verdict == Verdict::Error);
    if untold || broken || record.missing() > 0 {
        return ExitStatus::Harness;
    }
    let unexpected = record.outcomes.iter().any(|outcome| {
        outcome.results.iter().any(|result| {
            fails(result.verdict, strict) && !baseline.expects(&outcome.id, &result.check)
        })
    });
    if unexpected || !baseline.stale.is_empty() {
        return ExitStatus::Unexpected;
    }
    ExitStatus::AsExpected
}

fn fails(verdict: Verdict, strict: bool) -> bool {
    match verdict {
        Verdict::Fail => true,
        Verdict::Nonstrict | Verdict::Info | Verdict::Unclean => strict,
        Verdict::Pass | Verdict::Unsupported | Verdict::Error => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::verdict::Level;

    fn status(verdicts: &[Verdict], strict: bool) -> ExitStatus {
        Terms {
            strict,
            ..Terms::default()
        }
        .judge(&sample::verdicts(verdicts))
        .status
    }

    #[test]
    fn passes_and_unsupported_checks_are_as_expected() {
        assert_eq!(
            status(&[Verdict::Pass, Verdict::Unsupported], true),
            ExitStatus::AsExpected
        );
    }

    #[test]
    fn a_failure_is_unexpected() {
        assert_eq!(
            status(&[Verdict::Pass, Verdict::Fail], false),
            ExitStatus::Unexpected
        );
    }

    #[test]
    fn mild_verdicts_fail_a_strict_run_only() {
        for verdict in [Verdict::Nonstrict, Verdict::Info, Verdict::Unclean] {
            assert_eq!(
                status(&[verdict], false),
                ExitStatus::AsExpected,
                "{verdict}"
            );
            assert_eq!(
                status(&[verdict], true),
                ExitStatus::Unexpected,
                "{verdict}"
            );
        }
    }

    #[test]
    fn an_error_outweighs_a_failure() {
        assert_eq!(
            status(&[Verdict::Fail, Verdict::Error], false),
            ExitStatus::Harness
        );
    }

    #[test]
    fn what_got_out_outweighs_everything() {
        let mut record = sample::verdicts(&[Verdict::Fail, Verdict::Error]);
        record.outcomes[0].results[0].got_out = true;
        assert_eq!(Terms::default().judge(&record).status, ExitStatus::GotOut);
    }

    #[test]
    fn no_baseline_excuses_what_got_out() {
        let mut record = sample::verdicts(&[Verdict::Fail]);
        record.outcomes[0].results[0].got_out = true;
        let baseline = "[[known]]\nscenario = \"area/name\"\ncheck = \"check-0\"\nverdict = \"fail\"\nreason = \"r\"\n";
        let baseline = Baseline::parse("known.toml", baseline).unwrap();
        let judgement = Terms {
            baseline,
            ..Terms::default()
        }
        .judge(&record);
        assert_eq!(judgement.status, ExitStatus::GotOut);
        assert!(judgement.baseline.stale.is_empty());
    }

    #[test]
    fn an_empty_plan_selects_nothing() {
        assert_eq!(
            Terms::default().judge(&Record::default()).status,
            ExitStatus::NothingSelected
        );
    }

    #[test]
    fn a_run_cut_short_is_not_a_success() {
        let mut record = sample::verdicts(&[Verdict::Pass]);
        record.planned = 2;
        assert_eq!(Terms::default().judge(&record).status, ExitStatus::Harness);
    }

    #[test]
    fn a_scenario_without_a_verdict_is_not_a_success() {
        assert_eq!(status(&[], false), ExitStatus::Harness);
    }

    #[test]
    fn the_level_alone_decides_nothing() {
        let mut record = sample::verdicts(&[Verdict::Pass]);
        record.outcomes[0].results[0].level = Level::Must;
        assert_eq!(
            Terms::default().judge(&record).status,
            ExitStatus::AsExpected
        );
    }
}
