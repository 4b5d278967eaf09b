//! What holds others up and what would be faster: against twins that look at one instant after
//! another, and against what must hold of any build.

use std::collections::{BTreeMap, BTreeSet};

use nixlog_core::analysis::bottlenecks::bottlenecks;
use nixlog_core::analysis::cache_candidates::cache_candidates;
use nixlog_core::analysis::critical_path::critical_path;
use nixlog_core::analysis::idle::{Idle, idle};
use nixlog_core::analysis::makespan::Makespan;
use nixlog_core::analysis::parallelism::parallelism;
use nixlog_core::analysis::run_graph::RunGraph;
use nixlog_core::analysis::slots::{KnownSlots, Slots};
use nixlog_core::analysis::structural::structural;
use nixlog_core::analysis::what_if::{Assumptions, Change, Questions, WhatIf};
use nixlog_core::graph::DerivationGraph;
use nixlog_core::time::{Interval, Nanos, Stamp};
use nixlog_core::timeline::{Timeline, UnitKind};
use proptest::prelude::*;

use crate::critical_path::graph_of;
use crate::recordings::{corpus, timeline};
use crate::simulated_nix::plan;
use crate::truth_graph::from_truth;

/// Returns when a unit was at work.
fn times(timeline: &Timeline, unit: usize) -> Vec<Interval> {
    let it = &timeline.units()[unit];
    if it.kind == UnitKind::Evaluation {
        return it.stretches.iter().map(|it| it.interval).collect();
    }
    let whole = it.start.zip(it.end);
    let whole = whole.and_then(|(start, end)| Interval::new(start, end));
    whole.into_iter().collect()
}

/// Returns all instants at which anything changes, and how long it stays so.
fn moments(timeline: &Timeline) -> Vec<(Stamp, Nanos)> {
    let all = (0..timeline.units().len()).flat_map(|unit| times(timeline, unit));
    let edges: BTreeSet<Stamp> = all.flat_map(|it| [it.start(), it.end()]).collect();
    let edges: Vec<Stamp> = edges.into_iter().collect();
    edges
        .windows(2)
        .map(|pair| (pair[0], pair[1].since(pair[0])))
        .collect()
}

fn is_at_work(timeline: &Timeline, unit: usize, at: Stamp) -> bool {
    let mut times = times(timeline, unit).into_iter();
    times.any(|it| it.start() <= at && at < it.end())
}

/// What stood idle, instant by instant.
#[derive(Debug, Default, PartialEq, Eq)]
struct NaiveIdle {
    idle: Nanos,
    starved: Nanos,
    solo: BTreeMap<usize, Nanos>,
    blocked: BTreeMap<usize, Nanos>,
    held_by: Vec<(Stamp, Option<usize>)>,
}

/// Knows of builds on this machine and of downloads with slots of their own.
fn naive_idle(timeline: &Timeline, run: &RunGraph, slots: u32) -> NaiveIdle {
    let mut found = NaiveIdle::default();
    let units = timeline.units();
    let behind = chains_behind(run);
    let nodes: Vec<usize> = run.nodes().iter().filter_map(|node| node.unit).collect();
    let interval = |unit: usize| times(timeline, unit).first().copied();
    let local: Vec<usize> = nodes
        .iter()
        .copied()
        .filter(|&unit| units[unit].kind.is_derivation() && units[unit].machine.is_none())
        .filter(|&unit| interval(unit).is_some_and(|it| it.length() > Nanos::ZERO))
        .collect();
    for (at, length) in moments(timeline) {
        let at_work: Vec<usize> = (0..units.len())
            .filter(|&unit| is_at_work(timeline, unit, at))
            .collect();
        if let [only] = at_work[..] {
            *found.solo.entry(only).or_default() += length;
        }
        let to_come = |unit: &&usize| interval(**unit).is_some_and(|it| it.start() > at);
        let is_ready = |unit: &usize| run.ready(*unit).is_none_or(|ready| ready <= at);
        let left: Vec<&usize> = local.iter().filter(to_come).collect();
        let busy = local.iter().filter(|unit| at_work.contains(unit)).count();
        let free = (slots as usize).saturating_sub(busy);
        let holders: Vec<usize> = nodes
            .iter()
            .copied()
            .filter(|unit| at_work.contains(unit))
            .collect();
        if free == 0 || left.is_empty() || holders.is_empty() || left.iter().any(|it| is_ready(it))
        {
            continue;
        }
        found.starved += length;
        found.idle += Nanos::new(length.get() * free as u64);
        for unit in at_work {
            *found.blocked.entry(unit).or_default() += length;
        }
        let longest = holders
            .into_iter()
            .map(|unit| {
                let node = run.node_of(unit).expect("a node") as usize;
                (behind[node], behind[node] + run.durations()[node], unit)
            })
            .max();
        let held_by = longest.filter(|it| it.0 > Nanos::ZERO).map(|it| it.2);
        found.held_by.push((at, held_by));
    }
    found
}

