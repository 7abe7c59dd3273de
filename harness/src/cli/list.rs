//! `loginproof list`: the scenarios there are.

use clap::Args;
use serde_json::json;

use super::{Format, Outcome, SuiteArgs, say};
use crate::report::ExitStatus;

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Names, folders, case ids, or globs; all when left out
    filter: Vec<String>,
    #[command(flatten)]
    suite: SuiteArgs,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn list(args: &ListArgs) -> Outcome {
    let suite = args.suite.load()?;
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
