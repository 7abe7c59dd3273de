//! The index of cases: every case has a scenario, or a reason why it has none.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;

use loginproof::scenario::Suite;
use loginproof::scenario::cases::{cases, not_covered};

#[test]
fn every_case_has_a_scenario_or_a_reason_and_never_both() {
    let suite = Suite::from_dir(&root()).unwrap();
    let played: BTreeSet<String> = suite
        .scenarios
        .iter()
        .map(|loaded| loaded.first().case.clone())
        .collect();
    let known = cases(&page("CASES.md"));
    let reasons = not_covered(&page("NOT-COVERED.md"));
    assert!(known.len() > 172, "{} rows in CASES.md", known.len());
    for case in &played {
        assert!(
            known.iter().any(|row| row.id == *case),
            "a scenario plays case {case}, which has no row in scenarios/CASES.md: add one"
        );
    }
    for row in &known {
        let reason = reasons.iter().find(|reason| reason.case == row.id);
        match (played.contains(&row.id), reason) {
            (true, Some(_)) => panic!(
                "case {} has a scenario: take it out of scenarios/NOT-COVERED.md",
                row.id
            ),
            (false, None) => panic!(
                "case {} has no scenario: say why in scenarios/NOT-COVERED.md",
                row.id
            ),
            (_, Some(reason)) => assert_eq!(reason.title, row.title, "the title of {}", row.id),
            _ => {}
        }
    }
    for reason in &reasons {
        assert!(
            known.iter().any(|row| row.id == reason.case),
            "case {} of scenarios/NOT-COVERED.md has no row in scenarios/CASES.md",
            reason.case
        );
    }
}

#[test]
fn the_index_is_in_order_and_its_levels_are_known() {
    let number =
        |id: &str| -> Vec<u16> { id.split('.').map(|part| part.parse().unwrap()).collect() };
    let known = cases(&page("CASES.md"));
    for pair in known.windows(2) {
        let (before, after) = (&pair[0].id, &pair[1].id);
        assert!(
            number(before) < number(after),
            "{before} stands before {after}"
        );
    }
    for row in &known {
        assert!(
            ["must", "must-vendor", "should", "convention"].contains(&row.level.as_str()),
            "{}: {}",
            row.id,
            row.level
        );
        assert!(!row.title.is_empty(), "{}", row.id);
    }
    let reasons = not_covered(&page("NOT-COVERED.md"));
    for pair in reasons.windows(2) {
        assert!(
            number(&pair[0].case) < number(&pair[1].case),
            "{}",
            pair[1].case
        );
    }
    for reason in &reasons {
        assert!(
            !reason.why.is_empty() && !reason.needed.is_empty(),
            "{}",
            reason.case
        );
    }
}

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join("scenarios").join(name)).unwrap()
}

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
