//! `loginproof explain CASE`: a case, as a good bug report would put it.

use clap::Args;
use loginproof_mocks::Fixtures;
use loginproof_mocks::script::{AnswerSpec, Endpoint, Rule, Script};

use super::{Failure, Outcome, SuiteArgs, say};
use crate::report::ExitStatus;
use crate::scenario::{Loaded, Scenario};
use crate::target::Target;
use crate::target::model::Network;

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// A case id such as 2.2.1, or a scenario such as refresh/reused
    case: String,
    #[command(flatten)]
    suite: SuiteArgs,
}

pub(crate) fn explain(args: &ExplainArgs) -> Outcome {
    let suite = args.suite.load()?;
    let selected = suite.select(std::slice::from_ref(&args.case));
    if selected.is_empty() {
        let help = suite.advice(&args.case);
        return Err(Failure::nothing(miette::miette!(
            help = help,
            "no case or scenario is called `{}`",
            args.case
        )));
    }
    for (index, loaded) in selected.iter().enumerate() {
        if index > 0 {
            say("")?;
        }
        say(page(loaded, &suite.fixtures).trim_end())?;
    }
    Ok(ExitStatus::AsExpected)
}

/// The page of one scenario.
fn page(loaded: &Loaded, fixtures: &Fixtures) -> String {
    let scenario = loaded.first();
    let mut page = format!(
        "{}  {}\n{}\n",
        scenario.case,
        scenario.title,
        "=".repeat(scenario.case.len() + 2 + scenario.title.len())
    );
    page += &format!("scenario {}, level {}", loaded.name, scenario.level);
    if loaded.variants.len() > 1 {
        let names: Vec<&str> = loaded
            .variants
            .iter()
            .filter_map(|(label, _)| label.as_deref())
            .collect();
        page += &format!(
            ", {} variants: {}",
            names.len(),
            shorten(&names.join("  "), 300)
        );
    }
    page += &format!("\n\nWhy it matters\n{}", paragraph(&scenario.because));
    page += "\nWhat the server does\n";
    page += &indent(&server(&scenario.server, fixtures));
    page += "\nWhat must hold\n";
    for (id, check) in &scenario.checks {
        let level = check.level.unwrap_or(scenario.level);
        page += &format!("  {id} ({level}): {}\n", asks(&loaded.text, id));
        if let Some(because) = &check.because {
            page += &format!("      {}\n", one_line(because));
        }
    }
    page += "  and, as always: every program ends by itself and leaves nothing behind, no secret stands where it must\n  not, nothing crashes, and no request comes that nobody expected; where its traffic is led to us, the\n  program tries to reach no other host.\n";
    page += "\nWhere it was reported\n";
    for source in scenario
        .sources
        .iter()
        .chain(scenario.checks.values().flat_map(|check| &check.sources))
    {
        page += &format!("  {source}\n");
    }
    page += &format!("\nWho can be asked\n{}", paragraph(&asked(scenario)));
    page += &format!("\nTry it\n  loginproof run {}\n", loaded.name);
    page
}

/// Built-in targets that claim what the scenario needs, with the ways in which their traffic reaches the mocks.
fn asked(scenario: &Scenario) -> String {
    let able: Vec<String> = Target::built_in()
        .iter()
        .filter_map(|name| Target::load(name).ok())
        .filter(|target| target.missing_for(scenario).is_empty())
        .filter_map(|target| {
            let any = scenario.network.is_empty();
            let ways = target.file.network.iter();
            let ways = ways.filter(|way| any || scenario.network.contains(way));
            let ways: Vec<String> = ways.map(Network::to_string).collect();
            (!ways.is_empty()).then(|| format!("{} ({})", target.file.name, ways.join(" or ")))
        })
        .collect();
    if able.is_empty() {
        "none of the built-in targets claims all that it needs".to_owned()
    } else {
        able.join(", ")
    }
}

