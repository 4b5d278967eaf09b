//! How well a share is known of which only samples were taken.

use super::LEVEL;

/// How many standard deviations to each side leave out [`LEVEL`] of a normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// Returns the interval that the true share lies in with 95 % confidence, if so many of `n` samples, taken
/// independently of each other, were of the kind; `None` of no samples, or of more than there are.
///
/// Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American
/// Statistical Association 22 (1927). Unlike the textbook's interval it holds for few samples and for shares next
/// to 0 and 1: five of five samples are 57 % to 100 % (Brown, Cai and others, "Interval estimation for a
/// binomial proportion", Statistical Science 16, 2001).
#[must_use]
pub fn interval(of_the_kind: u64, n: u64) -> Option<(f64, f64)> {
    debug_assert!((LEVEL - 0.05).abs() < f64::EPSILON, "Z belongs to it");
    if n == 0 || of_the_kind > n {
        return None;
    }
    let n_samples = n as f64;
    let share = of_the_kind as f64 / n_samples;
    let z2_n = Z * Z / n_samples;
    let middle = (share + z2_n / 2.0) / (1.0 + z2_n);
    let half = (share * (1.0 - share) * z2_n + z2_n * z2_n / 4.0).sqrt() / (1.0 + z2_n);
    let low = if of_the_kind == 0 {
        0.0
    } else {
        (middle - half).max(0.0)
    };
    let high = if of_the_kind == n {
        1.0
    } else {
        (middle + half).min(1.0)
    };
    Some((low, high))
}

#[cfg(test)]
mod tests {
    use super::super::normal::two_sided;
    use super::super::random::Random;
    use super::*;

    #[test]
    fn as_published() {
        assert!((two_sided(Z) - LEVEL).abs() < 1e-9);
        // Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17
        // (1998), table I, method 3.
        for (r, n, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let (found_low, found_high) = interval(r, n).expect("some samples");
            assert!((found_low - low).abs() < 6e-5, "{r}/{n}: {found_low}");
            assert!((found_high - high).abs() < 6e-5, "{r}/{n}: {found_high}");
        }
        let (low, high) = interval(5, 5).expect("some samples");
        assert!((0.56..0.57).contains(&low) && high >= 1.0, "{low}");
        assert_eq!(interval(0, 0), None);
        assert_eq!(interval(2, 1), None);
        assert!(interval(u64::MAX, u64::MAX).is_some());
    }

    #[test]
    fn nineteen_in_twenty_hold_the_true_share() {
        for (seed, share, n) in [(1, 0.3, 400), (2, 0.05, 300), (3, 0.5, 40)] {
            let mut random = Random::new(seed);
            let held = (0..4000)
                .filter(|_| {
                    let found = (0..n).filter(|_| random.fraction() < share).count();
                    let (low, high) = interval(found as u64, n).expect("some samples");
                    low <= share && share <= high
                })
                .count();
            assert!(
                (3720..3920).contains(&held),
                "{share} of {n}: {held} of 4000"
            );
        }
    }
}
