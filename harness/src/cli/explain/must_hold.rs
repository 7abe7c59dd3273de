//! What a check asks, as a sentence.

use loginproof_mocks::script::When;
use serde_json::Value;

use crate::scenario::model::{
    AnswerCheck, Check, Count, ExitCheck, ExitWord, Gap, RequestsCheck, ScreenCheck, StoreCheck,
    StoreWord, Stream,
};

/// What must hold, in words.
pub(super) fn sentence(check: &Check) -> String {
    let what = match check {
        Check {
            requests: Some(requests),
            ..
        } => asked(requests),
        Check {
            screen: Some(screen),
            ..
        } => read(screen),
        Check {
            answer: Some(answer),
            ..
        } => answered(answer),
        Check {
            exit: Some(exit), ..
        } => ended(*exit),
        Check {
            store: Some(store), ..
        } => stored(store),
        Check {
            within: Some(span), ..
        } => format!("it ends by itself within {span}"),
        Check {
            process: Some(process),
            ..
        } => match (process.none_left, process.terminal_restored) {
            (true, true) => "no process is left, and the terminal is as it was".to_owned(),
            (true, false) => "no process is left".to_owned(),
            _ => "the terminal is as it was".to_owned(),
        },
        Check {
            session: Some(session),
            ..
        } => {
            let states: Vec<String> = session.states.iter().map(word).collect();
            format!("the session is {}", states.join(", then "))
        }
        _ => String::new(),
    };
    match check.of.as_deref() {
        None => what,
        Some("all") => format!("{what}; of every program"),
        Some(step) => format!("{what}; of the step `{step}`"),
    }
}

/// Conditions on a request: `with grant refresh_token and account 1`.
pub(super) fn conditions(when: &When) -> String {
    let fields = serde_json::to_value(when).unwrap_or_default();
    let mut parts = Vec::new();
    for (name, value) in fields.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            (_, Value::Null) => {}
            (_, Value::Object(entries)) if entries.is_empty() => {}
            ("access" | "refresh", Value::String(state)) => {
                let article = if state.starts_with('e') { "an" } else { "a" };
                parts.push(match state.as_str() {
                    "none" => format!("no {name} token"),
                    _ => format!("{article} {state} {name} token"),
                });
            }
            ("access-generation" | "refresh-generation", number) => {
                let kind = name.trim_end_matches("-generation");
                parts.push(format!("{kind} token number {number} of its sign-in"));
            }
            ("account", number) => parts.push(format!("the token of account {number}")),
            ("nth", number) => parts.push(format!("number {number} in order")),
            ("header" | "query" | "body", Value::Object(entries)) => {
                let entries = entries.iter();
                parts
                    .extend(entries.map(|(key, value)| format!("{name} `{key}` {}", plain(value))));
            }
            ("input-has", item) => parts.push(format!("an input item {item}")),
            (_, value) => parts.push(format!("{name} {}", plain(value))),
        }
    }
    parts.join(" and ")
}

fn asked(check: &RequestsCheck) -> String {
    let name = word(&check.to);
    let with = conditions(&check.with);
    let with = if with.is_empty() {
        String::new()
    } else {
        format!(" with {with}")
    };
    if check.every {
        return format!("every request to {name} comes{with}");
    }
    let number = match check.count {
        None => "at least 1 request".to_owned(),
        Some(Count::Exactly(0)) => "no request".to_owned(),
        Some(Count::Exactly(number)) => format!("exactly {}", requests(number)),
        Some(Count::Range(range)) => match (range.at_least, range.at_most) {
            (Some(least), Some(most)) if least == most => format!("exactly {}", requests(most)),
            (Some(least), Some(most)) => format!("{least} to {}", requests(most)),
            (Some(least), None) => format!("at least {}", requests(least)),
            (None, Some(most)) => format!("at most {}", requests(most)),
            (None, None) => "any number of requests".to_owned(),
        },
    };
    let same = if check.same.is_some() {
        ", all with the same body"
    } else {
        ""
    };
    let gap = check.gap.as_ref().map(apart).unwrap_or_default();
    format!("{number} to {name}{with}{same}{gap}")
}

fn apart(gap: &Gap) -> String {
    let bound = match (gap.at_least, gap.at_most) {
        (Some(least), Some(most)) => format!("{least} to {most}"),
        (Some(least), None) => format!("at least {least}"),
        (None, Some(most)) => format!("at most {most}"),
        (None, None) => return String::new(),
    };
    match (gap.since, gap.from) {
        (Some(since), _) => format!(
            ", {bound} apart, the first one counted from the answer of {}",
            word(&since)
        ),
        (None, Some(from)) => format!(", {bound} apart from number {from} on"),
        (None, None) => format!(", {bound} apart"),
    }
}

fn requests(number: usize) -> String {
    format!("{number} request{}", if number == 1 { "" } else { "s" })
}

