//! What the log itself says that single units waited for: a lock, a machine, a build user.
//!
//! Nix names what waits: the `.drv`, or the paths whose lock another process holds. A lock need not be
//! the unit's own: while somebody else builds what it needs, all that this Nix says is that it waits
//! for a lock on that path, and then it goes on as if that had been there.

use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;

use super::run_graph::RunGraph;
use crate::graph::{DerivationGraph, Direction, closure};
use crate::store_path::name_of;
use crate::timeline::{Filler, Part, Timeline, UnitKind};

/// The waits of each unit, by its index.
#[derive(Debug, Clone, Default)]
pub(super) struct Holds(HashMap<usize, Vec<Filler>, FixedState>);

impl Holds {
    /// Finds out who waited. Takes O(n + m) for each lock that was waited for.
    pub(super) fn new(timeline: &Timeline, graph: &DerivationGraph, run: &RunGraph) -> Self {
        let mut holds = Self::default();
        for filler in timeline.fillers() {
            let Some(subject) = filler.subject.map(|subject| timeline.name(subject)) else {
                continue;
            };
            let held = match filler.stretch.part {
                Part::Lock => locked(subject, timeline, graph, run),
                _ => built(subject, timeline),
            };
            for unit in held {
                holds.0.entry(unit).or_default().push(*filler);
            }
        }
        holds
    }

    /// Returns what a unit waited for.
    pub(super) fn of(&self, unit: usize) -> &[Filler] {
        self.0.get(&unit).map_or(&[], Vec::as_slice)
    }
}

/// Finds the builds of a derivation.
fn built(drv: &str, timeline: &Timeline) -> Vec<usize> {
    let units = timeline.units().iter().enumerate();
    let of_drv = units.filter(|(_, unit)| {
        unit.kind.is_derivation()
            && [Some(unit.subject), unit.planned]
                .into_iter()
                .flatten()
                .any(|name| timeline.name(name) == drv)
    });
    of_drv.map(|(number, _)| number).collect()
}

/// Finds whatever makes locked paths, and all that needs them.
fn locked(paths: &str, timeline: &Timeline, graph: &DerivationGraph, run: &RunGraph) -> Vec<usize> {
    let mut held = Vec::new();
    // Each in quotes.
    for path in paths.split('\'').skip(1).step_by(2) {
        let units = timeline.units().iter().enumerate();
        let own = units.filter(|(_, unit)| match unit.kind {
            UnitKind::Substitution => timeline.name(unit.subject) == path,
            kind => kind.is_derivation() && is_output(path, timeline.name(unit.subject)),
        });
        held.extend(own.map(|(number, _)| number));
        let Some((maker, _)) = graph.maker(path) else {
            continue;
        };
        let behind = closure(graph.dag(), &[maker.0], Direction::Dependents);
        let behind: HashSet<u32> = behind.into_iter().collect();
        let nodes = run
            .nodes()
            .iter()
            .filter(|node| node.node.is_some_and(|node| behind.contains(&node.0)));
        held.extend(nodes.filter_map(|node| node.unit));
    }
    held.sort_unstable();
    held.dedup();
    held
}

/// Tells whether a path is called as an output of a derivation is.
fn is_output(path: &str, drv: &str) -> bool {
    let name = name_of(drv).trim_end_matches(".drv");
    let rest = name_of(path).strip_prefix(name);
    !name.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}
