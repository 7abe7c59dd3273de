//! From checks that do not hold to findings: what is one bug stands together.

use std::collections::{BTreeMap, BTreeSet};

use super::gather::Instance;
use crate::check::ALWAYS_ON;
use crate::verdict::{Level, Verdict};

/// One bug, as far as the evidence tells. Its checks are sorted, the gravest first.
pub(super) struct Finding<'p, 'a> {
    pub(super) instances: Vec<&'p Instance<'a>>,
}

impl<'p, 'a> Finding<'p, 'a> {
    /// The gravest check, in its first variant: what the page shows.
    pub(super) fn first(&self) -> &'p Instance<'a> {
        self.instances[0]
    }

    pub(super) fn scenarios(&self) -> BTreeSet<&'a str> {
        self.instances
            .iter()
            .map(|instance| instance.entry.scenario.as_str())
            .collect()
    }

    /// Whether the gravest check of both counts requests to one endpoint in one area, and counted wrong in the same way.
    pub(super) fn resembles(&self, other: &Self) -> bool {
        let look = |finding: &Self| {
            let first = finding.first();
            let area = first.entry.scenario.split('/').next().map(str::to_owned);
            (area, alike(&first.check.seen))
        };
        let counts = |finding: &Self| finding.first().check.asks == "requests";
        counts(self) && counts(other) && look(self) == look(other)
    }

    /// Whether it is about what every scenario asks, whatever its own subject.
    pub(super) fn is_general(&self) -> bool {
        self.is_false_success() || is_always_on(self.first())
    }

    /// Whether it is about the exit status alone, which says success in scenario after scenario.
    pub(super) fn is_false_success(&self) -> bool {
        self.scenarios().len() >= HABIT && self.instances.iter().all(|it| is_false_success(it))
    }
}

/// Groups them, the gravest finding first.
pub(super) fn group<'p, 'a>(instances: &'p [Instance<'a>]) -> Vec<Finding<'p, 'a>> {
    let mut general: BTreeMap<(&str, String), Vec<&Instance<'_>>> = BTreeMap::new();
    let mut own: BTreeMap<&str, Vec<&Instance<'_>>> = BTreeMap::new();
    let own_failed: BTreeSet<_> = instances
        .iter()
        .filter(|instance| !is_always_on(instance))
        .map(|instance| place(instance))
        .collect();
    let (mut false_successes, mut others): (Vec<_>, Vec<_>) =
        instances.iter().partition(|it| is_false_success(it));
    let scenarios: BTreeSet<_> = false_successes.iter().map(|it| place(it).0).collect();
    if scenarios.len() < HABIT {
        others.append(&mut false_successes);
    }
    for instance in others {
        // Who hangs or crashes where the scenario's own checks fail shows the same bug by it.
        let with_the_others = ["clean-exit", "no-panic"].contains(&instance.entry.check.as_str())
            && instance.entry.verdict != Verdict::Unclean
            && own_failed.contains(&place(instance));
        if is_always_on(instance) && !with_the_others {
            let seen = alike(&instance.check.seen);
            general
                .entry((&instance.entry.check, seen))
                .or_default()
                .push(instance);
        } else {
            own.entry(&instance.entry.scenario)
                .or_default()
                .push(instance);
        }
    }
    let mut groups: Vec<Vec<&Instance<'_>>> = general.into_values().collect();
    groups.extend(across(own.into_values().flat_map(within).collect()));
    groups.push(false_successes);
    let mut findings: Vec<Finding<'_, '_>> = groups
        .into_iter()
        .filter(|instances| !instances.is_empty())
        .map(|mut instances| {
            instances
                .sort_by_key(|instance| (std::cmp::Reverse(gravity(instance)), place(instance)));
            Finding { instances }
        })
        .collect();
    findings.sort_by_cached_key(|finding| {
        (
            std::cmp::Reverse(gravity(finding.first())),
            std::cmp::Reverse(finding.scenarios().len()),
            place(finding.first()),
            finding.first().entry.check.clone(),
        )
    });
    findings
}

/// Where a check was made.
fn place<'a>(instance: &Instance<'a>) -> (&'a str, Option<&'a str>) {
    (&instance.entry.scenario, instance.entry.variant.as_deref())
}

fn is_always_on(instance: &Instance<'_>) -> bool {
    let check = instance.entry.check.as_str();
    check == "no-egress" || ALWAYS_ON.contains(&check)
}

/// A success that is none, in so many scenarios, is the program's way to end, and one bug.
const HABIT: usize = 4;

fn is_false_success(instance: &Instance<'_>) -> bool {
    let check = &instance.check;
    check.asks == "exit" && check.seen.split(" after ").next() == Some("exit status 0")
}

/// The checks of a scenario that fail in a variant together belong together, and so does a check in all its variants.
fn within<'p, 'a>(instances: Vec<&'p Instance<'a>>) -> Vec<Vec<&'p Instance<'a>>> {
    let mut groups: Vec<Vec<&Instance<'_>>> = Vec::new();
    for instance in instances {
        let related = |other: &&Instance<'_>| {
            other.entry.check == instance.entry.check
                || other.entry.variant == instance.entry.variant
        };
        let (mut joined, others): (Vec<_>, Vec<_>) = groups
            .into_iter()
            .partition(|group| group.iter().any(related));
        groups = others;
        let mut one: Vec<&Instance<'_>> = joined.drain(..).flatten().collect();
        one.push(instance);
        groups.push(one);
    }
    groups
}

/// Groups of several scenarios are one where they show the same of the same case or of the credential file, and where
/// exactly the same was counted on the wire in one area.
fn across<'p, 'a>(groups: Vec<Vec<&'p Instance<'a>>>) -> Vec<Vec<&'p Instance<'a>>> {
    let mut joined: BTreeMap<(String, BTreeSet<String>), Vec<&Instance<'_>>> = BTreeMap::new();
    for group in groups {
        let asks = |what| group.iter().all(|instance| instance.check.asks == what);
        let counted = asks("requests");
        let shown: BTreeSet<String> = group
            .iter()
            .map(|instance| {
                let check = &instance.check;
                if counted {
                    return format!("{}|{}", check.expected, check.seen);
                }
                format!("{}|{}|{}", check.check, check.expected, alike(&check.seen))
            })
            .collect();
        let entry = group[0].entry;
        let subject = if asks("store") {
            "store".to_owned()
        } else if counted {
            entry
                .scenario
                .split('/')
                .next()
                .unwrap_or_default()
                .to_owned()
        } else {
            entry.case.clone()
        };
        joined.entry((subject, shown)).or_default().extend(group);
    }
    joined.into_values().collect()
}

/// How grave it is.
pub(super) fn gravity(instance: &Instance<'_>) -> u8 {
    match (instance.entry.verdict, instance.entry.level) {
        _ if instance.check.got_out => 5,
        (Verdict::Fail, Level::Must) => 4,
        (Verdict::Fail, _) => 3,
        (Verdict::Unclean, _) => 2,
        _ => 1,
    }
}

/// What was seen, without what differs every time: numbers and the ends of secrets.
pub(super) fn alike(seen: &str) -> String {
    let mut text = String::new();
    let mut in_secret = false;
    let mut in_number = false;
    for c in seen.chars() {
        match c {
            '…' => in_secret = true,
            '>' | ' ' => in_secret = false,
            _ if in_secret => continue,
            _ => {}
        }
        if c.is_ascii_digit() || (in_number && c == '.') {
            if !in_number {
                text.push('0');
            }
            in_number = true;
        } else {
            in_number = false;
            text.push(c);
        }
    }
    text
}
