//! How the program ended.

use super::{Finding, excerpt};
use crate::run::evidence::{Evidence, ProgramRecord};
use crate::scenario::model::{ExitCheck, ExitWord};
use crate::terminal::{Ended, How};

pub(super) fn judge(check: ExitCheck, program: &ProgramRecord, evidence: &Evidence) -> Finding {
    let seen = describe(&program.ended);
    // A full-screen program that had to be told to end says nothing by its status.
    if let ExitCheck::Word(_) = check
        && program.asked_to_end
        && !matches!(program.ended.how, How::Killed)
    {
        return Finding::Holds(format!("{seen}, ended by its own keys"));
    }
    let (holds, expected) = match (check, &program.ended.how) {
        (ExitCheck::Word(ExitWord::Success), how) => {
            (matches!(how, How::Exit(0)), "exit status 0".to_owned())
        }
        (ExitCheck::Word(ExitWord::Failure), how) => (
            matches!(how, How::Exit(code) if *code != 0),
            "an end by itself, with an exit status other than 0".to_owned(),
        ),
        (ExitCheck::Word(ExitWord::Any), how) => {
            (matches!(how, How::Exit(_)), "an end by itself".to_owned())
        }
        (ExitCheck::Code(code), how) => (
            matches!(how, How::Exit(seen) if *seen == code),
            format!("exit status {code}"),
        ),
    };
    Finding::when(holds, expected, seen, || excerpt::screen(evidence, program))
}

/// Output beyond this is worth a word where a program did not end by itself.
const MUCH: u64 = 1_000_000;

/// How a program ended, in words.
pub(super) fn describe(ended: &Ended) -> String {
    let ran = ended.ran.as_secs_f64();
    match &ended.how {
        How::Exit(code) => format!("exit status {code} after {ran:.1} s"),
        How::Signal(signal) => format!("ended by signal {signal} after {ran:.1} s"),
        How::NotStarted(reason) => format!("never started: {reason}"),
        How::Killed => {
            let state = if ended.suspended {
                "suspended and still there"
            } else {
                "still running"
            };
            let output = if ended.written > MUCH {
                format!(" and {:.0} MB of output", ended.written as f64 / 1e6)
            } else {
                String::new()
            };
            format!("{state} after {ran:.1} s{output}, ended by the harness with SIGKILL")
        }
    }
}
