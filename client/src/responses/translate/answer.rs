//! The answer: a response as a chat completion, whole or in chunks.

use serde_json::{Map, Value, json};

use crate::defect::{self, Defect};
use crate::failure::Failure;
use crate::responses::item::{CallKind, Content, FunctionCall, Item};
use crate::responses::response::{IncompleteReason, Outcome, Response, Usage};

/// The answer to a request that asks for it whole. `created` is in Unix seconds.
///
/// # Errors
/// A response that failed or was cancelled is no answer: the failure, or none where there is no more to say than that it
/// was cancelled.
pub fn answer(
    response: &Response,
    model: &str,
    created: u64,
) -> Result<Value, Option<Box<Failure>>> {
    let finish = finish_reason(response)?;
    let mut message = Map::new();
    message.insert("role".to_owned(), "assistant".into());
    let text = text(response);
    let calls: Vec<Value> = response.calls().map(call).collect();
    let refusal = refusal(response);
    // Beside calls and in a refusal there may be no text at all; an answer without any of them is an empty text.
    let spoken = !text.is_empty() || (calls.is_empty() && refusal.is_none());
    message.insert("content".to_owned(), spoken.then_some(text).into());
    message.insert("refusal".to_owned(), refusal.into());
    if let Some(reasoning) = reasoning(response) {
        message.insert("reasoning_content".to_owned(), reasoning.into());
    }
    if !calls.is_empty() {
        message.insert("tool_calls".to_owned(), calls.into());
    }
    let mut answer = envelope(response, "chat.completion", model, created);
    answer["choices"] =
        json!([{ "index": 0, "message": message, "finish_reason": finish, "logprobs": null }]);
    answer["usage"] = usage(response.usage);
    Ok(answer)
}

/// The same in chunks, in the order in which they are sent.
///
/// # Errors
/// As [`answer`].
pub fn chunks(
    response: &Response,
    model: &str,
    created: u64,
    include_usage: bool,
) -> Result<Vec<Value>, Option<Box<Failure>>> {
    let finish = finish_reason(response)?;
    let envelope = envelope(response, "chat.completion.chunk", model, created);
    let chunk = |delta: Value, finish: Option<&str>| {
        let mut chunk = envelope.clone();
        chunk["choices"] = json!([{ "index": 0, "delta": delta, "finish_reason": finish }]);
        chunk
    };
    let mut chunks = vec![chunk(json!({ "role": "assistant", "content": "" }), None)];
    if let Some(reasoning) = reasoning(response) {
        chunks.push(chunk(json!({ "reasoning_content": reasoning }), None));
    }
    let text = text(response);
    if !text.is_empty() {
        chunks.push(chunk(json!({ "content": text }), None));
    }
    if let Some(refusal) = refusal(response) {
        chunks.push(chunk(json!({ "refusal": refusal }), None));
    }
    let calls = response.items.iter().enumerate();
    let calls = calls.filter_map(|(place, item)| match item {
        Item::Call(call) => Some((place, call)),
        _ => None,
    });
    // Calls are counted by themselves: what else the output holds takes no number here.
    for (index, (output_index, one)) in calls.enumerate() {
        let index = match index {
            _ if defect::active(Defect::CallsShareAnIndex) => 0,
            _ if defect::active(Defect::OutputIndexForCalls) => output_index,
            index => index,
        };
        let mut whole = call(one);
        let body = &mut whole[kind(one)][arguments_name(one)];
        let arguments = std::mem::replace(body, "".into());
        let rest = json!({ "index": index, kind(one): { arguments_name(one): arguments } });
        whole["index"] = index.into();
        chunks.push(chunk(json!({ "tool_calls": [whole] }), None));
        chunks.push(chunk(json!({ "tool_calls": [rest] }), None));
    }
    chunks.push(chunk(json!({}), Some(finish)));
    if include_usage {
        let mut last = envelope.clone();
        last["choices"] = json!([]);
        last["usage"] = usage(response.usage);
        chunks.push(last);
    }
    Ok(chunks)
}

