//! loginproof: the runner and the command line.

/// The command line.
pub mod cli {
    pub mod enter;
}
pub mod sandbox;
pub mod terminal;
