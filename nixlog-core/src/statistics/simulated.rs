//! Noise for tests.

use std::f64::consts::TAU;

use super::random::Random;

/// Standard normal (Box and Muller).
pub(super) fn normal(random: &mut Random) -> f64 {
    let (a, b) = (1.0 - random.fraction(), random.fraction());
    (-2.0 * a.ln()).sqrt() * (TAU * b).cos()
}

/// Student's t with three degrees of freedom: of a hundred, one lies beyond five.
pub(super) fn heavy(random: &mut Random) -> f64 {
    let squares = (0..3).map(|_| normal(random).powi(2));
    let chi: f64 = squares.sum();
    normal(random) / (chi / 3.0).sqrt()
}
