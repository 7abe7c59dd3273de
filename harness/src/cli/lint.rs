//! `loginproof lint`: checks files without running anything.

use std::collections::HashSet;
use std::path::PathBuf;

use clap::Args;
use loginproof_mocks::script::Script;

use super::{Outcome, SuiteArgs, say};
use crate::mutants::Excuses;
use crate::report::ExitStatus;
use crate::target::Target;

#[derive(Debug, Args)]
pub(crate) struct LintArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    /// Target files to check as well
    #[arg(long, value_name = "FILE")]
    target: Vec<PathBuf>,
}

pub(crate) fn lint(args: &LintArgs) -> Outcome {
    let suite = args.suite.load()?;
    let mut problems = 0;
    let mut fixtures = 0;
    for name in suite.fixtures.names() {
        let Some(fixture) = suite.fixtures.get(name) else {
            continue;
        };
        fixtures += 1;
        for problem in loginproof_mocks::lint_fixture(fixture) {
            say(format_args!(
                "fixtures/{name}.http: {} ({})",
                problem.message, problem.rule
            ))?;
            problems += 1;
        }
    }
    for loaded in &suite.scenarios {
        for other in &suite.scenarios {
            if other.first().title == loaded.first().title && other.name < loaded.name {
                say(format_args!(
                    "scenarios/{}.yaml: has the same title as {}",
                    loaded.name, other.name
                ))?;
                problems += 1;
            }
        }
    }
    let scripts = suite
        .scenarios
        .iter()
        .flat_map(|loaded| loaded.variants.iter().map(|(_, scenario)| &scenario.server));
    let used: HashSet<&str> = scripts.flat_map(Script::fixtures).collect();
    for name in suite.fixtures.names() {
        // The server answers with this one by itself.
        if name != "responses/hello" && !used.contains(name) {
            say(format_args!("fixtures/{name}.http: no scenario uses it"))?;
            problems += 1;
        }
    }
    let excuses = Excuses::load(args.suite.path()).map_err(|error| miette::miette!("{error}"))?;
    for problem in crate::mutants::lint(&suite, &excuses) {
        say(problem)?;
        problems += 1;
    }
    let built_in = Target::built_in();
    let given: Vec<String> = args
        .target
        .iter()
        .map(|path| {
            if path.components().count() == 1 {
                format!("./{}", path.display())
            } else {
                path.display().to_string()
            }
        })
        .collect();
    for name in built_in.iter().chain(&given) {
        Target::load(name)?;
    }
    say(format_args!(
        "{} scenarios, {fixtures} fixtures, {} targets: {}",
        suite.scenarios.len(),
        built_in.len() + given.len(),
        if problems == 0 {
            "no problem found".to_owned()
        } else {
            format!("{problems} problems")
        }
    ))?;
    Ok(if problems == 0 {
        ExitStatus::AsExpected
    } else {
        ExitStatus::Usage
    })
}
