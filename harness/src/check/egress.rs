//! Always on where traffic is watched (namespace, proxy): nothing is sent, and no name looked up, outside the world.

use std::collections::BTreeMap;

use loginproof_mocks::journal::{Attempt, AttemptKind};

use super::leak::Search;
use super::{Broken, Finding, excerpt};
use crate::run::event::Excerpt;
use crate::run::evidence::Evidence;

pub(super) fn judge(evidence: &Evidence) -> Finding {
    if evidence.attempts.is_empty() {
        return Finding::Holds("no other host was asked for".to_owned());
    }
    // One line for each place, however often and in however many ways it was tried.
    let mut places: BTreeMap<String, Vec<&Attempt>> = BTreeMap::new();
    for attempt in &evidence.attempts {
        places.entry(place(attempt)).or_default().push(attempt);
    }
    let search = Search::new(&evidence.secrets);
    let told: Vec<(String, String)> = places
        .iter()
        .map(|(place, attempts)| {
            (
                place.clone(),
                told(place, attempts, evidence, search.as_ref()),
            )
        })
        .collect();
    let names: Vec<&str> = told.iter().map(|(place, _)| place.as_str()).collect();
    let lines: Vec<&str> = told.iter().map(|(_, line)| line.as_str()).collect();
    Finding::Broken(Broken {
        seen: format!("tried to reach {}", names.join(", ")),
        expected: "no connection to, and no name look-up for, a host that is not the target's"
            .to_owned(),
        excerpts: vec![Excerpt {
            witness: "wire",
            text: excerpt::presentable(&lines.join("\n"), evidence),
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

/// `telemetry.example: looked up; connection to 198.18.0.3:443; POST /v1/batch with access token (node, pid 12)`.
fn told(
    place: &str,
    attempts: &[&Attempt],
    evidence: &Evidence,
    search: Option<&Search<'_>>,
) -> String {
    let mut parts: Vec<String> = Vec::new();
    for attempt in attempts {
        let part = match attempt.kind {
            AttemptKind::LookUp => "looked up".to_owned(),
            AttemptKind::Connection => connection(attempt),
            AttemptKind::Request => request(attempt, evidence, search),
        };
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    let mut processes: Vec<&str> = attempts
        .iter()
        .filter_map(|attempt| attempt.process.as_deref())
        .collect();
    processes.sort_unstable();
    processes.dedup();
    let by = if processes.is_empty() {
        String::new()
    } else {
        format!(" by {}", processes.join(", "))
    };
    format!("{place}: {}{by}", parts.join("; "))
}

fn connection(attempt: &Attempt) -> String {
    let port = attempt.port.map(|port| format!(":{port}"));
    let address = attempt.address.map(|address| match address {
        std::net::IpAddr::V4(address) => address.to_string(),
        std::net::IpAddr::V6(address) => format!("[{address}]"),
    });
    let sni = attempt
        .sni
        .as_ref()
        .map(|sni| format!(", SNI {sni}"))
        .unwrap_or_default();
    format!(
        "connection to {}{}{sni}",
        address.unwrap_or_default(),
        port.unwrap_or_default()
    )
}

/// The request that would have gone out, and what of value was in it.
fn request(attempt: &Attempt, evidence: &Evidence, search: Option<&Search<'_>>) -> String {
    let exchange = attempt.exchange.and_then(|id| {
        let mut exchanges = evidence.exchanges.iter();
        exchanges.find(|exchange| exchange.id == id)
    });
    let Some(exchange) = exchange else {
        return connection(attempt);
    };
    let request = &exchange.request;
    let mut secrets: Vec<&str> = search
        .map(|search| search.in_request(request))
        .unwrap_or_default()
        .into_iter()
        .map(excerpt::secret_name)
        .collect();
    secrets.sort_unstable();
    secrets.dedup();
    let with = if secrets.is_empty() {
        String::new()
    } else {
        format!(" with {}", secrets.join(", "))
    };
    format!("{} {}{with}", request.method, request.target)
}
