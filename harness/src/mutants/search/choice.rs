//! Which pair of defect and scenario promises most.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::collections::btree_map::Entry;

use loginproof_client::defect::Defect;

use super::control::Control;
use super::{Breadth, Field, Killed, Play, Search, Subject};
use crate::run::plan::fnv;

/// Side by side in one scenario, or for one defect, while each may make the others superfluous.
const ABREAST: usize = 2;

/// Once each defect of the area has been through a scenario: so many plays more, of other variants and other defects.
const FURTHER: usize = 24;

/// A defect in a scenario.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prospect {
    /// The defect.
    pub(super) defect: Defect,
    /// Index of the field.
    pub(super) field: usize,
    /// Whether the defect shows in the area.
    shows: bool,
    /// Whether the scenario cites the defect's report.
    cites: bool,
    /// A number that follows from the seed.
    lot: u64,
}

impl Prospect {
    /// All there are, by defect.
    pub(super) fn all(
        fields: &[Field],
        defects: &[Defect],
        breadth: Breadth,
        seed: u64,
    ) -> Vec<Self> {
        let mut all = Vec::new();
        for &defect in defects {
            for (index, field) in fields.iter().enumerate() {
                let cites = field.cites(defect);
                let shows = cites || defect.areas().contains(&field.area());
                if shows || breadth != Breadth::Areas {
                    all.push(Self {
                        defect,
                        field: index,
                        shows,
                        cites,
                        lot: fnv(&format!("{seed} {} {}", defect.name(), field.name)),
                    });
                }
            }
        }
        all
    }
}

impl Search {
    /// The best pair that there is to play, or the control that it needs first.
    pub(super) fn choose(&mut self) -> Option<Play> {
        if self.breadth != Breadth::Proof {
            return None;
        }
        let (prospect, variant) = self.for_a_defect().or_else(|| self.for_a_check())?;
        let Prospect { defect, field, .. } = prospect;
        let inert = Play {
            subject: Subject::Inert,
            field,
            variant,
        };
        if let Entry::Vacant(entry) = self.controls.entry(inert) {
            entry.insert(Control::default());
            return Some(inert);
        }
        if !prospect.shows || self.tried(&prospect) > 0 {
            self.further[field] += 1;
        }
        self.begin(defect, field, variant);
        Some(Play {
            subject: Subject::Named(defect),
            field,
            variant,
        })
    }

    /// A place for a defect that nothing has noticed yet: where its report is cited, then where it shows.
    fn for_a_defect(&self) -> Option<(Prospect, usize)> {
        let wanted: Vec<&Prospect> = (self.prospects.iter())
            .filter(|prospect| {
                let killed = self.killed.get(&prospect.defect);
                killed.is_none() || prospect.cites && killed != Some(&Killed::WhereItIsCited)
            })
            .collect();
        let cited: BTreeSet<Defect> = (wanted.iter())
            .filter(|prospect| prospect.cites)
            .filter(|prospect| self.tried(prospect) < self.fields[prospect.field].variants.len())
            .map(|prospect| prospect.defect)
            .collect();
        wanted
            .into_iter()
            .filter_map(|prospect| {
                let abreast = self.abreast(prospect.defect);
                let now = if prospect.cites {
                    abreast < ABREAST
                } else {
                    // Elsewhere only after all that cite it.
                    prospect.shows && abreast == 0 && !cited.contains(&prospect.defect)
                };
                let variant = now.then(|| self.untried(prospect)).flatten()?;
                let key = (!prospect.cites, self.tried(prospect), prospect.lot);
                Some((key, (*prospect, variant)))
            })
            .min_by_key(|(key, _)| *key)
            .map(|(_, pair)| pair)
    }

    /// A defect for a scenario with checks that have not failed yet.
    fn for_a_check(&self) -> Option<(Prospect, usize)> {
        let open: Vec<Vec<(&str, &str)>> = (0..self.fields.len())
            .map(|field| {
                if self.in_field[field] < ABREAST {
                    self.open(field)
                } else {
                    Vec::new()
                }
            })
            .collect();
        self.prospects
            .iter()
            .filter_map(|prospect| {
                let checks = &open[prospect.field];
                if checks.is_empty() {
                    return None;
                }
                let fresh = prospect.shows && self.tried(prospect) == 0;
                if !fresh && self.further[prospect.field] >= FURTHER {
                    return None;
                }
                let variant = self.untried(prospect)?;
                let hope = checks
                    .iter()
                    .map(|(check, witness)| self.hope(prospect.defect, check, witness))
                    .fold(f64::from(u8::from(prospect.cites)), f64::max);
                Some(((fresh, hope, Reverse(prospect.lot)), (*prospect, variant)))
            })
            .max_by(|(a, _), (b, _)| {
                (a.0.cmp(&b.0))
                    .then(a.1.total_cmp(&b.1))
                    .then(a.2.cmp(&b.2))
            })
            .map(|(_, pair)| pair)
    }

    /// Checks of this scenario that nothing has failed yet and that have no excuse, each with its witness.
    fn open(&self, field: usize) -> Vec<(&str, &str)> {
        let Field {
            checks, excused, ..
        } = &self.fields[field];
        checks
            .iter()
            .filter(|(check, _)| !self.failed[field].contains(*check) && !excused.contains(*check))
            .map(|(check, witness)| (check.as_str(), *witness))
            .collect()
    }

    /// How often this defect failed checks like this one: of the same name, and of the same witness.
    fn hope(&self, defect: Defect, check: &str, witness: &str) -> f64 {
        let rate = |kind: &str| {
            let rates = self.rates.get(&defect);
            rates
                .and_then(|rates| rates.get(kind))
                .copied()
                .unwrap_or_default()
        };
        let (same, kin) = (rate(check), rate(witness));
        (2.0 * same.failed + kin.failed + 0.3) / (2.0 * same.asked + kin.asked + 1.0)
    }

    fn abreast(&self, defect: Defect) -> usize {
        self.in_defect.get(&defect).copied().unwrap_or_default()
    }

    /// In how many variants a defect was played, or is being played.
    fn tried(&self, prospect: &Prospect) -> usize {
        let pair = self.pairs.get(&(prospect.defect, prospect.field));
        pair.map_or(0, |pair| pair.0.len())
    }

    /// The next variant of this scenario for the defect; none while its control is being waited for.
    fn untried(&self, prospect: &Prospect) -> Option<usize> {
        let count = self.fields[prospect.field].variants.len();
        let tried = self.pairs.get(&(prospect.defect, prospect.field));
        // Each defect begins elsewhere, so that many variants are seen.
        let first = usize::try_from(prospect.lot % 0xffff).unwrap_or_default();
        let variant = (0..count)
            .map(|step| (first + step) % count)
            .find(|variant| tried.is_none_or(|pair| !pair.0.contains_key(variant)))?;
        let inert = Play {
            subject: Subject::Inert,
            field: prospect.field,
            variant,
        };
        let awaited = self
            .controls
            .get(&inert)
            .is_some_and(|control| !control.known);
        (!awaited).then_some(variant)
    }
}
