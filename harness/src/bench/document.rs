//! The result of a measurement: what tables, charts and gates are made from, and `bench.json` as it is.

use serde::Serialize;

use super::machine::Machine;
use super::sample::{Problem, Sample};
use super::statistics::{Growth, Spread, Step, growth};

/// Everything.
#[derive(Clone, Debug, Serialize)]
pub struct Document {
    /// Version of this binary.
    pub loginproof: String,
    /// Where it was measured.
    pub machine: Machine,
    /// What was sent.
    pub stream: StreamInfo,
    /// Megabytes per second that the server gives a reader that looks at nothing.
    pub ceiling_mb_per_s: Option<f64>,
    /// The programs, the reference clients first.
    pub programs: Vec<Program>,
}

/// What was sent.
#[derive(Clone, Debug, Serialize)]
pub struct StreamInfo {
    /// `text`, or a file's name.
    pub name: String,
    /// Bytes of one stream.
    pub bytes: usize,
    /// Events in it.
    pub events: usize,
    /// Events in the stream that start-up was measured with.
    pub events_at_least: usize,
    /// `full`, `live` or `recorded`.
    pub pace: &'static str,
    /// Streams at once.
    pub streams: usize,
    /// Rounds that count; one more went before them.
    pub rounds: usize,
}

/// One program.
#[derive(Clone, Debug, Serialize)]
pub struct Program {
    /// Name of its target file.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// What it says of its version.
    pub version: String,
    /// How its traffic reached the server.
    pub network: String,
    /// It is the reference client.
    pub reference: bool,
    /// How it was asked: `processes`, `one-process`, `filter`.
    pub way: Option<&'static str>,
    /// Why it has no place in the order; none when it has one.
    pub unranked: Option<Unranked>,
    /// What it was measured at.
    pub figures: Figures,
    /// How its cost grows with one event.
    pub growth: Option<Growth>,
    /// Why there are no larger events.
    pub gave_up: Option<String>,
    /// The sizes that growth rests on.
    pub sizes: Vec<Size>,
    /// Each measurement of the stream, and of the least one before it.
    pub samples: Vec<Round>,
}

/// Why a program has no place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "why", rename_all = "kebab-case")]
pub enum Unranked {
    /// It is not able to.
    Unsupported(String),
    /// It did not do what it was asked.
    Problem(Problem),
}

/// One round of one program.
#[derive(Clone, Debug, Serialize)]
pub struct Round {
    /// From 1; 0 warms up and counts for nothing.
    pub round: usize,
    /// The stream with the fewest events: what it costs to start.
    pub least: Sample,
    /// The stream.
    pub stream: Sample,
}

/// One size of one event.
#[derive(Clone, Debug, Serialize)]
pub struct Size {
    /// In bytes; 0 is a stream without such an event.
    pub bytes: usize,
    /// CPU time of the whole turn, one per round, in microseconds.
    pub cpu_us: Vec<Option<u64>>,
}

/// What a program was measured at, over the rounds that count.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    /// CPU time for each event, start-up taken off, in nanoseconds.
    pub cpu_ns_per_event: Option<Spread>,
    /// The same over the reference client's in the same round.
    pub over_reference: Option<Spread>,
    /// Events in a second, from the first byte to the end of the program, start-up taken off. Of all streams together.
    pub events_per_second: Option<Spread>,
    /// From the first byte of the stream to the end of the program, in milliseconds.
    pub wall_ms: Option<Spread>,
    /// From the first byte of the stream to the last, as the program took them, in milliseconds.
    pub sending_ms: Option<Spread>,
    /// From the first byte of the stream to the first text that could be read, in milliseconds.
    pub first_text_ms: Option<Spread>,
    /// The text came while the stream did.
    pub incremental: bool,
    /// CPU time in all, in milliseconds.
    pub cpu_ms: Option<Spread>,
    /// CPU time to start, ask and end, in milliseconds.
    pub start_ms: Option<Spread>,
    /// The most memory of one process, in MiB.
    pub peak_mib: Option<Spread>,
    /// The most memory of all processes at one moment, in MiB; looked at once.
    pub peak_of_all_mib: Option<f64>,
    /// The most streams that were open at one moment.
    pub at_once: usize,
}

