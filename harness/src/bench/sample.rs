//! One measurement: one program reads one stream, or several at once, in a world of its own.

use std::sync::Arc;
use std::time::Duration;

use loginproof_mocks::Exchange;
use loginproof_mocks::script::Endpoint;
use serde::Serialize;

use super::contestant::{Contestant, Way};
use super::workload::{LAST, Reading, STREAM, Served};
use super::{filter, first_text};
use crate::run::plan::{Item, Settings};
use crate::run::turn::{Turn, turn};
use crate::scenario::model::Tty;
use crate::terminal::How;

/// What one measurement gave. Times are in microseconds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Sample {
    /// CPU time in the programs' own code.
    pub user_us: u64,
    /// CPU time in the kernel for them.
    pub system_us: u64,
    /// From the first byte that the server sent to the end of the last program; for a filter from its start. What the
    /// server needs to make its answer ready does not count.
    pub wall_us: u64,
    /// From the first byte that the server sent to the last one.
    pub sending_us: u64,
    /// From the first byte that the server sent to the first text that a person could read.
    pub first_text_us: Option<u64>,
    /// That text was there before the last byte was sent.
    pub incremental: bool,
    /// The most memory of one process, in KiB.
    pub peak_kib: u64,
    /// The most memory of all processes together, in KiB; looked at in the first round only.
    pub peak_of_all_kib: Option<u64>,
    /// The most streams that were open at one moment.
    pub at_once: usize,
    /// Why it counts for nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// Why a measurement counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "why", rename_all = "kebab-case")]
pub enum Problem {
    /// It had not ended within the bound.
    TooSlow(String),
    /// It ended otherwise than with success, or asked otherwise than once.
    Failed(String),
    /// What it made of the stream is not what was sent.
    WrongAnswer(String),
    /// The harness could not measure.
    Harness(String),
}

impl Problem {
    /// In words.
    #[must_use]
    pub fn words(&self) -> &str {
        let (Self::TooSlow(why) | Self::Failed(why) | Self::WrongAnswer(why) | Self::Harness(why)) =
            self;
        why
    }
}

impl Sample {
    /// CPU time in all.
    #[must_use]
    pub fn cpu_us(&self) -> u64 {
        self.user_us + self.system_us
    }

    pub(super) fn spoilt(problem: Problem) -> Self {
        Self {
            problem: Some(problem),
            ..Self::default()
        }
    }
}

/// Measures once.
pub async fn sample(
    contestant: &Contestant,
    served: &Served,
    streams: usize,
    settings: &Settings,
    watch_memory: bool,
) -> Sample {
    let harness = |why: String| Sample::spoilt(Problem::Harness(why));
    let scenario = match served.scenario(&contestant.steps(streams)) {
        Ok(scenario) => Arc::new(scenario),
        Err(error) => return harness(error.to_string()),
    };
    let item = Item {
        target: contestant.target.clone(),
        network: Ok(contestant.network),
        name: "bench".to_owned(),
        variant: None,
        scenario,
    };
    let settings = Settings {
        fixtures: served.fixtures.clone(),
        ..settings.clone()
    };
    let bound = contestant.bound(served.takes());
    if contestant.way == Ok(Way::Filter) {
        return filter::sample(&item, served, &settings, bound, watch_memory).await;
    }
    match turn(&item, &settings, bound, watch_memory).await {
        Ok(turn) => judge(&turn, served, streams),
        Err(error) => harness(error.to_string()),
    }
}

fn judge(turn: &Turn, served: &Served, streams: usize) -> Sample {
    let of = |fixture: &str| -> Vec<&Arc<Exchange>> {
        let answered = |exchange: &&Arc<Exchange>| {
            let answer = exchange.answer.as_ref();
            exchange.endpoint == Endpoint::Responses
                && answer.is_some_and(|answer| answer.fixture.as_deref() == Some(fixture))
        };
        turn.exchanges.iter().filter(answered).collect()
    };
    let asked = of(STREAM);
    let usages = turn.programs.iter().map(|asked| asked.record.ended.usage);
    let answers = || asked.iter().filter_map(|exchange| exchange.answer.as_ref());
    let (first, last) = (
        answers()
            .map(|answer| answer.started)
            .min()
            .unwrap_or_default(),
        answers()
            .map(|answer| answer.ended)
            .max()
            .unwrap_or_default(),
    );
    let shown = first_text::moment(turn, &served.reading.messages);
    let sent = (turn.server_began + first, turn.server_began + last);
    Sample {
        user_us: usages.clone().map(|usage| usage.user_us).sum(),
        system_us: usages.clone().map(|usage| usage.system_us).sum(),
        wall_us: micros(turn.ended.saturating_duration_since(sent.0)),
        sending_us: micros(last.saturating_sub(first)),
        first_text_us: shown.map(|shown| micros(shown.saturating_duration_since(sent.0))),
        incremental: shown.is_some_and(|shown| shown < sent.1),
        peak_kib: usages.map(|usage| usage.peak_kib).max().unwrap_or_default(),
        peak_of_all_kib: (turn.peak_of_all > 0).then_some(turn.peak_of_all / 1024),
        at_once: at_once(&asked),
        problem: problem(turn, served, streams, asked.len(), !of(LAST).is_empty()),
    }
}

