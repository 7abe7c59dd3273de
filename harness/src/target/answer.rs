//! From what a program wrote to its final answer.

use serde_json::Value;

use super::model::AnswerFrom;

/// Why there is no answer in what a program wrote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// It wrote nothing.
    #[error("standard output is empty")]
    Empty,
    /// It wrote something else than JSON.
    #[error("standard output is not JSON: {0}")]
    NotJson(String),
    /// It wrote JSON without a text at the pointer.
    #[error("standard output has no text at `{pointer}`")]
    Absent {
        /// Where it should be.
        pointer: String,
    },
    /// None of its lines has a text at the pointer.
    #[error(
        "of {lines} lines on standard output, {json} of them JSON, none has a text at `{pointer}`"
    )]
    NoLine {
        /// Where it should be.
        pointer: String,
        /// Lines that are not blank.
        lines: usize,
        /// Lines that are JSON.
        json: usize,
    },
}

impl AnswerFrom {
    /// The final answer in what a program wrote on standard output, without surrounding white space.
    ///
    /// # Errors
    /// When there is none.
    pub fn read(&self, stdout: &[u8]) -> Result<String, NoAnswer> {
        let text = String::from_utf8_lossy(stdout);
        let text = text.trim();
        if text.is_empty() {
            return Err(NoAnswer::Empty);
        }
        match self {
            Self::Stdout => Ok(text.to_owned()),
            Self::Json(pointer) => {
                let value: Value = serde_json::from_str(text)
                    .map_err(|error| NoAnswer::NotJson(error.to_string()))?;
                let answer = value.pointer(pointer).and_then(Value::as_str);
                answer
                    .map(|answer| answer.trim().to_owned())
                    .ok_or_else(|| NoAnswer::Absent {
                        pointer: pointer.clone(),
                    })
            }
            Self::JsonLines(pointer) => lines(text, pointer),
        }
    }
}

/// The texts at the pointer of every line, one after the other. Other lines are other events, or a warning that went
/// to the wrong stream.
fn lines(text: &str, pointer: &str) -> Result<String, NoAnswer> {
    let (mut lines, mut json, mut found) = (0, 0, None);
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        lines += 1;
        let Ok(value) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        json += 1;
        if let Some(text) = value.pointer(pointer).and_then(Value::as_str) {
            found.get_or_insert_with(String::new).push_str(text);
        }
    }
    let answer = found.ok_or_else(|| NoAnswer::NoLine {
        pointer: pointer.to_owned(),
        lines,
        json,
    })?;
    Ok(answer.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(from: AnswerFrom, stdout: &str) -> Result<String, String> {
        from.read(stdout.as_bytes())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_answer_is_found_in_each_form() {
        let ok = |text: &str| Ok(text.to_owned());
        assert_eq!(read(AnswerFrom::Stdout, "\n Hello.\n"), ok("Hello."));
        let json = AnswerFrom::Json("/result".to_owned());
        assert_eq!(read(json, r#"{"result": "Hello.\n"}"#), ok("Hello."));
        let lines = "warning: slow\n{\"type\":\"start\"}\n{\"part\":{\"text\":\"Hel\"}}\r\n\n{\"part\":{\"text\":\"lo. \"}}\n";
        let from = AnswerFrom::JsonLines("/part/text".to_owned());
        assert_eq!(read(from, lines), ok("Hello."));
    }

    #[test]
    fn what_is_not_there_is_named() {
        let no = |text: &str| Err(text.to_owned());
        let json = || AnswerFrom::Json("/result".to_owned());
        let lines = || AnswerFrom::JsonLines("/text".to_owned());
        assert_eq!(read(lines(), " \n"), no("standard output is empty"));
        assert_eq!(
            read(json(), r#"{"result": 1}"#),
            no("standard output has no text at `/result`")
        );
        assert_eq!(
            read(json(), "Hello."),
            no("standard output is not JSON: expected value at line 1 column 1")
        );
        assert_eq!(
            read(lines(), "boom\n{\"error\":1}\n"),
            no("of 2 lines on standard output, 1 of them JSON, none has a text at `/text`")
        );
    }
}
