//! Puts a [`DerivationGraph`] together, piece by piece and in any order.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use indexmap::IndexSet;
use petgraph::graph::NodeIndex;

use super::dag::{Cycle, Dag};
use super::model::{Dependency, DerivationGraph, Node, NodeIdx, NodeKind, Output, Recipe};
use crate::store_path::{base_name, name_of};

/// Puts a graph together. What is added twice counts once; where two say different things about the
/// same path, what either of them needs is needed.
#[derive(Debug, Clone, Default)]
pub struct GraphBuilder {
    graph: DerivationGraph,
    /// The outputs that edges want, by name, since a `.drv` may come after those that need it.
    wanted: Vec<Wanted>,
    /// The names of outputs; there are few.
    names: IndexSet<Box<str>, FixedState>,
    /// What derivations need as far as the store's database says, for those without a file.
    hearsay: Vec<(NodeIdx, NodeIdx)>,
}

/// One output that a node wants of another. Ordered by edge, then by output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Wanted {
    from: NodeIdx,
    to: NodeIdx,
    /// A place in [`GraphBuilder::names`]; all outputs come before any one of them.
    output: Option<u32>,
}

impl GraphBuilder {
    /// Keeps the recipes of derivations, from now on: they are most of what derivations say.
    pub fn keep_recipes(&mut self) {
        self.graph.recipes.get_or_insert_default();
    }

    /// Keeps the recipe of a derivation, where somebody wants it.
    pub(super) fn recipe(&mut self, index: NodeIdx, recipe: impl FnOnce() -> Recipe) {
        if let Some(recipes) = &mut self.graph.recipes {
            recipes.entry(index).or_insert_with(recipe);
        }
    }

    /// Returns the node of a path, which may be new: then its kind is [`NodeKind::Missing`] for a
    /// `.drv`, else [`NodeKind::Source`].
    ///
    /// # Panics
    ///
    /// With more than 2^32 nodes.
    pub fn node(&mut self, path: &str) -> NodeIdx {
        let base = base_name(path);
        if let Some(index) = self.graph.find(base) {
            return index;
        }
        let kind = if base.ends_with(".drv") {
            NodeKind::Missing
        } else {
            NodeKind::Source
        };
        self.graph.graph.add_node(Node {
            kind,
            allows_substitutes: true,
            ..Node::default()
        });
        let (index, _) = self.graph.names.insert_full(base.into());
        NodeIdx(u32::try_from(index).expect("fewer than 2^32 nodes fit into memory"))
    }

