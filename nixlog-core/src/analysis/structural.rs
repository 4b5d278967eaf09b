//! The structural critical path: what the graph alone allows, with room for everything at once.
//!
//! Longest path, slack and savings of the graph of what ran, by the durations that were measured. It
//! knows of no slots and no evaluation; that is what [`critical_path`](super::critical_path) is for.

use std::collections::HashSet;

use super::run_graph::RunGraph;
use crate::graph::{CriticalPathMethod, FASTER_PERCENT, Savings};
use crate::time::Nanos;
use crate::timeline::{Name, Timeline};

/// What the graph alone allows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Structural {
    /// The sum of all durations (T1).
    pub work: Nanos,
    /// The longest path (T∞).
    pub span: Nanos,
    /// The units of the longest path, in the order of time, as indices into [`Timeline::units`].
    pub path: Vec<usize>,
    /// Every unit of the graph, those with the least slack first.
    pub units: Vec<UnitTimes>,
}

/// How early and how late a unit could run, from the start of the graph part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnitTimes {
    /// Index into [`Timeline::units`].
    pub unit: usize,
    /// When everything that it needs could be there.
    pub earliest_start: Nanos,
    /// When it must have ended so that all is done within the span.
    pub latest_finish: Nanos,
    /// By how much it may be late without moving the end.
    pub slack: Nanos,
    /// How much shorter the span would be if it took no time: Devaux's drag, exactly.
    pub saving: Nanos,
    /// The same if it were faster by each of [`FASTER_PERCENT`]; the last one is
    /// [`saving`](Self::saving).
    pub curve: [Nanos; FASTER_PERCENT.len()],
    /// What would be critical then in place of the path, as an index into [`Timeline::units`].
    pub then: Option<usize>,
}

/// What leaving out one builder phase would save.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct WithoutBuilderPhase {
    /// The phase's name.
    pub name: Name,
    /// How much of the longest path lies in it.
    pub on_path: Nanos,
    /// How much shorter the span would be if no build had it.
    pub saving: Nanos,
}

/// Computes what the graph alone allows. Takes O(m + n log n) for n nodes and m edges.
#[must_use]
pub fn structural(run: &RunGraph) -> Structural {
    let cpm = CriticalPathMethod::new(run.dag(), run.durations());
    let savings = Savings::new(&cpm, Some(run.ranks()));
    let mut units: Vec<UnitTimes> = (0..)
        .zip(run.nodes())
        .filter_map(|(node, it)| {
            Some(UnitTimes {
                unit: it.unit?,
                earliest_start: cpm.earliest_start(node),
                latest_finish: cpm.latest_finish(node),
                slack: cpm.slack(node),
                saving: savings.saving(node),
                // Who saves nothing at best saves nothing at all.
                curve: match savings.saving(node) {
                    Nanos::ZERO => [Nanos::ZERO; FASTER_PERCENT.len()],
                    _ => savings.curve(node).map(|faster| faster.saving),
                },
                then: savings.then(node).and_then(|then| run.unit_of(then)),
            })
        })
        .collect();
    units.sort_unstable_by_key(|times| (times.slack, times.earliest_start, times.unit));
    Structural {
        work: run.durations().iter().copied().sum(),
        span: cpm.span(),
        path: savings
            .path()
            .iter()
            .filter_map(|&node| run.unit_of(node))
            .collect(),
        units,
    }
}

/// Computes for each builder phase on the longest path what builds without it would save. Takes
/// O(n + m) for each.
#[must_use]
pub fn without_builder_phases(
    timeline: &Timeline,
    run: &RunGraph,
    structural: &Structural,
) -> Vec<WithoutBuilderPhase> {
    let on_path = structural.path.iter().map(|&unit| &timeline.units()[unit]);
    let names: HashSet<Name> = on_path
        .flat_map(|unit| &unit.phases)
        .map(|phase| phase.name)
        .collect();
    let length = |unit: usize, name: Name| -> Nanos {
        let phases = timeline.units()[unit].phases.iter();
        let same = phases.filter(|phase| phase.name == name);
        same.filter_map(|phase| phase.interval)
            .map(|interval| interval.length())
            .sum()
    };
    let without = |name: Name| {
        let shorter: Vec<Nanos> = run
            .nodes()
            .iter()
            .zip(run.durations())
            .map(|(node, &took)| node.unit.map_or(took, |unit| took - length(unit, name)))
            .collect();
        let span = CriticalPathMethod::new(run.dag(), &shorter).span();
        WithoutBuilderPhase {
            name,
            on_path: structural.path.iter().map(|&unit| length(unit, name)).sum(),
            saving: structural.span - span,
        }
    };
    let mut phases: Vec<WithoutBuilderPhase> = names.into_iter().map(without).collect();
    phases.sort_by(|a, b| {
        let key = |phase: &WithoutBuilderPhase| (phase.saving, phase.on_path);
        key(b)
            .cmp(&key(a))
            .then_with(|| timeline.name(a.name).cmp(timeline.name(b.name)))
    });
    phases
}
