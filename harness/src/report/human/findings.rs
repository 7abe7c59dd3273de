//! Everything worth a look: which check, what was expected and seen, why it matters, and how to see it again.

use textwrap::core::display_width;

use super::super::text::{clip, shell_word, visible};
use super::super::{Judgement, Record, Terms};
use super::Page;
use crate::run::event::{CheckResult, Excerpt, Outcome};
use crate::verdict::Verdict;

/// Rows shown of one excerpt; the rest stands in the evidence folder.
const EXCERPT_ROWS: usize = 20;
/// Rows shown of one line of an excerpt: a long body must not hide what follows it.
const LINE_ROWS: usize = 4;
/// Lines shown of what was seen.
const SEEN_LINES: usize = 6;
/// Width of the labels, gap included.
const LABELS: usize = 10;

/// Findings of one scenario against one target.
struct Block<'a> {
    first: &'a Outcome,
    findings: Vec<Finding<'a>>,
}

/// One check; the same finding in several variants is one.
struct Finding<'a> {
    result: &'a CheckResult,
    /// Of the outcome whose excerpts are shown.
    outcome: &'a Outcome,
    variants: Vec<&'a str>,
}

/// Writes all of them, mildest first: the worst ends up last, where a terminal still shows it.
pub(super) fn write(
    lines: &mut Vec<String>,
    record: &Record,
    terms: &Terms,
    judgement: &Judgement,
    page: &Page,
) {
    let mut blocks = blocks(record, terms, judgement);
    blocks.sort_by_key(|block| {
        block
            .findings
            .iter()
            .map(|finding| weight(finding.result))
            .max()
    });
    for block in &blocks {
        write_block(lines, block, page);
        lines.push(String::new());
    }
}

fn blocks<'a>(record: &'a Record, terms: &Terms, judgement: &Judgement) -> Vec<Block<'a>> {
    let mut blocks: Vec<Block<'a>> = Vec::new();
    for outcome in &record.outcomes {
        for result in &outcome.results {
            let known = judgement.baseline.expects(&outcome.id, &result.check);
            if !result.got_out && (known || !worth_a_look(result.verdict, terms)) {
                continue;
            }
            let same = blocks.last().is_some_and(|block| {
                block.first.id.target == outcome.id.target
                    && block.first.id.scenario == outcome.id.scenario
            });
            if !same {
                blocks.push(Block {
                    first: outcome,
                    findings: Vec::new(),
                });
            }
            if let Some(block) = blocks.last_mut() {
                block.add(outcome, result);
            }
        }
    }
    blocks
}

fn worth_a_look(verdict: Verdict, terms: &Terms) -> bool {
    matches!(
        verdict,
        Verdict::Fail | Verdict::Nonstrict | Verdict::Unclean | Verdict::Error
    ) || terms.fails(verdict)
}

fn weight(result: &CheckResult) -> u8 {
    match result.verdict {
        _ if result.got_out => 6,
        Verdict::Error => 5,
        Verdict::Fail => 4,
        Verdict::Unclean => 3,
        Verdict::Nonstrict => 2,
        Verdict::Info => 1,
        Verdict::Pass | Verdict::Unsupported => 0,
    }
}

impl<'a> Block<'a> {
    fn add(&mut self, outcome: &'a Outcome, result: &'a CheckResult) {
        let variant = outcome.id.variant.as_deref();
        // Excerpts hold times and tokens, which differ every time; the words tell whether it is the same.
        let same = |found: &&mut Finding<'_>| {
            let one = found.result;
            (
                &one.check,
                one.level,
                one.verdict,
                one.got_out,
                &one.expected,
                &one.because,
            ) == (
                &result.check,
                result.level,
                result.verdict,
                result.got_out,
                &result.expected,
                &result.because,
            )
        };
        match self.findings.iter_mut().find(same) {
            Some(found) => found.variants.extend(variant),
            None => self.findings.push(Finding {
                result,
                outcome,
                variants: variant.into_iter().collect(),
            }),
        }
    }
}

