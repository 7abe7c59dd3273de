//! The wire: which requests came, how many, how spaced, with what.

use std::sync::Arc;

use loginproof_mocks::journal::Exchange;
use loginproof_mocks::script::When;
use loginproof_mocks::span::Span;
use serde_json::Value;

use super::{Finding, excerpt};
use crate::report::text::counted;
use crate::run::evidence::Evidence;
use crate::scenario::model::{Count, CountRange, Gap, RequestsCheck, Same};

pub(super) fn judge(check: &RequestsCheck, evidence: &Evidence) -> Finding {
    let to: Vec<&Arc<Exchange>> = evidence
        .exchanges
        .iter()
        .filter(|exchange| exchange.endpoint == check.to)
        // The start of a WebSocket is seen only by who asks for it.
        .filter(|exchange| exchange.matches(&When::default()) || exchange.matches(&check.with))
        .collect();
    let matching: Vec<&Arc<Exchange>> = to
        .iter()
        .copied()
        .filter(|exchange| exchange.matches(&check.with))
        .collect();
    let name = excerpt::word(check.to);
    let shown = || excerpt::wire_to(evidence, check.to);

    if check.every && matching.len() < to.len() {
        let expected = format!("every request to {name} is as described");
        return Finding::broken(
            expected,
            format!("{} of {} are not", to.len() - matching.len(), to.len()),
            shown(),
        );
    }
    let range = check.count.unwrap_or(Count::Range(CountRange {
        at_least: Some(1),
        at_most: None,
    }));
    let seen = format!(
        "{} of {} request{} to {name}",
        matching.len(),
        to.len(),
        if to.len() == 1 { "" } else { "s" }
    );
    // `every` alone says nothing about how many there are.
    let counts = check.count.is_some() || !check.every;
    if counts && !holds(range, matching.len()) {
        let expected = format!("{} to {name}{}", describe(range), conditions(&check.with));
        return Finding::broken(expected, seen, shown());
    }
    // Where `count` allows so few that there is no gap, their number was judged already.
    let measurable = check
        .gap
        .filter(|gap| check.count.is_none() || matching.len() >= gap.first());
    if let Some(gap) = &measurable
        && let Some(broken) = gaps(gap, &matching, evidence, &name, shown)
    {
        return broken;
    }
    if check.same == Some(Same::Body)
        && let Some(differing) = matching
            .windows(2)
            .find(|pair| pair[0].request.decoded != pair[1].request.decoded)
    {
        let (a, b) = (&differing[0].request.decoded, &differing[1].request.decoded);
        return Finding::broken(
            format!("the same body in every counted request to {name}"),
            format!("bodies of {} and {} bytes differ", a.len(), b.len()),
            shown(),
        );
    }
    let measured = measurable
        .map(|gap| {
            waits(&gap, &matching, evidence)
                .fold(f64::INFINITY, |least, (_, wait)| least.min(wait.longest))
        })
        .map(|shortest| format!(", shortest gap {shortest:.3} s"))
        .unwrap_or_default();
    Finding::Holds(format!("{seen}{measured}"))
}

impl Gap {
    /// The first request before which there is a gap, counted from 1.
    fn first(&self) -> usize {
        let first = if self.since.is_some() { 1 } else { 2 };
        self.from.unwrap_or(first).max(first)
    }
}

/// The gaps, in seconds, each with the number of the request that ends it.
fn waits<'a>(
    gap: &Gap,
    counted: &'a [&Arc<Exchange>],
    evidence: &Evidence,
) -> impl Iterator<Item = (usize, Wait)> + use<'a> {
    let before_first = counted.first().and_then(|first| {
        let of = evidence.exchanges.iter();
        let of = of.filter(|exchange| Some(exchange.endpoint) == gap.since);
        let last = of
            .filter(|exchange| {
                let answer = exchange.answer.as_ref();
                answer.is_some_and(|answer| answer.ended <= first.request.arrived)
            })
            .max_by_key(|exchange| exchange.answer.as_ref().map(|answer| answer.ended))?;
        Some((1, Wait::between(last, first)))
    });
    let between = counted
        .windows(2)
        .enumerate()
        .map(|(index, pair)| (index + 2, Wait::between(pair[0], pair[1])));
    let from = gap.first();
    before_first
        .into_iter()
        .chain(between)
        .filter(move |(number, _)| *number >= from)
}

