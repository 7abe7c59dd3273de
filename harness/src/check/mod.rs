//! Checks: each reads the evidence and says what it saw. One file per kind.

mod answer;
mod clean_exit;
mod egress;
mod excerpt;
mod exit;
mod leak;
mod panic;
mod process;
mod requests;
mod screen;
mod session;
mod store;
mod surprise;
mod within;

use std::time::Instant;

use crate::run::event::{CheckResult, Excerpt};
use crate::run::evidence::{Evidence, ProgramRecord};
use crate::scenario::model::{Check, Scenario};
use crate::verdict::{Level, Verdict};

pub use store::mode_of;

/// Checks that every scenario makes, whether it names them or not. `no-egress` joins them where connections to other
/// hosts would be seen: in a namespace, and through the proxy.
pub const ALWAYS_ON: [&str; 4] = ["clean-exit", "no-leak", "no-panic", "no-surprise"];

/// What a check saw.
#[derive(Debug, PartialEq, Eq)]
pub enum Finding {
    /// It holds; the text says what was seen, measured values included.
    Holds(String),
    /// It does not hold.
    Broken(Broken),
    /// The harness could not tell, and why.
    Untold(String),
}

/// A check that does not hold.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Broken {
    /// One line: what was seen.
    pub seen: String,
    /// One line: what had to hold.
    pub expected: String,
    /// Evidence to show.
    pub excerpts: Vec<Excerpt>,
    /// The outcome is right, but something was left behind.
    pub unclean: bool,
    /// A secret or a connection got out.
    pub got_out: bool,
}

impl Finding {
    fn broken(
        expected: impl Into<String>,
        seen: impl Into<String>,
        excerpts: Vec<Excerpt>,
    ) -> Self {
        Self::Broken(Broken {
            seen: seen.into(),
            expected: expected.into(),
            excerpts,
            ..Broken::default()
        })
    }

    fn when(
        holds: bool,
        expected: impl Into<String>,
        seen: impl Into<String>,
        excerpts: impl FnOnce() -> Vec<Excerpt>,
    ) -> Self {
        if holds {
            Self::Holds(seen.into())
        } else {
            Self::broken(expected, seen, excerpts())
        }
    }
}

/// Judges a scenario: its own checks in the order of their ids, then those that are always on.
#[must_use]
pub fn judge(scenario: &Scenario, evidence: &Evidence) -> Vec<CheckResult> {
    let mut results = Vec::with_capacity(scenario.checks.len() + ALWAYS_ON.len());
    for (id, check) in &scenario.checks {
        let level = check.level.unwrap_or(scenario.level);
        results.push(timed(id, level, || witness(check, evidence)));
    }
    results.push(timed("clean-exit", ends(scenario), || {
        clean_exit::judge(evidence)
    }));
    if evidence.watched {
        results.push(timed("no-egress", Level::Must, || egress::judge(evidence)));
    }
    results.push(timed("no-leak", Level::Must, || leak::judge(evidence)));
    results.push(timed("no-panic", Level::Must, || panic::judge(evidence)));
    results.push(timed("no-surprise", Level::Must, || {
        surprise::judge(evidence)
    }));
    results
}

/// What all witnesses saw, for a person: every request, every screen, and the credential file.
#[must_use]
pub fn witnesses(evidence: &Evidence) -> Vec<Excerpt> {
    let mut shown = excerpt::wire(evidence, |_| true);
    for program in &evidence.programs {
        let ended = exit::describe(&program.ended);
        shown.extend(
            excerpt::screen(evidence, program)
                .into_iter()
                .map(|seen| Excerpt {
                    text: format!("[{}: {ended}]\n{}", program.name, seen.text),
                    ..seen
                }),
        );
    }
    if let Some(store) = &evidence.store {
        shown.extend(store::witness(store, evidence));
    }
    shown
}

/// Text with its secrets shortened.
#[must_use]
pub fn shortened(text: &str, evidence: &Evidence) -> String {
    excerpt::presentable(text, evidence)
}

/// How binding it is that programs end: as binding as what the scenario asks of them. Where nobody demands that a program
/// copes, it is not demanded that it gives up.
fn ends(scenario: &Scenario) -> Level {
    let own = scenario.checks.values().filter_map(|check| check.level);
    let most = own.chain([scenario.level]).min();
    most.unwrap_or(Level::Must).min(Level::Should)
}

fn timed(id: &str, level: Level, judge: impl FnOnce() -> Finding) -> CheckResult {
    let begun = Instant::now();
    let finding = judge();
    let (verdict, broken) = match finding {
        Finding::Holds(seen) => (
            Verdict::Pass,
            Broken {
                seen,
                ..Broken::default()
            },
        ),
        Finding::Broken(broken) => (
            if broken.unclean {
                Verdict::Unclean
            } else {
                Verdict::broken(level)
            },
            broken,
        ),
        Finding::Untold(seen) => (
            Verdict::Error,
            Broken {
                seen,
                ..Broken::default()
            },
        ),
    };
    CheckResult {
        check: id.to_owned(),
        level,
        verdict,
        because: broken.seen,
        expected: broken.expected,
        excerpts: broken.excerpts,
        got_out: broken.got_out,
        duration: begun.elapsed(),
    }
}

fn witness(check: &Check, evidence: &Evidence) -> Finding {
    if let Some(check) = &check.requests {
        return requests::judge(check, evidence);
    }
    if let Some(check) = &check.store {
        return store::judge(check, evidence);
    }
    let programs: Vec<&ProgramRecord> = match check.of.as_deref() {
        Some("all") => evidence.programs.iter().collect(),
        Some(name) => evidence
            .programs
            .iter()
            .filter(|program| program.name == name)
            .collect(),
        None => evidence.programs.last().into_iter().collect(),
    };
    if programs.is_empty() {
        return Finding::Untold(
            "the program that this check is about was never started".to_owned(),
        );
    }
    let mut last = None;
    for program in programs {
        let finding = if let Some(check) = &check.screen {
            screen::judge(check, program, evidence)
        } else if let Some(check) = &check.answer {
            answer::judge(check, program, evidence)
        } else if let Some(check) = &check.exit {
            exit::judge(*check, program, evidence)
        } else if let Some(bound) = &check.within {
            within::judge(*bound, program)
        } else if let Some(check) = &check.process {
            process::judge(check, program)
        } else if let Some(check) = &check.session {
            session::judge(check, program, evidence)
        } else {
            Finding::Untold("this check calls no witness".to_owned())
        };
        if !matches!(finding, Finding::Holds(_)) {
            return finding;
        }
        last = Some(finding);
    }
    last.unwrap_or_else(|| Finding::Untold("nothing to judge".to_owned()))
}
