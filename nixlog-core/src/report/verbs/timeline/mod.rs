//! `timeline`: what ran where and when.

mod layout;

pub use layout::Options;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::critical_path::SegmentKind;
use crate::analysis::critical_path::Wait;
use crate::analysis::evaluation::Evaluation;
use crate::analysis::inside::{Inside, Step};
use crate::analysis::lanes::{CriticalStep, Group, Lanes, Placed};
use crate::analysis::load::traffic;
use crate::analysis::run_graph::RunGraph;
use crate::intervals::concurrency;
use crate::names::named;
use crate::report::document::Document;
use crate::report::envelope::{Answer, Input, Report, nanos};
use crate::report::evaluation_waits::{EvaluationWaitView, evaluation_waits};
use crate::report::unit::{UnitView, unit_view};
use crate::time::{Interval, Nanos, Stamp};
use crate::timeline::{Part, Timeline, Unit, UnitKind};

/// The result of `timeline`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct TimelineResult {
    /// The whole wall time.
    pub wall_ns: Option<u64>,
    /// How many units are on a lane.
    pub units: usize,
    /// How many are on none, since they have no known start or end.
    pub units_without_times: usize,
    /// How many are on none, since they were not asked for.
    pub units_not_wanted: usize,
    /// The chain that explains the wall time; empty where it is not known.
    pub critical_path: Vec<StepView>,
    /// What ran where. No two units on a lane are drawn at once.
    pub lanes: Vec<LaneView>,
    /// What changed over time.
    pub counters: Vec<CounterView>,
    /// When evaluation stood still for the store, and for what.
    pub evaluation_waits: Vec<EvaluationWaitView>,
    /// What needs what, for drawings; empty where nobody asked. Programs find it in `graph`.
    #[serde(skip)]
    pub needs: Vec<NeedsView>,
}

/// What a unit needs, directly.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NeedsView {
    /// All that it needs is known, and of all that whether it ran.
    pub is_known: bool,
    /// Indices into [`TimelineResult::needs`].
    pub of: Vec<u32>,
}

/// One lane: a build slot, or a place among downloads, queries …
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct LaneView {
    /// What runs on it.
    pub group: Group,
    /// The remote machine; `null` for this one.
    pub machine: Option<String>,
    /// Its number within the group and the machine, from 1.
    pub slot: usize,
    /// For how long anything was drawn on it.
    pub busy_ns: u64,
    /// What ran on it, in order.
    pub units: Vec<PlacedView>,
}

/// A unit on a lane.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct PlacedView {
    /// The unit, as in other reports.
    #[serde(flatten)]
    pub unit: UnitView,
    /// Where it is drawn from.
    pub drawn_start_ns: u64,
    /// Where it is drawn to: its end, or the next start on its lane, where that comes up to 5 ms
    /// sooner, since ends are told late.
    pub drawn_end_ns: u64,
    /// What it was doing, where that is not one thing all the time.
    pub stretches: Vec<StretchView>,
    /// What happened inside it, for a trace: see [`TimelineResult::with_steps`] and
    /// [`with_files`](TimelineResult::with_files).
    #[serde(skip)]
    pub steps: Vec<StepSliceView>,
    /// Its place among the units of the timeline.
    #[serde(skip)]
    index: usize,
}

/// A step of a build or a file of evaluation, as far as it can be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StepSliceView {
    /// What the tool calls it; the file.
    pub name: String,
    /// What it was for, or `file`.
    pub kind: &'static str,
    /// From when it was at work, as far as lines tell.
    pub start_ns: u64,
    /// Until when.
    pub end_ns: u64,
}

/// What a unit was doing for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct StretchView {
    /// A part of a phase, as in `phases`.
    pub part: Part,
    /// From when.
    pub start_ns: u64,
    /// Until when.
    pub end_ns: u64,
}

/// One step of the critical path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct StepView {
    /// A unit's kind, or `wait`.
    pub kind: SegmentKind,
    /// The unit's name, or what was waited for.
    pub name: String,
    /// Why it waited, as in `critical-path`; `null` where it did not.
    pub reason: Option<Wait>,
    /// From when.
    pub start_ns: u64,
    /// Until when.
    pub end_ns: u64,
    /// The lane that the unit is on, as an index into `lanes`, and its place there.
    pub place: Option<(usize, usize)>,
}

named! {
    /// What changes over time.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Counter {
        /// How many builds run.
        RunningBuilds = "running-builds",
        /// How many downloads run.
        RunningDownloads = "running-downloads",
        /// How much comes in.
        Transferred = "transferred",
    }
}

named! {
    /// What a counter counts in.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum CounterUnit {
        /// Units.
        Units = "units",
        /// Bytes per second.
        BytesPerSecond = "bytes-per-second",
    }
}

