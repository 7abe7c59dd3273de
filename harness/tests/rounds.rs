//! `loginproof run --repeat` as a person runs it: the same verdicts with other seeds, in other orders.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use assert_cmd::Command;
use assert_cmd::assert::Assert;

fn run(words: &[&str]) -> Assert {
    let out = tempfile::tempdir().unwrap();
    let mut command = Command::cargo_bin("loginproof").unwrap();
    command.arg("run").args(words).arg("--out").arg(out.path());
    command.assert()
}

#[test]
fn rounds_of_the_reference_client_agree_whatever_seed_and_order() {
    let assert = run(&["--repeat", "3", "--seed", "5", "framing/crlf"]).code(0);
    let text = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
    for words in [
        "round 1 of 3, seed 5: ",
        "round 3 of 3, seed 7: ",
        "the same verdicts in all",
    ] {
        assert!(text.contains(words), "{words} in:\n{text}");
    }
}

#[test]
fn a_round_is_played_again_by_its_seed() {
    run(&["--shuffle", "--seed", "7", "baseline/turn"]).code(0);
}

#[test]
fn several_rounds_make_no_junit_file() {
    run(&["--repeat", "2", "--junit", "x.xml"]).code(2);
}
