//! What failed, why, and what could not be built for it.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;

use super::excerpts::{Excerpt, Excerpts, LogSource};
use crate::build_log::causes::{Cause, LogLine, Meaning};
use crate::graph::{DerivationGraph, NodeIdx, NodeKind};
use crate::store_path::base_name;
use crate::timeline::{
    CacheEvent, CacheFault, FailureKind, Name, Outcome, Timeline, Unit, UnitKind,
};

/// All that failed.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Failures {
    /// What failed by itself: what kept most from being built first, then in the order of time.
    pub failed: Vec<Failed>,
    /// Derivations that were not built since something that they need failed, by path, sorted: those that
    /// the log names, and those that it had planned.
    pub blocked: Vec<String>,
    /// Units that were cut off: by the user, or since something else failed. As indices.
    pub interrupted: Vec<usize>,
}

/// A unit that failed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Failed {
    /// Which, as an index.
    pub unit: usize,
    /// What kind of failure it was.
    pub kind: FailureKind,
    /// What was wrong with the cache that it was to come from, where it is a path and the log tells.
    pub cache_fault: Option<CacheFault>,
    /// A later try succeeded, so that nothing was missing in the end.
    pub recovered: bool,
    /// What names the cause in its log, in its order.
    pub causes: Vec<Cause>,
    /// How many errors of that weight its log had, shown or not.
    pub n_causes: u64,
    /// The last lines of its log.
    pub tail: Vec<LogLine>,
    /// Where the lines come from; `None` where there are none. Those of a message have no true numbers.
    pub log_source: Option<LogSource>,
    /// What was not built for it, as places in [`Failures::blocked`]; `None` where it is not known what
    /// depends on what.
    pub blocked: Option<Vec<usize>>,
}

/// So many steps through the graph are made to find out what waits for what failed.
const MOST_STEPS: usize = 20_000_000;

/// Collects what failed. `excerpts` are of the logs of the builds; of a graph without the derivations that
/// failed nothing is known about what needs them.
#[must_use]
pub fn failures(timeline: &Timeline, graph: &DerivationGraph, excerpts: &Excerpts) -> Failures {
    let units = timeline.units();
    let succeeded = Succeeded::new(timeline);
    let hooks: HashSet<&str, FixedState> = units
        .iter()
        .filter(|unit| unit.kind == UnitKind::PostBuildHook && unit.outcome.is_failure())
        .map(|unit| timeline.name(unit.subject))
        .collect();
    // A build that failed for its hook is told by the hook.
    let is_hooks = |unit: &Unit| {
        let reason = unit.reason.as_deref();
        unit.kind.is_derivation()
            && reason.is_some_and(|reason| reason.kind == FailureKind::Hook)
            && hooks.contains(timeline.name(unit.subject))
    };
    let faults = timeline.cache_remarks().iter();
    let faults: HashMap<Name, CacheFault, FixedState> = faults
        .filter_map(|remark| match remark.event {
            CacheEvent::Failed(fault) if !remark.is_query => Some((remark.path?, fault)),
            _ => None,
        })
        .collect();
    let mut failed: Vec<Failed> = (0..)
        .zip(units)
        .filter(|(_, unit)| unit.outcome.is_failure() && !is_hooks(unit))
        .map(|(index, unit)| {
            let excerpt = unit.activity.and_then(|build| excerpts.of(build));
            let from_message = excerpt.is_none().then(|| quoted(unit)).flatten();
            let excerpt = excerpt.or(from_message.as_ref());
            Failed {
                unit: index,
                kind: kind(unit, excerpt),
                cache_fault: faults
                    .get(&unit.subject)
                    .copied()
                    .filter(|_| unit.kind == UnitKind::Substitution),
                recovered: succeeded.later(unit),
                causes: excerpt.map_or_else(Vec::new, |it| it.finder().causes().0.to_vec()),
                n_causes: excerpt.map_or(0, |it| it.finder().causes().1),
                tail: excerpt.map_or_else(Vec::new, Excerpt::tail),
                log_source: excerpt.map(|it| it.source),
                blocked: None,
            }
        })
        .collect();
    let blocked = attribute(timeline, graph, &mut failed);
    failed.sort_by_key(|it| {
        let n_blocked = it.blocked.as_ref().map_or(0, Vec::len);
        let end = units[it.unit].end;
        // What could not even be started mostly ends the whole call.
        (it.recovered, Reverse(n_blocked), end, it.unit)
    });
    let interrupted = (0..).zip(units);
    Failures {
        failed,
        blocked,
        interrupted: interrupted
            .filter(|(_, unit)| unit.outcome == Outcome::Interrupted && unit.started)
            .map(|(index, _)| index)
            .collect(),
    }
}

