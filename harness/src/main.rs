//! The command `loginproof`.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything else: a program under test starts through here, and its start must cost nothing.
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|first| first == "enter") {
        return loginproof::cli::enter::main(args);
    }
    ExitCode::from(2)
}