/// For samples.
pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The most answers that were being sent at one moment.
fn at_once(exchanges: &[&Arc<Exchange>]) -> usize {
    let spans = exchanges
        .iter()
        .filter_map(|exchange| exchange.answer.as_ref());
    let mut turns: Vec<_> = spans
        .flat_map(|answer| [(answer.started, 1_i64), (answer.ended, -1)])
        .collect();
    turns.sort_unstable();
    let mut open = 0;
    let most = turns.into_iter().map(|(_, change)| {
        open += change;
        open
    });
    usize::try_from(most.max().unwrap_or_default()).unwrap_or_default()
}

fn problem(
    turn: &Turn,
    served: &Served,
    streams: usize,
    asked: usize,
    continued: bool,
) -> Option<Problem> {
    for program in &turn.programs {
        let record = &program.record;
        if record.timed_out {
            let ran = record.ended.ran.as_secs();
            return Some(Problem::TooSlow(format!("it had not ended after {ran} s")));
        }
        let fine = record.asked_to_end || record.ended.how == How::Exit(0);
        if !fine {
            let said = record.stderr();
            let said = said.trim().lines().last().unwrap_or_default();
            let said: String = said.chars().take(160).collect();
            return Some(Problem::Failed(match &record.ended.how {
                How::Exit(code) => format!("it ended with status {code}: {said}"),
                How::Signal(signal) => format!("it ended by signal {signal}"),
                How::Killed => "it did not end".to_owned(),
                How::NotStarted(why) => format!("it could not be started: {why}"),
            }));
        }
    }
    if turn.programs.is_empty() {
        return Some(Problem::Harness(turn.notes.join("; ")));
    }
    if asked != streams {
        let times = match asked {
            0 => "never asked".to_owned(),
            asked => format!("asked {asked} times"),
        };
        return Some(Problem::Failed(format!(
            "for {streams} stream(s) it {times}"
        )));
    }
    wrong_answer(turn, served, streams, continued).map(Problem::WrongAnswer)
}

/// What is wrong with the answers, in words.
fn wrong_answer(turn: &Turn, served: &Served, streams: usize, continued: bool) -> Option<String> {
    let expected = expected(&served.reading, &served.last, continued);
    for program in turn.programs.iter().filter(|_| !expected.is_empty()) {
        let record = &program.record;
        let whole = record.stdout();
        let each = streams / turn.programs.len();
        let right = if record.tty != Tty::None {
            expected.iter().any(|text| whole.contains(text.trim()))
        } else if each > 1 {
            expected
                .iter()
                .any(|text| whole.matches(text.trim()).count() == each)
        } else {
            let answer = record.answer.read(whole.as_bytes());
            answer.is_ok_and(|answer| expected.iter().any(|text| text.trim() == answer))
        };
        if !right {
            return Some(differs(&whole, &expected));
        }
    }
    None
}

pub(super) fn differs(answer: &str, expected: &[String]) -> String {
    let longest = expected.iter().map(String::len).max().unwrap_or_default();
    let start: String = answer.trim().chars().take(60).collect();
    format!(
        "its answer is not the text that was sent ({longest} bytes): {} bytes, {start:?}",
        answer.trim().len()
    )
}

/// Every text that a right program may give: all messages or the last one, and what the function calls led to.
pub(super) fn expected(reading: &Reading, last: &str, continued: bool) -> Vec<String> {
    let messages = &reading.messages;
    let mut texts = vec![
        messages.concat(),
        messages.join("\n"),
        messages.join("\n\n"),
    ];
    texts.extend(messages.last().cloned());
    if continued {
        let with_last = texts.iter().map(|text| format!("{text}\n{last}"));
        let mut all: Vec<String> = with_last.collect();
        all.push(last.to_owned());
        all.push([messages.concat().as_str(), last].concat());
        texts = all;
    }
    texts.retain(|text| !text.trim().is_empty());
    texts
}