/// How long a program waited, in seconds, between an answer and its next request.
#[derive(Clone, Copy)]
struct Wait {
    /// At the most: before the answer began it knew nothing of it.
    longest: f64,
    /// At the least: when the answer had ended, it knew all.
    shortest: f64,
}

impl Wait {
    fn between(exchange: &Exchange, next: &Exchange) -> Self {
        let arrived = next.request.arrived;
        let known = exchange.request.arrived;
        let answer = exchange.answer.as_ref();
        let (started, ended) =
            answer.map_or((known, known), |answer| (answer.started, answer.ended));
        Self {
            longest: arrived.saturating_sub(started).as_secs_f64(),
            shortest: arrived.saturating_sub(ended).as_secs_f64(),
        }
    }
}

fn gaps(
    gap: &Gap,
    counted: &[&Arc<Exchange>],
    evidence: &Evidence,
    name: &str,
    shown: impl Fn() -> Vec<crate::run::event::Excerpt>,
) -> Option<Finding> {
    let from = gap.first();
    if counted.len() < from {
        let seen = format!(
            "only {} such requests: there is no gap to measure",
            counted.len()
        );
        return Some(Finding::broken(
            format!("at least {from} requests to {name}"),
            seen,
            shown(),
        ));
    }
    let outside = |(number, wait): (usize, Wait)| {
        let below = |least: Span| wait.longest < least.0.as_secs_f64();
        let above = |most: Span| wait.shortest > most.0.as_secs_f64();
        if gap.at_least.is_some_and(below) {
            Some((number, wait.longest))
        } else if gap.at_most.is_some_and(above) {
            Some((number, wait.shortest))
        } else {
            None
        }
    };
    let (number, seconds) = waits(gap, counted, evidence).find_map(outside)?;
    let bound = |word: &str, span: Option<Span>| {
        span.map(|span| format!(" {word} {span}"))
            .unwrap_or_default()
    };
    let expected = format!(
        "gaps {} {name} of{}{}",
        if number == 1 {
            "before the first request to"
        } else {
            "between requests to"
        },
        bound("at least", gap.at_least),
        bound("at most", gap.at_most)
    );
    Some(Finding::broken(
        expected,
        format!("{seconds:.3} s before request {number}"),
        shown(),
    ))
}

fn holds(count: Count, number: usize) -> bool {
    match count {
        Count::Exactly(exactly) => number == exactly,
        Count::Range(range) => {
            range.at_least.is_none_or(|least| number >= least)
                && range.at_most.is_none_or(|most| number <= most)
        }
    }
}

/// Which requests are counted: ` with grant refresh_token`.
fn conditions(with: &When) -> String {
    let with = serde_json::to_value(with).unwrap_or_default();
    let said = |value: &Value| match value {
        Value::Null => None,
        Value::Object(members) if members.is_empty() => None,
        Value::String(word) => Some(word.clone()),
        other => Some(other.to_string()),
    };
    let told: Vec<String> = with
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some(format!("{name} {}", said(value)?)))
        .collect();
    if told.is_empty() {
        String::new()
    } else {
        format!(" with {}", told.join(", "))
    }
}

fn requests(count: usize) -> String {
    counted(count, "request")
}

fn describe(count: Count) -> String {
    match count {
        Count::Exactly(exactly) => format!("exactly {}", requests(exactly)),
        Count::Range(CountRange {
            at_least: Some(least),
            at_most: Some(most),
        }) => format!("{least} to {}", requests(most)),
        Count::Range(CountRange {
            at_least: Some(least),
            at_most: None,
        }) => format!("at least {}", requests(least)),
        Count::Range(CountRange {
            at_least: None,
            at_most: Some(most),
        }) => format!("at most {}", requests(most)),
        Count::Range(CountRange {
            at_least: None,
            at_most: None,
        }) => "any number of requests".to_owned(),
    }
}
