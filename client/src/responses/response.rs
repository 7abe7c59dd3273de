//! A response that has ended: its outcome, its items, and the answer in them.

use serde_json::Value;

use super::event::Channel;
use super::item::{Content, FunctionCall, Item, Phase};
use crate::error_body::integer;
use crate::failure::Failure;

/// How a response ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// As it should.
    Completed,
    /// Cut short: what there is, is kept.
    Incomplete(IncompleteReason),
    /// By a failure.
    Failed(Failure),
    /// Cancelled by somebody.
    Cancelled,
}

/// Why a response was cut short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IncompleteReason {
    /// The limit of output tokens.
    MaxOutputTokens,
    /// The content filter.
    ContentFilter,
    /// Another reason, in the server's words.
    Other(String),
    /// None given.
    Unstated,
}

impl IncompleteReason {
    /// Reads the reason from a response object.
    pub(super) fn read(response: &Value) -> Self {
        match response
            .get("incomplete_details")
            .and_then(|details| details.get("reason"))
            .and_then(Value::as_str)
        {
            Some("max_output_tokens") => Self::MaxOutputTokens,
            Some("content_filter") => Self::ContentFilter,
            Some(other) => Self::Other(crate::redact::one_line(other, 64)),
            None => Self::Unstated,
        }
    }

    /// The server's name of the reason.
    pub fn name(&self) -> &str {
        match self {
            Self::MaxOutputTokens => "max_output_tokens",
            Self::ContentFilter => "content_filter",
            Self::Other(name) => name,
            Self::Unstated => "no reason given",
        }
    }
}

/// Token counts; what the server leaves out is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens read.
    pub input: Option<i64>,
    /// Of these, read from the cache.
    pub cached: Option<i64>,
    /// Tokens written.
    pub output: Option<i64>,
    /// Of these, spent on reasoning.
    pub reasoning: Option<i64>,
}

impl Usage {
    /// Reads the counts, whatever is missing or oddly typed.
    pub(super) fn read(usage: Option<&Value>) -> Self {
        let get = |path: &[&str]| {
            let found = path.iter().try_fold(usage?, |value, name| value.get(*name));
            found.and_then(integer)
        };
        Self {
            input: get(&["input_tokens"]),
            cached: get(&["input_tokens_details", "cached_tokens"]),
            output: get(&["output_tokens"]),
            reasoning: get(&["output_tokens_details", "reasoning_tokens"]),
        }
    }
}

/// Something odd in a stream that did not keep it from being understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Deltas add up to another text than the event that declares it whole.
    TextDiffers {
        /// The item.
        output_index: Option<u64>,
        /// The text within it.
        channel: Channel,
    },
    /// The whole item differs from what was streamed of it.
    ItemDiffers {
        /// The item.
        output_index: Option<u64>,
    },
    /// The item in the response at the end differs from what had come of it before.
    ResponseDiffers {
        /// The item.
        output_index: Option<u64>,
    },
    /// A call that names no tool was dropped.
    CallWithoutName {
        /// The item.
        output_index: Option<u64>,
    },
    /// A call that cannot be answered was dropped.
    CallWithoutId {
        /// The item.
        output_index: Option<u64>,
    },
    /// The data of an event was no JSON object.
    NotJson,
}

/// A response that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// Its id.
    pub id: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Its output, in order.
    pub items: Vec<Item>,
    /// Token counts.
    pub usage: Usage,
    /// Oddities.
    pub facts: Vec<Fact>,
}

impl Response {
    /// The answer: the text of the final messages, or of all that are not commentary. Parts are joined as they are,
    /// messages by a line feed. A refusal is text too.
    pub fn text(&self) -> String {
        let messages = |wanted: fn(Phase) -> bool| -> Vec<String> {
            let messages = self.items.iter().filter_map(|item| match item {
                Item::Message { content, phase } if wanted(*phase) => Some(content),
                _ => None,
            });
            let join =
                |content: &Vec<Content>| content.iter().map(Content::text).collect::<String>();
            messages.map(join).filter(|text| !text.is_empty()).collect()
        };
        let is_final = |item: &Item| {
            matches!(
                item,
                Item::Message {
                    phase: Phase::FinalAnswer,
                    ..
                }
            )
        };
        let texts = if self.items.iter().any(is_final) {
            messages(|phase| phase == Phase::FinalAnswer)
        } else {
            messages(|phase| phase != Phase::Commentary)
        };
        texts.join("\n")
    }

    /// Puts text before the answer's own.
    pub(crate) fn put_before(&mut self, text: &str) {
        let message = self.items.iter_mut().find_map(|item| match item {
            Item::Message { content, .. } => Some(content),
            _ => None,
        });
        if let Some(content) = message {
            content.insert(0, Content::Text(text.to_owned()));
        }
    }

    /// Whether the model declined in any part.
    pub fn is_refusal(&self) -> bool {
        let refuses = |part: &Content| matches!(part, Content::Refusal(text) if !text.is_empty());
        self.items.iter().any(
            |item| matches!(item, Item::Message { content, .. } if content.iter().any(refuses)),
        )
    }

    /// The calls to answer, in order.
    pub fn calls(&self) -> impl Iterator<Item = &FunctionCall> {
        self.items.iter().filter_map(|item| match item {
            Item::Call(call) => Some(call),
            _ => None,
        })
    }
}
