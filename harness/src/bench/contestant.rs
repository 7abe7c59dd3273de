//! A program that is measured, and how it is asked.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::run::event::TargetInfo;
use crate::scenario::model::Capability;
use crate::target::model::Network;
use crate::target::{CommandKind, Target};

/// A program.
#[derive(Clone, Debug)]
pub struct Contestant {
    /// How it is run.
    pub target: Arc<Target>,
    /// How its traffic reaches the server.
    pub network: Network,
    /// Its name, version and way.
    pub info: TargetInfo,
    /// It is the one that the others are compared with.
    pub is_reference: bool,
    /// How it is asked, or why it cannot be.
    pub way: Result<Way, String>,
}

/// How a program is asked for its streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// One process for each stream, all at once on one home.
    Processes,
    /// One process for all streams.
    OneProcess,
    /// A reader of standard input.
    Filter,
}

/// Most processes side by side.
pub const PROCESSES: usize = 16;
/// Most streams.
pub const STREAMS: usize = 1000;

/// A stream at full pace takes no longer. Slower programs are ended, and say so in their row.
const BOUND: Duration = Duration::from_secs(120);

/// What separates a filter from the command that feeds it.
const FILTER: [&str; 4] = ["{loginproof}", "stream", "{prompt}", "--"];

impl Contestant {
    /// A program, for so many streams at once.
    #[must_use]
    pub fn new(
        target: Arc<Target>,
        network: Network,
        info: TargetInfo,
        is_reference: bool,
        streams: usize,
        paced: bool,
    ) -> Self {
        let way = way(&target, streams, paced);
        Self {
            target,
            network,
            info,
            is_reference,
            way,
        }
    }

    /// Its name and way, as a column's head.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{} ({})", self.info.name, self.info.network)
    }

    /// What a person does to ask it for so many streams.
    #[must_use]
    pub fn steps(&self, streams: usize) -> Value {
        let prompt = |n: usize| format!("Tell me number {n}, all of it.");
        match (&self.way, streams) {
            (Ok(Way::OneProcess), _) => {
                json!([{ "ask": (1..=streams).map(prompt).collect::<Vec<_>>() }])
            }
            (_, 1) => json!([{ "ask": prompt(1) }]),
            _ => {
                let branches = (1..=streams).map(|n| json!([{ "ask": prompt(n) }]));
                json!([{ "together": branches.collect::<Vec<_>>() }])
            }
        }
    }

    /// How long one turn may take that is sent for so long.
    #[must_use]
    pub fn bound(&self, sent: Duration) -> Duration {
        let stretch = self.target.file.limits.stretch;
        BOUND + stretch.map_or(Duration::ZERO, |span| span.0) + sent
    }
}

fn way(target: &Target, streams: usize, paced: bool) -> Result<Way, String> {
    let missing = target.lacks(&[Capability::Responses, Capability::Ask]);
    if let Some(missing) = missing.first() {
        return Err(format!("the target does not claim `{missing}`"));
    }
    let Some(ask) = target.command(CommandKind::Ask) else {
        return Err("the target has no [ask]".to_owned());
    };
    let is_filter = ask.run.len() > FILTER.len() && ask.run.starts_with(&FILTER.map(str::to_owned));
    if is_filter && paced {
        return Err("a filter is given a file; nothing is paced there".to_owned());
    }
    if is_filter && streams > 1 {
        return Err("a filter reads one stream".to_owned());
    }
    if is_filter {
        return Ok(Way::Filter);
    }
    if !target.can_be_seeded() {
        return Err("the target's credentials cannot be seeded".to_owned());
    }
    let many = target.lacks(&[Capability::AskMany]).is_empty();
    match streams {
        2.. if many && target.command(CommandKind::AskMany).is_some() => Ok(Way::OneProcess),
        ..=PROCESSES => Ok(Way::Processes),
        _ => Err(format!(
            "it has no [ask-many] for {streams} streams in one process, and more than {PROCESSES} processes side by side \
             would measure the machine"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way_of(name: &str, streams: usize, paced: bool) -> Result<Way, String> {
        way(&Target::load(name).unwrap(), streams, paced)
    }

    #[test]
    fn a_program_is_asked_in_the_way_that_it_has() {
        assert_eq!(way_of("reference", 1, false), Ok(Way::Processes));
        assert_eq!(way_of("reference", 1000, true), Ok(Way::OneProcess));
        assert_eq!(way_of("codex", 16, false), Ok(Way::Processes));
        assert_eq!(way_of("sse-stream", 1, false), Ok(Way::Filter));
    }

    #[test]
    fn what_a_program_cannot_do_is_said() {
        for (name, streams, paced, why) in [
            ("codex", 17, false, "no [ask-many] for 17 streams"),
            ("sse-stream", 2, false, "a filter reads one stream"),
            ("sse-stream", 1, true, "nothing is paced"),
            ("gh", 1, false, "does not claim `responses`"),
        ] {
            let said = way_of(name, streams, paced).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }
}
