use std::collections::BTreeMap;
use std::time::Duration;

use super::source::link;
use super::*;
use crate::report::{Record, Terms, sample};
use crate::run::event::{CheckResult, Outcome, TargetInfo};
use crate::run::found::{FILE, Found, FoundCheck, Load, Witness};
use crate::run::plan::evidence_folder;
use crate::verdict::Verdict;

/// A run that was kept: its document, and its evidence in a folder.
struct Kept {
    folder: tempfile::TempDir,
    run: RunDocument,
}

impl Kept {
    fn new(targets: Vec<TargetInfo>, outcomes: Vec<Outcome>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for outcome in &outcomes {
            let id = &outcome.id;
            let at = evidence_folder(&id.target, &id.scenario, id.variant.as_deref());
            let at = folder.path().join(at);
            std::fs::create_dir_all(&at).unwrap();
            let found = serde_json::to_vec(&found(outcome)).unwrap();
            std::fs::write(at.join(FILE), found).unwrap();
        }
        let record = Record {
            targets,
            planned: outcomes.len(),
            left_out: BTreeMap::from([("codex".to_owned(), 3)]),
            seed: 1,
            out: "out".into(),
            outcomes,
            duration: Some(Duration::from_secs(1)),
        };
        let mut run = RunDocument::new(&record, &Terms::default());
        run.summary.suite = "1.2.3".to_owned();
        run.summary.arguments = vec!["--variants".to_owned(), "all".to_owned()];
        Self { folder, run }
    }

    fn codex(outcomes: Vec<Outcome>) -> Self {
        Self::new(vec![sample::target("codex", "codex-cli 0.169.0")], outcomes)
    }

    fn played(&self) -> Played<'_> {
        Played {
            folder: self.folder.path(),
            run: &self.run,
        }
    }

    fn page(&self) -> Page {
        pages(&[self.played()]).unwrap().remove(0)
    }
}

fn found(outcome: &Outcome) -> Found {
    let witnesses = |result: &CheckResult| -> Vec<Witness> {
        let excerpts = result.excerpts.iter();
        excerpts
            .map(|excerpt| Witness {
                witness: excerpt.witness.to_owned(),
                text: excerpt.text.clone(),
            })
            .collect()
    };
    let broken = outcome
        .results
        .iter()
        .filter(|result| result.verdict != Verdict::Pass);
    Found {
        title: outcome.title.clone(),
        because: outcome.because.clone(),
        sources: outcome.sources.clone(),
        checks: broken
            .map(|result| FoundCheck {
                check: result.check.clone(),
                seen: result.because.clone(),
                expected: result.expected.clone(),
                asks: match result.check.as_str() {
                    "fails" => "exit",
                    check if check.starts_with("says") => "screen",
                    _ => "requests",
                }
                .to_owned(),
                got_out: result.got_out,
                excerpts: witnesses(result),
                ..FoundCheck::default()
            })
            .collect(),
        witnesses: outcome.results.iter().flat_map(witnesses).collect(),
        notes: Vec::new(),
        load: Some(Load {
            average: 2.5,
            cores: 2,
        }),
    }
}

/// A scenario of codex in which these checks fail.
fn failing(scenario: &str, variant: Option<&str>, checks: &[&str]) -> Outcome {
    let results = checks
        .iter()
        .map(|check| sample::check(check, Verdict::Fail, "seen"))
        .collect();
    sample::outcome("codex", scenario, variant, "2.2.1", results)
}

#[test]
fn the_page_of_a_program() {
    let kept = Kept::new(
        vec![
            sample::target("reference", "loginproof client 0.1.0"),
            sample::target("codex", "codex-cli 0.169.0"),
        ],
        sample::record().outcomes,
    );
    let pages = pages(&[kept.played()]).unwrap();
    let codex = pages.iter().find(|page| page.text.contains("# Codex CLI"));
    let codex = codex.unwrap();
    assert_eq!(codex.file, Path::new("codex-0.169.0-direct.md"));
    insta::assert_snapshot!(codex.text);
}