/// Returns for each node the longest chain of those that need it.
fn chains_behind(run: &RunGraph) -> Vec<Nanos> {
    fn behind(run: &RunGraph, node: u32, known: &mut BTreeMap<u32, Nanos>) -> Nanos {
        if let Some(&known) = known.get(&node) {
            return known;
        }
        let dependents = run.dag().dependents(node).iter();
        let chains = dependents.map(|&it| run.durations()[it as usize] + behind(run, it, known));
        let longest = chains.max().unwrap_or_default();
        known.insert(node, longest);
        longest
    }
    let mut known = BTreeMap::new();
    let nodes = (0..).take(run.nodes().len());
    nodes.map(|node| behind(run, node, &mut known)).collect()
}

fn summary(idle: &Idle, moments: &[(Stamp, Nanos)]) -> NaiveIdle {
    let sorted = |times: &std::collections::HashMap<usize, Nanos>| {
        let times = times.iter().filter(|(_, time)| **time > Nanos::ZERO);
        times.map(|(&unit, &time)| (unit, time)).collect()
    };
    let within = |at: Stamp| {
        let mut all = idle.stretches.iter();
        all.find(|it| it.interval.start() <= at && at < it.interval.end())
    };
    NaiveIdle {
        idle: idle.stretches.iter().map(|it| it.idle).sum(),
        starved: idle.stretches.iter().map(|it| it.interval.length()).sum(),
        solo: sorted(&idle.solo),
        blocked: sorted(&idle.blocked),
        held_by: moments
            .iter()
            .filter_map(|&(at, _)| Some((at, within(at)?.held_by)))
            .collect(),
    }
}

/// Checks what was found against the twin, and against what must hold of any build.
fn check_idle(timeline: &Timeline, run: &RunGraph, slots: u32, with_twin: bool) {
    let all = Slots::new(timeline, KnownSlots::default());
    let found = idle(timeline, run, &all.with_local(slots));
    if with_twin {
        assert_eq!(
            summary(&found, &moments(timeline)),
            naive_idle(timeline, run, slots)
        );
    }
    let wall = timeline.wall().map(Interval::length).unwrap_or_default();
    assert!(found.solo.values().copied().sum::<Nanos>() <= wall);
    for times in [&found.solo, &found.blocked] {
        for (&unit, &time) in times {
            // What evaluation waited for in between is not part of it.
            let took: Nanos = self::times(timeline, unit)
                .iter()
                .map(|it| it.length())
                .sum();
            assert!(time <= took, "{unit} held up others for longer than it ran");
        }
    }
    let mut at = Stamp::ZERO;
    for stretch in &found.stretches {
        assert!(stretch.interval.start() >= at, "stretches overlap");
        at = stretch.interval.end();
        let room = stretch.interval.length().get() * u64::from(slots);
        assert_eq!((stretch.idle + stretch.busy).get(), room);
        assert_eq!(stretch.held_by.is_none(), stretch.n_waiting == 0);
    }
}

