//! `loginproof namespace`, not shown in the help: makes the network that a scenario's programs live in, for the harness
//! at the other end of standard input.

use std::process::ExitCode;

/// Does its work before this process has a second thread.
#[cfg(target_os = "linux")]
pub(super) fn main() -> ExitCode {
    ExitCode::from(crate::sandbox::namespace::helper::main())
}

/// There is none.
#[cfg(not(target_os = "linux"))]
pub(super) fn main() -> ExitCode {
    ExitCode::from(3)
}
