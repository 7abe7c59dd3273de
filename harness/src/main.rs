//! The command `loginproof`.

use std::process::ExitCode;

fn main() -> ExitCode {
    loginproof::cli::main()
}
