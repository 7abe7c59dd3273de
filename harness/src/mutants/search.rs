//! The search for proof: which defect is played in which scenario next. It plays nothing itself.
//!
//! Three things have to be found: a check that notices each defect, in a scenario that cites the defect's report; a
//! defect that each check notices; and that nothing of it rests on the machine's load or on the defect's name. A defect
//! is first played where its report is cited. Then every scenario with checks that nothing has failed yet meets the
//! defects of its area, those first that failed checks like its own elsewhere. What is new is played a second time, with
//! the defect's number in place of its name, and counts when both agree.

mod choice;
mod control;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use loginproof_client::defect::Defect;

use super::observed::{Observed, Place, Seen, Shown};
use choice::Prospect;
use control::Control;

/// How often a play may fail to be confirmed.
const ATTEMPTS: usize = 2;

/// A scenario, as far as the search needs to know it.
#[derive(Clone, Debug)]
pub struct Field {
    /// Path below `scenarios/`.
    pub name: String,
    /// The reports that it cites.
    pub sources: BTreeSet<String>,
    /// Labels of its variants; one of none without a matrix.
    pub variants: Vec<Option<String>>,
    /// Its own checks, each with the kind of its witness.
    pub checks: BTreeMap<String, &'static str>,
    /// Those of them that need no defect.
    pub excused: BTreeSet<String>,
}

impl Field {
    /// The folder that it lies in.
    #[must_use]
    pub fn area(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    /// Whether it cites the report of this defect.
    #[must_use]
    pub fn cites(&self, defect: Defect) -> bool {
        self.sources.contains(defect.source())
    }
}

/// How far the search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breadth {
    /// Until each defect is killed and each check has failed, in the areas where a defect shows.
    Proof,
    /// Every variant of every scenario in the areas where a defect shows.
    Areas,
    /// Every variant of every scenario.
    Everything,
}

/// Who is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The program without a defect.
    Plain,
    /// With a defect that does nothing.
    Inert,
    /// With this defect, by its name.
    Named(Defect),
    /// With this defect, by its number.
    Numbered(Defect),
}

/// One scenario in one variant with one subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Play {
    /// Who.
    pub subject: Subject,
    /// Index of the field.
    pub field: usize,
    /// Index of the variant.
    pub variant: usize,
}

/// The state of a search.
#[derive(Debug)]
pub struct Search {
    fields: Vec<Field>,
    breadth: Breadth,
    prospects: Vec<Prospect>,
    queue: VecDeque<Play>,
    controls: BTreeMap<Play, Control>,
    pairs: BTreeMap<(Defect, usize), Pair>,
    further: Vec<usize>,
    in_defect: BTreeMap<Defect, usize>,
    in_field: Vec<usize>,
    rates: BTreeMap<Defect, BTreeMap<String, Rate>>,
    found: BTreeMap<Defect, Observed>,
    failed: Vec<BTreeSet<String>>,
    killed: BTreeMap<Defect, Killed>,
    by_name_only: BTreeSet<(Defect, Place)>,
    played: usize,
}

/// A defect in a scenario: what it did in the variants that were begun.
#[derive(Debug, Default)]
struct Pair(BTreeMap<usize, Tried>);

#[derive(Debug, Default)]
struct Tried {
    attempts: usize,
    by_name: BTreeMap<String, Seen>,
    /// Broken with the name but not with the number, at the last attempt.
    unconfirmed: BTreeSet<String>,
}

/// How often checks of a kind failed with a defect.
#[derive(Clone, Copy, Debug, Default)]
struct Rate {
    asked: f64,
    failed: f64,
}

/// How a defect was noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Killed {
    Somewhere,
    WhereItIsCited,
}