fn write_block(lines: &mut Vec<String>, block: &Block<'_>, page: &Page) {
    let outcome = block.first;
    let head = visible(&format!("{} {}", outcome.id.target, outcome.id.scenario)).into_owned();
    lines.push(page.paint.bold(&head));
    page.wrap(
        lines,
        "  ",
        "    ",
        &visible(&format!("{} {}", outcome.case, one_line(&outcome.title))),
    );
    for finding in &block.findings {
        lines.push(String::new());
        write_finding(lines, finding, page);
    }
    lines.push(String::new());
    labelled(lines, "because", &one_line(&outcome.because), page);
    if !outcome.sources.is_empty() {
        labelled(lines, "sources", &outcome.sources.join(", "), page);
    }
    // Never wrapped: it is there to be copied.
    lines.push(label("again", page) + &visible(&again(outcome, page)));
}

/// The command that plays this scenario again.
fn again(outcome: &Outcome, page: &Page) -> String {
    let target = page
        .targets
        .get(&outcome.id.target)
        .unwrap_or(&outcome.id.target);
    let mut command = format!("loginproof run --target {}", shell_word(target));
    for argument in &page.arguments {
        command = format!("{command} {}", shell_word(argument));
    }
    // Quoted always: whoever goes on to edit it into a pattern is safe.
    format!("{command} '{}'", outcome.id.scenario.replace('\'', r"'\''"))
}

fn write_finding(lines: &mut Vec<String>, finding: &Finding<'_>, page: &Page) {
    let result = finding.result;
    let word = result.verdict.to_string().to_uppercase();
    let head = format!(
        "  {} {} ({})",
        page.paint.verdict(result.verdict, &word),
        visible(&result.check),
        result.level
    );
    lines.push(head);
    if result.got_out {
        let text = page
            .paint
            .verdict(Verdict::Fail, "a secret or a connection got out");
        lines.push(format!("    {text}"));
    }
    if !finding.variants.is_empty() {
        labelled(lines, "variants", &finding.variants.join("; "), page);
    }
    if !result.expected.is_empty() {
        labelled(lines, "expected", &one_line(&result.expected), page);
    }
    let before = lines.len();
    labelled(lines, "seen", &one_line(&result.because), page);
    if lines.len() > before + SEEN_LINES {
        lines.truncate(before + SEEN_LINES);
        lines.push(format!("{}…", " ".repeat(4 + LABELS)));
    }
    for excerpt in &result.excerpts {
        write_excerpt(lines, excerpt, page);
    }
    // Never wrapped: it is there to be copied.
    lines.push(label("evidence", page) + &visible(&finding.outcome.evidence.display().to_string()));
}

fn write_excerpt(lines: &mut Vec<String>, excerpt: &Excerpt, page: &Page) {
    let text = visible(&excerpt.text);
    let width = page.width - LABELS - 6;
    let rows: Vec<String> = text
        .trim_end()
        .lines()
        .flat_map(|line| rows(line, width))
        .collect();
    // One row more is cheaper than to say that it is missing.
    let shown = if rows.len() <= EXCERPT_ROWS + 1 {
        rows.len()
    } else {
        EXCERPT_ROWS
    };
    let mut start = label(excerpt.witness, page);
    for row in &rows[..shown] {
        lines.push(format!("{start}{} {row}", page.paint.dim("|")));
        start = " ".repeat(4 + LABELS);
    }
    if shown < rows.len() {
        let more = format!("… {} more lines in the evidence", rows.len() - shown);
        lines.push(format!("{start}{}", page.paint.dim(&more)));
    }
}

/// A line of evidence, broken wherever the page ends: its spaces are evidence too.
fn rows(line: &str, width: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    let mut used = 0;
    for c in line.chars() {
        let columns = display_width(c.encode_utf8(&mut [0; 4]));
        if used + columns > width {
            if rows.len() == LINE_ROWS {
                let last = rows.pop().unwrap_or_default() + "  ";
                rows.push(clip(&last, width).into_owned());
                return rows;
            }
            rows.push(String::new());
            used = 0;
        }
        used += columns;
        if let Some(row) = rows.last_mut() {
            row.push(c);
        }
    }
    rows
}

fn labelled(lines: &mut Vec<String>, name: &str, text: &str, page: &Page) {
    let start = label(name, page);
    let rest = " ".repeat(4 + LABELS);
    page.wrap(lines, &start, &rest, &visible(text));
}

fn label(name: &str, page: &Page) -> String {
    format!("    {}", page.paint.dim(&format!("{name:LABELS$}")))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
