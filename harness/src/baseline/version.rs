//! Which versions of a program an entry speaks of.

use std::cmp::Ordering;

/// `0.169` (that one and all below it, 0.169.x) or bounds: `>=0.160, <0.170`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Versions {
    rules: Vec<(Bound, Vec<u64>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    Within,
    AtLeast,
    Above,
    AtMost,
    Below,
}

impl Versions {
    /// Reads bounds; all of them must hold.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let rules = text
            .split(',')
            .map(|part| rule(part.trim()))
            .collect::<Result<_, _>>()?;
        Ok(Self { rules })
    }

    /// Whether they hold for what a program says of its version, such as `codex-cli 0.169.0`.
    /// A program that tells no version is in no range.
    pub(super) fn hold(&self, told: &str) -> bool {
        let Some(version) = told
            .split(|c: char| c.is_whitespace() || matches!(c, ',' | '(' | ')' | '/'))
            .find_map(numbers)
        else {
            return false;
        };
        self.rules.iter().all(|(bound, wanted)| match bound {
            Bound::Within => version
                .iter()
                .chain(std::iter::repeat(&0))
                .zip(wanted)
                .all(|(a, b)| a == b),
            Bound::AtLeast => compare(&version, wanted) != Ordering::Less,
            Bound::Above => compare(&version, wanted) == Ordering::Greater,
            Bound::AtMost => compare(&version, wanted) != Ordering::Greater,
            Bound::Below => compare(&version, wanted) == Ordering::Less,
        })
    }
}

fn rule(part: &str) -> Result<(Bound, Vec<u64>), String> {
    let bounds = [
        (">=", Bound::AtLeast),
        ("<=", Bound::AtMost),
        (">", Bound::Above),
        ("<", Bound::Below),
        ("=", Bound::Within),
        ("", Bound::Within),
    ];
    let (bound, rest) = bounds
        .into_iter()
        .find_map(|(sign, bound)| part.strip_prefix(sign).map(|rest| (bound, rest.trim())))
        .unwrap_or((Bound::Within, part));
    let strict: Option<Vec<u64>> = rest.split('.').map(|number| number.parse().ok()).collect();
    strict
        .map(|numbers| (bound, numbers))
        .ok_or_else(|| format!("`{part}` is no version"))
}

/// The numbers of a word that is a version: `v0.169.0-beta` is 0.169.0. A word without a dot is none, since
/// a name may hold a digit.
fn numbers(word: &str) -> Option<Vec<u64>> {
    let word = word.strip_prefix('v').unwrap_or(word);
    let core = word.split(['-', '+']).next()?;
    let numbers: Vec<u64> = core
        .split('.')
        .map(|number| number.parse().ok())
        .collect::<Option<_>>()?;
    (numbers.len() > 1).then_some(numbers)
}

/// Compares number by number; what is not written is zero.
fn compare(a: &[u64], b: &[u64]) -> Ordering {
    let length = a.len().max(b.len());
    let padded = |numbers: &[u64]| -> Vec<u64> {
        numbers
            .iter()
            .copied()
            .chain(std::iter::repeat(0))
            .take(length)
            .collect()
    };
    padded(a).cmp(&padded(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(versions: &str, told: &str) -> bool {
        Versions::parse(versions).unwrap().hold(told)
    }

    #[test]
    fn a_prefix_ends_at_a_dot() {
        assert!(holds("0.16", "codex-cli 0.16.3"));
        assert!(holds("0.169.0", "0.169"));
        assert!(!holds("0.16", "codex-cli 0.169.0"));
    }

    #[test]
    fn all_bounds_must_hold() {
        assert!(holds(">=0.160, <0.170", "codex-cli 0.169.2"));
        assert!(!holds(">=0.160, <0.170", "codex-cli 0.170.0"));
        assert!(holds(">1.9", "v1.10.0-beta.1 (abc)"));
        assert!(!holds("<=1.9", "1.9.1"));
    }

    #[test]
    fn a_program_without_a_version_is_in_no_range() {
        assert!(!holds(">=0", "gpt4 unknown"));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "latest", ">=", "1..2", "1.x", ">=1, "] {
            assert!(Versions::parse(text).is_err(), "{text:?}");
        }
    }
}
