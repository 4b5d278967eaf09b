//! Which derivation made which path, and when the path was there to be used.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::facts::{Facts, PathFacts};
use super::run::{Run, Subject, Valid};
use crate::graph::{DerivationGraph, NodeIdx};
use crate::timeline::{Outcome, UnitKind};

/// The paths that each derivation made.
pub(super) struct Made<'a> {
    graph: &'a DerivationGraph,
    facts: &'a Facts,
    /// Those that only the path itself knows of: a content-addressed derivation does not name them.
    by_deriver: HashMap<NodeIdx, Vec<Valid<'a>>, FixedState>,
}

impl<'a> Made<'a> {
    pub(super) fn new(graph: &'a DerivationGraph, facts: &'a Facts) -> Self {
        let mut by_deriver: HashMap<_, Vec<_>, _> = HashMap::default();
        for (path, fact) in &facts.paths {
            if let (None, Some(node)) = (graph.maker(path), deriver(graph, fact)) {
                by_deriver.entry(node).or_default().push((&**path, fact));
            }
        }
        Self {
            graph,
            facts,
            by_deriver,
        }
    }

    /// Iterates over the outputs of a derivation that are in the store.
    pub(super) fn valid_outputs(&self, node: NodeIdx) -> impl Iterator<Item = Valid<'a>> + '_ {
        let named = self.graph.node(node).outputs.iter();
        let named = named.filter_map(|output| {
            let (path, fact) = self.facts.paths.get_key_value(output.path.as_deref()?)?;
            Some((&**path, fact))
        });
        let others = self.by_deriver.get(&node).into_iter().flatten().copied();
        let all = named.chain(others);
        all.filter(|(_, fact)| fact.registered.is_some())
    }

    /// Iterates over the paths that a derivation made which the graph does not have.
    pub(super) fn strangers(&self) -> impl Iterator<Item = Valid<'a>> + '_ {
        let paths = self.facts.paths.iter();
        let strange = paths.filter(|(path, fact)| {
            fact.deriver.is_some()
                && fact.registered.is_some()
                && self.graph.maker(path).is_none()
                && deriver(self.graph, fact).is_none()
        });
        strange.map(|(path, fact)| (&**path, fact))
    }
}

fn deriver(graph: &DerivationGraph, fact: &PathFacts) -> Option<NodeIdx> {
    graph.find(fact.deriver.as_deref()?)
}

/// When paths were there to be used.
pub(super) struct Availability<'a> {
    graph: &'a DerivationGraph,
    facts: &'a Facts,
    /// When the last build of each derivation ended whose outputs were used.
    built: HashMap<NodeIdx, i64, FixedState>,
}

impl<'a> Availability<'a> {
    pub(super) fn new(graph: &'a DerivationGraph, facts: &'a Facts, runs: &[Run]) -> Self {
        let mut built = HashMap::default();
        for run in runs {
            let Subject::Derivation(node) = run.subject else {
                continue;
            };
            // What is built again was there before.
            if let (Outcome::Succeeded, Some(end)) = (run.outcome, run.end) {
                let latest = built.entry(node).or_insert(end.at);
                *latest = end.at.max(*latest);
            }
        }
        Self {
            graph,
            facts,
            built,
        }
    }

    /// Returns when the last of what a build needs was there, of what was there by `end`.
    pub(super) fn of_inputs(&self, node: NodeIdx, end: i64) -> Option<Ready> {
        let needs = self.graph.dependencies(node);
        let each = needs.flat_map(|(on, why)| {
            let outputs = &self.graph.node(on).outputs;
            let is_wanted = |place: usize| {
                why.outputs.is_empty() || why.outputs.iter().any(|&at| at as usize == place)
            };
            let wanted = outputs.iter().enumerate();
            let wanted = wanted.filter(move |(place, _)| is_wanted(*place));
            let registered = wanted.filter_map(|(_, output)| self.path(output.path.as_deref()?));
            let own = self.path(self.graph.base_name(on));
            let own = own.filter(|_| !self.graph.node(on).is_derivation());
            let built = self.built.get(&on).map(|&at| Ready {
                at_least: at,
                best: at,
            });
            registered.chain(built).chain(own)
        });
        let by_end = each.filter(|ready| ready.best <= end);
        by_end.reduce(|one, other| Ready {
            at_least: one.at_least.max(other.at_least),
            best: one.best.max(other.best),
        })
    }

    fn path(&self, path: &str) -> Option<Ready> {
        let fact = self.facts.paths.get(path)?;
        let (first, _) = fact.second()?;
        Some(Ready {
            at_least: first,
            best: fact.completed()?.0.max(first),
        })
    }
}

/// When something was there to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ready {
    /// Certainly not before this.
    pub(super) at_least: i64,
    /// Most likely then, and not long after.
    pub(super) best: i64,
}

/// Decides how builds ended whose outputs are gone or never were.
///
/// A dependent that ran later had them, so they were deleted since. Where nothing ran on them and the
/// derivation itself is still there, no garbage was collected, and they never were.
pub(super) fn decide_outcomes(graph: &DerivationGraph, made: &Made<'_>, runs: &mut [Run]) {
    let mut last_end: HashMap<NodeIdx, i64, FixedState> = HashMap::default();
    for run in &*runs {
        if let (Subject::Derivation(node), Some(end)) = (&run.subject, run.end) {
            let latest = last_end.entry(*node).or_insert(end.at);
            *latest = end.at.max(*latest);
        }
    }
    for run in runs.iter_mut() {
        let Subject::Derivation(node) = run.subject else {
            continue;
        };
        let (Outcome::Unknown, Some(end)) = (run.outcome, run.end) else {
            continue;
        };
        let dependents = graph.dag().dependents(node.0).iter();
        let mut ends = dependents.filter_map(|&on| last_end.get(&NodeIdx(on)));
        let has_outputs = made.valid_outputs(node).next().is_some();
        if has_outputs {
            // Built again, or fetched after all: whether this try went well is not to be seen.
        } else if ends.any(|&at| at > end.at) {
            run.outcome = Outcome::Succeeded;
        } else if graph.node(node).is_known() && names_its_outputs(graph, node) {
            run.outcome = Outcome::Failed;
        }
        debug_assert!(run.kind != UnitKind::Substitution, "those have paths");
    }
}

/// Tells whether the outputs of a derivation are known beforehand, so that they can be missed.
fn names_its_outputs(graph: &DerivationGraph, node: NodeIdx) -> bool {
    let outputs = &graph.node(node).outputs;
    !outputs.is_empty() && outputs.iter().all(|output| output.path.is_some())
}
