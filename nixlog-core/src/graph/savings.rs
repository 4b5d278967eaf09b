//! What the span would lose if a node took less time: exactly, for every node at once.
//!
//! The saving of a node is the span less the span with that node taking no time. Fix one longest path.
//! A node off it saves nothing, since the path stays. A node `k` on it leaves two candidates for the
//! new longest path: the same path without the node's time, or the longest path that avoids `k`. So
//!
//! ```text
//! saving(k) = min(duration(k), span − longest path that avoids k)
//! ```
//!
//! and the latter is what must be found for all `k` of the path at once. Lay all nodes on a line, in
//! topological order. A path goes along the line from left to right, and one that avoids `k` must pass
//! `k`'s place in one of three ways:
//!
//! ```text
//!          p₀      p₁  u   p₂      p₃   v  p₄          p: the longest path; u, v: any nodes
//!  ────────●───────●───○───●───────●────○──●────────►  time
//!                      ╰────────────────╯              an edge passes over p₂ and p₃
//!                   finish(u)         tail(v)          the longest path through it: finish(u) + tail(v)
//! ```
//!
//! it ends before (the largest earliest finish left of `k`), begins after (the largest tail right of
//! `k`), or has an edge that passes over `k`. All that it has left of `k` lies left of `k`, so it does
//! avoid `k`; the invariant is that the three cases are all paths that avoid `k`, and no others but some
//! that are no longer. Every edge offers one value to a stretch of consecutive nodes of the path, and
//! each node wants the largest offer. A stretch is covered by two overlapping ones whose length is
//! a power of two; offers are put down there, and handed down from each length to the next smaller at
//! the end. That is O(1) per edge and O(p log p) for the path's p nodes: O(n + m + p log p) in all.
//!
//! The same number goes by several names. Devaux calls it *drag*: of a critical activity's duration and
//! the smallest float among the activities parallel to it, the lesser one. (That float is what the
//! longest path that avoids the activity falls short of the span, if the path has a parallel activity
//! on it; if it has none, it falls short by the duration or more.) Buck2 reports it as *potential
//! improvement* of each entry of its critical path, within the same bound of time. Bazel's critical
//! path says how long each of its actions took, which is only the upper bound of this.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::Range;

use foldhash::fast::FixedState;

use super::cpm::{CriticalPathMethod, Rank, finish_times};
use crate::time::Nanos;

/// By how many percent faster [`Savings::curve`] and [`Savings::curve_together`] make nodes.
pub const FASTER_PERCENT: [u32; 4] = [10, 25, 50, 100];

/// What every node could save, and what would be critical then.
///
/// ```
/// use nixlog_core::graph::{CriticalPathMethod, Dag, Savings};
/// use nixlog_core::time::Nanos;
///
/// // firefox (3) needs llvm (1) and rustc (2), which both need stdenv (0).
/// let dag = Dag::new(4, vec![(3, 1), (3, 2), (1, 0), (2, 0)]).expect("no cycle");
/// let durations = [5, 60, 90, 100].map(Nanos::new);
/// let cpm = CriticalPathMethod::new(&dag, &durations);
/// let savings = Savings::new(&cpm, None);
/// assert_eq!(savings.path(), [0, 2, 3]);
/// assert_eq!(savings.saving(2), Nanos::new(30)); // not 90: then llvm is in the way
/// assert_eq!(savings.then(2), Some(1));
/// assert_eq!(savings.saving(1), Nanos::ZERO);
/// ```
#[derive(Debug, Clone)]
pub struct Savings<'a> {
    cpm: &'a CriticalPathMethod<'a>,
    rank: Rank<'a>,
    /// The longest path, in the order of time.
    path: Vec<u32>,
    /// Where each node is on the path; [`OFF`] where it is not.
    place: Vec<u32>,
    /// For each node of the path, the longest path that avoids it, if it is so long that the node
    /// cannot save all of its duration; else any that does not.
    detours: Vec<Detour>,
    /// For each node of the path, the first node of its detour that takes time and is not on the path;
    /// [`OFF`] where it saves all of its duration.
    thens: Vec<u32>,
}

/// The place of what is not on the path.
const OFF: u32 = u32::MAX;

/// The longest path with an edge from `before` to `after`: the first half ends with the one, the
/// second begins with the other. [`OFF`] for a half that is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Detour {
    length: Nanos,
    before: u32,
    after: u32,
}

impl Detour {
    const NONE: Self = Self {
        length: Nanos::ZERO,
        before: OFF,
        after: OFF,
    };

