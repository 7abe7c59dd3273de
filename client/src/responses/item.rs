//! Items of a response's output, as the client uses them.

use serde_json::{Value, json};

/// What a message part says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The model's text.
    Text(String),
    /// The model declines.
    Refusal(String),
}

impl Content {
    /// The text, whichever kind it is.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Refusal(text) => text,
        }
    }
}

/// Whether a message is meant as the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Not said.
    #[default]
    Unknown,
    /// Remarks on the way.
    Commentary,
    /// The answer.
    FinalAnswer,
}

/// The two kinds of call that the client answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// JSON arguments.
    Function,
    /// Free text.
    Custom,
}

/// A call that the client has to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionCall {
    /// Function or custom tool.
    pub kind: CallKind,
    /// Pairs the call with its output. Not the item's id.
    pub call_id: String,
    /// The tool's name.
    pub name: String,
    /// JSON arguments, or the free text of a custom tool.
    pub arguments: String,
}

/// One item of the output.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A message of the model.
    Message {
        /// Its parts in order.
        content: Vec<Content>,
        /// What it is meant as.
        phase: Phase,
    },
    /// The model's reasoning.
    Reasoning {
        /// Summaries in order.
        summary: Vec<String>,
        /// Raw reasoning text, where the server gives it.
        text: Vec<String>,
        /// The sealed form that can be sent back.
        encrypted: Option<String>,
    },
    /// A call to answer.
    Call(FunctionCall),
    /// An item of another type, as it came.
    Other(Value),
}

impl Item {
    /// The item as part of the next request's input, if it can be sent back with `store: false`.
    ///
    /// Ids are left out: the server has kept nothing they could refer to.
    pub fn to_input(&self) -> Option<Value> {
        Some(match self {
            Self::Message { content, .. } => {
                let parts: Vec<Value> = content
                    .iter()
                    .map(|part| match part {
                        Content::Text(text) => json!({ "type": "output_text", "text": text }),
                        Content::Refusal(text) => json!({ "type": "refusal", "refusal": text }),
                    })
                    .collect();
                json!({ "type": "message", "role": "assistant", "content": parts })
            }
            Self::Reasoning {
                summary, encrypted, ..
            } => {
                let encrypted = encrypted.as_ref()?;
                let summary: Vec<Value> = summary
                    .iter()
                    .map(|text| json!({ "type": "summary_text", "text": text }))
                    .collect();
                json!({ "type": "reasoning", "summary": summary, "encrypted_content": encrypted })
            }
            Self::Call(call) => match call.kind {
                CallKind::Function => json!({
                    "type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments,
                }),
                CallKind::Custom => json!({
                    "type": "custom_tool_call", "call_id": call.call_id, "name": call.name, "input": call.arguments,
                }),
            },
            Self::Other(_) => return None,
        })
    }
}

impl FunctionCall {
    /// The output of this call as part of the next request's input.
    pub fn output(&self, output: &str) -> Value {
        let kind = match self.kind {
            CallKind::Function => "function_call_output",
            CallKind::Custom => "custom_tool_call_output",
        };
        json!({ "type": kind, "call_id": self.call_id, "output": output })
    }
}
