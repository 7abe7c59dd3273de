//! The filter form: from the events that a reader wrote, one JSON object per line, to the answer. Deliberately little,
//! and not the reference client's reader.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The answer so far.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// By output index and content index.
    parts: BTreeMap<(u64, u64), String>,
    /// Output indices of messages that are not the answer.
    commentary: BTreeSet<u64>,
    /// Text of a program that reads the whole answer itself.
    whole: Option<String>,
    /// The reader found an event.
    heard: bool,
}

/// How far the answer has come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Open,
    Complete,
    Failed(String),
}

impl Answer {
    /// Takes one line of the reader's output.
    pub(crate) fn take(&mut self, line: &str) -> Result<Progress, String> {
        if line.trim().is_empty() {
            return Ok(Progress::Open);
        }
        self.heard = true;
        let value: Value = serde_json::from_str(line).map_err(|error| {
            let start: String = line.chars().take(80).collect();
            format!("the reader wrote a line that is no JSON ({error}): {start}")
        })?;
        if let Some(message) = value["error"].as_str() {
            return Ok(Progress::Failed(message.to_owned()));
        }
        if let Some(text) = value["text"].as_str() {
            self.whole.get_or_insert_default().push_str(text);
            return Ok(Progress::Open);
        }
        let data = value["data"].as_str().unwrap_or_default();
        Ok(self.take_event(value["event"].as_str(), data))
    }

    /// Takes one event.
    pub(crate) fn take_event(&mut self, name: Option<&str>, data: &str) -> Progress {
        // `[DONE]` and keep-alives that are no JSON say nothing about the answer.
        let Ok(event) = serde_json::from_str::<Value>(data) else {
            return Progress::Open;
        };
        let name = event["type"].as_str().or(name);
        self.event(name.unwrap_or_default(), &event)
    }

    fn event(&mut self, name: &str, event: &Value) -> Progress {
        let output = event["output_index"].as_u64().unwrap_or(0);
        let part = (output, event["content_index"].as_u64().unwrap_or(0));
        match name {
            "response.output_text.delta" | "response.refusal.delta" => {
                let delta = event["delta"].as_str().unwrap_or_default();
                self.parts.entry(part).or_default().push_str(delta);
            }
            "response.output_text.done" | "response.refusal.done" => {
                if let Some(text) = event["text"].as_str().or(event["refusal"].as_str()) {
                    self.parts.insert(part, text.to_owned());
                }
            }
            "response.output_item.added" | "response.output_item.done" => {
                self.item(output, &event["item"]);
            }
            "response.completed" => return self.completed(&event["response"]),
            "response.incomplete" => {
                let reason = &event["response"]["incomplete_details"]["reason"];
                let reason = reason.as_str().unwrap_or("no reason given");
                return Progress::Failed(format!("the answer is incomplete: {reason}"));
            }
            "response.failed" | "response.cancelled" => {
                return Progress::Failed(told(&event["response"]["error"], name));
            }
            "error" => {
                let error = match &event["error"] {
                    Value::Null => event,
                    nested => nested,
                };
                return Progress::Failed(told(error, name));
            }
            _ => {}
        }
        Progress::Open
    }

    fn item(&mut self, output: u64, item: &Value) {
        if matches!(item["phase"].as_str(), Some("commentary" | "analysis")) {
            self.commentary.insert(output);
        }
        if item["type"] != "message" {
            return;
        }
        for (content, part) in (0..).zip(item["content"].as_array().into_iter().flatten()) {
            if let Some(text) = part["text"].as_str().or(part["refusal"].as_str()) {
                self.parts.insert((output, content), text.to_owned());
            }
        }
    }

    fn completed(&mut self, response: &Value) -> Progress {
        if let Some(status @ ("failed" | "cancelled" | "incomplete")) = response["status"].as_str()
        {
            return Progress::Failed(told(&response["error"], status));
        }
        if self.parts.is_empty() {
            for (output, item) in (0..).zip(response["output"].as_array().into_iter().flatten()) {
                self.item(output, item);
            }
        }
        Progress::Complete
    }

    /// The reader found nothing at all.
    pub(crate) fn heard_nothing(&self) -> bool {
        !self.heard
    }

    /// The reader gave a text of its own.
    pub(crate) fn read_whole(&self) -> bool {
        self.whole.is_some()
    }

    /// The texts of all messages that belong to the answer, one by one.
    pub(crate) fn messages(&self) -> Vec<String> {
        let mut messages = BTreeMap::<u64, String>::new();
        for ((output, _), text) in &self.parts {
            if !self.commentary.contains(output) {
                messages.entry(*output).or_default().push_str(text);
            }
        }
        messages.into_values().collect()
    }

    /// All text that belongs to the answer.
    pub(crate) fn text(&self) -> String {
        let parts = self.parts.iter();
        self.whole.clone().unwrap_or_else(|| {
            parts
                .filter(|((output, _), _)| !self.commentary.contains(output))
                .map(|(_, text)| text.as_str())
                .collect()
        })
    }
}

/// An error object, or a plain string, in words.
fn told(error: &Value, otherwise: &str) -> String {
    let word = |name: &str| error[name].as_str().filter(|text| !text.is_empty());
    match (word("code"), word("message").or(error.as_str())) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(text), None) | (None, Some(text)) => text.to_owned(),
        (None, None) => format!("the server ended the response: {otherwise}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(events: &[&str]) -> (Answer, Progress) {
        let mut answer = Answer::default();
        let mut progress = Progress::Open;
        for data in events {
            let line = serde_json::json!({ "event": "message", "data": data }).to_string();
            progress = answer.take(&line).unwrap();
        }
        (answer, progress)
    }

    #[test]
    fn deltas_make_up_the_answer() {
        let (answer, progress) = fed(&[
            r#"{"type":"response.output_text.delta","delta":"Hel"}"#,
            "[DONE]",
            r#"{"type":"response.output_text.delta","delta":"lo"}"#,
            r#"{"type":"response.completed","response":{"status":"completed"}}"#,
        ]);
        assert_eq!(
            (answer.text().as_str(), progress),
            ("Hello", Progress::Complete)
        );
    }

    #[test]
    fn what_is_done_takes_the_place_of_deltas_and_commentary_is_left_out() {
        let (answer, _) = fed(&[
            r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"message","phase":"commentary"}}"#,
            r#"{"type":"response.output_text.delta","output_index":0,"delta":"Looking."}"#,
            r#"{"type":"response.output_text.delta","output_index":1,"delta":"Fo"}"#,
            r#"{"type":"response.output_text.done","output_index":1,"text":"Found."}"#,
        ]);
        assert_eq!(answer.text(), "Found.");
    }

    #[test]
    fn a_failure_is_told_in_the_words_of_the_server() {
        let (_, nested) = fed(&[
            r#"{"type":"response.failed","response":{"error":{"code":"server_error","message":"Sorry."}}}"#,
        ]);
        assert_eq!(nested, Progress::Failed("server_error: Sorry.".to_owned()));
        let (_, flat) = fed(&[r#"{"type":"error","message":"Sorry."}"#]);
        assert_eq!(flat, Progress::Failed("Sorry.".to_owned()));
    }

    #[test]
    fn a_whole_reader_gives_its_own_text() {
        let mut answer = Answer::default();
        assert_eq!(answer.take(r#"{"text":"Hi."}"#), Ok(Progress::Open));
        assert!(answer.read_whole());
        assert_eq!(answer.text(), "Hi.");
    }
}
