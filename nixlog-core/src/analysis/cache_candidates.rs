//! Which builds to put into a cache: the few that together save most.
//!
//! Greedy: the best single one, then the best in addition to it, and so on, each simulated with all
//! picked before. Only what comes from there being less to do counts: whoever tries a hundred orders
//! finds one that is lucky. Of those that save nearly as much, the one that most others need: another
//! build needs it, too.
//!
//! Savings of sets are not sums (two builds that run side by side save nothing alone), so
//! the greedy set need not be the best there is; it is what one can compute.

use std::cmp::Reverse;
use std::collections::HashSet;

use rayon::prelude::*;

use super::run_graph::{RunGraph, RunNode};
use super::what_if::{Change, Questions, WhatIf};
use crate::graph::{DerivationGraph, Direction, NodeIdx, closure};
use crate::names::named;
use crate::store_path::{base_name, name_of, pname_of};
use crate::time::Nanos;
use crate::timeline::{Outcome, Timeline, Unit, UnitKind};

/// How many candidates are tried for each pick.
const MOST_TRIED: usize = 256;

/// From how many hundredths of the most on a saving counts as good as the most.
const NEARLY: u64 = 90;

/// One pick, and what it saves with all picks before it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Pick {
    /// Index into [`Timeline::units`].
    pub unit: usize,
    /// How many units need it, directly or not.
    pub dependents: usize,
    /// How much shorter the build gets by this pick.
    pub saving: Nanos,
    /// How much shorter it is with all picks so far.
    pub together: Nanos,
    /// Everything about the build with all picks so far.
    pub answer: WhatIf,
}

named! {
    /// Why a build is no candidate.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[non_exhaustive]
    pub enum LeftOut {
        /// It is what was asked for: nothing else of the build needs it, or the command names it.
        Requested = "requested",
        /// It says `allowSubstitutes = false`: no cache is asked for it.
        NotSubstituted = "not-substituted",
        /// It did not succeed: there is nothing to cache.
        Failed = "failed",
        /// The user does not want it.
        Excluded = "excluded",
    }
}

/// The builds to choose from, and those that are not worth it whatever they save.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Candidates {
    /// Indices into [`Timeline::units`].
    pub units: Vec<usize>,
    /// The others, each with the first reason that holds.
    pub left_out: Vec<(usize, LeftOut)>,
}

impl Candidates {
    /// Sorts the builds that ran. `command` is what ran, as far as known; `always` tells that Nix asks
    /// caches whatever a derivation says (`always-allow-substitutes`); `excluded` has the last word.
    #[must_use]
    pub fn new(
        timeline: &Timeline,
        run: &RunGraph,
        graph: &DerivationGraph,
        command: &[String],
        always: bool,
        excluded: impl Fn(usize) -> bool,
    ) -> Self {
        let needed = needed(timeline, graph);
        let wishes = Wishes::new(command);
        let mut all = Self::default();
        for (number, node) in (0..).zip(run.nodes()) {
            let Some(index) = node.unit else { continue };
            let unit = &timeline.units()[index];
            if unit.kind != UnitKind::Build {
                continue;
            }
            let derivation = node.node.map(|it| graph.node(it));
            let is_needed = !run.dag().dependents(number).is_empty()
                || node.node.is_some_and(|it| needed.contains(&it.0));
            let is_allowed = always || derivation.is_none_or(|it| it.allows_substitutes);
            let reason = if !matches!(unit.outcome, Outcome::Succeeded | Outcome::Unknown) {
                LeftOut::Failed
            } else if !is_needed || wishes.name(timeline, graph, unit, node) {
                LeftOut::Requested
            } else if !is_allowed {
                LeftOut::NotSubstituted
            } else if excluded(index) {
                LeftOut::Excluded
            } else {
                all.units.push(index);
                continue;
            };
            all.left_out.push((index, reason));
        }
        all
    }
}

/// Returns what something else in the log needs, whether that ran or not: where a build fails, what was
/// asked for never starts.
fn needed(timeline: &Timeline, graph: &DerivationGraph) -> HashSet<u32> {
    let units = timeline.units().iter();
    let derivations = units.filter(|unit| unit.kind.is_derivation());
    let nodes = derivations.filter_map(|unit| graph.find(timeline.name(unit.subject)));
    let direct = nodes.flat_map(|node| graph.dag().dependencies(node.0));
    let direct: Vec<u32> = direct.copied().collect();
    let all = closure(graph.dag(), &direct, Direction::Dependencies);
    all.into_iter().collect()
}

