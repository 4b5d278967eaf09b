//! The observed critical path: it tiles the wall clock, whatever the log holds.

use nixlog_core::analysis::critical_path::{CriticalPath, Wait, critical_path};
use nixlog_core::analysis::run_graph::RunGraph;
use nixlog_core::graph::DerivationGraph;
use nixlog_core::timeline::Timeline;

use crate::recordings::{corpus, recording, timeline};
use crate::truth_graph::from_truth;

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
        assert!(unit.end.is_some_and(|end| segment.interval.end() <= end));
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
            check(&timeline, &critical_path(&timeline, &run));
        }
    }
}

#[test]
fn a_diamond_goes_through_its_longer_side() {
    let recording = recording("2.26.3-diamond-build-v");
    let timeline = timeline(&recording.bytes());
    let graph = from_truth(recording.truth.as_ref().expect("a truth"));
    let run = RunGraph::new(&timeline, &graph);
    let path = critical_path(&timeline, &run);
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