    /// Takes the longer one. The first stays where both are equal.
    fn offer(&mut self, other: Self) {
        if other.length > self.length {
            *self = other;
        }
    }
}

/// What becomes of the span if something takes less time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Faster {
    /// By how many percent its time is reduced.
    pub percent: u32,
    /// How much shorter the span is.
    pub saving: Nanos,
    /// The first node of the new longest path that takes time and was not on the old one; `None` where
    /// the path stays.
    pub then: Option<u32>,
}

impl<'a> Savings<'a> {
    /// Computes the savings of all nodes. The ranks decide which of several longest paths is shown, as
    /// in [`CriticalPathMethod::longest_path`]; the savings are the same for each of them. Takes
    /// O(n + m + p log p) for n nodes, m edges, and p nodes on the path.
    ///
    /// # Panics
    ///
    /// If there are ranks, but not as many as nodes.
    #[must_use]
    pub fn new(cpm: &'a CriticalPathMethod<'a>, rank: Option<&'a [u32]>) -> Self {
        let path = cpm.longest_path(rank);
        let mut place = vec![OFF; cpm.dag().len()];
        for (index, &node) in (0..).zip(&path) {
            place[node as usize] = index;
        }
        let mut savings = Self {
            cpm,
            rank: Rank::new(cpm.dag(), rank),
            detours: detours(cpm, &path, &place),
            thens: Vec::new(),
            path,
            place,
        };
        savings.thens = savings.thens();
        savings
    }

    /// Returns the longest path, in the order of time.
    #[must_use]
    pub fn path(&self) -> &[u32] {
        &self.path
    }

    /// Returns how much shorter the span were if this node took no time: its drag. At most its
    /// duration; zero for what is not on every longest path.
    #[must_use]
    pub fn saving(&self, node: u32) -> Nanos {
        self.saving_of(node, self.cpm.durations()[node as usize])
    }

    /// Returns the first node of the new longest path, in the order of time, that takes time and was not
    /// on the old one if this node took no time; `None` where the old path is still a longest one. The
    /// shortened node itself may be on it or not. Takes no time: it is known.
    #[must_use]
    pub fn then(&self, node: u32) -> Option<u32> {
        self.then_of(node, self.cpm.durations()[node as usize])
    }

    /// Returns what comes of making one node faster by each of [`FASTER_PERCENT`]. Exact, since
    /// a node that loses less than all of its time saves that much, up to what it saves at best.
    #[must_use]
    pub fn curve(&self, node: u32) -> [Faster; FASTER_PERCENT.len()] {
        FASTER_PERCENT.map(|percent| {
            let loss = share(self.cpm.durations()[node as usize], percent);
            Faster {
                percent,
                saving: self.saving_of(node, loss),
                then: self.then_of(node, loss),
            }
        })
    }

    /// Returns what comes of making all of these nodes faster by that many percent, at most 100.
    /// What several nodes save together is not the sum of what each saves: it may be less, and it may
    /// be more. So the span is computed anew, in O(n + m).
    #[must_use]
    pub fn together(&self, nodes: &[u32], percent: u32) -> Faster {
        let percent = percent.min(100);
        let mut durations = self.cpm.durations().to_vec();
        for &node in nodes {
            let duration = self.cpm.durations()[node as usize];
            durations[node as usize] = duration - share(duration, percent);
        }
        let finish = finish_times(self.cpm.dag(), |node| durations[node as usize]);
        let span = finish.iter().copied().max().unwrap_or_default();
        let kept: Nanos = self.path.iter().map(|&node| durations[node as usize]).sum();
        // Where the old path is still a longest one, nothing else becomes critical.
        let mut ends = self.cpm.dag().nodes();
        let last = ends.find(|&node| kept < span && finish[node as usize] == span);
        Faster {
            percent,
            saving: self.cpm.span() - span,
            then: last.and_then(|last| {
                let previous = |&node: &u32| self.previous(node, |to| finish[to as usize]);
                let path = std::iter::successors(Some(last), previous);
                let takes_time = |&node: &u32| durations[node as usize] > Nanos::ZERO;
                path.filter(|&node| self.is_new(node))
                    .filter(takes_time)
                    .last()
            }),
        }
    }

    /// Returns [`together`](Self::together) for each of [`FASTER_PERCENT`].
    #[must_use]
    pub fn curve_together(&self, nodes: &[u32]) -> [Faster; FASTER_PERCENT.len()] {
        FASTER_PERCENT.map(|percent| self.together(nodes, percent))
    }

    fn detour(&self, node: u32) -> Option<Detour> {
        self.detours
            .get(self.place[node as usize] as usize)
            .copied()
    }

