//! Streams for benchmarks.

pub use loginproof_streams as stream;
