//! What goes to the screen: the answer on standard output, everything else on standard error, or events as JSON.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use serde_json::{Value, json};

use super::exit::Exit;
use crate::defect::{self, Defect};
use crate::failure::Failure;
use crate::oauth::device_flow::Prompt;
use crate::session::Notice;
use crate::transport::Exchange;

/// Writes for a person or, with `json`, for a program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    pub(super) json: bool,
    pub(super) verbose: bool,
}

/// What the program cannot see: the server goes on saying "pending" (reported as openai/codex#34817).
pub(super) const SWITCHED_OFF: &str = "If the page refuses the code, device codes may be switched off in the \
    security settings of the account or its workspace. A ChatGPT account can sign in through a browser instead, \
    with --flow callback.";
/// How much of an answer that broke off is shown.
const PARTIAL: usize = 2000;

impl Output {
    /// A line on standard output. A reader that went away is no reason to fail: there is nobody left to tell.
    pub(super) fn line(self, text: &str) {
        let mut out = io::stdout().lock();
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    }

    /// A line on standard error.
    pub(super) fn note(self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// An event, when events are wanted.
    pub(super) fn event(self, event: &Value) {
        if self.json {
            self.line(&event.to_string());
        }
    }

    /// Whatever happens on the way.
    pub(super) fn notice(self, notice: &Notice) {
        match notice {
            Notice::Prompt(prompt) => self.prompt(prompt),
            Notice::Browse { url, paste, bound } => self.browse(url, *paste, *bound),
            Notice::Exchange(exchange) if self.verbose => self.note(&trace(exchange)),
            Notice::Exchange(_) => {}
            Notice::Warning(text) => {
                self.event(&json!({ "type": "warning", "message": text }));
                self.note(&format!("warning: {text}"));
            }
            Notice::Retry { .. } | Notice::FellBack { .. }
                if defect::active(Defect::FallbackUnsaid) => {}
            Notice::Retry {
                attempt,
                of,
                wait,
                failure,
            } => {
                self.event(&json!({
                    "type": "retry", "attempt": attempt, "of": of, "wait_ms": millis(*wait),
                    "class": failure.class_name(), "message": failure.to_string(),
                }));
                self.note(&format!(
                    "trying again in {:.1} s (attempt {attempt} of {of}): {failure}",
                    wait.as_secs_f64()
                ));
            }
            Notice::Rotated { failure } => {
                self.event(&json!({ "type": "rotated", "message": failure }));
                self.note(&format!(
                    "going on with another account or the fallback: {failure}"
                ));
            }
            Notice::FellBack { failure } => {
                self.event(
                    &json!({ "type": "transport_fallback", "message": failure.to_string() }),
                );
                self.note(&format!("falling back from WebSocket to HTTP: {failure}"));
            }
            Notice::Renewed { requested } => {
                self.event(&json!({ "type": "refreshed", "requested": requested }));
                if self.verbose {
                    self.note(if *requested {
                        "tokens renewed"
                    } else {
                        "took the tokens that another process stored"
                    });
                }
            }
            Notice::Call { prompt, call } => {
                self.event(&json!({
                    "type": "tool_call", "prompt": prompt, "call_id": call.call_id, "name": call.name,
                    "arguments": call.arguments,
                }));
                if self.verbose {
                    self.note(&format!(
                        "tool call: {}",
                        crate::redact::one_line(&call.name, 80)
                    ));
                }
            }
        }
    }

    /// URL and code, each whole on a line of its own, before the first poll.
    fn prompt(self, prompt: &Prompt) {
        if self.json {
            self.event(&json!({
                "type": "device_code", "verification_url": prompt.url, "user_code": prompt.user_code,
                "verification_url_complete": prompt.complete_url, "expires_in_seconds": prompt.expires_in.as_secs(),
            }));
            return;
        }
        if defect::active(Defect::ColoursOnAPipe) {
            self.line("\x1b[1;36mWelcome to loginproof\x1b[0m");
        }
        if defect::active(Defect::ScreenFlipsBack) && io::stdout().is_terminal() {
            return self.line("How do you want to sign in?\n> 1. ChatGPT");
        }
        let life = match prompt.expires_in.as_secs() {
            seconds @ 0..120 => format!("{seconds} seconds"),
            seconds => format!("{} minutes", seconds / 60),
        };
        self.line(&format!(
            "To sign in, open this page in a browser on any device:\n\n  {}\n\n\
             and enter this code, which is valid for {life}:\n\n  {}\n",
            prompt.url, prompt.user_code
        ));
        // RFC 8628 §3.3.1: the code is shown all the same, so that the person can compare.
        if let Some(complete) = &prompt.complete_url {
            self.line(&format!(
                "Or open this link, and check that the page shows the same code:\n\n  {complete}\n"
            ));
        }
        if defect::active(Defect::NoWordOfWarning) {
            return;
        }
        self.note("Beware of phishing: go on only if you started this sign-in yourself, and give the code to nobody.");
        if !defect::active(Defect::DeviceCodeSettingUnmentioned) {
            self.note(SWITCHED_OFF);
        }
        self.note("Waiting for the approval …");
    }

    /// The URL, whole on a line of its own.
    fn browse(self, url: &str, paste: bool, bound: Duration) {
        if self.json {
            return self.event(&json!({
                "type": "open_url", "url": url, "paste": paste, "wait_ms": millis(bound),
            }));
        }
        let machine = if paste { "any device" } else { "this machine" };
        self.line(&format!(
            "To sign in, open this page in a browser on {machine}:\n\n  {url}\n"
        ));
        if paste {
            self.note(
                "Then paste the code that the page shows here, and press Enter (it is not echoed):",
            );
        } else {
            self.note("Waiting for the browser to come back …");
        }
    }

    /// An answer. On a terminal the model's text cannot steer the terminal.
    pub(super) fn answer(self, prompt: usize, text: &str) {
        if defect::active(Defect::AnswerOnStandardError) {
            return self.note(text);
        }
        if self.json {
            return self.event(&json!({ "type": "text", "prompt": prompt, "text": text }));
        }
        if io::stdout().is_terminal() {
            let harmless = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
            return self.line(&text.chars().filter(harmless).collect::<String>());
        }
        self.line(text);
    }

    /// A failure, with what can be done about it.
    pub(super) fn failed(
        self,
        prompt: Option<usize>,
        message: &str,
        failure: Option<&Failure>,
        exit: Exit,
        partial: &str,
        hint: Option<&str>,
    ) {
        if self.json {
            let mut event = json!({
                "type": "failed", "class": failure.map_or("other", Failure::class_name), "message": message,
                "code": failure.and_then(|f| f.code.clone()), "status": failure.and_then(|f| f.status),
                "retry_after_ms": failure.and_then(|f| f.retry_after).map(millis), "exit": exit as u8,
            });
            if let Some(object) = event.as_object_mut() {
                object.extend(prompt.map(|n| ("prompt".to_owned(), n.into())));
                object
                    .extend((!partial.is_empty()).then(|| ("partial".to_owned(), partial.into())));
                object.extend(hint.map(|hint| ("hint".to_owned(), hint.into())));
            }
            self.event(&event);
        }
        if defect::active(Defect::ErrorIsTheAnswer) {
            return self.line(&format!("error: {message}"));
        }
        self.note(&format!("error: {message}"));
        if defect::active(Defect::UsageTextOnFailure) {
            self.note("Usage: loginproof client [OPTIONS] <COMMAND>");
        }
        if !partial.is_empty() && !self.json {
            self.note(&format!(
                "partial answer, not complete: {}",
                crate::redact::one_line(partial, PARTIAL)
            ));
        }
        if let Some(hint) = hint.filter(|_| !defect::active(Defect::NoSignInHint)) {
            self.note(hint);
        }
    }
}

fn trace(exchange: &Exchange) -> String {
    let result = match &exchange.result {
        Ok(status) => format!("HTTP {status}"),
        Err(error) => error.clone(),
    };
    let id = exchange
        .request_id
        .as_ref()
        .map_or_else(String::new, |id| format!(", request id {id}"));
    let (purpose, url, sent) = (exchange.purpose, &exchange.url, exchange.sent);
    format!(
        "{} {url} ({purpose}, {sent} bytes): {result} after {} ms{id}",
        exchange.method.name(),
        exchange.took.as_millis()
    )
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
