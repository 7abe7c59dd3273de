//! Compares the reference client's reader with its peers, on the same bytes, in one process, and puts the mock
//! server under load.

#![expect(clippy::print_stdout, reason = "what was measured is printed")]

mod allocations;
mod compare;
mod decode;
mod framing;
mod gate;
#[cfg(feature = "load")]
mod load;
mod measure;
mod reassembly;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;

use benches::stream::{Kind, Stream};
use clap::Parser;

#[derive(Parser)]
#[command(
    name = "benches",
    about = "Benchmarks of the reader of Responses streams, and of the mock server"
)]
enum Command {
    /// Readers take turns in one process; the ratios of their CPU times count
    Compare(compare::Compare),
    /// The mock server under load: paced streams, small answers beside wiremock, one long stream
    #[cfg(feature = "load")]
    Load(load::Load),
    /// A server that `load` asks, until standard input ends
    #[cfg(feature = "load")]
    #[command(hide = true)]
    Serve(load::Serve),
    /// Writes a stream to a file, for readers in other languages
    Write {
        /// Which stream
        #[arg(long, default_value = "mix")]
        stream: Kind,
        /// Where to
        file: PathBuf,
    },
}

fn main() -> ExitCode {
    match Command::parse() {
        Command::Compare(compare) => compare.run(),
        #[cfg(feature = "load")]
        Command::Load(load) => load.run(),
        #[cfg(feature = "load")]
        Command::Serve(serve) => serve.run(),
        Command::Write { stream, file } => {
            match std::fs::write(&file, Stream::new(stream, 20).bytes) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    println!("{} cannot be written: {error}", file.display());
                    ExitCode::FAILURE
                }
            }
        }
    }
}
