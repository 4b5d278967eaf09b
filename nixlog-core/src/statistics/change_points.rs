//! Where in a series something changed for good.
//!
//! E-divisive: Matteson and James, "A nonparametric approach for multiple change point analysis of multivariate
//! data", Journal of the American Statistical Association 109 (2014); used for series of benchmarks by Daly,
//! Brown, Ingo, O'Leary and Bradford, "The use of change point detection to identify software performance
//! regressions in a continuous integration system", ICPE 2020. It supposes nothing of the distribution.

use super::random::Random;
use super::sample::median;

/// Each side of a change has at least so many points: fewer are outliers.
const SHORTEST: usize = 3;

/// How likely a change may be by chance alone.
const LEVEL: f64 = 0.01;

/// So many orders are tried.
const ORDERS: usize = 199;

/// Shorter parts of a stretch are not searched on their own: no split of theirs could count.
const SHORTEST_PART: usize = 4 * SHORTEST;

/// Change points are placed anew between their neighbours at most so often.
const ROUNDS: usize = 4;

/// A place in a series from which on it is different.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct ChangePoint {
    /// The first point that is different.
    pub at: usize,
    /// The median from the change before it up to here.
    pub before: f64,
    /// The median from here to the next change.
    pub after: f64,
    /// How unlikely it is by chance: 0.995 is the most that is ever said.
    pub confidence: f64,
}

/// Finds the places where a series changed, in their order.
///
/// A stretch is split where the energy distance between what is before and after it, weighted by their lengths
/// (Q of the paper, with α = 1), is largest, if at most one in a hundred random orders of the same points has a
/// split that good; and so are its parts. Parts of a stretch count as well as all of it, so that a level that
/// comes back does not hide itself. The paper tries every end; here, halves, quarters and so on, at steps of
/// half their length, do (Kovács, Bühlmann, Li and Munk, "Seeded binary segmentation", Biometrika 110, 2023).
/// After that, every place is looked for once more between its neighbours, and dropped where it no longer
/// counts. In one dimension, the sums of distances follow from ranks: a look at n points takes O(n log² n).
#[must_use]
pub fn change_points(series: &[f64]) -> Vec<ChangePoint> {
    let mut places = Vec::new();
    // Stretches that are still to be looked at.
    let mut left = vec![(0, series.len())];
    while let Some((start, end)) = left.pop() {
        if let Some(split) = significant(series, start, end, Stretch::best_of_parts) {
            places.push(split.at);
            left.extend([(start, split.at), (split.at, end)]);
        }
    }
    places.sort_unstable();
    let mut found = Vec::new();
    for _ in 0..ROUNDS {
        found = placed(series, &places);
        let again: Vec<usize> = found.iter().map(|split: &Split| split.at).collect();
        if again == places {
            break;
        }
        places = again;
    }
    let starts = std::iter::once(0).chain(places.iter().copied());
    let ends = places.iter().copied().chain([series.len()]).skip(1);
    let around = starts.zip(ends);
    let points = found
        .iter()
        .zip(around)
        .filter_map(|(split, (start, end))| {
            Some(ChangePoint {
                at: split.at,
                before: median(series.get(start..split.at)?)?,
                after: median(series.get(split.at..end)?)?,
                confidence: 1.0 - split.p,
            })
        });
    points.collect()
}

/// Looks for each place once more between its neighbours.
fn placed(series: &[f64], places: &[usize]) -> Vec<Split> {
    let mut kept: Vec<Split> = Vec::new();
    for (nth, _) in places.iter().enumerate() {
        let start = kept.last().map_or(0, |split| split.at);
        let end = places.get(nth + 1).copied().unwrap_or(series.len());
        kept.extend(significant(series, start, end, Stretch::best));
    }
    kept
}

/// A place where a stretch falls apart.
#[derive(Debug, Clone, Copy)]
struct Split {
    at: usize,
    p: f64,
}

/// Returns the best place to split a stretch, unless chance gives as good ones.
fn significant(
    series: &[f64],
    start: usize,
    end: usize,
    best: impl Fn(&mut Stretch) -> Option<(usize, f64)>,
) -> Option<Split> {
    let mut stretch = Stretch::new(series.get(start..end)?);
    let (at, seen) = best(&mut stretch)?;
    let most = LEVEL * (ORDERS + 1) as f64;
    // The order that there is counts, too.
    let mut as_good = 1_usize;
    let mut random = Random::new(stretch.order.len() as u64);
    for _ in 0..ORDERS {
        random.shuffle(&mut stretch.order);
        as_good += usize::from(best(&mut stretch)?.1 >= seen);
        if as_good as f64 > most {
            return None;
        }
    }
    Some(Split {
        at: start + at,
        p: as_good as f64 / (ORDERS + 1) as f64,
    })
}

