//! Proof that the checks can fail: the suite against the reference client with each of its named defects.
//!
//! A defect is killed when a check that passes without it does not pass with it. What passes without it is found by
//! a control: the same program, started the same way, with a variable that names no defect.

mod document;
mod matrix;
mod play;
mod table;
mod unkilled;

pub use document::Document;
pub use matrix::{CheckName, Kill, Matrix, Trial};
pub use play::{Bench, Observed, Place, Seen};
pub use table::table;
pub use unkilled::{Excuse, Excuses};