/// A number that changes over time: from each instant on, the value beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct CounterView {
    /// What is counted.
    pub counter: Counter,
    /// In what.
    pub unit: CounterUnit,
    /// The highest value.
    pub peak: u64,
    /// The instants.
    pub at_ns: Vec<u64>,
    /// The values.
    pub values: Vec<u64>,
}

impl Answer for TimelineResult {
    const SCHEMA: &'static str = "nixlog.timeline/1";
    type From = Input;
    type Options = Options;

    fn document(report: &Report<Self>, options: &Options) -> Document {
        layout::document(report, *options)
    }
}

/// Makes the result of `timeline`. `run` has what needs what, where that is known and asked for; `wanted`
/// chooses among the units; those that are left stay on the lanes that all of them together were given.
#[must_use]
pub fn result(
    timeline: &Timeline,
    lanes: &Lanes,
    critical: &[CriticalStep],
    run: Option<&RunGraph>,
    wanted: impl Fn(&UnitView) -> bool,
) -> TimelineResult {
    let mut on_path = vec![false; timeline.units().len()];
    let mut places: Vec<Option<(usize, usize)>> = vec![None; timeline.units().len()];
    for unit in critical.iter().filter_map(|step| step.unit) {
        if let Some(is_on_path) = on_path.get_mut(unit) {
            *is_on_path = true;
        }
    }
    let (mut views, mut drawn, mut not_wanted) = (Vec::new(), Vec::new(), 0);
    for lane in &lanes.lanes {
        let mut units = Vec::with_capacity(lane.units.len());
        for placed in &lane.units {
            let unit = &timeline.units()[placed.unit];
            let mut view = unit_view(timeline, unit);
            if !wanted(&view) {
                not_wanted += 1;
                continue;
            }
            view.on_critical_path = (!critical.is_empty()).then_some(on_path[placed.unit]);
            places[placed.unit] = Some((views.len(), units.len()));
            drawn.push(placed.unit);
            units.push(placed_view(unit, view, placed));
        }
        if !units.is_empty() {
            views.push(LaneView {
                group: lane.group,
                machine: lane.machine.map(|name| timeline.name(name).to_owned()),
                slot: lane.slot + 1,
                busy_ns: units.iter().map(PlacedView::length).sum(),
                units,
            });
        }
    }
    let needs = run.map_or_else(Vec::new, |run| needs(run, &drawn));
    drawn.sort_unstable();
    let units: Vec<&Unit> = drawn.iter().map(|&unit| &timeline.units()[unit]).collect();
    TimelineResult {
        wall_ns: nanos(timeline.wall().map(Interval::length)),
        units: units.len(),
        units_without_times: lanes.unplaced.len(),
        units_not_wanted: not_wanted,
        critical_path: steps(timeline, critical, &places),
        lanes: views,
        counters: timeline
            .wall()
            .map_or_else(Vec::new, |wall| counters(wall, &units)),
        evaluation_waits: evaluation_waits(timeline),
        needs,
    }
}

/// Returns what each of some units needs, in their order, then the same for what did not run but stands
/// between two that did: putting edges in its place could take the square of them.
fn needs(run: &RunGraph, drawn: &[usize]) -> Vec<NeedsView> {
    let mut nodes: Vec<Option<u32>> = drawn.iter().map(|&unit| run.node_of(unit)).collect();
    let between = (0..).zip(run.nodes());
    let between = between.filter(|(_, node)| node.unit.is_none() && node.evaluation.is_none());
    nodes.extend(between.map(|(number, _)| Some(number)));
    let mut places = vec![None; run.nodes().len()];
    for (place, node) in (0_u32..).zip(&nodes) {
        if let Some(node) = node {
            places[*node as usize] = Some(place);
        }
    }
    let view = |node: u32| NeedsView {
        is_known: run.nodes()[node as usize].known,
        of: run
            .dag()
            .dependencies(node)
            .iter()
            .filter_map(|&to| places[to as usize])
            .collect(),
    };
    nodes
        .into_iter()
        .map(|node| node.map(view).unwrap_or_default())
        .collect()
}

impl TimelineResult {
    /// Takes in what is known of the insides of builds, by their places: a trace shows their steps.
    #[must_use]
    pub fn with_steps(mut self, insides: &BTreeMap<usize, Inside>) -> Self {
        for placed in self.lanes.iter_mut().flat_map(|lane| &mut lane.units) {
            let steps = insides
                .get(&placed.index)
                .map(|inside| inside.trace.steps());
            placed.steps = steps.into_iter().flatten().filter_map(slice).collect();
        }
        self
    }

