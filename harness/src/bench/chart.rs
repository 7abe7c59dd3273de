//! The result as a picture: bars with their spread for each figure, and the cost of one event over its size.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::document::{Document, Figures, Program};
use super::sizes::kib;
use super::statistics::Spread;
use super::table::{mib, millis, nanos, thousands, words};

const WIDTH: f64 = 1000.0;
/// Where bars begin; their names stand before.
const LEFT: f64 = 190.0;
/// The longest bar's end; its value stands behind.
const RIGHT: f64 = 700.0;
const BAR: f64 = 16.0;
const STEP: f64 = 22.0;
const CURVE: f64 = 300.0;
/// One for each program; more programs begin again. They can be told apart without seeing colours by their order.
const COLOURS: [&str; 7] = [
    "#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#777777",
];

/// A figure, how to find it, and its unit.
struct Panel {
    title: &'static str,
    find: fn(&Figures) -> Option<Spread>,
    unit: fn(f64) -> String,
}

const PANELS: [Panel; 6] = [
    Panel {
        title: "CPU time per event, start-up taken off (less is better)",
        find: |figures| figures.cpu_ns_per_event,
        unit: nanos,
    },
    Panel {
        title: "events per second, start-up taken off (more is better)",
        find: |figures| figures.events_per_second,
        unit: thousands,
    },
    Panel {
        title: "from the first byte to the first text shown",
        find: |figures| figures.first_text_ms.filter(|_| figures.incremental),
        unit: millis,
    },
    Panel {
        title: "from the first byte to the end of the program",
        find: |figures| figures.wall_ms,
        unit: millis,
    },
    Panel {
        title: "CPU time to start, ask and end",
        find: |figures| figures.start_ms,
        unit: millis,
    },
    Panel {
        title: "most memory of one process",
        find: |figures| figures.peak_mib,
        unit: mib,
    },
];

/// Draws it.
#[must_use]
pub fn chart(document: &Document) -> String {
    let mut drawing = Drawing {
        out: String::new(),
        y: 30.0,
    };
    let stream = &document.stream;
    let title = format!(
        "{}, {:.1} MB in {} events, pace {}, {} at once",
        stream.name,
        stream.bytes as f64 / 1e6,
        stream.events,
        stream.pace,
        stream.streams
    );
    drawing.text(20.0, "title", &title);
    drawing.y += 20.0;
    drawing.text(20.0, "small", &document.machine.words());
    drawing.y += 18.0;
    let note = format!(
        "bars: median of {} rounds; lines: least to most; hatched: answered wrongly, out of order",
        stream.rounds
    );
    drawing.text(20.0, "small", &note);
    for panel in &PANELS {
        drawing.bars(panel, &document.programs);
    }
    if document
        .programs
        .iter()
        .any(|program| program.sizes.len() > 2)
    {
        drawing.curve(&document.programs);
    }
    let height = drawing.y + 20.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" height=\"{height:.0}\">\n\
         <style>text{{font:13px sans-serif;fill:#222}}.title{{font-size:17px;font-weight:bold}}.head{{font-weight:bold}}\
         .small{{font-size:12px;fill:#666}}.end{{text-anchor:end}}</style>\n\
         <defs><pattern id=\"wrong\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
         <rect width=\"3\" height=\"6\" fill=\"#fff\" fill-opacity=\".6\"/></pattern></defs>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{}</svg>\n",
        drawing.out
    )
}

fn colour(at: usize) -> &'static str {
    COLOURS[at % COLOURS.len()]
}

struct Drawing {
    out: String,
    y: f64,
}

impl Drawing {
    /// A piece of SVG. Writing to a string cannot fail.
    fn put(&mut self, piece: std::fmt::Arguments<'_>) {
        let _ = self.out.write_fmt(piece);
        self.out.push('\n');
    }

    fn text(&mut self, x: f64, class: &str, text: &str) {
        let (y, text) = (self.y, escaped(text));
        self.put(format_args!(
            "<text x=\"{x:.0}\" y=\"{y:.0}\" class=\"{class}\">{text}</text>"
        ));
    }

    fn bars(&mut self, panel: &Panel, programs: &[Program]) {
        let found: Vec<(usize, &Program, Spread)> = programs
            .iter()
            .enumerate()
            .filter_map(|(at, program)| Some((at, program, (panel.find)(&program.figures)?)))
            .collect();
        let most = found
            .iter()
            .map(|(_, _, spread)| spread.max)
            .fold(0.0, f64::max);
        if most <= 0.0 {
            return;
        }
        let place = |value: f64| LEFT + (value / most).clamp(0.0, 1.0) * (RIGHT - LEFT);
        self.y += 36.0;
        self.text(20.0, "head", panel.title);
        self.y += 10.0;
        for (at, program, spread) in found {
            let (y, middle) = (self.y, self.y + BAR / 2.0);
            let (end, fill) = (place(spread.median), colour(at));
            let long = (end - LEFT).max(1.0);
            self.put(format_args!(
                "<rect x=\"{LEFT}\" y=\"{y:.0}\" width=\"{long:.1}\" height=\"{BAR}\" fill=\"{fill}\"/>"
            ));
            if program.unranked.is_some() {
                self.put(format_args!(
                    "<rect x=\"{LEFT}\" y=\"{y:.0}\" width=\"{long:.1}\" height=\"{BAR}\" fill=\"url(#wrong)\"/>"
                ));
            }
            let (least, greatest) = (place(spread.min), place(spread.max));
            self.put(format_args!(
                "<path d=\"M{least:.1} {middle:.0}H{greatest:.1}M{least:.1} {:.0}v8M{greatest:.1} {:.0}v8\" stroke=\"#222\" fill=\"none\"/>",
                middle - 4.0,
                middle - 4.0
            ));
            self.y += 13.0;
            self.text(LEFT - 8.0, "end", &program.label());
            let [median, min, max] = [spread.median, spread.min, spread.max].map(panel.unit);
            self.text(RIGHT + 10.0, "", &format!("{median} ({min} to {max})"));
            self.y += STEP - 13.0;
        }
    }

