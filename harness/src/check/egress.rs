//! Always on where traffic is watched (namespace, proxy): nothing is sent, and no name looked up, outside the world.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use loginproof_mocks::authorization::Secret;
use loginproof_mocks::journal::{Attempt, AttemptKind, Exchange};

use super::leak::Search;
use super::{Broken, Finding, excerpt};
use crate::run::event::Excerpt;
use crate::run::evidence::Evidence;

pub(super) fn judge(evidence: &Evidence) -> Finding {
    if evidence.attempts.is_empty() {
        return Finding::Holds("no other host was asked for".to_owned());
    }
    // Each place once, however often and in however many ways it was tried.
    let mut places: BTreeMap<String, Vec<&Attempt>> = BTreeMap::new();
    for attempt in &evidence.attempts {
        places.entry(place(attempt)).or_default().push(attempt);
    }
    let search = Search::new(&evidence.secrets);
    let mut seen: Vec<String> = Vec::new();
    let mut told_of: Vec<String> = Vec::new();
    for (place, attempts) in &places {
        let secrets = attempts
            .iter()
            .flat_map(|attempt| secrets(attempt, evidence, search.as_ref()));
        let kinds: BTreeSet<&str> = secrets.map(excerpt::secret_name).collect();
        let kinds: Vec<&str> = kinds.into_iter().collect();
        seen.push(match kinds.join(", ") {
            kinds if kinds.is_empty() => place.clone(),
            kinds => format!("{place} (with {kinds})"),
        });
        told_of.push(told(place, attempts, evidence, search.as_ref()));
    }
    Finding::Broken(Broken {
        seen: format!("tried to reach {}", seen.join(", ")),
        expected: "no connection to, and no name look-up for, a host that is not the target's"
            .to_owned(),
        excerpts: vec![Excerpt {
            witness: "wire",
            text: excerpt::presentable(&told_of.join("\n"), evidence),
        }],
        unclean: false,
        got_out: true,
    })
}

/// What the program asked for: the name if it is known, else the address.
fn place(attempt: &Attempt) -> String {
    let name = attempt.name.as_ref().or(attempt.sni.as_ref());
    name.cloned()
        .or_else(|| attempt.address.map(|address| address.to_string()))
        .unwrap_or_else(|| "a host without a name".to_owned())
}

/// A place, and below it what was tried there, each once:
///
/// ```text
/// telemetry.example
///   looked up
///   connection to 198.18.0.3:443, SNI telemetry.example
///   POST /v1/batch with <access token …x7Qa>
///   by node (pid 12)
/// ```
fn told(
    place: &str,
    attempts: &[&Attempt],
    evidence: &Evidence,
    search: Option<&Search<'_>>,
) -> String {
    let mut lines: Vec<String> = vec![place.to_owned()];
    let what = attempts.iter().map(|attempt| match attempt.kind {
        AttemptKind::LookUp => "  looked up".to_owned(),
        AttemptKind::Connection => format!("  {}", connection(attempt)),
        AttemptKind::Request => format!("  {}", request(attempt, evidence, search)),
    });
    let who = attempts
        .iter()
        .filter_map(|attempt| Some(format!("  by {}", attempt.process.as_deref()?)));
    for line in what.chain(who) {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.join("\n")
}

fn connection(attempt: &Attempt) -> String {
    let to = match (attempt.address, &attempt.name) {
        (Some(IpAddr::V6(address)), _) => format!("[{address}]"),
        (Some(IpAddr::V4(address)), _) => address.to_string(),
        // Through the proxy a name is all that a program gives.
        (None, name) => name.clone().unwrap_or_default(),
    };
    let port = attempt
        .port
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let sni = attempt
        .sni
        .as_ref()
        .map(|sni| format!(", SNI {sni}"))
        .unwrap_or_default();
    format!("connection to {to}{port}{sni}")
}

/// The request that would have gone out, and what of value was in it.
fn request(attempt: &Attempt, evidence: &Evidence, search: Option<&Search<'_>>) -> String {
    let Some(exchange) = exchange(attempt, evidence) else {
        return connection(attempt);
    };
    let request = &exchange.request;
    // As they are: what shows this shortens them to their kind and last four characters.
    let values: BTreeSet<&str> = secrets(attempt, evidence, search)
        .into_iter()
        .map(|secret| secret.value.as_str())
        .collect();
    let values: Vec<&str> = values.into_iter().collect();
    let with = if values.is_empty() {
        String::new()
    } else {
        format!(" with {}", values.join(", "))
    };
    format!("{} {}{with}", request.method, request.target)
}

/// Secrets that would have gone out with an attempt.
fn secrets<'a>(
    attempt: &Attempt,
    evidence: &'a Evidence,
    search: Option<&Search<'a>>,
) -> Vec<&'a Secret> {
    match (search, exchange(attempt, evidence)) {
        (Some(search), Some(exchange)) => search.in_request(&exchange.request),
        _ => Vec::new(),
    }
}

fn exchange<'a>(attempt: &Attempt, evidence: &'a Evidence) -> Option<&'a Exchange> {
    let id = attempt.exchange?;
    let mut exchanges = evidence.exchanges.iter();
    exchanges
        .find(|exchange| exchange.id == id)
        .map(|exchange| &**exchange)
}
