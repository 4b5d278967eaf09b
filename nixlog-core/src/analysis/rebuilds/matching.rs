//! Which derivation of one side is which of the other.
//!
//! Hashes change with whatever is below, so they match only what did not change at all. All else is matched
//! from the roots down, in pairs: what the one needs is matched with what the other needs, by name, system and
//! outputs, and where several agree in that by where they stand in the recipe. What is left is matched by name.

use std::collections::{BTreeMap, VecDeque};

use super::super::run_graph::RunGraph;
use crate::graph::{DerivationGraph, Direction, NodeIdx, Recipe, closure};
use crate::store_path::{StorePath, name_of, pname_of};

/// One of two sets of derivations that are compared.
#[derive(Debug, Clone)]
pub struct Side<'a> {
    /// The derivations.
    pub graph: &'a DerivationGraph,
    /// Those that count, by node.
    counts: Vec<bool>,
}

impl<'a> Side<'a> {
    /// Takes all derivations of a graph.
    #[must_use]
    pub fn all(graph: &'a DerivationGraph) -> Self {
        let counts = graph.nodes().map(|it| graph.node(it).is_derivation());
        Self {
            counts: counts.collect(),
            graph,
        }
    }

    /// Takes these, and all that they need.
    #[must_use]
    pub fn below(graph: &'a DerivationGraph, nodes: &[NodeIdx]) -> Self {
        let nodes: Vec<u32> = nodes.iter().map(|node| node.0).collect();
        let mut counts = vec![false; graph.len()];
        for node in closure(graph.dag(), &nodes, Direction::Dependencies) {
            counts[node as usize] = graph.node(NodeIdx(node)).is_derivation();
        }
        Self { graph, counts }
    }

    /// Takes what a run is about, and all that it needs: beside it there may be derivations of other runs.
    #[must_use]
    pub fn of_run(graph: &'a DerivationGraph, run: &RunGraph) -> Self {
        let nodes = run.nodes().iter().filter_map(|ran| ran.node);
        let nodes = nodes.flat_map(|node| {
            let maker = graph.maker(graph.base_name(node));
            [Some(node), maker.map(|(maker, _)| maker)]
        });
        let nodes: Vec<NodeIdx> = nodes.flatten().collect();
        Self::below(graph, &nodes)
    }

    /// Tells whether a node is one of the derivations.
    #[must_use]
    pub fn has(&self, node: NodeIdx) -> bool {
        self.counts.get(node.0 as usize) == Some(&true)
    }

    /// Iterates over the derivations.
    pub fn derivations(&self) -> impl Iterator<Item = NodeIdx> {
        self.graph.nodes().filter(|&node| self.has(node))
    }

    /// Iterates over the derivations that one needs.
    pub(super) fn inputs(&self, node: NodeIdx) -> impl Iterator<Item = NodeIdx> {
        let needs = self.graph.dag().dependencies(node.0).iter();
        needs.map(|&to| NodeIdx(to)).filter(|&to| self.has(to))
    }

    /// Iterates over the derivations that need one.
    pub(super) fn dependents(&self, node: NodeIdx) -> impl Iterator<Item = NodeIdx> {
        let needs = self.graph.dag().dependents(node.0).iter();
        needs.map(|&from| NodeIdx(from)).filter(|&it| self.has(it))
    }

    /// Returns the name of a derivation, without hash and `.drv`.
    pub(super) fn name(&self, node: NodeIdx) -> &'a str {
        name_of(self.graph.base_name(node))
    }

    fn key(&self, node: NodeIdx, by: By) -> Key<'a> {
        let it = self.graph.node(node);
        let name = self.name(node);
        let mut outputs: Vec<&str> = it.outputs.iter().map(|output| &*output.name).collect();
        outputs.sort_unstable();
        match by {
            By::Name => (name, &it.system, outputs, it.is_fixed_output),
            By::Pname => (pname_of(name), &it.system, outputs, it.is_fixed_output),
            By::Kind => ("", &it.system, Vec::new(), it.is_fixed_output),
        }
    }
}

/// What two derivations must have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Name,
    Pname,
    /// Only that both fetch something, or both do not.
    Kind,
}

type Key<'a> = (&'a str, &'a str, Vec<&'a str>, bool);

/// Which derivation is which. None is matched twice.
#[derive(Debug)]
pub(super) struct Matching {
    old_of: Vec<Option<NodeIdx>>,
    /// Which of the old side are taken.
    is_taken: Vec<bool>,
}

