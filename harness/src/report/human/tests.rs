use super::*;
use crate::baseline::Baseline;
use crate::report::sample;
use crate::run::event::Excerpt;

fn page(width: usize) -> Page {
    Page {
        width,
        paint: Paint { colour: false },
        targets: BTreeMap::new(),
        arguments: Vec::new(),
    }
}

fn at_80(record: &Record, terms: &Terms) -> String {
    render(record, terms, &page(80))
}

#[test]
fn the_report_of_a_run() {
    insta::assert_snapshot!(at_80(&sample::record(), &Terms::default()));
}

#[test]
fn the_report_of_a_run_without_findings() {
    insta::assert_snapshot!(at_80(
        &sample::verdicts(&[Verdict::Pass, Verdict::Pass]),
        &Terms::default()
    ));
}

#[test]
fn what_the_baseline_expects_is_told_apart() {
    let entry = |check: &str| {
        format!(
            "[[known]]\nscenario = \"area/name\"\ncheck = \"{check}\"\nverdict = \"fail\"\nreason = \"the flat parser\"\nlink = \"https://example.com/1\"\n"
        )
    };
    let text = format!("{}{}", entry("check-0"), entry("check-1"));
    let terms = Terms {
        baseline: Baseline::parse("known.toml", &text).unwrap(),
        ..Terms::default()
    };
    insta::assert_snapshot!(at_80(
        &sample::verdicts(&[Verdict::Fail, Verdict::Pass]),
        &terms
    ));
}

#[test]
fn a_run_cut_short_says_so() {
    let mut record = sample::verdicts(&[Verdict::Pass]);
    record.planned = 7;
    let text = at_80(&record, &Terms::default());
    assert!(text.contains("6 of 7 scenarios were not played"), "{text}");
    assert!(
        text.contains("exit status 3: harness or environment error"),
        "{text}"
    );
}

#[test]
fn nothing_but_what_is_to_be_copied_is_wider_than_the_page() {
    for width in [50, 80, 120] {
        let terms = Terms {
            strict: true,
            ..Terms::default()
        };
        let text = render(&sample::record(), &terms, &page(width));
        // The table needs 80 columns, and is never narrower.
        let table = text.find("codex login/happy").unwrap();
        for line in text[if width < 80 { table } else { 0 }..].lines() {
            let label = line.split_whitespace().next().unwrap_or_default();
            let copied = ["again", "evidence"].contains(&label);
            assert!(
                copied || textwrap::core::display_width(line) <= width,
                "{width}: {line}"
            );
        }
    }
}

#[test]
fn a_long_line_of_evidence_is_broken_and_then_cut() {
    let mut record = sample::verdicts(&[Verdict::Fail]);
    record.outcomes[0].results[0].excerpts = vec![Excerpt {
        witness: "wire",
        text: format!("{}\nthe end", "0123456789".repeat(100)),
    }];
    let text = at_80(&record, &Terms::default());
    let rows: Vec<_> = text.lines().filter(|line| line.contains("| ")).collect();
    assert_eq!(rows.len(), 5, "{text}");
    assert!(
        rows[2].ends_with('1') && rows[3].ends_with('…') && rows[4].ends_with("the end"),
        "{text}"
    );
}

#[test]
fn colours_change_no_word_and_no_break() {
    let record = sample::record();
    let plain = at_80(&record, &Terms::default());
    let page = Page {
        paint: Paint { colour: true },
        ..page(80)
    };
    let painted = render(&record, &Terms::default(), &page);
    assert!(painted.contains('\u{1b}'));
    let colours = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    let bare: Vec<_> = painted
        .lines()
        .map(|line| colours.replace_all(line, "").trim_end().to_owned())
        .collect();
    assert_eq!(bare.join("\n"), plain.trim_end());
}

#[test]
fn an_excerpt_cannot_paint_on_the_terminal() {
    let mut record = sample::verdicts(&[Verdict::Fail]);
    record.outcomes[0].results[0].excerpts = vec![Excerpt {
        witness: "screen",
        text: "\u{1b}]0;title\u{7}x".to_owned(),
    }];
    let text = at_80(&record, &Terms::default());
    assert!(
        !text.contains('\u{1b}') && text.contains("\\u{1b}]0;title\\u{7}x"),
        "{text}"
    );
}

#[test]
fn a_scenario_is_played_again_with_the_same_arguments() {
    let text = {
        let mut page = page(80);
        page.targets
            .insert("codex".to_owned(), "my targets/codex.toml".to_owned());
        page.arguments = vec!["--seed".to_owned(), "7".to_owned()];
        render(
            &sample::verdicts(&[Verdict::Fail]),
            &Terms::default(),
            &page,
        )
    };
    assert!(
        text.contains("loginproof run --target 'my targets/codex.toml' --seed 7 'area/name'"),
        "{text}"
    );
}

#[test]
fn a_strict_run_shows_what_it_fails_for() {
    let record = sample::verdicts(&[Verdict::Info]);
    assert!(!at_80(&record, &Terms::default()).contains("INFO"));
    assert!(
        at_80(
            &record,
            &Terms {
                strict: true,
                ..Terms::default()
            }
        )
        .contains("INFO check-0 (convention)")
    );
}

#[test]
fn an_attempt_to_get_out_shows_place_process_and_secret() {
    let mut record = sample::verdicts(&[Verdict::Pass, Verdict::Fail]);
    record.targets[0].network = "namespace".to_owned();
    let result = &mut record.outcomes[0].results[1];
    result.check = "no-egress".to_owned();
    result.because = "tried to reach telemetry.example, 203.0.113.7".to_owned();
    result.expected =
        "no connection to, and no name look-up for, a host that is not the target's".to_owned();
    result.got_out = true;
    result.excerpts = vec![Excerpt {
        witness: "wire",
        text: "telemetry.example\n  looked up\n  connection to 198.18.0.3:443, SNI telemetry.example\n  POST /v1/batch with <access token …UtMQ>\n  by node (pid 12): /home/someone/.cache/loginproof/tools/agent-1.2.3/node_modules/.bin/agent --flag\n203.0.113.7\n  connection to 203.0.113.7:8443\n  by node (pid 12): node".to_owned(),
    }];
    insta::assert_snapshot!(at_80(&record, &Terms::default()));
}