/// What a search found.
#[derive(Debug)]
pub struct Findings {
    /// The program with a defect that does nothing.
    pub control: Observed,
    /// Each defect: what it broke, and whether that was seen twice.
    pub defects: BTreeMap<Defect, Observed>,
    /// Checks that a defect fails under its name, and not under its number.
    pub by_name_only: BTreeSet<(Defect, Place)>,
    /// Checks that tell the program without a defect from the one whose defect does nothing.
    pub by_any_name: BTreeSet<Place>,
    /// How many scenarios were played, variants counted.
    pub played: usize,
}

impl Search {
    /// A search that knows nothing yet.
    #[must_use]
    pub fn new(fields: Vec<Field>, defects: Vec<Defect>, breadth: Breadth, seed: u64) -> Self {
        let mut search = Self {
            queue: VecDeque::new(),
            controls: BTreeMap::new(),
            pairs: BTreeMap::new(),
            further: vec![0; fields.len()],
            in_defect: BTreeMap::new(),
            in_field: vec![0; fields.len()],
            rates: BTreeMap::new(),
            found: defects.iter().map(|d| (*d, Observed::default())).collect(),
            failed: vec![BTreeSet::new(); fields.len()],
            killed: BTreeMap::new(),
            by_name_only: BTreeSet::new(),
            played: 0,
            prospects: Prospect::all(&fields, &defects, breadth, seed),
            fields,
            breadth,
        };
        if breadth == Breadth::Proof {
            // The first variant that a defect will be played in is as good as any.
            for field in 0..search.fields.len() {
                for subject in [Subject::Plain, Subject::Inert] {
                    search.control(Play {
                        subject,
                        field,
                        variant: 0,
                    });
                }
            }
        } else {
            let prospects = search.prospects.clone();
            for field in prospects.iter().map(|prospect| prospect.field) {
                for variant in 0..search.fields[field].variants.len() {
                    search.control(Play {
                        subject: Subject::Inert,
                        field,
                        variant,
                    });
                }
            }
            for Prospect { defect, field, .. } in prospects {
                for variant in 0..search.fields[field].variants.len() {
                    search.begin(defect, field, variant);
                    search.queue.push_back(Play {
                        subject: Subject::Named(defect),
                        field,
                        variant,
                    });
                }
            }
        }
        search
    }

    /// What to play next. None while that depends on what is being played, and when all is found.
    pub fn next_play(&mut self) -> Option<Play> {
        let play = match self.queue.pop_front() {
            Some(play) => play,
            None => self.choose()?,
        };
        if let Subject::Named(defect) | Subject::Numbered(defect) = play.subject {
            *self.in_defect.entry(defect).or_default() += 1;
            self.in_field[play.field] += 1;
        }
        Some(play)
    }

    /// Takes note of what a play showed.
    pub fn heard(&mut self, play: Play, shown: Shown) {
        self.played += 1;
        match play.subject {
            Subject::Plain | Subject::Inert => self.heard_control(play, shown),
            Subject::Named(defect) => {
                self.done(defect, play.field);
                self.heard_by_name(defect, play, shown);
            }
            Subject::Numbered(defect) => {
                self.done(defect, play.field);
                self.heard_by_number(defect, play, &shown);
            }
        }
    }

    /// How far the search has come: killed defects, and own checks that have failed.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        (
            self.killed.len(),
            self.failed.iter().map(BTreeSet::len).sum(),
        )
    }
}

/// Defects.
impl Search {
    fn begin(&mut self, defect: Defect, field: usize, variant: usize) {
        let pair = self.pairs.entry((defect, field)).or_default();
        pair.0.entry(variant).or_default().attempts += 1;
    }

    fn done(&mut self, defect: Defect, field: usize) {
        if let Some(count) = self.in_defect.get_mut(&defect) {
            *count -= 1;
        }
        self.in_field[field] -= 1;
    }

    fn place(&self, play: Play, check: &str) -> Place {
        let field = &self.fields[play.field];
        Place {
            scenario: field.name.clone(),
            variant: field.variants[play.variant].clone(),
            check: check.to_owned(),
        }
    }

