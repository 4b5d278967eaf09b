//! Who goes first: each task's place, once for many simulations.

use super::{Options, Order, Workload};
use crate::time::Nanos;

/// The places of all tasks in an order that does not depend on how things go.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// The place of each task.
    pub(super) of: Vec<u32>,
    /// The task at each place.
    pub(super) at: Vec<u32>,
}

impl Places {
    /// Sorts the tasks; those of an order that depends on how things go, by rank.
    pub(super) fn new(workload: &Workload<'_>, options: &Options) -> Self {
        let tasks = workload.tasks;
        let n_tasks = u32::try_from(tasks.len()).expect("a graph's nodes are counted with 32 bits");
        let mut at: Vec<u32> = (0..n_tasks).collect();
        match options.order {
            Order::Nix | Order::FirstReady => {
                at.sort_unstable_by_key(|&task| (tasks[task as usize].rank, task));
            }
            Order::Arbitrary { seed } if seed > 0 => {
                at.sort_unstable_by_key(|&task| {
                    let rank = tasks[task as usize].rank;
                    (shuffled(rank, seed), rank, task)
                });
            }
            Order::Recorded | Order::Arbitrary { .. } => {
                at.sort_unstable_by_key(|&task| {
                    let task_of = &tasks[task as usize];
                    (task_of.recorded, task_of.rank, task)
                });
            }
            Order::CriticalPathFirst => {
                let tails = tails(workload, options);
                at.sort_unstable_by_key(|&task| {
                    let longest_first = u64::MAX - tails[task as usize].get();
                    (longest_first, tasks[task as usize].rank, task)
                });
            }
        }
        let mut of = vec![0; at.len()];
        for (place, &task) in (0..).zip(&at) {
            of[task as usize] = place;
        }
        Self { of, at }
    }
}

/// Scatters ranks, in another way for each seed, and the same on every machine (the finalizer of
/// `MurmurHash3`).
const fn shuffled(rank: u32, seed: u32) -> u32 {
    let mut hash = rank ^ seed.wrapping_mul(0x9e37_79b9);
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

/// Returns for each task the longest chain that begins with it, itself included.
fn tails(workload: &Workload<'_>, options: &Options) -> Vec<Nanos> {
    let mut tails = vec![Nanos::ZERO; workload.tasks.len()];
    for &node in workload.dag.topological().iter().rev() {
        let task = &workload.tasks[node as usize];
        let (start, finish) = options.overhead.of(task);
        let dependents = workload.dag.dependents(node).iter();
        let rest = dependents.map(|&other| tails[other as usize]).max();
        tails[node as usize] =
            options.hold(task) + start + task.duration + finish + rest.unwrap_or_default();
    }
    tails
}
