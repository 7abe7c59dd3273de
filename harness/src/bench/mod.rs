//! How fast programs read a stream, end to end and unmodified, beside the reference client.
//!
//! The programs take turns: what else the machine does meets all of them alike. CPU time is what counts; it is the
//! kernel's count for a program and everything it started. Every turn has a world of its own, as in a run, and next to
//! each measurement stands one of the shortest such stream, so that start-up can be taken off.

pub mod ceiling;
pub mod chart;
pub mod contestant;
pub mod document;
mod filter;
mod first_text;
pub mod machine;
pub mod sample;
mod sizes;
pub mod statistics;
pub mod table;
pub mod workload;

use contestant::{Contestant, Way};
use document::{Document, Figures, Program, Round, StreamInfo, Unranked};
use machine::Machine;
use sample::{Problem, Sample, sample};
use workload::{Pace, Served, Workload, WorkloadError};

use crate::run::plan::Settings;

/// What is measured.
pub struct Plan {
    /// The programs, the reference clients first.
    pub contestants: Vec<Contestant>,
    /// The stream.
    pub workload: Workload,
    /// It is sent as live traffic comes.
    pub paced: bool,
    /// Streams at once.
    pub streams: usize,
    /// Rounds that count.
    pub rounds: usize,
    /// The largest event of the size curve, in bytes; smaller than the smallest one leaves the curve out.
    pub largest: usize,
    /// What holds for every turn.
    pub settings: Settings,
}

/// A program while it is measured.
struct Entry {
    contestant: Contestant,
    program: Program,
    /// It takes no further part.
    out: bool,
}

/// Measures. `tell` hears in words how far it is.
///
/// # Errors
/// When the stream cannot be sent.
pub async fn bench(plan: Plan, tell: impl Fn(String)) -> Result<Document, WorkloadError> {
    let Workload {
        name,
        stream,
        least,
        timing,
    } = plan.workload;
    let pace = match (plan.paced, timing) {
        (false, _) => Pace::Full,
        (true, None) => Pace::Live,
        (true, Some(arrivals)) => Pace::Recorded(arrivals),
    };
    let info = StreamInfo {
        name,
        bytes: stream.bytes.len(),
        events: stream.events,
        events_at_least: least.events,
        pace: match pace {
            Pace::Full => "full",
            Pace::Live => "live",
            Pace::Recorded(_) => "recorded",
        },
        streams: plan.streams,
        rounds: plan.rounds,
    };
    let short_pace = match pace {
        Pace::Live => Pace::Live,
        _ => Pace::Full,
    };
    let (served, least) = (Served::new(stream, pace)?, Served::new(least, short_pace)?);
    let machine = Machine::this();
    let mut entries: Vec<Entry> = plan.contestants.into_iter().map(Entry::new).collect();
    let ceiling = match (plan.paced, plan.streams) {
        (false, 1) => ceiling::ceiling(&served).await.ok(),
        _ => None,
    };
    for round in 0..=plan.rounds {
        for entry in entries.iter_mut().filter(|entry| !entry.out) {
            let what = match round {
                0 => "warm-up".to_owned(),
                round => format!("round {round} of {}", plan.rounds),
            };
            tell(format!("{what}: {}", entry.contestant.label()));
            let once = async |served, watch| {
                sample(
                    &entry.contestant,
                    served,
                    plan.streams,
                    &plan.settings,
                    watch,
                )
                .await
            };
            let least = once(&least, false).await;
            let stream = match least.problem {
                Some(Problem::WrongAnswer(_)) | None => once(&served, round == 0).await,
                _ => Sample::default(),
            };
            entry.takes(Round {
                round,
                least,
                stream,
            });
        }
    }
    if !plan.paced && plan.streams == 1 {
        sizes::measure(
            &mut entries,
            plan.largest,
            plan.rounds,
            &plan.settings,
            &tell,
        )
        .await?;
    }
    let mut document = Document {
        loginproof: env!("CARGO_PKG_VERSION").to_owned(),
        machine,
        stream: info,
        ceiling_mb_per_s: ceiling,
        programs: entries.into_iter().map(|entry| entry.program).collect(),
    };
    document.work_out();
    Ok(document)
}

impl Entry {
    fn new(contestant: Contestant) -> Self {
        let unsupported = contestant.way.clone().err();
        let info = &contestant.info;
        let program = Program {
            name: info.name.clone(),
            title: info.title.clone(),
            version: info.version.clone(),
            network: info.network.clone(),
            reference: contestant.is_reference,
            way: contestant.way.as_ref().ok().map(|way| match way {
                Way::Processes => "processes",
                Way::OneProcess => "one-process",
                Way::Filter => "filter",
            }),
            unranked: unsupported.map(Unranked::Unsupported),
            figures: Figures::default(),
            growth: None,
            gave_up: None,
            sizes: Vec::new(),
            samples: Vec::new(),
        };
        Self {
            out: program.unranked.is_some(),
            contestant,
            program,
        }
    }

    /// Takes a round down. A program that answers wrongly goes on, out of order; one that does not end does not.
    fn takes(&mut self, round: Round) {
        let problems = [&round.least.problem, &round.stream.problem];
        for problem in problems.into_iter().flatten() {
            self.out |= !matches!(problem, Problem::WrongAnswer(_));
            let unranked = Unranked::Problem(problem.clone());
            self.program.unranked.get_or_insert(unranked);
        }
        self.program.samples.push(round);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::run::event::TargetInfo;
    use crate::target::Target;
    use crate::target::model::Network;

    fn entry() -> Entry {
        let info = TargetInfo {
            name: "reference".to_owned(),
            title: String::new(),
            version: String::new(),
            network: "direct".to_owned(),
        };
        let target = Arc::new(Target::load("reference").unwrap());
        Entry::new(Contestant::new(
            target,
            Network::Direct,
            info,
            true,
            1,
            false,
        ))
    }

    fn round(problem: Option<Problem>) -> Round {
        let stream = Sample {
            problem,
            ..Sample::default()
        };
        Round {
            round: 0,
            least: Sample::default(),
            stream,
        }
    }

    #[test]
    fn a_wrong_answer_costs_the_place_and_no_answer_the_rest_of_the_rounds() {
        let mut entry = entry();
        entry.takes(round(None));
        assert!(!entry.out && entry.program.unranked.is_none());
        let wrong = Problem::WrongAnswer("another".to_owned());
        entry.takes(round(Some(wrong.clone())));
        assert!(!entry.out);
        entry.takes(round(Some(Problem::TooSlow("never".to_owned()))));
        assert!(entry.out);
        // The first reason is the one that is told.
        assert_eq!(entry.program.unranked, Some(Unranked::Problem(wrong)));
    }
}
