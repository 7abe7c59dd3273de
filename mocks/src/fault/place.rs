//! Places in an answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A place in an answer. Events are counted as they go out, after faults on events have acted; bytes too.
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
