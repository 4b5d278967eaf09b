//! What depends on a node, and what it depends on, over any number of steps.

use super::dag::Dag;
use super::sweep::Rows;
use crate::time::Nanos;

/// Which way to follow edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// To what a node needs.
    Dependencies,
    /// To what needs a node.
    Dependents,
}

impl Direction {
    /// Returns the nodes one step away.
    #[must_use]
    pub fn neighbors(self, dag: &Dag, node: u32) -> &[u32] {
        match self {
            Self::Dependencies => dag.dependencies(node),
            Self::Dependents => dag.dependents(node),
        }
    }
}

/// How much can be reached from a node, itself not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reach {
    /// How many nodes.
    pub n_nodes: u32,
    /// How long these take together. Stops at 2^64 nanoseconds.
    pub work: Nanos,
}

/// Computes for every node how many nodes can be reached from it, and how much work they are: with
/// [`Direction::Dependents`], what waits behind it.
///
/// Exact, and so quadratic: about n·r/900 steps of one cache line each, for n nodes and the r edges that
/// [`reduce`](super::reduce) leaves. A hundred thousand nodes are a second's work, a million are
/// minutes: there, take the [`closure`] of the nodes that matter. Every thread of rayon's
/// takes 80 bytes per node.
///
/// # Panics
///
/// If there are not as many durations as nodes.
#[must_use]
pub fn transitive(dag: &Dag, direction: Direction, durations: &[Nanos]) -> Vec<Reach> {
    assert_eq!(durations.len(), dag.len(), "one duration per node");
    let mut rows = Rows::new(dag, direction);
    let by_place: Vec<Nanos> = rows.order().map(|node| durations[node as usize]).collect();
    let by_place = rows.sweep(Some(&by_place));
    let mut by_node = by_place.clone();
    for (node, reach) in rows.order().zip(by_place) {
        by_node[node as usize] = reach;
    }
    by_node
}

/// Returns these nodes and all that can be reached from them, sorted. Takes O(n + m).
///
/// Along [`Direction::Dependencies`] that is what Nix calls the closure.
#[must_use]
pub fn closure(dag: &Dag, nodes: &[u32], direction: Direction) -> Vec<u32> {
    let reached = reached(dag, nodes, |node| direction.neighbors(dag, node));
    dag.nodes().filter(|&node| reached[node as usize]).collect()
}

/// Returns what is not needed any more once some nodes need nothing: what the roots need now, less
/// what they need then, sorted. Takes O(n + m).
///
/// This is what happens when `free` come from a cache: they are still wanted, so they are not part of the
/// result, but what only they needed is. A node that the roots do not need is not part of it
/// either, since it goes nowhere. What a free node still needs (a path from a cache needs the paths that
/// it refers to) is for the caller to add to the roots.
///
/// ```
/// use nixlog_core::graph::{Dag, no_longer_needed};
///
/// // firefox (3) needs rustc (2) and curl (1); rustc needs its bootstrap (0).
/// let dag = Dag::new(4, vec![(3, 1), (3, 2), (2, 0)]).expect("no cycle");
/// assert_eq!(no_longer_needed(&dag, &[3], &[2]), [0]);
/// assert_eq!(no_longer_needed(&dag, &[3], &[3]), [0, 1, 2]);
/// ```
#[must_use]
pub fn no_longer_needed(dag: &Dag, roots: &[u32], free: &[u32]) -> Vec<u32> {
    let mut is_free = vec![false; dag.len()];
    for &node in free {
        is_free[node as usize] = true;
    }
    let now = reached(dag, roots, |node| dag.dependencies(node));
    let then = reached(dag, roots, |node| match is_free[node as usize] {
        true => &[],
        false => dag.dependencies(node),
    });
    let gone = |&node: &u32| {
        let index = node as usize;
        now[index] && !then[index] && !is_free[index]
    };
    dag.nodes().filter(gone).collect()
}

fn reached<'a>(dag: &Dag, from: &[u32], next: impl Fn(u32) -> &'a [u32]) -> Vec<bool> {
    let mut reached = vec![false; dag.len()];
    let mut open = from.to_vec();
    while let Some(node) = open.pop() {
        if !std::mem::replace(&mut reached[node as usize], true) {
            let neighbors = next(node).iter();
            open.extend(neighbors.filter(|&&to| !reached[to as usize]));
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_behind_is_counted_once() {
        // 3 needs 1 and 2, which both need 0; 4 is on its own.
        let dag = Dag::new(5, vec![(1, 0), (2, 0), (3, 1), (3, 2), (3, 0)]).expect("no cycle");
        let durations = [1, 20, 300, 4000, 50_000].map(Nanos::new);
        let of = |direction| {
            let reach = transitive(&dag, direction, &durations).into_iter();
            reach
                .map(|reach| (reach.n_nodes, reach.work.get()))
                .collect::<Vec<_>>()
        };
        let behind = of(Direction::Dependents);
        assert_eq!(behind, [(3, 4320), (1, 4000), (1, 4000), (0, 0), (0, 0)]);
        let below = of(Direction::Dependencies);
        assert_eq!(below, [(0, 0), (1, 1), (1, 1), (3, 321), (0, 0)]);
    }

    #[test]
    fn nothing_reaches_nothing() {
        assert!(transitive(&Dag::default(), Direction::Dependents, &[]).is_empty());
        assert!(closure(&Dag::default(), &[], Direction::Dependents).is_empty());
        assert!(no_longer_needed(&Dag::default(), &[], &[]).is_empty());
    }

    #[test]
    fn work_stops_at_the_largest() {
        let dag = Dag::new(4, vec![(1, 0), (2, 1), (3, 2)]).expect("no cycle");
        let reach = transitive(&dag, Direction::Dependents, &[Nanos::new(u64::MAX / 2); 4]);
        let work: Vec<_> = reach.iter().map(|reach| reach.work.get()).collect();
        assert_eq!(work, [u64::MAX, u64::MAX - 1, u64::MAX / 2, 0]);
    }

    #[test]
    fn free_nodes_are_still_wanted() {
        // 5 → 4 → 3 → 2 and 5 → 2; 4 → 1; 6 → 1 where nobody wants 6.
        let edges = vec![(5, 4), (4, 3), (3, 2), (5, 2), (4, 1), (6, 1)];
        let dag = Dag::new(7, edges).expect("no cycle");
        assert_eq!(no_longer_needed(&dag, &[5], &[4]), [1, 3]);
        assert_eq!(no_longer_needed(&dag, &[5], &[3]), [0; 0]);
        assert_eq!(
            no_longer_needed(&dag, &[5], &[4, 3]),
            [1],
            "3 is named, not gone"
        );
        assert_eq!(
            no_longer_needed(&dag, &[5, 3], &[4]),
            [1],
            "a root is wanted"
        );
        assert_eq!(no_longer_needed(&dag, &[5], &[6]), [0; 0]);
        assert_eq!(closure(&dag, &[4], Direction::Dependencies), [1, 2, 3, 4]);
        assert_eq!(
            closure(&dag, &[2, 0], Direction::Dependents),
            [0, 2, 3, 4, 5]
        );
    }
}
