//! `cache-candidates`: what would save most if it came from a cache.

mod layout;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::cache_candidates::{Candidates, LeftOut, Pick};
use crate::analysis::makespan::Makespan;
use crate::analysis::run_graph::RunGraph;
use crate::analysis::slots::SlotsSource;
use crate::graph::DerivationGraph;
use crate::report::coverage::CoverageView;
use crate::report::document::Document;
use crate::report::envelope::{Answer, Input, Report, nanos, share};
use crate::report::simulated::{ReplayView, replay_view, slots};
use crate::report::table::Names;
use crate::report::unit::{UnitBrief, brief};
use crate::time::Interval;
use crate::timeline::Timeline;

/// The result of `cache-candidates`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct CacheCandidatesResult {
    /// How well the simulation replays the recording.
    pub replay: ReplayView,
    /// The local slots of the recording.
    pub slots: Option<u32>,
    /// Where the number of slots comes from.
    pub slots_source: Option<SlotsSource>,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct LeftOutView {
    /// Why.
    pub reason: LeftOut,
    /// How many.
    pub count: usize,
}

/// A build that is worth having in a cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
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

impl Answer for CacheCandidatesResult {
    const SCHEMA: &'static str = "nixlog.cache-candidates/1";
    type From = Input;
    type Options = Names;

    fn document(report: &Report<Self>, names: &Names) -> Document {
        layout::document(report, *names)
    }
}

/// Makes the result of `cache-candidates`; `picks` is `None` of a log that has no answer. `bytes` tells
/// how large what a unit makes is.
#[must_use]
pub fn result(
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
        replay: replay_view(makespan, picks.is_some()),
        slots: slots(makespan),
        slots_source: slots(makespan).and(makespan).map(Makespan::slots_source),
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
    let view = |(reason, count): (LeftOut, usize)| LeftOutView { reason, count };
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
