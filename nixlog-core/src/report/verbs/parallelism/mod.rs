//! `parallelism`: how many builds could run at once, and what more slots would give.

mod layout;

pub use layout::Options;

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::makespan::Makespan;
use crate::analysis::parallelism::{Parallelism, Possible};
use crate::analysis::run_graph::RunGraph;
use crate::analysis::simulation::Step;
use crate::analysis::slots::SlotsSource;
use crate::report::coverage::CoverageView;
use crate::report::document::Document;
use crate::report::envelope::{Answer, Input, Report, nanos, share};
use crate::report::simulated::{ReplayView, SchedulingView, scheduling};
use crate::time::{Interval, Nanos};
use crate::timeline::Timeline;

/// The result of `parallelism`.
///
/// What depends on durations is `null` without timestamps; what depends on the graph, where nothing is
/// known of what depends on what.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ParallelismResult {
    /// The whole wall time.
    pub wall_ns: Option<u64>,
    /// Builds, source fetches and substitutions that ran.
    pub units: usize,
    /// The sum of their durations (T1).
    pub work_ns: Option<u64>,
    /// The longest path by duration (T∞).
    pub span_ns: Option<u64>,
    /// From the first of their starts to the last of their ends.
    pub makespan_ns: Option<u64>,
    /// Work over span: how many slots the graph can keep busy on average.
    pub parallelism: Option<f64>,
    /// How much of the work is not on the longest path, as a fraction.
    pub parallelizable: Option<f64>,
    /// The slots for builds: those of this machine and of the remote ones.
    pub slots: Option<u32>,
    /// The slots of this machine alone: what the sweep varies.
    pub local_slots: Option<u32>,
    /// Where the number of local slots comes from.
    pub slots_source: Option<SlotsSource>,
    /// How much of the time of all slots was spent on builds.
    pub utilization: Option<f64>,
    /// For how long each number of builds ran at once.
    pub concurrency: Vec<ConcurrencyView>,
    /// How well the simulation replays the recording.
    pub replay: ReplayView,
    /// What the simulation makes of the build in Nix's own order: what all others are compared with.
    pub baseline_ns: Option<u64>,
    /// What each number of local slots would give.
    pub sweep: Vec<SweepStepView>,
    /// The fewest slots with which it takes at most 1 % longer than with the best number.
    pub knee_slots: Option<u32>,
    /// What the longest chain first would take, on the slots there were.
    pub critical_path_first_ns: Option<u64>,
    /// How much longer Nix's order takes than that.
    pub scheduling_loss_ns: Option<u64>,
    /// How much of the makespan is Nix's own time.
    pub overhead_ns: Option<u64>,
    /// What it would take with no limit of local slots.
    pub unlimited_ns: Option<u64>,
    /// By which rules and within which limits that is; the range is that of `baseline_ns`.
    pub scheduling: Option<SchedulingView>,
    /// The knee if there were as many build users as slots; `null` where these hold nothing back.
    pub with_build_users_slots: Option<u32>,
    /// What it would take then.
    pub with_build_users_ns: Option<u64>,
    /// How much of what ran the derivations at hand explain.
    pub coverage: CoverageView,
}

/// For how long a number of builds ran at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ConcurrencyView {
    /// How many.
    pub running: usize,
    /// For how long.
    pub busy_ns: u64,
}

/// What a number of local slots would give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct SweepStepView {
    /// How many.
    pub slots: u32,
    /// No schedule is shorter.
    pub lower_ns: u64,
    /// What the simulation says.
    pub predicted_ns: u64,
    /// None is longer.
    pub upper_ns: u64,
}

impl From<&Step> for SweepStepView {
    fn from(step: &Step) -> Self {
        Self {
            slots: step.slots,
            lower_ns: step.lower.get(),
            predicted_ns: step.predicted.get(),
            upper_ns: step.upper.get(),
        }
    }
}

impl Answer for ParallelismResult {
    const SCHEMA: &'static str = "nixlog.parallelism/1";
    type From = Input;
    type Options = Options;

    fn document(report: &Report<Self>, options: &Options) -> Document {
        layout::document(report, *options)
    }
}

/// Makes the result of `parallelism`; without `found`, of a log without times or without anything to
/// schedule.
#[must_use]
pub fn result(
    timeline: &Timeline,
    run: &RunGraph,
    makespan: Option<&Makespan>,
    found: Option<&Parallelism>,
) -> ParallelismResult {
    let known = found.and_then(|it| it.possible.as_ref());
    let of_graph = |field: fn(&Possible) -> Nanos| known.map(|it| field(it).get());
    let n_units = run.nodes().iter().filter(|node| node.unit.is_some());
    let local = found
        .map(|it| it.local_slots)
        .filter(|&local_slots| local_slots > 0);
    let span = of_graph(|it| it.span);
    let work = nanos(found.map(|it| it.work));
    ParallelismResult {
        wall_ns: nanos(timeline.wall().map(Interval::length)),
        units: n_units.count(),
        work_ns: work,
        span_ns: span,
        makespan_ns: nanos(found.map(|it| it.makespan)),
        parallelism: share(work, span),
        parallelizable: share(span, work).map(|serial| (1.0 - serial).max(0.0)),
        slots: found.map(|it| it.slots).filter(|&slots| slots > 0),
        local_slots: local,
        slots_source: found.filter(|_| local.is_some()).map(|it| it.slots_source),
        utilization: found.and_then(utilization),
        concurrency: found.map(concurrency).unwrap_or_default(),
        replay: known.map(|it| it.replay.into()).unwrap_or_default(),
        baseline_ns: of_graph(|it| it.baseline),
        sweep: known
            .map(|it| it.sweep.steps.iter().map(SweepStepView::from).collect())
            .unwrap_or_default(),
        knee_slots: known.and_then(|it| it.sweep.knee),
        critical_path_first_ns: of_graph(|it| it.critical_path_first),
        scheduling_loss_ns: of_graph(Possible::scheduling_loss),
        overhead_ns: of_graph(|it| it.overhead),
        unlimited_ns: of_graph(|it| it.unlimited),
        scheduling: known
            .zip(makespan)
            .map(|(it, makespan)| scheduling(makespan, it.orders)),
        with_build_users_slots: known.and_then(|it| Some(it.with_build_users?.0)),
        with_build_users_ns: known.and_then(|it| Some(it.with_build_users?.1.get())),
        coverage: run.coverage().into(),
    }
}

fn concurrency(found: &Parallelism) -> Vec<ConcurrencyView> {
    let times = found.concurrency.iter().enumerate();
    let times = times.map(|(running, time)| ConcurrencyView {
        running,
        busy_ns: time.get(),
    });
    times.collect()
}

/// Returns the work of all builds over the time of all slots.
fn utilization(found: &Parallelism) -> Option<f64> {
    let times = found.concurrency.iter().zip(0_u64..);
    let work = times.fold(0, |sum: u64, (time, running)| {
        sum.saturating_add(time.get().saturating_mul(running))
    });
    let room = found.makespan.get().checked_mul(found.slots.into())?;
    // The log has ends a little late, so that more may seem to run than there are slots.
    share(Some(work), Some(room)).map(|share| share.min(1.0))
}
