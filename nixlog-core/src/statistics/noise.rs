//! How much a measurement differs from run to run although nothing has changed.

use super::sample;

/// Fewer differences than this say nothing of what is usual.
const LEAST: usize = 4;

/// How far apart two single measurements are though nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct NoiseFloor {
    /// How many differences it rests on.
    pub differences: usize,
    /// The median of all relative differences: 0.02 is 2 %.
    pub typical: f64,
    /// The relative difference that about one pair in twenty exceeds by chance.
    pub limit: f64,
}

impl NoiseFloor {
    /// Tells whether two measurements are further apart than chance would have it.
    #[must_use]
    pub fn is_exceeded(&self, a: f64, b: f64) -> bool {
        difference(a, b).is_some_and(|difference| difference > self.limit)
    }
}

/// Returns the noise floor of repeats in the order in which they were made; `None` where they are too few, or
/// tell of no noise at all.
///
/// Only neighbours are compared, so that a lasting change somewhere in between counts as one difference and
/// not as many (von Neumann, "Distribution of the ratio of the mean square successive difference to the
/// variance", Annals of Mathematical Statistics 12, 1941), and what is usual is their median, which a few slow
/// runs do not move (Hampel, "The influence curve and its role in robust estimation", Journal of the American
/// Statistical Association 69, 1974). The limit is so many times the median, 4 · (1 + 3/n) of n differences,
/// that at most one pair in twenty exceeds it, for tails as heavy as those of Student's t with three degrees
/// of freedom; of normal noise, fewer do.
#[must_use]
pub fn floor(repeats: &[f64]) -> Option<NoiseFloor> {
    let pairs = repeats.windows(2);
    let differences: Vec<f64> = pairs
        .filter_map(|pair| difference(pair[0], pair[1]))
        .collect();
    let n = differences.len();
    let typical = sample::median(&differences)?;
    (n >= LEAST && typical > 0.0).then(|| NoiseFloor {
        differences: n,
        typical,
        limit: 4.0 * (1.0 + 3.0 / n as f64) * typical,
    })
}

/// Returns by how much two measurements differ, as a part of the smaller one.
fn difference(a: f64, b: f64) -> Option<f64> {
    let smaller = a.min(b);
    let difference = (a - b).abs() / smaller;
    (smaller > 0.0 && difference.is_finite()).then_some(difference)
}

#[cfg(test)]
mod tests {
    use super::super::random::Random;
    use super::super::simulated::{heavy, normal};
    use super::*;

    #[test]
    fn by_hand() {
        let repeats = [100.0, 102.0, 100.0, 150.0, 147.0, 150.0];
        // 2 %, 2 %, 50 % (a change), 2.04 %, 2.04 %
        let floor = floor(&repeats).expect("enough repeats");
        assert_eq!(floor.differences, 5);
        assert!((floor.typical - 3.0 / 147.0).abs() < 1e-9, "{floor:?}");
        assert!((floor.limit - 6.4 * floor.typical).abs() < 1e-9);
        assert!(floor.is_exceeded(100.0, 115.0) && !floor.is_exceeded(100.0, 105.0));
        assert!(floor.is_exceeded(115.0, 100.0));
    }

    #[test]
    fn too_little_says_nothing() {
        assert_eq!(floor(&[]), None);
        assert_eq!(floor(&[1.0, 1.1, 1.0, 1.1]), None);
        assert_eq!(floor(&[5.0; 10]), None, "no noise at all is no noise known");
        assert_eq!(floor(&[0.0; 10]), None);
    }

    #[test]
    fn one_pair_in_twenty_at_most_exceeds_it() {
        for (seed, noise) in [(1, normal as fn(&mut Random) -> f64), (2, heavy)] {
            for n in [5, 8, 20] {
                let mut random = Random::new(seed);
                let mut one = || 100.0 * (1.0 + 0.02 * noise(&mut random));
                let exceeded = (0..4000)
                    .filter(|_| {
                        let repeats: Vec<f64> = (0..n).map(|_| one()).collect();
                        let floor = floor(&repeats).expect("enough repeats");
                        floor.is_exceeded(one(), one())
                    })
                    .count();
                assert!(exceeded <= 210, "{n} repeats: {exceeded} of 4000");
            }
        }
    }
}
