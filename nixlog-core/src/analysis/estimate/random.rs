//! Numbers that look random and are the same each time.

use std::f64::consts::TAU;

use crate::statistics::random::mixed;

/// Returns a number from 0 to 1, neither of them, that depends on all of these (`SplitMix64`: Steele, Lea and
/// Flood, Fast Splittable Pseudorandom Number Generators, 2014).
pub(super) fn uniform(seed: u64, sample: u32, task: u32, turn: u32) -> f64 {
    let mut state = seed;
    for part in [sample, task, turn] {
        state = mixed(state.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ u64::from(part));
    }
    #[expect(clippy::cast_precision_loss, reason = "of 53 bits")]
    let high = (state >> 11) as f64;
    (high + 0.5) / 9_007_199_254_740_992.0
}

/// Draws from Student's t with so many degrees of freedom, which need not be whole (Bailey, Polar Generation of
/// Random Variates with the t-Distribution, 1994).
pub(super) fn student(degrees: f64, seed: u64, sample: u32, task: u32) -> f64 {
    let (u, v) = (
        uniform(seed, sample, task, 0),
        uniform(seed, sample, task, 1),
    );
    (degrees * (u.powf(-2.0 / degrees) - 1.0)).sqrt() * (TAU * v).cos()
}

/// Draws from the normal distribution (Box and Muller, 1958).
pub(super) fn normal(seed: u64, sample: u32, task: u32) -> f64 {
    let (u, v) = (
        uniform(seed, sample, task, 0),
        uniform(seed, sample, task, 1),
    );
    (-2.0 * u.ln()).sqrt() * (TAU * v).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the share of 20,000 numbers that are below a limit.
    fn below(draw: impl Fn(u32) -> f64, limit: f64) -> f64 {
        let n = (0..20_000).filter(|&sample| draw(sample) < limit).count();
        f64::from(u32::try_from(n).expect("few")) / 20_000.0
    }

    /// Quantiles as tables have them.
    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (limit, want) in [(-1.2816, 0.10), (0.0, 0.5), (1.6449, 0.95)] {
            let found = below(|sample| normal(7, sample, 3), limit);
            assert!((found - want).abs() < 0.01, "{limit}: {found}");
        }
        for (degrees, limit, want) in [
            (4.0, 1.5332, 0.90),
            (4.0, -2.1318, 0.05),
            (30.0, 1.3104, 0.90),
        ] {
            let found = below(|sample| student(degrees, 1, sample, 9), limit);
            assert!((found - want).abs() < 0.01, "{degrees} {limit}: {found}");
        }
        assert!(uniform(1, 2, 3, 4) != uniform(1, 2, 4, 3));
    }
}