/// Some points of a series in one order after the other.
struct Stretch {
    /// The values in order of size, around their middle.
    sorted: Vec<f64>,
    /// The points in their order in time, as places in `sorted`.
    order: Vec<usize>,
    seen: Seen,
    /// How far the points up to each lie apart, all pairs together.
    before: Vec<f64>,
    /// The same of the points from the last one back.
    after: Vec<f64>,
}

impl Stretch {
    fn new(points: &[f64]) -> Self {
        let mut places: Vec<usize> = (0..points.len()).collect();
        places.sort_by(|&a, &b| points[a].total_cmp(&points[b]));
        // Large numbers close together would lose their last digits in sums.
        let middle = places.get(places.len() / 2).map(|&at| points[at]);
        let middle = middle.unwrap_or_default();
        let mut order = vec![0; points.len()];
        for (rank, &at) in places.iter().enumerate() {
            order[at] = rank;
        }
        Self {
            sorted: places.iter().map(|&at| points[at] - middle).collect(),
            seen: Seen::new(points.len()),
            order,
            before: Vec::new(),
            after: Vec::new(),
        }
    }

    /// Returns where all of it falls apart the most, and how much.
    fn best(&mut self) -> Option<(usize, f64)> {
        self.best_within(0, self.order.len())
    }

    /// Returns where any part of it falls apart the most, and how much.
    fn best_of_parts(&mut self) -> Option<(usize, f64)> {
        let n = self.order.len();
        let mut best = self.best();
        let mut length = n / 2;
        while length >= SHORTEST_PART {
            let mut start = 0;
            while start < n {
                // The last one ends with the stretch.
                let from = start.min(n - length);
                let part = self.best_within(from, from + length);
                if part.is_some_and(|(_, q)| best.is_none_or(|(_, most)| q > most)) {
                    best = part;
                }
                start += length / 2;
            }
            length /= 2;
        }
        best
    }

    fn best_within(&mut self, start: usize, end: usize) -> Option<(usize, f64)> {
        let part = &self.order[start..end];
        self.seen
            .running(&self.sorted, part.iter(), &mut self.before);
        self.seen
            .running(&self.sorted, part.iter().rev(), &mut self.after);
        let n = part.len();
        let total = *self.before.last()?;
        let mut best: Option<(usize, f64)> = None;
        for n_before in SHORTEST..=n.checked_sub(SHORTEST)? {
            let n_after = n - n_before;
            let (before, after) = (self.before[n_before - 1], self.after[n_after - 1]);
            let (a, b) = (n_before as f64, n_after as f64);
            let pairs = |n: f64| n * (n - 1.0) / 2.0;
            let between = total - before - after;
            let energy = 2.0 / (a * b) * between - before / pairs(a) - after / pairs(b);
            let q = a * b / (a + b) * energy;
            if best.is_none_or(|(_, most)| q > most) {
                best = Some((start + n_before, q));
            }
        }
        best
    }
}

/// Counts and sums by place, of which those below any place are quick to tell: Fenwick, "A new data structure
/// for cumulative frequency tables", Software: Practice and Experience 24 (1994).
struct Seen {
    tree: Vec<(f64, f64)>,
}

impl Seen {
    fn new(places: usize) -> Self {
        Self {
            tree: vec![(0.0, 0.0); places + 1],
        }
    }

    /// Sums up how far points lie apart: for each, all pairs of those up to it.
    fn running<'a>(
        &mut self,
        sorted: &[f64],
        points: impl Iterator<Item = &'a usize> + Clone,
        sums: &mut Vec<f64>,
    ) {
        sums.clear();
        let (mut all, mut count, mut sum) = (0.0, 0.0, 0.0);
        for &place in points.clone() {
            let value = sorted[place];
            let (n_below, below) = self.below(place);
            all += value * n_below - below + (sum - below) - value * (count - n_below);
            sums.push(all);
            self.add(place, value);
            count += 1.0;
            sum += value;
        }
        // Taken back, sums would leave the rest of their rounding behind.
        for &place in points {
            self.forget(place);
        }
    }

    /// Empties all that counts a place.
    fn forget(&mut self, place: usize) {
        let mut at = place + 1;
        while let Some(node) = self.tree.get_mut(at) {
            *node = (0.0, 0.0);
            at += at & at.wrapping_neg();
        }
    }

    fn add(&mut self, place: usize, value: f64) {
        let mut at = place + 1;
        while let Some(node) = self.tree.get_mut(at) {
            node.0 += 1.0;
            node.1 += value;
            at += at & at.wrapping_neg();
        }
    }

    fn below(&self, place: usize) -> (f64, f64) {
        let (mut count, mut sum) = (0.0, 0.0);
        let mut at = place;
        while at > 0 {
            count += self.tree[at].0;
            sum += self.tree[at].1;
            at &= at - 1;
        }
        (count, sum)
    }
}

#[cfg(test)]
mod tests {
    use super::super::simulated::{heavy, normal};
    use super::*;

