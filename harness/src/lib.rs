//! loginproof: proves that command-line agents sign in, stay signed in, and read their streams correctly.

pub mod baseline;
pub mod report;
pub mod verdict;
/// What a run tells.
pub mod run {
    pub mod event;
}
