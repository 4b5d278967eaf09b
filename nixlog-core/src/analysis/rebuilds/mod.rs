//! Why derivations are built now that were not before: which differ by themselves, and which merely follow.
//!
//! A derivation is a root if it differs otherwise than through its inputs. What depends on a root follows.
//! A download that only one derivation needs belongs to that: its `src` has changed. So does what a derivation
//! newly needs.
//!
//! ```text
//! app ──► curl ──► openssl ──► openssl-3.0.15.tar.gz
//! follows  follows  root: src    needed by the root
//! ```

mod differences;
mod matching;
mod values;

use std::collections::{BTreeSet, HashMap};

use foldhash::fast::FixedState;
use indexmap::IndexMap;

use self::differences::{differences, in_order, source_change};
use self::matching::Matching;
pub use self::matching::Side;
use super::run_graph::RunGraph;
use crate::graph::{NodeIdx, NodeKind};
use crate::names::named;
use crate::timeline::Timeline;

named! {
    /// What became of a derivation.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum Became {
        /// What it makes is the same.
        Same = "same",
        /// It differs by itself.
        Changed = "changed",
        /// It differs only in what it needs.
        Follows = "follows",
        /// There was none like it.
        New = "new",
        /// It differs, and nobody knows in what: one of the two is not at hand.
        Unknown = "unknown",
    }
}

/// Why derivations are built.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rebuilds {
    /// What differs by itself and is built, or because of which something else is; those behind most of it
    /// first.
    pub roots: Vec<Root>,
    /// What is built although it is the same as before, each with what it was.
    pub unexplained: Vec<(NodeIdx, Option<NodeIdx>)>,
    /// How many are built that are no roots and needed by none, but follow.
    pub n_follow: usize,
    /// How many of those follow from several roots.
    pub n_shared: usize,
    /// How many are built because roots newly need them.
    pub n_needed: usize,
    /// How many roots are behind each derivation of the new side, by node.
    behind: Vec<u32>,
}

impl Rebuilds {
    /// Returns because of how many roots a derivation is built.
    #[must_use]
    pub fn roots_behind(&self, node: NodeIdx) -> u32 {
        self.behind.get(node.0 as usize).copied().unwrap_or(0)
    }
}

/// A derivation that differs by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Root {
    /// The derivation of the new side.
    pub node: NodeIdx,
    /// What it was before; `None` if there was none like it.
    pub old: Option<NodeIdx>,
    /// What became of it.
    pub became: Became,
    /// It is built itself. If not, it came from a cache, or was there.
    pub is_built: bool,
    /// What differs.
    pub changes: Vec<Change>,
    /// What is built because it needs it and did not before: downloads of its own that have changed among
    /// them.
    pub needed: Vec<NodeIdx>,
    /// What is built because it depends on this.
    pub cascade: Vec<NodeIdx>,
}

/// Something that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// A variable of the builder's environment, or `builder`, `args`, `system`, `input`, `inputs`, `source`,
    /// `derivation`.
    pub what: String,
    /// What of the old value is gone; `None` for nothing.
    pub old: Option<String>,
    /// What of the new value was not there; `None` for nothing.
    pub new: Option<String>,
}

/// Finds out why derivations of the new side are built; `is_built` tells which are. Recipes must have been kept
/// of both sides: what is not at hand is unknown. Takes O(r · m / 64) for r roots and m edges, besides what
/// there is to compare and to list.
#[must_use]
pub fn rebuilds(old: &Side<'_>, new: &Side<'_>, is_built: impl Fn(NodeIdx) -> bool) -> Rebuilds {
    let mut search = Search {
        matching: Matching::new(old, new),
        became: vec![Became::Same; new.graph.len()],
        changes: HashMap::default(),
        old,
        new,
    };
    search.compare();
    let (mut roots, needed) = search.roots(&is_built);
    let behind = search.follow(&mut roots, &needed, &is_built);
    let is_root: BTreeSet<NodeIdx> = roots.iter().map(|root| root.node).collect();
    let mut found = Rebuilds::default();
    for node in new.derivations().filter(|&node| is_built(node)) {
        let roots = behind[node.0 as usize];
        if is_root.contains(&node) {
        } else if needed.contains(&node) {
            found.n_needed += 1;
        } else if roots > 0 {
            found.n_follow += 1;
            found.n_shared += usize::from(roots > 1);
        } else {
            found.unexplained.push((node, search.matching.old_of(node)));
        }
    }
    roots.retain(|root| root.is_built || !root.needed.is_empty() || !root.cascade.is_empty());
    roots.sort_by_cached_key(|root| {
        let size = root.cascade.len() + root.needed.len();
        (std::cmp::Reverse(size), new.name(root.node).to_owned())
    });
    found.roots = roots;
    found.behind = behind;
    found
}

