//! Sets of intervals.

use crate::time::{Interval, Nanos};

/// Returns the union: sorted, without overlaps, touching ones joined.
pub(super) fn union(intervals: &[Interval]) -> Vec<Interval> {
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
pub(super) fn less(whole: &[Interval], holes: &[Interval]) -> Vec<Interval> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::Stamp;

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

    proptest! {
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
