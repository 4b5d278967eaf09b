//! The simulation against a naive twin and against what theory says.

mod naive;
mod recorded;

use proptest::prelude::*;

use super::{
    Bounds, Cause, Options, Order, Overhead, Pool, Schedule, Task, Workload, bounds,
    scheduling_loss, simulate, sweep, without_each,
};
use crate::graph::Dag;
use crate::time::Nanos;

/// A workload that owns its graph.
#[derive(Debug, Clone)]
pub(super) struct Owned {
    pub(super) dag: Dag,
    pub(super) tasks: Vec<Task>,
}

impl Owned {
    pub(super) fn new(tasks: Vec<Task>, edges: Vec<(u32, u32)>) -> Self {
        let dag = Dag::new(tasks.len(), edges).expect("no cycle");
        Self { dag, tasks }
    }

    pub(super) fn workload(&self) -> Workload<'_> {
        Workload {
            dag: &self.dag,
            tasks: &self.tasks,
        }
    }
}

/// A task in pool 0 without costs.
fn task(rank: u32, duration: u64) -> Task {
    Task {
        duration: Nanos::new(duration),
        rank,
        recorded: rank,
        ..Task::default()
    }
}

fn options(slots: &[u32]) -> Options {
    Options::new(slots.iter().map(|&slots| Pool::new(slots)).collect())
}

fn starts(schedule: &Schedule) -> Vec<u64> {
    schedule.start.iter().map(|start| start.get()).collect()
}

#[test]
fn builds_start_by_name_and_dependents_come_late() {
    // One slot. Task 0 ends; its dependent 1 would be first by name, but 2 has been waiting.
    let tasks = vec![task(0, 5), task(1, 5), task(2, 5)];
    let owned = Owned::new(tasks, vec![(1, 0)]);
    let nix = simulate(&owned.workload(), &options(&[1]));
    assert_eq!(starts(&nix), [0, 10, 5]);
    assert_eq!(
        nix.cause,
        [Cause::Beginning, Cause::Slot(2), Cause::Slot(0)]
    );
    assert_eq!(nix.chain(), [0, 2, 1]);
    let at_once = options(&[1]).with_order(Order::Recorded);
    let recorded = simulate(&owned.workload(), &at_once);
    assert_eq!(starts(&recorded), [0, 5, 10]);
    assert_eq!(recorded.cause[1], Cause::Dependency(0));
}

#[test]
fn nix_does_one_thing_at_a_time() {
    let costly = |rank| Task {
        start_cost: Nanos::new(2),
        finish_cost: Nanos::new(3),
        ..task(rank, 10)
    };
    let owned = Owned::new(vec![costly(0), costly(1)], Vec::new());
    let schedule = simulate(&owned.workload(), &Options::default());
    assert_eq!(starts(&schedule), [2, 4]);
    // The second ends at 14, while Nix is busy with the first until 15.
    assert_eq!(schedule.finish, [Nanos::new(15), Nanos::new(18)]);
    assert_eq!(schedule.overhead, Nanos::new(10));
    let constant = Overhead::Constant {
        start: Nanos::new(1),
        finish: Nanos::ZERO,
    };
    let schedule = simulate(
        &owned.workload(),
        &Options::default().with_overhead(constant),
    );
    assert_eq!(schedule.makespan, Nanos::new(12));
}

#[test]
fn the_longest_chain_first_is_shorter_here() {
    let tasks = vec![task(0, 4), task(1, 4), task(2, 1), task(3, 8)];
    let owned = Owned::new(tasks, vec![(3, 2)]);
    let loss = scheduling_loss(&owned.workload(), &options(&[2]));
    assert_eq!(loss.given, Nanos::new(13));
    assert_eq!(loss.loss(), Nanos::new(4));
}

#[test]
fn more_slots_can_be_worse() {
    // Graham 1969: nine tasks, three processors take 12, four take 15.
    let durations = [3, 2, 2, 2, 4, 4, 4, 4, 9];
    let tasks = (0..)
        .zip(durations)
        .map(|(rank, duration)| task(rank, duration));
    let edges = vec![(8, 0), (4, 3), (5, 3), (6, 3), (7, 3)];
    let owned = Owned::new(tasks.collect(), edges);
    let at_once = options(&[3]).with_order(Order::Recorded);
    let sweep = sweep(&owned.workload(), &at_once, 0, &[3, 4]);
    let makespans: Vec<u64> = sweep
        .steps
        .iter()
        .map(|step| step.predicted.get())
        .collect();
    assert_eq!(makespans, [12, 15]);
    assert_eq!(sweep.knee, Some(3));
}