    fn heard_by_name(&mut self, defect: Defect, play: Play, shown: Shown) {
        let field = &self.fields[play.field];
        // In the exhaustive search a defect may be ahead of its control: then everything is looked at twice.
        let steady = self.steady(play.field, play.variant).cloned();
        let mut broken = BTreeMap::new();
        for (check, seen) in shown {
            let fails = seen.is_some();
            if let Some(witness) = field.checks.get(&check) {
                for kind in [*witness, check.as_str()] {
                    let rates = self.rates.entry(defect).or_default();
                    let rate = rates.entry(kind.to_owned()).or_default();
                    rate.asked += 1.0;
                    rate.failed += if fails { 1.0 } else { 0.0 };
                }
            }
            if let Some(seen) = seen
                && steady.as_ref().is_none_or(|steady| steady.contains(&check))
            {
                broken.insert(check, seen);
            }
        }
        let news = broken
            .iter()
            .any(|(check, _)| self.is_news(defect, play.field, check));
        let name = (field.name.clone(), field.variants[play.variant].clone());
        let places: Vec<(Place, Seen)> = broken
            .iter()
            .map(|(check, seen)| (self.place(play, check), seen.clone()))
            .collect();
        let own = self.found.entry(defect).or_default();
        own.played.insert(name);
        for (place, seen) in places {
            own.broken.entry(place).or_insert(seen);
        }
        let pair = self.pairs.entry((defect, play.field)).or_default();
        pair.0.entry(play.variant).or_default().by_name = broken;
        if news {
            self.queue.push_front(Play {
                subject: Subject::Numbered(defect),
                ..play
            });
        }
    }

    /// Whether this check tells something of the defect, or of itself, that was not known.
    fn is_news(&self, defect: Defect, field: usize, check: &str) -> bool {
        let own = self.fields[field].checks.contains_key(check);
        let kills = self.killed.get(&defect) < self.kill_of(defect, field).as_ref();
        kills || own && !self.failed[field].contains(check)
    }

    fn kill_of(&self, defect: Defect, field: usize) -> Option<Killed> {
        Some(if self.fields[field].cites(defect) {
            Killed::WhereItIsCited
        } else {
            Killed::Somewhere
        })
    }

    fn heard_by_number(&mut self, defect: Defect, play: Play, shown: &Shown) {
        let tried = self
            .pairs
            .entry((defect, play.field))
            .or_default()
            .0
            .entry(play.variant)
            .or_default();
        let by_name = std::mem::take(&mut tried.by_name);
        let (twice, once): (BTreeMap<_, _>, BTreeMap<_, _>) = by_name
            .into_iter()
            .partition(|(check, _)| matches!(shown.get(check), Some(Some(_))));
        let again: BTreeSet<String> = once
            .keys()
            .filter(|check| tried.unconfirmed.contains(*check))
            .cloned()
            .collect();
        tried.unconfirmed = once.keys().cloned().collect();
        let more = tried.attempts < ATTEMPTS;
        for check in again {
            let place = self.place(play, &check);
            self.by_name_only.insert((defect, place));
        }
        let missed = once
            .iter()
            .any(|(check, _)| self.is_news(defect, play.field, check));
        for check in once.keys() {
            let place = self.place(play, check);
            if let Some(own) = self.found.get_mut(&defect) {
                own.broken.remove(&place);
            }
        }
        for check in twice.keys() {
            let own = self.fields[play.field].checks.contains_key(check);
            if own {
                self.failed[play.field].insert(check.clone());
            }
            let kill = self.kill_of(defect, play.field);
            let known = self.killed.get(&defect).copied();
            if let Some(kill) = known.max(kill) {
                self.killed.insert(defect, kill);
            }
            let place = self.place(play, check);
            if let Some(seen) = self
                .found
                .get_mut(&defect)
                .and_then(|own| own.broken.get_mut(&place))
            {
                seen.confirmed = true;
            }
        }
        if missed && more {
            self.begin(defect, play.field, play.variant);
            self.queue.push_back(Play {
                subject: Subject::Named(defect),
                ..play
            });
        }
    }
}
