//! Whether one side is larger than another, and by how much, without a guess at how either is distributed.
//!
//! Mann and Whitney, "On a test of whether one of two random variables is stochastically larger than the
//! other", Annals of Mathematical Statistics 18 (1947); Wilcoxon, "Individual comparisons by ranking methods",
//! Biometrics Bulletin 1 (1945).

use super::normal::two_sided;
use super::sample::{of_sorted, sorted};

/// What exact answers may cost, in additions: 37 measurements in two equal sides, or 60 with 4 on one.
const MOST_WORK: usize = 1_000_000;

/// Returns how likely two sides differ at least this much in rank though nothing but chance is at work;
/// `None` where a side is empty.
///
/// Exact for few measurements, ties among them included: all ways to deal the pooled mid-ranks to two sides of
/// these sizes are counted, and those whose rank sum lies at least as far from its mean as the observed one
/// make up p. Beyond that, the normal approximation with its corrections for ties and continuity (Hollander,
/// Wolfe and Chicken, "Nonparametric statistical methods", 3rd edition, section 4.1).
#[must_use]
pub fn p_value(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    // The rank sum of one side tells that of the other.
    let (few, many) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let pooled = Pooled::new(few, many);
    let mean = few.len() * (pooled.ranks.len() + 1);
    let distance = pooled.sum_of_few.abs_diff(mean);
    if is_exact(few.len(), many.len()) {
        let sums = subset_sums(&pooled.ranks, few.len());
        let far = |(sum, _): &(usize, &f64)| sum.abs_diff(mean) >= distance;
        let far: f64 = sums.iter().enumerate().filter(far).map(|(_, n)| n).sum();
        return Some((far / sums.iter().sum::<f64>()).min(1.0));
    }
    let (n, m) = (few.len() as f64, many.len() as f64);
    let all = n + m;
    let variance = n * m / 12.0 * (all + 1.0 - pooled.ties / (all * (all - 1.0)));
    // Ranks are counted twofold here.
    let distance = (distance as f64 / 2.0 - 0.5).max(0.0);
    let p = (variance > 0.0).then(|| two_sided(distance / variance.sqrt()));
    Some(p.unwrap_or(1.0))
}

/// Returns the least p that two sides of these sizes can have: of all the ways to tell them apart, two are the
/// most extreme.
#[must_use]
pub fn least_p(n: usize, m: usize) -> f64 {
    let few = n.min(m);
    let mut ways = 1.0;
    for k in 0..few {
        ways *= (n + m - k) as f64 / (k + 1) as f64;
    }
    if few == 0 { 1.0 } else { (2.0 / ways).min(1.0) }
}

/// Returns how many more measurements each of two sides needs, in all as few as possible, before any
/// difference between them can count at a level.
#[must_use]
pub fn more_needed(n: usize, m: usize, level: f64) -> (usize, usize) {
    if level.is_nan() || level <= 0.0 {
        return (0, 0);
    }
    let mut more = (0, 0);
    while least_p(n + more.0, m + more.1) > level {
        // The product grows fastest with the smaller side.
        if n + more.0 < m + more.1 {
            more.0 += 1;
        } else {
            more.1 += 1;
        }
    }
    more
}

/// By how much one side is larger than another.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Shift {
    /// The estimate.
    pub estimate: f64,
    /// Where the true one lies, but for the level; `None` where the measurements are too few to say.
    pub interval: Option<(f64, f64)>,
}

/// Returns by how much `b` is larger than `a`: the median of all differences between one of `b` and one of
/// `a`; `None` where a side is empty.
///
/// Hodges and Lehmann, "Estimates of location based on rank tests", Annals of Mathematical Statistics 34
/// (1963). The interval has those shifts that the rank sum test would not reject (Hollander, Wolfe and Chicken,
/// section 4.3): exact for few measurements, approximate beyond. O(n·m·log(n·m)) for sides of n and m.
#[must_use]
pub fn shift(a: &[f64], b: &[f64], level: f64) -> Option<Shift> {
    let differences = differences(a, b);
    let estimate = of_sorted(&differences, 0.5)?;
    let interval = left_out(a.len(), b.len(), level).and_then(|out| {
        let last = differences.len().checked_sub(out)?;
        Some((*differences.get(out - 1)?, *differences.get(last)?))
    });
    Some(Shift { estimate, interval })
}

/// The same without the interval, for many pairs of sides.
#[must_use]
pub fn shift_only(a: &[f64], b: &[f64]) -> Option<Shift> {
    Some(Shift {
        estimate: of_sorted(&differences(a, b), 0.5)?,
        interval: None,
    })
}

