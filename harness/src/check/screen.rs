//! What a person could read.

use regex::Regex;

use super::{Finding, excerpt};
use crate::run::evidence::{Evidence, ProgramRecord};
use crate::scenario::model::{ScreenCheck, Stream};

pub(super) fn judge(check: &ScreenCheck, program: &ProgramRecord, evidence: &Evidence) -> Finding {
    let texts = match check.stream {
        None => program.readable(),
        Some(Stream::Stdout) => vec![program.stdout()],
        Some(Stream::Stderr) => vec![program.stderr()],
    };
    let shown = || excerpt::screen(evidence, program);
    if let Some(pattern) = &check.matches {
        let Ok(regex) = Regex::new(pattern) else {
            return Finding::Untold(format!("`{pattern}` is not a regular expression"));
        };
        if !texts.iter().any(|text| regex.is_match(text)) {
            return Finding::broken(
                format!("text that matches /{pattern}/"),
                "no text matches",
                shown(),
            );
        }
    }
    if let Some(pattern) = &check.lacks {
        let Ok(regex) = Regex::new(pattern) else {
            return Finding::Untold(format!("`{pattern}` is not a regular expression"));
        };
        if let Some(found) = texts.iter().find_map(|text| regex.find(text)) {
            let found = excerpt::presentable(found.as_str(), evidence);
            return Finding::broken(
                format!("no text that matches /{pattern}/"),
                format!("found `{found}`"),
                shown(),
            );
        }
    }
    if let Some(most) = check.at_most {
        // On a terminal the two texts are the screen and everything that ever stood on it: the second holds the first.
        let length = if check.stream.is_none()
            && texts.len() == 2
            && program.tty == crate::scenario::model::Tty::Pty
        {
            texts[1].len()
        } else {
            texts.iter().map(String::len).sum()
        };
        if length > most {
            return Finding::broken(
                format!("at most {most} bytes of text"),
                format!("{length} bytes"),
                shown(),
            );
        }
    }
    Finding::Holds("as described".to_owned())
}
