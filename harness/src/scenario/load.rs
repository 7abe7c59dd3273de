//! From the text of a scenario file to its variants, with every mistake shown where it stands.

use std::collections::BTreeMap;

use loginproof_mocks::fixture::Fixtures;
use serde::Deserialize;
use serde_json::Value;

use super::model::{Branch, Check, Scenario, Step};
use super::validate::validate;
use crate::file_error::{FileError, suggestion};

/// One scenario file, read: the scenario in each of its variants, in the order of the matrix.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Path below the suite without the ending: `refresh/reused`.
    pub name: String,
    /// The file's text.
    pub text: String,
    /// Each variant's label (none without a matrix) and content.
    pub variants: Vec<(Option<String>, Scenario)>,
}

impl Loaded {
    /// The first variant: what `list` and `explain` show.
    #[must_use]
    pub fn first(&self) -> &Scenario {
        &self.variants[0].1
    }
}

/// Reads a scenario file and checks all that can be checked without running it.
///
/// # Errors
/// The first mistake found, with its place.
pub fn load(name: &str, file: &str, text: &str, fixtures: &Fixtures) -> Result<Loaded, FileError> {
    let matrix = matrix(file, text)?;
    let mut variants = Vec::new();
    for combination in combinations(&matrix) {
        let filled = fill(file, text, &combination)?;
        let scenario: Scenario = serde_saphyr::from_str(&filled)
            .map_err(|error| FileError::from_yaml(file, &filled, &error))?;
        validate(file, &filled, &scenario, fixtures)?;
        variants.push((label(&combination), scenario));
    }
    Ok(Loaded {
        name: name.to_owned(),
        text: text.to_owned(),
        variants,
    })
}

type Combination<'a> = Vec<(&'a str, &'a Value)>;

fn matrix(file: &str, text: &str) -> Result<BTreeMap<String, Vec<Value>>, FileError> {
    #[derive(Deserialize)]
    struct OnlyMatrix {
        #[serde(default)]
        matrix: BTreeMap<String, Vec<Value>>,
    }
    // `${…}` may stand where only a number or a mapping is valid, so the matrix is read from its own lines alone.
    let block = top_level_block(text, "matrix");
    let parsed: OnlyMatrix = serde_saphyr::from_str(&block)
        .map_err(|error| FileError::from_yaml(file, &block, &error))?;
    for (axis, values) in &parsed.matrix {
        if values.is_empty() {
            return Err(FileError::at(
                file,
                text,
                axis,
                format!("the matrix axis `{axis}` has no values"),
            ));
        }
    }
    Ok(parsed.matrix)
}

/// The lines of one top-level key, all others blank: places stay what they are in the file.
fn top_level_block(text: &str, key: &str) -> String {
    let mut inside = false;
    let mut block = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if line.starts_with(|c: char| !c.is_whitespace() && c != '#' && c != '-') {
            inside = line.split(':').next() == Some(key);
        }
        block.push_str(if inside { line } else { "\n" });
    }
    if block.trim().is_empty() {
        "{}".to_owned()
    } else {
        block
    }
}

fn combinations(matrix: &BTreeMap<String, Vec<Value>>) -> Vec<Combination<'_>> {
    matrix.iter().fold(vec![Vec::new()], |all, (axis, values)| {
        all.iter()
            .flat_map(|combination| {
                values.iter().map(move |value| {
                    let mut longer = combination.clone();
                    longer.push((axis.as_str(), value));
                    longer
                })
            })
            .collect()
    })
}

fn label(combination: &Combination<'_>) -> Option<String> {
    let parts: Vec<String> = combination
        .iter()
        .map(|(axis, value)| match value {
            Value::Object(fields) => match fields.get("name") {
                Some(name) => format!("{axis}={}", plain(name)),
                None => format!("{axis}={value}"),
            },
            value => format!("{axis}={}", plain(value)),
        })
        .collect();
    (!parts.is_empty()).then(|| parts.join(","))
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Puts the values of one combination in the place of `${axis}` and `${axis.field}`.
fn fill(file: &str, text: &str, combination: &Combination<'_>) -> Result<String, FileError> {
    let values: BTreeMap<&str, &Value> = combination.iter().copied().collect();
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else {
            break;
        };
        let name = &rest[start + 2..start + length];
        filled.push_str(&rest[..start]);
        let (axis, field) = name
            .split_once('.')
            .map_or((name, None), |(axis, field)| (axis, Some(field)));
        let value = values
            .get(axis)
            .and_then(|value| field.map_or(Some(*value), |field| value.get(field)));
        let Some(value) = value else {
            let help = suggestion(axis, values.keys().copied())
                .map(|meant| format!("did you mean `${{{meant}}}`?"));
            let message = format!("`${{{name}}}` stands for nothing: the matrix has no such value");
            return Err(
                FileError::at(file, text, &rest[start..=start + length], message).with_help(help),
            );
        };
        filled.push_str(&plain(value));
        rest = &rest[start + length + 1..];
    }
    filled.push_str(rest);
    Ok(filled)
}

impl Scenario {
    /// Its steps, those of branches included.
    #[must_use]
    pub fn all_steps(&self) -> Vec<&Step> {
        fn below<'a>(steps: &'a [Step], all: &mut Vec<&'a Step>) {
            for step in steps {
                all.push(step);
                for branch in step.together.iter().flatten() {
                    below(branch.steps(), all);
                }
            }
        }
        let mut all = Vec::new();
        below(&self.steps, &mut all);
        all
    }
}

impl Step {
    /// Names of the actions this step holds; a valid step has one.
    #[must_use]
    pub fn actions(&self) -> Vec<&'static str> {
        [
            ("login", self.login.is_some()),
            ("ask", self.ask.is_some()),
            ("logout", self.logout.is_some()),
            ("status", self.status.is_some()),
            ("models", self.models.is_some()),
            ("accounts", self.accounts.is_some()),
            ("translate", self.translate.is_some()),
            ("type", self.r#type.is_some()),
            ("press", self.press.is_some()),
            ("resize", self.resize.is_some()),
            ("signal", self.signal.is_some()),
            ("wait", self.wait.is_some()),
            ("release", self.release.is_some()),
            ("elsewhere", self.elsewhere.is_some()),
            ("together", self.together.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, given)| given.then_some(name))
        .collect()
    }
}

impl Branch {
    /// The steps of the branch.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        match self {
            Self::Steps(steps) => steps,
            Self::Step(step) => std::slice::from_ref(step),
        }
    }
}

impl Check {
    /// What a check can call as its witness.
    pub const WITNESSES: [&str; 8] = [
        "requests", "screen", "answer", "exit", "store", "within", "process", "session",
    ];

    /// Names of the witnesses this check calls; a valid check has one.
    #[must_use]
    pub fn witnesses(&self) -> Vec<&'static str> {
        let given = [
            self.requests.is_some(),
            self.screen.is_some(),
            self.answer.is_some(),
            self.exit.is_some(),
            self.store.is_some(),
            self.within.is_some(),
            self.process.is_some(),
            self.session.is_some(),
        ];
        Self::WITNESSES
            .into_iter()
            .zip(given)
            .filter_map(|(name, given)| given.then_some(name))
            .collect()
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
