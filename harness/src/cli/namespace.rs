//! `loginproof namespace`, not shown in the help: makes the network that a scenario's programs live in, for the harness
//! at the other end of standard input.

use std::ffi::OsString;
use std::process::ExitCode;

/// Does its work before this process has a second thread. The arguments are ports of loopback that shall be in use.
#[cfg(target_os = "linux")]
pub(super) fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let taken: Vec<u16> = arguments
        .filter_map(|port| port.to_str()?.parse().ok())
        .collect();
    ExitCode::from(crate::sandbox::namespace::helper::main(&taken))
}

/// There is none.
#[cfg(not(target_os = "linux"))]
pub(super) fn main(_arguments: impl Iterator<Item = OsString>) -> ExitCode {
    ExitCode::from(3)
}