impl Matching {
    pub(super) fn new(old: &Side<'_>, new: &Side<'_>) -> Self {
        let mut matching = Self {
            old_of: vec![None; new.graph.len()],
            is_taken: vec![false; old.graph.len()],
        };
        for node in new.derivations() {
            let same = old.graph.find(new.graph.base_name(node));
            if let Some(same) = same.filter(|&same| old.has(same)) {
                matching.pair(same, node);
            }
        }
        let root = |side: &Side<'_>| -> Vec<NodeIdx> {
            let all = side.derivations();
            all.filter(|&it| side.dependents(it).next().is_none())
                .collect()
        };
        let roots = (root(old), root(new));
        let pairs = matching.pair_up(old, new, (&roots.0, &roots.1), None);
        matching.walk(old, new, pairs);
        for by in [By::Name, By::Pname] {
            let left = (
                old.derivations().filter(|it| matching.is_old_free(*it)),
                new.derivations().filter(|it| matching.is_new_free(*it)),
            );
            let left: (Vec<NodeIdx>, Vec<NodeIdx>) = (left.0.collect(), left.1.collect());
            let pairs = matching.agree(old, new, (&left.0, &left.1), by, None);
            matching.walk(old, new, pairs);
        }
        matching
    }

    /// Returns what a derivation of the new side was before.
    pub(super) fn old_of(&self, new: NodeIdx) -> Option<NodeIdx> {
        self.old_of[new.0 as usize]
    }

    fn is_old_free(&self, old: NodeIdx) -> bool {
        !self.is_taken[old.0 as usize]
    }

    fn is_new_free(&self, new: NodeIdx) -> bool {
        self.old_of[new.0 as usize].is_none()
    }

    fn pair(&mut self, old: NodeIdx, new: NodeIdx) {
        self.old_of[new.0 as usize] = Some(old);
        self.is_taken[old.0 as usize] = true;
    }

    /// Matches what pairs need, and what those need, as far as that goes.
    fn walk(&mut self, old: &Side<'_>, new: &Side<'_>, pairs: Vec<(NodeIdx, NodeIdx)>) {
        let mut todo = VecDeque::from(pairs);
        while let Some((before, after)) = todo.pop_front() {
            let olds: Vec<NodeIdx> = old.inputs(before).collect();
            let news: Vec<NodeIdx> = new.inputs(after).collect();
            let recipes = old.graph.recipe(before).zip(new.graph.recipe(after));
            todo.extend(self.pair_up(old, new, (&olds, &news), recipes));
        }
    }

    /// Matches some of both sides that stand in the same place; returns the pairs.
    fn pair_up(
        &mut self,
        old: &Side<'_>,
        new: &Side<'_>,
        (olds, news): (&[NodeIdx], &[NodeIdx]),
        recipes: Option<(&Recipe, &Recipe)>,
    ) -> Vec<(NodeIdx, NodeIdx)> {
        let mut pairs = Vec::new();
        for by in [By::Name, By::Pname, By::Kind] {
            // What has another name is the same thing only if it stands in the same place.
            if by == By::Kind && recipes.is_none() && olds.len() + news.len() != 2 {
                continue;
            }
            pairs.extend(self.agree(old, new, (olds, news), by, recipes));
        }
        pairs
    }

    /// Matches those that agree in something and are the only ones that do, or the only ones in their place.
    fn agree(
        &mut self,
        old: &Side<'_>,
        new: &Side<'_>,
        (olds, news): (&[NodeIdx], &[NodeIdx]),
        by: By,
        recipes: Option<(&Recipe, &Recipe)>,
    ) -> Vec<(NodeIdx, NodeIdx)> {
        let mut groups: BTreeMap<Key<'_>, (Vec<NodeIdx>, Vec<NodeIdx>)> = BTreeMap::new();
        for &it in olds.iter().filter(|it| self.is_old_free(**it)) {
            groups.entry(old.key(it, by)).or_default().0.push(it);
        }
        for &it in news.iter().filter(|it| self.is_new_free(**it)) {
            groups.entry(new.key(it, by)).or_default().1.push(it);
        }
        let mut pairs = Vec::new();
        for (olds, news) in groups.into_values() {
            match (&olds[..], &news[..], recipes) {
                ([], _, _) | (_, [], _) => {}
                (&[before], &[after], _) if by != By::Kind || recipes.is_none() => {
                    pairs.push((before, after));
                }
                (_, _, Some((before, after))) => {
                    let mut places: BTreeMap<String, NodeIdx> = BTreeMap::new();
                    for it in olds {
                        places.extend(place(old.graph, it, before).map(|place| (place, it)));
                    }
                    let found = news.into_iter().filter_map(|it| {
                        let place = place(new.graph, it, after)?;
                        Some((places.remove(&place)?, it))
                    });
                    pairs.extend(found);
                }
                // Nothing tells which is which: neither is said to be the other.
                (_, _, None) => {}
            }
        }
        for &(before, after) in &pairs {
            self.pair(before, after);
        }
        pairs
    }
}

/// Returns where in a recipe the outputs of a derivation occur first: the variable, and how many words come
/// before it there.
pub(super) fn place(graph: &DerivationGraph, input: NodeIdx, recipe: &Recipe) -> Option<String> {
    let (variable, before) = variable(graph, input, recipe)?;
    let number = before.matches([' ', '\n', ':', '"']).count();
    Some(format!("{variable} {number}"))
}

/// Returns the first variable of a recipe in which an output of a derivation occurs, and what comes before it
/// there.
pub(super) fn variable<'r>(
    graph: &DerivationGraph,
    input: NodeIdx,
    recipe: &'r Recipe,
) -> Option<(&'r str, &'r str)> {
    let outputs = graph.node(input).outputs.iter();
    let paths = outputs.filter_map(|output| output.path.as_deref());
    let hashes: Vec<&str> = paths
        .filter_map(|path| Some(StorePath::parse(path)?.hash()))
        .collect();
    let args = recipe.args.iter().map(|arg| ("args", &**arg));
    let env = recipe.env.iter().map(|(name, value)| (&**name, &**value));
    let builder = [("builder", &*recipe.builder)];
    env.chain(args).chain(builder).find_map(|(name, value)| {
        let at = hashes.iter().filter_map(|hash| value.find(hash)).min()?;
        Some((name, &value[..at]))
    })
}
