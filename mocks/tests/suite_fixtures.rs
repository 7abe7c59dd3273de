//! The repository's own fixtures, by the rules that hold for all of them.

use std::path::Path;

use loginproof_mocks::{Fixtures, lint_fixture};

#[test]
fn every_fixture_of_the_suite_keeps_the_rules_or_says_which_it_breaks() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let fixtures = Fixtures::from_dir(&folder).unwrap();
    let mut problems = Vec::new();
    for name in fixtures.names() {
        for problem in lint_fixture(fixtures.get(name).unwrap()) {
            problems.push(format!("{name}: {}: {}", problem.rule, problem.message));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