    fn places(series: &[f64]) -> Vec<usize> {
        change_points(series).iter().map(|point| point.at).collect()
    }

    /// The best split after the formulas of the paper, pair by pair.
    fn naive(points: &[f64]) -> (usize, f64) {
        let pairs = |points: &[f64]| {
            let mut sum = 0.0;
            for (i, a) in points.iter().enumerate() {
                sum += points[i + 1..].iter().map(|b| (a - b).abs()).sum::<f64>();
            }
            let n = points.len() as f64;
            sum / (n * (n - 1.0) / 2.0)
        };
        let mut best = (0, f64::MIN);
        for at in SHORTEST..=points.len() - SHORTEST {
            let (x, y) = points.split_at(at);
            let between: f64 = x
                .iter()
                .flat_map(|x| y.iter().map(move |y| (x - y).abs()))
                .sum();
            let (n, m) = (x.len() as f64, y.len() as f64);
            let q = n * m / (n + m) * (2.0 / (n * m) * between - pairs(x) - pairs(y));
            if q > best.1 + 1e-9 {
                best = (at, q);
            }
        }
        best
    }

    #[test]
    fn ranks_give_the_sums_of_the_paper() {
        let mut random = Random::new(5);
        for round in 0..100 {
            let n = 2 * SHORTEST + random.below(30);
            let ties = round % 2 == 0;
            let points: Vec<f64> = (0..n)
                .map(|_| match ties {
                    true => 1e6 + random.below(4) as f64,
                    false => 1e6 + normal(&mut random),
                })
                .collect();
            let (at, q) = Stretch::new(&points).best().expect("long enough");
            let (want_at, want) = naive(&points);
            assert!((q - want).abs() < 1e-6, "{round}: {q} for {want}");
            // With ties, two places may be equally good.
            assert!(at == want_at || ties, "{round}: {at} for {want_at}");
        }
    }

    #[test]
    fn steps_are_found_where_they_are() {
        let step = |lengths: &[(usize, f64)]| -> Vec<f64> {
            let stretches = lengths.iter();
            let all = stretches.flat_map(|&(n, level)| (0..n).map(move |i| level + (i % 2) as f64));
            all.collect()
        };
        let series = step(&[(20, 100.0), (20, 120.0), (20, 100.0)]);
        let found = change_points(&series);
        assert_eq!(places(&series), [20, 40]);
        assert!((found[0].before - 100.5).abs() < 1e-9 && (found[0].after - 120.5).abs() < 1e-9);
        assert!(
            found
                .iter()
                .all(|point| (0.99..=0.995).contains(&point.confidence))
        );
        // The last three runs are enough, one is not.
        assert_eq!(places(&step(&[(17, 100.0), (3, 120.0)])), [17]);
        assert_eq!(places(&step(&[(19, 100.0), (1, 120.0)])), [0; 0]);
        assert_eq!(places(&step(&[(40, 100.0)])), [0; 0]);
        assert_eq!(places(&[]), [0; 0]);
        assert_eq!(places(&[7.0; 50]), [0; 0]);
    }

    #[test]
    fn changes_are_found_within_one_run() {
        let mut random = Random::new(23);
        let (mut known, mut near, mut false_ones) = (0, 0, 0);
        for round in 0..200 {
            let noise = if round % 2 == 0 { normal } else { heavy };
            let mut level = 100.0;
            let mut truth = Vec::new();
            let mut series = Vec::new();
            for stretch in 0..1 + random.below(4) {
                if stretch > 0 {
                    truth.push(series.len());
                    level *= if random.below(3) == 0 { 0.9 } else { 1.1 };
                }
                for _ in 0..10 + random.below(25) {
                    series.push(level * (1.0 + 0.02 * noise(&mut random)));
                }
            }
            let found = places(&series);
            known += truth.len();
            near += truth
                .iter()
                .filter(|&&at| found.iter().any(|found| found.abs_diff(at) <= 1))
                .count();
            false_ones += found
                .iter()
                .filter(|&&at| truth.iter().all(|truth| truth.abs_diff(at) > 1))
                .count();
        }
        assert!(known > 200, "{known}");
        assert!(near * 100 >= known * 90, "{near} of {known}");
        assert!(
            false_ones * 100 <= known * 10,
            "{false_ones} beside {known}"
        );
    }

    #[test]
    fn noise_has_no_changes() {
        let mut random = Random::new(29);
        let mut alarms = 0;
        for round in 0..200 {
            let noise = if round % 2 == 0 { normal } else { heavy };
            let n = 10 + random.below(60);
            let series: Vec<f64> = (0..n)
                .map(|_| 100.0 * (1.0 + 0.02 * noise(&mut random)))
                .collect();
            alarms += usize::from(!places(&series).is_empty());
        }
        assert!(alarms <= 10, "{alarms} of 200");
    }
}
