//! loginproof: proves that command-line agents sign in, stay signed in, and read their streams correctly.

pub mod baseline;
/// The command line.
pub mod cli {
    pub mod doctor;
    pub mod enter;
    pub mod install;
    pub mod schema;
}
pub mod report;
pub mod sandbox;
pub mod terminal;
pub mod verdict;
/// What a run tells.
pub mod run {
    pub mod event;
}