    /// What the span loses where a node loses that much.
    fn saving_of(&self, node: u32, loss: Nanos) -> Nanos {
        let detour = self.detour(node);
        detour.map_or(Nanos::ZERO, |detour| {
            loss.min(self.cpm.span() - detour.length)
        })
    }

    fn then_of(&self, node: u32, loss: Nanos) -> Option<u32> {
        let detour = self.detour(node)?;
        if detour.length <= self.cpm.span() - loss {
            return None;
        }
        on(self.thens[self.place[node as usize] as usize])
    }

    /// Finds the first new node of each detour. Goes over every node once each way.
    fn thens(&self) -> Vec<u32> {
        let duration = |node: u32| self.cpm.durations()[node as usize];
        let itself = |node: u32| (duration(node) > Nanos::ZERO).then_some(node);
        let finish = |node: u32| self.cpm.earliest_finish(node);
        let (mut known_before, mut known_after) = (HashMap::default(), HashMap::default());
        let then = |(&node, detour): (&u32, &Detour)| {
            if detour.length <= self.cpm.span() - duration(node) {
                return OFF;
            }
            // The detour is longer than the path without this node, so it has others that take time.
            let first_before = self.fold_new(
                on(detour.before),
                |node| self.previous(node, finish),
                |node, before: Option<u32>| before.or(itself(node)),
                &mut known_before,
            );
            let first = first_before.or_else(|| {
                self.fold_new(
                    on(detour.after),
                    |node| self.cpm.next(node, self.rank),
                    |node, after: Option<u32>| itself(node).or(after),
                    &mut known_after,
                )
            });
            first.unwrap_or(OFF)
        };
        self.path.iter().zip(&self.detours).map(then).collect()
    }

    /// Goes from node to node until there is none or it is on the old path (and so are all after it),
    /// and combines each with what came of those after it.
    fn fold_new(
        &self,
        from: Option<u32>,
        step: impl Fn(u32) -> Option<u32>,
        combine: impl Fn(u32, Option<u32>) -> Option<u32>,
        known: &mut HashMap<u32, Option<u32>, FixedState>,
    ) -> Option<u32> {
        let mut nodes = Vec::new();
        let mut at = from.filter(|&node| self.is_new(node));
        let mut rest = None;
        while let Some(node) = at {
            if let Some(&known) = known.get(&node) {
                rest = known;
                break;
            }
            nodes.push(node);
            at = step(node).filter(|&next| self.is_new(next));
        }
        for node in nodes.into_iter().rev() {
            rest = combine(node, rest);
            known.insert(node, rest);
        }
        rest
    }

    fn is_new(&self, node: u32) -> bool {
        self.place[node as usize] == OFF
    }

    /// Returns the node before this one on a longest path to it, from the old path if it can be.
    fn previous(&self, node: u32, finish: impl Fn(u32) -> Nanos) -> Option<u32> {
        let needed = self.cpm.dag().dependencies(node).iter().copied();
        needed.min_by_key(|&to| (Reverse(finish(to)), self.is_new(to), self.rank.of(to)))
    }
}

/// Finds the longest path that avoids each node of the longest path. `place` says where on it a node
/// is.
///
/// A path that falls short of the span by the longest duration on the longest path, or more, keeps no
/// node from saving all that it takes. So nodes with that much slack are passed by, and with
/// them nearly all edges of a large graph.
fn detours(cpm: &CriticalPathMethod<'_>, path: &[u32], place: &[u32]) -> Vec<Detour> {
    let dag = cpm.dag();
    let on_path = path.iter().map(|&node| cpm.durations()[node as usize]);
    let longest_duration = on_path.max().unwrap_or_default();
    let mut offers = Offers::new(path.len());
    // How many nodes of the path are left of what comes right after a node.
    let mut passed = vec![0_u32; dag.len()];
    let mut n_passed = 0;
    let mut longest = Detour::NONE;
    for &node in dag.topological() {
        let index = node as usize;
        let is_near = cpm.slack(node) < longest_duration;
        let needed = dag.dependencies(node).iter();
        for &before in needed.take_while(|_| is_near) {
            let first = passed[before as usize];
            if first < n_passed {
                let length = cpm.earliest_finish(before) + cpm.tail(node);
                let detour = Detour {
                    length,
                    before,
                    after: node,
                };
                offers.offer(first..n_passed, detour);
            }
        }
        if place[index] != OFF {
            offers.offer(n_passed..n_passed + 1, longest);
            n_passed += 1;
        }
        passed[index] = n_passed;
        longest.offer(Detour {
            length: cpm.earliest_finish(node),
            before: node,
            after: OFF,
        });
    }
    let mut longest = Detour::NONE;
    for &node in dag.topological().iter().rev() {
        let place = place[node as usize];
        if place != OFF {
            offers.offer(place..place + 1, longest);
        }
        longest.offer(Detour {
            length: cpm.tail(node),
            before: OFF,
            after: node,
        });
    }
    offers.finish()
}

