//! The critical path method: how early, how late, and how much room there is between.
//!
//! Kelley and Walker (1959), with the work on the nodes. Times count from the start of the graph part;
//! nothing here knows of slots: it is what a machine with room for everything would do.

use std::cmp::Reverse;

use super::dag::Dag;
use crate::time::Nanos;

/// Earliest and latest times of every node, and the longest path.
///
/// A node starts as soon as everything that it needs has finished; the span is when the last one
/// finishes. Takes O(n + m) for n nodes and m edges. Sums stop at 2^64 nanoseconds, 584 years; beyond
/// that numbers mean little, but nothing panics.
///
/// ```
/// use nixlog_core::graph::{CriticalPathMethod, Dag};
/// use nixlog_core::time::Nanos;
///
/// // hello (2) needs gcc (1) and its source (0), and gcc needs nothing.
/// let dag = Dag::new(3, vec![(2, 1), (2, 0)]).expect("no cycle");
/// let durations = [3, 50, 10].map(Nanos::new);
/// let cpm = CriticalPathMethod::new(&dag, &durations);
/// assert_eq!(cpm.span(), Nanos::new(60));
/// assert_eq!(cpm.longest_path(None), [1, 2]);
/// assert_eq!(cpm.slack(0), Nanos::new(47));
/// ```
#[derive(Debug, Clone)]
pub struct CriticalPathMethod<'a> {
    dag: &'a Dag,
    durations: &'a [Nanos],
    /// Earliest finish.
    finish: Vec<Nanos>,
    /// The longest path that starts with the node, the node included.
    tail: Vec<Nanos>,
    span: Nanos,
}

impl<'a> CriticalPathMethod<'a> {
    /// Computes all times. Needs one duration per node; zero for what takes no time.
    ///
    /// # Panics
    ///
    /// If there are not as many durations as nodes.
    #[must_use]
    pub fn new(dag: &'a Dag, durations: &'a [Nanos]) -> Self {
        assert_eq!(durations.len(), dag.len(), "one duration per node");
        let finish = finish_times(dag, |node| durations[node as usize]);
        let mut tail = vec![Nanos::ZERO; dag.len()];
        for &node in dag.topological().iter().rev() {
            let rest = dag.dependents(node).iter().map(|&to| tail[to as usize]);
            tail[node as usize] = rest.max().unwrap_or_default() + durations[node as usize];
        }
        let span = finish.iter().copied().max().unwrap_or_default();
        Self {
            dag,
            durations,
            finish,
            tail,
            span,
        }
    }

