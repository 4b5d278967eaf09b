//! Which edges close circles.

/// Finds edges without which a graph has no cycle, sorted. `edges` are `(dependent, dependency)`,
/// sorted. Takes O(m + n log m).
///
/// A depth-first walk: an edge to a node that is still being walked closes a circle.
pub(super) fn closing_edges(n_nodes: usize, edges: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let first = |node: u32| edges.partition_point(|&(from, _)| from < node);
    let (mut seen, mut open) = (vec![false; n_nodes], vec![false; n_nodes]);
    let mut closing = Vec::new();
    for start in (0..).take(n_nodes) {
        if std::mem::replace(&mut seen[start as usize], true) {
            continue;
        }
        open[start as usize] = true;
        let mut stack = vec![(start, first(start))];
        while let Some((node, next)) = stack.last_mut() {
            match edges.get(*next) {
                Some(&(from, to)) if from == *node => {
                    *next += 1;
                    if open[to as usize] {
                        closing.push((from, to));
                    } else if !std::mem::replace(&mut seen[to as usize], true) {
                        open[to as usize] = true;
                        stack.push((to, first(to)));
                    }
                }
                _ => {
                    open[*node as usize] = false;
                    stack.pop();
                }
            }
        }
    }
    closing.sort_unstable();
    closing
}
