//! Always on: every program ends by itself, in order, and leaves nothing behind.

use super::{Broken, Finding, excerpt, exit, process};
use crate::run::evidence::Evidence;
use crate::terminal::How;

pub(super) fn judge(evidence: &Evidence) -> Finding {
    if let Some(error) = evidence.errors.first() {
        return Finding::Untold(error.clone());
    }
    // A fault that found nothing to spoil: what was judged is not what the scenario says.
    let mut answers = evidence
        .exchanges
        .iter()
        .filter_map(|exchange| exchange.answer.as_ref());
    if let Some(answer) = answers.find(|answer| !answer.missed.is_empty()) {
        let rule = answer.rule.as_deref().unwrap_or("an answer");
        return Finding::Untold(format!("{rule}: {}", answer.missed.join("; ")));
    }
    for program in &evidence.programs {
        if let How::NotStarted(reason) = &program.ended.how {
            return Finding::Untold(format!("{} could not be started: {reason}", program.name));
        }
        let ended = &program.ended;
        let killed = matches!(ended.how, How::Killed);
        let in_order = matches!(ended.how, How::Exit(_))
            || program.signalled
            || (program.asked_to_end && !killed);
        if !in_order {
            let mut seen = format!("{}: {}", program.name, exit::describe(ended));
            let mut excerpts = excerpt::screen(evidence, program);
            if !ended.left_behind.is_empty() {
                seen = format!("{seen}, and with it {}", process::named(ended));
                excerpts.extend(process::excerpts(ended));
            }
            return Finding::broken("every program ends by itself", seen, excerpts);
        }
        let modes = process::modes(&ended.modes);
        // A program that was killed by a signal of the scenario cannot put anything back.
        let killed = program.signalled && !matches!(ended.how, How::Exit(_));
        if !ended.left_behind.is_empty() || (!modes.is_empty() && !killed) {
            let mut seen = Vec::new();
            if !ended.left_behind.is_empty() {
                seen.push(process::left(ended));
            }
            if !modes.is_empty() {
                seen.push(format!("terminal modes left: {}", modes.join(", ")));
            }
            return Finding::Broken(Broken {
                seen: format!("{}: {}", program.name, seen.join("; ")),
                expected: "no process lives on, the terminal is as it was".to_owned(),
                excerpts: if ended.left_behind.is_empty() {
                    Vec::new()
                } else {
                    process::excerpts(ended)
                },
                unclean: true,
                got_out: false,
            });
        }
    }
    Finding::Holds("ended by itself, nothing left behind".to_owned())
}