/// Returns the differences of all pairs in their order.
fn differences(a: &[f64], b: &[f64]) -> Vec<f64> {
    let differences = a.iter().flat_map(|a| b.iter().map(move |b| b - a));
    sorted(&differences.collect::<Vec<f64>>())
}

/// Returns which of the sorted differences, counted from either end, bounds the interval, from 1; `None` where
/// not even the outermost do.
fn left_out(n: usize, m: usize, level: f64) -> Option<usize> {
    let few = n.min(m);
    let out = if is_exact(few, n.max(m)) {
        let ranks: Vec<usize> = (1..=n + m).collect();
        let sums = subset_sums(&ranks, few);
        let most = level / 2.0 * sums.iter().sum::<f64>();
        let least_sum = few * (few + 1) / 2;
        let mut at_most = 0.0;
        let counts = sums.iter().skip(least_sum).take_while(|&&n| {
            at_most += n;
            at_most <= most
        });
        counts.count()
    } else {
        let (n, m) = (n as f64, m as f64);
        let mut z = 0.0;
        // To two places is more than the approximation gives.
        while two_sided(z) > level && z < 10.0 {
            z += 0.01;
        }
        let out = n * m / 2.0 - z * (n * m * (n + m + 1.0) / 12.0).sqrt();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates"
        )]
        let out = out as usize;
        out
    };
    (out > 0).then_some(out)
}

/// Two sides in one order.
struct Pooled {
    /// Twice the mid-rank of each, so that all are whole.
    ranks: Vec<usize>,
    /// The sum of those of the smaller side.
    sum_of_few: usize,
    /// The sum of t³ − t over all groups of t equal ones.
    ties: f64,
}

impl Pooled {
    fn new(few: &[f64], many: &[f64]) -> Self {
        let few = few.iter().map(|&value| (value, true));
        let many = many.iter().map(|&value| (value, false));
        let mut all: Vec<(f64, bool)> = few.chain(many).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut pooled = Self {
            ranks: Vec::with_capacity(all.len()),
            sum_of_few: 0,
            ties: 0.0,
        };
        for equal in all.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
            let t = equal.len();
            // Ranks count from 1; the first and the last of the group have this mean, twofold.
            let rank = 2 * pooled.ranks.len() + t + 1;
            let n_few = equal.iter().filter(|(_, is_few)| *is_few).count();
            pooled.sum_of_few += n_few * rank;
            pooled.ranks.extend(std::iter::repeat_n(rank, t));
            let t = t as f64;
            pooled.ties += t * t * t - t;
        }
        pooled
    }
}

/// Tells whether all ways are counted.
fn is_exact(few: usize, many: usize) -> bool {
    let all = few + many;
    let sums = all.saturating_mul(all + 1);
    all.saturating_mul(few).saturating_mul(sums) <= MOST_WORK
}

/// Returns, for each sum, how many subsets of so many ranks have it.
fn subset_sums(ranks: &[usize], size: usize) -> Vec<f64> {
    let width = ranks.iter().sum::<usize>() + 1;
    let mut ways = vec![0.0; (size + 1) * width];
    ways[0] = 1.0;
    let mut reached = 0;
    for (taken, &rank) in ranks.iter().enumerate() {
        reached += rank;
        for k in (1..=size.min(taken + 1)).rev() {
            let (smaller, this) = ways.split_at_mut(k * width);
            let smaller = &smaller[(k - 1) * width..];
            for sum in rank..=reached {
                this[sum] += smaller[sum - rank];
            }
        }
    }
    ways.split_off(size * width)
}

#[cfg(test)]
mod tests {
    use super::super::LEVEL;
    use super::super::random::Random;
    use super::super::simulated::{heavy, normal};
    use super::*;

    /// Two sides of these sizes, of the numbers from 1 on, whose U is so large.
    fn with_u(n: usize, m: usize, u: usize) -> (Vec<f64>, Vec<f64>) {
        let mut ranks: Vec<usize> = (1..=n).collect();
        let mut left = u;
        for rank in ranks.iter_mut().rev() {
            let step = left.min(m);
            *rank += step;
            left -= step;
        }
        let others = (1..=n + m).filter(|rank| !ranks.contains(rank));
        let others = others.map(|rank| rank as f64).collect();
        (ranks.iter().map(|&rank| rank as f64).collect(), others)
    }

