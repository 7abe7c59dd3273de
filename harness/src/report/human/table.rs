//! The table: a row for each area, a column for each verdict.

use std::collections::{BTreeMap, BTreeSet};

use textwrap::core::display_width;

use super::super::text::{clip, visible};
use super::super::{Counts, Record};
use super::Page;
use crate::verdict::Verdict;

#[derive(Default)]
struct Row<'a> {
    scenarios: BTreeSet<&'a str>,
    counts: Counts,
}

/// One table per target.
pub(super) fn write(lines: &mut Vec<String>, record: &Record, page: &Page) {
    let mut targets: Vec<_> = record.targets.iter().collect();
    targets.sort_by(|a, b| a.name.cmp(&b.name));
    for target in targets {
        let mut areas: BTreeMap<&str, Row<'_>> = BTreeMap::new();
        let mut all = Row::default();
        for outcome in record
            .outcomes
            .iter()
            .filter(|outcome| outcome.id.target == target.name)
        {
            let counts = Counts::of(&outcome.results);
            for row in [areas.entry(outcome.id.area()).or_default(), &mut all] {
                row.scenarios.insert(&outcome.id.scenario);
                row.counts = row.counts.plus(counts);
            }
        }
        let version = if target.version.is_empty() {
            "version unknown"
        } else {
            &target.version
        };
        let about = visible(&format!("({version}, {})", target.network)).into_owned();
        lines.push(format!(
            "{} {about}",
            page.paint.bold(&visible(&target.name))
        ));
        lines.push(String::new());
        if areas.is_empty() {
            lines.push("  no scenario was played".to_owned());
        } else {
            table(lines, &areas, &all, page);
        }
        lines.push(String::new());
    }
}

fn table(lines: &mut Vec<String>, areas: &BTreeMap<&str, Row<'_>>, all: &Row<'_>, page: &Page) {
    let verdicts = all.counts.each().map(|(verdict, _)| verdict);
    let heads: Vec<String> = ["scenarios", "checks"]
        .into_iter()
        .map(str::to_owned)
        .chain(verdicts.iter().map(Verdict::to_string))
        .collect();
    let numbers: usize = heads.iter().map(String::len).sum();
    let named = areas
        .keys()
        .map(|area| display_width(area))
        .max()
        .unwrap_or(0)
        .max("area".len());
    // Two columns between numbers where there is room, else one: all verdicts fit into 80 columns.
    let gap = if named + numbers + 2 * heads.len() <= page.width {
        2
    } else {
        1
    };
    let named = named.min(
        page.width
            .saturating_sub(numbers + gap * heads.len())
            .max(8),
    );

    let mut line = format!("{:named$}", "area");
    for head in &heads {
        line.push_str(&" ".repeat(gap));
        line.push_str(head);
    }
    lines.push(page.paint.dim(&line));
    let rows = areas.iter().map(|(area, row)| (*area, row));
    let total = (areas.len() > 1).then_some(("all", all));
    for (area, row) in rows.chain(total) {
        let area = clip(area, named);
        let mut line = format!("{area}{}", " ".repeat(named - display_width(&area)));
        let plain = [(None, row.scenarios.len()), (None, row.counts.total())];
        let judged = row
            .counts
            .each()
            .map(|(verdict, count)| (Some(verdict), count));
        for ((verdict, count), head) in plain.into_iter().chain(judged).zip(&heads) {
            // A stroke for none: what happened stands out.
            let cell = if count == 0 {
                "-".to_owned()
            } else {
                count.to_string()
            };
            let cell = format!("{}{cell:>width$}", " ".repeat(gap), width = head.len());
            line.push_str(&match verdict {
                Some(verdict) if count > 0 => page.paint.verdict(verdict, &cell),
                _ => cell,
            });
        }
        lines.push(line);
    }
}
