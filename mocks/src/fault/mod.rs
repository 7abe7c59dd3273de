//! Faults: what can happen to an answer on its way out. One file per fault; the struct is the configuration.
//!
//! The order in which faults act follows from what they act on, whatever their order in the list: the
//! events, then the bytes, the content coding, the head, the chunks, the timing, the ending. Faults of
//! one stage act in the order of the list.

mod close;
mod place;
mod stall;

pub use close::{Close, How};
pub use place::Place;
pub use stall::{Stall, Time};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::Draft;

/// One fault. In a scenario: `- chunk: { size: 7 }`, `- bom`, `- line-ends: crlf`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Silence at a place.
    Stall(Stall),
    /// The connection ends at a place.
    Close(Close),
}

impl Fault {
    /// What is wrong with its configuration, if anything.
    pub(crate) fn problem(&self) -> Option<String> {
        None
    }
}

/// Lets all faults act on an answer. Gives back what found nothing to act on.
pub(crate) fn apply(faults: &[Fault], draft: &mut Draft) -> Vec<String> {
    let act = |fault: &Fault| match fault {
        Fault::Stall(fault) => fault.apply(draft),
        Fault::Close(fault) => fault.apply(draft),
    };
    faults.iter().map(act).filter_map(Result::err).collect()
}
