//! The matrix: programs and their versions by area, as a Markdown table that a run makes.

use std::collections::{BTreeMap, BTreeSet};

use super::Counts;
use super::json::{CheckEntry, RunDocument, Target};
use super::text::visible;
use crate::file_error::FileError;
use crate::verdict::Verdict;

/// Where the table begins in a file that holds more than it.
const BEGIN: &str = "<!-- matrix -->";
/// Where it ends.
const END: &str = "<!-- /matrix -->";

/// Areas in the order in which a newcomer meets them; others follow by name.
const AREAS: [&str; 16] = [
    "baseline",
    "sign-in",
    "device-grant",
    "authorization-code",
    "session",
    "accounts",
    "refresh",
    "store",
    "framing",
    "stream",
    "translation",
    "failure",
    "fallback",
    "terminal",
    "network",
    "leaks",
];

/// Programs by area.
#[derive(Clone, Debug)]
pub struct Matrix<'a> {
    /// In the order in which they were given.
    rows: Vec<Row<'a>>,
    /// What was played: version of the suite, or its folder.
    suites: BTreeSet<&'a str>,
    seeds: BTreeSet<u64>,
}

/// One program in one version, through one way in: results of different ones are never mixed.
#[derive(Clone, Debug)]
struct Row<'a> {
    target: &'a Target,
    /// By scenario: one that was played again counts as it was played last.
    scenarios: BTreeMap<&'a str, Vec<&'a CheckEntry>>,
}

impl<'a> Matrix<'a> {
    /// Gathers runs; what was played again counts as in the last of them.
    #[must_use]
    pub fn of(runs: &'a [RunDocument]) -> Self {
        let mut rows: Vec<Row<'a>> = Vec::new();
        for (run, target) in runs
            .iter()
            .flat_map(|run| run.targets.iter().map(move |target| (run, target)))
        {
            let at = rows
                .iter()
                .position(|row| row.target.is(target))
                .unwrap_or_else(|| {
                    rows.push(Row {
                        target,
                        scenarios: BTreeMap::new(),
                    });
                    rows.len() - 1
                });
            rows[at].scenarios.append(&mut played(run, target));
        }
        Self {
            rows,
            suites: runs
                .iter()
                .map(|run| run.summary.suite.as_str())
                .filter(|suite| !suite.is_empty())
                .collect(),
            seeds: runs.iter().map(|run| run.summary.seed).collect(),
        }
    }

    /// The table, and below it what its numbers mean and which command made it.
    #[must_use]
    pub fn markdown(&self, command: &str) -> String {
        let areas = self.areas();
        let counts: Vec<BTreeMap<&str, Counts>> = self.rows.iter().map(Row::counts).collect();
        let heads = ["program", "version", "way in"].map(str::to_owned);
        let mut lines = vec![
            heads
                .into_iter()
                .chain(areas.iter().map(|area| cell(area)))
                .chain(["all".to_owned()])
                .collect::<Vec<_>>(),
        ];
        lines.push(vec!["---".to_owned(); lines[0].len()]);
        for (row, counts) in self.rows.iter().zip(&counts) {
            let about = [
                row.target.title(),
                version(&row.target.version),
                row.target.network.as_deref().unwrap_or("-"),
            ];
            let each = areas.iter().map(|area| numbers(counts.get(area).copied()));
            let all = counts.values().copied().reduce(Counts::plus);
            lines.push(
                about
                    .into_iter()
                    .map(cell)
                    .chain(each)
                    .chain([numbers(all)])
                    .collect(),
            );
        }
        let mut text = String::new();
        for line in lines {
            text.push_str(&format!("| {} |\n", line.join(" | ")));
        }
        text.push_str(&format!(
            "\nIn each cell: pass / fail / nonstrict / unsupported; `-` where nothing was played; info, unclean and error in words. A check counts once, with the worst verdict of its variants.\n\
             Made by {}{}.\n",
            code(command),
            self.origin()
        ));
        text
    }

    /// Areas that were played, in a fixed order.
    fn areas(&self) -> Vec<&'a str> {
        let played: BTreeSet<&str> = self
            .rows
            .iter()
            .flat_map(|row| row.scenarios.keys().map(|scenario| area(scenario)))
            .collect();
        let known = AREAS.into_iter().filter(|area| played.contains(area));
        let others = played.iter().copied().filter(|area| !AREAS.contains(area));
        known.chain(others).collect()
    }

    /// Which suite, which seed.
    fn origin(&self) -> String {
        let suites: Vec<String> = self.suites.iter().map(|suite| code(suite)).collect();
        let seeds: Vec<String> = self.seeds.iter().map(u64::to_string).collect();
        let seed = if seeds.len() == 1 { "seed" } else { "seeds" };
        let seeds = seeds.join(" and ");
        match suites.join(" and ") {
            suites if suites.is_empty() => format!(" from runs with {seed} {seeds}"),
            suites => format!(" from runs of suite {suites} with {seed} {seeds}"),
        }
    }
}

