//! What holds others up, and what would be gained without it.

use std::collections::HashMap;

use super::critical_path::CriticalPath;
use super::idle::{Idle, idle};
use super::makespan::Makespan;
use super::run_graph::RunGraph;
use super::simulation::without_each;
use super::slots::Slots;
use super::structural::Structural;
use crate::time::Nanos;
use crate::timeline::{Timeline, UnitKind};

/// How many steps all simulations together may take: a second's work on one core.
const BUDGET: usize = 4_000_000;

/// The fewest units to simulate without, however large the graph.
const LEAST_TRIED: usize = 32;

/// What holds others up.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Bottlenecks {
    /// The units, those whose absence would save most first.
    pub units: Vec<Bottleneck>,
    /// When slots stood idle, and who held up what was left.
    pub idle: Idle,
}

/// A unit, and how it stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bottleneck {
    /// Index into [`Timeline::units`].
    pub unit: usize,
    /// How much shorter the build would be if it took no time, simulated with the slots that there
    /// were; `None` where that was not tried, since it can hardly be much.
    pub saving: Option<Nanos>,
    /// The same with a slot for everything, exactly.
    pub drag: Option<Nanos>,
    /// By how much it may be late without moving the end, with a slot for everything.
    pub slack: Option<Nanos>,
    /// How long it was the only unit running.
    pub solo: Nanos,
    /// How long at least one slot had nothing to run while it ran.
    pub blocked: Nanos,
}

/// Ranks the units. Takes O((n + m) log n), and simulates without each of those that may matter.
#[must_use]
pub fn bottlenecks(
    timeline: &Timeline,
    run: &RunGraph,
    path: &CriticalPath,
    structural: &Structural,
    makespan: Option<&Makespan>,
) -> Bottlenecks {
    let nothing_ran = Slots::default();
    let slots = makespan.map_or(&nothing_ran, Makespan::slots);
    let idle = idle(timeline, run, slots);
    let mut units: Vec<Bottleneck> = structural
        .units
        .iter()
        .map(|times| Bottleneck {
            unit: times.unit,
            saving: None,
            drag: Some(times.saving),
            slack: Some(times.slack),
            solo: idle.solo.get(&times.unit).copied().unwrap_or_default(),
            blocked: idle.blocked.get(&times.unit).copied().unwrap_or_default(),
        })
        .collect();
    // Who has most to offer is tried first.
    units.sort_by_key(|it| {
        let took = timeline.units()[it.unit].duration();
        std::cmp::Reverse((it.drag, it.blocked.max(it.solo), took))
    });
    if let Some(makespan) = makespan {
        let n_tried = (BUDGET / makespan.recorded().tasks.len().max(1)).max(LEAST_TRIED);
        try_without(timeline, makespan, units.iter_mut().take(n_tried).collect());
    }
    units.extend(evaluation(timeline, path, &idle));
    units.sort_by_key(|it| std::cmp::Reverse((it.saving, it.drag, it.blocked, it.solo)));
    Bottlenecks { units, idle }
}

/// Simulates the build without each of these.
///
/// Whenever something takes less time, others start in another order, and with few slots that alone may
/// make the build shorter, or longer, by more than anybody took. That is luck, and nothing that the
/// unit costs: no saving is longer than the unit.
fn try_without(timeline: &Timeline, makespan: &Makespan, units: Vec<&mut Bottleneck>) {
    let baseline = makespan.baseline().makespan;
    let tasks: HashMap<usize, u32> = (0..)
        .zip(makespan.units())
        .filter_map(|(task, unit)| Some(((*unit)?, task)))
        .collect();
    let (tried, units): (Vec<u32>, Vec<&mut Bottleneck>) = units
        .into_iter()
        .filter_map(|it| Some((*tasks.get(&it.unit)?, it)))
        .unzip();
    // What Nix does with it stays: that is no fault of the unit's.
    let without = without_each(&makespan.recorded().workload(), makespan.options(), &tried);
    for (it, without) in units.into_iter().zip(without) {
        let took = timeline.units()[it.unit].duration().unwrap_or_default();
        it.saving = Some((baseline - without).min(took));
    }
}

/// Evaluation is in everybody's way: all of it that is on the path would be saved.
fn evaluation(timeline: &Timeline, path: &CriticalPath, idle: &Idle) -> Option<Bottleneck> {
    let units = timeline.units().iter();
    let unit = units
        .into_iter()
        .position(|unit| unit.kind == UnitKind::Evaluation)?;
    let saving = path.by_unit().get(&unit).copied()?;
    Some(Bottleneck {
        unit,
        saving: Some(saving),
        drag: None,
        slack: None,
        solo: idle.solo.get(&unit).copied().unwrap_or_default(),
        blocked: Nanos::ZERO,
    })
}
