//! Responses streams: events read leniently, responses put together from them, failures told apart.

mod assembly;
pub mod chat;
mod classify;
mod event;
mod item;
mod lean;
mod quick;
mod reader;
mod request;
mod response;
mod scan;
mod slot;
mod template;
mod text;
pub mod translate;

pub use assembly::Assembly;
pub(crate) use classify::names_a_policy;
pub use classify::{classify_answer, classify_error, failure_of_response};
pub use event::{Channel, Event, Place};
pub use item::{CallKind, Content, FunctionCall, Item, Phase};
pub use reader::{Delta, ReadError, Reader, Seen, read_stream};
pub(crate) use request::run_tool;
pub use request::{ECHO_TOOL, Input, Request};
pub use response::{Fact, IncompleteReason, Outcome, Response, Usage};