#[test]
fn what_is_free_holds_nobody_up() {
    // With 0 free, 1 is ready from the beginning, and goes before 2 as in a build that finds 0 there.
    let tasks = vec![task(0, 5).free(), task(1, 5), task(2, 5)];
    let owned = Owned::new(tasks, vec![(1, 0)]);
    let schedule = simulate(&owned.workload(), &options(&[1]));
    assert_eq!(starts(&schedule), [0, 0, 5]);
}

#[test]
fn nothing_to_do() {
    let owned = Owned::new(Vec::new(), Vec::new());
    let schedule = simulate(&owned.workload(), &options(&[1]));
    assert_eq!(schedule, Schedule::default());
    assert!(schedule.chain().is_empty());
    assert_eq!(bounds(&owned.workload(), &options(&[1])), Bounds::default());
}

prop_compose! {
    /// A random workload; costs, holds and releases up to `extra`.
    pub(super) fn workloads(extra: u64, pools: u16)(n in 1_usize..14)(
        fields in prop::collection::vec((0_u64..7, 0..=extra, 0..=extra, 0..pools, 0..=2 * extra, 0..=extra, 0_u8..12), n),
        edges in prop::collection::vec((0..n, 0..n), 0..2 * n),
        ranks in Just((0_u32..).take(n).collect::<Vec<_>>()).prop_shuffle(),
        recorded in Just((0_u32..).take(n).collect::<Vec<_>>()).prop_shuffle(),
        names in Just((0_u32..).take(n).collect::<Vec<_>>()).prop_shuffle(),
    ) -> Owned {
        let mut tasks: Vec<Task> = Vec::new();
        for (index, (duration, start, finish, pool, release, hold, free)) in fields.into_iter().enumerate() {
            let task = Task {
                duration: Nanos::new(duration),
                start_cost: Nanos::new(start),
                finish_cost: Nanos::new(finish),
                pool,
                rank: ranks[index],
                recorded: recorded[index],
                release: Nanos::new(release),
                hold: Nanos::new(hold),
                hook: Nanos::new(hold / 2),
                poll: Nanos::ZERO,
            };
            tasks.push(if free == 0 && extra > 0 { task.free() } else { task });
        }
        // From later to earlier in some order of the nodes, so that there is no cycle.
        let edge = |(a, b): (usize, usize)| (names[a.max(b)], names[a.min(b)]);
        let edges = edges.into_iter().filter(|(a, b)| a != b).map(edge);
        Owned::new(tasks, edges.collect())
    }
}

fn orders() -> impl Strategy<Value = Order> {
    prop::sample::select(vec![
        Order::Nix,
        Order::Arbitrary { seed: 0 },
        Order::Recorded,
        Order::CriticalPathFirst,
        Order::FirstReady,
    ])
}