/// What a run has to say of a program, by scenario.
fn played<'a>(run: &'a RunDocument, target: &Target) -> BTreeMap<&'a str, Vec<&'a CheckEntry>> {
    let mut scenarios: BTreeMap<&str, Vec<&CheckEntry>> = BTreeMap::new();
    for entry in run
        .results
        .iter()
        .filter(|entry| entry.target == target.name)
    {
        scenarios.entry(&entry.scenario).or_default().push(entry);
    }
    scenarios
}

impl<'a> Row<'a> {
    /// Checks by area and verdict, each once.
    fn counts(&self) -> BTreeMap<&'a str, Counts> {
        let mut areas: BTreeMap<&str, Counts> = BTreeMap::new();
        for (scenario, entries) in &self.scenarios {
            let mut worst: BTreeMap<&str, Verdict> = BTreeMap::new();
            for entry in entries {
                let verdict = worst.entry(&entry.check).or_insert(entry.verdict);
                if entry.verdict.weight() > verdict.weight() {
                    *verdict = entry.verdict;
                }
            }
            let counts = areas.entry(area(scenario)).or_default();
            worst.into_values().for_each(|verdict| counts.add(verdict));
        }
        areas
    }
}

/// Puts the table between its markers; a file that does not exist yet gets both.
///
/// # Errors
/// When the file is there but says nowhere that the table may stand in it, or the markers do not pair.
pub fn place(file: &str, text: Option<&str>, table: &str) -> Result<String, FileError> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
        return Ok(format!("# Programs and areas\n\n{BEGIN}\n{table}{END}\n"));
    };
    let help =
        format!("put `{BEGIN}` and `{END}` on lines of their own where the table is to stand");
    let mut begin = None;
    let mut end = None;
    let mut fenced = false;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let marker = line.trim();
        if marker.starts_with("```") {
            fenced = !fenced;
        } else if !fenced && (marker == BEGIN || marker == END) {
            let slot = if marker == BEGIN {
                &mut begin
            } else {
                &mut end
            };
            if slot.replace((start, at)).is_some() {
                let message = format!("`{marker}` stands here a second time");
                return Err(
                    FileError::new(file, text, Some(start..at), message).with_help(Some(help))
                );
            }
        }
    }
    let misplaced = |(start, end): (usize, usize), message: String| {
        Err(FileError::new(file, text, Some(start..end), message).with_help(Some(help.clone())))
    };
    match (begin, end) {
        (Some((_, from)), Some((to, _))) if from <= to => {
            Ok(format!("{}{table}{}", &text[..from], &text[to..]))
        }
        (None, None) => Err(FileError::new(
            file,
            text,
            None,
            format!("{file} is there already and has no place for the table"),
        )
        .with_help(Some(help))),
        (Some(place), Some(_)) => misplaced(place, format!("`{END}` stands before `{BEGIN}`")),
        (Some(place), None) => misplaced(place, format!("`{END}` is missing")),
        (None, Some(place)) => misplaced(place, format!("`{BEGIN}` is missing")),
    }
}

fn area(scenario: &str) -> &str {
    scenario.split('/').next().unwrap_or_default()
}

/// The bare version in what a program says of it: `codex-cli 0.169.0` is 0.169.0. All of it where none is found.
pub(super) fn version(told: &str) -> &str {
    let words = told.split(|c: char| c.is_whitespace() || matches!(c, ',' | '(' | ')' | '/'));
    words
        .map(|word| word.trim_start_matches('v'))
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'))
        .unwrap_or(told)
}

/// Four counts always, failures in bold; what else happened follows in words.
fn numbers(counts: Option<Counts>) -> String {
    let Some(counts) = counts else {
        return "-".to_owned();
    };
    let fail = if counts.fail > 0 {
        format!("**{}**", counts.fail)
    } else {
        "0".to_owned()
    };
    let mut cell = format!(
        "{} / {fail} / {} / {}",
        counts.pass, counts.nonstrict, counts.unsupported
    );
    if counts.info > 0 {
        cell.push_str(&format!(", {} info", counts.info));
    }
    if counts.unclean > 0 {
        cell.push_str(&format!(", {} unclean", counts.unclean));
    }
    if counts.error > 0 {
        cell.push_str(&format!(", **{} error**", counts.error));
    }
    cell
}

/// Text in a cell: a program chooses it, and must not end the cell, the table or the place of the table.
fn cell(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shown = String::new();
    for c in visible(&line).chars() {
        match c {
            '<' => shown.push_str("&lt;"),
            '&' => shown.push_str("&amp;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' => shown.extend(['\\', c]),
            c => shown.push(c),
        }
    }
    if shown.is_empty() {
        shown.push('-');
    }
    shown
}

/// Text as it is to be typed.
fn code(text: &str) -> String {
    let line = text.replace('\n', " ");
    if line.contains('`') {
        format!("`` {line} ``")
    } else {
        format!("`{line}`")
    }
}

#[cfg(test)]
mod tests;
