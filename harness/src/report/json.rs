//! `run.json`: a run for programs to read. The types are the format; its schema is made from them.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Counts, Record, Report, ReportError, Sink, Terms};
use crate::run::event::Event;
use crate::verdict::{Level, Verdict};

/// Version of the format. It grows when a reader of the old one would be misled.
pub(super) const VERSION: u32 = 1;

/// Writes the document at the end of a run, to any number of places.
pub struct Json {
    record: Record,
    terms: Arc<Terms>,
    suite: Option<String>,
    /// What to write after `--target` to get a target again, where that is not its name.
    named: BTreeMap<String, String>,
    arguments: Vec<String>,
    sinks: Vec<Sink>,
}

impl Json {
    /// Writes nowhere yet.
    #[must_use]
    pub fn new(terms: Arc<Terms>) -> Self {
        Self {
            record: Record::default(),
            terms,
            suite: None,
            named: BTreeMap::new(),
            arguments: Vec::new(),
            sinks: Vec::new(),
        }
    }

    /// Folder of the suite, when it is not the embedded one.
    #[must_use]
    pub fn suite(mut self, folder: Option<String>) -> Self {
        self.suite = folder;
        self
    }

    /// What stood after `--target` on the command line, for a target whose name alone does not find it again.
    #[must_use]
    pub fn target_argument(mut self, name: &str, argument: &str) -> Self {
        if name != argument {
            self.named.insert(name.to_owned(), argument.to_owned());
        }
        self
    }

    /// Arguments of this run that a scenario needs to be played again alike, such as `--seed 7` or `--suite DIR`.
    #[must_use]
    pub fn arguments(mut self, arguments: impl IntoIterator<Item = String>) -> Self {
        self.arguments.extend(arguments);
        self
    }

    /// Writes to this file, whole or not at all.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.sinks.push(Sink::File(path.into()));
        self
    }

    /// Writes to this stream.
    #[must_use]
    pub fn stream(mut self, stream: impl Write + Send + 'static) -> Self {
        self.sinks.push(Sink::Stream(Box::new(stream)));
        self
    }
}

impl Report for Json {
    fn on(&mut self, event: &Event) -> Result<(), ReportError> {
        if !self.record.on(event) {
            return Ok(());
        }
        let mut document = RunDocument::new(&self.record, &self.terms);
        if let Some(suite) = &self.suite {
            document.summary.suite.clone_from(suite);
        }
        for target in &mut document.targets {
            target.argument = self.named.get(&target.name).cloned();
        }
        document.summary.arguments.clone_from(&self.arguments);
        let mut text =
            serde_json::to_string_pretty(&document).map_err(|error| ReportError::Encoding {
                report: "json",
                message: error.to_string(),
            })?;
        text.push('\n');
        let mut outcome = Ok(());
        for sink in &mut self.sinks {
            outcome = outcome.and(sink.write("json", &text));
        }
        outcome
    }
}

/// The result of a run.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[schemars(title = "loginproof run")]
pub struct RunDocument {
    /// Version of this format: 1.
    pub version: u32,
    /// Programs under test.
    pub targets: Vec<Target>,
    /// One entry per check, by target, scenario and variant, then in the order of the checks.
    pub results: Vec<CheckEntry>,
    /// The run in numbers.
    pub summary: Summary,
}

/// A program under test.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Target {
    /// Name of its target file.
    pub name: String,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// What it says of its version, first line.
    pub version: String,
    /// What stood after `--target`, where that is not its name: the path of a target file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argument: Option<String>,
    /// How its traffic reached the mocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// How many variants of the selected scenarios were left out, for the budget's sake.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Target {
    /// The same program in the same version, through the same way in.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        let told = |target: &Self| {
            let (name, version) = (target.name.clone(), target.version.clone());
            (name, version, target.network.clone())
        };
        told(self) == told(other)
    }

    /// What people call it.
    #[must_use]
    pub fn title(&self) -> &str {
        if self.title.is_empty() {
            &self.name
        } else {
            &self.title
        }
    }
}

/// One judged check.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct CheckEntry {
    /// The program's name.
    pub target: String,
    /// Path of the scenario below `scenarios/` without the ending.
    pub scenario: String,
    /// Which variant of the scenario.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Case id in the catalogue.
    pub case: String,
    /// The check's id.
    pub check: String,
    /// How binding it is.
    pub level: Level,
    /// What it says.
    pub verdict: Verdict,
    /// What was seen, measured values included.
    pub because: String,
    /// Milliseconds spent on this check.
    pub duration_ms: f64,
}

/// A run in numbers.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Summary {
    /// Checks by verdict.
    #[serde(flatten)]
    pub verdicts: Counts,
    /// Scenarios, counted once per target whatever their variants.
    pub scenarios: usize,
    /// Scenarios played: every variant of every scenario against every target.
    pub variants: usize,
    /// All checks.
    pub checks: usize,
    /// Wall time of the run in milliseconds.
    pub duration_ms: f64,
    /// What the harness took beyond the programs under test, per scenario played.
    pub overhead_ms: Overhead,
    /// Which suite was played: the version of loginproof that embeds it, or the folder given with `--suite`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub suite: String,
    /// Seed of everything random in the run.
    pub seed: u64,
    /// What else a command needs to play a scenario of the run again alike; left out when it is nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// How the command ended: 0 as expected, 1 unexpected verdict or stale baseline, 3 harness error,
    /// 4 nothing selected, 5 a secret or a connection got out.
    pub exit_status: u8,
    /// Failing checks that the baseline expects; left out when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<KnownEntry>,
    /// Entries of the baseline that did not come true; left out when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stale: Vec<String>,
}

