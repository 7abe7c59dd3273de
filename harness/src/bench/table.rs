//! The result as a table for people: one column per program, one line per figure.

use std::fmt::Write as _;

use textwrap::core::display_width;

use super::document::{Document, Program};
use super::machine::Build;
use super::sizes::kib;
use super::statistics::{Growth, Shape, Spread};

/// Programs side by side, the reference client among them.
const COLUMNS: usize = 4;

/// Writes it.
#[must_use]
pub fn table(document: &Document) -> String {
    let stream = &document.stream;
    let times = if stream.streams == 1 {
        String::new()
    } else {
        format!("{} streams at once, each ", stream.streams)
    };
    let mut out = format!(
        "{times}{}: {:.1} MB in {} events, pace {}; {} rounds, median (least to most)\n{}\n",
        stream.name,
        stream.bytes as f64 / 1e6,
        stream.events,
        stream.pace,
        stream.rounds,
        document.machine.words()
    );
    if let Some(ceiling) = document.ceiling_mb_per_s {
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "the server gives a reader that looks at nothing {ceiling:.0} MB/s"
        );
    }
    if document.machine.build == Build::Debug {
        out.push_str(
            "this is a debug build: the reference client is many times slower than it is, and ratios mean nothing\n",
        );
    }
    let (references, others): (Vec<_>, Vec<_>) = document
        .programs
        .iter()
        .partition(|program| program.reference);
    let room = COLUMNS.saturating_sub(references.len()).max(1);
    let blocks: Vec<Vec<&Program>> = if others.is_empty() {
        vec![references]
    } else {
        let blocks = others.chunks(room);
        blocks
            .map(|others| [references.as_slice(), others].concat())
            .collect()
    };
    for block in blocks {
        out.push('\n');
        out.push_str(&columns(&block, stream.streams));
    }
    out.push_str(&notes(document));
    out
}

/// A figure's name and what a program's column says of it.
type Line = (&'static str, fn(&Program) -> String);

const LINES: [Line; 12] = [
    ("CPU time per event", |p| {
        spread(p.figures.cpu_ns_per_event, nanos)
    }),
    ("  over the reference", |p| {
        spread(p.figures.over_reference, |times| format!("{times:.2}"))
    }),
    ("events per second", |p| {
        spread(p.figures.events_per_second, thousands)
    }),
    ("first byte to end", |p| spread(p.figures.wall_ms, millis)),
    ("first to last byte", |p| {
        spread(p.figures.sending_ms, millis)
    }),
    ("first text shown", first_text),
    ("CPU time in all", |p| spread(p.figures.cpu_ms, millis)),
    ("CPU time to start", |p| spread(p.figures.start_ms, millis)),
    ("memory of a process", |p| spread(p.figures.peak_mib, mib)),
    ("memory of all", |p| {
        (p.figures.peak_of_all_mib).map_or("-".to_owned(), mib)
    }),
    ("as an event grows", growth),
    ("place", |p| match &p.unranked {
        Some(_) => "none, see below".to_owned(),
        None => "ranked".to_owned(),
    }),
];

fn columns(programs: &[&Program], streams: usize) -> String {
    let mut rows = vec![
        std::iter::once(String::new())
            .chain(programs.iter().map(|program| program.label()))
            .collect::<Vec<_>>(),
    ];
    for (name, cell) in LINES {
        let cells = programs.iter().map(|program| cell(program));
        rows.push(std::iter::once(name.to_owned()).chain(cells).collect());
    }
    if streams > 1 {
        let cells = programs
            .iter()
            .map(|program| program.figures.at_once.to_string());
        rows.insert(
            1,
            std::iter::once("open at once".to_owned())
                .chain(cells)
                .collect(),
        );
    }
    let width = |at: usize| rows.iter().map(|row| display_width(&row[at])).max();
    let widths: Vec<usize> = (0..=programs.len()).filter_map(width).collect();
    let mut out = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let gap = width + 2 - display_width(cell);
            let _ = write!(line, "{cell}{:gap$}", "");
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

/// What cells have no room for.
fn notes(document: &Document) -> String {
    let mut out = String::new();
    let mut note = |program: &Program, text: &str| {
        let _ = writeln!(out, "{}: {text}", program.label());
    };
    for program in &document.programs {
        if let Some(unranked) = &program.unranked {
            note(program, &unranked.words());
        }
        if let Some(why) = &program.gave_up {
            note(program, &format!("no larger events: {why}"));
        }
        let rate = program
            .figures
            .sending_ms
            .map(|ms| document.stream.bytes as f64 / 1e3 / ms.median);
        let near = document.ceiling_mb_per_s.zip(rate);
        if near.is_some_and(|(ceiling, rate)| rate > ceiling / 2.0) {
            note(
                program,
                "it takes bytes nearly as fast as the server gives them: its times are the server's, its CPU time is its own",
            );
        }
    }
    if out.is_empty() {
        out
    } else {
        format!("\n{out}")
    }
}

fn first_text(program: &Program) -> String {
    match program.figures.first_text_ms {
        None => "not seen".to_owned(),
        Some(_) if !program.figures.incremental => "not before the end".to_owned(),
        shown => spread(shown, millis),
    }
}

fn growth(program: &Program) -> String {
    match program.growth {
        Some(growth) => words(growth),
        None if program.sizes.is_empty() => "-".to_owned(),
        None => "within the noise".to_owned(),
    }
}

/// A growth in words: `linear (n^1.0, 0.9 to 1.1; 1 MB to 16 MB)`.
pub(super) fn words(growth: Growth) -> String {
    let shape = match growth.verdict {
        Shape::LessThanLinear => "less than linear",
        Shape::Linear => "linear",
        Shape::Unclear => "unclear",
        Shape::WorseThanLinear => "worse than linear",
    };
    let Spread { median, min, max } = growth.exponent;
    let (from, to) = (kib(growth.from), kib(growth.to));
    format!("{shape} (n^{median:.1}, {min:.2} to {max:.2}; {from} to {to})")
}

fn spread(spread: Option<Spread>, unit: fn(f64) -> String) -> String {
    let Some(Spread { median, min, max }) = spread else {
        return "-".to_owned();
    };
    format!("{} ({} to {})", unit(median), unit(min), unit(max))
}

pub(super) fn nanos(ns: f64) -> String {
    match ns.abs() {
        size if size < 1e3 => format!("{ns:.0} ns"),
        size if size < 1e6 => format!("{:.1} us", ns / 1e3),
        _ => millis(ns / 1e6),
    }
}

pub(super) fn millis(ms: f64) -> String {
    match ms {
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 10_000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1e3),
    }
}

pub(super) fn mib(mib: f64) -> String {
    format!("{mib:.0} MiB")
}

/// A count with a mark between thousands.
pub(super) fn thousands(count: f64) -> String {
    let digits = format!("{count:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::document::tests::document;

    #[test]
    fn a_table_shows_every_program_beside_the_reference() {
        insta::assert_snapshot!(table(&document()));
    }

    #[test]
    fn numbers_have_units_that_people_can_read() {
        assert_eq!(nanos(312.4), "312 ns");
        assert_eq!(nanos(31_240.0), "31.2 us");
        assert_eq!(nanos(-2e6), "-2.0 ms");
        assert_eq!(millis(12_345.0), "12.3 s");
        assert_eq!(thousands(1_234_567.0), "1,234,567");
        assert_eq!(thousands(999.0), "999");
    }
}
