//! What can be checked of a scenario without running it.

use loginproof_mocks::fixture::Fixtures;
use regex::Regex;

use super::model::{
    Capability, Certificates, Check, Login, Person, Proxy, Scenario, SessionState, Step, Tty,
};
use crate::file_error::{FileError, suggestion};
use crate::sandbox::namespace::MOST_PORTS_TAKEN;
use crate::target::Flow;
use crate::target::model::Network;

pub(super) fn validate(
    file: &str,
    text: &str,
    scenario: &Scenario,
    fixtures: &Fixtures,
) -> Result<(), FileError> {
    let wrong = |needle: &str, message: String| Err(FileError::at(file, text, needle, message));
    if !is_case_id(&scenario.case) {
        return wrong(
            &scenario.case,
            format!(
                "`{}` is not a case id: write section.group.case, such as 2.2.1",
                scenario.case
            ),
        );
    }
    if scenario.because.trim().is_empty() {
        return wrong("because:", "`because` must say why this matters".to_owned());
    }
    if scenario.sources.is_empty() {
        return wrong(
            "sources:",
            "a scenario needs at least one source".to_owned(),
        );
    }
    if scenario.steps.is_empty() {
        return wrong("steps:", "a scenario needs at least one step".to_owned());
    }
    if scenario.checks.is_empty() {
        return wrong("checks:", "a scenario needs at least one check".to_owned());
    }
    if scenario.settings.idle_timeout.is_some()
        && !scenario.needs.contains(&Capability::IdleTimeout)
    {
        return wrong(
            "idle-timeout:",
            "a scenario that sets `idle-timeout` must list `idle-timeout` under `needs`".to_owned(),
        );
    }
    if let Some(problem) = loginproof_mocks::validate(&scenario.server, fixtures)
        .into_iter()
        .next()
    {
        let named = problem
            .message
            .split('`')
            .nth(1)
            .unwrap_or("server:")
            .to_owned();
        let help = fixtures_help(&named, fixtures);
        return Err(FileError::at(
            file,
            text,
            &named,
            format!("{}: {}", problem.rule, problem.message),
        )
        .with_help(help));
    }
    validate_needs(file, text, scenario)?;
    validate_network(file, text, scenario)?;
    let mut names = Vec::new();
    for step in &scenario.steps {
        validate_step(file, text, step, &mut names)?;
    }
    for (id, check) in &scenario.checks {
        validate_check(file, text, id, check, &names)?;
    }
    Ok(())
}

/// What a scenario uses must be among what it needs: otherwise programs without it would fail instead of being left out.
fn validate_needs(file: &str, text: &str, scenario: &Scenario) -> Result<(), FileError> {
    let need = |needle: &str, what: &str, capability: Capability| {
        if scenario.needs.contains(&capability) {
            return Ok(());
        }
        let message = format!("a scenario with {what} must list `{capability}` under `needs`");
        Err(FileError::at(file, text, needle, message))
    };
    if let Some(credentials) = &scenario.credentials {
        if !credentials.pool.is_empty() {
            need("pool:", "a `pool`", Capability::Pool)?;
        }
        if !credentials.imports.is_empty() {
            need("imports:", "`imports`", Capability::Import)?;
        }
        if credentials.absent && (credentials.text.is_some() || credentials.cut.is_some()) {
            let message = "a credential file that is `absent` has neither `text` nor `cut`";
            return Err(FileError::at(file, text, "absent", message));
        }
    }
    if scenario.server.is_http2() {
        need("http:", "`http: 2`", Capability::Http2)?;
    }
    let known = [
        ("fast", Capability::Fast),
        ("fallback", Capability::Fallback),
        ("pool", Capability::Pool),
        ("children", Capability::Children),
        ("websocket", Capability::Websocket),
    ];
    for mode in &scenario.settings.modes {
        match known.iter().find(|(name, _)| name == mode) {
            Some((_, capability)) => need("modes:", &format!("the mode `{mode}`"), *capability)?,
            None => {
                let names = known.map(|(name, _)| name);
                let help = suggestion(mode, names).map(|meant| format!("did you mean `{meant}`?"));
                let message = format!("`{mode}` is no mode; known are {}", names.join(", "));
                return Err(FileError::at(file, text, mode, message).with_help(help));
            }
        }
    }
    if scenario.server.websocket.is_some() {
        need("websocket:", "a `websocket`", Capability::Websocket)?;
    }
    for step in scenario.all_steps() {
        if let Some(login) = &step.login {
            let what = format!("the sign-in `{}`", login.flow);
            need("login:", &what, login.flow.capability())?;
        }
        if step.models.is_some() {
            need("models:", "the step `models`", Capability::Discovery)?;
        }
        if let Some(request) = &step.translate {
            let (what, capability) = match request.get("stream") {
                Some(serde_json::Value::Bool(true)) => {
                    ("a streamed `translate`", Capability::TranslateStream)
                }
                _ => ("the step `translate`", Capability::Translate),
            };
            need("translate:", what, capability)?;
        }
        if step.accounts.is_some() {
            need("accounts:", "the step `accounts`", Capability::AccountsList)?;
        }
    }
    Ok(())
}

