//! `compare`: every candidate of a stage on every stream at every chunk size that was asked for.

use std::process::ExitCode;

use benches::stream::{Kind, Stream};
use serde::Serialize;

use crate::measure::{Candidate, paired};
use crate::{decode, framing, gate, reassembly};

/// What is compared.
#[derive(clap::Args)]
pub(crate) struct Compare {
    /// Only this stage; all three by default
    #[arg(long)]
    stage: Option<Stage>,
    /// Only this stream; all four by default
    #[arg(long)]
    stream: Option<Kind>,
    /// Only this chunk size, in bytes; 16, 64, 1024, 16384 and 65536 by default
    #[arg(long)]
    chunk: Option<usize>,
    /// Only candidates whose name holds this text, and ours
    #[arg(long)]
    only: Option<String>,
    /// A list of JSON objects instead of tables
    #[arg(long)]
    json: bool,
    /// Only the ratios that must stay, with a fifth of slack; exit code 1 when one is lost
    #[arg(long, conflicts_with_all = ["stage", "stream", "chunk", "only", "json"])]
    gate: bool,
}

/// How far a reader goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Stage {
    /// Bytes to events
    Framing,
    /// Bytes to decoded events
    Decode,
    /// Bytes to the whole response, compared with its terminal event
    Reassembly,
}

impl Stage {
    const ALL: [Self; 3] = [Self::Framing, Self::Decode, Self::Reassembly];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Framing => "framing",
            Self::Decode => "decode",
            Self::Reassembly => "reassembly",
        }
    }

    fn candidates(self) -> &'static [Candidate] {
        match self {
            Self::Framing => FRAMING,
            Self::Decode => DECODE,
            Self::Reassembly => REASSEMBLY,
        }
    }
}

/// One line of the result.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) stage: &'static str,
    pub(crate) stream: &'static str,
    pub(crate) chunk: usize,
    pub(crate) candidate: &'static str,
    pub(crate) mb_per_s: f64,
    pub(crate) ns_per_event: f64,
    pub(crate) allocs_per_event: f64,
    /// How many times as fast ours is.
    pub(crate) ours_over_this: f64,
}

impl Compare {
    /// Measures, and prints as it goes.
    pub(crate) fn run(&self) -> ExitCode {
        if self.gate {
            let (lines, holds) = gate::run();
            println!("{}", lines.join("\n"));
            return if holds {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            };
        }
        let stages = self.stage.map_or(Stage::ALL.to_vec(), |stage| vec![stage]);
        let streams = self.stream.map_or(Kind::ALL.to_vec(), |kind| vec![kind]);
        let chunks = self
            .chunk
            .map_or(vec![16, 64, 1024, 16 * 1024, 64 * 1024], |chunk| {
                vec![chunk.max(1)]
            });
        let mut rows = Vec::new();
        for kind in streams {
            let input = Input::new(kind);
            for &stage in &stages {
                for &chunk in &chunks {
                    let measured = compare(stage, kind, &input, chunk, self.only.as_deref());
                    if !self.json {
                        table(&measured);
                    }
                    rows.extend(measured);
                }
            }
        }
        if self.json {
            let json = serde_json::to_string_pretty(&rows);
            println!(
                "{}",
                json.expect("rows have string keys and finite numbers")
            );
        }
        ExitCode::SUCCESS
    }
}

/// A stream in full, and in short for readers that take quadratic time.
pub(crate) struct Input {
    full: Found,
    short: Found,
}

struct Found {
    bytes: &'static [u8],
    events: usize,
    text_bytes: usize,
}

impl Input {
    pub(crate) fn new(kind: Kind) -> Self {
        let found = |parts| {
            let stream = Stream::new(kind, parts);
            // Kept to the end of the process, so that chunks can be lent without counting references.
            Found {
                bytes: Vec::leak(stream.bytes),
                events: stream.events,
                text_bytes: stream.text_bytes,
            }
        };
        Self {
            full: found(20),
            short: found(1),
        }
    }

    fn of(&self, candidate: &Candidate, chunk: usize) -> &Found {
        if candidate.slow && chunk < 1024 {
            &self.short
        } else {
            &self.full
        }
    }
}

