//! What is there before the first step, and what the person does.

use crate::scenario::Scenario;
use crate::scenario::model::{Credentials, Person, Prompts, Step, Tty};
use crate::target::Flow;

/// How a scenario goes, one line per step.
pub(super) fn lines(scenario: &Scenario) -> Vec<String> {
    let mut lines = vec![before(scenario)];
    for step in &scenario.steps {
        lines.push(told(step));
    }
    let modes = &scenario.settings.modes;
    if !modes.is_empty() {
        lines.insert(1, format!("switched on: {}", modes.join(", ")));
    }
    lines
}

fn before(scenario: &Scenario) -> String {
    let Some(credentials) = &scenario.credentials else {
        return "nobody is signed in".to_owned();
    };
    if credentials.text.is_some() || credentials.cut.is_some() {
        return "the credential file is damaged".to_owned();
    }
    let mut text = if credentials.absent {
        "nobody is signed in".to_owned()
    } else {
        format!("somebody is signed in: {}", tokens(credentials))
    };
    for (number, pair) in credentials.pool.iter().enumerate() {
        let (access, refresh) = (state(&pair.access), state(&pair.refresh));
        text += &format!(
            "; account {} too: access token {access}, refresh token {refresh}",
            number + 2
        );
    }
    for name in credentials.imports.keys() {
        text += &format!("; a sign-in of {name} is there");
    }
    text
}

fn tokens(credentials: &Credentials) -> String {
    let life = credentials
        .expires_in
        .map(|span| format!(" for {span} more"))
        .unwrap_or_default();
    let (access, refresh) = (state(&credentials.access), state(&credentials.refresh));
    format!("access token {access}{life}, refresh token {refresh}")
}

fn told(step: &Step) -> String {
    let mut text = action(step);
    if let Some(tty) = step.tty {
        text += match tty {
            Tty::Pty => " at a terminal",
            Tty::None => " on pipes, without a terminal",
            Tty::Script => " under script(1)",
            Tty::ScriptLog => " under script(1) with a log",
            Tty::File => " in the background, its output in a file",
        };
    }
    if step.verbose {
        text += ", verbose";
    }
    if let (Some(signal), Some(bound)) = (&step.at_bound, step.bound) {
        text += &format!(", ended with {signal} after {bound}");
    }
    match &step.name {
        Some(name) => format!("{text} (`{name}`)"),
        None => text,
    }
}

fn action(step: &Step) -> String {
    if let Some(login) = &step.login {
        let flow = if login.flow == Flow::default() {
            String::new()
        } else {
            format!(" ({})", login.flow)
        };
        let person = match login.person {
            Person::Approve => "the person approves",
            Person::Deny => "the person denies",
            Person::Forged => "somebody else's code comes first, then the person approves",
            Person::Away => "the person reads the code and goes away",
            Person::Absent => "nobody is there",
        };
        let after = match login.after_polls {
            0 => String::new(),
            1 => " once a poll was answered".to_owned(),
            polls => format!(" once {polls} polls were answered"),
        };
        return format!("sign in{flow}: {person}{after}");
    }
    match &step.ask {
        Some(Prompts::One(prompt)) => return format!("ask \"{prompt}\""),
        Some(Prompts::Many(prompts)) => {
            return format!("ask {} prompts at once in one process", prompts.len());
        }
        Some(Prompts::Repeated(repeated)) => {
            let (prompt, times) = (&repeated.prompt, repeated.times);
            return format!("ask \"{prompt}\" {times} times at once in one process");
        }
        None => {}
    }
    if let Some(branches) = &step.together {
        let branches = branches.iter().map(|branch| {
            let steps: Vec<String> = branch.steps().iter().map(told).collect();
            steps.join(", then ")
        });
        let branches: Vec<String> = branches.collect();
        return format!("side by side: {}", branches.join(" | "));
    }
    if let Some(elsewhere) = &step.elsewhere {
        return format!("elsewhere: {}", debug_words(elsewhere));
    }
    if let Some(gate) = &step.release {
        return format!("gate `{gate}` opens");
    }
    if let Some(signal) = &step.signal {
        return format!("the program gets {signal}");
    }
    if let Some(wait) = &step.wait {
        if let Some(gate) = &wait.held {
            return format!(
                "once {} held at gate `{gate}`",
                requests(wait.count.unwrap_or(1))
            );
        }
        return "wait".to_owned();
    }
    step.actions().join(", ")
}

fn requests(number: usize) -> String {
    if number == 1 {
        "a request is".to_owned()
    } else {
        format!("{number} requests are")
    }
}

/// `RotateAndStore` -> `rotate and store`.
fn debug_words(value: &impl std::fmt::Debug) -> String {
    let mut words = String::new();
    for letter in format!("{value:?}").chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

fn state(value: &impl std::fmt::Debug) -> String {
    debug_words(value)
}