#[test]
fn a_program_without_findings_gets_a_page_that_says_so() {
    let held = vec![sample::check("answers", Verdict::Pass, "\"Hello\"")];
    let kept = Kept::codex(vec![sample::outcome(
        "codex",
        "baseline/turn",
        None,
        "0.1",
        held,
    )]);
    let page = kept.page();
    assert_eq!(page.findings, 0);
    insta::assert_snapshot!(page.text);
}

#[test]
fn checks_that_fail_together_are_one_finding_and_others_are_not() {
    let together = Kept::codex(vec![
        failing(
            "refresh/reused",
            Some("status=400"),
            &["one-refresh", "fails"],
        ),
        failing("refresh/reused", Some("status=401"), &["fails"]),
    ]);
    assert_eq!(together.page().findings, 1);
    let apart = Kept::codex(vec![
        failing("refresh/reused", Some("status=400"), &["one-refresh"]),
        failing("refresh/reused", Some("status=401"), &["fails"]),
    ]);
    assert_eq!(apart.page().findings, 2);
    let elsewhere = Kept::codex(vec![
        failing("refresh/reused", None, &["fails"]),
        sample::outcome(
            "codex",
            "stream/failed",
            None,
            "3.1.1",
            vec![sample::check("fails", Verdict::Fail, "seen")],
        ),
    ]);
    assert_eq!(elsewhere.page().findings, 2);
}

#[test]
fn what_was_counted_exactly_alike_in_one_area_is_one_finding() {
    let kept = |other: &str| {
        Kept::codex(vec![
            failing("refresh/reused", None, &["one-refresh"]),
            failing(other, None, &["shown-once"]),
        ])
    };
    assert_eq!(kept("refresh/expired").page().findings, 1);
    let apart = kept("stream/failed").page();
    assert_eq!(apart.findings, 2);
    assert!(!apart.text.contains("May be one bug"), "{}", apart.text);
}

#[test]
fn what_every_scenario_shows_alike_is_one_finding() {
    let leaves = |scenario, pid: u32| {
        let seen = format!("ask: node (pid {pid}) lives on");
        let unclean = sample::check("clean-exit", Verdict::Unclean, &seen);
        sample::outcome("codex", scenario, None, "1.1", vec![unclean])
    };
    let kept = Kept::codex(vec![leaves("a/one", 12), leaves("b/two", 4711)]);
    let page = kept.page();
    assert_eq!(page.findings, 1);
    assert!(
        page.text
            .contains("Seen alike in 2 scenarios: `a/one`, `b/two`."),
        "{}",
        page.text
    );
}

#[test]
fn who_hangs_where_the_scenarios_own_checks_fail_shows_one_bug() {
    let kept = Kept::codex(vec![failing(
        "stream/stall",
        None,
        &["fails", "clean-exit"],
    )]);
    assert_eq!(kept.page().findings, 1);
}

#[test]
fn a_success_that_is_none_is_one_bug_however_often() {
    let page = |scenarios: usize| {
        let outcomes = (0..scenarios).map(|n| {
            let scenario = format!("stream/{n}");
            let mut outcome = failing(&scenario, None, &["fails", "says-why"]);
            outcome.case = format!("2.2.{n}");
            outcome.results[0].because = format!("exit status 0 after {n}.5 s");
            outcome
        });
        Kept::codex(outcomes.collect()).page()
    };
    let (few, many) = (page(3), page(4));
    assert_eq!(few.findings, 3);
    assert_eq!(many.findings, 5);
    assert!(
        many.text
            .contains("### 1. What failed ends as a success: exit status 0")
            && !few.text.contains("ends as a success"),
        "{}",
        many.text
    );
}

#[test]
fn the_gravest_finding_comes_first() {
    let mut leak = failing("z/last", None, &["no-leak"]);
    leak.results[0].got_out = true;
    let kept = Kept::codex(vec![failing("a/first", None, &["fails"]), leak]);
    let text = kept.page().text;
    let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
    assert!(place("### 1. A secret stands") < place("### 2. A refresh token"));
}