    /// Returns the number of nodes so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.graph.len()
    }

    /// Tells whether there are no nodes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.graph.is_empty()
    }

    /// Iterates over the base names of derivations that are named, but whose `.drv` was not added;
    /// only among the nodes from the one that was the `from`th on, so that nobody looks twice.
    pub fn missing(&self, from: usize) -> impl Iterator<Item = &str> {
        let all = self.graph.nodes().skip(from);
        let missing = all.filter(|&node| self.graph.node(node).kind == NodeKind::Missing);
        missing.map(|node| self.graph.base_name(node))
    }

    /// Returns what is known of a node, to be filled in.
    pub fn node_mut(&mut self, index: NodeIdx) -> &mut Node {
        &mut self.graph.graph[NodeIndex::new(index.0 as usize)]
    }

    /// Adds an output of a derivation. `path` may have a store directory or not; a later one counts
    /// only where there was none.
    pub fn output(&mut self, index: NodeIdx, name: &str, path: Option<&str>) {
        let path: Option<Box<str>> = path.map(|path| base_name(path).into());
        let outputs = &mut self.node_mut(index).outputs;
        let place = match outputs.iter().position(|output| &*output.name == name) {
            Some(place) if outputs[place].path.is_some() => return,
            Some(place) => {
                outputs[place].path.clone_from(&path);
                place
            }
            None => {
                outputs.push(Output {
                    name: name.into(),
                    path: path.clone(),
                });
                outputs.len() - 1
            }
        };
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        if let Some(path) = path {
            self.graph.makers.entry(path).or_insert((index, place));
        }
    }

    /// Says that a node needs another: these outputs of it, or all where none is named. A path that
    /// refers to itself does not need itself.
    pub fn depend<'a>(
        &mut self,
        index: NodeIdx,
        on: NodeIdx,
        outputs: impl IntoIterator<Item = &'a str>,
    ) {
        self.depend_on(index, on, outputs.into_iter());
    }

    /// The same, for names that may have to be made first.
    pub(super) fn depend_on<S: AsRef<str>>(
        &mut self,
        index: NodeIdx,
        on: NodeIdx,
        outputs: impl Iterator<Item = S>,
    ) {
        if index == on {
            return;
        }
        let mut wanted = Wanted {
            from: index,
            to: on,
            output: None,
        };
        for name in outputs {
            wanted.output = Some(self.name(name.as_ref()));
            self.wanted.push(wanted);
        }
        if wanted.output.is_none() {
            self.wanted.push(wanted);
        }
    }

    fn name(&mut self, name: &str) -> u32 {
        let place = match self.names.get_index_of(name) {
            Some(place) => place,
            None => self.names.insert_full(name.into()).0,
        };
        u32::try_from(place).expect("fewer than 2^32 names fit into memory")
    }

    /// Says that a derivation needs a path according to somebody other than its `.drv`, which counts
    /// as long as the `.drv` itself is not read.
    pub(super) fn hear(&mut self, index: NodeIdx, on: NodeIdx) {
        self.hearsay.push((index, on));
    }

    /// Finishes the graph. Takes O(n + m log m) for n nodes and m edges.
    ///
    /// # Errors
    ///
    /// Returns one cycle where there is any; Nix cannot make such derivations, so they are forged or
    /// damaged.
    pub fn finish(mut self) -> Result<DerivationGraph, Cycle> {
        let edges = self.edges();
        let pairs = edges.iter().map(|(from, to, _)| (from.0, to.0)).collect();
        self.graph.dag = Dag::new(self.graph.len(), pairs)?;
        Ok(self.with_edges(edges))
    }

    /// Finishes the graph, leaving out the edges that close circles. Returns those too: the first is
    /// what needs the second.
    #[must_use]
    pub fn finish_without_cycles(mut self) -> (DerivationGraph, Vec<(NodeIdx, NodeIdx)>) {
        let mut edges = self.edges();
        let pairs = edges.iter().map(|(from, to, _)| (from.0, to.0)).collect();
        let (dag, left_out) = Dag::without_cycles(self.graph.len(), pairs);
        self.graph.dag = dag;
        edges.retain(|(from, to, _)| left_out.binary_search(&(from.0, to.0)).is_err());
        let left_out = left_out
            .into_iter()
            .map(|(from, to)| (NodeIdx(from), NodeIdx(to)));
        let left_out = left_out.collect();
        (self.with_edges(edges), left_out)
    }

    /// Merges what is wanted into edges, sorted as in [`Dag`].
    fn edges(&mut self) -> Vec<Edge> {
        let hearsay = std::mem::take(&mut self.hearsay);
        for (from, to) in hearsay {
            if self.graph.node(from).kind != NodeKind::Derivation {
                self.depend(from, to, []);
            }
        }
        let mut wanted = std::mem::take(&mut self.wanted);
        wanted.sort_unstable();
        wanted.dedup();
        let groups = wanted.chunk_by(|one, next| (one.from, one.to) == (next.from, next.to));
        let edge = |group: &[Wanted]| {
            let all = &self.graph.node(group[0].to).outputs;
            let is_wanted = |output: &Output| {
                let mut names = group.iter().map(|wanted| wanted.output);
                names.any(|name| name.is_none_or(|name| self.names[name as usize] == output.name))
            };
            // All there are are told by none, so that most edges need no memory of their own.
            let mut places = Vec::new();
            if !all.iter().all(is_wanted) {
                let wanted = (0..).zip(all).filter(|(_, output)| is_wanted(output));
                places.extend(wanted.map(|(place, _)| place));
            }
            (group[0].from, group[0].to, places)
        };
        groups.map(edge).collect()
    }

    fn with_edges(mut self, edges: Vec<Edge>) -> DerivationGraph {
        for (from, to, outputs) in edges {
            let from = NodeIndex::new(from.0 as usize);
            let to = NodeIndex::new(to.0 as usize);
            self.graph.graph.add_edge(from, to, Dependency { outputs });
        }
        self.graph.derivations_by_name = self.derivations_by_name();
        self.graph
    }

    fn derivations_by_name(&self) -> HashMap<Box<str>, Option<NodeIdx>, FixedState> {
        let mut by_name: HashMap<Box<str>, Option<NodeIdx>, FixedState> = HashMap::default();
        for index in self.graph.nodes() {
            if self.graph.node(index).kind == NodeKind::Derivation {
                let name = name_of(self.graph.base_name(index));
                let only = by_name.entry(name.into()).and_modify(|only| *only = None);
                only.or_insert(Some(index));
            }
        }
        by_name
    }
}