    /// Returns the graph.
    #[must_use]
    pub fn dag(&self) -> &'a Dag {
        self.dag
    }

    /// Returns the durations, by node.
    #[must_use]
    pub fn durations(&self) -> &'a [Nanos] {
        self.durations
    }

    /// Returns the length of the longest path (T∞): no number of slots gets below it.
    #[must_use]
    pub fn span(&self) -> Nanos {
        self.span
    }

    /// Returns when a node can start at the earliest: when the last of what it needs has finished.
    #[must_use]
    pub fn earliest_start(&self, node: u32) -> Nanos {
        let needed = self.dag.dependencies(node).iter();
        let finish = needed.map(|&to| self.finish[to as usize]);
        finish.max().unwrap_or_default()
    }

    /// Returns when a node can finish at the earliest.
    #[must_use]
    pub fn earliest_finish(&self, node: u32) -> Nanos {
        self.finish[node as usize]
    }

    /// Returns when a node must start at the latest, so that all is done within the span.
    #[must_use]
    pub fn latest_start(&self, node: u32) -> Nanos {
        self.span - self.tail[node as usize]
    }

    /// Returns when a node must finish at the latest, so that all is done within the span.
    #[must_use]
    pub fn latest_finish(&self, node: u32) -> Nanos {
        self.latest_start(node) + self.durations[node as usize]
    }

    /// Returns the length of the longest path that starts with a node, the node included: how long
    /// it takes at least from its start until all that needs it is done. Schedulers call it the bottom
    /// level.
    #[must_use]
    pub fn tail(&self, node: u32) -> Nanos {
        self.tail[node as usize]
    }

    /// Returns by how much a node may be late, or take longer, without moving the end: the total float
    /// of project planning. Zero for every node of every longest path.
    #[must_use]
    pub fn slack(&self, node: u32) -> Nanos {
        let index = node as usize;
        self.span - (self.finish[index] + (self.tail[index] - self.durations[index]))
    }

    /// Returns the longest path, in the order of time.
    ///
    /// It goes from a node that needs nothing to one that nothing needs, so it may begin and end with
    /// nodes that take no time. Of several longest paths it is the one whose first node has the
    /// smallest rank, then the second, and so on; without ranks, or between equal ranks, the node's own
    /// number decides. Who wants the same path for the same graph in whatever order its nodes were
    /// found gives ranks that do not depend on that order, as by name. Empty for the empty graph.
    ///
    /// # Panics
    ///
    /// If there are ranks, but not as many as nodes.
    #[must_use]
    pub fn longest_path(&self, rank: Option<&[u32]>) -> Vec<u32> {
        let rank = Rank::new(self.dag, rank);
        let all = self.dag.nodes();
        let first = all.filter(|&node| self.dag.dependencies(node).is_empty());
        let first = self.longest_tail(first, rank);
        std::iter::successors(first, |&node| self.next(node, rank)).collect()
    }

    /// Returns the nodes whose slack is at most this share of the span, those with the least slack
    /// first, and the rest of the order as in [`longest_path`](Self::longest_path): by rank. The
    /// critical nodes are among them; `0.0` gives these alone.
    ///
    /// # Panics
    ///
    /// If there are ranks, but not as many as nodes.
    #[must_use]
    pub fn near_critical(&self, share: f64, rank: Option<&[u32]>) -> Vec<u32> {
        let rank = Rank::new(self.dag, rank);
        let most = self.span.get() as f64 * share;
        let all = self.dag.nodes();
        let mut near: Vec<u32> = all
            .filter(|&node| self.slack(node).get() as f64 <= most)
            .collect();
        near.sort_unstable_by_key(|&node| (self.slack(node), rank.of(node)));
        near
    }

    /// Returns the node after this one on the longest path from it on.
    pub(super) fn next(&self, node: u32, rank: Rank<'_>) -> Option<u32> {
        self.longest_tail(self.dag.dependents(node).iter().copied(), rank)
    }

    fn longest_tail(&self, nodes: impl Iterator<Item = u32>, rank: Rank<'_>) -> Option<u32> {
        nodes.min_by_key(|&node| (Reverse(self.tail[node as usize]), rank.of(node)))
    }
}

/// Earliest finish of every node.
pub(super) fn finish_times(dag: &Dag, duration: impl Fn(u32) -> Nanos) -> Vec<Nanos> {
    let mut finish = vec![Nanos::ZERO; dag.len()];
    for &node in dag.topological() {
        let needed = dag.dependencies(node).iter().map(|&to| finish[to as usize]);
        finish[node as usize] = needed.max().unwrap_or_default() + duration(node);
    }
    finish
}

/// What decides between nodes that are otherwise equal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rank<'a>(Option<&'a [u32]>);

impl<'a> Rank<'a> {
    pub(super) fn new(dag: &Dag, rank: Option<&'a [u32]>) -> Self {
        let fits = rank.is_none_or(|rank| rank.len() == dag.len());
        assert!(fits, "one rank per node");
        Self(rank)
    }

