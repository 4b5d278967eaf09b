//! The results of `what-if` and `cache-candidates`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::bottlenecks::slots_source;
use super::critical_path::CoverageView;
use super::parallelism::ReplayView;
use super::scheduling::{SchedulingView, scheduling};
use super::unit::{UnitBrief, brief};
use super::{nanos, share};
use crate::analysis::cache_candidates::{Candidates, LeftOut, Pick};
use crate::analysis::makespan::Makespan;
use crate::analysis::run_graph::RunGraph;
use crate::analysis::what_if::WhatIf;
use crate::graph::DerivationGraph;
use crate::time::{Interval, Nanos};
use crate::timeline::Timeline;

/// The result of `what-if`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct WhatIfResult {
    /// What was asked.
    pub changes: Vec<ChangeView>,
    /// How well the simulation replays the recording.
    pub replay: ReplayView,
    /// The local slots of the recording.
    pub slots: Option<u32>,
    /// Where the number of slots comes from: `given`, `settings` of the recorded run, or
    /// `seen` running at once.
    pub slots_source: Option<&'static str>,
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

/// Something that was asked, and how much of the build it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ChangeView {
    /// `max-jobs`, `machines`, `cached`, `remove`, `speedup`, `skip-phase`, `substitution-bandwidth`.
    pub change: &'static str,
    /// What was given with it, as on the command line.
    pub value: String,
    /// How many units it is about; `null` where it is about none in particular.
    pub units: Option<usize>,
}

impl ChangeView {
    /// Makes one.
    #[must_use]
    pub const fn new(change: &'static str, value: String, units: Option<usize>) -> Self {
        Self {
            change,
            value,
            units,
        }
    }
}

/// A unit that would be critical.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ThenCriticalView {
    /// The unit, as it was.
    #[serde(flatten)]
    pub unit: UnitBrief,
    /// How long it would take.
    pub then_duration_ns: u64,
}

/// Makes the result of `what-if`; without an answer, of a log that has none.
#[must_use]
pub fn what_if(
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
        replay: replay(makespan, answer.is_some()),
        slots: slots(makespan),
        slots_source: slots(makespan).and(makespan).map(slots_source),
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

fn slots(makespan: Option<&Makespan>) -> Option<u32> {
    let slots = makespan.map(Makespan::local_slots);
    slots.filter(|&slots| slots > 0)
}

fn replay(makespan: Option<&Makespan>, answered: bool) -> ReplayView {
    let makespan = makespan.filter(|_| answered);
    makespan
        .map(|makespan| makespan.replay().into())
        .unwrap_or_default()
}

fn saving_share(answer: &WhatIf) -> Option<f64> {
    let saving = answer.saving();
    let share = share(Some(saving.unsigned_abs()), Some(answer.baseline.get()))?;
    Some(if saving < 0 { -share } else { share })
}

/// The result of `cache-candidates`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CacheCandidatesResult {
    /// How well the simulation replays the recording.
    pub replay: ReplayView,
    /// The local slots of the recording.
    pub slots: Option<u32>,
    /// Where the number of slots comes from: `given`, `settings` of the recorded run, or
    /// `seen` running at once.
    pub slots_source: Option<&'static str>,
    /// The makespan of the build as it was, simulated in Nix's own order.
    pub baseline_ns: Option<u64>,
    /// The makespan with all picks.
    pub predicted_ns: Option<u64>,
    /// How much shorter it is with all picks.
    pub saving_ns: Option<u64>,
    /// That over the makespan of the build as it was.
    pub saving_share: Option<f64>,
    /// The wall time of the whole invocation.
    pub wall_ns: Option<u64>,
    /// The same with all picks.
    pub predicted_wall_ns: Option<u64>,
    /// The picks, in the order in which they were made.
    pub picks: Vec<PickView>,
    /// How many builds were no candidates, by reason.
    pub left_out: Vec<LeftOutView>,
    /// Bytes per second of one download, as measured.
    pub bandwidth_bps: Option<u64>,
    /// How many of the picks have no known size or rate, and so count as nothing.
    pub unknown_downloads: usize,
    /// How much of what ran the derivations at hand explain.
    pub coverage: CoverageView,
}