    /// Cost over size, both in powers.
    fn curve(&mut self, programs: &[Program]) {
        let points: Vec<Vec<(f64, Spread)>> = programs.iter().map(points).collect();
        let all = || points.iter().flatten();
        let sizes: BTreeSet<usize> = programs
            .iter()
            .flat_map(|program| program.sizes.iter().map(|size| size.bytes))
            .filter(|bytes| *bytes > 0)
            .collect();
        let ends = |values: Vec<f64>| {
            let spread = Spread::of(values.into_iter().map(f64::ln))?;
            Some((spread.min, (spread.max - spread.min).max(1.0)))
        };
        let across = ends(sizes.iter().map(|bytes| *bytes as f64).collect());
        // Noise below every median would stretch the picture downwards without end.
        let medians = all().map(|(_, cost)| cost.median);
        let floor = medians.fold(f64::INFINITY, f64::min) / 2.0;
        let costs = all().flat_map(|(_, cost)| [cost.min.max(floor), cost.max]);
        let Some(((left, wide), (low, tall))) = across.zip(ends(costs.collect())) else {
            return;
        };
        self.y += 36.0;
        self.text(
            20.0,
            "head",
            "CPU time of a turn as one event grows, start-up taken off (both axes in powers)",
        );
        self.y += 14.0;
        let (top, bottom) = (self.y, self.y + CURVE);
        let x = |size: f64| LEFT + (size.ln() - left) / wide * (RIGHT - LEFT);
        let y = |cost: f64| bottom - (cost.max(floor).ln() - low) / tall * CURVE;
        self.put(format_args!(
            "<rect x=\"{LEFT}\" y=\"{top:.0}\" width=\"{:.0}\" height=\"{CURVE}\" fill=\"none\" stroke=\"#bbb\"/>",
            RIGHT - LEFT
        ));
        self.y = bottom + 16.0;
        for size in sizes {
            self.text(x(size as f64) - 14.0, "small", &kib(size));
        }
        let mut power = 1.0;
        while power <= 1e9 {
            if (top..=bottom).contains(&y(power)) {
                let at = y(power);
                self.put(format_args!(
                    "<path d=\"M{LEFT} {at:.1}H{RIGHT}\" stroke=\"#eee\"/>"
                ));
                self.y = at + 4.0;
                self.text(LEFT - 8.0, "small end", &nanos(power * 1000.0));
            }
            power *= 10.0;
        }
        let mut legend = top + 14.0;
        for (at, (program, points)) in programs.iter().zip(&points).enumerate() {
            if points.is_empty() {
                continue;
            }
            let stroke = colour(at);
            let mut line = String::new();
            for (n, (size, cost)) in points.iter().enumerate() {
                let verb = if n == 0 { 'M' } else { 'L' };
                let _ = write!(line, "{verb}{:.1} {:.1}", x(*size), y(cost.median));
                let (px, upper, lower) = (x(*size), y(cost.max), y(cost.min));
                self.put(format_args!(
                    "<path d=\"M{px:.1} {upper:.1}V{lower:.1}\" stroke=\"{stroke}\" stroke-width=\"5\" stroke-opacity=\".35\"/>"
                ));
            }
            self.put(format_args!(
                "<path d=\"{line}\" stroke=\"{stroke}\" stroke-width=\"2\" fill=\"none\"/>"
            ));
            self.put(format_args!(
                "<rect x=\"{:.0}\" y=\"{:.0}\" width=\"10\" height=\"10\" fill=\"{stroke}\"/>",
                RIGHT + 10.0,
                legend - 10.0
            ));
            self.y = legend;
            self.text(RIGHT + 26.0, "", &program.label());
            if let Some(growth) = program.growth {
                self.y = legend + 15.0;
                let words = words(growth);
                let words = words.split(';').next().unwrap_or_default();
                self.text(
                    RIGHT + 26.0,
                    "small",
                    &format!("{})", words.trim_end_matches(')')),
                );
            }
            legend += 38.0;
        }
        self.y = (bottom + 16.0).max(legend);
    }
}

/// Costs beyond start-up, in microseconds. A size that costs nothing has no place between powers.
fn points(program: &Program) -> Vec<(f64, Spread)> {
    let Some(none) = program.sizes.iter().find(|size| size.bytes == 0) else {
        return Vec::new();
    };
    let sizes = program.sizes.iter().filter(|size| size.bytes > 0);
    sizes
        .filter_map(|size| {
            let costs = size.cpu_us.iter().zip(&none.cpu_us);
            let costs = costs
                .filter_map(|(cost, none)| Some(*cost.as_ref()? as f64 - *none.as_ref()? as f64));
            let cost = Spread::of(costs)?;
            (cost.median >= 1.0).then_some((size.bytes as f64, cost))
        })
        .collect()
}

fn escaped(text: &str) -> String {
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::document::tests::document;

    #[test]
    fn a_chart_has_bars_with_spread_and_a_curve() {
        insta::assert_snapshot!(chart(&document()));
    }

    #[test]
    fn names_cannot_break_the_picture() {
        assert_eq!(escaped("a<b>&\u{1b}c"), "a&lt;b&gt;&amp;c");
    }
}