/// Measures the candidates of a stage; ours is the first row.
pub(crate) fn compare(
    stage: Stage,
    kind: Kind,
    input: &Input,
    chunk: usize,
    only: Option<&str>,
) -> Vec<Row> {
    let candidates: Vec<&Candidate> = stage
        .candidates()
        .iter()
        .enumerate()
        .filter(|(at, candidate)| *at == 0 || only.is_none_or(|only| candidate.name.contains(only)))
        .map(|(_, candidate)| candidate)
        // An event of a megabyte in small chunks takes such a reader minutes.
        .filter(|candidate| !(candidate.slow && kind == Kind::Big && chunk < 16 * 1024))
        .collect();
    let costs = paired(&candidates, chunk, |candidate| {
        input.of(candidate, chunk).bytes
    });
    let mut rows: Vec<Row> = Vec::new();
    for (candidate, cost) in candidates.into_iter().zip(costs) {
        let found = input.of(candidate, chunk);
        let expected = match stage {
            Stage::Reassembly => found.text_bytes,
            Stage::Framing | Stage::Decode => found.events,
        };
        assert_eq!(
            cost.found, expected,
            "{} reads the stream as it was written",
            candidate.name
        );
        let nanos = cost.time.as_nanos() as f64;
        let speed = found.bytes.len() as f64 * 1000.0 / nanos;
        let ours = rows.first().map_or(speed, |ours| ours.mb_per_s);
        rows.push(Row {
            stage: stage.name(),
            stream: kind.name(),
            chunk,
            candidate: candidate.name,
            mb_per_s: speed,
            ns_per_event: nanos / found.events as f64,
            allocs_per_event: cost.allocations as f64 / found.events as f64,
            ours_over_this: ours / speed,
        });
    }
    rows
}

fn table(rows: &[Row]) {
    let Some(first) = rows.first() else { return };
    println!(
        "## {}, `{}`, chunks of {} bytes\n",
        first.stage, first.stream, first.chunk
    );
    println!("| candidate | MB/s | ns/event | allocations/event | ours over this |");
    println!("|---|---:|---:|---:|---:|");
    for row in rows {
        println!(
            "| {} | {:.0} | {:.0} | {:.3} | {:.2} |",
            row.candidate, row.mb_per_s, row.ns_per_event, row.allocs_per_event, row.ours_over_this
        );
    }
    println!();
}

macro_rules! framing {
    ($name:literal, $read:path, $slow:literal) => {
        Candidate {
            name: $name,
            slow: $slow,
            run: |stream, chunk| {
                let mut events = 0;
                $read(stream, chunk, |name, data| {
                    std::hint::black_box((name, data));
                    events += 1;
                });
                events
            },
        }
    };
}

const FRAMING: &[Candidate] = &[
    framing!("loginproof", framing::frames, false),
    framing!("loginproof, as text", framing::ours, false),
    framing!("sse-stream", framing::sse_stream, false),
    framing!("sse-core", framing::sse_core, false),
    framing!("sseer", framing::sseer, false),
    #[cfg(feature = "peers")]
    framing!("async-sse", framing::async_sse, false),
    framing!("eventsource-stream", framing::eventsource_stream, true),
];

const fn candidate(name: &'static str, run: fn(&'static [u8], usize) -> usize) -> Candidate {
    Candidate {
        name,
        run,
        slow: false,
    }
}

const DECODE: &[Candidate] = &[
    candidate("loginproof", decode::ours),
    candidate("sonic-rs, borrowed, by name", decode::sonic_by_name),
    candidate("sonic-rs Value", decode::sonic_value),
    candidate("simd-json Value", decode::simd_json_value),
    candidate("serde_json, borrowed, by name", decode::serde_by_name),
    candidate("serde_json, the event of Codex", decode::codex),
    candidate("serde_json, tagged enum", decode::serde_tagged),
    #[cfg(feature = "peers")]
    candidate("serde_json, async-openai", decode::async_openai),
    candidate("serde_json Value", decode::serde_value),
];

const REASSEMBLY: &[Candidate] = &[
    candidate("loginproof", reassembly::ours),
    candidate("sse-stream + sonic-rs by name", reassembly::sonic_by_name),
    candidate("sse-stream + serde_json by name", reassembly::serde_by_name),
    candidate("sse-stream + tagged enum", reassembly::tagged),
    Candidate {
        name: "eventsource-stream + event of Codex",
        run: reassembly::codex,
        slow: true,
    },
    #[cfg(feature = "peers")]
    Candidate {
        name: "eventsource-stream + async-openai",
        run: reassembly::async_openai,
        slow: true,
    },
];
