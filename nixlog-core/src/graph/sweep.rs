//! Sets of what can be reached from each node, a block of columns at a time.
//!
//! Nodes get places in such an order that every edge leads to an earlier place. For one block of
//! columns, which are places too, a sweep goes over the rows in order, and the set of a row is the union
//! of the sets of its neighbors and the neighbors themselves:
//!
//! ```text
//!              columns of one block
//!            ┌──────────────────────┐
//!   place  0 │                      │   rows before the block: they reach nothing of it
//!            │ ╲                    │
//!            │   ╲ the block's own  │   a row of the block gets its own bit
//!            │ ▒▒▒▒╲                │
//!            │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ │ ◄─ union of the rows that it has edges to, all above
//!            └──────────────────────┘
//! ```
//!
//! Two things keep that fast. A set takes one cache line. And an edge for which there is another path is
//! found out the first time that it matters: the last block in which the edge from `p` to `q` has any
//! effect is the one that has `q` as a column, so blocks are taken from the last to the first, and
//! there `q` is already in the union when its turn comes, if the neighbors are taken from the last to
//! the first too. Such edges are dropped, and all other blocks do without them: what is left at the end
//! is the transitive reduction (Aho, Garey and Ullman 1972), for nothing.

use rayon::iter::{
    IndexedParallelIterator as _, IntoParallelRefMutIterator as _, ParallelIterator as _,
};

use super::dag::Dag;
use super::reach::{Direction, Reach};
use crate::time::Nanos;

/// How many columns a block has: as many as leave a word of a cache line for their work.
const COLUMNS: usize = WORDS * 64;

const WORDS: usize = 7;

/// Some of the nodes that can be reached, and the work that these are.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
struct Set {
    bits: [u64; WORDS],
    work: Nanos,
}

/// What some rows reach together, and the one of them that reaches most, by its work.
#[derive(Debug, Default)]
struct Union {
    bits: [u64; WORDS],
    best: (Nanos, usize),
}

impl Union {
    #[inline(always)]
    fn add(&mut self, set: &Set, place: usize) {
        for (word, other) in self.bits.iter_mut().zip(set.bits) {
            *word |= other;
        }
        // Without a branch, which nobody could predict.
        let is_better = usize::from(set.work > self.best.0).wrapping_neg();
        self.best.1 = place & is_better | self.best.1 & !is_better;
        self.best.0 = self.best.0.max(set.work);
    }
}

/// The rows of a graph, from which a sweep drops what it does not need.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    topological: &'a [u32],
    direction: Direction,
    starts: Vec<u32>,
    ends: Vec<u32>,
    /// The places of the neighbors of each place, descending.
    targets: Vec<u32>,
}

/// What one thread works with.
#[derive(Debug)]
struct Worker {
    sets: Vec<Set>,
    reach: Vec<Reach>,
    /// The edges that its last block could do without: row and column, sorted by row.
    dropped: Vec<(usize, usize)>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(dag: &'a Dag, direction: Direction) -> Self {
        let mut rows = Self {
            topological: dag.topological(),
            direction,
            starts: Vec::with_capacity(dag.len()),
            ends: Vec::with_capacity(dag.len()),
            targets: Vec::with_capacity(dag.n_edges()),
        };
        let mut places = vec![0_u32; dag.len()];
        let mut end = 0;
        for (place, node) in (0..).zip(rows.order()) {
            places[node as usize] = place;
            rows.starts.push(end);
            let neighbors = direction.neighbors(dag, node).iter();
            rows.targets
                .extend(neighbors.map(|&to| places[to as usize]));
            rows.targets[end as usize..].sort_unstable_by(|one, other| other.cmp(one));
            end = u32::try_from(rows.targets.len()).expect("edges are counted with 32 bits");
            rows.ends.push(end);
        }
        rows
    }