    pub(super) fn of(self, node: u32) -> (u32, u32) {
        (self.0.map_or(0, |rank| rank[node as usize]), node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(durations: &[u64]) -> Vec<Nanos> {
        durations.iter().map(|&n| Nanos::new(n)).collect()
    }

    #[test]
    fn early_and_late() {
        // 0 ← 1 ← 3, 0 ← 2 ← 3, and 4 on its own.
        let dag = Dag::new(5, vec![(1, 0), (2, 0), (3, 1), (3, 2)]).expect("no cycle");
        let durations = nanos(&[10, 5, 7, 1, 4]);
        let cpm = CriticalPathMethod::new(&dag, &durations);
        assert_eq!(cpm.span(), Nanos::new(18));
        let all = |of: &dyn Fn(u32) -> Nanos| (0..5).map(|n| of(n).get()).collect::<Vec<_>>();
        assert_eq!(all(&|n| cpm.earliest_start(n)), [0, 10, 10, 17, 0]);
        assert_eq!(all(&|n| cpm.earliest_finish(n)), [10, 15, 17, 18, 4]);
        assert_eq!(all(&|n| cpm.latest_start(n)), [0, 12, 10, 17, 14]);
        assert_eq!(all(&|n| cpm.latest_finish(n)), [10, 17, 17, 18, 18]);
        assert_eq!(all(&|n| cpm.tail(n)), [18, 6, 8, 1, 4]);
        assert_eq!(all(&|n| cpm.slack(n)), [0, 2, 0, 0, 14]);
        assert_eq!(cpm.longest_path(None), [0, 2, 3]);
        assert_eq!(cpm.near_critical(0.0, None), [0, 2, 3]);
        assert_eq!(cpm.near_critical(0.12, None), [0, 2, 3, 1]);
        assert_eq!(
            cpm.near_critical(1.0, Some(&[4, 3, 2, 1, 0])),
            [3, 2, 0, 1, 4]
        );
    }

    #[test]
    fn ranks_break_ties_and_numbers_break_those_of_ranks() {
        let dag = Dag::new(5, vec![(2, 0), (3, 0), (3, 1), (4, 1)]).expect("no cycle");
        let durations = nanos(&[2, 2, 1, 1, 1]);
        let cpm = CriticalPathMethod::new(&dag, &durations);
        assert_eq!(cpm.longest_path(None), [0, 2]);
        assert_eq!(cpm.longest_path(Some(&[1, 0, 0, 2, 1])), [1, 4]);
        assert_eq!(cpm.longest_path(Some(&[7, 7, 5, 5, 5])), [0, 2]);
    }

    #[test]
    fn nothing_and_next_to_nothing() {
        let none = Dag::default();
        let cpm = CriticalPathMethod::new(&none, &[]);
        assert_eq!(cpm.span(), Nanos::ZERO);
        assert!(cpm.longest_path(None).is_empty());
        assert!(cpm.near_critical(1.0, None).is_empty());

        let one = Dag::new(1, Vec::new()).expect("no cycle");
        let durations = nanos(&[7]);
        let cpm = CriticalPathMethod::new(&one, &durations);
        assert_eq!((cpm.span(), cpm.slack(0)), (Nanos::new(7), Nanos::ZERO));
        assert_eq!(cpm.longest_path(None), [0]);
    }

    #[test]
    fn a_path_takes_in_what_takes_no_time() {
        let dag = Dag::new(4, vec![(1, 0), (2, 1), (3, 2)]).expect("no cycle");
        let durations = nanos(&[0, 5, 0, 0]);
        let cpm = CriticalPathMethod::new(&dag, &durations);
        assert_eq!(cpm.longest_path(None), [0, 1, 2, 3]);
    }

    #[test]
    fn sums_stop_at_the_largest() {
        let dag = Dag::new(3, vec![(1, 0), (2, 1)]).expect("no cycle");
        let durations = nanos(&[u64::MAX, u64::MAX - 1, 3]);
        let cpm = CriticalPathMethod::new(&dag, &durations);
        assert_eq!(cpm.span(), Nanos::new(u64::MAX));
        assert_eq!(cpm.longest_path(None), [0, 1, 2]);
        assert!((0..3).all(|node| cpm.slack(node) == Nanos::ZERO));
    }
}
