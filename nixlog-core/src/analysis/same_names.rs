//! Derivations of another evaluation: other hashes, the same names.
//!
//! Whoever builds again after a change has other derivations than those of the recording, and often no
//! others. What depends on what is the same nearly everywhere. They are taken only where not one path is
//! the same, and only names that occur once on both sides; who shows the result says so.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::graph::DerivationGraph;
use crate::store_path::{base_name, name_of};
use crate::timeline::{Timeline, UnitKind};

/// The paths of a log by other names: those of a graph.
#[derive(Debug, Default)]
pub(super) struct SameNames<'a> {
    /// Base names in the graph, by base names in the log.
    derivations: HashMap<&'a str, &'a str, FixedState>,
    paths: HashMap<&'a str, &'a str, FixedState>,
}

/// The only one of a name; `None` where there are several.
type Only<'a> = HashMap<&'a str, Option<&'a str>, FixedState>;

fn only<'a>(all: impl Iterator<Item = &'a str>) -> Only<'a> {
    let mut only = Only::default();
    for base in all {
        let it = only.entry(name_of(base)).or_insert(Some(base));
        if *it != Some(base) {
            *it = None;
        }
    }
    only
}

fn joined<'a>(log: &Only<'a>, graph: &Only<'a>) -> HashMap<&'a str, &'a str, FixedState> {
    let pairs = log.iter().filter_map(|(name, base)| {
        let theirs = graph.get(name).copied().flatten()?;
        Some(((*base)?, theirs))
    });
    pairs.collect()
}

impl<'a> SameNames<'a> {
    pub(super) fn new(timeline: &'a Timeline, graph: &'a DerivationGraph) -> Self {
        let subjects = |wanted: fn(UnitKind) -> bool| {
            let units = timeline.units().iter();
            let wanted = units.filter(move |unit| unit.started && wanted(unit.kind));
            wanted.map(|unit| base_name(timeline.name(unit.planned.unwrap_or(unit.subject))))
        };
        let nodes = || {
            graph
                .nodes()
                .map(|node| (graph.node(node), graph.base_name(node)))
        };
        let derivations = nodes().filter(|(node, _)| node.is_derivation());
        let outputs = nodes().flat_map(|(node, _)| &node.outputs);
        let paths = nodes().filter(|(node, _)| !node.is_derivation());
        let paths = paths
            .map(|(_, base)| base)
            .chain(outputs.filter_map(|output| output.path.as_deref()));
        Self {
            derivations: joined(
                &only(subjects(UnitKind::is_derivation)),
                &only(derivations.map(|(_, base)| base)),
            ),
            paths: joined(
                &only(subjects(|kind| kind == UnitKind::Substitution)),
                &only(paths),
            ),
        }
    }

    /// Returns how many derivations of the log have one of the same name.
    pub(super) fn len(&self) -> usize {
        self.derivations.len()
    }

    /// Returns what a derivation or a store path of the log is called in the graph.
    pub(super) fn get(&self, path: &'a str) -> &'a str {
        let base = base_name(path);
        let found = self.derivations.get(base).or_else(|| self.paths.get(base));
        found.copied().unwrap_or(path)
    }
}