    /// Iterates over the nodes by place.
    pub(super) fn order(&self) -> impl Iterator<Item = u32> + use<'a> {
        let (topological, direction) = (self.topological, self.direction);
        (0..topological.len()).map(move |place| match direction {
            Direction::Dependencies => topological[place],
            Direction::Dependents => topological[topological.len() - 1 - place],
        })
    }

    /// Returns the edges that are left, from each node to its neighbors.
    pub(super) fn edges(&self) -> Vec<(u32, u32)> {
        let nodes: Vec<u32> = self.order().collect();
        let mut edges = Vec::new();
        for (place, &from) in nodes.iter().enumerate() {
            let row = self.row(place).iter();
            edges.extend(row.map(|&to| (from, nodes[to as usize])));
        }
        edges
    }

    fn row(&self, place: usize) -> &[u32] {
        &self.targets[self.starts[place] as usize..self.ends[place] as usize]
    }

    /// Drops every edge for which there is another path. Returns what each place reaches, if there
    /// are durations by place to be added up; else only how many.
    pub(super) fn sweep(&mut self, durations: Option<&[Nanos]>) -> Vec<Reach> {
        let n_nodes = self.topological.len();
        let n_blocks = n_nodes.div_ceil(COLUMNS);
        let n_workers = rayon::current_num_threads().min(n_blocks);
        let worker = || Worker {
            sets: vec![Set::default(); n_nodes],
            reach: vec![Reach::default(); n_nodes],
            dropped: Vec::new(),
        };
        let mut workers: Vec<Worker> = std::iter::repeat_with(worker).take(n_workers).collect();
        let mut n_left = n_blocks;
        while n_left > 0 {
            let rows = &*self;
            let turns = workers.par_iter_mut().take(n_left).enumerate();
            turns.for_each(|(turn, worker)| {
                let first = (n_left - 1 - turn) * COLUMNS;
                match durations {
                    Some(durations) => rows.sweep_block::<true>(first, durations, worker),
                    None => rows.sweep_block::<false>(first, &[], worker),
                }
            });
            n_left = n_left.saturating_sub(n_workers);
            for worker in &mut workers {
                self.drop_edges(&worker.dropped);
                worker.dropped.clear();
            }
        }
        let parts = workers.into_iter().map(|worker| worker.reach);
        let sum = parts.reduce(|mut sum, part| {
            for (sum, part) in sum.iter_mut().zip(part) {
                sum.n_nodes += part.n_nodes;
                sum.work += part.work;
            }
            sum
        });
        sum.unwrap_or_default()
    }

    /// Adds what is reached among the columns that begin at `first`.
    fn sweep_block<const WORK: bool>(
        &self,
        first: usize,
        durations: &[Nanos],
        worker: &mut Worker,
    ) {
        let Worker {
            sets,
            reach,
            dropped,
        } = worker;
        for place in first..sets.len() {
            let row = self.row(place);
            let mut union = Union::default();
            let mut neighbors = row.iter().map(|&to| to as usize);
            // Most neighbors are after the block. In a loop of its own, the union stays in registers.
            let within = neighbors.find(|&to| {
                let is_after = to >= first + COLUMNS;
                if is_after {
                    union.add(&sets[to], to);
                }
                !is_after
            });
            for to in within.into_iter().chain(neighbors) {
                let Some(column) = to.checked_sub(first) else {
                    break;
                };
                if union.bits[column / 64] >> (column % 64) & 1 == 1 {
                    dropped.push((place, to));
                } else {
                    union.add(&sets[to], to);
                }
            }
            let Union { bits, best } = union;
            if bits.iter().fold(0, |all, word| all | word) == 0 && place >= first + COLUMNS {
                sets[place] = Set::default();
                continue;
            }
            let mut set = Set { bits, work: best.0 };
            if WORK && bits != [0; WORDS] {
                // Most of what is reached is reached through one neighbor.
                let known = if best.0 > Nanos::ZERO {
                    sets[best.1].bits
                } else {
                    [0; WORDS]
                };
                for (index, (word, known)) in bits.into_iter().zip(known).enumerate() {
                    let mut rest = word & !known;
                    while rest != 0 {
                        let column = first + index * 64 + rest.trailing_zeros() as usize;
                        set.work += durations[column];
                        rest &= rest - 1;
                    }
                }
            }
            reach[place].n_nodes += bits.iter().map(|word| word.count_ones()).sum::<u32>();
            reach[place].work += set.work;
            let column = place - first;
            if column < COLUMNS {
                set.bits[column / 64] |= 1 << (column % 64);
                if WORK {
                    set.work += durations[place];
                }
            }
            sets[place] = set;
        }
    }

    /// Drops edges, given as row and column, sorted by row.
    fn drop_edges(&mut self, dropped: &[(usize, usize)]) {
        for of_row in dropped.chunk_by(|one, other| one.0 == other.0) {
            let place = of_row[0].0;
            let mut end = self.starts[place];
            for from in self.starts[place]..self.ends[place] {
                let to = self.targets[from as usize];
                if of_row.iter().all(|&(_, column)| column != to as usize) {
                    self.targets[end as usize] = to;
                    end += 1;
                }
            }
            self.ends[place] = end;
        }
    }
}
