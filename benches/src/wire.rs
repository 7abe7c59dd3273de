//! Events as other stacks decode them: into which types, from the same bytes.

use std::borrow::Cow;

use serde::Deserialize;

/// The event that Codex decodes into (`codex-api`, `ResponsesStreamEvent`).
#[derive(Deserialize)]
#[expect(dead_code, reason = "decoded to be measured")]
pub(crate) struct CodexEvent {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) headers: Option<serde_json::Value>,
    pub(crate) metadata: Option<serde_json::Value>,
    pub(crate) response: Option<serde_json::Value>,
    pub(crate) item: Option<serde_json::Value>,
    pub(crate) item_id: Option<String>,
    pub(crate) call_id: Option<String>,
    pub(crate) delta: Option<String>,
    pub(crate) summary_index: Option<i64>,
    pub(crate) content_index: Option<i64>,
}

/// The textbook way: an enum tagged by `type`.
#[derive(Deserialize)]
#[serde(tag = "type")]
pub(crate) enum Tagged<'a> {
    #[serde(rename = "response.output_text.delta")]
    Text { output_index: usize, delta: String },
    #[serde(rename = "response.reasoning_summary_text.delta")]
    Summary {
        output_index: usize,
        summary_index: usize,
        delta: String,
    },
    #[serde(rename = "response.function_call_arguments.delta")]
    Arguments { output_index: usize, delta: String },
    #[serde(rename = "response.completed")]
    Completed {
        #[serde(borrow)]
        response: Whole<'a>,
    },
    #[serde(other)]
    Other,
}

/// A delta, borrowed: for those who know its type from the event's name.
#[derive(Deserialize)]
pub(crate) struct Delta<'a> {
    pub(crate) output_index: usize,
    #[serde(default)]
    pub(crate) summary_index: usize,
    #[serde(borrow)]
    pub(crate) delta: Cow<'a, str>,
}

/// The terminal event.
#[derive(Deserialize)]
pub(crate) struct Completed<'a> {
    #[serde(borrow)]
    pub(crate) response: Whole<'a>,
}

/// The response in the terminal event.
#[derive(Deserialize)]
pub(crate) struct Whole<'a> {
    #[serde(borrow)]
    pub(crate) output: Vec<Item<'a>>,
}

/// An item of the output.
#[derive(Deserialize)]
pub(crate) struct Item<'a> {
    #[serde(borrow, default)]
    pub(crate) content: Vec<Part<'a>>,
    #[serde(borrow, default)]
    pub(crate) summary: Vec<Part<'a>>,
    #[serde(borrow, default)]
    pub(crate) arguments: Option<Cow<'a, str>>,
}

/// A part of an item.
#[derive(Deserialize)]
pub(crate) struct Part<'a> {
    #[serde(borrow)]
    pub(crate) text: Cow<'a, str>,
}