fn read(check: &ScreenCheck) -> String {
    let place = match check.stream {
        None => "the screen",
        Some(Stream::Stdout) => "standard output",
        Some(Stream::Stderr) => "standard error",
    };
    let mut parts = Vec::new();
    parts.extend(
        check
            .matches
            .as_ref()
            .map(|pattern| format!("shows /{pattern}/")),
    );
    parts.extend(
        check
            .lacks
            .as_ref()
            .map(|pattern| format!("never shows /{pattern}/")),
    );
    parts.extend(
        check
            .at_most
            .map(|most| format!("holds at most {most} bytes")),
    );
    format!("{place} {}", parts.join(" and "))
}

fn answered(check: &AnswerCheck) -> String {
    let rule = match check {
        AnswerCheck::Text(text) if text.is_empty() => return "the answer is empty".to_owned(),
        AnswerCheck::Text(text) => return format!("the answer is `{text}`, byte for byte"),
        AnswerCheck::Rule(rule) => rule,
    };
    let mut parts = Vec::new();
    let times = rule.times.map(|times| format!(" {times} times"));
    parts.extend(rule.contains.as_ref().map(|text| {
        let times = times.unwrap_or_default();
        format!("contains `{text}`{times}")
    }));
    parts.extend(rule.lacks.as_ref().map(|text| format!("lacks `{text}`")));
    parts.extend(rule.length.map(|length| format!("has {length} bytes")));
    format!("the answer {}", parts.join(" and "))
}

fn ended(check: ExitCheck) -> String {
    match check {
        ExitCheck::Code(code) => format!("the exit status is {code}"),
        ExitCheck::Word(ExitWord::Success) => "the exit status is 0".to_owned(),
        ExitCheck::Word(ExitWord::Failure) => {
            "it ends by itself, with a status other than 0".to_owned()
        }
        ExitCheck::Word(ExitWord::Any) => "it ends by itself, with any status".to_owned(),
    }
}

fn stored(check: &StoreCheck) -> String {
    let rules = match check {
        StoreCheck::Word(StoreWord::Unchanged) => {
            return "the credential file is as it was, byte for byte".to_owned();
        }
        StoreCheck::Word(StoreWord::SignedOut) => {
            return "no credential file, or none with tokens".to_owned();
        }
        StoreCheck::Word(StoreWord::AlwaysWhole) => {
            return "the credential file is whole at every moment".to_owned();
        }
        StoreCheck::Word(StoreWord::AlwaysPrivate) => {
            return "the credential file is private from its first byte on".to_owned();
        }
        StoreCheck::Word(StoreWord::StillLinked) => {
            return "the credential file is still the symbolic link that it was".to_owned();
        }
        StoreCheck::Word(StoreWord::OnlyCopy) => {
            return "no other file beside the credential file holds a token".to_owned();
        }
        StoreCheck::Rules(rules) => rules,
    };
    let mut parts = Vec::new();
    parts.extend(
        rules
            .access
            .map(|state| format!("its access token is {}", word(&state))),
    );
    parts.extend(
        rules
            .refresh
            .map(|state| format!("its refresh token is {}", word(&state))),
    );
    parts.extend(
        rules
            .refresh_generation
            .map(|number| format!("that is number {number} of its sign-in")),
    );
    parts.extend(
        rules
            .account
            .map(|number| format!("the account in it is account {number}")),
    );
    parts.extend(
        rules
            .accounts
            .map(|number| format!("tokens of {number} different accounts are in it")),
    );
    parts.extend(
        rules
            .mode
            .as_ref()
            .map(|mode| format!("its mode is {mode}")),
    );
    let fields = rules.fields.iter();
    parts.extend(fields.map(|(pointer, value)| format!("{pointer} is {value}")));
    format!("the credential file: {}", parts.join(", "))
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// A value as scenario files write it.
fn word(value: &impl serde::Serialize) -> String {
    let text = serde_json::to_value(value).unwrap_or_default();
    plain(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_read_as_sentences() {
        for (check, words) in [
            (
                r#"{"requests":{"to":"token","with":{"grant":"refresh_token","refresh":"live"},"count":1}}"#,
                "exactly 1 request to token with grant refresh_token and a live refresh token",
            ),
            (
                r#"{"requests":{"to":"poll","gap":{"since":"usercode","at-least":"950ms"},"count":{"at-most":4}}}"#,
                "at most 4 requests to poll, at least 950ms apart, the first one counted from the answer of usercode",
            ),
            (
                r#"{"requests":{"to":"revoke","count":0}}"#,
                "no request to revoke",
            ),
            (
                r#"{"store":{"access":"live","accounts":2}}"#,
                "the credential file: its access token is live, tokens of 2 different accounts are in it",
            ),
            (
                r#"{"exit":"failure","of":"login"}"#,
                "it ends by itself, with a status other than 0; of the step `login`",
            ),
            (r#"{"answer":""}"#, "the answer is empty"),
        ] {
            let check: Check = serde_json::from_str(check).unwrap();
            assert_eq!(sentence(&check), words);
        }
    }
}
