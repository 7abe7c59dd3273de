//! Targets: programs under test, and how they are run.

pub mod answer;
pub mod command;
pub mod flow;
pub mod load;
pub mod model;
pub mod placeholders;
mod source;
pub mod store;
mod validate;
pub mod version;
pub mod words;

pub use command::CommandKind;
pub use flow::Flow;
pub use load::{Target, TargetError};