    /// Takes in at which files evaluation was: a trace and a page show it.
    #[must_use]
    pub fn with_files(mut self, evaluation: &Evaluation) -> Self {
        let units = self.lanes.iter_mut().flat_map(|lane| &mut lane.units);
        let mut units = units.filter(|placed| placed.unit.kind == UnitKind::Evaluation);
        if let Some(placed) = units.next() {
            let files = evaluation.files.iter();
            let stretches = files.flat_map(|file| file.stretches.iter().map(move |at| (file, at)));
            let mut steps: Vec<StepSliceView> = stretches
                .map(|(file, at)| StepSliceView {
                    name: file.name.to_string(),
                    kind: FILE,
                    start_ns: at.start().as_nanos(),
                    end_ns: at.end().as_nanos(),
                })
                .collect();
            steps.sort_by_key(|step| step.start_ns);
            placed.steps = steps;
        }
        self
    }
}

/// What a step of evaluation is.
const FILE: &str = "file";

fn slice(step: &Step) -> Option<StepSliceView> {
    let interval = step.at_work()?;
    Some(StepSliceView {
        name: step.name.clone(),
        kind: step.kind.name(),
        start_ns: interval.start().as_nanos(),
        end_ns: interval.end().as_nanos(),
    })
}

impl PlacedView {
    /// Returns for how long it is drawn.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.drawn_end_ns.saturating_sub(self.drawn_start_ns)
    }
}

fn placed_view(unit: &Unit, view: UnitView, placed: &Placed) -> PlacedView {
    let clipped = || {
        let stretches = unit.stretches.iter();
        stretches.filter_map(|s| Some((s.part, s.interval.clip(placed.interval)?)))
    };
    // One that fills the whole unit says nothing.
    let whole = clipped().all(|(_, interval)| interval == placed.interval);
    let stretches = clipped().filter(|(_, interval)| !whole && interval.length() > Nanos::ZERO);
    PlacedView {
        unit: view,
        drawn_start_ns: placed.interval.start().as_nanos(),
        drawn_end_ns: placed.interval.end().as_nanos(),
        steps: Vec::new(),
        index: placed.unit,
        stretches: stretches
            .map(|(part, interval)| StretchView {
                part,
                start_ns: interval.start().as_nanos(),
                end_ns: interval.end().as_nanos(),
            })
            .collect(),
    }
}

fn steps(
    timeline: &Timeline,
    critical: &[CriticalStep],
    places: &[Option<(usize, usize)>],
) -> Vec<StepView> {
    let step = |step: &CriticalStep| {
        let unit = step.unit.and_then(|unit| timeline.units().get(unit));
        let name = match unit {
            Some(unit) if step.label.is_empty() => unit_view(timeline, unit).name,
            _ => step.label.clone(),
        };
        StepView {
            kind: step.kind.map_or(SegmentKind::Wait, SegmentKind::Unit),
            name,
            reason: step.reason,
            start_ns: step.interval.start().as_nanos(),
            end_ns: step.interval.end().as_nanos(),
            place: step.unit.and_then(|unit| places.get(unit).copied()?),
        }
    };
    critical.iter().map(step).collect()
}

fn counters(wall: Interval, units: &[&Unit]) -> Vec<CounterView> {
    let builds = units
        .iter()
        .filter(|unit| Group::of(unit.kind) == Group::Builds);
    let builds = builds.filter_map(|unit| unit.interval());
    let stretches = units.iter().flat_map(|unit| &unit.stretches);
    let downloads = stretches.filter(|stretch| stretch.part == Part::Downloads);
    let downloads = downloads.map(|stretch| stretch.interval);
    let mut counters = vec![
        count(Counter::RunningBuilds, &concurrency(builds)),
        count(Counter::RunningDownloads, &concurrency(downloads)),
    ];
    let traffic = traffic(wall, units.iter().copied());
    let (mut at, mut values) = (Vec::new(), Vec::new());
    for (index, &bytes) in (0_u64..).zip(&traffic.bytes) {
        let value = per_second(bytes, traffic.step);
        if values.last().copied().unwrap_or(0) != value {
            at.push(wall.start().as_nanos() + index * traffic.step.get());
            values.push(value);
        }
    }
    if values.last().is_some_and(|&last| last > 0) {
        at.push(wall.end().as_nanos());
        values.push(0);
    }
    counters.push(counter(
        Counter::Transferred,
        CounterUnit::BytesPerSecond,
        at,
        values,
    ));
    counters.retain(|counter| counter.peak > 0);
    counters
}

fn per_second(bytes: u64, step: Nanos) -> u64 {
    let rate = u128::from(bytes) * 1_000_000_000 / u128::from(step.get().max(1));
    u64::try_from(rate).unwrap_or(u64::MAX)
}

fn count(counted: Counter, steps: &[(Stamp, usize)]) -> CounterView {
    let at = steps.iter().map(|(at, _)| at.as_nanos()).collect();
    let values = steps.iter().map(|&(_, n)| n as u64).collect();
    counter(counted, CounterUnit::Units, at, values)
}

fn counter(counter: Counter, unit: CounterUnit, at_ns: Vec<u64>, values: Vec<u64>) -> CounterView {
    CounterView {
        counter,
        unit,
        peak: values.iter().copied().max().unwrap_or(0),
        at_ns,
        values,
    }
}
