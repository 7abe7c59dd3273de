//! Always on: no program crashes.

use std::sync::LazyLock;

use regex::Regex;

use super::{Finding, excerpt};
use crate::run::evidence::Evidence;
use crate::terminal::How;

/// How runtimes announce a crash: Rust, Python, Node and V8, Go, the C library, the shell.
static CRASH: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?m)thread '[^']*'(?: \(\d+\))? panicked at|Traceback \(most recent call last\):|UnhandledPromiseRejection|^Uncaught \w*(?:Error|Exception)\b|^\s+at .+ \(node:internal/|FATAL ERROR: .*JavaScript heap|^panic: |^goroutine \d+ \[|\*\*\* stack smashing detected|Segmentation fault|core dumped",
    )
    .expect("a regular expression that the tests compile")
});

pub(super) fn judge(evidence: &Evidence) -> Finding {
    // A crash that the scenario asked for is none of the program's making.
    let programs = evidence.programs.iter();
    for program in programs.filter(|program| !program.made_to_crash) {
        if let How::Signal(signal @ (4 | 6 | 7 | 8 | 11)) = program.ended.how {
            return Finding::broken(
                "no crash",
                format!("{}: ended by signal {signal}", program.name),
                excerpt::screen(evidence, program),
            );
        }
        if let Some(found) = program
            .readable()
            .iter()
            .find_map(|text| CRASH.find(text).map(|found| found.as_str().to_owned()))
        {
            return Finding::broken(
                "no crash",
                format!("{}: `{}`", program.name, found.trim()),
                excerpt::screen(evidence, program),
            );
        }
    }
    Finding::Holds("no crash".to_owned())
}

#[cfg(test)]
mod tests {
    use super::CRASH;

    #[test]
    fn crashes_of_common_runtimes_are_recognised_and_ordinary_errors_are_not() {
        for crash in [
            "thread 'main' panicked at src/main.rs:1:1",
            "thread 'main' (4242) panicked at src/main.rs:1:1",
            "Traceback (most recent call last):\n  File",
            "panic: runtime error: index out of range",
            "Uncaught TypeError: x is undefined",
        ] {
            assert!(CRASH.is_match(crash), "{crash}");
        }
        for ordinary in [
            "error: sign in again",
            "Error: 401 Unauthorized",
            "do not panic: all is well",
        ] {
            assert!(!CRASH.is_match(ordinary), "{ordinary}");
        }
    }
}
