//! Sets of intervals: what they cover, and how many are under way.

use std::collections::BTreeSet;

use crate::time::{Interval, Nanos, Stamp};

/// Returns the union: sorted, without overlaps, touching ones joined.
pub(crate) fn union(intervals: &[Interval]) -> Vec<Interval> {
    let mut sorted = intervals.to_vec();
    sorted.sort_unstable();
    let mut joined: Vec<Interval> = Vec::with_capacity(sorted.len());
    for interval in sorted {
        match joined.last_mut() {
            Some(last) if interval.start() <= last.end() => {
                let end = last.end().max(interval.end());
                *last = Interval::new(last.start(), end).unwrap_or(*last);
            }
            _ => joined.push(interval),
        }
    }
    joined
}

/// Returns what is left of each interval of `whole` without `holes`, in the order of `whole`.
/// Both may overlap and be in any order. Takes O((n + m) log m) and what it returns.
pub(crate) fn less(whole: &[Interval], holes: &[Interval]) -> Vec<Interval> {
    let holes = union(holes);
    let mut rest = Vec::new();
    for interval in whole {
        let first = holes.partition_point(|hole| hole.end() <= interval.start());
        let mut from = interval.start();
        for hole in holes[first..]
            .iter()
            .take_while(|hole| hole.start() < interval.end())
        {
            rest.extend(Interval::new(from, hole.start()).filter(|gap| gap.length() > Nanos::ZERO));
            from = from.max(hole.end());
        }
        rest.extend(Interval::new(from, interval.end()).filter(|gap| gap.length() > Nanos::ZERO));
    }
    rest
}

/// Returns for how long any of the intervals is under way.
pub(crate) fn length(intervals: &[Interval]) -> Nanos {
    union(intervals).into_iter().map(Interval::length).sum()
}

/// How many of some intervals are under way, as steps: from each stamp on, that many. The last step
/// is to none. Takes O(n log n).
#[must_use]
pub fn concurrency(intervals: impl IntoIterator<Item = Interval>) -> Vec<(Stamp, usize)> {
    let mut edges: Vec<(Stamp, bool)> = intervals
        .into_iter()
        .filter(|interval| interval.length() > Nanos::ZERO)
        .flat_map(|interval| [(interval.start(), true), (interval.end(), false)])
        .collect();
    // Ends first: who starts where another one ends does not run beside it.
    edges.sort_unstable();
    let mut steps: Vec<(Stamp, usize)> = Vec::new();
    let mut running = 0_usize;
    for (at, starts) in edges {
        running = if starts {
            running + 1
        } else {
            running.saturating_sub(1)
        };
        match steps.last_mut() {
            Some(last) if last.0 == at => last.1 = running,
            _ => steps.push((at, running)),
        }
    }
    steps.dedup_by_key(|step| step.1);
    steps
}

/// Takes intervals apart so that none overlap, in the order of time: where several are under way, that
/// with the least key counts. Takes O(n log n).
pub(crate) fn least<K: Ord + Copy>(
    intervals: impl IntoIterator<Item = (Interval, K)>,
) -> Vec<(Interval, K)> {
    let mut edges: Vec<(Stamp, bool, (K, usize))> = Vec::new();
    for (number, (interval, key)) in intervals.into_iter().enumerate() {
        if interval.length() > Nanos::ZERO {
            edges.push((interval.start(), true, (key, number)));
            edges.push((interval.end(), false, (key, number)));
        }
    }
    edges.sort_unstable();
    let mut active = BTreeSet::new();
    let mut pieces: Vec<(Interval, K)> = Vec::new();
    let mut at = Stamp::ZERO;
    for (time, starts, key) in edges {
        let piece = Interval::new(at, time).filter(|piece| piece.length() > Nanos::ZERO);
        if let Some((piece, &(key, _))) = piece.zip(active.first()) {
            match pieces.last_mut() {
                Some((last, of)) if *of == key && last.end() == at => {
                    *last = Interval::new(last.start(), time).unwrap_or(piece);
                }
                _ => pieces.push((piece, key)),
            }
        }
        at = time;
        if starts {
            active.insert(key);
        } else {
            active.remove(&key);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn some_intervals() -> impl Strategy<Value = Vec<Interval>> {
        let interval = (0_u64..60, 0_u64..15).prop_filter_map("valid", |(start, length)| {
            Interval::new(Stamp::from_nanos(start), Stamp::from_nanos(start + length))
        });
        proptest::collection::vec(interval, 0..8)
    }

    /// The instants that a set covers, one by one.
    fn covers(intervals: &[Interval], at: u64) -> bool {
        intervals
            .iter()
            .any(|i| i.start().as_nanos() <= at && at < i.end().as_nanos())
    }

    fn interval(start: u64, end: u64) -> Interval {
        Interval::new(Stamp::from_nanos(start), Stamp::from_nanos(end)).expect("in order")
    }

    #[test]
    fn steps_count_what_is_under_way() {
        let steps = concurrency([
            interval(0, 5),
            interval(5, 9),
            interval(2, 7),
            interval(3, 3),
        ]);
        let steps: Vec<_> = steps.iter().map(|&(at, n)| (at.as_nanos(), n)).collect();
        assert_eq!(steps, [(0, 1), (2, 2), (7, 1), (9, 0)]);
    }

    proptest! {
        #[test]
        fn of_what_overlaps_the_least_counts(spans in proptest::collection::vec((0_u64..40, 0_u64..10, 0_u8..4), 0..12)) {
            let all: Vec<_> = spans.iter().map(|&(start, length, key)| (interval(start, start + length), key)).collect();
            let pieces = least(all.iter().copied());
            let is_in = |(it, _): &&(Interval, u8), at: u64| it.start().as_nanos() <= at && at < it.end().as_nanos();
            for at in 0..60 {
                let want = all.iter().filter(|it| is_in(it, at)).map(|&(_, key)| key).min();
                let mut found = pieces.iter().filter(|it| is_in(it, at)).map(|&(_, key)| key);
                prop_assert_eq!(found.next(), want);
                prop_assert_eq!(found.next(), None);
            }
        }

        #[test]
        fn steps_are_right_at_each_instant(lengths in proptest::collection::vec((0_u64..40, 0_u64..10), 0..12)) {
            let all: Vec<_> = lengths.iter().map(|&(start, length)| interval(start, start + length)).collect();
            let steps = concurrency(all.iter().copied());
            for at in 0..60 {
                let want = all.iter().filter(|i| i.start().as_nanos() <= at && at < i.end().as_nanos()).count();
                let step = steps.iter().rev().find(|(from, _)| from.as_nanos() <= at);
                prop_assert_eq!(step.map_or(0, |step| step.1), want);
            }
        }

        #[test]
        fn union_and_difference_are_those_of_the_instants(whole in some_intervals(), holes in some_intervals()) {
            let joined = union(&whole);
            let rest = less(&whole, &holes);
            for at in 0..80 {
                prop_assert_eq!(covers(&joined, at), covers(&whole, at));
                prop_assert_eq!(covers(&rest, at), covers(&whole, at) && !covers(&holes, at));
            }
            prop_assert!(joined.windows(2).all(|pair| pair[0].end() < pair[1].start()));
        }
    }
}
