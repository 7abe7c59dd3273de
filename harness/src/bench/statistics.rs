//! Median, spread, and how a cost grows.

use serde::Serialize;

/// The middle of several measurements, and how far they lie apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Half of them are not above it.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of some measurements; none where there is none.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values
            .into_iter()
            .filter(|value| value.is_finite())
            .collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            0 => f64::midpoint(values[middle - 1], values[middle]),
            _ => values[middle],
        };
        Some(Self { median, min, max })
    }

    /// From the smallest to the largest.
    #[must_use]
    pub fn width(self) -> f64 {
        self.max - self.min
    }
}

/// The exponent `k` of `cost = c * size^k` that fits best: the slope of a line through the logarithms (least squares).
/// Points without a cost say nothing; none where fewer than two sizes are left.
#[must_use]
pub fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    let logs = points
        .iter()
        .filter(|(size, cost)| *size > 0.0 && *cost > 0.0);
    let logs: Vec<(f64, f64)> = logs.map(|(size, cost)| (size.ln(), cost.ln())).collect();
    let count = logs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = logs.iter().map(|point| (point.0 - x).powi(2)).sum();
    let together: f64 = logs.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    (logs.len() >= 2 && spread > 0.0).then(|| together / spread)
}

/// How the cost of a stream grows with the size of one event in it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Growth {
    /// Of the cost over the size, one per round.
    pub exponent: Spread,
    /// The smallest size that it rests on, in bytes. Smaller ones cost no more than noise.
    pub from: usize,
    /// The largest.
    pub to: usize,
    /// What that is called.
    pub verdict: Shape,
}

/// The name of a growth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Twice the size, less than twice the cost: what does not depend on the size still has its share.
    LessThanLinear,
    /// Twice the size, twice the cost.
    Linear,
    /// Some rounds say so, some do not.
    Unclear,
    /// Twice the size, more than twice the cost, in every round.
    WorseThanLinear,
}

/// The cost of one size, one measurement per round, start-up taken off.
#[derive(Clone, Debug)]
pub struct Step {
    /// Of the event, in bytes.
    pub size: usize,
    /// Of the whole stream, in microseconds.
    pub costs: Vec<f64>,
}

/// So many sizes at the upper end show how it grows: below, what does not depend on the size has its share.
const UPPER: usize = 4;
/// A smaller exponent is not linear yet.
const NOT_YET: f64 = 0.75;
/// A larger exponent is no longer linear. Caches and page faults make a linear reader look like 1.1.
const LINEAR: f64 = 1.25;

/// How a cost grows. Sizes that do not cost more than `noise` are left out; none where too few are left.
#[must_use]
pub fn growth(steps: &[Step], noise: f64) -> Option<Growth> {
    let median = |step: &Step| Spread::of(step.costs.iter().copied()).map_or(0.0, |s| s.median);
    let mut above: Vec<&Step> = steps.iter().filter(|step| median(step) > noise).collect();
    above.sort_by_key(|step| step.size);
    let upper = &above[above.len().saturating_sub(UPPER)..];
    let (from, to) = (upper.first()?.size, upper.last()?.size);
    let rounds = upper.iter().map(|step| step.costs.len()).min()?;
    let exponents = (0..rounds).filter_map(|round| {
        let points = upper
            .iter()
            .map(|step| (step.size as f64, step.costs[round]));
        exponent(&points.collect::<Vec<_>>())
    });
    let exponent = Spread::of(exponents)?;
    let verdict = if exponent.min > LINEAR {
        Shape::WorseThanLinear
    } else if exponent.median < NOT_YET {
        Shape::LessThanLinear
    } else if exponent.median <= LINEAR {
        Shape::Linear
    } else {
        Shape::Unclear
    };
    Some(Growth {
        exponent,
        from,
        to,
        verdict,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_and_the_spread_the_ends() {
        let spread = |values: &[f64]| Spread::of(values.iter().copied());
        assert_eq!(spread(&[]), None);
        let odd = spread(&[3.0, 1.0, 2.0]).unwrap();
        assert_eq!((odd.median, odd.min, odd.max), (2.0, 1.0, 3.0));
        assert_eq!(spread(&[4.0, 1.0, 2.0, 3.0]).unwrap().median, 2.5);
        // A measurement that could not be made is none.
        assert_eq!(spread(&[f64::NAN, 5.0]).unwrap().width(), 0.0);
    }

    #[test]
    fn the_exponent_of_a_power_is_found() {
        let of = |k: f64| {
            let points: Vec<_> = [1.0, 4.0, 16.0, 64.0_f64]
                .map(|n| (n, 7.0 * n.powf(k)))
                .into();
            exponent(&points).unwrap()
        };
        assert!((of(1.0) - 1.0).abs() < 1e-9);
        assert!((of(1.9) - 1.9).abs() < 1e-9);
        assert_eq!(exponent(&[(1.0, 1.0)]), None);
        assert_eq!(exponent(&[(4.0, 1.0), (4.0, 2.0)]), None);
        assert_eq!(exponent(&[(1.0, 0.0), (4.0, -1.0), (16.0, 3.0)]), None);
    }

    fn steps(k: f64, start: f64, jitter: f64) -> Vec<Step> {
        let sizes = [16, 64, 256, 1024, 4096, 16384].map(|kib: usize| kib << 10);
        let cost = |size: usize| start + (size as f64 / 1e6).powf(k) * 20_000.0;
        let costs = |size| [1.0 - jitter, 1.0, 1.0 + jitter].map(|times| cost(size) * times);
        sizes
            .map(|size| Step {
                size,
                costs: costs(size).into(),
            })
            .into()
    }

    #[test]
    fn growth_rests_on_sizes_that_cost_more_than_noise() {
        let linear = growth(&steps(1.0, 0.0, 0.05), 3000.0).unwrap();
        assert_eq!((linear.verdict, linear.from), (Shape::Linear, 256 << 10));
        let square = growth(&steps(1.9, 0.0, 0.05), 3000.0).unwrap();
        assert_eq!(square.verdict, Shape::WorseThanLinear);
        assert!((square.exponent.median - 1.9).abs() < 0.01, "{square:?}");
        let early = growth(&steps(0.6, 0.0, 0.05), 3000.0).unwrap();
        assert_eq!(early.verdict, Shape::LessThanLinear);
        assert_eq!(growth(&steps(1.0, 0.0, 0.0), 1e9), None);
    }

    #[test]
    fn a_growth_that_rounds_do_not_agree_on_is_unclear() {
        let step = |size: usize, costs: [f64; 3]| Step {
            size,
            costs: costs.into(),
        };
        let steps = [
            step(1 << 20, [10.0, 10.0, 10.0]),
            step(4 << 20, [40.0, 70.0, 120.0]),
        ];
        assert_eq!(growth(&steps, 1.0).unwrap().verdict, Shape::Unclear);
    }
}