/// Returns for how long each number of builds ran at once, instant by instant.
fn naive_concurrency(timeline: &Timeline, run: &RunGraph) -> Vec<Nanos> {
    let nodes: Vec<usize> = run.nodes().iter().filter_map(|node| node.unit).collect();
    let all = nodes.iter().flat_map(|&unit| times(timeline, unit));
    let Some((start, end)) = all
        .clone()
        .map(Interval::start)
        .min()
        .zip(all.map(Interval::end).max())
    else {
        return Vec::new();
    };
    let mut sums = Vec::new();
    for (at, length) in moments(timeline) {
        if at < start || at >= end {
            continue;
        }
        let builds = nodes
            .iter()
            .filter(|&&unit| timeline.units()[unit].kind.is_derivation());
        let running = builds
            .filter(|&&unit| is_at_work(timeline, unit, at))
            .count();
        if sums.len() <= running {
            sums.resize(running + 1, Nanos::ZERO);
        }
        sums[running] += length;
    }
    sums
}

/// Checks the sweep, the bottlenecks and a few questions of one build.
fn check_predictions(timeline: &Timeline, run: &RunGraph) {
    let slots = Slots::new(timeline, KnownSlots::default());
    let Some(makespan) = Makespan::new(timeline, run, &slots) else {
        return;
    };
    let found = parallelism(timeline, run, &makespan, Some(8));
    assert_eq!(found.concurrency, naive_concurrency(timeline, run));
    let total: Nanos = found.concurrency.iter().copied().sum();
    assert_eq!(total, found.makespan);
    assert_eq!(found.possible.is_none(), run.coverage().is_nothing());
    if let Some(possible) = &found.possible {
        assert!(possible.span <= found.work);
        for step in &possible.sweep.steps {
            assert!(
                step.lower <= step.predicted && step.predicted <= step.upper,
                "{step:?}"
            );
            if step.slots == found.local_slots {
                assert_eq!(
                    step.predicted, possible.baseline,
                    "two predictions of one thing"
                );
            }
        }
    }

    let structural = structural(run);
    let path = critical_path(timeline, run, &slots);
    let all = bottlenecks(timeline, run, &path, &structural, Some(&makespan));
    for it in &all.units {
        let took = timeline.units()[it.unit].duration().unwrap_or_default();
        assert!(it.drag.unwrap_or_default() <= took);
        let is_evaluation = timeline.units()[it.unit].kind == UnitKind::Evaluation;
        assert!(it.saving.unwrap_or_default() <= took || is_evaluation);
    }

    let questions = Questions::new(timeline, run, &makespan, Assumptions::default());
    let units: Vec<usize> = run.nodes().iter().filter_map(|node| node.unit).collect();
    let slots = makespan.local_slots();
    let ask = |changes: &[Change]| -> WhatIf {
        let answer = questions.ask(changes);
        assert!(
            answer.bounds.lower <= answer.predicted && answer.predicted <= answer.bounds.upper,
            "{changes:?}: {answer:?}"
        );
        if let Some(possible) = &found.possible {
            assert_eq!(answer.baseline, possible.baseline);
        }
        answer
    };
    let mut nothing = vec![
        vec![],
        vec![Change::Cached(Vec::new()), Change::Remove(Vec::new())],
        vec![Change::Speedup(units.clone(), 1.0)],
        vec![Change::Machines(0)],
    ];
    if slots > 0 {
        nothing.push(vec![Change::LocalSlots(slots)]);
    }
    for changes in nothing {
        let answer = ask(&changes);
        assert_eq!(answer.saving(), 0, "{changes:?}");
        assert!(answer.gone.is_empty() && answer.downloaded.is_empty());
    }
    let builds: Vec<usize> = units
        .iter()
        .copied()
        .filter(|&unit| timeline.units()[unit].kind.is_derivation())
        .collect();
    let cached = ask(&[Change::Cached(builds.clone())]);
    for &unit in &builds {
        assert!(cached.gone.contains(&unit) != cached.downloaded.contains(&unit));
    }
    let removed = ask(&[Change::Remove(units.clone())]);
    assert_eq!(removed.gone.len(), units.len());
    assert!(removed.then_critical.is_empty());
    for &unit in units.iter().take(8) {
        ask(&[
            Change::Speedup(vec![unit], 2.0),
            Change::LocalSlots(slots + 1),
        ]);
        ask(&[
            Change::Cached(vec![unit]),
            Change::SubstitutionBandwidth(1000),
        ]);
        let without = ask(&[Change::Remove(vec![unit])]);
        assert!(without.gone.contains(&unit));
    }
}