    #[test]
    fn the_critical_values_of_the_tables() {
        // The largest U that counts at 5 %, two-sided: Milton, "An extended table of critical values for the
        // Mann-Whitney (Wilcoxon) two-sample statistic", JASA 59 (1964).
        for (n, m, u) in [
            (4, 4, 0),
            (5, 5, 2),
            (6, 6, 5),
            (8, 8, 13),
            (10, 10, 23),
            (12, 12, 37),
            (15, 15, 64),
            (20, 20, 127),
            (3, 5, 0),
            (5, 8, 6),
        ] {
            let p = |u| {
                let (a, b) = with_u(n, m, u);
                p_value(&a, &b).expect("neither is empty")
            };
            assert!(p(u) <= LEVEL, "{n} {m} {u}: {}", p(u));
            assert!(p(u + 1) > LEVEL, "{n} {m} {}: {}", u + 1, p(u + 1));
        }
    }

    #[test]
    fn known_p_values() {
        for ((n, m, u), want) in [
            ((5, 5, 0), 2.0 / 252.0),
            ((5, 5, 1), 4.0 / 252.0),
            ((5, 5, 2), 8.0 / 252.0),
            ((4, 3, 0), 2.0 / 35.0),
            ((3, 3, 0), 0.1),
            ((3, 3, 4), 1.0),
            ((1, 1, 0), 1.0),
        ] {
            let (a, b) = with_u(n, m, u);
            let (p, turned) = (p_value(&a, &b), p_value(&b, &a));
            assert_eq!(p, turned);
            assert!(
                (p.expect("not empty") - want).abs() < 1e-12,
                "{n} {m} {u}: {p:?}"
            );
        }
        assert_eq!(p_value(&[], &[1.0]), None);
        assert_eq!(p_value(&[1.0; 30], &[1.0; 30]), Some(1.0));
        assert_eq!(p_value(&[1.0; 3], &[1.0; 3]), Some(1.0));
    }

    /// The same, by trying every way to deal the measurements to two sides.
    fn naive(a: &[f64], b: &[f64]) -> f64 {
        let all: Vec<f64> = a.iter().chain(b).copied().collect();
        // How often one of the first side is larger than one of the other; half where they are equal.
        let u = |mask: u32| {
            let mut u = 0.0;
            for (i, x) in all.iter().enumerate().filter(|(i, _)| mask >> i & 1 == 1) {
                for (j, y) in all.iter().enumerate().filter(|(j, _)| mask >> j & 1 == 0) {
                    assert_ne!(i, j);
                    u += if x > y {
                        1.0
                    } else if x < y {
                        0.0
                    } else {
                        0.5
                    };
                }
            }
            u
        };
        let mean = (a.len() * b.len()) as f64 / 2.0;
        let seen = (u((1 << a.len()) - 1) - mean).abs();
        let size = u32::try_from(a.len()).expect("few");
        let masks: Vec<u32> = (0..1_u32 << all.len())
            .filter(|mask| mask.count_ones() == size)
            .collect();
        let far = masks.iter().filter(|&&mask| (u(mask) - mean).abs() >= seen);
        far.count() as f64 / masks.len() as f64
    }

    #[test]
    fn all_ways_are_counted_with_ties_too() {
        let mut random = Random::new(7);
        for round in 0..150 {
            let (n, m) = (1 + random.below(4), 1 + random.below(5));
            // Few values: many ties.
            let values = 2 + random.below(8);
            let mut side =
                |n| -> Vec<f64> { (0..n).map(|_| random.below(values) as f64).collect() };
            let (a, b) = (side(n), side(m));
            let p = p_value(&a, &b).expect("not empty");
            let want = naive(&a, &b);
            assert!(
                (p - want).abs() < 1e-12,
                "{round}: {a:?} {b:?}: {p} for {want}"
            );
        }
    }

    #[test]
    fn the_approximation_meets_the_exact_value() {
        let mut random = Random::new(3);
        for _ in 0..20 {
            // 18 and 18 are counted, 20 and 20 are not; each twice over is nearly the same question.
            let a: Vec<f64> = (0..18).map(|_| normal(&mut random)).collect();
            let b: Vec<f64> = (0..18).map(|_| normal(&mut random) + 0.5).collect();
            let exact = p_value(&a, &b).expect("not empty");
            assert!(is_exact(18, 18) && !is_exact(20, 20));
            let pooled = Pooled::new(&a, &b);
            let z = (pooled.sum_of_few.abs_diff(18 * 37) as f64 / 2.0 - 0.5)
                / (18.0 * 18.0 * 37.0 / 12.0_f64).sqrt();
            assert!(
                (two_sided(z) - exact).abs() < 0.01,
                "{exact} {}",
                two_sided(z)
            );
        }
    }

