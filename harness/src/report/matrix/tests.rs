use std::time::Duration;

use super::*;
use crate::report::{Record, Terms, sample};
use crate::run::event::TargetInfo;

fn run(target: TargetInfo, outcomes: Vec<crate::run::event::Outcome>) -> RunDocument {
    let record = Record {
        targets: vec![target],
        planned: outcomes.len(),
        left_out: std::collections::BTreeMap::new(),
        seed: 1,
        out: "out".into(),
        outcomes,
        duration: Some(Duration::from_secs(1)),
    };
    fixed(RunDocument::new(&record, &Terms::default()))
}

/// The version of the suite is the crate's own, which no snapshot should have to follow.
fn fixed(mut run: RunDocument) -> RunDocument {
    run.summary.suite = "1.2.3".to_owned();
    run
}

fn verdicts(scenario: &str, verdicts: &[Verdict]) -> crate::run::event::Outcome {
    let results = verdicts
        .iter()
        .enumerate()
        .map(|(at, verdict)| sample::check(&format!("check-{at}"), *verdict, "seen"))
        .collect();
    sample::outcome("codex", scenario, None, "9.9.1", results)
}

fn codex() -> TargetInfo {
    sample::target("codex", "codex-cli 0.169.0")
}

#[test]
fn the_matrix_of_a_run() {
    let runs = [fixed(RunDocument::new(
        &sample::record(),
        &Terms::default(),
    ))];
    insta::assert_snapshot!(
        Matrix::of(&runs).markdown("loginproof report --matrix README.md out/codex")
    );
}

#[test]
fn programs_stand_in_the_order_given_and_a_scenario_counts_as_played_last() {
    let old = run(
        codex(),
        vec![
            verdicts("refresh/reused", &[Verdict::Fail, Verdict::Fail]),
            verdicts("refresh/expired", &[Verdict::Fail]),
        ],
    );
    let again = run(
        codex(),
        vec![verdicts("refresh/reused", &[Verdict::Pass, Verdict::Pass])],
    );
    let other = run(
        sample::target("aider", "aider 1.0"),
        vec![sample::outcome(
            "aider",
            "sign-in/denied",
            None,
            "1.1",
            vec![sample::check("exits", Verdict::Nonstrict, "seen")],
        )],
    );
    insta::assert_snapshot!(Matrix::of(&[old, other, again]).markdown("loginproof report"));
}

#[test]
fn versions_and_ways_in_are_never_mixed() {
    let newer = sample::target("codex", "codex-cli 0.170.0");
    let mut proxied = codex();
    proxied.network = "proxy".to_owned();
    let runs: Vec<_> = [codex(), newer, proxied]
        .into_iter()
        .map(|target| run(target, vec![verdicts("refresh/reused", &[Verdict::Pass])]))
        .collect();
    let table = Matrix::of(&runs).markdown("loginproof report");
    let rows: Vec<_> = table
        .lines()
        .filter(|line| line.contains("Codex"))
        .collect();
    assert_eq!(
        rows,
        [
            "| Codex CLI | 0.169.0 | direct | 1 / 0 / 0 / 0 | 1 / 0 / 0 / 0 |",
            "| Codex CLI | 0.170.0 | direct | 1 / 0 / 0 / 0 | 1 / 0 / 0 / 0 |",
            "| Codex CLI | 0.169.0 | proxy | 1 / 0 / 0 / 0 | 1 / 0 / 0 / 0 |",
        ]
    );
}

#[test]
fn a_check_counts_once_with_the_worst_verdict_of_its_variants() {
    let variant = |name: &str, verdict| {
        sample::outcome(
            "codex",
            "refresh/reused",
            Some(name),
            "2.2.1",
            vec![sample::check("one-refresh", verdict, "seen")],
        )
    };
    let runs = [run(
        codex(),
        vec![
            variant("status=400", Verdict::Pass),
            variant("status=401", Verdict::Fail),
            variant("status=403", Verdict::Pass),
        ],
    )];
    let table = Matrix::of(&runs).markdown("loginproof report");
    assert!(table.contains("| 0 / **1** / 0 / 0 |"), "{table}");
}

#[test]
fn what_a_program_says_of_itself_cannot_leave_its_cell() {
    let mut target = sample::target("codex", "<!-- /matrix -->|\n# *x*");
    target.title = "a | b\u{1b}[2J".to_owned();
    let runs = [run(target, Vec::new())];
    let table = Matrix::of(&runs).markdown("loginproof report");
    let rows: Vec<_> = table.lines().collect();
    assert_eq!(
        rows[2],
        r"| a \| b\\u{1b}\[2J | &lt;!-- /matrix -->\| # \*x\* | direct | - |"
    );
}

#[test]
fn the_table_takes_the_place_of_the_old_one_and_of_nothing_else() {
    let page = "# Mine\n\n```\n<!-- matrix -->\n```\n\n<!-- matrix -->\nold\n<!-- /matrix -->\n\nThe end, `<!-- /matrix -->`.\n";
    let placed = place("README.md", Some(page), "| new |\n").unwrap();
    assert_eq!(placed, page.replace("old\n", "| new |\n"));
    assert_eq!(
        place("README.md", Some(&placed), "| new |\n").unwrap(),
        placed
    );
}

#[test]
fn a_new_file_can_be_filled_again() {
    let first = place("matrix.md", None, "| one |\n").unwrap();
    let second = place("matrix.md", Some(&first), "| two |\n").unwrap();
    assert_eq!(second, first.replace("one", "two"));
}

#[test]
fn a_file_that_has_no_place_for_the_table_is_left_alone() {
    for (text, complaint) in [
        ("# Mine\n", "no place for the table"),
        ("<!-- matrix -->\n", "`<!-- /matrix -->` is missing"),
        ("<!-- /matrix -->\n", "`<!-- matrix -->` is missing"),
        (
            "<!-- /matrix -->\n<!-- matrix -->\n",
            "stands before `<!-- matrix -->`",
        ),
        (
            "<!-- matrix -->\n<!-- matrix -->\n<!-- /matrix -->\n",
            "a second time",
        ),
    ] {
        let error = place("README.md", Some(text), "| new |\n").unwrap_err();
        assert!(error.message().contains(complaint), "{}", error.message());
    }
}
