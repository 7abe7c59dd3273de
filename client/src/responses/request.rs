//! Requests to the Responses endpoint, within the limits of the ChatGPT backend: a list as input, a stream as answer,
//! nothing stored, and none of the parameters that it refuses.

use serde_json::{Value, json};

use super::response::Response;

use crate::defect::{self, Defect};

/// The one tool that the client offers: it returns what it is given.
pub const ECHO_TOOL: &str = "echo";

/// The conversation so far, as the input list of the next request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Input(Vec<Value>);

/// What the model is told to be.
pub(super) const INSTRUCTIONS: &str =
    "You are a helpful assistant on a command line. Answer briefly.";

/// The parameters of the one tool, as a JSON Schema.
pub(super) fn echo_parameters() -> Value {
    json!({
        "type": "object",
        "properties": { "text": { "type": "string" } },
        "required": ["text"],
        "additionalProperties": false,
    })
}

impl Input {
    /// The items, in order.
    pub(super) fn items(&self) -> &[Value] {
        &self.0
    }

    /// Leaves out reasoning: it is sealed for the account whose turn it was.
    pub fn forget_reasoning(&mut self) {
        self.0.retain(|item| item["type"] != "reasoning");
    }

    /// A conversation that begins with a prompt.
    pub fn prompt(text: &str) -> Self {
        let content = json!([{ "type": "input_text", "text": text }]);
        Self(vec![
            json!({ "type": "message", "role": "user", "content": content }),
        ])
    }

    /// The items that a connection knows once it has given this response to this conversation.
    pub(crate) fn known_with(&self, response: &Response) -> Vec<Value> {
        let output = response
            .items
            .iter()
            .filter_map(super::item::Item::to_input);
        if defect::active(Defect::FullReplayAfterCall) && response.calls().next().is_some() {
            return vec![Value::Null];
        }
        self.0.iter().cloned().chain(output).collect()
    }

    /// Whether the conversation begins with these items.
    pub(crate) fn begins_with(&self, items: &[Value]) -> bool {
        self.0.starts_with(items)
    }

    /// Adds a response and the outputs of its calls: first all items of the response, then all outputs.
    ///
    /// Every call gets an output and every output has its call, or the server refuses the request.
    pub fn extend(
        &mut self,
        response: &Response,
        mut run: impl FnMut(&super::item::FunctionCall) -> String,
    ) {
        self.0.extend(
            response
                .items
                .iter()
                .filter_map(super::item::Item::to_input),
        );
        self.0
            .extend(response.calls().map(|call| call.output(&run(call))));
    }
}

/// One request.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The model.
    pub model: &'a str,
    /// The conversation.
    pub input: &'a Input,
    /// Whether it is to be served before others, at a higher price.
    pub fast: bool,
}

impl Request<'_> {
    /// The body. Serialised once, so that a replay is the same byte for byte.
    ///
    /// ```
    /// use loginproof_client::responses::{Input, Request};
    /// let body = Request { model: "m", input: &Input::prompt("Say hello."), fast: false }.body();
    /// assert!(body.contains(r#""stream":true,"store":false"#));
    /// ```
    pub fn body(&self) -> String {
        if defect::active(Defect::FrameSentOverHttp) {
            return self.frame(None);
        }
        self.json(&self.input.0).to_string()
    }

    /// The same as a frame of a WebSocket. With `after`, the id of a response that the connection knows, it goes on from
    /// there: the first items of the conversation, so many, are left out.
    ///
    /// ```
    /// use loginproof_client::responses::{Input, Request};
    /// let frame = Request { model: "m", input: &Input::prompt("p"), fast: false }.frame(Some(("resp_1", 1)));
    /// assert!(frame.contains(r#""input":[]"#) && frame.contains(r#""previous_response_id":"resp_1""#));
    /// ```
    pub fn frame(&self, after: Option<(&str, usize)>) -> String {
        let skipped = match after {
            Some((_, known)) if !defect::active(Defect::HistorySentTwice) => known,
            _ => 0,
        };
        let mut frame = create(self.json(self.input.0.get(skipped..).unwrap_or_default()));
        if let Some((id, _)) = after {
            frame["previous_response_id"] = id.into();
        }
        frame.to_string()
    }

    /// A frame that asks for nothing yet: the connection learns what all requests have in common.
    pub fn warm_up(&self) -> String {
        let mut frame = create(self.json(&[]));
        frame["generate"] = false.into();
        frame.to_string()
    }

    fn json(&self, input: &[Value]) -> Value {
        let mut body = json!({
            "model": self.model,
            "instructions": INSTRUCTIONS,
            "input": input,
            "tools": [{
                "type": "function",
                "name": ECHO_TOOL,
                "description": "Returns its text unchanged.",
                "strict": false,
                "parameters": echo_parameters(),
            }],
            "tool_choice": "auto",
            "parallel_tool_calls": true,
            "stream": true,
            "store": false,
            "include": ["reasoning.encrypted_content"],
        });
        if defect::active(Defect::ResponsesStored) {
            body["store"] = true.into();
        }
        // The backend knows no other tier by name; leaving it out is the ordinary one.
        if self.fast {
            body["service_tier"] = "priority".into();
        }
        body
    }
}

/// The members of a request, as the event that carries them.
fn create(request: Value) -> Value {
    let mut frame = json!({ "type": "response.create" });
    if let (Value::Object(frame), Value::Object(request)) = (&mut frame, request) {
        frame.extend(request);
    }
    frame
}

/// What a call returns: the text for `echo`, a plain refusal for a tool that does not exist here.
pub(crate) fn run_tool(call: &super::item::FunctionCall) -> String {
    if call.name != ECHO_TOOL {
        return format!("unsupported call: {}", call.name);
    }
    if call.kind == super::item::CallKind::Custom {
        return call.arguments.clone();
    }
    match serde_json::from_str::<Value>(&call.arguments) {
        Ok(arguments) => arguments
            .get("text")
            .and_then(Value::as_str)
            .map_or_else(|| call.arguments.clone(), str::to_owned),
        Err(_) => format!("invalid arguments for {ECHO_TOOL}: not JSON"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::item::{CallKind, FunctionCall, Item};
    use super::super::response::{Outcome, Usage};
    use super::*;

    fn call(name: &str, arguments: &str) -> FunctionCall {
        FunctionCall {
            kind: CallKind::Function,
            call_id: format!("call_{name}"),
            name: name.into(),
            arguments: arguments.into(),
        }
    }

    #[test]
    fn all_calls_stand_before_all_outputs_and_pair_by_call_id() {
        let response = Response {
            id: None,
            outcome: Outcome::Completed,
            items: vec![
                Item::Call(call("echo", r#"{"text":"x"}"#)),
                Item::Call(call("get_weather", "{}")),
            ],
            usage: Usage::default(),
            facts: Vec::new(),
        };
        let mut input = Input::prompt("p");
        input.extend(&response, run_tool);
        let read: Vec<_> = input.0[1..]
            .iter()
            .map(|i| (i["type"].as_str().unwrap(), i["call_id"].as_str().unwrap()))
            .collect();
        assert_eq!(
            read,
            [
                ("function_call", "call_echo"),
                ("function_call", "call_get_weather"),
                ("function_call_output", "call_echo"),
                ("function_call_output", "call_get_weather"),
            ]
        );
        assert_eq!(input.0[3]["output"], "x");
        assert_eq!(input.0[4]["output"], "unsupported call: get_weather");
    }
}
