//! Targets: programs under test, and how they are run.

pub mod load;
pub mod model;
pub mod placeholders;
pub mod store;
pub mod version;

pub use load::{Target, TargetError};