/// Checks that the first pick is the best single one.
fn check_first_pick(timeline: &Timeline, run: &RunGraph) {
    let slots = Slots::new(timeline, KnownSlots::default());
    let Some(makespan) = Makespan::new(timeline, run, &slots) else {
        return;
    };
    let questions = Questions::new(timeline, run, &makespan, Assumptions::default());
    let everything: Vec<usize> = run.nodes().iter().filter_map(|it| it.unit).collect();
    let builds = everything.into_iter();
    let builds = builds.filter(|&unit| timeline.units()[unit].kind == UnitKind::Build);
    let builds: Vec<usize> = builds.collect();
    let picks = cache_candidates(run, &questions, &builds, 3);
    let dependents = |unit| run.waiting_for(run.node_of(unit).expect("it ran")).len();
    let savings = builds.iter().map(|&unit| {
        let answer = questions.ask(&[Change::Cached(vec![unit])]);
        (answer.sure_saving(), dependents(unit))
    });
    let savings: Vec<(Nanos, usize)> = savings.collect();
    let best = savings.iter().map(|it| it.0).max();
    match picks.first() {
        Some(first) => {
            let best = best.expect("it is one of them");
            let enough = |saving: Nanos| saving.get() * 10 >= best.get() * 9;
            assert!(enough(first.saving));
            let good = savings.iter().filter(|it| enough(it.0));
            let most = good.map(|it| it.1).max();
            assert_eq!(Some(first.dependents), most);
            assert_eq!(first.dependents, dependents(first.unit));
        }
        None => assert!(best.is_none_or(|best| best == Nanos::ZERO)),
    }
    let mut before = Nanos::ZERO;
    for pick in &picks {
        assert_eq!(before + pick.saving, pick.together);
        assert!(pick.saving > Nanos::ZERO, "a pick that saves nothing");
        assert!(pick.together <= questions.baseline() - pick.answer.predicted);
        before = pick.together;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn idle_slots_are_what_each_instant_says(plan in plan(), slots in 1_u32..6) {
        let timeline = timeline(plan.run().log.as_bytes());
        let run = RunGraph::new(&timeline, &graph_of(&plan));
        check_idle(&timeline, &run, slots, true);
    }

    #[test]
    fn predictions_lie_within_their_bounds(plan in plan()) {
        let timeline = timeline(plan.run().log.as_bytes());
        let run = RunGraph::new(&timeline, &graph_of(&plan));
        check_predictions(&timeline, &run);
        check_first_pick(&timeline, &run);
    }
}

#[test]
fn recordings_hold_too() {
    for recording in corpus() {
        let timeline = timeline(&recording.bytes());
        let graph = recording
            .truth
            .as_ref()
            .map_or_else(DerivationGraph::default, from_truth);
        let run = RunGraph::new(&timeline, &graph);
        let (_, newest) = timeline.facts().evidence.minor_versions();
        // Before, downloads took slots for builds: of that the twin knows nothing.
        let with_twin = newest.is_none_or(|newest| newest >= 16);
        for slots in [1, 2, 4, 9] {
            check_idle(&timeline, &run, slots, with_twin);
        }
        check_predictions(&timeline, &run);
        check_first_pick(&timeline, &run);
    }
}
