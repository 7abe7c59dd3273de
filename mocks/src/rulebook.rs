//! The rules of a script, ready to choose from.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use crate::answering;
use crate::fault::Fault;
use crate::fixture::Fixtures;
use crate::journal::Exchange;
use crate::matcher::Matcher;
use crate::responder::Ready;
use crate::script::{Endpoint, Rule, Script};
use crate::template::Placeholder;

/// Something wrong with a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptProblem {
    /// Where: `server.token[0]`.
    pub rule: String,
    /// What is wrong.
    pub message: String,
}

/// Everything wrong with a script that its format alone does not show: names of fixtures, regular
/// expressions, placeholders, faults that contradict themselves.
#[must_use]
pub fn validate(script: &Script, fixtures: &Fixtures) -> Vec<ScriptProblem> {
    let mut problems = Vec::new();
    if script
        .http
        .is_some_and(|version| !(1..=2).contains(&version))
    {
        problems.push(ScriptProblem {
            rule: "server.http".to_owned(),
            message: "write 1 or 2, the version of HTTP; both are spoken when it is left out"
                .to_owned(),
        });
    }
    for (place, endpoint, rule) in rules(script) {
        let mut messages = Matcher::new(&rule.when).err().unwrap_or_default();
        if rule.times == Some(0) {
            messages.push("times: a rule for no request at all; leave it out".to_owned());
        }
        if let Some(answer) = &rule.answer {
            messages.extend(answering::problems(answer, endpoint, fixtures));
        }
        for (at, fault) in rule.faults.iter().enumerate() {
            let problem = fault.problem().or_else(|| fault.misplaced(endpoint));
            messages.extend(problem.map(|problem| format!("faults[{at}]: {problem}")));
        }
        problems.extend(messages.into_iter().map(|message| ScriptProblem {
            rule: place.clone(),
            message,
        }));
    }
    problems
}

/// The rules of one server, with what was used up of them.
#[derive(Debug)]
pub(crate) struct Rulebook {
    rules: BTreeMap<Endpoint, Vec<BoundRule>>,
}

/// A rule with its place in the file.
#[derive(Debug)]
pub(crate) struct BoundRule {
    /// `server.token[0]`
    pub(crate) place: String,
    pub(crate) rule: Rule,
    /// Whether the real server is asked although the rule has an answer.
    pub(crate) asks_server: bool,
    /// Whether that answer hands out the next refresh token.
    pub(crate) rotates: bool,
    /// Its answer, ready to go out, when that is the same each time: made once.
    pub(crate) made: Option<OnceLock<Arc<Ready>>>,
    matcher: Matcher,
    used: AtomicU32,
}

impl Rulebook {
    /// Reads a script that [`validate`] finds nothing wrong with; rules that cannot be read are left out.
    pub(crate) fn new(script: &Script, fixtures: &Fixtures) -> Self {
        let mut book: BTreeMap<Endpoint, Vec<BoundRule>> = BTreeMap::new();
        for (place, endpoint, rule) in rules(script) {
            let Ok(matcher) = Matcher::new(&rule.when) else {
                continue;
            };
            let answer = rule.answer.as_ref();
            let found =
                answer.map(|answer| answering::placeholders(answer, fixtures).unwrap_or_default());
            let minted = |name: Option<&str>| {
                found.iter().flatten().any(|placeholder| match placeholder {
                    Placeholder::Minted(minted) => name.is_none_or(|name| *minted == name),
                    _ => false,
                })
            };
            let same =
                found.as_ref().is_some_and(Vec::is_empty) && !rule.faults.iter().any(Fault::varies);
            let bound = BoundRule {
                place,
                made: same.then(OnceLock::new),
                asks_server: answer.is_none() || minted(None),
                rotates: answer.is_none() || minted(Some("refresh_token")),
                matcher,
                used: AtomicU32::new(0),
                rule: rule.clone(),
            };
            book.entry(endpoint).or_default().push(bound);
        }
        Self { rules: book }
    }