#[test]
fn a_repeat_tells_whether_a_finding_is_steady() {
    let fails = || Kept::codex(vec![failing("refresh/reused", None, &["fails"])]);
    let holds = Kept::codex(vec![sample::outcome(
        "codex",
        "refresh/reused",
        None,
        "2.2.1",
        vec![sample::check("fails", Verdict::Pass, "exit status 1")],
    )]);
    let told = |runs: &[&Kept]| {
        let played: Vec<_> = runs.iter().map(|kept| kept.played()).collect();
        pages(&played).unwrap().remove(0).text
    };
    let (one, two) = (fails(), fails());
    assert!(told(&[&one]).contains("A repeat has not been made"));
    assert!(told(&[&one, &two]).contains("Played 2 times; 2 times with this verdict."));
    assert!(told(&[&holds, &one]).contains("A repeat came out differently"));
    let healed = told(&[&one, &holds]);
    assert!(
        healed.contains("## No findings") && healed.contains("## Not steady"),
        "{healed}"
    );
}

#[test]
fn other_programs_speak_for_or_against_an_expectation() {
    let other = |verdict| {
        sample::outcome(
            "aider",
            "refresh/reused",
            None,
            "2.2.1",
            vec![sample::check("fails", verdict, "seen")],
        )
    };
    let text = |verdict| {
        let kept = Kept::new(
            vec![
                sample::target("codex", "codex-cli 0.169.0"),
                sample::target("aider", "aider 1.0"),
            ],
            vec![failing("refresh/reused", None, &["fails"]), other(verdict)],
        );
        let pages = pages(&[kept.played()]).unwrap();
        let codex = pages
            .into_iter()
            .find(|page| page.text.contains("# Codex CLI"));
        codex.unwrap().text
    };
    assert!(text(Verdict::Pass).contains("holds for 1 of 1 other program that were asked"));
    assert!(text(Verdict::Fail).contains("No other program does it either: aider."));
    assert!(!text(Verdict::Unsupported).contains("aider"));
}

#[test]
fn what_a_program_prints_stays_in_its_place() {
    let mut outcome = failing("refresh/reused", None, &["says-why"]);
    outcome.results[0].because = "`` | @someone\n## a heading\u{1b}[2J".to_owned();
    outcome.results[0].excerpts = vec![crate::run::event::Excerpt {
        witness: "screen",
        text: "```\n</details>\n# shouted\n````".to_owned(),
    }];
    let text = Kept::codex(vec![outcome]).page().text;
    assert!(
        text.contains("\n`````text\n```\n</details>\n# shouted\n````\n`````\n"),
        "{text}"
    );
    assert!(
        text.contains("``` `` | @someone ## a heading\\u{1b}[2J ```"),
        "{text}"
    );
}

#[test]
fn a_finding_without_its_evidence_is_an_error_that_says_so() {
    let kept = Kept::codex(vec![failing("refresh/reused", None, &["fails"])]);
    std::fs::remove_dir_all(kept.folder.path().join("codex")).unwrap();
    let error = pages(&[kept.played()]).unwrap_err().to_string();
    assert!(error.contains("refresh/reused of codex"), "{error}");
}

#[test]
fn a_source_with_an_address_is_a_link() {
    for (source, expected) in [
        (
            "openai/codex#9634",
            "[openai/codex#9634](https://github.com/openai/codex/issues/9634)",
        ),
        (
            "octokit/auth-oauth-device.js!7 (review)",
            "[octokit/auth-oauth-device.js#7](https://github.com/octokit/auth-oauth-device.js/pull/7) (review)",
        ),
        (
            "RFC 8628 §3.5",
            "[RFC 8628 §3.5](https://www.rfc-editor.org/rfc/rfc8628#section-3.5)",
        ),
        (
            "RFC 7636",
            "[RFC 7636](https://www.rfc-editor.org/rfc/rfc7636)",
        ),
        (
            "openai/codex codex-rs/login/src/device_code_auth.rs",
            "openai/codex codex-rs/login/src/device\\_code\\_auth.rs",
        ),
    ] {
        assert_eq!(link(source), expected);
    }
}
