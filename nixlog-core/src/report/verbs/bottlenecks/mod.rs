//! `bottlenecks`: the units that hold others up, and the times when slots stood idle.

mod layout;

use std::cmp::Reverse;

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::bottlenecks::{Bottleneck, Bottlenecks};
use crate::analysis::idle::IdleStretch;
use crate::analysis::makespan::Makespan;
use crate::analysis::run_graph::RunGraph;
use crate::analysis::slots::SlotsSource;
use crate::graph::{Direction, transitive};
use crate::report::coverage::CoverageView;
use crate::report::document::Document;
use crate::report::envelope::{Answer, Input, Report, nanos, share};
use crate::report::simulated::ReplayView;
use crate::report::table::{Names, limit};
use crate::report::unit::{UnitBrief, brief};
use crate::time::{Interval, Nanos};
use crate::timeline::Timeline;

/// The result of `bottlenecks`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct BottlenecksResult {
    /// The whole wall time.
    pub wall_ns: Option<u64>,
    /// From the first start to the last end of builds, source fetches and substitutions.
    pub makespan_ns: Option<u64>,
    /// The local slots for builds.
    pub slots: Option<u32>,
    /// Where the number of slots comes from.
    pub slots_source: Option<SlotsSource>,
    /// How many units there are that are asked for, listed or not.
    pub total_units: usize,
    /// The units, those whose absence would save most first; without timestamps, those that most others
    /// need.
    pub units: Vec<BottleneckView>,
    /// For how long slots stood idle although work was left, summed over all slots.
    pub idle_ns: Option<u64>,
    /// That as a share of the time of all slots.
    pub idle_share: Option<f64>,
    /// How many stretches there are that are asked for, listed or not.
    pub total_intervals: usize,
    /// Stretches in which slots stood idle, those with the most slot time first.
    pub intervals: Vec<IdleIntervalView>,
    /// How well the simulation, which the savings come from, replays the recording.
    pub replay: ReplayView,
    /// How much of what ran the derivations at hand explain.
    pub coverage: CoverageView,
}

/// A unit, and how it stands in the way.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct BottleneckView {
    /// The unit.
    #[serde(flatten)]
    pub unit: UnitBrief,
    /// How much shorter the build would be if it took no time, simulated on the slots that there were.
    /// `null` where it was not tried: there, it can hardly be much.
    pub saving_ns: Option<u64>,
    /// The same with a slot for everything, exactly.
    pub drag_ns: Option<u64>,
    /// By how much it may be late without moving the end, with a slot for everything.
    pub slack_ns: Option<u64>,
    /// How many units need it with nothing that ran in between.
    pub direct_dependents: Option<usize>,
    /// How many units need it, directly or not.
    pub transitive_dependents: Option<usize>,
    /// How long these take together.
    pub dependents_work_ns: Option<u64>,
    /// How long it was the only unit running.
    pub solo_ns: Option<u64>,
    /// How long at least one free slot had nothing ready to run while it ran.
    pub blocked_ns: Option<u64>,
}

/// A stretch of time in which slots stood idle although work was left.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct IdleIntervalView {
    /// When it begins.
    pub start_ns: u64,
    /// When it ends.
    pub end_ns: u64,
    /// How long it is.
    pub duration_ns: u64,
    /// The time that slots stood idle in it, summed over all slots.
    pub idle_ns: u64,
    /// The time that slots were taken in it, summed over all slots.
    pub busy_ns: u64,
    /// How many slots were taken on average.
    pub running: Option<f64>,
    /// Whoever of those running has the longest chain of work behind it; `null` where none has any.
    pub held_by: Option<UnitBrief>,
    /// How many units waited for it, directly or not.
    pub waiting_units: usize,
    /// How long these take together.
    pub waiting_ns: u64,
}

/// Which units and stretches to list.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Listed<F> {
    /// Chooses among the units, and among the stretches by who holds them up.
    pub wanted: F,
    /// How long a unit or a stretch must be at least.
    pub min_duration: Option<Nanos>,
    /// How many to list; 0 for all.
    pub top: usize,
}

impl<F: Fn(&UnitBrief) -> bool> Listed<F> {
    /// Makes a selection.
    #[must_use]
    pub const fn new(wanted: F, min_duration: Option<Nanos>, top: usize) -> Self {
        Self {
            wanted,
            min_duration,
            top,
        }
    }

    fn is_long(&self, length: Option<u64>) -> bool {
        let least = self.min_duration.map(Nanos::get);
        least.is_none_or(|least| length.is_some_and(|length| length >= least))
    }

    fn cut<T>(&self, list: &mut Vec<T>) -> usize {
        let total = list.len();
        list.truncate(limit(self.top, total));
        total
    }
}

/// More units than this are counted behind in one go, not one by one.
const FEW: usize = 32;

impl Answer for BottlenecksResult {
    const SCHEMA: &'static str = "nixlog.bottlenecks/1";
    type From = Input;
    type Options = Names;

    fn document(report: &Report<Self>, names: &Names) -> Document {
        layout::document(report, *names)
    }
}

