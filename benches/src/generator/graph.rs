//! Derivation graphs from a seed.

use nixlog_core::time::Nanos;

use super::rng::Rng;

/// How many levels a large graph has: a NixOS system has about that many.
const MOST_LEVELS: usize = 300;

/// How many nodes make up the bootstrap: a narrow chain at the bottom.
const BOOTSTRAP_WIDTH: usize = 4;

/// A graph as it comes from a store: nodes in no useful order.
#[derive(Debug, Clone)]
pub struct Graph {
    /// The nodes are the numbers below this.
    pub n_nodes: usize,
    /// Dependent and dependency. Some come twice, as in a store where a derivation needs two outputs.
    pub edges: Vec<(u32, u32)>,
    /// How long each node takes.
    pub durations: Vec<Nanos>,
}

/// Makes a graph shaped like nixpkgs, the same for the same seed.
///
/// A fifth of the levels is a narrow bootstrap, whose last nodes are needed by nearly all of the rest
/// (stdenv, bash); above it are wide levels. A node needs one of the level below its own, about
/// three of the bootstrap, and others from below, mostly from near and mostly popular ones. Durations
/// go from a tenth of a second to a quarter of an hour, most are short.
#[must_use]
pub fn graph(n_nodes: usize, edges_per_node: usize, seed: u64) -> Graph {
    let mut rng = Rng::new(seed);
    let n_levels = MOST_LEVELS.min(n_nodes / 8).max(1);
    let n_narrow = n_levels / 5;
    let n_bootstrap = n_narrow * BOOTSTRAP_WIDTH;
    // Where each level starts; one more at the end.
    let mut starts: Vec<usize> = (0..n_narrow).map(|level| level * BOOTSTRAP_WIDTH).collect();
    let n_wide = n_levels - n_narrow;
    starts.extend((0..=n_wide).map(|level| n_bootstrap + (n_nodes - n_bootstrap) * level / n_wide));

    let names = shuffled(n_nodes, &mut rng);
    let mut edges = Vec::with_capacity(n_nodes * edges_per_node);
    for level in 1..n_levels {
        for node in starts[level]..starts[level + 1] {
            let mut need = |on: usize| edges.push((names[node], names[on]));
            need(starts[level - 1] + rng.index(starts[level] - starts[level - 1]));
            if level < n_narrow {
                need(rng.index(starts[level]));
                continue;
            }
            for _ in 1..edges_per_node {
                need(match rng.below(10) {
                    0..3 if n_bootstrap > 0 => n_bootstrap - 1 - skewed(n_bootstrap, &mut rng),
                    3..8 => {
                        let from = starts[level.saturating_sub(1 + rng.index(20))];
                        from + skewed(starts[level] - from, &mut rng)
                    }
                    _ => rng.index(starts[level]),
                });
            }
        }
    }
    let durations = (0..n_nodes)
        .map(|_| {
            let scale = 100_000_000 << rng.below(14);
            Nanos::new(scale + (scale >> 20) * rng.below(1 << 20))
        })
        .collect();
    Graph {
        n_nodes,
        edges,
        durations,
    }
}

/// Returns a number below `end`, small ones far more often.
fn skewed(end: usize, rng: &mut Rng) -> usize {
    let end = rng.index(end) + 1;
    let end = rng.index(end) + 1;
    rng.index(end)
}

/// Returns the numbers below `n_nodes` in random order (Fisher and Yates).
fn shuffled(n_nodes: usize, rng: &mut Rng) -> Vec<u32> {
    let mut names: Vec<u32> = (0..).take(n_nodes).collect();
    for index in (1..n_nodes).rev() {
        names.swap(index, rng.index(index + 1));
    }
    names
}