/// The largest offer for each place, from offers to stretches of places.
#[derive(Debug)]
struct Offers {
    n_places: usize,
    /// By the binary logarithm of the length, then by the first place. Made when first needed: most
    /// edges pass over few nodes.
    levels: Vec<Vec<Detour>>,
}

impl Offers {
    fn new(n_places: usize) -> Self {
        Self {
            n_places,
            levels: vec![vec![Detour::NONE; n_places]],
        }
    }

    /// Offers to every place of a stretch, which is not empty.
    fn offer(&mut self, places: Range<u32>, detour: Detour) {
        let level = (places.end - places.start).ilog2();
        while self.levels.len() <= level as usize {
            let length = 1 << self.levels.len();
            let n_stretches = self.n_places + 1 - length;
            self.levels.push(vec![Detour::NONE; n_stretches]);
        }
        let stretches = &mut self.levels[level as usize];
        stretches[places.start as usize].offer(detour);
        stretches[(places.end - (1 << level)) as usize].offer(detour);
    }

    /// Returns the largest offer for each place.
    fn finish(mut self) -> Vec<Detour> {
        while let Some(stretches) = self.levels.pop() {
            let Some(halves) = self.levels.last_mut() else {
                return stretches;
            };
            let length = halves.len() - stretches.len();
            for (place, detour) in stretches.into_iter().enumerate() {
                halves[place].offer(detour);
                halves[place + length].offer(detour);
            }
        }
        Vec::new()
    }
}

fn on(node: u32) -> Option<u32> {
    (node != OFF).then_some(node)
}

