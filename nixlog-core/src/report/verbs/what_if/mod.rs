//! `what-if`: how long the build would take if something were otherwise.

mod layout;

pub use layout::Options;

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::makespan::Makespan;
use crate::analysis::run_graph::RunGraph;
use crate::analysis::slots::SlotsSource;
use crate::analysis::what_if::WhatIf;
use crate::names::named;
use crate::report::coverage::CoverageView;
use crate::report::document::Document;
use crate::report::envelope::{Answer, Input, Report, nanos, share};
use crate::report::simulated::{ReplayView, SchedulingView, replay_view, scheduling, slots};
use crate::report::unit::{UnitBrief, brief};
use crate::time::{Interval, Nanos};
use crate::timeline::Timeline;

/// The result of `what-if`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct WhatIfResult {
    /// What was asked.
    pub changes: Vec<ChangeView>,
    /// How well the simulation replays the recording.
    pub replay: ReplayView,
    /// The local slots of the recording.
    pub slots: Option<u32>,
    /// Where the number of slots comes from.
    pub slots_source: Option<SlotsSource>,
    /// The makespan of the build as it was, simulated in Nix's own order.
    pub baseline_ns: Option<u64>,
    /// The makespan with all changes.
    pub predicted_ns: Option<u64>,
    /// No schedule is shorter than this.
    pub lower_ns: Option<u64>,
    /// None is longer than this.
    pub upper_ns: Option<u64>,
    /// By how much it would be shorter; negative where it would be longer.
    pub saving_ns: Option<i64>,
    /// That over the makespan of the build as it was.
    pub saving_share: Option<f64>,
    /// How much less there would be to do, Nix's own time included. What is saved beyond that comes from
    /// builds starting in another order.
    pub less_work_ns: Option<u64>,
    /// The wall time of the whole invocation.
    pub wall_ns: Option<u64>,
    /// The same with all changes: less the saving, evaluation and all that stays as it was included.
    pub predicted_wall_ns: Option<u64>,
    /// The units that would explain the makespan then, in the order of time.
    pub then_critical: Vec<ThenCriticalView>,
    /// What would not run any more.
    pub gone: Vec<UnitBrief>,
    /// What would be downloaded in place of built.
    pub downloaded: Vec<UnitBrief>,
    /// The bytes of these downloads, unpacked; `null` where no size is known.
    pub download_bytes: Option<u64>,
    /// How many of them have no known size or rate, and so count as nothing.
    pub unknown_downloads: usize,
    /// Bytes per second of one download, as measured or as asked for.
    pub bandwidth_bps: Option<u64>,
    /// By which rules and within which limits that is; the range is that of `predicted_ns`.
    pub scheduling: Option<SchedulingView>,
    /// The makespan with all changes and as many build users as slots; `null` where these hold nothing
    /// back.
    pub with_build_users_ns: Option<u64>,
    /// How much of what ran the derivations at hand explain.
    pub coverage: CoverageView,
}

named! {
    /// What can be asked.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum ChangeKind {
        /// Other `max-jobs`.
        MaxJobs = "max-jobs",
        /// More machines.
        Machines = "machines",
        /// Builds that come from a cache.
        Cached = "cached",
        /// Units that take no time.
        Remove = "remove",
        /// Units that are faster.
        Speedup = "speedup",
        /// Builds without a builder phase.
        SkipPhase = "skip-phase",
        /// Downloads at another rate.
        SubstitutionBandwidth = "substitution-bandwidth",
    }
}

/// Something that was asked, and how much of the build it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ChangeView {
    /// What kind of change.
    pub change: ChangeKind,
    /// What was given with it, as on the command line.
    pub value: String,
    /// How many units it is about; `null` where it is about none in particular.
    pub units: Option<usize>,
}

impl ChangeView {
    /// Makes one.
    #[must_use]
    pub const fn new(change: ChangeKind, value: String, units: Option<usize>) -> Self {
        Self {
            change,
            value,
            units,
        }
    }
}

/// A unit that would be critical.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ThenCriticalView {
    /// The unit, as it was.
    #[serde(flatten)]
    pub unit: UnitBrief,
    /// How long it would take.
    pub then_duration_ns: u64,
}

impl Answer for WhatIfResult {
    const SCHEMA: &'static str = "nixlog.what-if/1";
    type From = Input;
    type Options = Options;

    fn document(report: &Report<Self>, options: &Options) -> Document {
        layout::document(report, *options)
    }
}

/// Makes the result of `what-if`; without an answer, of a log that has none.
#[must_use]
pub fn result(
    timeline: &Timeline,
    run: &RunGraph,
    makespan: Option<&Makespan>,
    changes: Vec<ChangeView>,
    answer: Option<&WhatIf>,
) -> WhatIfResult {
    let briefs = |units: &[usize]| units.iter().map(|&unit| brief(timeline, unit)).collect();
    let wall = nanos(timeline.wall().map(Interval::length));
    let saving = answer.map(WhatIf::saving);
    let then = |&(unit, took): &(usize, Nanos)| ThenCriticalView {
        unit: brief(timeline, unit),
        then_duration_ns: took.get(),
    };
    let downloads = answer.map_or(&[][..], |answer| &answer.downloaded);
    let bytes = answer.map(|answer| answer.download_bytes);
    WhatIfResult {
        changes,
        replay: replay_view(makespan, answer.is_some()),
        slots: slots(makespan),
        slots_source: slots(makespan).and(makespan).map(Makespan::slots_source),
        baseline_ns: answer.map(|answer| answer.baseline.get()),
        predicted_ns: answer.map(|answer| answer.predicted.get()),
        lower_ns: answer.map(|answer| answer.bounds.lower.get()),
        upper_ns: answer.map(|answer| answer.bounds.upper.get()),
        saving_ns: saving,
        saving_share: answer.and_then(saving_share),
        less_work_ns: answer.map(|answer| answer.less_work.get()),
        wall_ns: wall,
        predicted_wall_ns: wall
            .zip(saving)
            .map(|(wall, saving)| wall.saturating_add_signed(saving.saturating_neg())),
        then_critical: answer
            .map(|answer| answer.then_critical.iter().map(then).collect())
            .unwrap_or_default(),
        gone: answer
            .map(|answer| briefs(&answer.gone))
            .unwrap_or_default(),
        downloaded: briefs(downloads),
        download_bytes: bytes.filter(|&bytes| bytes > 0 && !downloads.is_empty()),
        unknown_downloads: answer.map_or(0, |answer| answer.unknown_downloads),
        bandwidth_bps: answer.and_then(|answer| answer.bandwidth),
        scheduling: answer
            .zip(makespan)
            .map(|(answer, makespan)| scheduling(makespan, answer.orders)),
        with_build_users_ns: answer.and_then(|answer| Some(answer.with_build_users?.get())),
        coverage: run.coverage().into(),
    }
}

fn saving_share(answer: &WhatIf) -> Option<f64> {
    let saving = answer.saving();
    let share = share(Some(saving.unsigned_abs()), Some(answer.baseline.get()))?;
    Some(if saving < 0 { -share } else { share })
}
