//! `translate`: a Chat Completions request on standard input, the answer to it on standard output.

use std::io::Read as _;
use std::time::SystemTime;

use serde_json::Value;

use super::{Exit, Program};
use crate::defect::{self, Defect};
use crate::responses::translate::{self, Translated};
use crate::responses::{Outcome, Response, Usage};
use crate::session::AskError;

impl Program {
    pub(super) async fn translate(&self) -> Exit {
        let mut text = String::new();
        if let Err(error) = std::io::stdin().lock().read_to_string(&mut text) {
            return self.refused(Exit::Usage, &format!("cannot read standard input: {error}"));
        }
        let asked = match serde_json::from_str::<Value>(&text) {
            Ok(chat) => translate::request(&chat, &self.options.model),
            Err(error) => {
                let why = format!("standard input holds no Chat Completions request: {error}");
                return self.refused(Exit::Usage, &why);
            }
        };
        let asked = match asked {
            Ok(asked) => asked,
            Err(error) => return self.refused(Exit::Usage, &error.to_string()),
        };
        if !asked.left_out.is_empty() {
            let names = asked.left_out.join(", ");
            self.output.note(&format!(
                "warning: left out, the server takes none: {names}"
            ));
        }
        match self.session.respond(&asked.body).await {
            Ok(response) => self.translated(&asked, &response),
            Err(AskError::Failed { .. } | AskError::Cancelled { .. })
                if defect::active(Defect::FailedTranslatedAsStop) =>
            {
                let empty = Response {
                    id: None,
                    outcome: Outcome::Completed,
                    items: Vec::new(),
                    usage: Usage::default(),
                    facts: Vec::new(),
                };
                self.translated(&asked, &empty)
            }
            Err(error) => {
                let failure = match &error {
                    AskError::Failed { failure, .. } => Some(failure),
                    _ => None,
                };
                self.output
                    .line(&translate::error(&error.to_string(), failure).to_string());
                self.unanswered(0, &error)
            }
        }
    }

    fn translated(&self, asked: &Translated, response: &Response) -> Exit {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let created = now.map_or(0, |since| since.as_secs());
        let answer = if asked.stream {
            translate::chunks(response, &asked.model, created, asked.include_usage)
        } else {
            translate::answer(response, &asked.model, created).map(|answer| vec![answer])
        };
        match answer {
            Ok(lines) => {
                for line in lines {
                    self.output.line(&line.to_string());
                }
                Exit::Success
            }
            Err(failure) => {
                let why = failure.as_ref().map_or_else(
                    || "the response was cancelled by the server".to_owned(),
                    ToString::to_string,
                );
                let error = translate::error(&why, failure.as_deref());
                self.output.line(&error.to_string());
                self.refused(Exit::Failure, &why)
            }
        }
    }

    fn refused(&self, exit: Exit, why: &str) -> Exit {
        self.output.note(&format!("error: {why}"));
        exit
    }
}
