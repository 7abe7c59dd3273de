//! A made-up run that holds everything a report must be able to show.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::Record;
use crate::run::event::{CheckResult, Event, Excerpt, Outcome, ScenarioRef, TargetInfo};
use crate::verdict::{Level, Verdict};

const SEED: u64 = 42;

/// A run of one scenario, `area/name`, with one check for each verdict.
pub(crate) fn verdicts(verdicts: &[Verdict]) -> Record {
    let results = verdicts
        .iter()
        .enumerate()
        .map(|(at, verdict)| check(&format!("check-{at}"), *verdict, "seen"))
        .collect();
    Record {
        targets: vec![target("codex", "codex-cli 1.2.3")],
        planned: 1,
        left_out: BTreeMap::new(),
        seed: SEED,
        out: PathBuf::from("out"),
        outcomes: vec![outcome("codex", "area/name", None, "9.9.1", results)],
        duration: Some(Duration::from_secs(1)),
    }
}

/// The events of a larger run: two programs, every verdict, variants, excerpts, a leak.
pub(crate) fn events() -> Vec<Event> {
    let outcomes = outcomes();
    let mut events = vec![Event::Started {
        targets: vec![
            target("reference", "loginproof client 0.1.0"),
            target("codex", "codex-cli 0.169.0"),
        ],
        total: outcomes.len(),
        left_out: BTreeMap::from([("codex".to_owned(), 3)]),
        seed: SEED,
        out: PathBuf::from("target/loginproof"),
    }];
    for outcome in outcomes {
        events.push(Event::ScenarioStarted(outcome.id.clone()));
        events.push(Event::ScenarioFinished(Box::new(outcome)));
    }
    events.push(Event::Finished {
        duration: Duration::from_millis(12_345),
    });
    events
}

/// The same run, gathered.
pub(crate) fn record() -> Record {
    let mut record = Record::default();
    for event in events() {
        record.on(&event);
    }
    record
}

fn outcomes() -> Vec<Outcome> {
    let flat = |status: u16| {
        let mut says = check(
            "says-sign-in-again",
            Verdict::Fail,
            "no line matches; the last line is `error: status 401`",
        );
        says.expected = "the screen matches (?i)(sign|log)[ -]?in|re-?auth".to_owned();
        says.excerpts = vec![
            excerpt(
                "wire",
                &format!(
                    "POST /oauth/token HTTP/1.1\n\nHTTP/1.1 {status} Unauthorized\ncontent-type: application/json\n\n{{\"error\":{{\"message\":\"Your refresh token has already been used to generate a new access token. Please try signing in again.\",\"code\":\"refresh_token_reused\"}}}}"
                ),
            ),
            excerpt("screen", "$ codex exec hi\nerror: status 401\u{1b}[2J"),
        ];
        let mut dead = check(
            "not-sent-with-dead-token",
            Verdict::Nonstrict,
            "2 requests with a spent token",
        );
        dead.expected = "no request to responses carries a dead token".to_owned();
        outcome(
            "codex",
            "refresh/reused",
            Some(&format!("status={status}")),
            "2.2.1",
            vec![check("one-refresh", Verdict::Pass, "1 request"), says, dead],
        )
    };
    let mut cursor = check(
        "no-leak",
        Verdict::Fail,
        "a refresh token stands in ~/.codex/log/debug.log, mode 0644",
    );
    cursor.got_out = true;
    cursor.excerpts = vec![excerpt("file", &"line of a long log\n".repeat(40))];
    let mut unclean = check(
        "clean-exit",
        Verdict::Unclean,
        "process `node` (1 child) was still there after 2 s",
    );
    unclean.expected = "nothing runs on once the program has ended".to_owned();
    vec![
        outcome(
            "reference",
            "login/happy",
            None,
            "0.1",
            vec![
                check("code-shown", Verdict::Pass, "ABCD-EFGH on line 4"),
                check("colour", Verdict::Info, "no colours"),
            ],
        ),
        outcome(
            "reference",
            "refresh/reused",
            Some("status=400"),
            "2.2.1",
            vec![check("one-refresh", Verdict::Pass, "1 request")],
        ),
        flat(401),
        flat(400),
        outcome(
            "codex",
            "login/happy",
            None,
            "0.1",
            vec![
                check("code-shown", Verdict::Pass, "ABCD-EFGH on line 4"),
                check("colour", Verdict::Info, "no colours"),
            ],
        ),
        outcome(
            "codex",
            "logout/offline",
            None,
            "5.1.2",
            vec![cursor, unclean],
        ),
        outcome(
            "codex",
            "stream/websocket",
            None,
            "3.7.1",
            vec![check(
                "all",
                Verdict::Unsupported,
                "the target does not list `websocket`",
            )],
        ),
        outcome(
            "codex",
            "stream/crlf",
            None,
            "3.1.4",
            vec![check(
                "answer",
                Verdict::Error,
                "the mock server ended early: address in use",
            )],
        ),
    ]
}

pub(crate) fn target(name: &str, version: &str) -> TargetInfo {
    TargetInfo {
        name: name.to_owned(),
        title: match name {
            "codex" => "Codex CLI".to_owned(),
            name => name.to_owned(),
        },
        version: version.to_owned(),
        network: "direct".to_owned(),
    }
}

pub(crate) fn check(id: &str, verdict: Verdict, seen: &str) -> CheckResult {
    CheckResult {
        check: id.to_owned(),
        level: match verdict {
            Verdict::Nonstrict => Level::Should,
            Verdict::Info => Level::Convention,
            _ => Level::MustVendor,
        },
        verdict,
        because: seen.to_owned(),
        expected: String::new(),
        excerpts: Vec::new(),
        got_out: false,
        duration: Duration::from_micros(1_500),
    }
}

pub(crate) fn outcome(
    target: &str,
    scenario: &str,
    variant: Option<&str>,
    case: &str,
    results: Vec<CheckResult>,
) -> Outcome {
    let id = ScenarioRef {
        target: target.to_owned(),
        scenario: scenario.to_owned(),
        variant: variant.map(str::to_owned),
    };
    let evidence = match variant {
        Some(variant) => format!("target/loginproof/{target}/{scenario}/{variant}"),
        None => format!("target/loginproof/{target}/{scenario}"),
    };
    Outcome {
        id,
        case: case.to_owned(),
        title: "A refresh token that another client already spent".to_owned(),
        because: "The token endpoint answers with an error object nested under `error`, not RFC 6749's flat string.\nA parser that knows only the flat shape shows \"status 401\" and gives no hint to sign in again.".to_owned(),
        sources: vec!["NousResearch/hermes-agent!11512".to_owned(), "openai/codex#9634".to_owned()],
        results,
        duration: Duration::from_millis(420),
        program: Duration::from_millis(400),
        evidence: PathBuf::from(evidence),
    }
}

fn excerpt(witness: &'static str, text: &str) -> Excerpt {
    Excerpt {
        witness,
        text: text.to_owned(),
    }
}
