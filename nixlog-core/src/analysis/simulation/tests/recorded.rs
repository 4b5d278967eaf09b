//! What is read out of recorded runs.

use proptest::prelude::*;

use super::super::{Order, Run, bounds, pauses, recorded, simulate};
use super::{Owned, options, workloads};
use crate::graph::Dag;
use crate::time::{Interval, Nanos, Stamp};

fn run(rank: u32, start: u64, end: u64) -> Run {
    let stamp = |millis: u64| Stamp::from_nanos(millis * 1_000_000);
    Run {
        interval: Interval::new(stamp(start), stamp(end)).expect("in order"),
        pool: 0,
        rank,
        hook: Nanos::ZERO,
        capped_until: None,
    }
}

fn millis(n: u64) -> Nanos {
    Nanos::new(n * 1_000_000)
}

#[test]
fn the_time_before_a_start_is_the_start_s() {
    // One slot: each starts 4 ms after the one before has ended.
    let runs: Vec<Run> = (0..)
        .zip(0..10)
        .map(|(rank, at)| run(rank, at * 104, at * 104 + 100))
        .collect();
    let dag = Dag::new(runs.len(), Vec::new()).expect("no edges");
    let pools = options(&[1]).pools;
    let found = recorded(&dag, &runs, &pools);
    let costs: Vec<Nanos> = found.tasks.iter().map(|task| task.start_cost).collect();
    assert_eq!(costs[0], Nanos::ZERO);
    assert!(costs[1..].iter().all(|&cost| cost == millis(4)));
    assert_eq!(found.measured.start_median, millis(4));
    assert_eq!(found.measured.makespan, found.measured.replayed);
    // Finishing is cut off at 0.6 of the mean of 3.6 ms.
    assert_eq!(found.tasks[3].finish_cost, Nanos::new(2_160_000));
    assert_eq!(found.tasks[3].duration, Nanos::new(97_840_000));
    assert!(found.tasks.iter().all(|task| task.hold == Nanos::ZERO));
}

#[test]
fn a_builder_that_waits_for_nix_is_not_as_long_as_it_seems() {
    // Nix takes 100 ms for each start, builders a few: they end long before they are noticed.
    let runs = [
        run(0, 0, 210),
        run(1, 100, 220),
        run(2, 200, 420),
        run(3, 320, 430),
        run(4, 410, 440),
    ];
    let dag = Dag::new(runs.len(), Vec::new()).expect("no edges");
    let found = recorded(&dag, &runs, &options(&[3]).pools);
    let seen: Nanos = runs.iter().map(|run| run.interval.length()).sum();
    let own: Nanos = found.tasks.iter().map(|task| task.duration).sum();
    assert!(own.get() < seen.get() / 2, "{own:?} of {seen:?}");
    assert_eq!(found.measured.makespan, millis(440));
}

#[test]
fn a_pause_is_a_task_of_its_own() {
    let runs = [run(0, 0, 100), run(1, 1_100, 1_200), run(2, 1_101, 1_150)];
    let dag = Dag::new(runs.len(), vec![(2, 0)]).expect("no cycle");
    assert_eq!(pauses(&runs, millis(1_001)), []);
    let found = recorded(&dag, &runs, &options(&[2]).pools);
    assert_eq!(found.measured.pauses.len(), 1);
    assert_eq!(found.tasks.len(), 4);
    assert_eq!(found.dag.dependencies(3), [0]);
    assert_eq!(found.dag.dependencies(1), [3]);
    assert_eq!(found.dag.dependencies(2), [0, 3]);
    let schedule = simulate(
        &found.workload(),
        &options(&[2]).with_order(Order::Recorded),
    );
    assert!(schedule.start[1] >= millis(1_090));
}

