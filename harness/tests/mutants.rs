//! `loginproof mutants` as a person runs it: a defect that a check notices, one that none can, one that does not exist.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use serde_json::Value;

fn mutants(words: &[&str]) -> Assert {
    let out = tempfile::tempdir().unwrap();
    Command::cargo_bin("loginproof")
        .unwrap()
        .arg("mutants")
        .args(words)
        .arg("--out")
        .arg(out.path())
        .assert()
}

#[test]
fn a_defect_is_killed_by_the_check_that_describes_it() {
    let words = [
        "flat-errors-only",
        "--filter",
        "refresh/reused",
        "--format",
        "json",
    ];
    let assert = mutants(&words).code(0);
    let document: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    let defect = &document["defects"][0];
    assert_eq!(defect["name"], "flat-errors-only");
    let kills = defect["killed_by"].as_array().unwrap();
    assert!(
        kills
            .iter()
            .any(|kill| kill["check"] == "says-sign-in-again")
    );
    let checks = document["checks"].as_array().unwrap();
    assert!(
        checks
            .iter()
            .any(|check| check["kills"][0] == "flat-errors-only")
    );
}

#[test]
fn a_defect_that_nothing_notices_survives() {
    let words = ["no-word-of-warning", "--filter", "refresh/encoding"];
    let assert = mutants(&words).code(1);
    let text = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
    assert!(text.contains("no-word-of-warning  SURVIVES"), "{text}");
}

#[test]
fn a_misspelt_defect_is_answered_with_the_one_that_was_meant() {
    let assert = mutants(&["flat-error-only"]).code(2);
    let text = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(text.contains("flat-errors-only"), "{text}");
}

#[test]
fn the_list_says_what_each_defect_does_and_who_reported_it() {
    let assert = mutants(&["flat-errors-only", "--list"]).code(0);
    let text = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
    assert!(text.contains("NousResearch/hermes-agent!11512"), "{text}");
}
