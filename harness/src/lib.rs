//! loginproof: proves that command-line agents sign in, stay signed in, and read their streams correctly.

pub mod baseline;
pub mod bench;
pub mod check;
pub mod cli;
pub mod file_error;
pub(crate) mod filter_form;
pub mod mutants;
pub mod report;
pub mod run;
pub mod sandbox;
pub mod scenario;
pub mod target;
pub mod terminal;
pub mod verdict;
