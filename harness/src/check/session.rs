//! The states of a sign-in session, as the host sees them that runs the program for somebody far away.

use loginproof_mocks::script::Endpoint;

use super::{Finding, excerpt, exit};
use crate::run::evidence::{Evidence, ProgramRecord};
use crate::scenario::model::{SessionCheck, SessionState};
use crate::terminal::How;

pub(super) fn judge(check: &SessionCheck, program: &ProgramRecord, evidence: &Evidence) -> Finding {
    let states = states(program, handed_out(program, evidence));
    let ended = exit::describe(&program.ended);
    let waited = program
        .prompted
        .map(|at| format!(", readable after {:.1} s", at.as_secs_f64()))
        .unwrap_or_default();
    Finding::when(
        states == check.states,
        words(&check.states),
        format!("{} ({ended}{waited})", words(&states)),
        || excerpt::screen(evidence, program),
    )
}

fn states(program: &ProgramRecord, signed_in: bool) -> Vec<SessionState> {
    let mut states = vec![SessionState::Starting];
    if program.prompted.is_some() {
        states.push(SessionState::Waiting);
    }
    let well = program.ended.how == How::Exit(0) || program.asked_to_end;
    states.push(if program.timed_out {
        SessionState::TimedOut
    } else if well && signed_in {
        SessionState::Ready
    } else {
        SessionState::Failed
    });
    states
}

/// Whether a sign-in was granted while the program ran: by the poll itself (RFC 8628) or by the token endpoint.
fn handed_out(program: &ProgramRecord, evidence: &Evidence) -> bool {
    let granted = |body: &[u8]| body.windows(14).any(|part| part == b"\"access_token\"");
    evidence.exchanges.iter().any(|exchange| {
        let to_tokens = matches!(exchange.endpoint, Endpoint::Token | Endpoint::Poll);
        let answer = exchange.answer.as_ref();
        to_tokens
            && exchange.request.arrived >= program.started
            && answer.is_some_and(|answer| {
                (200..300).contains(&answer.status)
                    && (granted(&answer.body) || answer.body.starts_with(b"access_token="))
            })
    })
}

fn words(states: &[SessionState]) -> String {
    let words: Vec<String> = states.iter().map(excerpt::word).collect();
    words.join(", ")
}
