//! Which builds to put into a cache: the few that together save most.
//!
//! Greedy: the best single one, then the best in addition to it, and so on, each simulated with all
//! picked before. Only what comes from there being less to do counts: whoever tries a hundred orders
//! finds one that is lucky.
//!
//! Savings of sets are not sums (two builds that run side by side save nothing alone), so
//! the greedy set need not be the best there is; it is what one can compute.

use std::cmp::Reverse;

use rayon::prelude::*;

use super::run_graph::RunGraph;
use super::what_if::{Change, Questions, WhatIf};
use crate::time::Nanos;
use crate::timeline::{Timeline, UnitKind};

/// How many candidates are tried for each pick.
const MOST_TRIED: usize = 256;

/// One pick, and what it saves with all picks before it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Pick {
    /// Index into [`Timeline::units`].
    pub unit: usize,
    /// How much shorter the build gets by this pick.
    pub saving: Nanos,
    /// How much shorter it is with all picks so far.
    pub together: Nanos,
    /// Everything about the build with all picks so far.
    pub answer: WhatIf,
}

/// Picks up to `n` builds, as long as another one saves anything. Simulates up to 256 candidates for
/// each pick, those with the most work in them and behind them.
#[must_use]
pub fn cache_candidates(
    timeline: &Timeline,
    run: &RunGraph,
    questions: &Questions<'_>,
    wanted: impl Fn(usize) -> bool,
    n: usize,
) -> Vec<Pick> {
    let mut candidates = candidates(timeline, run, wanted);
    let mut chosen: Vec<usize> = Vec::new();
    let mut picks: Vec<Pick> = Vec::new();
    while picks.len() < n {
        let before = picks.last().map_or(Nanos::ZERO, |pick| pick.together);
        let best = candidates
            .par_iter()
            .map(|&unit| {
                let with: Vec<usize> = chosen.iter().copied().chain([unit]).collect();
                (questions.ask(&[Change::Cached(with)]), unit)
            })
            .max_by_key(|(answer, unit)| (answer.sure_saving(), Reverse(*unit)));
        let Some((answer, unit)) = best else { break };
        let together = answer.sure_saving();
        if together <= before {
            break;
        }
        chosen.push(unit);
        // What only the picks needed is gone, and no candidate any more.
        candidates.retain(|other| *other != unit && !answer.gone.contains(other));
        picks.push(Pick {
            unit,
            saving: together - before,
            together,
            answer,
        });
    }
    picks
}

/// Returns the builds that may be worth it: those whose presence takes most work away.
fn candidates(timeline: &Timeline, run: &RunGraph, wanted: impl Fn(usize) -> bool) -> Vec<usize> {
    let cpm = crate::graph::CriticalPathMethod::new(run.dag(), run.durations());
    let nodes = (0..).zip(run.nodes());
    let mut builds: Vec<(Nanos, usize)> = nodes
        .filter_map(|(node, it)| {
            let unit = it.unit?;
            let kind = timeline.units()[unit].kind;
            let is_build = kind == UnitKind::Build && !run.dag().dependents(node).is_empty();
            // All that leads up to it may go: at most so much is won.
            (is_build && wanted(unit)).then(|| (cpm.earliest_finish(node), unit))
        })
        .collect();
    builds.sort_by_key(|&(most, unit)| (Reverse(most), unit));
    builds.truncate(MOST_TRIED);
    builds.into_iter().map(|(_, unit)| unit).collect()
}
