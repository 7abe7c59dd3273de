use miette::{GraphicalReportHandler, GraphicalTheme};

use super::*;
use crate::report::sample;
use crate::verdict::Verdict;

const KNOWN: &str = r#"# what we know of codex
[[known]]
target = "codex"
scenario = "area/name"
check = "check-0"
verdict = "fail"
reason = "the flat parser"
link = "https://example.com/issues/1"
versions = "1.2"
"#;

fn compare(text: &str, verdicts: &[Verdict], whole: bool) -> Comparison {
    let record = sample::verdicts(verdicts);
    Baseline::parse("known.toml", text)
        .unwrap()
        .compare(&record.targets, &record.outcomes, whole)
}

fn stale(text: &str, verdicts: &[Verdict], whole: bool) -> Vec<String> {
    let stale = compare(text, verdicts, whole).stale;
    stale
        .into_iter()
        .map(|stale| format!("{}: {}", stale.place, stale.message))
        .collect()
}

fn shown(text: &str) -> String {
    let error = Baseline::parse("known.toml", text).unwrap_err();
    let mut shown = String::new();
    GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(80)
        .render_report(&mut shown, &error)
        .unwrap();
    shown
        .lines()
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn an_expected_failure_is_known_with_its_reason() {
    let comparison = compare(KNOWN, &[Verdict::Fail, Verdict::Fail], true);
    let id = sample::verdicts(&[Verdict::Fail]).outcomes[0].id.clone();
    assert_eq!(
        comparison.known(&id, "check-0").unwrap().reason,
        "the flat parser"
    );
    assert!(!comparison.expects(&id, "check-1"));
    assert!(comparison.stale.is_empty());
}

#[test]
fn an_entry_that_passes_again_is_stale_and_its_line_is_named() {
    assert_eq!(
        stale(KNOWN, &[Verdict::Pass], false),
        [
            "known.toml:2: expects `fail` of `check-0` in area/name, but it passes now: remove the entry"
        ]
    );
}

#[test]
fn an_entry_whose_verdict_became_another_is_stale() {
    assert_eq!(
        stale(KNOWN, &[Verdict::Nonstrict], false),
        ["known.toml:2: expects `fail` of `check-0` in area/name, but it is `nonstrict` now"]
    );
}

#[test]
fn an_entry_that_asks_for_a_check_nobody_has_is_stale() {
    let text = KNOWN.replace("check-0", "check-9");
    assert_eq!(
        stale(&text, &[Verdict::Pass], false),
        [
            "known.toml:2: expects `fail` of `check-9` in area/name, but the scenario has no check of that name"
        ]
    );
}

#[test]
fn an_entry_left_out_by_a_filter_is_not_stale() {
    let text = KNOWN.replace("area/name", "area/other");
    assert!(stale(&text, &[Verdict::Pass], false).is_empty());
    assert_eq!(
        stale(&text, &[Verdict::Pass], true),
        [
            "known.toml:2: expects `fail` of `check-0` in area/other, but no such scenario ran: is the name right?"
        ]
    );
}

#[test]
fn an_entry_for_another_program_or_version_is_not_stale() {
    for text in [
        KNOWN.replace("codex\"", "other\""),
        KNOWN.replace("1.2\"", "<1.2\""),
    ] {
        let comparison = compare(&text, &[Verdict::Fail], true);
        assert!(comparison.stale.is_empty(), "{text}");
        assert!(comparison.known.is_empty(), "{text}");
    }
}

#[test]
fn an_entry_that_could_not_be_judged_is_not_stale() {
    assert!(stale(KNOWN, &[Verdict::Error], true).is_empty());
}

#[test]
fn an_entry_by_case_covers_every_scenario_of_the_case() {
    let text = KNOWN.replace("scenario = \"area/name\"", "case = \"9.9.1\"");
    assert_eq!(compare(&text, &[Verdict::Fail], true).known.len(), 1);
}

#[test]
fn an_entry_for_one_variant_leaves_the_others_alone() {
    let text = format!("{KNOWN}variant = \"status=401\"\n");
    let mut record = sample::verdicts(&[Verdict::Fail]);
    record.outcomes.push(record.outcomes[0].clone());
    record.outcomes[0].id.variant = Some("status=400".to_owned());
    record.outcomes[1].id.variant = Some("status=401".to_owned());
    let baseline = Baseline::parse("known.toml", &text).unwrap();
    let comparison = baseline.compare(&record.targets, &record.outcomes, true);
    assert!(!comparison.expects(&record.outcomes[0].id, "check-0"));
    assert!(comparison.expects(&record.outcomes[1].id, "check-0"));
}

#[test]
fn an_empty_file_expects_nothing() {
    assert!(compare("", &[Verdict::Fail], true).known.is_empty());
}

#[test]
fn a_misspelt_key_is_shown_with_its_line() {
    insta::assert_snapshot!(shown(&KNOWN.replace("reason", "reasons")));
}

#[test]
fn an_unknown_verdict_is_shown_with_its_line() {
    insta::assert_snapshot!(shown(&KNOWN.replace("\"fail\"", "\"failed\"")));
}

#[test]
fn a_verdict_that_cannot_be_expected_is_shown_with_its_line() {
    insta::assert_snapshot!(shown(&KNOWN.replace("\"fail\"", "\"error\"")));
}

#[test]
fn a_version_that_is_none_is_shown_with_its_line() {
    insta::assert_snapshot!(shown(&KNOWN.replace("1.2", "newest")));
}

#[test]
fn an_entry_without_a_scenario_is_shown_with_its_line() {
    insta::assert_snapshot!(shown(&KNOWN.replace("scenario = \"area/name\"\n", "")));
}
