use loginproof_mocks::fixture::Fixtures;
use miette::{GraphicalReportHandler, GraphicalTheme};

use super::*;

const RIGHT: &str = "\
case: 2.2.1
title: A refresh token that another client already spent
level: must-vendor
needs: [chatgpt, refresh, ask]
because: It is shown as a bare status.
sources: [openai/codex#9634]
credentials: { access: expired, refresh: live }
server:
  token:
    - when: { grant: refresh_token }
      answer: token/reused
steps:
  - ask: Say hello.
checks:
  one-refresh:
    requests: { to: token, count: 1 }
  fails:
    exit: failure
";

fn fixtures() -> Fixtures {
    let reused = "# source: made here\n# exact: constructed\nHTTP/1.1 401 Unauthorized\ncontent-type: application/json\n\n{}\n";
    let hello = "# source: made here\n# exact: constructed\nHTTP/1.1 200 OK\ncontent-type: application/json\n\n{}\n";
    Fixtures::from_files([
        ("token/reused".to_owned(), reused.as_bytes().to_vec()),
        ("responses/hello".to_owned(), hello.as_bytes().to_vec()),
    ])
    .unwrap()
}

fn read(text: &str) -> Result<Loaded, FileError> {
    load(
        "refresh/reused",
        "scenarios/refresh/reused.yaml",
        text,
        &fixtures(),
    )
}

/// The mistake as a person sees it.
fn shown(text: &str) -> String {
    let error = read(text).unwrap_err();
    let mut page = String::new();
    GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(100)
        .render_report(&mut page, &error)
        .unwrap();
    page
}

#[test]
fn a_right_file_has_one_unnamed_variant() {
    let loaded = read(RIGHT).unwrap();
    assert_eq!(loaded.variants.len(), 1);
    assert_eq!(loaded.variants[0].0, None);
    assert_eq!(loaded.first().checks.len(), 2);
}

#[test]
fn a_misspelt_key_is_shown_in_its_line_with_the_key_that_was_meant() {
    let page = shown(&RIGHT.replace("credentials:", "credentails:"));
    assert!(page.contains("credentails"), "{page}");
    assert!(page.contains("did you mean `credentials`?"), "{page}");
    assert!(page.contains("reused.yaml:7:"), "{page}");
}

#[test]
fn a_mistake_inside_a_value_that_has_several_forms_is_shown_where_it_stands() {
    let page = shown(&RIGHT.replace("count: 1", "count: { at-leest: 1 }"));
    assert!(page.contains("did you mean `at-least`?"), "{page}");
    assert!(page.contains("reused.yaml:16:"), "{page}");
}

#[test]
fn a_missing_fixture_is_shown_with_the_one_that_was_meant() {
    let page = shown(&RIGHT.replace("token/reused", "token/reusd"));
    assert!(page.contains("token/reusd"), "{page}");
    assert!(page.contains("did you mean `token/reused`?"), "{page}");
    assert!(page.contains("reused.yaml:11:"), "{page}");
}

#[test]
fn an_unknown_kind_of_check_names_the_kinds_there_are() {
    let page = shown(&RIGHT.replace("    exit: failure", "    exits: failure"));
    assert!(page.contains("did you mean `exit`?"), "{page}");
}

#[test]
fn a_check_without_a_witness_is_refused() {
    let page = shown(&RIGHT.replace("    exit: failure", "    level: should"));
    assert!(page.contains("exactly one witness"), "{page}");
}

#[test]
fn a_step_with_two_actions_is_refused() {
    let page = shown(&RIGHT.replace(
        "  - ask: Say hello.",
        "  - ask: Say hello.\n    release: gate",
    ));
    assert!(page.contains("exactly one action"), "{page}");
}

#[test]
fn a_wrong_regular_expression_is_refused_before_anything_runs() {
    let page = shown(&RIGHT.replace("    exit: failure", "    screen: { matches: '(unclosed' }"));
    assert!(page.contains("not a regular expression"), "{page}");
}

#[test]
fn a_matrix_makes_a_variant_of_every_combination() {
    let text = RIGHT.replace("server:", "matrix:\n  status: [400, 401]\n  shape:\n    - { name: flat, code: a }\n    - { name: nested, code: b }\nserver:").replace(
        "answer: token/reused",
        "answer: { status: ${status}, json: { error: '${shape.code}' } }",
    );
    let loaded = read(&text).unwrap();
    let labels: Vec<_> = loaded
        .variants
        .iter()
        .map(|(label, _)| label.clone().unwrap())
        .collect();
    assert_eq!(
        labels,
        [
            "shape=flat,status=400",
            "shape=flat,status=401",
            "shape=nested,status=400",
            "shape=nested,status=401"
        ]
    );
}

#[test]
fn a_value_that_the_matrix_does_not_have_is_refused() {
    let text = RIGHT
        .replace("server:", "matrix:\n  status: [400, 401]\nserver:")
        .replace("answer: token/reused", "answer: { status: ${stat} }");
    let page = shown(&text);
    assert!(page.contains("did you mean `${status}`?"), "{page}");
}

#[test]
fn what_a_step_or_setting_needs_must_be_listed() {
    let ask = "  - ask: Say hello.";
    for (from, to, says) in [
        (ask, "  - login: { flow: nous }", "must list `device-nous`"),
        (ask, "  - login: {}", "must list `device-login`"),
        (ask, "  - models:", "must list `discovery`"),
        (ask, "  - accounts:", "must list `accounts-list`"),
        (
            ask,
            "  - together:\n      - login: { flow: paste }\n      - ask: Say hello.",
            "must list `code-paste`",
        ),
        (
            "server:",
            "settings: { modes: [fast] }\nserver:",
            "must list `fast`",
        ),
        (
            "server:",
            "settings: { modes: [fats] }\nserver:",
            "did you mean `fast`?",
        ),
        (
            "refresh: live }",
            "refresh: live, pool: [{}] }",
            "must list `pool`",
        ),
        (
            "refresh: live }",
            "absent: true, imports: { codex: {} } }",
            "must list `import`",
        ),
    ] {
        let page = shown(&RIGHT.replace(from, to));
        let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(page.contains(says), "{page}");
    }
}

#[test]
fn a_sign_in_that_cannot_be_played_is_refused() {
    let text = RIGHT.replace(
        "needs: [",
        "needs: [device-login, code-callback, code-paste, ",
    );
    for (step, says) in [
        ("login: { person: forged }", "`callback` and `paste`"),
        (
            "login: { flow: callback, after-polls: 1 }",
            "nobody polls here",
        ),
        (
            "login: { flow: paste }\n    tty: file",
            "no input that a code could be pasted into",
        ),
        ("login: {}\n    at-bound: TERM", "needs `bound`"),
    ] {
        let page = shown(&text.replace("  - ask: Say hello.", &format!("  - {step}")));
        let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(page.contains(says), "{step}: {page}");
    }
    let page = shown(&text.replace("exit: failure", "session: { states: [ready] }"));
    assert!(page.contains("begin with `starting`"), "{page}");
}
