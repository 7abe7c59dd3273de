//! The wire: which requests came, how many, how spaced, with what.

use std::sync::Arc;

use loginproof_mocks::journal::Exchange;
use loginproof_mocks::script::When;
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
        && let Some(broken) = gaps(gap, &matching, &name, shown)
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
        .map(|_| format!(", shortest gap {:.3} s", shortest(&matching)))
        .unwrap_or_default();
    Finding::Holds(format!("{seen}{measured}"))
}

impl Gap {
    /// The first request that ends a gap, counted from 1.
    fn first(&self) -> usize {
        self.from.unwrap_or(2).max(2)
    }
}

/// From the end of an answer to the start of the next request, in seconds.
fn between(pair: &[&Arc<Exchange>]) -> f64 {
    let ended = pair[0]
        .answer
        .as_ref()
        .map_or(pair[0].request.arrived, |answer| answer.ended);
    pair[1].request.arrived.saturating_sub(ended).as_secs_f64()
}

fn shortest(counted: &[&Arc<Exchange>]) -> f64 {
    counted
        .windows(2)
        .map(between)
        .fold(f64::INFINITY, f64::min)
}

fn gaps(
    gap: &Gap,
    counted: &[&Arc<Exchange>],
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
    for (index, pair) in counted.windows(2).enumerate().skip(from - 2) {
        let seconds = between(pair);
        let short = gap
            .at_least
            .is_some_and(|least| seconds < least.0.as_secs_f64());
        let long = gap
            .at_most
            .is_some_and(|most| seconds > most.0.as_secs_f64());
        if short || long {
            let bound = |word: &str, span: Option<loginproof_mocks::span::Span>| {
                span.map(|span| format!(" {word} {span}"))
                    .unwrap_or_default()
            };
            let expected = format!(
                "gaps between requests to {name} of{}{}",
                bound("at least", gap.at_least),
                bound("at most", gap.at_most)
            );
            return Some(Finding::broken(
                expected,
                format!("{seconds:.3} s before request {}", index + 2),
                shown(),
            ));
        }
    }
    None
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
