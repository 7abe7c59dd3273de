//! `loginproof list`: the scenarios there are.

use clap::Args;
use serde_json::json;

use super::{Format, Outcome, SuiteArgs, say};
use crate::report::ExitStatus;
use crate::scenario::Suite;
use crate::scenario::suite::{known_cases, not_covered};

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Names, folders, case ids, or globs; all when left out
    filter: Vec<String>,
    #[command(flatten)]
    suite: SuiteArgs,
    /// Show cases with the scenarios that play them, or with the reason why none does
    #[arg(long)]
    cases: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn list(args: &ListArgs) -> Outcome {
    let suite = args.suite.load()?;
    if args.cases {
        return cases(&suite, args);
    }
    let selected = suite.select(&args.filter);
    if args.format == Format::Json {
        let all: Vec<_> = selected
            .iter()
            .map(|loaded| {
                let scenario = loaded.first();
                json!({
                    "scenario": loaded.name, "case": scenario.case, "level": scenario.level, "title": scenario.title,
                    "needs": scenario.needs, "variants": loaded.variants.len(), "checks": scenario.checks.len(), "slow": scenario.slow,
                })
            })
            .collect();
        say(format_args!(
            "{}",
            serde_json::to_string_pretty(&all).map_err(|error| miette::miette!("{error}"))?
        ))?;
    } else {
        let width = selected
            .iter()
            .map(|loaded| loaded.name.len())
            .max()
            .unwrap_or_default();
        for loaded in &selected {
            let scenario = loaded.first();
            let slow = if scenario.slow { " (slow)" } else { "" };
            say(format_args!(
                "{:<7} {:<width$}  {:<11} {}{slow}",
                scenario.case,
                loaded.name,
                scenario.level.to_string(),
                scenario.title
            ))?;
        }
        let variants: usize = selected.iter().map(|loaded| loaded.variants.len()).sum();
        let checks: usize = selected
            .iter()
            .map(|loaded| loaded.first().checks.len())
            .sum();
        say(format_args!(
            "{} scenarios, {checks} checks besides those that are always on, {variants} variants",
            selected.len()
        ))?;
    }
    Ok(if selected.is_empty() {
        ExitStatus::NothingSelected
    } else {
        ExitStatus::AsExpected
    })
}

/// The index of cases.
fn cases(suite: &Suite, args: &ListArgs) -> Outcome {
    let uncovered = not_covered();
    let mut shown = Vec::new();
    let (mut played, mut scenarios) = (0, 0);
    for case in known_cases() {
        let of_case = suite.select(std::slice::from_ref(&case.id));
        let of_case: Vec<&str> = of_case
            .iter()
            .filter(|loaded| loaded.first().case == case.id)
            .map(|loaded| loaded.name.as_str())
            .collect();
        let within = |filter: &String| {
            let rest = case.id.strip_prefix(filter.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                || of_case.iter().any(|name| name.starts_with(filter.as_str()))
        };
        if !args.filter.is_empty() && !args.filter.iter().any(within) {
            continue;
        }
        let reason = uncovered.iter().find(|row| row.case == case.id);
        let reason = reason.map(|row| row.why.clone());
        played += usize::from(!of_case.is_empty());
        scenarios += of_case.len();
        if args.format == Format::Human {
            say(format_args!(
                "{:<7} {:<11} {}",
                case.id, case.level, case.title
            ))?;
            match (&reason, of_case.is_empty()) {
                (Some(why), true) => say(format_args!("{:20}not covered: {why}", ""))?,
                _ => say(format_args!("{:20}{}", "", of_case.join(", ")))?,
            }
        }
        shown.push(json!({
            "case": case.id, "level": case.level, "title": case.title, "scenarios": of_case, "not_covered": reason,
        }));
    }
    if args.format == Format::Human {
        say(format_args!(
            "{} cases, {played} of them played by {scenarios} scenarios",
            shown.len()
        ))?;
    } else {
        let text = serde_json::to_string_pretty(&shown);
        say(text.map_err(|error| miette::miette!("{error}"))?)?;
    }
    Ok(if shown.is_empty() {
        ExitStatus::NothingSelected
    } else {
        ExitStatus::AsExpected
    })
}