/// What succeeded, to find out what was tried again.
struct Succeeded<'a> {
    subjects: HashSet<&'a str, FixedState>,
    timeline: &'a Timeline,
}

impl<'a> Succeeded<'a> {
    fn new(timeline: &'a Timeline) -> Self {
        let units = timeline.units().iter();
        let good = units.filter(|unit| unit.outcome == Outcome::Succeeded);
        Self {
            subjects: good
                .filter(|unit| !matches!(unit.kind, UnitKind::Query | UnitKind::PostBuildHook))
                .map(|unit| timeline.name(unit.subject))
                .collect(),
            timeline,
        }
    }

    fn later(&self, unit: &Unit) -> bool {
        self.subjects.contains(self.timeline.name(unit.subject))
            && !matches!(unit.kind, UnitKind::PostBuildHook | UnitKind::Evaluation)
    }
}

/// Makes an excerpt of the lines that Nix's message quotes.
fn quoted(unit: &Unit) -> Option<Excerpt> {
    let tail = &unit.reason.as_ref()?.log_tail;
    let mut excerpt = Excerpt::default();
    excerpt.source = LogSource::Message;
    for (number, line) in (1..).zip(tail) {
        excerpt.line(number, line, line);
    }
    (!tail.is_empty()).then_some(excerpt)
}

/// Finds out what kind of failure it was: the log may know more than Nix.
fn kind(unit: &Unit, excerpt: Option<&Excerpt>) -> FailureKind {
    let reason = unit.reason.as_deref();
    let told = reason.map_or(FailureKind::Unknown, |reason| reason.kind);
    let is_builders = matches!(
        told,
        FailureKind::Builder
            | FailureKind::Killed
            | FailureKind::OutputMissing
            | FailureKind::Unknown
    );
    let words = reason.and_then(|reason| reason.words.as_deref());
    let is_full = words.is_some_and(|words| words.contains("lack of free disk space"));
    let meaning = excerpt.and_then(|excerpt| excerpt.finder().meaning());
    match (told, meaning) {
        (_, Some(Meaning::DiskFull)) if is_builders => FailureKind::DiskFull,
        (_, Some(Meaning::OutOfMemory)) if is_builders => FailureKind::OutOfMemory,
        _ if is_builders && is_full => FailureKind::DiskFull,
        (FailureKind::Unknown, _) => by_outcome(unit),
        _ => told,
    }
}

/// Says what kind of failure it was where no message does.
const fn by_outcome(unit: &Unit) -> FailureKind {
    match (unit.outcome, unit.kind) {
        (Outcome::TimedOut, _) => FailureKind::TimedOut,
        (Outcome::HashMismatch, _) => FailureKind::HashMismatch,
        (_, UnitKind::Evaluation) => FailureKind::Evaluation,
        (_, UnitKind::Substitution | UnitKind::Query) => FailureKind::Substitution,
        (_, UnitKind::PostBuildHook) => FailureKind::Hook,
        _ => FailureKind::Unknown,
    }
}

/// A derivation that was not built.
struct NotBuilt<'a> {
    path: &'a str,
    /// Something that it needs failed: Nix says so, or it depends on what did.
    is_blocked: bool,
}