/// What needs what, and which outputs of it; none for all.
type Edge = (NodeIdx, NodeIdx, Vec<u32>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_may_come_after_whoever_wants_them() {
        let mut builder = GraphBuilder::default();
        let (user, lib) = (builder.node("/nix/store/u.drv"), builder.node("l.drv"));
        builder.depend(user, lib, ["dev"]);
        builder.depend(user, lib, ["out"]);
        for name in ["dev", "doc", "out"] {
            builder.output(lib, name, Some(&format!("/nix/store/l-{name}")));
        }
        let graph = builder.finish().expect("no cycle");
        let wanted: Vec<_> = graph.dependencies(user).collect();
        assert_eq!(
            wanted,
            [(
                lib,
                &Dependency {
                    outputs: vec![0, 2]
                }
            )]
        );
        assert_eq!(graph.maker("/nix/store/l-dev"), Some((lib, 0)));
        assert_eq!(graph.node(lib).kind, NodeKind::Missing);
    }

    #[test]
    fn all_outputs_are_more_than_some() {
        let mut builder = GraphBuilder::default();
        let (user, lib) = (builder.node("u.drv"), builder.node("l.drv"));
        builder.output(lib, "out", None);
        builder.output(lib, "out", Some("l-out"));
        builder.output(lib, "out", Some("another"));
        builder.depend(user, lib, ["out", "no such output"]);
        builder.depend(user, lib, []);
        let graph = builder.finish().expect("no cycle");
        let wanted: Vec<_> = graph
            .dependencies(user)
            .map(|(_, why)| &why.outputs)
            .collect();
        assert_eq!(wanted, [&Vec::<u32>::new()]);
        assert_eq!(graph.maker("l-out"), Some((lib, 0)));
        assert_eq!(graph.maker("another"), None);
    }

    #[test]
    fn circles_are_opened_and_told() {
        let mut builder = GraphBuilder::default();
        let nodes = ["a.drv", "b.drv", "c.drv", "d.drv"].map(|path| builder.node(path));
        for (from, to) in [(0, 1), (1, 2), (2, 0), (3, 0), (2, 1)] {
            builder.depend(nodes[from], nodes[to], ["out"]);
        }
        assert!(builder.clone().finish().is_err());
        let (graph, left_out) = builder.finish_without_cycles();
        assert_eq!(left_out, [(nodes[2], nodes[0]), (nodes[2], nodes[1])]);
        assert_eq!(graph.dag().n_edges(), 3);
        assert_eq!(graph.petgraph().edge_count(), 3);
    }
}
