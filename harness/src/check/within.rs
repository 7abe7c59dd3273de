//! The program ended by itself within a time.

use loginproof_mocks::span::Span;

use super::{Finding, exit};
use crate::run::evidence::ProgramRecord;
use crate::terminal::How;

pub(super) fn judge(bound: Span, program: &ProgramRecord) -> Finding {
    let by_itself = !matches!(program.ended.how, How::Killed);
    let seen = exit::describe(&program.ended);
    Finding::when(
        by_itself && program.ended.ran <= bound.0,
        format!("an end by itself within {bound}"),
        seen,
        Vec::new,
    )
}
