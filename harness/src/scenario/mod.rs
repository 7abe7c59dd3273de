//! Scenarios: their format, and how they are loaded.

pub mod cases;
pub mod load;
pub mod model;
pub mod suite;
mod validate;
mod ways;

pub use load::{Loaded, load};
pub use model::Scenario;
pub use suite::{Suite, SuiteError};
