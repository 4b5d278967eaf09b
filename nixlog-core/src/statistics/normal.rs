//! The normal distribution.

use std::f64::consts::{PI, SQRT_2};

/// Returns how likely a standard normal number is further from 0 than this, on either side.
pub(super) fn two_sided(z: f64) -> f64 {
    erfc(z.abs() / SQRT_2).clamp(0.0, 1.0)
}

/// The complementary error function: the series 7.1.6 and the continued fraction 7.1.14 of Abramowitz and
/// Stegun, "Handbook of mathematical functions" (1964), each where it is quick.
fn erfc(x: f64) -> f64 {
    let bell = (-x * x).exp();
    if x < 2.5 {
        let mut term = x;
        let mut sum = x;
        for n in 1..100 {
            term *= 2.0 * x * x / f64::from(2 * n + 1);
            sum += term;
        }
        return 1.0 - 2.0 / PI.sqrt() * bell * sum;
    }
    let mut fraction = x;
    for n in (1..100).rev() {
        fraction = x + f64::from(n) / 2.0 / fraction;
    }
    bell / PI.sqrt() / fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_in_tables() {
        // Abramowitz and Stegun, tables 7.1 and 26.1; the last is the five sigma of physics.
        for (z, p) in [
            (0.0, 1.0),
            (1.0, 0.317_310_507_9),
            (1.959_963_985, 0.05),
            (2.575_829_304, 0.01),
            (3.290_526_731, 0.001),
            (5.0, 5.733_031_4e-7),
        ] {
            let got = two_sided(z);
            assert!((got / p - 1.0).abs() < 1e-7, "{z}: {got} in place of {p}");
            assert!((two_sided(-z) - got).abs() < 1e-15);
        }
        // The two ways meet.
        assert!((erfc(2.5 - 1e-12) / erfc(2.5) - 1.0).abs() < 1e-10);
        assert!(two_sided(f64::INFINITY) < 1e-300);
    }
}
