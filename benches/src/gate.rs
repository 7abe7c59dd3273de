//! The gate: ratios within this process that once were reached and must stay, with a fifth of slack.

use benches::stream::Kind;

use crate::compare::{Input, Row, Stage, compare};

/// How much slower than wanted is still let through: machines differ.
const SLACK: f64 = 1.2;
/// A ratio that is missed is measured so often in all: what another program on the machine took passes, a loss stays.
const ATTEMPTS: usize = 3;

/// Ours over the best reader whose name holds `peer` must be at least `wanted`.
struct Ratio {
    stage: Stage,
    stream: Kind,
    chunk: usize,
    peer: &'static str,
    wanted: f64,
}

const fn ratio(stage: Stage, stream: Kind, chunk: usize, peer: &'static str, wanted: f64) -> Ratio {
    Ratio {
        stage,
        stream,
        chunk,
        peer,
        wanted,
    }
}

const RATIOS: [Ratio; 12] = [
    ratio(Stage::Framing, Kind::Mix, 16, "sse-stream", 1.6),
    ratio(Stage::Framing, Kind::Mix, 1024, "sse-stream", 2.3),
    ratio(Stage::Framing, Kind::Mix, 16 * 1024, "sse-stream", 2.3),
    ratio(Stage::Framing, Kind::Mix, 64 * 1024, "sse-stream", 2.3),
    ratio(Stage::Framing, Kind::Big, 16 * 1024, "sse-stream", 1.5),
    ratio(Stage::Reassembly, Kind::Mix, 64, "sse-stream", 2.0),
    ratio(Stage::Reassembly, Kind::Mix, 1024, "sse-stream", 2.5),
    ratio(Stage::Reassembly, Kind::Mix, 16 * 1024, "sse-stream", 4.0),
    ratio(Stage::Reassembly, Kind::Mix, 16 * 1024, "Codex", 12.0),
    ratio(Stage::Reassembly, Kind::Tools, 16 * 1024, "sse-stream", 2.5),
    ratio(Stage::Reassembly, Kind::Big, 16 * 1024, "sse-stream", 1.2),
    ratio(Stage::Reassembly, Kind::Mix, 16, "sse-stream", 1.5),
];

/// Counts do not depend on the machine, and get no slack.
const ALLOCATIONS: f64 = 0.05;
/// Chunks of 16 bytes may cost so many times what chunks of 16 KB cost.
const SMALL_CHUNKS: f64 = 8.0;

/// Our reader and the fastest of the peers.
fn measure(want: &Ratio, kind: Kind, input: &Input) -> (Row, Row) {
    let mut rows = compare(want.stage, kind, input, want.chunk, Some(want.peer)).into_iter();
    let ours = rows.next().expect("ours is always measured");
    let best = rows.min_by(|a, b| a.ours_over_this.total_cmp(&b.ours_over_this));
    (ours, best.expect("every rule names a peer"))
}

/// One line per rule, and whether all hold.
pub(crate) fn run() -> (Vec<String>, bool) {
    let (mut lines, mut holds) = (Vec::new(), true);
    let mut rule = |what: String, is_kept: bool| {
        holds &= is_kept;
        lines.push(format!("{} {what}", if is_kept { "ok  " } else { "FAIL" }));
    };
    let inputs = [Kind::Mix, Kind::Tools, Kind::Big].map(|kind| (kind, Input::new(kind)));
    let mut ours_at: Vec<Row> = Vec::new();
    for want in &RATIOS {
        let input = inputs.iter().find(|(kind, _)| *kind == want.stream);
        let (kind, input) = input.expect("every rule names a stream that was made");
        let least = want.wanted / SLACK;
        let mut attempt = 1;
        let (ours, best) = loop {
            let (ours, best) = measure(want, *kind, input);
            if best.ours_over_this >= least || attempt == ATTEMPTS {
                break (ours, best);
            }
            attempt += 1;
        };
        rule(
            format!(
                "{}, {}, chunks of {}: {:.2} times {}, at least {least:.2}",
                ours.stage, ours.stream, ours.chunk, best.ours_over_this, best.candidate
            ),
            best.ours_over_this >= least,
        );
        ours_at.push(ours);
    }
    let mix = |chunk| {
        ours_at.iter().find(|row| {
            row.stage == Stage::Reassembly.name()
                && row.stream == Kind::Mix.name()
                && row.chunk == chunk
        })
    };
    if let (Some(small), Some(large)) = (mix(16), mix(16 * 1024)) {
        rule(
            format!(
                "allocations per event: {:.3}, at most {ALLOCATIONS}",
                large.allocs_per_event
            ),
            large.allocs_per_event <= ALLOCATIONS,
        );
        let cost = small.ns_per_event / large.ns_per_event;
        rule(
            format!(
                "chunks of 16 bytes: {cost:.1} times the cost of 16 KB, at most {SMALL_CHUNKS}"
            ),
            cost <= SMALL_CHUNKS,
        );
    }
    (lines, holds)
}
