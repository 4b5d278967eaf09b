//! What no schedule can beat, and what none of these exceeds.

use super::{Options, Workload};
use crate::time::Nanos;

/// Bounds of the makespan, whatever the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Bounds {
    /// The sum of all durations, without Nix's own time.
    pub work: Nanos,
    /// The longest chain, without Nix's own time.
    pub span: Nanos,
    /// Nix's own time, which is serial.
    pub overhead: Nanos,
    /// No schedule is shorter.
    pub lower: Nanos,
    /// No simulated schedule is longer.
    pub upper: Nanos,
}

/// Returns the bounds, in O(V + E).
///
/// The lower one is the largest of the longest chain, each pool's work over its slots (both with Nix's
/// own time, during which slots are held), and all of Nix's own time.
///
/// The upper one is Brent's, with several pools and Nix's thread. Follow the schedule back from the
/// last end: the task that ends last, before it the dependency that it waited for longest, and so on.
/// At each instant Nix's thread is busy (N in all), or a task of this chain runs, or one is ready and
/// all P slots of its pool are running, or its release is not there yet (R at most; its hold counts
/// with its duration). In the third case
/// the pool p has W(p) of work to do it with, less what the chain itself did there, so with b for a
/// task's duration
///
/// ```text
/// T ≤ N + R + Σ W(p)/P(p) + Σ over the chain of b·(1 − 1/P(p))
///             pools
/// ```
///
/// and the last sum is at most that of the chain for which it is largest. With one pool and neither N
/// nor R that is T∞ + (T1 − T∞)/P.
#[must_use]
pub fn bounds(workload: &Workload<'_>, options: &Options) -> Bounds {
    let tasks = workload.tasks;
    let mut found = Bounds::default();
    let mut release = Nanos::ZERO;
    // For each listed pool: durations, and durations with costs.
    let mut pools = vec![(Nanos::ZERO, Nanos::ZERO); options.pools.len()];
    for task in tasks {
        let (start, finish) = options.overhead.of(task);
        found.work += task.duration;
        found.overhead += start + finish;
        release = release.max(task.release);
        found.lower = found
            .lower
            .max(task.release + start + task.duration + finish);
        if let Some((work, held)) = pools.get_mut(usize::from(task.pool)) {
            *work += task.duration;
            *held += start + task.duration + finish;
        }
    }
    let mut full = Nanos::ZERO;
    for (pool, &(work, held)) in (0..).zip(&pools) {
        if let Some(slots) = options.slots(pool) {
            full += Nanos::new(work.get().div_ceil(u64::from(slots)));
            let least = held.get().div_ceil(u64::from(slots));
            found.lower = found.lower.max(Nanos::new(least));
        }
    }

    // The longest chain up to each node: durations, with costs, and as the upper bound counts them.
    let mut chains = vec![[Nanos::ZERO; 3]; tasks.len()];
    let mut longest = [Nanos::ZERO; 3];
    for &node in workload.dag.topological() {
        let task = &tasks[node as usize];
        let mut chain = [Nanos::ZERO; 3];
        for &other in workload.dag.dependencies(node) {
            for (mine, theirs) in chain.iter_mut().zip(chains[other as usize]) {
                *mine = theirs.max(*mine);
            }
        }
        let (start, finish) = options.overhead.of(task);
        let alone = options
            .slots(task.pool)
            .map_or(0, |slots| task.duration.get() / u64::from(slots));
        let hold = options.hold(task);
        chain[0] += task.duration;
        chain[1] += hold + start + task.duration + finish;
        chain[2] += hold + (task.duration - Nanos::new(alone));
        for (longest, mine) in longest.iter_mut().zip(chain) {
            *longest = mine.max(*longest);
        }
        chains[node as usize] = chain;
    }
    found.span = longest[0];
    found.lower = found.lower.max(longest[1]).max(found.overhead);
    found.upper = found.overhead + release + full + longest[2];
    found
}