/// Returns a part of a duration, rounded down.
fn share(duration: Nanos, percent: u32) -> Nanos {
    let part = u128::from(duration.get()) * u128::from(percent) / 100;
    Nanos::new(u64::try_from(part).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::dag::Dag;
    use super::*;

    fn nanos(durations: &[u64]) -> Vec<Nanos> {
        durations.iter().map(|&n| Nanos::new(n)).collect()
    }

    /// 0 ← 1 ← 2 ← 3 takes 40; 0 ← 4 ← 3 passes over 1 and 2; 5 and 6 are on their own.
    fn example() -> (Dag, Vec<Nanos>) {
        let edges = vec![(1, 0), (2, 1), (3, 2), (4, 0), (3, 4), (6, 5)];
        let dag = Dag::new(7, edges).expect("no cycle");
        (dag, nanos(&[10, 10, 10, 10, 15, 20, 13]))
    }

    #[test]
    fn each_node_saves_up_to_its_detour() {
        let (dag, durations) = example();
        let cpm = CriticalPathMethod::new(&dag, &durations);
        let savings = Savings::new(&cpm, None);
        assert_eq!(savings.path(), [0, 1, 2, 3]);
        let saved: Vec<_> = (0..7).map(|node| savings.saving(node).get()).collect();
        assert_eq!(saved, [7, 5, 5, 7, 0, 0, 0]);
        let then: Vec<_> = (0..7).map(|node| savings.then(node)).collect();
        let (side, alone) = (Some(4), Some(5));
        assert_eq!(then, [alone, side, side, alone, None, None, None]);
    }

    #[test]
    fn the_curve_bends_where_the_detour_is_reached() {
        let (dag, durations) = example();
        let cpm = CriticalPathMethod::new(&dag, &durations);
        let savings = Savings::new(&cpm, None);
        let curve = savings
            .curve(1)
            .map(|at| (at.percent, at.saving.get(), at.then));
        let expected = [
            (10, 1, None),
            (25, 2, None),
            (50, 5, None),
            (100, 5, Some(4)),
        ];
        assert_eq!(curve, expected);
        assert_eq!(savings.curve_together(&[1]), savings.curve(1));
    }

    #[test]
    fn together_is_more_than_the_sum_or_less() {
        let (dag, durations) = example();
        let cpm = CriticalPathMethod::new(&dag, &durations);
        let savings = Savings::new(&cpm, None);
        let together = |nodes: &[u32]| {
            let faster = savings.together(nodes, 100);
            (faster.saving.get(), faster.then)
        };
        assert_eq!(together(&[1, 2]), (5, Some(4)), "less than 5 + 5");
        assert_eq!(together(&[0, 5]), (10, None), "more than 7 + 0");
        assert_eq!(together(&[1, 1]), (5, Some(4)), "once is enough");
        assert_eq!(together(&[]), (0, None));
        assert_eq!(together(&[0, 1, 2, 3, 4, 5, 6]), (40, None));
        assert_eq!(savings.together(&[0], 1000), savings.together(&[0], 100));
    }

    #[test]
    fn of_two_equal_paths_none_saves() {
        let dag = Dag::new(4, vec![(1, 0), (2, 0), (3, 1), (3, 2)]).expect("no cycle");
        let durations = nanos(&[1, 5, 5, 2]);
        let cpm = CriticalPathMethod::new(&dag, &durations);
        let savings = Savings::new(&cpm, None);
        let saved: Vec<_> = (0..4).map(|node| savings.saving(node).get()).collect();
        assert_eq!(saved, [1, 0, 0, 2]);
        assert_eq!(savings.then(1), Some(2));
    }

    #[test]
    fn what_is_critical_then_takes_time() {
        // 0 ← 1 ← 2, and 0 ← 3 ← 4 ← 5 ← 2, where 3 and 5 take no time; 6 ← 7 on their own likewise.
        let edges = vec![(1, 0), (2, 1), (3, 0), (4, 3), (5, 4), (2, 5), (7, 6)];
        let dag = Dag::new(8, edges).expect("no cycle");
        let durations = nanos(&[10, 10, 10, 0, 8, 0, 0, 25]);
        let cpm = CriticalPathMethod::new(&dag, &durations);
        let savings = Savings::new(&cpm, None);
        let then = |node| (savings.saving(node).get(), savings.then(node));
        assert_eq!(then(0), (5, Some(7)));
        assert_eq!(then(1), (2, Some(4)));
        assert_eq!(then(2), (5, Some(7)));
        for node in 0..3 {
            assert_eq!(savings.together(&[node], 100).then, savings.then(node));
        }
    }

    #[test]
    fn the_old_path_is_kept_as_long_as_can_be() {
        // 1 ← 5 ← 2 ← 3, and 4 beside 5 and 2, which could as well begin with 0 as with 1.
        let edges = vec![(5, 1), (2, 5), (3, 2), (4, 0), (4, 1), (3, 4)];
        let dag = Dag::new(6, edges).expect("no cycle");
        let durations = nanos(&[10, 10, 10, 5, 8, 1]);
        let cpm = CriticalPathMethod::new(&dag, &durations);
        let savings = Savings::new(&cpm, None);
        assert_eq!(savings.path(), [1, 5, 2, 3]);
        assert_eq!(savings.then(2), Some(4), "not 0");
        assert_eq!(savings.together(&[2], 100).then, Some(4));
    }

    #[test]
    fn nothing_and_next_to_nothing() {
        let none = Dag::default();
        let cpm = CriticalPathMethod::new(&none, &[]);
        assert!(Savings::new(&cpm, None).path().is_empty());

        let one = Dag::new(1, Vec::new()).expect("no cycle");
        for duration in [0, 7, u64::MAX] {
            let durations = nanos(&[duration]);
            let cpm = CriticalPathMethod::new(&one, &durations);
            let savings = Savings::new(&cpm, None);
            assert_eq!(savings.saving(0), Nanos::new(duration));
            assert_eq!(savings.then(0), None);
        }
    }

    #[test]
    fn a_long_edge_reaches_every_place_under_it() {
        // A chain of 20, with one node beside it from each place to each later one.
        let mut edges: Vec<(u32, u32)> = (1..20).map(|node| (node, node - 1)).collect();
        let mut durations = vec![Nanos::new(100); 20];
        for (from, to) in [(0, 18), (3, 5), (4, 19), (7, 8), (9, 15)] {
            let beside = u32::try_from(durations.len()).expect("a small graph");
            edges.extend([(beside, from), (to, beside)]);
            let length = u64::from(to - from - 1) * 100;
            durations.push(Nanos::new(length.saturating_sub(u64::from(20 - from))));
        }
        let dag = Dag::new(durations.len(), edges).expect("no cycle");
        let cpm = CriticalPathMethod::new(&dag, &durations);
        let savings = Savings::new(&cpm, None);
        let saved: Vec<_> = (0..20).map(|node| savings.saving(node).get()).collect();
        let expected = [
            &[100][..],
            &[20; 3],
            &[17],
            &[16; 5],
            &[11; 5],
            &[16; 4],
            &[100],
        ];
        assert_eq!(saved, expected.concat());
    }
}
