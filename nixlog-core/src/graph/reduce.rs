//! Smaller graphs that say the same: without edges that follow from others, without nodes that do not
//! matter.

use super::dag::Dag;
use super::reach::Direction;
use super::sweep::Rows;

/// Removes every edge for which there is another path (the transitive reduction, which is unique for
/// a graph without cycles). What can be reached stays the same, and so does every longest path.
///
/// Exact. As [`transitive`](super::transitive), it is quadratic with a small factor: about n·r/900 steps
/// of one cache line each, for n nodes of which r edges are left.
#[must_use]
pub fn reduce(dag: &Dag) -> Dag {
    let mut rows = Rows::new(dag, Direction::Dependencies);
    rows.sweep(None);
    subgraph(dag.len(), rows.edges().into_iter())
}

/// What to do with a node that is left out, if many need it and it needs many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Hubs {
    /// Leave it in, where fewer edges go to and from it than would go past it. The graph never gets
    /// larger. For anything that computes: give it no duration, and longest paths, slack and reach of all
    /// others are what they were.
    #[default]
    Keep,
    /// Leave it out: everyone who needs it now needs all that it needs, which may be the product of the
    /// two numbers, and that for every hub. For drawings and for lists of edges, which must not have
    /// nodes in them that nobody asked for; [`reduce`] it then.
    Expand,
}

/// A graph without some of the nodes of another.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Contraction {
    /// The graph, with nodes of its own numbers.
    pub dag: Dag,
    /// For each node of it, which one it was; sorted.
    pub nodes: Vec<u32>,
}

impl Contraction {
    /// Returns the number that a node of the old graph has in the new one.
    #[must_use]
    pub fn index_of(&self, node: u32) -> Option<u32> {
        let index = self.nodes.binary_search(&node).ok()?;
        u32::try_from(index).ok()
    }
}

/// Leaves nodes out. An edge through nodes that are left out is kept: if one kept node reaches another
/// through none but such, it has an edge to it.
///
/// With [`Hubs::Keep`] it takes O(n + m log m): a node that is left out then has one user, to whom what it
/// needs is moved, or it needs no more than two nodes. With [`Hubs::Expand`] it takes as long as there are
/// edges to hand on, at worst the square of the nodes kept for each node left out.
///
/// # Panics
///
/// If `keep` does not have one entry per node.
#[must_use]
pub fn contract(dag: &Dag, keep: &[bool], hubs: Hubs) -> Contraction {
    assert_eq!(keep.len(), dag.len(), "one entry per node");
    let mut stays = keep.to_vec();
    let n_users = users(dag, keep);
    // What the nodes that are left out need: nodes that stay.
    let mut handed: Vec<Vec<u32>> = vec![Vec::new(); dag.len()];
    let mut edges: Vec<(u32, u32)> = Vec::new();
    for &node in dag.topological() {
        let index = node as usize;
        if !keep[index] && n_users[index] == 0 {
            continue;
        }
        let mut needed = Vec::new();
        for &to in dag.dependencies(node) {
            let to_index = to as usize;
            if stays[to_index] {
                needed.push(to);
            } else if n_users[to_index] > 1 {
                needed.extend(&handed[to_index]);
            } else {
                // Nobody else wants it, so a long chain need not copy it at every step.
                let mut only = std::mem::take(&mut handed[to_index]);
                if only.len() > needed.len() {
                    std::mem::swap(&mut only, &mut needed);
                }
                needed.append(&mut only);
            }
        }
        if !keep[index] && n_users[index] > 1 {
            needed.sort_unstable();
            needed.dedup();
            let n_users = n_users[index] as usize;
            let is_hub = n_users * needed.len() > n_users + needed.len();
            stays[index] = is_hub && hubs == Hubs::Keep;
        }
        if stays[index] {
            edges.extend(needed.iter().map(|&to| (node, to)));
        } else {
            handed[index] = needed;
        }
    }
    let nodes: Vec<u32> = dag.nodes().filter(|&node| stays[node as usize]).collect();
    let mut names = vec![0; dag.len()];
    for (name, &node) in (0..).zip(&nodes) {
        names[node as usize] = name;
    }
    let edges = edges.iter();
    let renamed = edges.map(|&(from, to)| (names[from as usize], names[to as usize]));
    Contraction {
        dag: subgraph(nodes.len(), renamed),
        nodes,
    }
}