/// What a command asks for: store paths, and the last parts of attributes.
struct Wishes<'a> {
    paths: Vec<&'a str>,
    attributes: Vec<&'a str>,
}

impl<'a> Wishes<'a> {
    fn new(command: &'a [String]) -> Self {
        let mut wishes = Self {
            paths: Vec::new(),
            attributes: Vec::new(),
        };
        for (index, word) in command.iter().enumerate() {
            // What follows `^` or `!` are outputs.
            let word = word.split(['^', '!']).next().unwrap_or_default();
            let before = index.checked_sub(1).map(|before| command[before].as_str());
            if word.starts_with('/') {
                wishes.paths.push(base_name(word));
            } else if let Some((_, attribute)) = word.rsplit_once('#') {
                wishes.attributes.extend(attribute.rsplit('.').next());
            } else if matches!(before, Some("-A" | "--attr")) {
                wishes.attributes.extend(word.rsplit('.').next());
            }
        }
        wishes.attributes.retain(|attribute| !attribute.is_empty());
        wishes
    }

    /// Tells whether a unit is among them.
    fn name(
        &self,
        timeline: &Timeline,
        graph: &DerivationGraph,
        unit: &Unit,
        node: &RunNode,
    ) -> bool {
        let path = base_name(timeline.name(unit.subject));
        let name = name_of(path);
        if self
            .attributes
            .iter()
            .any(|it| [name, pname_of(name)].contains(it))
        {
            return true;
        }
        let outputs = |it: NodeIdx| graph.node(it).outputs.iter();
        let made = node.node.into_iter().flat_map(outputs);
        let mut paths = made
            .filter_map(|output| output.path.as_deref())
            .chain([path]);
        paths.any(|path| self.paths.contains(&path))
    }
}

/// Picks up to `n` builds, as long as another one saves anything. Simulates up to 256 candidates for
/// each pick, those with the most work in them and behind them.
#[must_use]
pub fn cache_candidates(
    run: &RunGraph,
    questions: &Questions<'_>,
    candidates: &[usize],
    n: usize,
) -> Vec<Pick> {
    let mut candidates = most_promising(run, candidates);
    let mut chosen: Vec<usize> = Vec::new();
    let mut picks: Vec<Pick> = Vec::new();
    while picks.len() < n {
        let before = picks.last().map_or(Nanos::ZERO, |pick| pick.together);
        let answers: Vec<(WhatIf, usize)> = candidates
            .par_iter()
            .map(|&unit| {
                let with: Vec<usize> = chosen.iter().copied().chain([unit]).collect();
                (questions.ask(&[Change::Cached(with)]), unit)
            })
            .collect();
        let most = answers.iter().map(|(answer, _)| answer.sure_saving()).max();
        let Some(most) = most.filter(|&most| most > before) else {
            break;
        };
        let enough = u128::from((most - before).get()) * u128::from(NEARLY);
        let best = answers
            .into_iter()
            .filter(|(answer, _)| {
                let saving = answer.sure_saving() - before;
                saving > Nanos::ZERO && u128::from(saving.get()) * 100 >= enough
            })
            .map(|(answer, unit)| (dependents(run, unit), answer, unit))
            .max_by_key(|(n, answer, unit)| (*n, answer.sure_saving(), Reverse(*unit)));
        let Some((dependents, answer, unit)) = best else {
            break;
        };
        let together = answer.sure_saving();
        chosen.push(unit);
        // What only the picks needed is gone, and no candidate any more.
        candidates.retain(|other| *other != unit && !answer.gone.contains(other));
        picks.push(Pick {
            unit,
            dependents,
            saving: together - before,
            together,
            answer,
        });
    }
    picks
}

/// Returns how many units need a unit, directly or not.
fn dependents(run: &RunGraph, unit: usize) -> usize {
    let node = run.node_of(unit);
    node.map_or(0, |node| run.waiting_for(node).len())
}

/// Returns the builds that may be worth it: those whose presence takes most work away.
fn most_promising(run: &RunGraph, candidates: &[usize]) -> Vec<usize> {
    let cpm = crate::graph::CriticalPathMethod::new(run.dag(), run.durations());
    let mut builds: Vec<(Nanos, usize)> = candidates
        .iter()
        .filter_map(|&unit| {
            let node = run.node_of(unit)?;
            // All that leads up to it may go: at most so much is won.
            Some((cpm.earliest_finish(node), unit))
        })
        .collect();
    builds.sort_by_key(|&(most, unit)| (Reverse(most), unit));
    builds.truncate(MOST_TRIED);
    builds.into_iter().map(|(_, unit)| unit).collect()
}
