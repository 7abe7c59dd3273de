//! Streams for benchmarks, generated: the same bytes on every machine and on every run.

pub mod stream;
