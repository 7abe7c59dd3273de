//! Streams for benchmarks, generated: the same bytes on every machine.

use std::fmt::Write as _;

/// A text answer in `deltas` pieces, as the Responses API sends it: about 290 bytes an event, some of the text
/// escaped, some of it not ASCII, the whole text once more in each closing event.
#[must_use]
pub fn text_stream(deltas: usize) -> Vec<u8> {
    const WORDS: [&str; 8] = [
        "the ",
        "stream ",
        "is ",
        "read ",
        "\\\"as it\\\" ",
        "comes\\n",
        "für ",
        "読む ",
    ];
    let mut out = String::new();
    let mut number = 0;
    let mut event = |out: &mut String, kind: &str, fields: &str| {
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "event: {kind}\ndata: {{\"type\":\"{kind}\",\"sequence_number\":{number},{fields}}}\n\n"
        );
        number += 1;
    };
    let place = "\"item_id\":\"msg_loginproof_1\",\"output_index\":0,\"content_index\":0";
    let response = |status: &str, output: &str| {
        format!(
            "\"response\":{{\"id\":\"resp_loginproof_1\",\"object\":\"response\",\"status\":\"{status}\",\"output\":[{output}]}}"
        )
    };
    let item = |status: &str, content: &str| {
        format!(
            "{{\"id\":\"msg_loginproof_1\",\"type\":\"message\",\"status\":\"{status}\",\"role\":\"assistant\",\"content\":[{content}]}}"
        )
    };
    event(&mut out, "response.created", &response("in_progress", ""));
    event(
        &mut out,
        "response.output_item.added",
        &format!("\"output_index\":0,\"item\":{}", item("in_progress", "")),
    );
    let empty = "{\"type\":\"output_text\",\"text\":\"\",\"annotations\":[]}";
    event(
        &mut out,
        "response.content_part.added",
        &format!("{place},\"part\":{empty}"),
    );
    let mut text = String::new();
    for index in 0..deltas {
        let word = WORDS[index % WORDS.len()];
        text.push_str(word);
        let padding = &"obfuscation-in-place"[..16 - word.len().min(15)];
        event(
            &mut out,
            "response.output_text.delta",
            &format!("{place},\"delta\":\"{word}\",\"logprobs\":[],\"obfuscation\":\"{padding}\""),
        );
    }
    let part = format!("{{\"type\":\"output_text\",\"text\":\"{text}\",\"annotations\":[]}}");
    event(
        &mut out,
        "response.output_text.done",
        &format!("{place},\"text\":\"{text}\",\"logprobs\":[]"),
    );
    event(
        &mut out,
        "response.content_part.done",
        &format!("{place},\"part\":{part}"),
    );
    event(
        &mut out,
        "response.output_item.done",
        &format!("\"output_index\":0,\"item\":{}", item("completed", &part)),
    );
    event(
        &mut out,
        "response.completed",
        &response("completed", &item("completed", &part)),
    );
    out.into_bytes()
}