fn server(script: &Script, fixtures: &Fixtures) -> String {
    let endpoints = [
        (Endpoint::Usercode, "the user-code request"),
        (Endpoint::Poll, "the poll for approval"),
        (Endpoint::Token, "the token endpoint"),
        (Endpoint::Revoke, "revocation"),
        (Endpoint::Page, "the page"),
        (Endpoint::Responses, "the Responses endpoint"),
        (Endpoint::Websocket, "a turn over a WebSocket"),
        (Endpoint::Models, "the list of models"),
        (Endpoint::Accounts, "the accounts check"),
        (Endpoint::Usage, "the usage endpoint"),
        (Endpoint::Authorize, "the page for an authorization code"),
        (Endpoint::Metadata, "the server's metadata"),
        (Endpoint::Profile, "the account's profile"),
        (Endpoint::Copilot, "Copilot's token"),
        (Endpoint::Chat, "Chat Completions"),
        (Endpoint::Messages, "Messages"),
        (Endpoint::Generate, "Code Assist"),
    ];
    let mut lines = Vec::new();
    if script.websocket.is_some() {
        lines.push("upgrades to a WebSocket: granted".to_owned());
    }
    for (endpoint, name) in endpoints {
        for rule in script.rules(endpoint) {
            lines.push(format!(
                "{name}{}: {}",
                condition(rule),
                answer(rule, fixtures)
            ));
        }
    }
    if lines.is_empty() {
        lines.push("behaves like the real one throughout".to_owned());
    } else {
        lines.push("behaves like the real one in everything else".to_owned());
    }
    lines.join("\n") + "\n"
}

fn condition(rule: &Rule) -> String {
    let when = serde_json::to_value(&rule.when).unwrap_or_default();
    let parts: Vec<String> = when
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| {
            !value.is_null() && value.as_object().is_none_or(|fields| !fields.is_empty())
        })
        .map(|(name, value)| {
            format!(
                "{name} {}",
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned)
            )
        })
        .collect();
    let mut text = if parts.is_empty() {
        String::new()
    } else {
        format!(" ({})", parts.join(", "))
    };
    if let Some(times) = rule.times {
        text += &format!(", {times} time{}", if times == 1 { "" } else { "s" });
    }
    text
}

fn answer(rule: &Rule, fixtures: &Fixtures) -> String {
    let mut parts = Vec::new();
    match &rule.answer {
        None => parts.push("its own answer".to_owned()),
        Some(AnswerSpec::Fixture(name)) => {
            let fixture = fixtures.get(name);
            let body = fixture.map(|fixture| match fixture.is_event_stream() {
                true => "an event stream".to_owned(),
                false => one_line(&String::from_utf8_lossy(&fixture.body)),
            });
            let status = fixture.map_or(0, |fixture| fixture.status);
            parts.push(format!(
                "the recorded answer {name}: {status} {}",
                shorten(&body.unwrap_or_default(), 300)
            ));
        }
        Some(AnswerSpec::Inline(inline)) => {
            let body = inline
                .json
                .as_ref()
                .map(ToString::to_string)
                .or_else(|| inline.text.clone());
            let body = body.or_else(|| {
                inline
                    .events
                    .as_ref()
                    .map(|events| format!("a stream of {} events", events.len()))
            });
            parts.push(format!(
                "{} {}",
                inline.status,
                shorten(&body.unwrap_or_else(|| "without a body".to_owned()), 160)
            ));
        }
    }
    if let Some(gate) = &rule.hold {
        parts.push(format!("held until gate `{gate}` opens"));
    }
    for fault in &rule.faults {
        parts.push(shorten(
            &serde_json::to_string(fault).unwrap_or_default(),
            120,
        ));
    }
    parts.join("; ")
}

/// What a check asks, in the words of its file.
fn asks(text: &str, id: &str) -> String {
    let heading = format!("  {id}:");
    let lines = text.lines().skip_while(|line| !line.starts_with("checks:"));
    let own = lines
        .skip_while(|line| *line != heading && !line.starts_with(&format!("{heading} ")))
        .enumerate();
    let words: Vec<&str> = own
        .take_while(|(index, line)| {
            *index == 0 || line.starts_with("    ") || line.trim().is_empty()
        })
        .map(|(index, line)| {
            if index == 0 {
                line[heading.len()..].trim()
            } else {
                line.trim()
            }
        })
        .filter(|line| {
            !line.is_empty()
                && !["level:", "because:"]
                    .iter()
                    .any(|key| line.starts_with(key))
        })
        .collect();
    shorten(&words.join(" "), 300)
}

/// Text of a file, whose lines break where they happened to, broken anew.
fn paragraph(text: &str) -> String {
    let options = textwrap::Options::new(96)
        .initial_indent("  ")
        .subsequent_indent("  ");
    textwrap::fill(&one_line(text), options) + "\n"
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        text.to_owned()
    } else {
        text.chars().take(most).chain(['…']).collect()
    }
}