/// Makes the result of `bottlenecks`.
#[must_use]
pub fn result<F: Fn(&UnitBrief) -> bool>(
    timeline: &Timeline,
    run: &RunGraph,
    found: &Bottlenecks,
    makespan: Option<&Makespan>,
    listed: &Listed<F>,
) -> BottlenecksResult {
    let timed = timeline.wall().is_some();
    let known = !run.coverage().is_nothing();
    // Where somebody's end is not known, nobody is known to have run alone.
    let all_ends = run.coverage().unknown_ends == 0;
    let mut units: Vec<(&Bottleneck, UnitBrief)> = found
        .units
        .iter()
        .map(|it| (it, brief(timeline, it.unit)))
        .filter(|(_, unit)| (listed.wanted)(unit) && listed.is_long(unit.duration_ns))
        .collect();
    let n_shown = limit(listed.top, units.len());
    let all = (!timed || n_shown > FEW).then(|| behind_all(run));
    if !known {
        // Nobody knows who waits for whom; when nothing else ran is known.
        units.sort_by_key(|(it, unit)| Reverse((it.solo, unit.duration_ns)));
    }
    if !timed && let Some(all) = &all {
        let needed = |it: &Bottleneck| {
            let node = run.node_of(it.unit);
            node.map(|node| all[node as usize].0)
        };
        units.sort_by_key(|(it, unit)| (Reverse(needed(it)), unit.path.clone()));
    }
    let total_units = listed.cut(&mut units);
    let units = units.into_iter().map(|(it, unit)| {
        let node = run.node_of(it.unit).filter(|_| known);
        let dependents = node.map(|node| match &all {
            Some(all) => all[node as usize],
            None => behind(run, node),
        });
        let if_known = |time: Option<Nanos>| nanos(time.filter(|_| timed && known && all_ends));
        let timed = |time: Nanos| nanos(Some(time).filter(|_| timed));
        BottleneckView {
            // Evaluation is in everybody's way, whatever depends on what.
            saving_ns: match run.node_of(it.unit) {
                Some(_) => if_known(it.saving),
                None => it.saving.and_then(timed),
            },
            drag_ns: if_known(it.drag),
            slack_ns: if_known(it.slack),
            direct_dependents: node.map(|node| run.direct_dependents(node).len()),
            transitive_dependents: dependents.map(|(n_units, _)| n_units),
            dependents_work_ns: dependents.and_then(|(_, work)| timed(work).filter(|_| all_ends)),
            solo_ns: timed(it.solo).filter(|_| all_ends),
            blocked_ns: timed(it.blocked).filter(|_| known && all_ends),
            unit,
        }
    });
    let units = units.collect();

    let stretches = found.idle.stretches.iter().filter(|_| known && all_ends);
    let idle: Nanos = stretches.clone().map(|stretch| stretch.idle).sum();
    let mut intervals: Vec<IdleIntervalView> = stretches
        .map(|stretch| interval(timeline, stretch))
        .filter(|it| listed.is_long(Some(it.duration_ns)))
        .filter(|it| it.held_by.as_ref().is_none_or(|unit| (listed.wanted)(unit)))
        .collect();
    intervals.sort_by_key(|it| (Reverse(it.idle_ns), it.start_ns));
    let total_intervals = listed.cut(&mut intervals);

    let measured = makespan.map(|makespan| makespan.replay().measured.get());
    let slots = Some(found.idle.slots).filter(|&slots| slots > 0 && timed);
    let idle = Some(idle.get()).filter(|_| known && all_ends && slots.is_some());
    let room = measured
        .zip(slots)
        .and_then(|(time, slots)| time.checked_mul(slots.into()));
    BottlenecksResult {
        wall_ns: nanos(timeline.wall().map(Interval::length)),
        makespan_ns: measured,
        slots,
        slots_source: slots.and(makespan).map(Makespan::slots_source),
        total_units,
        units,
        idle_ns: idle,
        idle_share: share(idle, room),
        total_intervals,
        intervals,
        replay: makespan
            .filter(|_| known)
            .map(|makespan| makespan.replay().into())
            .unwrap_or_default(),
        coverage: run.coverage().into(),
    }
}

fn interval(timeline: &Timeline, stretch: &IdleStretch) -> IdleIntervalView {
    let length = stretch.interval.length().get();
    IdleIntervalView {
        start_ns: stretch.interval.start().as_nanos(),
        end_ns: stretch.interval.end().as_nanos(),
        duration_ns: length,
        idle_ns: stretch.idle.get(),
        busy_ns: stretch.busy.get(),
        running: share(Some(stretch.busy.get()), Some(length)),
        held_by: stretch.held_by.map(|unit| brief(timeline, unit)),
        waiting_units: stretch.n_waiting,
        waiting_ns: stretch.waiting.get(),
    }
}

/// Counts the units behind a node, and their work.
fn behind(run: &RunGraph, node: u32) -> (usize, Nanos) {
    let behind = run.waiting_for(node);
    let work = behind.iter().map(|&it| run.durations()[it as usize]);
    (behind.len(), work.sum())
}

/// Does the same for every node at once.
fn behind_all(run: &RunGraph) -> Vec<(usize, Nanos)> {
    // Passages weigh nothing; neither may they count.
    let nodes = run.nodes().iter();
    let ones = nodes.map(|node| Nanos::new(u64::from(node.unit.is_some())));
    let count = transitive(run.dag(), Direction::Dependents, &ones.collect::<Vec<_>>());
    let work = transitive(run.dag(), Direction::Dependents, run.durations());
    let counts = count.iter().map(|reach| reach.work.get());
    let counts = counts.map(|n| usize::try_from(n).unwrap_or(usize::MAX));
    counts.zip(work.iter().map(|reach| reach.work)).collect()
}