/// Builds that were no candidates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LeftOutView {
    /// `requested`, `not-substituted` (`allowSubstitutes = false`), `failed` or `excluded`.
    pub reason: &'static str,
    /// How many.
    pub count: usize,
}

/// A build that is worth having in a cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PickView {
    /// The build.
    #[serde(flatten)]
    pub unit: UnitBrief,
    /// The store paths that it makes, as far as they are known.
    pub outputs: Vec<String>,
    /// How many units need it, directly or not.
    pub transitive_dependents: usize,
    /// How much shorter everything gets by this pick, with those before it.
    pub saving_ns: u64,
    /// How much shorter everything is with all picks so far.
    pub together_ns: u64,
    /// How many other units need not run any more by this pick.
    pub gone_units: usize,
    /// Bytes of what it makes, unpacked.
    pub unpacked_bytes: Option<u64>,
}

/// Makes the result of `cache-candidates`; `picks` is `None` of a log that has no answer. `bytes` tells
/// how large what a unit makes is.
#[must_use]
pub fn cache_candidates(
    timeline: &Timeline,
    run: &RunGraph,
    graph: &DerivationGraph,
    makespan: Option<&Makespan>,
    candidates: &Candidates,
    picks: Option<&[Pick]>,
    bytes: impl Fn(usize) -> Option<u64>,
) -> CacheCandidatesResult {
    let makespan = makespan.filter(|_| picks.is_some());
    let baseline = makespan.map(|makespan| makespan.baseline().makespan.get());
    let last = picks.and_then(<[Pick]>::last);
    let together = picks.map(|_| last.map_or(0, |pick| pick.together.get()));
    let wall = nanos(timeline.wall().map(Interval::length));
    let mut gone = 0;
    let mut view = |pick: &Pick| {
        let before = std::mem::replace(&mut gone, pick.answer.gone.len());
        PickView {
            unit: brief(timeline, pick.unit),
            outputs: outputs(timeline, run, graph, pick.unit),
            transitive_dependents: pick.dependents,
            saving_ns: pick.saving.get(),
            together_ns: pick.together.get(),
            gone_units: pick.answer.gone.len().saturating_sub(before),
            unpacked_bytes: bytes(pick.unit),
        }
    };
    CacheCandidatesResult {
        replay: replay(makespan, picks.is_some()),
        slots: slots(makespan),
        slots_source: slots(makespan).and(makespan).map(slots_source),
        baseline_ns: baseline,
        predicted_ns: baseline.zip(together).map(|(all, saved)| all - saved),
        saving_ns: together,
        saving_share: share(together, baseline),
        wall_ns: wall,
        predicted_wall_ns: wall
            .zip(together)
            .map(|(all, saved)| all.saturating_sub(saved)),
        picks: picks.unwrap_or_default().iter().map(&mut view).collect(),
        left_out: left_out(candidates),
        bandwidth_bps: last.and_then(|pick| pick.answer.bandwidth),
        unknown_downloads: last.map_or(0, |pick| pick.answer.unknown_downloads),
        coverage: run.coverage().into(),
    }
}

fn left_out(candidates: &Candidates) -> Vec<LeftOutView> {
    let mut counts: BTreeMap<LeftOut, usize> = BTreeMap::new();
    for &(_, reason) in &candidates.left_out {
        *counts.entry(reason).or_default() += 1;
    }
    let view = |(reason, count): (LeftOut, usize)| LeftOutView {
        reason: reason.name(),
        count,
    };
    counts.into_iter().map(view).collect()
}

/// Returns the store paths that a unit makes, in the folder that its own path is in.
fn outputs(
    timeline: &Timeline,
    run: &RunGraph,
    graph: &DerivationGraph,
    unit: usize,
) -> Vec<String> {
    let node = run.node_of(unit).map(|node| run.nodes()[node as usize]);
    let Some(node) = node.and_then(|node| node.node) else {
        return Vec::new();
    };
    let own = timeline.name(timeline.units()[unit].subject);
    let store = own
        .rsplit_once('/')
        .map_or("/nix/store", |(store, _)| store);
    let outputs = graph.node(node).outputs.iter();
    let paths = outputs.filter_map(|output| output.path.as_deref());
    paths.map(|path| format!("{store}/{path}")).collect()
}
