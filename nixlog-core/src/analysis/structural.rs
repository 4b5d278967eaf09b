//! The structural critical path: what the graph alone allows, with room for everything at once.
//!
//! Longest path, slack and savings of the graph of what ran, by the durations that were measured. It
//! knows of no slots and no evaluation; that is what [`critical_path`](super::critical_path) is for.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use super::run_graph::RunGraph;
use crate::graph::{CriticalPathMethod, FASTER_PERCENT, Savings};
use crate::time::{Interval, Nanos};
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

/// How many steps through the graph may be taken for builder phases: some seconds.
const MOST_STEPS: usize = 1 << 27;

/// Computes for each builder phase on the longest path what builds without it would save. Takes
/// O(n + m) for each that several builds have; where there are so many that this would take too long,
/// those that are least on the path are left out.
#[must_use]
pub fn without_builder_phases(
    timeline: &Timeline,
    run: &RunGraph,
    structural: &Structural,
) -> Vec<WithoutBuilderPhase> {
    let phases_of = |unit: usize| timeline.units()[unit].phases.iter();
    let on_path: HashSet<usize> = structural.path.iter().copied().collect();
    let names = on_path.iter().flat_map(|&unit| phases_of(unit));
    let mut found: HashMap<Name, InUnits> = names.map(|it| (it.name, InUnits::default())).collect();
    for (node, unit) in (0..).zip(run.nodes().iter().map(|node| node.unit)) {
        let Some(unit) = unit else { continue };
        for phase in phases_of(unit) {
            let length = phase.interval.map(Interval::length).unwrap_or_default();
            if let Some(found) = found.get_mut(&phase.name) {
                found.add(node, length, on_path.contains(&unit));
            }
        }
    }
    let mut found: Vec<(Name, InUnits)> = found.into_iter().collect();
    let text = |name: Name| timeline.name(name);
    found.sort_by_cached_key(|(name, found)| (Reverse(found.on_path), text(*name)));
    let savings = structural.units.iter();
    let savings: HashMap<usize, Nanos> = savings.map(|it| (it.unit, it.saving)).collect();
    let mut steps = MOST_STEPS;
    let without = |(name, found): (Name, InUnits)| {
        let saving = match found.nodes[..] {
            // Who loses less than all of its time saves that much, up to what it saves at best.
            [(node, length)] => {
                let best = run.unit_of(node).and_then(|unit| savings.get(&unit));
                length.min(best.copied().unwrap_or_default())
            }
            _ => {
                let all = run.dag().len() + run.dag().n_edges();
                steps = steps.checked_sub(all.max(1))?;
                let mut shorter = run.durations().to_vec();
                for &(node, length) in &found.nodes {
                    let took = &mut shorter[node as usize];
                    *took = *took - length;
                }
                structural.span - CriticalPathMethod::new(run.dag(), &shorter).span()
            }
        };
        Some(WithoutBuilderPhase {
            name,
            on_path: found.on_path,
            saving,
        })
    };
    let mut phases: Vec<WithoutBuilderPhase> = found.into_iter().filter_map(without).collect();
    phases.sort_by(|a, b| {
        let key = |phase: &WithoutBuilderPhase| (phase.saving, phase.on_path);
        key(b)
            .cmp(&key(a))
            .then_with(|| text(a.name).cmp(text(b.name)))
    });
    phases
}

/// How long the builds of a graph were in one builder phase.
#[derive(Debug, Default)]
struct InUnits {
    /// The nodes that had it at all, in order, each once.
    nodes: Vec<(u32, Nanos)>,
    /// The sum over those on the longest path.
    on_path: Nanos,
}

impl InUnits {
    fn add(&mut self, node: u32, length: Nanos, is_on_path: bool) {
        match self.nodes.last_mut() {
            Some((last, sum)) if *last == node => *sum += length,
            _ => self.nodes.push((node, length)),
        }
        if is_on_path {
            self.on_path += length;
        }
    }
}