    #[test]
    fn what_few_runs_can_and_cannot_show() {
        for ((n, m), want) in [((5, 5), 2.0 / 252.0), ((4, 3), 2.0 / 35.0), ((1, 1), 1.0)] {
            assert!((least_p(n, m) - want).abs() < 1e-12);
        }
        assert!((least_p(0, 5) - 1.0).abs() < 1e-12);
        for (n, m) in [(1, 1), (2, 7), (3, 4), (4, 4), (6, 2)] {
            let (a, b) = with_u(n, m, 0);
            let p = p_value(&a, &b).expect("not empty");
            assert!((least_p(n, m) - p).abs() < 1e-12, "{n} {m}");
        }
        for ((n, m), want) in [
            ((4, 3), (0, 1)),
            ((1, 1), (3, 3)),
            ((4, 4), (0, 0)),
            ((2, 7), (1, 0)),
            ((1, 5), (2, 0)),
            ((5, 1), (0, 2)),
        ] {
            assert_eq!(more_needed(n, m, LEVEL), want, "{n} {m}");
            // None with fewer in all would do.
            let more = want.0 + want.1;
            for a in 0..more {
                assert!(least_p(n + a, m + more - 1 - a) > LEVEL, "{n} {m}");
            }
        }
    }

    #[test]
    fn differences_by_hand() {
        let shift = shift(&[1.0, 2.0, 3.0], &[4.0, 6.0, 8.0], LEVEL).expect("not empty");
        // 1 2 3 3 4 5 5 6 7
        assert_eq!((shift.estimate, shift.interval), (4.0, None));
    }

    #[test]
    fn the_interval_has_what_the_test_would_not_reject() {
        let mut random = Random::new(11);
        for (n, m) in [(4, 4), (5, 5), (6, 9), (12, 12)] {
            let a: Vec<f64> = (0..n).map(|_| heavy(&mut random)).collect();
            let b: Vec<f64> = (0..m).map(|_| heavy(&mut random) + 1.0).collect();
            let shift = shift(&a, &b, LEVEL).expect("not empty");
            let (low, high) = shift.interval.expect("enough");
            assert!(low <= shift.estimate && shift.estimate <= high);
            let rejected = |by: f64| {
                let moved: Vec<f64> = a.iter().map(|a| a + by).collect();
                p_value(&moved, &b).expect("not empty") <= LEVEL
            };
            for (at, outward) in [(low, -1e-9), (high, 1e-9)] {
                assert!(rejected(at + outward), "{n} {m}: {at} is too narrow");
                assert!(!rejected(at - outward), "{n} {m}: {at} is too wide");
            }
        }
    }

    #[test]
    fn the_interval_holds_the_truth_as_often_as_it_says() {
        let mut random = Random::new(13);
        for (n, rounds) in [(6, 1000), (25, 400)] {
            let mut side =
                |by: f64| -> Vec<f64> { (0..n).map(|_| heavy(&mut random) + by).collect() };
            let holds = (0..rounds)
                .filter(|_| {
                    let shift = shift(&side(0.0), &side(3.0), LEVEL).expect("not empty");
                    let (low, high) = shift.interval.expect("enough");
                    low <= 3.0 && 3.0 <= high
                })
                .count();
            assert!(holds * 100 >= rounds * 93, "{n}: {holds} of {rounds}");
        }
    }

    #[test]
    fn no_alarm_without_a_difference() {
        let mut random = Random::new(17);
        for (n, m) in [(4, 4), (5, 5), (8, 12), (20, 20)] {
            let mut alarms = 0;
            for round in 0..2000 {
                let noise = if round % 2 == 0 { normal } else { heavy };
                let mut side = |n| -> Vec<f64> {
                    (0..n)
                        .map(|_| 100.0 * (1.0 + 0.02 * noise(&mut random)))
                        .collect()
                };
                let p = p_value(&side(n), &side(m)).expect("not empty");
                alarms += usize::from(p <= LEVEL);
            }
            // What is expected of a level of 5 % is 100, with a standard deviation of 10; where p is coarse, less.
            assert!(alarms <= 120, "{n} {m}: {alarms} of 2000");
            if n == 5 {
                assert!(alarms <= 100, "{alarms} of 2000");
            }
        }
    }

    #[test]
    fn a_tenth_more_is_found_in_five_runs_a_side() {
        let mut random = Random::new(19);
        let mut side = |mean: f64| -> Vec<f64> {
            (0..5)
                .map(|_| mean * (1.0 + 0.02 * normal(&mut random)))
                .collect()
        };
        let found = (0..1000)
            .filter(|_| p_value(&side(100.0), &side(110.0)).expect("not empty") <= LEVEL)
            .count();
        assert!(found >= 950, "{found} of 1000");
    }
}
