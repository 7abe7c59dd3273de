//! What the vendor's Responses endpoint takes, and its words for what it does not (responses.md §4c).

use std::collections::HashSet;

use serde_json::{Value, json};

/// Which endpoint is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// The backend that ChatGPT accounts use: strict about the request as a whole.
    ChatGpt,
    /// The public API: anything that it documents, as long as the input is sound.
    PublicApi,
}

/// Why a request was not taken. Always status 400.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection(Value);

impl Rejection {
    /// The JSON body of the answer.
    #[must_use]
    pub fn body(&self) -> &Value {
        &self.0
    }

    /// The ChatGPT backend's own shape.
    fn detail(text: impl Into<String>) -> Self {
        Self(json!({ "detail": text.into() }))
    }

    /// The shape of the API behind both.
    fn error(message: impl Into<String>, param: impl Into<String>, code: Option<&str>) -> Self {
        Self(json!({"error": {
            "message": message.into(),
            "type": "invalid_request_error",
            "param": param.into(),
            "code": code,
        }}))
    }
}

impl Profile {
    /// The body that answers a request that cannot be read at all.
    pub(super) fn unreadable(self, why: &str) -> Value {
        match self {
            Self::ChatGpt => json!({ "detail": why }),
            Self::PublicApi => {
                json!({"error": {"message": why, "type": "invalid_request_error", "param": null, "code": null}})
            }
        }
    }
}

/// Checks a request. Fields that no rule names may be there with any value, as the vendor adds some all the time.
///
/// # Errors
///
/// The first rule that the request breaks.
pub fn check(profile: Profile, request: &Value) -> Result<(), Rejection> {
    if profile == Profile::ChatGpt {
        not_stored(request)?;
        streamed(request)?;
        supported_parameters(request)?;
        service_tier(request)?;
    }
    let Some(items) = input(profile, request)? else {
        return Ok(());
    };
    if profile == Profile::ChatGpt {
        no_system_messages(items)?;
    }
    for (index, item) in items.iter().enumerate() {
        item_id(index, item)?;
        content_types(index, item)?;
        call_fields(index, item)?;
        if profile == Profile::PublicApi {
            reasoning_followed(item, items.get(index + 1))?;
        }
    }
    // Calls and outputs of earlier turns are with the server, not in this request.
    if request["previous_response_id"].is_string() {
        Ok(())
    } else {
        paired(items)
    }
}

/// Checks a turn over a WebSocket, with the calls of the response before it. There the transport is no matter of the
/// request, and responses that are known to the connection may be gone on from.
///
/// # Errors
///
/// The first rule that the request breaks.
pub(crate) fn check_turn(profile: Profile, turn: &Value, calls: &[Value]) -> Result<(), Rejection> {
    let mut request = turn.clone();
    if let Some(members) = request.as_object_mut() {
        for name in ["type", "generate", "background", "previous_response_id"] {
            members.remove(name);
        }
        members.insert("stream".to_owned(), true.into());
    }
    if let Some(items) = request["input"].as_array_mut() {
        items.splice(0..0, calls.iter().cloned());
    }
    check(profile, &request)
}

/// Whether an item is a call that has to be answered.
pub(crate) fn is_call(item: &Value) -> bool {
    TOOLS.iter().any(|tool| tool.call == kind(item))
}

fn not_stored(request: &Value) -> Result<(), Rejection> {
    // openai/codex#26173. The documented default is true, so leaving it out does not do.
    if request["store"] == false {
        Ok(())
    } else {
        Err(Rejection::detail("Store must be set to false"))
    }
}

fn streamed(request: &Value) -> Result<(), Rejection> {
    if request["stream"] == true {
        Ok(())
    } else {
        Err(Rejection::detail("Stream must be set to true"))
    }
}

fn supported_parameters(request: &Value) -> Result<(), Rejection> {
    let named = UNSUPPORTED
        .iter()
        .find(|name| request.get(**name).is_some_and(|value| !value.is_null()));
    named.map_or(Ok(()), |name| {
        Err(Rejection::detail(format!("Unsupported parameter: {name}")))
    })
}

fn service_tier(request: &Value) -> Result<(), Rejection> {
    match request.get("service_tier") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(tier)) if tier == "priority" || tier == "flex" => Ok(()),
        Some(tier) => Err(Rejection::detail(format!(
            "Unsupported service_tier: {}",
            plain(tier)
        ))),
    }
}

/// The items of the input; None if it is a plain string, which the public API takes.
fn input(profile: Profile, request: &Value) -> Result<Option<&[Value]>, Rejection> {
    match (profile, request.get("input")) {
        (_, Some(Value::Array(items))) => Ok(Some(items)),
        (Profile::ChatGpt, _) => Err(Rejection::detail("Input must be a list")),
        (Profile::PublicApi, Some(Value::String(_))) => Ok(None),
        (Profile::PublicApi, None | Some(Value::Null)) => Err(missing("input")),
        (Profile::PublicApi, Some(_)) => Err(Rejection::error(
            "Invalid type for 'input': expected a string or a list.",
            "input",
            Some("invalid_type"),
        )),
    }
}

fn no_system_messages(items: &[Value]) -> Result<(), Rejection> {
    // Developer messages are fine.
    let found = items.iter().any(|item| item["role"] == "system");
    if found {
        Err(Rejection::detail("System messages are not allowed"))
    } else {
        Ok(())
    }
}