/// A run, as far as it can be compared with another.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Ran<'a> {
    /// What ran.
    pub timeline: &'a Timeline,
    /// Its derivations.
    pub side: Side<'a>,
    /// The derivations that it built, each with its first unit, as an index into [`Timeline::units`].
    pub built: IndexMap<NodeIdx, usize>,
}

impl<'a> Ran<'a> {
    /// Takes a run with the derivations of a side.
    #[must_use]
    pub fn new(timeline: &'a Timeline, run: &RunGraph, side: Side<'a>) -> Self {
        let mut built = IndexMap::new();
        for ran in run.nodes() {
            if let (Some(unit), Some(node)) = (ran.unit, ran.node) {
                let it = &timeline.units()[unit];
                if it.started && it.kind.is_derivation() && side.has(node) {
                    built.entry(node).or_insert(unit);
                }
            }
        }
        Self {
            timeline,
            side,
            built,
        }
    }

    /// Finds out why it built what another run had not.
    #[must_use]
    pub fn rebuilds(&self, before: &Ran<'_>) -> Rebuilds {
        rebuilds(&before.side, &self.side, |node| {
            self.built.contains_key(&node)
        })
    }
}

struct Search<'s, 'a> {
    old: &'s Side<'a>,
    new: &'s Side<'a>,
    matching: Matching,
    /// By node of the new side.
    became: Vec<Became>,
    changes: HashMap<NodeIdx, Vec<Change>, FixedState>,
}

impl Search<'_, '_> {
    fn of(&self, node: NodeIdx) -> Became {
        self.became[node.0 as usize]
    }

    /// Finds out what became of each derivation, dependencies first.
    fn compare(&mut self) {
        for &place in self.new.graph.dag().topological() {
            let node = NodeIdx(place);
            if !self.new.has(node) {
                continue;
            }
            let Some(before) = self.matching.old_of(node) else {
                self.became[place as usize] = Became::New;
                continue;
            };
            if self.is_same(before, node) {
                continue;
            }
            let found = differences(self.old, self.new, &self.matching, (before, node));
            let Some(mut changes) = found else {
                self.became[place as usize] = Became::Unknown;
                continue;
            };
            let inputs = || self.new.inputs(node);
            let sources = inputs().filter(|&input| self.is_source_of_one(input));
            let sources = sources.filter_map(|input| {
                let sides = (self.matching.old_of(input)?, input);
                Some(source_change(self.old, self.new, sides, node))
            });
            changes.extend(sources);
            let follows = inputs().any(|input| self.of(input) != Became::Same);
            let is_fixed = self.new.graph.node(node).is_fixed_output;
            self.became[place as usize] = match changes.is_empty() {
                false => Became::Changed,
                true if follows && !is_fixed => Became::Follows,
                // Of what is known only after the build nobody knows that it differs.
                true if !self.has_paths(node) => Became::Same,
                true => {
                    let path = |side: &Side<'_>, node| Some(side.graph.base_name(node).to_owned());
                    changes.push(Change {
                        what: "derivation".to_owned(),
                        old: path(self.old, before),
                        new: path(self.new, node),
                    });
                    Became::Changed
                }
            };
            if !changes.is_empty() {
                self.changes.insert(node, in_order(changes));
            }
        }
    }

    fn has_paths(&self, node: NodeIdx) -> bool {
        let outputs = &self.new.graph.node(node).outputs;
        outputs.iter().all(|output| output.path.is_some())
    }

    /// Tells whether two derivations make the same: they are the same, or promise the same paths.
    fn is_same(&self, before: NodeIdx, after: NodeIdx) -> bool {
        if self.old.graph.base_name(before) == self.new.graph.base_name(after) {
            return true;
        }
        let was = &self.old.graph.node(before).outputs;
        let is = &self.new.graph.node(after).outputs;
        let both_at_hand = self.new.graph.node(after).kind == NodeKind::Derivation;
        both_at_hand && !is.is_empty() && self.has_paths(after) && {
            let mut was: Vec<_> = was.iter().map(|it| (&it.name, &it.path)).collect();
            let mut is: Vec<_> = is.iter().map(|it| (&it.name, &it.path)).collect();
            was.sort_unstable();
            is.sort_unstable();
            was == is
        }
    }

