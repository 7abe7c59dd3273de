//! The reference client: signs in by device code, keeps its tokens alive, and reads Responses streams.
//!
//! Protocol logic is values in, values out: [`sse`], [`responses`], [`oauth`] and [`failure`] know no sockets, no files
//! and no clock of their own. [`transport`] and [`store`] are the edges, [`session`] joins them, [`cli`] is the program.

#![forbid(unsafe_code)]
#![expect(
    clippy::result_large_err,
    reason = "a failure carries what a person needs to act on it, and none is made on a hot path"
)]

pub mod answer;
pub mod cli;
pub mod defect;
pub mod error_body;
pub mod failure;
pub mod oauth;
pub mod redact;
pub mod responses;
pub mod session;
pub mod sse;
pub mod store;
pub mod transport;
