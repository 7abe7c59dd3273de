//! What a program left behind: processes, terminal modes.

use super::Finding;
use crate::run::event::Excerpt;
use crate::run::evidence::ProgramRecord;
use crate::scenario::model::ProcessCheck;
use crate::terminal::{Ended, ModesLeft};

pub(super) fn judge(check: &ProcessCheck, program: &ProgramRecord) -> Finding {
    if check.none_left && !program.ended.left_behind.is_empty() {
        return Finding::broken(
            "no process of the program lives on",
            left(&program.ended),
            excerpts(&program.ended),
        );
    }
    let modes = modes(&program.ended.modes);
    if check.terminal_restored && !modes.is_empty() {
        return Finding::broken(
            "a terminal as it was before",
            format!("left behind: {}", modes.join(", ")),
            Vec::new(),
        );
    }
    Finding::Holds("nothing left behind".to_owned())
}

/// Processes that outlived the program, in words.
pub(super) fn left(ended: &Ended) -> String {
    format!("left behind, ended by the harness: {}", named(ended))
}

/// How many processes of which program: `51 processes (node, sleep x 50)`.
pub(super) fn named(ended: &Ended) -> String {
    let mut names: Vec<(String, usize)> = Vec::new();
    for left in &ended.left_behind {
        let name = name(&left.command);
        match names.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => names.push((name, 1)),
        }
    }
    let names: Vec<String> = names
        .into_iter()
        .map(|(name, count)| match count {
            1 => name,
            count => format!("{name} x {count}"),
        })
        .collect();
    let count = ended.left_behind.len();
    let processes = if count == 1 { "process" } else { "processes" };
    format!("{count} {processes} ({})", names.join(", "))
}

/// The program's file name, of a command line.
pub(super) fn name(command: &str) -> String {
    if let Some(told) = command
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
    {
        return told.to_owned();
    }
    let word = command.split_whitespace().next().unwrap_or("?");
    word.rsplit('/')
        .find(|part| !part.is_empty())
        .unwrap_or(word)
        .to_owned()
}

/// The processes themselves.
pub(super) fn excerpts(ended: &Ended) -> Vec<Excerpt> {
    let lines: Vec<String> = ended
        .left_behind
        .iter()
        .map(|left| format!("{} {}", left.pid, left.command))
        .collect();
    vec![Excerpt {
        witness: "process",
        text: lines.join("\n"),
    }]
}

/// Terminal modes that were not put back.
pub(super) fn modes(left: &ModesLeft) -> Vec<&'static str> {
    [
        (left.alternate_screen, "alternate screen"),
        (left.cursor_hidden, "hidden cursor"),
        (left.mouse, "mouse reporting"),
        (left.bracketed_paste, "bracketed paste"),
        (
            left.line_discipline_changed,
            "line discipline (echo, canonical mode)",
        ),
    ]
    .into_iter()
    .filter_map(|(left, name)| left.then_some(name))
    .collect()
}
