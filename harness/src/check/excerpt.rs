//! Excerpts of the evidence for people: bounded, with secrets shortened.

use loginproof_mocks::authorization::{Secret, SecretKind};
use loginproof_mocks::journal::{Ending, Exchange};
use loginproof_mocks::script::{Endpoint, TokenState};

use crate::run::event::Excerpt;
use crate::run::evidence::{Evidence, ProgramRecord};

const LINES: usize = 24;
const WIDTH: usize = 400;

/// The requests to some endpoints, a line each, with what was answered.
pub(super) fn wire(evidence: &Evidence, of: impl Fn(&Exchange) -> bool) -> Vec<Excerpt> {
    let lines: Vec<String> = evidence
        .exchanges
        .iter()
        .filter(|exchange| of(exchange))
        .map(|exchange| line(exchange))
        .collect();
    let text = if lines.is_empty() {
        "no such request".to_owned()
    } else {
        lines.join("\n")
    };
    vec![Excerpt {
        witness: "wire",
        text: presentable(&text, evidence),
    }]
}

/// The requests to one endpoint.
pub(super) fn wire_to(evidence: &Evidence, endpoint: Endpoint) -> Vec<Excerpt> {
    wire(evidence, |exchange| exchange.endpoint == endpoint)
}

/// What stood on the screen, or came through pipes, at the end.
pub(super) fn screen(evidence: &Evidence, program: &ProgramRecord) -> Vec<Excerpt> {
    let mut text = match program.readable().as_slice() {
        [stdout, stderr] if program.tty != crate::scenario::model::Tty::Pty => {
            let part = |name: &str, text: &str| {
                if text.trim().is_empty() {
                    String::new()
                } else {
                    format!("[{name}]\n{}\n", text.trim_end())
                }
            };
            part("stdout", stdout) + &part("stderr", stderr)
        }
        [screen, ..] => screen.clone(),
        [] => String::new(),
    };
    if text.trim().is_empty() {
        "(nothing)".clone_into(&mut text);
    }
    vec![Excerpt {
        witness: "screen",
        text: presentable(&text, evidence),
    }]
}

/// A piece of a file.
pub(super) fn file(evidence: &Evidence, name: &str, text: &str) -> Excerpt {
    Excerpt {
        witness: "file",
        text: presentable(&format!("{name}\n{text}"), evidence),
    }
}

/// The text within bounds, secrets shortened to their kind and last four characters.
pub(super) fn presentable(text: &str, evidence: &Evidence) -> String {
    let mut text = text.to_owned();
    for secret in &evidence.secrets {
        if text.contains(&secret.value) {
            let tail: String = secret
                .value
                .chars()
                .skip(secret.value.chars().count().saturating_sub(4))
                .collect();
            text = text.replace(&secret.value, &format!("<{} …{tail}>", secret_name(secret)));
        }
    }
    let all = text.lines().count();
    let mut lines: Vec<String> = text.lines().map(cut).collect();
    if all > LINES {
        let left_out = all - LINES;
        lines.splice(
            LINES / 2..all - LINES / 2,
            [format!("… {left_out} lines …")],
        );
    }
    lines.join("\n")
}

fn cut(line: &str) -> String {
    let line: String = line
        .chars()
        .map(|c| {
            if c.is_control() && c != '\t' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect();
    if line.chars().count() <= WIDTH {
        line
    } else {
        line.chars().take(WIDTH).chain(['…']).collect()
    }
}

fn line(exchange: &Exchange) -> String {
    let request = &exchange.request;
    let mut line = format!(
        "+{:.3}s {} {}{}",
        request.arrived.as_secs_f64(),
        request.method,
        foreign_host(exchange),
        request.target
    );
    for (name, seen) in [("access", &exchange.access), ("refresh", &exchange.refresh)] {
        if seen.state != TokenState::None {
            let generation = seen
                .generation
                .map(|generation| format!(" #{generation}"))
                .unwrap_or_default();
            line.push_str(&format!("  [{name} {}{generation}]", word(seen.state)));
        }
    }
    match &exchange.answer {
        None => line.push_str("  -> (not answered)"),
        Some(answer) => {
            let by = answer
                .rule
                .as_deref()
                .map(|rule| format!(" by {rule}"))
                .unwrap_or_default();
            line.push_str(&format!(
                "  -> {}{} after {:.3}s{by}",
                answer.status,
                how(answer.ending),
                (answer.ended.saturating_sub(request.arrived)).as_secs_f64()
            ));
            if answer.status >= 400 {
                let body = String::from_utf8_lossy(&answer.body);
                line.push_str(&format!(
                    "\n    {}",
                    body.split_whitespace().collect::<Vec<_>>().join(" ")
                ));
            }
        }
    }
    line
}

/// How an answer ended, where it did not simply end.
fn how(ending: Ending) -> String {
    match ending {
        Ending::Complete => String::new(),
        other => format!(" {other:?}"),
    }
}

/// The host of a request that is not for us, and nothing for one that is: our own hosts are known by their paths.
pub(super) fn foreign_host(exchange: &Exchange) -> &str {
    let host = exchange.request.host.as_deref();
    host.filter(|_| exchange.endpoint == Endpoint::Egress)
        .unwrap_or_default()
}

pub(super) fn word<T: serde::Serialize>(value: T) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// What a secret is, in words.
pub(super) fn secret_name(secret: &Secret) -> &'static str {
    match secret.kind {
        SecretKind::AccessToken => "access token",
        SecretKind::RefreshToken => "refresh token",
        SecretKind::IdToken => "id token",
        SecretKind::AuthorizationCode => "authorization code",
        SecretKind::CodeVerifier => "code verifier",
        SecretKind::DeviceAuthId => "device_auth_id",
    }
}
