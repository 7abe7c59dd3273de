//! Proof that the checks can fail: the suite against the reference client with each of its named defects.
//!
//! A defect is killed when a check that passes without it does not pass with it, and again when the defect is given by
//! its number. What passes without it is found by a control: the same program, started the same way, with a defect that
//! does nothing.

mod document;
mod lint;
mod matrix;
mod observed;
mod play;
mod proof;
mod search;
mod table;
mod unkilled;

pub use document::Document;
pub use lint::lint;
pub use matrix::{CheckName, Kill, Matrix, Trial};
pub use observed::{Observed, Place, Seen};
pub use play::{Bench, cites};
pub use proof::Wanting;
pub use search::{Breadth, Findings, Search};
pub use table::table;
pub use unkilled::{Excuses, Reason};
