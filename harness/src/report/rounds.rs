//! Several rounds of the same run: whether their verdicts agree.

use std::collections::BTreeMap;

use super::Record;
use crate::run::event::ScenarioRef;
use crate::verdict::Verdict;

/// The verdicts of a first round, and where later ones differ.
#[derive(Clone, Debug, Default)]
pub struct Rounds {
    first: Option<(u64, Verdicts)>,
    count: usize,
    differences: Vec<Difference>,
}

type Verdicts = BTreeMap<(ScenarioRef, String), (Verdict, String)>;

/// A check whose verdict is not that of the first round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which round, from 1.
    pub round: usize,
    /// Its seed.
    pub seed: u64,
    /// The scenario, in its variant.
    pub id: ScenarioRef,
    /// The check.
    pub check: String,
    /// The verdict in the first round; none when the check was not made.
    pub was: Option<Verdict>,
    /// The verdict in this one.
    pub is: Option<Verdict>,
    /// What was seen where it did not pass.
    pub because: String,
}

impl Rounds {
    /// Compares one more round with the first. How many checks differ.
    pub fn add(&mut self, record: &Record) -> usize {
        self.count += 1;
        let verdicts: Verdicts = record
            .outcomes
            .iter()
            .flat_map(|outcome| {
                outcome.results.iter().map(|result| {
                    let key = (outcome.id.clone(), result.check.clone());
                    (key, (result.verdict, result.because.clone()))
                })
            })
            .collect();
        let Some((_, first)) = &self.first else {
            self.first = Some((record.seed, verdicts));
            return 0;
        };
        let known = self.differences.len();
        let missing = first.keys().filter(|key| !verdicts.contains_key(*key));
        for key in verdicts.keys().chain(missing) {
            let (was, is) = (first.get(key), verdicts.get(key));
            let verdict = |of: Option<&(Verdict, String)>| of.map(|(verdict, _)| *verdict);
            if verdict(was) == verdict(is) {
                continue;
            }
            let broken = [is, was]
                .into_iter()
                .flatten()
                .find(|(verdict, _)| *verdict != Verdict::Pass);
            self.differences.push(Difference {
                round: self.count,
                seed: record.seed,
                id: key.0.clone(),
                check: key.1.clone(),
                was: verdict(was),
                is: verdict(is),
                because: broken
                    .map(|(_, because)| because.clone())
                    .unwrap_or_default(),
            });
        }
        self.differences.len() - known
    }

    /// How many rounds there were.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// How many checks the first round made.
    #[must_use]
    pub fn checks(&self) -> usize {
        self.first
            .as_ref()
            .map_or(0, |(_, verdicts)| verdicts.len())
    }

    /// Everything that differs.
    #[must_use]
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let verdict = |of: Option<Verdict>| of.map_or("not made".to_owned(), |of| of.to_string());
        write!(
            f,
            "round {} (seed {}): {} of ",
            self.round, self.seed, self.check
        )?;
        write!(f, "{}", self.id.scenario)?;
        if let Some(variant) = &self.id.variant {
            write!(f, " ({variant})")?;
        }
        write!(
            f,
            " is {}, and was {} in round 1",
            verdict(self.is),
            verdict(self.was)
        )?;
        if !self.because.is_empty() {
            write!(f, ": {}", self.because)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn what_differs_is_told_by_scenario_check_and_round() {
        let mut first = Record::default();
        for event in sample::events() {
            first.on(&event);
        }
        let mut rounds = Rounds::default();
        assert_eq!(rounds.add(&first), 0);
        assert_eq!(rounds.add(&first), 0);
        let mut third = first.clone();
        third.seed = 9;
        let result = third.outcomes[0]
            .results
            .iter_mut()
            .find(|result| result.verdict == Verdict::Pass)
            .unwrap();
        result.verdict = Verdict::Fail;
        result.because = "status 0".to_owned();
        let dropped = third.outcomes.pop().unwrap();
        assert_eq!(rounds.add(&third), 1 + dropped.results.len());
        let text = rounds.differences()[0].to_string();
        assert!(text.starts_with("round 3 (seed 9): "), "{text}");
        assert!(
            text.ends_with("is fail, and was pass in round 1: status 0"),
            "{text}"
        );
        assert!(rounds.differences().iter().any(|one| one.is.is_none()));
    }
}