/// How many need each node, those left out that no kept node needs not counted.
fn users(dag: &Dag, keep: &[bool]) -> Vec<u32> {
    let mut n_users = vec![0; dag.len()];
    for &node in dag.topological().iter().rev() {
        if keep[node as usize] || n_users[node as usize] > 0 {
            for &to in dag.dependencies(node) {
                n_users[to as usize] += 1;
            }
        }
    }
    n_users
}

/// Makes a graph from edges that follow paths of another.
fn subgraph(n_nodes: usize, edges: impl Iterator<Item = (u32, u32)>) -> Dag {
    Dag::new(n_nodes, edges.collect()).expect("paths of a graph without cycles make none")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(dag: &Dag) -> Vec<(u32, u32)> {
        let of = |node| dag.dependencies(node).iter().map(move |&to| (node, to));
        dag.nodes().flat_map(of).collect()
    }

    #[test]
    fn edges_that_follow_from_others_go() {
        let all = vec![(3, 2), (3, 1), (3, 0), (2, 1), (2, 0), (1, 0), (4, 0)];
        let dag = Dag::new(5, all).expect("no cycle");
        assert_eq!(edges(&reduce(&dag)), [(1, 0), (2, 1), (3, 2), (4, 0)]);
        assert_eq!(reduce(&Dag::default()), Dag::default());
    }

    #[test]
    fn a_path_through_what_is_left_out_is_kept() {
        // 5 → 4 → 3 → 0 with 4 and 3 left out, 4 → 1, and 2 that leads nowhere.
        let dag = Dag::new(6, vec![(5, 4), (4, 3), (3, 0), (4, 1), (2, 0)]).expect("no cycle");
        let keep = [true, true, false, false, false, true];
        let small = contract(&dag, &keep, Hubs::Keep);
        assert_eq!(small.nodes, [0, 1, 5]);
        assert_eq!(edges(&small.dag), [(2, 0), (2, 1)]);
        assert_eq!(small.index_of(5), Some(2));
        assert_eq!(small.index_of(4), None);
        assert_eq!(contract(&dag, &keep, Hubs::Expand), small);
        assert!(contract(&dag, &[false; 6], Hubs::Keep).dag.is_empty());
        assert_eq!(contract(&dag, &[true; 6], Hubs::Expand).dag, dag);
    }

    #[test]
    fn a_hub_stays_where_edges_would_multiply() {
        // 0, 1, 2 ← 3 ← 4, 5, 6.
        let star = [(3, 0), (3, 1), (3, 2), (4, 3), (5, 3), (6, 3)];
        let dag = Dag::new(7, star.to_vec()).expect("no cycle");
        let keep = [true, true, true, false, true, true, true];
        let with = contract(&dag, &keep, Hubs::Keep);
        assert_eq!((with.dag.len(), with.dag.n_edges()), (7, 6));
        let without = contract(&dag, &keep, Hubs::Expand);
        assert_eq!((without.dag.len(), without.dag.n_edges()), (6, 9));
        // Nobody uses 6 any more: two by three are six edges past it, five with it.
        let keep = [true, true, true, false, true, true, false];
        assert_eq!(contract(&dag, &keep, Hubs::Keep).nodes, [0, 1, 2, 3, 4, 5]);
        // Two by two are four either way.
        let keep = [true, true, false, false, true, true, false];
        assert_eq!(contract(&dag, &keep, Hubs::Keep).nodes, [0, 1, 4, 5]);
    }

    #[test]
    fn a_node_needed_three_ways_counts_once() {
        // 0 ← 1, 2, 3 ← 4 ← 5, 6.
        let edges = vec![
            (1, 0),
            (2, 0),
            (3, 0),
            (4, 1),
            (4, 2),
            (4, 3),
            (5, 4),
            (6, 4),
        ];
        let dag = Dag::new(7, edges).expect("no cycle");
        let keep = [true, false, false, false, false, true, true];
        assert_eq!(contract(&dag, &keep, Hubs::Keep).nodes, [0, 5, 6]);
    }
}
