//! Compares the reference client's reader with its peers, on the same bytes, in one process.

#![expect(clippy::print_stdout, reason = "what was measured is printed")]

mod allocations;
mod compare;
mod decode;
mod framing;
mod gate;
mod measure;
mod reassembly;
mod wire;

use clap::Parser;

#[derive(Parser)]
#[command(
    name = "benches",
    about = "Benchmarks of the reader of Responses streams"
)]
enum Command {
    /// Readers take turns in one process; the ratios of their CPU times count
    Compare(compare::Compare),
}

fn main() -> std::process::ExitCode {
    let Command::Compare(compare) = Command::parse();
    compare.run()
}