    /// Tells whether this is a download that has changed and that one derivation alone needs.
    fn is_source_of_one(&self, node: NodeIdx) -> bool {
        self.new.graph.node(node).is_fixed_output
            && self.of(node) == Became::Changed
            && self.new.dependents(node).count() == 1
    }

    /// Tells whether a derivation is built only because something else needs it now.
    fn is_needed(&self, node: NodeIdx) -> bool {
        self.of(node) == Became::New || self.is_source_of_one(node)
    }

    /// Finds the roots, and what they newly need.
    fn roots(&mut self, is_built: &impl Fn(NodeIdx) -> bool) -> (Vec<Root>, BTreeSet<NodeIdx>) {
        let order = self.new.graph.dag().topological();
        let order = order.iter().rev().map(|&place| NodeIdx(place));
        let order: Vec<NodeIdx> = order.filter(|&node| self.new.has(node)).collect();
        let mut roots: Vec<Root> = Vec::new();
        let mut needed = BTreeSet::new();
        let is_root = |&&node: &&NodeIdx| {
            matches!(self.of(node), Became::Changed | Became::Unknown) && !self.is_needed(node)
        };
        let first: Vec<NodeIdx> = order.iter().filter(is_root).copied().collect();
        for node in first {
            roots.push(self.root(node, &mut needed, is_built));
        }
        // What is new and that nothing needs which was there before, from the top down.
        for &node in order.iter().filter(|&&node| self.is_needed(node)) {
            if !needed.contains(&node) {
                roots.push(self.root(node, &mut needed, is_built));
            }
        }
        (roots, needed)
    }

    fn root(
        &self,
        node: NodeIdx,
        all_needed: &mut BTreeSet<NodeIdx>,
        is_built: &impl Fn(NodeIdx) -> bool,
    ) -> Root {
        let mut todo = vec![node];
        let mut needed = BTreeSet::new();
        while let Some(it) = todo.pop() {
            let inputs = self.new.inputs(it);
            let more: Vec<NodeIdx> = inputs
                .filter(|&input| self.is_needed(input) && needed.insert(input))
                .collect();
            todo.extend(more);
        }
        all_needed.extend(&needed);
        Root {
            node,
            old: self.matching.old_of(node),
            became: self.of(node),
            is_built: is_built(node),
            changes: self.changes.get(&node).cloned().unwrap_or_default(),
            needed: needed.into_iter().filter(|&it| is_built(it)).collect(),
            cascade: Vec::new(),
        }
    }

    /// Finds what follows from each root; returns how many are behind each derivation.
    fn follow(
        &self,
        roots: &mut [Root],
        needed: &BTreeSet<NodeIdx>,
        is_built: &impl Fn(NodeIdx) -> bool,
    ) -> Vec<u32> {
        let n_nodes = self.new.graph.len();
        let mut behind = vec![0; n_nodes];
        // As many roots at once as a word has bits.
        for roots in roots.chunks_mut(64) {
            let mut own = vec![0_u64; n_nodes];
            for (bit, root) in roots.iter().enumerate() {
                own[root.node.0 as usize] |= 1 << bit;
            }
            let mut masks = vec![0_u64; n_nodes];
            for &place in self.new.graph.dag().topological() {
                let node = NodeIdx(place);
                // What a download makes does not depend on what it needs.
                let is_fixed = self.new.graph.node(node).is_fixed_output;
                if !self.new.has(node) || is_fixed || self.of(node) == Became::Same {
                    continue;
                }
                let inputs = self.new.inputs(node).map(|input| input.0 as usize);
                let mask = inputs.fold(0, |mask, input| mask | masks[input] | own[input]);
                masks[place as usize] = mask;
                if mask == 0 || needed.contains(&node) || !is_built(node) {
                    continue;
                }
                behind[place as usize] += mask.count_ones();
                for (bit, root) in roots.iter_mut().enumerate() {
                    if mask >> bit & 1 == 1 {
                        root.cascade.push(node);
                    }
                }
            }
        }
        behind
    }
}