/// Settings of the network need a way in that has them.
fn validate_network(file: &str, text: &str, scenario: &Scenario) -> Result<(), FileError> {
    let settings = &scenario.settings;
    let only = |ways: &[Network]| {
        !scenario.network.is_empty() && scenario.network.iter().all(|way| ways.contains(way))
    };
    let proxy: &[Network] = &[Network::Proxy];
    let namespace: &[Network] = &[Network::Namespace];
    let led: &[Network] = &[Network::Proxy, Network::Namespace];
    let uses = [
        (
            "certificates:",
            settings.certificates != Certificates::Run,
            led,
        ),
        ("proxy:", settings.proxy != Proxy::Open, proxy),
        ("ports-taken:", !settings.ports_taken.is_empty(), namespace),
    ];
    for (key, used, ways) in uses {
        if used && !only(ways) {
            let names: Vec<&str> = ways.iter().map(|way| way.name()).collect();
            let message = format!(
                "`{}` only exists in some networks: write `network: [{}]`",
                key.trim_end_matches(':'),
                names.join(", ")
            );
            return Err(FileError::at(file, text, key, message));
        }
    }
    if settings.ports_taken.len() > MOST_PORTS_TAKEN {
        let message = format!("at most {MOST_PORTS_TAKEN} ports can be taken");
        return Err(FileError::at(file, text, "ports-taken:", message));
    }
    Ok(())
}

fn fixtures_help(named: &str, fixtures: &Fixtures) -> Option<String> {
    suggestion(named, fixtures.names()).map(|meant| format!("did you mean `{meant}`?"))
}

fn is_case_id(id: &str) -> bool {
    let parts: Vec<&str> = id.split('.').collect();
    (2..=3).contains(&parts.len()) && parts.iter().all(|part| part.parse::<u16>().is_ok())
}

fn validate_step(
    file: &str,
    text: &str,
    step: &Step,
    names: &mut Vec<String>,
) -> Result<(), FileError> {
    let actions = step.actions();
    if actions.len() != 1 {
        let found = if actions.is_empty() {
            "none".to_owned()
        } else {
            actions.join(", ")
        };
        let needle = actions.get(1).copied().unwrap_or("steps:");
        return Err(FileError::at(
            file,
            text,
            needle,
            format!("a step has exactly one action; found {found}"),
        ));
    }
    if let Some(name) = &step.name {
        if names.contains(name) || name == "all" {
            return Err(FileError::at(
                file,
                text,
                name,
                format!("the step name `{name}` is taken"),
            ));
        }
        names.push(name.clone());
    }
    if let Some(pattern) = step.wait.as_ref().and_then(|wait| wait.screen.as_deref()) {
        regex(file, text, pattern)?;
    }
    if let Some(login) = &step.login {
        validate_login(file, text, login, step)?;
    }
    if step.at_bound.is_some() && step.bound.is_none() {
        let message = "`at-bound` needs `bound`: the time after which the signal is sent";
        return Err(FileError::at(file, text, "at-bound", message));
    }
    for branch in step.together.iter().flatten() {
        for step in branch.steps() {
            validate_step(file, text, step, names)?;
        }
    }
    Ok(())
}

fn validate_login(file: &str, text: &str, login: &Login, step: &Step) -> Result<(), FileError> {
    let by_code = matches!(login.flow, Flow::Callback | Flow::Paste);
    let message = if login.person == Person::Forged && !by_code {
        "`person: forged` is for the flows `callback` and `paste`: nothing comes back in a device flow"
    } else if login.after_polls > 0 && by_code {
        "`after-polls` is for device flows: nobody polls here"
    } else if login.flow == Flow::Paste && step.tty == Some(Tty::File) {
        "a program in the background (`tty: file`) has no input that a code could be pasted into"
    } else {
        return Ok(());
    };
    Err(FileError::at(file, text, "login:", message))
}

fn validate_check(
    file: &str,
    text: &str,
    id: &str,
    check: &Check,
    names: &[String],
) -> Result<(), FileError> {
    let witnesses = check.witnesses();
    if witnesses.len() != 1 {
        let found = if witnesses.is_empty() {
            "none".to_owned()
        } else {
            witnesses.join(", ")
        };
        return Err(FileError::at(
            file,
            text,
            id,
            format!("the check `{id}` needs exactly one witness; found {found}"),
        )
        .with_help(Some(format!(
            "witnesses are {}",
            Check::WITNESSES.join(", ")
        ))));
    }
    if crate::check::ALWAYS_ON.contains(&id) {
        return Err(FileError::at(
            file,
            text,
            id,
            format!("`{id}` is always on; choose another id for this check"),
        ));
    }
    if let Some(of) = &check.of
        && of != "all"
        && !names.contains(of)
    {
        let help = suggestion(of, names.iter().map(String::as_str))
            .map(|meant| format!("did you mean `{meant}`?"));
        return Err(
            FileError::at(file, text, of, format!("no step is named `{of}`")).with_help(help),
        );
    }
    if let Some(session) = &check.session
        && session.states.first() != Some(&SessionState::Starting)
    {
        let message = format!("the states of the check `{id}` begin with `starting`");
        return Err(FileError::at(file, text, id, message));
    }
    if let Some(screen) = &check.screen {
        for pattern in [&screen.matches, &screen.lacks].into_iter().flatten() {
            regex(file, text, pattern)?;
        }
        if screen.matches.is_none() && screen.lacks.is_none() && screen.at_most.is_none() {
            return Err(FileError::at(
                file,
                text,
                id,
                format!("the check `{id}` asks nothing of the screen"),
            ));
        }
    }
    Ok(())
}

fn regex(file: &str, text: &str, pattern: &str) -> Result<(), FileError> {
    Regex::new(pattern).map(drop).map_err(|error| {
        let last = error.to_string();
        let last = last
            .lines()
            .last()
            .unwrap_or("invalid")
            .trim_start_matches("error: ")
            .to_owned();
        FileError::at(
            file,
            text,
            pattern,
            format!("`{pattern}` is not a regular expression: {last}"),
        )
    })
}