proptest! {
    #[test]
    fn equals_the_naive_twin(
        owned in workloads(3, 3),
        slots in prop::collection::vec(0_u32..4, 0..4),
        order in orders(),
    ) {
        let options = options(&slots).with_order(order);
        let schedule = simulate(&owned.workload(), &options);
        let (start, finish) = naive::simulate(&owned.workload(), &options);
        prop_assert_eq!(&schedule.start, &start);
        prop_assert_eq!(&schedule.finish, &finish);
        let makespan = finish.iter().copied().max();
        prop_assert_eq!(Some(schedule.makespan), makespan);
    }

    #[test]
    fn stays_between_its_bounds(
        owned in workloads(3, 3),
        slots in prop::collection::vec(0_u32..4, 0..4),
        order in orders(),
    ) {
        let options = options(&slots).with_order(order);
        let makespan = simulate(&owned.workload(), &options).makespan;
        let bounds = bounds(&owned.workload(), &options);
        prop_assert!(bounds.lower <= makespan && makespan <= bounds.upper, "{makespan:?} {bounds:?}");
    }

    #[test]
    fn without_costs_brent_holds(owned in workloads(0, 1), slots in 1_u32..6, order in orders()) {
        let workload = owned.workload();
        let options = options(&[slots]).with_order(order);
        let makespan = simulate(&workload, &options).makespan;
        let found = bounds(&workload, &options);
        let (work, span) = (found.work.get(), found.span.get());
        let p = u64::from(slots);
        prop_assert_eq!(found.lower.get(), work.div_ceil(p).max(span));
        // Brent's bound, rounded up at each step of the chain.
        let brent = span + (work - span).div_ceil(p);
        prop_assert!(found.upper.get() <= brent + owned.tasks.len() as u64);
        let unlimited = simulate(&workload, &options.clone().with_slots(0, 0)).makespan;
        prop_assert_eq!(unlimited, found.span);
        let alone = simulate(&workload, &options.with_slots(0, 1)).makespan;
        prop_assert_eq!(alone, found.work);
        prop_assert!(unlimited <= makespan && makespan <= alone);
    }

    #[test]
    fn does_not_depend_on_the_numbers_of_the_nodes(
        (owned, to) in workloads(3, 3).prop_flat_map(|owned| {
            let nodes = Just((0_u32..).take(owned.tasks.len()).collect::<Vec<_>>());
            (Just(owned), nodes.prop_shuffle())
        }),
        slots in prop::collection::vec(0_u32..4, 0..4),
        order in orders(),
    ) {
        let mut tasks = owned.tasks.clone();
        let mut edges = Vec::new();
        for (node, &new) in (0..).zip(&to) {
            tasks[new as usize] = owned.tasks[node as usize];
            let dependencies = owned.dag.dependencies(node).iter();
            edges.extend(dependencies.map(|&other| (new, to[other as usize])));
        }
        let options = options(&slots).with_order(order);
        let schedule = simulate(&owned.workload(), &options);
        let renumbered = simulate(&Owned::new(tasks, edges).workload(), &options);
        for (node, &new) in to.iter().enumerate() {
            prop_assert_eq!(schedule.start[node], renumbered.start[new as usize]);
            prop_assert_eq!(schedule.finish[node], renumbered.finish[new as usize]);
        }
    }

    #[test]
    fn a_chain_explains_the_makespan(
        owned in workloads(2, 2),
        slots in prop::collection::vec(0_u32..3, 0..3),
        order in orders(),
    ) {
        let schedule = simulate(&owned.workload(), &options(&slots).with_order(order));
        let chain = schedule.chain();
        for pair in chain.windows(2) {
            prop_assert!(schedule.finish[pair[0] as usize] <= schedule.start[pair[1] as usize]);
        }
        let last = chain.last().map(|&task| schedule.finish[task as usize]);
        prop_assert_eq!(last, Some(schedule.makespan));
        prop_assert!(schedule.cause[chain[0] as usize].task().is_none());
    }

    #[test]
    fn without_each_is_its_simulations(
        owned in workloads(3, 3),
        slots in prop::collection::vec(0_u32..4, 0..4),
        order in orders(),
    ) {
        // The line that the longest chain leads depends on all durations.
        prop_assume!(order != Order::CriticalPathFirst);
        let options = options(&slots).with_order(order);
        let all: Vec<u32> = (0..).take(owned.tasks.len()).collect();
        let without = without_each(&owned.workload(), &options, &all);
        for (task, makespan) in without.into_iter().enumerate() {
            let mut other = owned.clone();
            other.tasks[task].duration = Nanos::ZERO;
            prop_assert_eq!(makespan, simulate(&other.workload(), &options).makespan);
        }
    }

    #[test]
    fn a_sweep_is_its_simulations(owned in workloads(2, 2), order in orders()) {
        let options = options(&[2, 2]).with_order(order);
        let sweep = sweep(&owned.workload(), &options, 1, &[1, 2, 3, 4, 5]);
        for step in &sweep.steps {
            let options = options.clone().with_slots(1, step.slots);
            prop_assert_eq!(step.predicted, simulate(&owned.workload(), &options).makespan);
            prop_assert!(step.lower <= step.predicted && step.predicted <= step.upper);
        }
        let best = sweep.steps.iter().map(|step| step.predicted.get()).min().expect("five steps");
        let knee = sweep.steps.iter().find(|step| Some(step.slots) == sweep.knee);
        prop_assert!(knee.expect("one of them").predicted.get() <= best + best / 100);
    }
}
