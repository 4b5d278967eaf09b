//! How parallel a build was, how parallel it could be, and what more slots would give.

use super::makespan::{Makespan, Replay};
use super::run_graph::RunGraph;
use super::simulation::{Sweep, sweep};
use super::slots::SlotsSource;
use crate::graph::CriticalPathMethod;
use crate::intervals;
use crate::time::{Interval, Nanos};
use crate::timeline::{Timeline, Unit};

/// The most slots that a sweep tries where nobody says how many.
const MOST_SLOTS: u32 = 64;

/// How parallel a build was and could be.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Parallelism {
    /// The sum of all durations (T1).
    pub work: Nanos,
    /// From the first start to the last end of the graph's units.
    pub makespan: Nanos,
    /// The slots for builds: those of this machine and of the remote ones.
    pub slots: u32,
    /// The slots of this machine alone.
    pub local_slots: u32,
    /// Where the number of local slots comes from.
    pub slots_source: SlotsSource,
    /// For how long each number of builds ran at once; from 0 on.
    pub concurrency: Vec<Nanos>,
    /// How parallel it could be; `None` where nothing is known of what depends on what: then everything
    /// could run at once.
    pub possible: Option<Possible>,
}

/// How parallel a build could be.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Possible {
    /// The longest path by duration (T∞).
    pub span: Nanos,
    /// How well the simulation replays the recording.
    pub replay: Replay,
    /// What it makes of the recording in Nix's own order: what the sweep is to be compared with.
    pub baseline: Nanos,
    /// The same with more and fewer local slots.
    pub sweep: Sweep,
    /// The same with the longest chain first.
    pub critical_path_first: Nanos,
    /// How much of it is Nix's own time.
    pub overhead: Nanos,
    /// What the graph does with no limit of slots, Nix's own time included.
    pub unlimited: Nanos,
    /// The knee if there were as many build users as slots, and what it would take then; where these hold
    /// builds back.
    pub with_build_users: Option<(u32, Nanos)>,
    /// The shortest and the longest makespan over many orders, where Nix's is not known.
    pub orders: Option<(Nanos, Nanos)>,
}

impl Possible {
    /// Returns how much longer Nix's order takes than the longest chain first; zero where it does not.
    #[must_use]
    pub fn scheduling_loss(&self) -> Nanos {
        self.baseline - self.critical_path_first
    }
}

/// Up to here, each number of slots is tried.
const EACH: u32 = 256;

/// Returns which numbers of slots are tried: each where it may matter, then ever fewer, so that a build of
/// many thousands at once does not take as many simulations of as many builds. What there was is among them.
fn tried(most: u32, local: u32) -> Vec<u32> {
    const PART: u32 = 32;
    let mut slots: Vec<u32> = (1..=most.min(EACH)).collect();
    let next = |slots: &u32| Some(slots.saturating_add(slots / PART)).filter(|&next| next < most);
    slots.extend(std::iter::successors(next(&EACH), next));
    slots.extend([most, local].into_iter().filter(|&slots| slots > EACH));
    slots.sort_unstable();
    slots.dedup();
    slots
}

/// Computes how parallel a build was and could be. `most` is the largest number of slots to try; by
/// default four times as many as there were, and at least 16. Simulates each once, up to 256.
#[must_use]
pub fn parallelism(
    timeline: &Timeline,
    run: &RunGraph,
    makespan: &Makespan,
    most: Option<u32>,
) -> Parallelism {
    let is_known = !run.coverage().is_nothing();
    Parallelism {
        work: run.durations().iter().copied().sum(),
        makespan: makespan.replay().measured,
        slots: makespan.build_slots(),
        local_slots: makespan.local_slots(),
        slots_source: makespan.slots_source(),
        concurrency: concurrency(timeline, run),
        possible: is_known.then(|| possible(run, makespan, most)),
    }
}

fn possible(run: &RunGraph, makespan: &Makespan, most: Option<u32>) -> Possible {
    let cpm = CriticalPathMethod::new(run.dag(), run.durations());
    let local = makespan.local_slots();
    let most = most.unwrap_or_else(|| local.saturating_mul(4).clamp(16, MOST_SLOTS.max(local)));
    let most = most.max(local);
    let tried = tried(most, local);
    let pool = makespan.local_pool();
    let workload = makespan.recorded().workload();
    let swept = pool.map(|pool| sweep(&workload, makespan.options(), pool, &tried));
    let with_build_users =
        pool.filter(|_| makespan.slots().users().is_some_and(|it| it.count < most));
    let with_build_users = with_build_users.and_then(|pool| {
        let free = makespan.options().clone().with_cap(pool, 0);
        let swept = sweep(&workload, &free, pool, &tried);
        let knee = swept.knee?;
        let step = swept.steps.iter().find(|step| step.slots == knee)?;
        Some((knee, step.predicted))
    });
    let users = makespan.slots().users().map_or(0, |users| users.count);
    let with_build_users = with_build_users.filter(|&(knee, _)| knee > users);
    let unlimited = pool.map(|pool| {
        makespan
            .options()
            .clone()
            .with_slots(pool, 0)
            .with_cap(pool, 0)
    });
    let unlimited = unlimited.unwrap_or_else(|| makespan.options().clone());
    Possible {
        span: cpm.span(),
        replay: makespan.replay(),
        baseline: makespan.baseline().makespan,
        sweep: swept.unwrap_or_default(),
        critical_path_first: makespan.critical_path_first(),
        overhead: makespan.overhead(),
        with_build_users,
        orders: makespan.over_orders(workload.tasks, makespan.options()),
        unlimited: makespan.with(workload.tasks, &unlimited).0.makespan,
    }
}

/// Sums for how long each number of builds ran at once, from the first start to the last end of the
/// graph's units.
fn concurrency(timeline: &Timeline, run: &RunGraph) -> Vec<Nanos> {
    let units = || {
        run.nodes()
            .iter()
            .filter_map(|node| Some(&timeline.units()[node.unit?]))
    };
    let start = units()
        .filter_map(Unit::interval)
        .map(Interval::start)
        .min();
    let end = units().filter_map(Unit::interval).map(Interval::end).max();
    let Some((start, end)) = start.zip(end) else {
        return Vec::new();
    };
    let builds = units().filter(|unit| unit.kind.is_derivation());
    let steps = intervals::concurrency(builds.filter_map(Unit::interval));
    let mut sums: Vec<Nanos> = Vec::new();
    let (mut running, mut at) = (0, start);
    for (time, next) in steps.into_iter().chain([(end, 0)]) {
        if sums.len() <= running {
            sums.resize(running + 1, Nanos::ZERO);
        }
        sums[running] += time.since(at);
        (running, at) = (next, time);
    }
    while sums.last() == Some(&Nanos::ZERO) {
        sums.pop();
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_of_slots_take_hundreds_of_simulations() {
        assert_eq!(tried(16, 4), (1..=16).collect::<Vec<_>>());
        for (most, local) in [
            (EACH, 1),
            (EACH + 1, EACH + 1),
            (1000, 999),
            (100_000, 5000),
        ] {
            let slots = tried(most, local);
            assert!(slots.is_sorted_by(|a, b| a < b), "{slots:?}");
            assert!(slots.contains(&local) && slots.last() == Some(&most));
            assert!(slots.len() < 600, "{} of {most}", slots.len());
            assert!(slots.starts_with(&(1..=EACH.min(most)).collect::<Vec<_>>()));
        }
    }
}