    /// The first rule that matches and is not used up; it is used once more.
    pub(crate) fn choose(&self, exchange: &Exchange) -> Option<&BoundRule> {
        let rules = self.rules.get(&exchange.endpoint)?;
        rules
            .iter()
            .find(|bound| bound.matcher.matches(exchange) && bound.take())
    }
}

impl BoundRule {
    fn take(&self) -> bool {
        let limit = self.rule.times.unwrap_or(u32::MAX);
        let once_more = |used| (used < limit).then(|| used + 1);
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, once_more)
            .is_ok()
    }
}

fn rules(script: &Script) -> impl Iterator<Item = (String, Endpoint, &Rule)> {
    Endpoint::RULED.into_iter().flat_map(move |endpoint| {
        let name = name(endpoint);
        let rules = script.rules(endpoint).iter().enumerate();
        rules.map(move |(at, rule)| (format!("server.{name}[{at}]"), endpoint, rule))
    })
}

fn name(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Usercode => "usercode",
        Endpoint::Poll => "poll",
        Endpoint::Token => "token",
        Endpoint::Revoke => "revoke",
        Endpoint::Page => "page",
        Endpoint::Responses => "responses",
        Endpoint::Websocket => "websocket",
        Endpoint::Models => "models",
        Endpoint::Accounts => "accounts",
        Endpoint::Usage => "usage",
        Endpoint::Ambient => "ambient",
        Endpoint::Unknown => "unknown",
        Endpoint::Authorize => "authorize",
        Endpoint::Metadata => "metadata",
        Endpoint::Profile => "profile",
        Endpoint::Copilot => "copilot",
        Endpoint::Chat => "chat",
        Endpoint::Messages => "messages",
        Endpoint::Generate => "generate",
        Endpoint::Egress => "egress",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::matcher::tests::exchange;

    fn script(json: serde_json::Value) -> Script {
        serde_json::from_value(json).unwrap()
    }

    fn chosen(book: &Rulebook) -> Option<&str> {
        book.choose(&exchange(&[], ""))
            .map(|bound| bound.place.as_str())
    }

    #[test]
    fn the_first_rule_that_matches_and_is_not_used_up_wins() {
        let script = script(json!({ "responses": [
            { "when": { "nth": 9 } },
            { "when": { "nth": 2 }, "times": 2 },
            {},
        ]}));
        let book = Rulebook::new(&script, &Fixtures::default());
        assert_eq!(chosen(&book), Some("server.responses[1]"));
        assert_eq!(chosen(&book), Some("server.responses[1]"));
        assert_eq!(chosen(&book), Some("server.responses[2]"));
        assert_eq!(chosen(&book), Some("server.responses[2]"));
    }

    #[test]
    fn the_real_server_is_asked_only_for_what_it_alone_can_mint() {
        let script = script(json!({ "responses": [
            { "answer": { "json": { "a": "{{model}}" } } },
            { "answer": { "json": { "a": "{{access_token}}" } } },
            { "answer": { "json": { "a": ["{{refresh_token}}"] } } },
            {},
        ]}));
        let book = Rulebook::new(&script, &Fixtures::default());
        let asks = book.rules[&Endpoint::Responses]
            .iter()
            .map(|rule| (rule.asks_server, rule.rotates));
        assert_eq!(
            asks.collect::<Vec<_>>(),
            [(false, false), (true, false), (true, true), (true, true)]
        );
    }

    #[test]
    fn a_problem_names_the_place_of_its_rule() {
        let script = script(json!({ "token": [{}, { "answer": "none/such", "times": 0 }] }));
        let problems = validate(&script, &Fixtures::default());
        assert_eq!(problems.len(), 2);
        assert!(
            problems
                .iter()
                .all(|problem| problem.rule == "server.token[1]")
        );
    }
}