/// What is sent in place of an answer, whole or as the last of its chunks.
pub fn error(message: &str, failure: Option<&Failure>) -> Value {
    json!({ "error": {
        "message": message,
        "type": failure.map_or("server_error", Failure::class_name),
        "code": failure.and_then(|failure| failure.code.clone()),
        "param": null,
    }})
}

/// How the answer ended; a failure when it is none.
fn finish_reason(response: &Response) -> Result<&'static str, Option<Box<Failure>>> {
    let ended = if response.calls().next().is_some() && !defect::active(Defect::StopBesideCalls) {
        "tool_calls"
    } else {
        "stop"
    };
    match &response.outcome {
        Outcome::Failed(failure) => Err(Some(Box::new(failure.clone()))),
        Outcome::Cancelled => Err(None),
        Outcome::Completed => Ok(ended),
        Outcome::Incomplete(_) if defect::active(Defect::CutShortTranslatedAsStop) => Ok("stop"),
        Outcome::Incomplete(IncompleteReason::ContentFilter)
            if !defect::active(Defect::FilteredTranslatedAsLength) =>
        {
            Ok("content_filter")
        }
        // There is no other word for an answer that goes no further.
        Outcome::Incomplete(_) => Ok("length"),
    }
}

fn envelope(response: &Response, object: &str, model: &str, created: u64) -> Value {
    let id = response.id.as_deref().unwrap_or("unnamed");
    let id = id.strip_prefix("resp_").unwrap_or(id);
    json!({ "id": format!("chatcmpl-{id}"), "object": object, "created": created, "model": model })
}

/// The text, without what the model declined with.
fn text(response: &Response) -> String {
    if refusal(response).is_none() {
        return response.text();
    }
    let spoken = parts(response).filter_map(|part| match part {
        Content::Text(text) => Some(text.as_str()),
        Content::Refusal(_) => None,
    });
    spoken.collect()
}

fn refusal(response: &Response) -> Option<String> {
    if defect::active(Defect::RefusalUntranslated) {
        return None;
    }
    let words = parts(response).filter_map(|part| match part {
        Content::Refusal(text) if !text.is_empty() => Some(text.as_str()),
        _ => None,
    });
    let words: String = words.collect();
    (!words.is_empty()).then_some(words)
}

fn parts(response: &Response) -> impl Iterator<Item = &Content> {
    let messages = response.items.iter().filter_map(|item| match item {
        Item::Message { content, .. } => Some(content),
        _ => None,
    });
    messages.flatten()
}

/// What may be shown of the model's thoughts.
fn reasoning(response: &Response) -> Option<String> {
    let summaries = response.items.iter().filter_map(|item| match item {
        Item::Reasoning { summary, .. } if !summary.is_empty() => Some(summary.join("\n\n")),
        _ => None,
    });
    let summaries: Vec<String> = summaries.collect();
    (!summaries.is_empty()).then(|| summaries.join("\n\n"))
}

fn call(call: &FunctionCall) -> Value {
    json!({
        // What pairs a call with its output; the item's id is nobody's business here.
        "id": call.call_id, "type": kind(call),
        kind(call): { "name": call.name, arguments_name(call): call.arguments },
    })
}

fn kind(call: &FunctionCall) -> &'static str {
    match call.kind {
        CallKind::Function => "function",
        CallKind::Custom => "custom",
    }
}

fn arguments_name(call: &FunctionCall) -> &'static str {
    match call.kind {
        CallKind::Function => "arguments",
        CallKind::Custom => "input",
    }
}