/// Returns the derivations that were not built: those of which Nix says that something they need failed, and
/// those that it had planned. Sorted by path.
fn not_built(timeline: &Timeline) -> Vec<NotBuilt<'_>> {
    let units = timeline.units().iter();
    let named = units.clone().filter(|unit| {
        unit.outcome == Outcome::DependencyFailed && unit.kind != UnitKind::Evaluation
    });
    let started: HashSet<&str, FixedState> = units
        .filter(|unit| unit.kind.is_derivation() && unit.started)
        .flat_map(|unit| [Some(unit.subject), unit.planned])
        .flatten()
        .map(|path| timeline.name(path))
        .collect();
    let planned = timeline.planned_builds().flatten();
    let planned = planned.map(|&path| timeline.name(path));
    let named = named.map(|unit| (timeline.name(unit.subject), true));
    let planned = planned.filter(|path| !started.contains(path));
    let mut all: Vec<(&str, bool)> = named.chain(planned.map(|path| (path, false))).collect();
    all.sort_unstable_by_key(|&(path, is_named)| (path, !is_named));
    all.dedup_by_key(|&mut (path, _)| path);
    let all = all.into_iter();
    all.map(|(path, is_blocked)| NotBuilt { path, is_blocked })
        .collect()
}

/// Finds out what was not built for which of those that failed; returns all that was not.
fn attribute(timeline: &Timeline, graph: &DerivationGraph, failed: &mut [Failed]) -> Vec<String> {
    let mut not_built = not_built(timeline);
    if not_built.is_empty() {
        for it in failed {
            it.blocked = Some(Vec::new());
        }
        return Vec::new();
    }
    let by_base_name: HashMap<&str, usize, FixedState> = not_built
        .iter()
        .enumerate()
        .map(|(place, it)| (base_name(it.path), place))
        .collect();
    // What one of them needs is known from its own derivation.
    let is_known = |path: &str| {
        let node = graph.find(path).map(|node| graph.node(node).kind);
        node == Some(NodeKind::Derivation)
    };
    let mut named = not_built.iter().filter(|it| it.is_blocked);
    let is_known = named.all(|it| is_known(it.path));
    let mut steps = 0;
    for it in failed.iter_mut().filter(|_| is_known) {
        let unit = &timeline.units()[it.unit];
        let paths = [Some(unit.subject), unit.planned].into_iter().flatten();
        let nodes = paths.filter_map(|path| graph.find(timeline.name(path)));
        let mut seen: HashSet<u32, FixedState> = nodes.map(|node| node.0).collect();
        if seen.is_empty() || steps > MOST_STEPS {
            continue;
        }
        let mut next: Vec<u32> = seen.iter().copied().collect();
        let mut found: Vec<usize> = Vec::new();
        while let Some(node) = next.pop() {
            for &dependent in graph.dag().dependents(node) {
                steps += 1;
                if !seen.insert(dependent) {
                    continue;
                }
                next.push(dependent);
                found.extend(by_base_name.get(graph.base_name(NodeIdx(dependent))));
            }
        }
        for &place in &found {
            not_built[place].is_blocked |= !it.recovered;
        }
        it.blocked = Some(found);
    }
    let named = (0..).zip(&not_built).filter(|(_, it)| it.is_blocked);
    let named: Vec<usize> = named.map(|(place, _)| place).collect();
    // With one culprit there is no question.
    let mut culprits = failed.iter_mut().filter(|it| !it.recovered);
    if let (Some(only), None) = (culprits.next(), culprits.next()) {
        only.blocked = Some(named.clone());
    }
    let mut places = vec![None; not_built.len()];
    for (place, &was) in named.iter().enumerate() {
        places[was] = Some(place);
    }
    for it in failed.iter_mut() {
        if let Some(blocked) = &mut it.blocked {
            *blocked = blocked.iter().filter_map(|&was| places[was]).collect();
            blocked.sort_unstable();
        }
    }
    let named = named.into_iter().map(|place| not_built[place].path);
    named.map(str::to_owned).collect()
}
