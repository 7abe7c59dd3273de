//! Always on: no request comes that nobody expected.

use super::{Finding, excerpt};
use crate::run::evidence::Evidence;

pub(super) fn judge(evidence: &Evidence) -> Finding {
    let mut surprises: Vec<String> = evidence
        .exchanges
        .iter()
        .filter(|exchange| !exchange.expected)
        .map(|exchange| {
            format!(
                "{} {}",
                exchange.request.method,
                exchange
                    .request
                    .target
                    .split('?')
                    .next()
                    .unwrap_or_default()
            )
        })
        .collect();
    surprises.dedup();
    Finding::when(
        surprises.is_empty(),
        "only requests that the flow calls for",
        if surprises.is_empty() {
            format!("{} requests, all expected", evidence.exchanges.len())
        } else {
            surprises.join(", ")
        },
        || excerpt::wire(evidence, |exchange| !exchange.expected),
    )
}
