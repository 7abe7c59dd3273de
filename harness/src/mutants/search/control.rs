//! What passes without a defect, and what was found in the end.

use std::collections::{BTreeMap, BTreeSet};

use super::{ATTEMPTS, Findings, Play, Search, Subject};
use crate::mutants::observed::{Observed, Place, Seen, Shown};

/// What is known of the program without a defect, in one variant.
#[derive(Debug, Default)]
pub(super) struct Control {
    runs: usize,
    pub(super) known: bool,
    passes: BTreeSet<String>,
    broken: BTreeMap<String, Seen>,
}

impl Search {
    /// Plays a control, once.
    pub(super) fn control(&mut self, play: Play) {
        self.controls.entry(play).or_insert_with(|| {
            self.queue.push_back(play);
            Control::default()
        });
    }

    /// What passes in this variant with a defect that does nothing, where that is known.
    pub(super) fn steady(&self, field: usize, variant: usize) -> Option<&BTreeSet<String>> {
        let inert = Play {
            subject: Subject::Inert,
            field,
            variant,
        };
        let control = self.controls.get(&inert)?;
        control.known.then_some(&control.passes)
    }

    pub(super) fn heard_control(&mut self, play: Play, shown: Shown) {
        let control = self.controls.entry(play).or_default();
        control.runs += 1;
        for (check, seen) in shown {
            match seen {
                None => {
                    // A busy machine can break a check; it does not mend one.
                    control.broken.remove(&check);
                    control.passes.insert(check);
                }
                Some(seen) if !control.passes.contains(&check) => {
                    control.broken.insert(check, seen);
                }
                Some(_) => {}
            }
        }
        control.known = control.broken.is_empty() || control.runs >= ATTEMPTS;
        if !control.known {
            self.queue.push_back(play);
        }
    }

    /// What was found.
    #[must_use]
    pub fn into_findings(self) -> Findings {
        let mut control = Observed::default();
        let mut by_any_name = BTreeSet::new();
        for (play, known) in &self.controls {
            let field = &self.fields[play.field];
            let place = |check: &String| Place {
                scenario: field.name.clone(),
                variant: field.variants[play.variant].clone(),
                check: check.clone(),
            };
            if play.subject == Subject::Inert {
                control
                    .played
                    .insert((field.name.clone(), field.variants[play.variant].clone()));
                control.judged.extend(known.passes.iter().map(place));
                for (check, seen) in &known.broken {
                    control.judged.insert(place(check));
                    control.broken.insert(place(check), seen.clone());
                }
                continue;
            }
            let inert = Play {
                subject: Subject::Inert,
                ..*play
            };
            if let Some(inert) = self.controls.get(&inert) {
                let differ = known.passes.symmetric_difference(&inert.passes);
                by_any_name.extend(differ.map(place));
            }
        }
        // What does not pass without a defect proves nothing, and a play may have ended before that was known.
        let mut defects = self.found;
        for observed in defects.values_mut() {
            observed
                .broken
                .retain(|place, _| !control.broken.contains_key(place));
        }
        Findings {
            control,
            defects,
            by_name_only: self.by_name_only,
            by_any_name,
            played: self.played,
        }
    }
}
