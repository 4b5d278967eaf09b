//! Starts that cannot be: a log that an earlier try made keeps its time of birth.
//!
//! Three things tell, in this order:
//!
//! 1. What the build needs was complete only later. A builder starts when all of that is there.
//! 2. The log itself: stdenv tells how long its phases took, and that is far less.
//! 3. A silence: nothing else starts or ends for a long time, and then something *starts*. A build that
//!    ran all the while would have ended first, since an end is what makes others start; so somebody
//!    called Nix again.
//!
//! ```text
//! try 1   ├ a ┤├ b …✗                            (b made its log here)
//! try 2                         ├ c ┤├── d ──┤
//! log of b      └──────────────────────┴ written: started after c, not before the silence
//! ```

use super::facts::{Facts, TOLERANCE};
use super::outputs::Availability;
use super::run::{Fault, Known, Moment, Run, Subject};
use crate::graph::NodeIdx;
use crate::time::Nanos;
use crate::timeline::Outcome;

/// Corrects starts. `gap`: a silence longer than this is one; `None`: there are none.
pub(super) fn correct(
    facts: &Facts,
    available: &Availability<'_>,
    gap: Option<i64>,
    runs: &mut [Run],
) {
    for run in runs.iter_mut() {
        if let Some((node, start, end)) = of_build(run)
            && let Some(ready) = available.of_inputs(node, end)
            && ready.at_least > start.saturating_add(TOLERANCE)
        {
            estimate(run, ready.best);
        }
    }
    for run in runs.iter_mut() {
        if let Some((node, start, end)) = of_build(run)
            && let Some((_, at_most)) = account(facts, node, run)
            && end.saturating_sub(start) > at_most.saturating_add(SLACK)
        {
            // Estimates lie no later than the truth, like the others here.
            estimate(run, end.saturating_sub(at_most));
        }
    }
    let Some(gap) = gap else { return };
    let after = silences(facts, gap, runs);
    for (run, after) in runs.iter_mut().zip(after) {
        if let Some(after) = after {
            estimate(run, after);
        }
    }
}

/// How much longer than by its own account a build may take before that is odd: stdenv does not tell of
/// what it does before the first phase.
const SLACK: i64 = 60 * 1_000_000_000;

/// Returns what a build with a measured start and end is about.
fn of_build(run: &Run) -> Option<(NodeIdx, i64, i64)> {
    let (start, end) = (run.start?, run.end?);
    match run.subject {
        Subject::Derivation(node) if start.known == Known::Measured => {
            Some((node, start.at, end.at))
        }
        _ => None,
    }
}

/// Returns how long a build took at least and at most by its own account. One that failed does not tell
/// of its last phase.
fn account(facts: &Facts, node: NodeIdx, run: &Run) -> Option<(i64, i64)> {
    if run.outcome != Outcome::Succeeded {
        return None;
    }
    let told = facts.logs.get(&node)?.told?;
    let signed = |length: Nanos| i64::try_from(length.get()).unwrap_or(i64::MAX);
    Some((signed(told.at_least), signed(told.at_most)))
}

fn estimate(run: &mut Run, at: i64) {
    let known = Known::Estimated;
    run.start = Some(Moment { at, known });
    run.fault = Some(Fault::EarlierTry);
}

/// Returns the builds that may have an earlier start than is right, for somebody to read in their logs
/// how long they took: those during which nothing else happened for a while.
pub(super) fn suspects(gap: i64, runs: &[Run]) -> impl Iterator<Item = NodeIdx> + '_ {
    let edges = edges(runs);
    runs.iter().filter_map(move |run| {
        let (node, start, end) = of_build(run)?;
        last_silence(&edges, start, end, gap.min(SLACK)).map(|_| node)
    })
}

/// The start or the end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    at: i64,
    is_start: bool,
}

/// Returns all starts and ends that are known well, in order; at the same time, ends first.
fn edges(runs: &[Run]) -> Vec<Edge> {
    let mut edges = Vec::with_capacity(runs.len() * 2);
    for run in runs {
        let start = run.start.map(|start| (start, true));
        let end = run.end.map(|end| (end, false));
        let known = start.into_iter().chain(end);
        edges.extend(known.map(|(moment, is_start)| Edge {
            at: moment.at,
            is_start,
        }));
    }
    edges.sort_unstable();
    edges
}

/// Finds the last silence inside of a run: its length, and the edge that ended it.
fn last_silence(edges: &[Edge], start: i64, end: i64, gap: i64) -> Option<(i64, Edge)> {
    if end.saturating_sub(start) <= gap {
        return None;
    }
    let from = edges.partition_point(|edge| edge.at < start);
    let until = edges.partition_point(|edge| edge.at <= end);
    let mut inside = edges.get(from..until)?.windows(2).rev();
    inside.find_map(|two| {
        let length = two[1].at.saturating_sub(two[0].at);
        (length > gap).then_some((length, two[1]))
    })
}

/// Returns for each run the time of the start that ended its last silence, where it was one.
fn silences(facts: &Facts, gap: i64, runs: &[Run]) -> Vec<Option<i64>> {
    let edges = edges(runs);
    let of_run = |run: &Run| {
        let (node, start, end) = of_build(run)?;
        let (length, edge) = last_silence(&edges, start, end, gap)?;
        // It was at work for so long by its own account that the silence does not fit beside it.
        let untold = account(facts, node, run)
            .map(|(at_least, _)| end.saturating_sub(start).saturating_sub(at_least));
        if untold.is_some_and(|untold| untold < length) {
            return None;
        }
        (edge.is_start && edge.at < end).then_some(edge.at)
    };
    runs.iter().map(of_run).collect()
}
