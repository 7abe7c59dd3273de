//! The final text of an `ask`, byte for byte, without surrounding white space.

use std::collections::BTreeMap;

use serde_json::Value;

use super::exit::describe;
use super::{Finding, chat, excerpt};
use crate::run::event::Excerpt;
use crate::run::evidence::{Evidence, ProgramRecord};
use crate::scenario::model::{AnswerCheck, AnswerRule, Tty};
use crate::terminal::How;

pub(super) fn judge(check: &AnswerCheck, program: &ProgramRecord, evidence: &Evidence) -> Finding {
    let shown = || excerpt::screen(evidence, program);
    let whole = program.stdout();
    // On a terminal the answer stands among everything else that was printed.
    let (answer, missing) = match program.tty {
        Tty::None => match program.answer.read(whole.as_bytes()) {
            Ok(answer) => (answer, None),
            Err(why) => (String::new(), Some(why)),
        },
        _ => (whole.trim().to_owned(), None),
    };
    let check = match check {
        AnswerCheck::Rule(AnswerRule {
            on_success: Some(text),
            ..
        }) => {
            // The status of a full-screen program that had to be told to end says nothing.
            if program.asked_to_end || !matches!(program.ended.how, How::Exit(0)) {
                return Finding::Holds(format!("no success: {}", describe(&program.ended)));
            }
            &AnswerCheck::Text(text.clone())
        }
        check => check,
    };
    match check {
        AnswerCheck::Text(text) if program.tty != Tty::None => Finding::when(
            answer.contains(text.trim()),
            format!("{} on the terminal", quoted(text)),
            "the terminal shows something else",
            shown,
        ),
        AnswerCheck::Text(text) => Finding::when(
            answer == text.trim(),
            quoted(text),
            missing.map_or_else(|| quoted(&answer), |why| format!("(no answer: {why})")),
            shown,
        ),
        AnswerCheck::Rule(rule) if !rule.json.is_empty() => by_pointers(&rule.json, &whole, shown),
        AnswerCheck::Rule(rule) => by_rule(rule, &answer, shown),
    }
}

fn by_pointers(
    pointers: &BTreeMap<String, Value>,
    stdout: &str,
    shown: impl Fn() -> Vec<Excerpt>,
) -> Finding {
    let said = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
    let expected: Vec<String> = pointers
        .iter()
        .map(|(pointer, value)| format!("{pointer} is {value}"))
        .collect();
    let answer = match chat::read(stdout) {
        Ok(answer) => answer,
        Err(why) => {
            let nothing = pointers.values().all(Value::is_null);
            return Finding::when(nothing, expected.join(", "), why, shown);
        }
    };
    let wrong: Vec<String> = pointers
        .iter()
        .filter(|(pointer, value)| !chat::is(value, answer.pointer(pointer)))
        .map(|(pointer, _)| format!("{pointer} is {}", said(answer.pointer(pointer))))
        .collect();
    if wrong.is_empty() {
        return Finding::Holds(expected.join(", "));
    }
    Finding::broken(expected.join(", "), wrong.join(", "), shown())
}

fn by_rule(rule: &AnswerRule, answer: &str, shown: impl Fn() -> Vec<Excerpt>) -> Finding {
    if let (Some(letter), Some(length)) = (&rule.contains, rule.length) {
        let right =
            answer.len() == length && answer.bytes().all(|byte| letter.as_bytes() == [byte]);
        return Finding::when(
            right,
            format!("{length} bytes of `{letter}`"),
            format!("{} bytes", answer.len()),
            shown,
        );
    }
    if let Some(text) = &rule.contains {
        let times = answer.matches(text.as_str()).count();
        let right = rule.times.map_or(times > 0, |wanted| times == wanted);
        let expected = rule
            .times
            .map_or(format!("an answer with {}", quoted(text)), |wanted| {
                format!("an answer with {} {wanted} times", quoted(text))
            });
        if !right {
            return Finding::broken(
                expected,
                format!("{times} times in {}", quoted(answer)),
                shown(),
            );
        }
    }
    if let Some(text) = &rule.lacks
        && answer.contains(text.as_str())
    {
        return Finding::broken(
            format!("an answer without {}", quoted(text)),
            quoted(answer),
            shown(),
        );
    }
    Finding::Holds(quoted(answer))
}

fn quoted(text: &str) -> String {
    const MOST: usize = 120;
    let text = text.trim();
    if text.is_empty() {
        return "(no answer)".to_owned();
    }
    let cut: String = text.chars().take(MOST).collect();
    let more = if cut.len() < text.len() {
        format!("… ({} bytes)", text.len())
    } else {
        String::new()
    };
    format!("{cut:?}{more}")
}
