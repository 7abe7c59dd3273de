//! Mock servers that speak OAuth and the Responses API, with state, byte-exact fixtures, faults and a journal.

pub mod authorization;
pub mod fault;
pub mod message;
pub mod script;
pub mod span;
