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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::scenario::model::Tty;
    use crate::terminal::{Ended, ModesLeft, View};
    use SessionState::{Failed, Ready, Starting, TimedOut, Waiting};

    fn program(how: How) -> ProgramRecord {
        ProgramRecord {
            name: "login".to_owned(),
            argv: Vec::new(),
            tty: Tty::ScriptLog,
            started: Duration::ZERO,
            ended: Ended {
                how,
                ran: Duration::from_secs(2),
                suspended: false,
                written: 0,
                left_behind: Vec::new(),
                handed_down: Vec::new(),
                modes: ModesLeft::default(),
                usage: crate::terminal::Usage::default(),
            },
            view: View {
                screen: "".into(),
                transcript: "".into(),
                links: Vec::new().into(),
                clipboard: Vec::new().into(),
                stdout: None,
                stderr: None,
                alternate: false,
            },
            raw: Vec::new(),
            signalled: false,
            killed: false,
            made_to_crash: false,
            asked_to_end: false,
            prompted: Some(Duration::from_secs(1)),
            typed: String::new(),
            timed_out: false,
            log: None,
            answer: crate::target::model::AnswerFrom::Stdout,
        }
    }

    #[test]
    fn a_session_goes_by_what_could_be_read_and_how_it_ended() {
        assert_eq!(
            states(&program(How::Exit(0)), true),
            [Starting, Waiting, Ready]
        );
        // A good status without a sign-in is none.
        assert_eq!(
            states(&program(How::Exit(0)), false),
            [Starting, Waiting, Failed]
        );
        assert_eq!(
            states(&program(How::Exit(1)), true),
            [Starting, Waiting, Failed]
        );
        let unread = ProgramRecord {
            prompted: None,
            ..program(How::Exit(1))
        };
        assert_eq!(states(&unread, false), [Starting, Failed]);
        let over = ProgramRecord {
            timed_out: true,
            ..program(How::Signal(15))
        };
        assert_eq!(states(&over, false), [Starting, Waiting, TimedOut]);
        let full_screen = ProgramRecord {
            asked_to_end: true,
            ..program(How::Signal(2))
        };
        assert_eq!(states(&full_screen, true), [Starting, Waiting, Ready]);
    }
}
