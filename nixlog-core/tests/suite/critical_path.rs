//! The observed critical path: it tiles the wall clock, whatever the log holds.

use nixlog_core::analysis::critical_path::{CriticalPath, Wait, critical_path};
use nixlog_core::analysis::run_graph::RunGraph;
use nixlog_core::analysis::slots::{KnownSlots, Slots};
use nixlog_core::graph::DerivationGraph;
use nixlog_core::timeline::Timeline;

use proptest::prelude::*;

use crate::recordings::{corpus, recording, timeline};
use crate::simulated_nix::{Plan, drv, plan};
use crate::truth_graph::{from_edges, from_truth};

/// Checks that the segments tile the wall clock, and that only what was there is named.
pub(crate) fn check(timeline: &Timeline, path: &CriticalPath) {
    let Some(wall) = timeline.wall() else {
        assert!(path.segments.is_empty(), "a path without timestamps");
        return;
    };
    let mut at = wall.start();
    for segment in &path.segments {
        assert_eq!(segment.interval.start(), at, "a hole or an overlap");
        assert!(segment.interval.end() > at, "an empty segment");
        at = segment.interval.end();
        let (None, Some(unit)) = (segment.wait, segment.unit) else {
            continue;
        };
        let unit = &timeline.units()[unit];
        assert!(
            unit.start
                .is_some_and(|start| start <= segment.interval.start())
        );
        let end = unit.end.max(unit.end_at_most);
        assert!(end.is_some_and(|end| segment.interval.end() <= end));
    }
    assert_eq!(at, wall.end(), "the end is missing");
}

#[test]
fn the_segments_tile_the_wall_clock() {
    for recording in corpus() {
        let timeline = timeline(&recording.bytes());
        let graph = recording
            .truth
            .as_ref()
            .map_or_else(DerivationGraph::default, from_truth);
        for graph in [graph, DerivationGraph::default()] {
            let run = RunGraph::new(&timeline, &graph);
            let slots = Slots::new(&timeline, KnownSlots::default());
            check(&timeline, &critical_path(&timeline, &run, &slots));
        }
    }
}

#[test]
fn a_diamond_goes_through_its_longer_side() {
    let recording = recording("2.26.3-diamond-build-v");
    let timeline = timeline(&recording.bytes());
    let graph = from_truth(recording.truth.as_ref().expect("a truth"));
    let run = RunGraph::new(&timeline, &graph);
    let slots = Slots::new(&timeline, KnownSlots::default());
    let path = critical_path(&timeline, &run, &slots);
    let steps = path
        .segments
        .iter()
        .filter(|segment| segment.wait.is_none());
    let names: Vec<&str> = steps
        .filter_map(|segment| Some(timeline.name(timeline.units()[segment.unit?].subject)))
        .collect();
    // Evaluation, with what it copies into the store in between, comes first.
    let ends = [
        "diamond-a-1.0.drv",
        "diamond-b-1.0.drv",
        "diamond-d-1.0.drv",
    ];
    let builds = &names[names.len() - ends.len()..];
    assert!(
        builds
            .iter()
            .zip(ends)
            .all(|(name, end)| name.ends_with(end)),
        "{names:?}"
    );
    let unknown = |wait: Option<Wait>| wait == Some(Wait::Unknown);
    assert!(!path.segments.iter().any(|segment| unknown(segment.wait)));
}

pub(crate) fn graph_of(plan: &Plan) -> DerivationGraph {
    let paths: Vec<String> = (0..plan.jobs.len()).map(drv).collect();
    let needs = |job: usize| {
        plan.jobs[job]
            .deps
            .iter()
            .map(|&dep| &*paths[dep])
            .collect()
    };
    from_edges((0..paths.len()).map(|job| (&*paths[job], needs(job))))
}

