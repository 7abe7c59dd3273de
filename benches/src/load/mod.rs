//! The mock server under load: many paced streams, many small answers, one long stream. The server is a process of
//! its own, so that its CPU time and memory are its own.

mod child;
mod crowd;
mod replay;
mod small;

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

pub(crate) use child::Serve;

#[derive(Args)]
pub(crate) struct Load {
    /// What to measure; all when left out
    part: Vec<Part>,
    /// Paced streams side by side
    #[arg(long, default_value_t = 10_000)]
    streams: usize,
    /// Seconds for which their events are counted
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Small answers in all, of the mock server alone, after the comparison
    #[arg(long, default_value_t = 1_000_000)]
    requests: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Exit with 1 when a figure is not reached
    #[arg(long)]
    gate: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Many streams with one event a second each
    Streams,
    /// Small JSON answers, beside wiremock
    Small,
    /// One stream of 64 MB as fast as it goes, beside a server that only writes
    Replay,
}

/// One figure, and whether it is as it should be.
pub(crate) struct Figure {
    part: &'static str,
    what: &'static str,
    value: f64,
    unit: &'static str,
    /// What is wanted of it, in words, and whether it is so.
    wanted: Option<(String, bool)>,
}

impl Figure {
    fn new(part: &'static str, what: &'static str, value: f64, unit: &'static str) -> Self {
        Self {
            part,
            what,
            value,
            unit,
            wanted: None,
        }
    }

    fn at_most(mut self, limit: f64) -> Self {
        self.wanted = Some((format!("at most {limit}"), self.value <= limit));
        self
    }

    fn at_least(mut self, limit: f64) -> Self {
        self.wanted = Some((format!("at least {limit}"), self.value >= limit));
        self
    }

    fn holds(&self) -> bool {
        self.wanted.as_ref().is_none_or(|(_, holds)| *holds)
    }

    fn line(&self) -> String {
        let wanted = match &self.wanted {
            None => String::new(),
            Some((wanted, true)) => format!("   ok, {wanted}"),
            Some((wanted, false)) => format!("   FAIL, {wanted}"),
        };
        format!(
            "{:<8} {:<44} {:>12.2} {}{wanted}",
            self.part, self.what, self.value, self.unit
        )
    }

    fn json(&self) -> Value {
        json!({
            "part": self.part, "what": self.what, "value": self.value, "unit": self.unit,
            "wanted": self.wanted.as_ref().map(|(wanted, _)| wanted), "holds": self.holds(),
        })
    }
}

impl Load {
    pub(crate) fn run(&self) -> ExitCode {
        match self.measure() {
            Ok(figures) => {
                if self.json {
                    let all: Vec<Value> = figures.iter().map(Figure::json).collect();
                    println!("{:#}", Value::from(all));
                } else {
                    for figure in &figures {
                        println!("{}", figure.line());
                    }
                }
                let reached = figures.iter().all(Figure::holds);
                ExitCode::from(u8::from(self.gate && !reached))
            }
            Err(error) => {
                println!("the load could not be made: {error}");
                ExitCode::from(3)
            }
        }
    }

    fn measure(&self) -> std::io::Result<Vec<Figure>> {
        let wants = |part| self.part.is_empty() || self.part.contains(&part);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let mut figures = Vec::new();
        if wants(Part::Streams) {
            figures.extend(runtime.block_on(crowd::measure(self.streams, self.seconds))?);
        }
        if wants(Part::Small) {
            figures.extend(runtime.block_on(small::measure(self.requests))?);
        }
        if wants(Part::Replay) {
            figures.extend(replay::measure()?);
        }
        Ok(figures)
    }
}
