//! The derivation graph.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use indexmap::{IndexMap, IndexSet};
use petgraph::graph::{DiGraph, EdgeIndex, NodeIndex};

use super::dag::Dag;
use crate::store_path::{base_name, name_of};

/// A node of one [`DerivationGraph`]: an index, dense from 0. Handing it to another graph gives
/// another node, or a panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeIdx(pub u32);

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum NodeKind {
    /// A derivation whose `.drv` was read.
    Derivation,
    /// A derivation that another one names, but whose own `.drv` was not at hand: what it depends on
    /// is known only as far as the store's database has it.
    #[default]
    Missing,
    /// A store path that a derivation needs as it is: a source, or what was there before.
    Source,
    /// A store path, with what it refers to at run time: what a substitution waits for.
    Path,
}

/// One output of a derivation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// `out`, `dev`, `lib` …
    pub name: Box<str>,
    /// The base name of its store path; `None` where it is known only after the build.
    pub path: Option<Box<str>>,
}

/// A derivation or a store path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// What it makes, in the order of the `.drv`.
    pub outputs: Vec<Output>,
    /// Its output's hash is known beforehand: it fetches something.
    pub is_fixed_output: bool,
    /// It is built here even where there are machines for it.
    pub prefers_local: bool,
    /// Caches are asked for it. Where this is false, only if Nix is told to always do so.
    pub allows_substitutes: bool,
    /// The system it is built on; empty for paths.
    pub system: Box<str>,
    /// The bytes of its unpacked archive, where known.
    pub nar_bytes: Option<u64>,
}

impl Node {
    /// Tells whether this is a derivation, not a path.
    #[must_use]
    pub const fn is_derivation(&self) -> bool {
        matches!(self.kind, NodeKind::Derivation | NodeKind::Missing)
    }

    /// Tells whether it is known what the node needs.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        matches!(self.kind, NodeKind::Derivation | NodeKind::Path)
    }
}

/// Why a node needs another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dependency {
    /// The outputs that it wants, as indices into [`Node::outputs`]; empty: all there are, or the
    /// node is a path.
    pub outputs: Vec<u32>,
}

/// What a derivation says besides what it needs and makes: all that a builder is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recipe {
    /// The program that builds it.
    pub builder: Box<str>,
    /// The builder's arguments.
    pub args: Vec<Box<str>>,
    /// The builder's environment. Structured attributes are in it one by one: lists of texts joined by
    /// blanks, what is nested as JSON.
    pub env: Vec<(Box<str>, Box<str>)>,
}

/// Derivations, store paths, and what each needs. Keyed by the base name of the path, since the
/// sources differ in whether they name the store directory.
#[derive(Debug, Clone, Default)]
pub struct DerivationGraph {
    pub(super) graph: DiGraph<Node, Dependency>,
    /// Base names, in the order of the nodes.
    pub(super) names: IndexSet<Box<str>, FixedState>,
    /// Which derivation makes a store path, by the path's base name.
    pub(super) makers: IndexMap<Box<str>, (NodeIdx, u32), FixedState>,
    /// The derivation of each name; `None` where several bear it.
    pub(super) derivations_by_name: HashMap<Box<str>, Option<NodeIdx>, FixedState>,
    pub(super) dag: Dag,
    /// The recipes of derivations at hand; `None` where nobody asked for them.
    pub(super) recipes: Option<HashMap<NodeIdx, Recipe, FixedState>>,
}

impl DerivationGraph {
    /// Returns the number of nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Tells whether there are no nodes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Iterates over all nodes.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = NodeIdx> + '_ {
        (0..u32::try_from(self.names.len()).unwrap_or(u32::MAX)).map(NodeIdx)
    }

    /// Returns a node.
    #[must_use]
    pub fn node(&self, index: NodeIdx) -> &Node {
        &self.graph[NodeIndex::new(index.0 as usize)]
    }

    /// Returns the base name of a node's path: `<hash>-<name>.drv`, or `<hash>-<name>`.
    #[must_use]
    pub fn base_name(&self, index: NodeIdx) -> &str {
        &self.names[index.0 as usize]
    }

    /// Finds a node by its path, with or without the store directory.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<NodeIdx> {
        let index = self.names.get_index_of(base_name(path))?;
        u32::try_from(index).ok().map(NodeIdx)
    }

    /// Tells whether a derivation fetches something, or else the only one of its name; `None` where
    /// neither is at hand.
    #[must_use]
    pub fn is_fixed_output(&self, path: &str) -> Option<bool> {
        let at_hand = |&index: &NodeIdx| self.node(index).kind == NodeKind::Derivation;
        let index = self.find(path).filter(at_hand);
        let index = index.or_else(|| self.named(name_of(path)))?;
        Some(self.node(index).is_fixed_output)
    }

    /// Finds the only derivation of a name (without hash and `.drv`) whose `.drv` is at hand; `None` where
    /// there is none or several.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<NodeIdx> {
        *self.derivations_by_name.get(name)?
    }

    /// Finds the derivation that makes a store path, and which of its outputs that is.
    #[must_use]
    pub fn maker(&self, path: &str) -> Option<(NodeIdx, u32)> {
        self.makers.get(base_name(path)).copied()
    }

    /// Iterates over the base names of what a store path refers to; `None` for a path of which that
    /// is not known. A path that refers to itself is not told.
    ///
    /// Whoever substitutes the path waits for these. Whoever builds it waits for the dependencies of
    /// its [`maker`](Self::maker).
    #[must_use]
    pub fn references(&self, path: &str) -> Option<impl Iterator<Item = &str>> {
        let index = self.find(path)?;
        let is_known = self.node(index).kind == NodeKind::Path;
        let targets = self.dag.dependencies(index.0).iter();
        is_known.then(|| targets.map(|&to| self.base_name(NodeIdx(to))))
    }

    /// Iterates over what a node needs, and why, in the order of the nodes.
    pub fn dependencies(&self, index: NodeIdx) -> impl Iterator<Item = (NodeIdx, &Dependency)> {
        // The builder adds edges in the order of the rows, so their numbers are their places there.
        let targets = self.dag.dependencies(index.0).iter();
        let range = self.dag.edge_range(index.0);
        targets
            .zip(range)
            .map(|(&to, edge)| (NodeIdx(to), &self.graph[EdgeIndex::new(edge)]))
    }

    /// Returns what a derivation says besides what it needs and makes; `None` where it is not at hand, or
    /// where nobody said that recipes are to be kept.
    #[must_use]
    pub fn recipe(&self, index: NodeIdx) -> Option<&Recipe> {
        self.recipes.as_ref()?.get(&index)
    }

    /// Returns the bare structure: the same nodes, for algorithms.
    #[must_use]
    pub fn dag(&self) -> &Dag {
        &self.dag
    }

    /// Returns the graph as petgraph knows it, edges from dependent to dependency.
    #[must_use]
    pub fn petgraph(&self) -> &DiGraph<Node, Dependency> {
        &self.graph
    }
}