proptest! {
    /// The rules of the walk, one by one, against a Nix that is known inside out.
    #[test]
    fn each_step_follows_from_the_one_before(plan in plan()) {
        let graph = graph_of(&plan);
        let timeline = timeline(plan.run().log.as_bytes());
        let run = RunGraph::new(&timeline, &graph);
        let slots = Slots::new(&timeline, KnownSlots::default());
        let path = critical_path(&timeline, &run, &slots);
        check(&timeline, &path);
        let units = timeline.units();
        let steps = path.steps(&timeline);
        for pair in steps.windows(2) {
            let (Some(before), Some(unit)) = (pair[0].unit, pair[1].unit) else { continue };
            let Some(node) = run.node_of(unit) else { continue };
            let needs = run.dag().dependencies(node).iter();
            let ends = needs.filter_map(|&to| units[run.unit_of(to)?].end);
            // What took no time before the unit started is no step: an end that the log tells late
            // may lie behind that.
            let begun = units[unit].start;
            let instant = |&to: &u32| run.unit_of(to).is_none_or(|to| {
                units[to].start >= units[to].end.min(begun)
            });
            if let Some(last) = ends.max() && !run.dag().dependencies(node).iter().any(instant) {
                prop_assert_eq!(units[before].end, Some(last), "not what ended last");
            }
        }
        for segment in path.segments.iter().filter(|segment| segment.wait == Some(Wait::Slot)) {
            let at = segment.interval.start();
            let running = units.iter().filter(|unit| {
                unit.kind.is_derivation()
                    && unit.start.is_some_and(|start| start <= at)
                    && unit.end.is_some_and(|end| end > at)
            });
            prop_assert!(running.count() >= path.slots as usize, "a slot was free");
        }
        let steps: u64 = steps.iter().map(|step| step.took.get() + step.waited().get()).sum();
        prop_assert_eq!(steps, timeline.wall().map_or(0, |wall| wall.length().get()));
    }

    /// Whether one unit depends on another is as the derivations say, also through those that did not
    /// run.
    #[test]
    fn passages_keep_what_depends_on_what(
        edges in proptest::collection::btree_set((1_usize..9, 0_usize..9), 0..20),
        ran in proptest::collection::vec(any::<bool>(), 9),
    ) {
        let edges: Vec<(usize, usize)> = edges.into_iter().filter(|(from, to)| from > to).collect();
        let paths: Vec<String> = (0..9).map(drv).collect();
        let needs = |from: usize| {
            edges.iter().filter(move |edge| edge.0 == from).map(|edge| edge.1)
        };
        let graph = from_edges((0..9).map(|from| {
            (&*paths[from], needs(from).map(|to| &*paths[to]).collect())
        }));
        let mut log = String::new();
        for number in (0..9).filter(|&number| ran[number]) {
            use std::fmt::Write as _;
            let (id, start, stop) = (number + 1, 10 * number, 10 * number + 5);
            let path = &paths[number];
            write!(
                log,
                "{start} @nix {{\"action\":\"start\",\"fields\":[\"{path}\",\"\",1,1],\"id\":{id},\"level\":3,\"parent\":0,\"text\":\"\",\"type\":105}}\n{stop} @nix {{\"action\":\"stop\",\"id\":{id}}}\n"
            ).expect("a string takes all");
        }
        let timeline = timeline(log.as_bytes());
        let run = RunGraph::new(&timeline, &graph);
        let nodes = |run: &RunGraph| -> Vec<(u32, usize)> {
            let number = |node| {
                let subject = timeline.units()[run.unit_of(node)?].subject;
                paths.iter().position(|path| path == timeline.name(subject))
            };
            (0..).take(run.nodes().len()).filter_map(|node| Some((node, number(node)?))).collect()
        };
        let nodes = nodes(&run);
        prop_assert_eq!(nodes.len(), ran.iter().filter(|&&ran| ran).count());
        let reaches = |from: u32, to: u32| {
            let mut todo = vec![from];
            while let Some(node) = todo.pop() {
                if node == to { return true; }
                todo.extend(run.dag().dependencies(node));
            }
            false
        };
        let depends = |from: usize, to: usize| {
            let mut todo = vec![from];
            while let Some(node) = todo.pop() {
                if node == to { return true; }
                todo.extend(needs(node));
            }
            false
        };
        for &(a, first) in &nodes {
            for &(b, second) in &nodes {
                prop_assert_eq!(reaches(a, b), depends(first, second), "{} on {}", first, second);
            }
        }
    }
}