/// Wall time of a scenario less the time in which a program under test was running, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Overhead {
    /// On average.
    pub mean: f64,
    /// At worst.
    pub max: f64,
}

/// A failing check that the baseline expects.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct KnownEntry {
    /// The program's name.
    pub target: String,
    /// Path of the scenario.
    pub scenario: String,
    /// Which variant of the scenario.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The check's id.
    pub check: String,
    /// Why it is expected.
    pub reason: String,
}

impl RunDocument {
    /// Puts the document together.
    #[must_use]
    pub fn new(record: &Record, terms: &Terms) -> Self {
        let judgement = terms.judge(record);
        let verdicts = Counts::of(record.results());
        let results = record.outcomes.iter().flat_map(|outcome| {
            outcome.results.iter().map(|result| CheckEntry {
                target: outcome.id.target.clone(),
                scenario: outcome.id.scenario.clone(),
                variant: outcome.id.variant.clone(),
                case: outcome.case.clone(),
                check: result.check.clone(),
                level: result.level,
                verdict: result.verdict,
                because: result.because.clone(),
                duration_ms: milliseconds(result.duration),
            })
        });
        let known = judgement.baseline.known.iter().map(|known| KnownEntry {
            target: known.id.target.clone(),
            scenario: known.id.scenario.clone(),
            variant: known.id.variant.clone(),
            check: known.check.clone(),
            reason: known.reason.clone(),
        });
        let stale = &judgement.baseline.stale;
        Self {
            version: VERSION,
            targets: targets(record),
            results: results.collect(),
            summary: Summary {
                verdicts,
                scenarios: record.scenarios(),
                variants: record.outcomes.len(),
                checks: verdicts.total(),
                duration_ms: milliseconds(record.duration.unwrap_or_default()),
                overhead_ms: overhead(record),
                suite: env!("CARGO_PKG_VERSION").to_owned(),
                seed: record.seed,
                arguments: Vec::new(),
                exit_status: judgement.status.code(),
                known: known.collect(),
                stale: stale
                    .iter()
                    .map(|stale| format!("{}: {}", stale.place, stale.message))
                    .collect(),
            },
        }
    }

    /// The format's JSON Schema.
    #[must_use]
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(Self)
    }
}

fn targets(record: &Record) -> Vec<Target> {
    let sorted: BTreeMap<_, _> = record
        .targets
        .iter()
        .map(|target| (&target.name, target))
        .collect();
    sorted
        .into_values()
        .map(|target| Target {
            name: target.name.clone(),
            title: target.title.clone(),
            version: target.version.clone(),
            argument: None,
            network: (!target.network.is_empty()).then(|| target.network.clone()),
            left_out: record.left_out.get(&target.name).copied().unwrap_or(0),
        })
        .collect()
}

fn overhead(record: &Record) -> Overhead {
    let each: Vec<f64> = record
        .outcomes
        .iter()
        .map(|outcome| milliseconds(outcome.duration.saturating_sub(outcome.program)))
        .collect();
    if each.is_empty() {
        return Overhead::default();
    }
    let mean = each.iter().sum::<f64>() / each.len() as f64;
    Overhead {
        mean: (mean * 1e3).round() / 1e3,
        max: each.into_iter().fold(0.0, f64::max),
    }
}

/// Milliseconds with microseconds behind the point.
fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::report::sample;

    fn written() -> Value {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        let mut json = Json::new(Arc::default()).file(&path);
        for event in sample::events() {
            json.on(&event).unwrap();
        }
        serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap()
    }

    #[test]
    fn the_document_of_a_run() {
        insta::assert_snapshot!(serde_json::to_string_pretty(&written()).unwrap());
    }

    #[test]
    fn what_is_written_is_read_back() {
        let document: RunDocument = serde_json::from_value(written()).unwrap();
        assert_eq!(
            document,
            RunDocument::new(&sample::record(), &Terms::default())
        );
    }

    #[test]
    fn the_order_does_not_depend_on_which_scenario_ended_first() {
        let mut events = sample::events();
        let last = events.len() - 1;
        events[1..last].reverse();
        let mut record = Record::default();
        for event in &events {
            record.on(event);
        }
        let terms = Terms::default();
        assert_eq!(
            RunDocument::new(&record, &terms),
            RunDocument::new(&sample::record(), &terms)
        );
    }

    #[test]
    fn a_run_has_what_the_schema_requires_and_nothing_it_does_not_know() {
        let schema = serde_json::to_value(RunDocument::schema()).unwrap();
        let document = written();
        agree(&schema, &schema, &document);
        let results = document["results"].as_array().unwrap();
        agree(&schema, &schema["$defs"]["CheckEntry"], &results[0]);
        agree(&schema, &schema["$defs"]["Target"], &document["targets"][0]);
        agree(&schema, &schema["$defs"]["Summary"], &document["summary"]);
    }

    /// Required keys are there; keys that are there are described, and have a description.
    fn agree(root: &Value, schema: &Value, value: &Value) {
        let object = value.as_object().unwrap();
        for key in schema["required"].as_array().unwrap() {
            assert!(
                object.contains_key(key.as_str().unwrap()),
                "{key} is required: {value}"
            );
        }
        for key in object.keys() {
            let property = &schema["properties"][key];
            assert!(property.is_object(), "{key} is not in the schema");
            let described = property["description"].is_string()
                || property["$ref"]
                    .as_str()
                    .is_some_and(|name| root.pointer(&name[1..]).is_some());
            assert!(described, "{key} has no description");
        }
    }
}
