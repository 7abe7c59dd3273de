//! Mock servers that speak OAuth and the Responses API, with state, byte-exact fixtures, faults and a journal.

#![forbid(unsafe_code)]

mod answering;
pub mod authorization;
pub mod backend;
mod conversation;
mod egress;
pub mod endpoint;
mod event_stream;
pub mod fault;
pub mod fixture;
pub mod gate;
pub mod hosts;
pub mod journal;
mod matcher;
pub mod message;
pub mod net;
pub mod one_of;
mod plan;
mod responder;
pub mod routes;
mod rulebook;
pub mod script;
pub mod server;
pub mod span;
mod template;
mod websocket;

pub use authorization::AuthorizationServer;
pub use fixture::{Fixture, FixtureError, FixtureProblem, Fixtures, lint_fixture};
pub use gate::Gates;
pub use journal::{
    Attempt, AttemptKind, Ending, Exchange, FailedHandshake, Frame, Journal, Opcode,
    RecordedAnswer, RecordedRequest,
};
pub use rulebook::{ScriptProblem, validate};
pub use server::{MockServer, ServerConfig, StartError};
