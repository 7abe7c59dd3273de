//! Our own servers against the specifications, as a stranger's client sees them: over sockets, with readers of others.
//!
//! One file for each specification, one test for each rule, the clause in front of it. The words come from the
//! documents, not from the code behind the sockets. Where a server does otherwise because the vendor whom it plays
//! does, the test says so and holds it to the vendor's way.
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    reason = "a test says what went wrong by its panic"
)]

mod chatgpt;
mod outside;
mod responses_requests;
mod responses_stream;
mod rfc6749;
mod rfc7009;
mod rfc7636;
mod rfc8414;
mod rfc8628;
mod rfc9110;
mod rfc9112;
mod rfc9113;
mod rfc9700;