impl Program {
    /// Name and way.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{} ({})", self.name, self.network)
    }

    /// Rounds that count, from 1.
    fn counted(&self) -> impl Iterator<Item = &Round> {
        self.samples.iter().filter(|round| round.round > 0)
    }

    /// Works out the figures. `reference` is the one that used the same way to the server.
    pub fn work_out(&mut self, stream: &StreamInfo, reference: Option<&Program>) {
        let events = (stream.events * stream.streams) as f64;
        let more = (stream.events - stream.events_at_least.min(stream.events)) * stream.streams;
        let more = more as f64;
        let all = |of: fn(&Round) -> f64| Spread::of(self.counted().map(of));
        let cost = |round: &Round| round.cpu_us() * 1000.0 / more;
        let over = self.counted().filter_map(|round| {
            let mut other = reference?.counted();
            let other = other.find(|other| other.round == round.round)?;
            let other = cost(other);
            (other > 0.0).then(|| cost(round) / other)
        });
        let rate = |round: &Round| {
            let wall = round.stream.wall_us as f64 - round.least.wall_us as f64;
            if wall > 0.0 {
                more * 1e6 / wall
            } else {
                f64::NAN
            }
        };
        let paced = stream.pace != "full";
        let warm = self
            .samples
            .iter()
            .find_map(|round| round.stream.peak_of_all_kib);
        let figures = Figures {
            cpu_ns_per_event: Spread::of(self.counted().map(cost)).filter(|cost| cost.median > 0.0),
            over_reference: Spread::of(over),
            events_per_second: if paced {
                Spread::of(
                    self.counted()
                        .map(|round| events * 1e6 / (round.stream.sending_us as f64).max(1.0)),
                )
            } else {
                Spread::of(self.counted().map(rate))
            },
            wall_ms: all(|round| round.stream.wall_us as f64 / 1000.0),
            sending_ms: (self.way != Some("filter"))
                .then(|| all(|round| round.stream.sending_us as f64 / 1000.0))
                .flatten(),
            first_text_ms: all(|round| {
                let shown = round.stream.first_text_us;
                shown.map_or(f64::NAN, |shown| shown as f64 / 1000.0)
            }),
            incremental: self.counted().any(|round| round.stream.incremental),
            cpu_ms: all(|round| round.stream.cpu_us() as f64 / 1000.0),
            start_ms: all(|round| round.least.cpu_us() as f64 / 1000.0),
            peak_mib: all(|round| round.stream.peak_kib as f64 / 1024.0),
            peak_of_all_mib: warm.map(|kib| kib as f64 / 1024.0),
            at_once: self
                .counted()
                .map(|round| round.stream.at_once)
                .max()
                .unwrap_or_default(),
        };
        self.figures = figures;
        self.growth = self.grows();
    }

    fn grows(&self) -> Option<Growth> {
        let none = self.sizes.iter().find(|size| size.bytes == 0)?;
        let known = none.cpu_us.iter().flatten().map(|&us| us as f64);
        // What start-up alone varies by, and more, must be seen.
        let noise = (3.0 * Spread::of(known)?.width()).max(2000.0);
        let steps = self
            .sizes
            .iter()
            .filter(|size| size.bytes > 0)
            .map(|size| Step {
                size: size.bytes,
                costs: (size.cpu_us.iter().zip(&none.cpu_us))
                    .map(|(cost, none)| match (cost, none) {
                        (Some(cost), Some(none)) => *cost as f64 - *none as f64,
                        _ => f64::NAN,
                    })
                    .collect(),
            });
        growth(&steps.collect::<Vec<_>>(), noise)
    }
}

impl Round {
    /// CPU time of the stream beyond that of the least one, in microseconds.
    fn cpu_us(&self) -> f64 {
        self.stream.cpu_us() as f64 - self.least.cpu_us() as f64
    }
}

impl Document {
    /// Works out the figures of all programs.
    pub fn work_out(&mut self) {
        let references: Vec<Program> = self
            .programs
            .iter()
            .filter(|program| program.reference)
            .cloned()
            .collect();
        for program in &mut self.programs {
            let same = references
                .iter()
                .find(|other| other.network == program.network);
            program.work_out(&self.stream, same);
        }
    }

    /// What keeps the programs from costing at most `most` times what the reference client does, one line each.
    #[must_use]
    pub fn above(&self, most: f64) -> Vec<String> {
        let programs = self.programs.iter().filter(|program| !program.reference);
        let lines = programs.filter_map(|program| {
            let label = program.label();
            if let Some(unranked) = &program.unranked {
                return Some(format!("{label}: not measured: {}", unranked.words()));
            }
            match program.figures.over_reference {
                None => Some(format!("{label}: its CPU time for each event is lost in the noise")),
                Some(over) if over.median > most => Some(format!(
                    "{label}: {:.1} times the reference client's CPU time for each event ({:.1} to {:.1}), above {most}",
                    over.median, over.min, over.max
                )),
                Some(_) => None,
            }
        });
        lines.collect()
    }
}

