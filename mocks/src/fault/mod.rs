//! Faults: what can happen to an answer on its way out. One file per fault; the struct is the configuration.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One fault. In a scenario: `- chunk: { size: 7 }`, `- bom`, `- line-ends: crlf`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// A UTF-8 byte order mark before the body.
    Bom,
}

/// A place in an answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Before the status line.
    Start,
    /// After the headers, before the body.
    Head,
    /// After the last byte of the body, before its framing ends.
    End,
    /// Before the event with this index, counted from 0.
    Event(usize),
    /// Before the body's byte with this index, counted from 0.
    Byte(usize),
    /// Before the first event of this type.
    Before(String),
    /// After the first event of this type.
    After(String),
}
