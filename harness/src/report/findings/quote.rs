//! Foreign text in Markdown: what a program printed must stay text, whatever page it stands on.

use crate::report::text::{clip, visible};

/// Lines of one piece of evidence.
const LINES: usize = 30;
/// Columns of one line.
const COLUMNS: usize = 220;

/// Text in a line of its own words.
pub(super) fn inline(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = format!(
        "{}{line}",
        if text.starts_with(' ') && !line.is_empty() {
            " "
        } else {
            ""
        }
    );
    let mut shown = String::new();
    for c in visible(&line).chars() {
        match c {
            '<' => shown.push_str("&lt;"),
            '&' => shown.push_str("&amp;"),
            // A name after it would be called to the page.
            '@' => shown.push_str("@\u{200b}"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '~' => shown.extend(['\\', c]),
            c => shown.push(c),
        }
    }
    shown
}

/// Text as it is, within a line.
pub(super) fn code(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = clip(&visible(&line), COLUMNS * 2).into_owned();
    let fence = "`".repeat(longest_run(&line) + 1);
    if line.starts_with('`') || line.ends_with('`') || line.is_empty() {
        format!("{fence} {line} {fence}")
    } else {
        format!("{fence}{line}{fence}")
    }
}

/// Text as it is, in a block.
pub(super) fn block(text: &str, kind: &str) -> String {
    let text = visible(text.trim_end()).into_owned();
    let fence = "`".repeat((longest_run(&text) + 1).max(3));
    let all: Vec<String> = text
        .lines()
        .map(|line| clip(line.trim_end(), COLUMNS).into_owned())
        .collect();
    let mut lines = all.clone();
    if all.len() > LINES + 1 {
        let left = all.len() - LINES;
        lines.splice(
            LINES / 2..all.len() - LINES / 2,
            [format!("… {left} more lines …")],
        );
    }
    format!("{fence}{kind}\n{}\n{fence}\n", lines.join("\n"))
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}