impl Unranked {
    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Unsupported(why) => format!("unsupported: {why}"),
            Self::Problem(problem) => problem.words().to_owned(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::bench::machine::Build;

    fn sample(cpu_us: u64, wall_us: u64) -> Sample {
        Sample {
            user_us: cpu_us,
            wall_us,
            sending_us: wall_us / 2,
            peak_kib: 10 << 10,
            at_once: 1,
            ..Sample::default()
        }
    }

    fn program(name: &str, reference: bool, cost: u64, k: f64) -> Program {
        let cpu = |bytes: usize| ((bytes as f64 / 1e6).powf(k) * 10_000.0) as u64;
        Program {
            name: name.to_owned(),
            title: name.to_owned(),
            version: "1.0".to_owned(),
            network: "direct".to_owned(),
            reference,
            way: Some("processes"),
            unranked: None,
            figures: Figures::default(),
            growth: None,
            gave_up: None,
            sizes: [0, 1 << 20, 4 << 20, 16 << 20]
                .map(|bytes| Size {
                    bytes,
                    cpu_us: vec![Some(5000 + cpu(bytes)), Some(5000 + cpu(bytes))],
                })
                .into(),
            samples: (0..3)
                .map(|round| Round {
                    round,
                    least: sample(20_000, 30_000),
                    stream: sample(20_000 + cost * (100 + round as u64), 60_000),
                })
                .collect(),
        }
    }

    /// A reference client, one that costs four times as much, and one whose answer was wrong.
    pub(crate) fn document() -> Document {
        let mut wrong = program("wrong", false, 300, 1.0);
        wrong.unranked = Some(Unranked::Problem(Problem::WrongAnswer(
            "its <answer> is another".to_owned(),
        )));
        wrong.gave_up = Some("it had not ended after 60 s".to_owned());
        let mut document = Document {
            loginproof: "0.0.0".to_owned(),
            machine: Machine {
                cores: 2,
                processor: "A Processor".to_owned(),
                kernel: "linux 6.1".to_owned(),
                memory_gib: 8,
                load: None,
                build: Build::Release,
            },
            stream: StreamInfo {
                name: "text".to_owned(),
                bytes: 300_000,
                events: 1009,
                events_at_least: 9,
                pace: "full",
                streams: 1,
                rounds: 2,
            },
            ceiling_mb_per_s: Some(2345.6),
            programs: vec![
                program("reference", true, 100, 1.0),
                program("slow", false, 400, 1.9),
                wrong,
            ],
        };
        document.programs[1].samples[1].stream.first_text_us = Some(4000);
        document.programs[1].samples[1].stream.incremental = true;
        document.work_out();
        document
    }

    #[test]
    fn start_up_is_taken_off_and_the_first_round_left_out() {
        let document = document();
        let figures = &document.programs[0].figures;
        let cost = figures.cpu_ns_per_event.unwrap();
        assert_eq!((cost.min, cost.max), (10_100.0, 10_200.0));
        assert_eq!(figures.start_ms.unwrap().median, 20.0);
        let rate = figures.events_per_second.unwrap().median;
        assert!((rate - 1000.0 / 0.03).abs() < 1e-6, "{rate}");
        assert_eq!(
            document.programs[1].figures.over_reference.unwrap().median,
            4.0
        );
    }

    #[test]
    fn growth_is_told_apart() {
        use crate::bench::statistics::Shape;
        let document = document();
        let verdict = |at: usize| document.programs[at].growth.unwrap().verdict;
        assert_eq!(
            (verdict(0), verdict(1)),
            (Shape::Linear, Shape::WorseThanLinear)
        );
    }

    #[test]
    fn a_gate_names_what_is_above_it_and_what_was_not_measured() {
        let document = document();
        let above = document.above(3.0);
        assert_eq!(above.len(), 2, "{above:?}");
        assert!(
            above[0].contains("4.0 times the reference client's"),
            "{above:?}"
        );
        assert!(above[1].contains("not measured"), "{above:?}");
        assert_eq!(document.above(5.0).len(), 1);
    }
}
