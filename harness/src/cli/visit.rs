//! `loginproof visit URL`, not shown in the help: the person's browser, where a program in a namespace waits for it.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use crate::run::callback::{NOBODY, browser, visit};

/// The harness has a bound of its own; this one ends a browser whose harness is gone.
const BOUND: Duration = Duration::from_secs(60);

/// Opens the address.
pub(super) fn main(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let url = args.next().and_then(|url| url.into_string().ok());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let (Some(url), Ok(runtime)) = (url, runtime) else {
        return ExitCode::from(2);
    };
    match runtime.block_on(visit(&browser(), &url, BOUND)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(NOBODY),
    }
}