fn usage(usage: Usage) -> Value {
    let (input, output) = (usage.input.unwrap_or(0), usage.output.unwrap_or(0));
    let mut counts = json!({
        "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output,
    });
    if !defect::active(Defect::UsageDetailsLost) {
        counts["prompt_tokens_details"] = json!({ "cached_tokens": usage.cached.unwrap_or(0) });
        counts["completion_tokens_details"] =
            json!({ "reasoning_tokens": usage.reasoning.unwrap_or(0) });
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Class;
    use crate::responses::item::Phase;

    fn function(id: &str, arguments: &str) -> Item {
        Item::Call(FunctionCall {
            kind: CallKind::Function,
            call_id: id.into(),
            name: "f".into(),
            arguments: arguments.into(),
        })
    }

    fn message(part: Content) -> Item {
        Item::Message {
            content: vec![part],
            phase: Phase::Unknown,
        }
    }

    fn response(outcome: Outcome, items: Vec<Item>) -> Response {
        Response {
            id: Some("resp_1".into()),
            outcome,
            items,
            usage: Usage {
                input: Some(12),
                cached: Some(3),
                output: Some(5),
                reasoning: Some(2),
            },
            facts: Vec::new(),
        }
    }

    fn thought() -> Item {
        Item::Reasoning {
            summary: vec!["Hm.".into()],
            text: Vec::new(),
            encrypted: None,
        }
    }

    #[test]
    fn an_answer_keeps_its_text_its_calls_and_its_counts() {
        let items = vec![
            thought(),
            message(Content::Text("Wait.".into())),
            function("call_a", "{}"),
        ];
        let answer = answer(&response(Outcome::Completed, items), "m", 7).unwrap();
        assert_eq!(answer["id"], "chatcmpl-1");
        let choice = &answer["choices"][0];
        assert_eq!(choice["finish_reason"], "tool_calls");
        assert_eq!(choice["message"]["content"], "Wait.");
        assert_eq!(choice["message"]["reasoning_content"], "Hm.");
        assert_eq!(choice["message"]["tool_calls"][0]["id"], "call_a");
        let usage = &answer["usage"];
        assert_eq!(usage["total_tokens"], 17);
        assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 3);
        assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], 2);
    }

    #[test]
    fn chunks_count_calls_and_nothing_else() {
        let items = vec![
            thought(),
            function("call_a", "{\"x\":1}"),
            function("call_b", "{}"),
        ];
        let chunks = chunks(&response(Outcome::Completed, items), "m", 7, true).unwrap();
        let calls: Vec<_> = chunks
            .iter()
            .filter_map(|chunk| chunk.pointer("/choices/0/delta/tool_calls/0"))
            .map(|call| {
                (
                    call["index"].as_u64().unwrap(),
                    call["id"].as_str(),
                    call["function"]["arguments"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(
            calls,
            [
                (0, Some("call_a"), ""),
                (0, None, "{\"x\":1}"),
                (1, Some("call_b"), ""),
                (1, None, "{}"),
            ]
        );
        let last = chunks.last().unwrap();
        assert_eq!(last["usage"]["completion_tokens"], 5);
    }

    #[test]
    fn an_answer_that_was_cut_short_says_so_and_a_failure_is_none() {
        let text = || vec![message(Content::Text("Hel".into()))];
        for (reason, word) in [
            (IncompleteReason::MaxOutputTokens, "length"),
            (IncompleteReason::ContentFilter, "content_filter"),
            (IncompleteReason::Unstated, "length"),
        ] {
            let cut = response(Outcome::Incomplete(reason), text());
            let answer = answer(&cut, "m", 7).unwrap();
            assert_eq!(answer["choices"][0]["finish_reason"], word);
        }
        let failure = Failure::local(Class::Server, "no");
        let failed = response(Outcome::Failed(failure.clone()), text());
        assert_eq!(answer(&failed, "m", 7), Err(Some(Box::new(failure))));
        assert_eq!(
            answer(&response(Outcome::Cancelled, text()), "m", 7),
            Err(None)
        );
    }

    #[test]
    fn a_refusal_is_no_content() {
        let refused = response(
            Outcome::Completed,
            vec![message(Content::Refusal("I can't.".into()))],
        );
        let answer = answer(&refused, "m", 7).unwrap();
        let message = &answer["choices"][0]["message"];
        assert_eq!(
            (&message["refusal"], &message["content"]),
            (&json!("I can't."), &Value::Null)
        );
    }
}
