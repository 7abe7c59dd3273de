//! client
/// The command line.
pub mod cli {
    /// main
    pub fn main(_a: impl Iterator<Item = std::ffi::OsString>) -> std::process::ExitCode {
        std::process::ExitCode::from(89)
    }
}