/// An item's id begins with what its type calls for, and is not overlong.
fn item_id(index: usize, item: &Value) -> Result<(), Rejection> {
    let Some(id) = item["id"].as_str() else {
        return Ok(());
    };
    let param = format!("input[{index}].id");
    let length = id.chars().count();
    if length > LONGEST_ID {
        let message = format!(
            "Invalid '{param}': string too long. Expected a string with maximum length {LONGEST_ID}, but got a string with length {length} instead."
        );
        return Err(Rejection::error(
            message,
            param,
            Some("string_above_max_length"),
        ));
    }
    let prefix = match kind(item) {
        "message" => "msg",
        "function_call" => "fc",
        "reasoning" => "rs",
        _ => return Ok(()),
    };
    if id.starts_with(prefix) {
        return Ok(());
    }
    let message = format!("Invalid '{param}': '{id}'. Expected an ID that begins with '{prefix}'.");
    Err(Rejection::error(message, param, Some("invalid_value")))
}

/// What a person said is input text, what the model said is output text.
fn content_types(index: usize, item: &Value) -> Result<(), Rejection> {
    let (wrong, supported) = match (kind(item), item["role"].as_str()) {
        ("message", Some("assistant")) => ("input_text", "'output_text' and 'refusal'"),
        ("message", Some("user" | "developer" | "system")) => (
            "output_text",
            "'input_text', 'input_image' and 'input_file'",
        ),
        _ => return Ok(()),
    };
    let parts = item["content"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    parts
        .iter()
        .position(|part| part["type"] == wrong)
        .map_or(Ok(()), |part| {
            let message = format!("Invalid value: '{wrong}'. Supported values are: {supported}.");
            Err(Rejection::error(
                message,
                format!("input[{index}].content[{part}]"),
                Some("invalid_value"),
            ))
        })
}

/// A call and an output say which call they are of, and an output has something to say.
fn call_fields(index: usize, item: &Value) -> Result<(), Rejection> {
    let Some(tool) = TOOLS
        .iter()
        .find(|tool| tool.call == kind(item) || tool.output == kind(item))
    else {
        return Ok(());
    };
    let mut required = vec!["call_id"];
    if tool.output == kind(item) {
        required.push("output");
    }
    let absent = required.into_iter().find(|name| item[*name].is_null());
    absent.map_or(Ok(()), |name| {
        Err(missing(&format!("input[{index}].{name}")))
    })
}

/// A reasoning item belongs to what the model did next.
fn reasoning_followed(item: &Value, next: Option<&Value>) -> Result<(), Rejection> {
    let Some(id) = item["id"].as_str().filter(|_| kind(item) == "reasoning") else {
        return Ok(());
    };
    let models_own = next.is_some_and(|next| match kind(next) {
        "message" => next["role"] == "assistant",
        other => !other.ends_with("_output"),
    });
    if models_own {
        return Ok(());
    }
    let message = format!(
        "Item '{id}' of type 'reasoning' was provided without its required following item."
    );
    Err(Rejection::error(message, "input", None))
}

/// Every call has its output and every output its call, matched by `call_id`.
fn paired(items: &[Value]) -> Result<(), Rejection> {
    for tool in &TOOLS {
        let ids = |wanted: &'static str| {
            items
                .iter()
                .filter(move |item| kind(item) == wanted)
                .filter_map(|item| item["call_id"].as_str())
        };
        let outputs: HashSet<&str> = ids(tool.output).collect();
        let calls: HashSet<&str> = ids(tool.call).collect();
        if let Some(id) = ids(tool.call).find(|id| !outputs.contains(id)) {
            return Err(Rejection::error(
                format!("No tool output found for {} {id}.", tool.name),
                "input",
                None,
            ));
        }
        if let Some(id) = ids(tool.output).find(|id| !calls.contains(id)) {
            let message = format!(
                "No tool call found for {} output with call_id {id}.",
                tool.name
            );
            return Err(Rejection::error(message, "input", None));
        }
    }
    Ok(())
}

/// An item without a type is a message.
fn kind(item: &Value) -> &str {
    item["type"].as_str().unwrap_or("message")
}

fn missing(param: &str) -> Rejection {
    Rejection::error(
        format!("Missing required parameter: '{param}'."),
        param,
        Some("missing_required_parameter"),
    )
}

/// A value as it reads in a sentence.
fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// A pair of item types that belong together.
struct Tool {
    call: &'static str,
    output: &'static str,
    name: &'static str,
}

const TOOLS: [Tool; 3] = [
    Tool {
        call: "function_call",
        output: "function_call_output",
        name: "function call",
    },
    Tool {
        call: "custom_tool_call",
        output: "custom_tool_call_output",
        name: "custom tool call",
    },
    Tool {
        call: "local_shell_call",
        output: "local_shell_call_output",
        name: "local shell call",
    },
];

const LONGEST_ID: usize = 64;

/// Parameters of the public API that the ChatGPT backend does not take over HTTP.
const UNSUPPORTED: [&str; 17] = [
    "messages",
    "max_output_tokens",
    "max_tool_calls",
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "metadata",
    "user",
    "safety_identifier",
    "background",
    "stream_options",
    "truncation",
    "top_logprobs",
    "response_format",
    "previous_response_id",
];

#[cfg(test)]
mod tests;