#[test]
fn who_could_have_started_while_nix_slept_waited_for_something_else() {
    // Two slots; 2 needs nothing and yet starts only when 1 has ended, 500 ms after there was a slot.
    let runs = [run(0, 0, 500), run(1, 0, 1_000), run(2, 1_003, 1_100)];
    let dag = Dag::new(runs.len(), Vec::new()).expect("no edges");
    let found = recorded(&dag, &runs, &options(&[2]).pools);
    assert!(
        found.tasks[2].hold >= millis(990),
        "{:?}",
        found.tasks[2].hold
    );
    assert_eq!(found.tasks[1].hold, Nanos::ZERO);
    let off = found
        .measured
        .replayed
        .get()
        .abs_diff(found.measured.makespan.get());
    assert!(off <= 10_000_000);
}

proptest! {
    /// What comes out of a simulation and is read back in replays as it was: exactly without costs,
    /// since then nothing is estimated.
    #[test]
    fn a_schedule_replays(owned in workloads(0, 2), slots in prop::collection::vec(1_u32..4, 2)) {
        let options = options(&slots);
        let schedule = simulate(&owned.workload(), &options);
        let times = schedule.start.iter().zip(&schedule.finish).zip(&owned.tasks);
        let runs: Vec<Run> = times.map(|((start, end), task)| Run {
            interval: Interval::new(Stamp::ZERO + *start, Stamp::ZERO + *end).expect("in order"),
            pool: task.pool,
            rank: task.rank,
            hook: Nanos::ZERO,
            capped_until: None,
        }).collect();
        let found = recorded(&owned.dag, &runs, &options.pools);
        prop_assert_eq!(found.measured.replayed, schedule.makespan);
        prop_assert_eq!(found.measured.makespan, schedule.makespan);
    }

    /// Whatever the stamps, nothing panics and nothing is longer than it was.
    #[test]
    fn any_stamps_will_do(
        owned in workloads(0, 2),
        times in prop::collection::vec((0_u64..400, 0_u64..300), 14),
    ) {
        let Owned { dag, tasks } = owned;
        let runs: Vec<Run> = tasks.iter().zip(&times).map(|(task, &(start, length))| Run {
            pool: task.pool,
            ..run(task.rank, start, start + length)
        }).collect();
        let found = recorded(&dag, &runs, &options(&[2, 0]).pools);
        for (task, run) in found.tasks.iter().zip(&runs) {
            prop_assert!(task.duration + task.finish_cost <= run.interval.length());
        }
        prop_assert_eq!(found.dag.len(), found.tasks.len());
    }
}

#[test]
fn what_waited_for_a_cap_waits_no_more_without_it() {
    // Ten may run at once. The other four ask again after 5 s, when the first have long ended. No two end
    // at once, so that it is known how long each ran.
    let mut runs: Vec<Run> = (0..10)
        .map(|rank| run(rank, 0, 2_000 + 50 * u64::from(rank)))
        .collect();
    runs.extend((10..14).map(|rank| Run {
        capped_until: Some(Stamp::from_nanos(5_000_000_000)),
        ..run(rank, 5_000, 7_000 + 50 * u64::from(rank - 10))
    }));
    let dag = Dag::new(runs.len(), Vec::new()).expect("no edges");
    let mut options = options(&[12]);
    options.pools[0].cap = 10;
    let found = recorded(&dag, &runs, &options.pools);
    assert_eq!(found.measured.replayed, millis(7_150));
    assert!(found.measured.pauses.is_empty(), "the wait is explained");
    for (slots, cap, expected) in [
        (12, 10, 7_150),
        (24, 10, 7_150),
        // As many slots as the cap: nobody asks in vain. The last four follow the first, 50 ms apart.
        (10, 10, 4_300),
        (12, 0, 4_150),
        (14, 14, 2_450),
        (14, 0, 2_450),
    ] {
        let options = options.clone().with_slots(0, slots).with_cap(0, cap);
        let made = simulate(&found.workload(), &options).makespan;
        assert_eq!(made, millis(expected), "{slots} slots, cap {cap}");
        let bounds = bounds(&found.workload(), &options);
        assert!(
            bounds.lower <= made && made <= bounds.upper,
            "{slots} slots, cap {cap}: {bounds:?}"
        );
    }
}
