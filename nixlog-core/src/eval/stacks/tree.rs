//! The stacks themselves, merged where they begin alike: what a flame graph draws.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::keys::{By, Keys, NONE, Names};
use super::reader::Facts;
use super::texts::Texts;
use super::{Sink, Unit};

/// How many calls are kept while reading: some 30 MB.
const MOST: usize = 1 << 18;

/// Keeps stacks, so that they can be drawn.
///
/// Where they are too many, those that cost least so far become a part of their callers, as often as need be.
#[derive(Debug)]
pub struct Tree<'n> {
    keys: Keys<'n>,
    most: usize,
    nodes: Vec<Growing>,
    children: HashMap<(u32, u32), u32, FixedState>,
    stack: Vec<Position>,
}

/// A call that may grow.
#[derive(Debug, Clone, Copy)]
struct Growing {
    key: u32,
    /// Comes before it.
    parent: u32,
    own: u64,
    /// Of that, what was spent in calls that have become a part of this one.
    merged: u64,
}

#[derive(Debug, Clone, Copy)]
struct Position {
    frame: u32,
    /// The key that a node of its own is for; [`NONE`] where it is a part of its caller's.
    key: u32,
    node: u32,
}

/// Stacks that are merged where they begin alike.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CallTree {
    /// What costs are counted in.
    pub unit: Unit,
    /// What else is known of the profile, and what could not be read.
    pub facts: Facts,
    /// All calls, each before those that it makes, which are sorted by name. The first is no call: it stands for
    /// all of the profile.
    pub calls: Vec<Call>,
    names: Vec<String>,
}

/// A call with all those that come the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// How many calls lie around it: 0 only for the first.
    pub depth: usize,
    /// What was spent in it alone.
    pub own: u64,
    /// Of that, what was spent in calls that have become a part of this one, since they cost too little.
    pub merged: u64,
    /// What was spent in it and in all that it called.
    pub inclusive: u64,
    name: u32,
}

impl<'n> Tree<'n> {
    /// Begins to keep stacks of such keys. Calls of one key within each other, directly, are one, unless they are
    /// calls of functions.
    #[must_use]
    pub fn new(by: By, names: &'n dyn Names) -> Self {
        Self::with_most(by, names, MOST)
    }

    pub(super) fn with_most(by: By, names: &'n dyn Names, most: usize) -> Self {
        Self {
            keys: Keys::new(by, names),
            most,
            nodes: vec![Growing {
                key: NONE,
                parent: 0,
                own: 0,
                merged: 0,
            }],
            children: HashMap::default(),
            stack: Vec::new(),
        }
    }

    /// Returns the node of a key below another one.
    fn child(&mut self, parent: u32, key: u32) -> u32 {
        let nodes = &mut self.nodes;
        *self.children.entry((parent, key)).or_insert_with(|| {
            nodes.push(Growing {
                key,
                parent,
                own: 0,
                merged: 0,
            });
            u32::try_from(nodes.len() - 1).unwrap_or(u32::MAX)
        })
    }

    /// Returns what each node cost, with all below it.
    fn inclusive(&self) -> Vec<u64> {
        let mut inclusive: Vec<u64> = self.nodes.iter().map(|node| node.own).collect();
        for at in (1..inclusive.len()).rev() {
            inclusive[self.nodes[at].parent as usize] += inclusive[at];
        }
        inclusive
    }

    /// Makes those that cost least a part of their callers, until half of the most are left, or fewer.
    fn merge(&mut self) {
        let inclusive = self.inclusive();
        let mut sorted = inclusive.clone();
        let middle = (self.most / 2).min(sorted.len() - 1);
        let (_, &mut limit, _) = sorted.select_nth_unstable_by(middle, |a, b| b.cmp(a));
        let nodes = std::mem::take(&mut self.nodes);
        let mut moved: Vec<u32> = Vec::with_capacity(nodes.len());
        self.children.clear();
        for (at, node) in nodes.into_iter().enumerate() {
            let parent = moved.get(node.parent as usize).copied().unwrap_or(0);
            if at == 0 {
                self.nodes.push(node);
                moved.push(0);
            } else if inclusive[at] > limit {
                let new = self.child(parent, node.key);
                self.nodes[new as usize].own = node.own;
                self.nodes[new as usize].merged = node.merged;
                moved.push(new);
            } else {
                self.nodes[parent as usize].own += node.own;
                self.nodes[parent as usize].merged += node.own;
                moved.push(parent);
            }
        }
        let mut node = 0;
        for at in 0..self.stack.len() {
            if self.stack[at].key != NONE {
                node = self.child(node, self.stack[at].key);
            }
            self.stack[at].node = node;
        }
    }
}

impl Sink for Tree<'_> {
    type Result = CallTree;

    fn push(&mut self, frame: u32, frames: &Texts) {
        let above = self.stack.last().copied();
        let mut key = self.keys.key(frame, above.map(|above| above.frame), frames);
        let mut node = above.map_or(0, |above| above.node);
        let is_function = matches!(self.keys.by(), By::Frame | By::Function);
        if !is_function && self.nodes[node as usize].key == key {
            key = NONE;
        }
        if key != NONE {
            node = self.child(node, key);
        }
        self.stack.push(Position { frame, key, node });
    }

    fn pop(&mut self) {
        self.stack.pop();
    }

    fn add(&mut self, cost: u64, _: &Texts) {
        let node = self.stack.last().map_or(0, |position| position.node);
        self.nodes[node as usize].own += cost;
        // A stack that is deeper than the limit must not make it merge again and again.
        if self.nodes.len() > self.most + 2 * self.stack.len() {
            self.merge();
        }
    }

    fn finish(self, frames: &Texts, facts: Facts) -> CallTree {
        let inclusive = self.inclusive();
        let mut number_of_key = vec![0; self.keys.len()];
        let mut names = vec!["all".to_owned()];
        for node in &self.nodes {
            let number = &mut number_of_key[node.key as usize];
            if let Some(name) = self.keys.name(node.key, frames).filter(|_| *number == 0) {
                *number = u32::try_from(names.len()).unwrap_or(u32::MAX);
                names.push(name.into_owned());
            }
        }
        let name = |at: usize| number_of_key[self.nodes[at].key as usize];
        let mut below: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        for at in (1..self.nodes.len()).filter(|&at| inclusive[at] > 0) {
            below[self.nodes[at].parent as usize].push(at);
        }
        let mut calls = Vec::with_capacity(self.nodes.len());
        let mut next = vec![(0, 0)];
        while let Some((at, depth)) = next.pop() {
            calls.push(Call {
                depth,
                own: self.nodes[at].own,
                merged: self.nodes[at].merged,
                inclusive: inclusive[at],
                name: name(at),
            });
            let mut below = std::mem::take(&mut below[at]);
            below.sort_unstable_by(|&a, &b| names[name(b) as usize].cmp(&names[name(a) as usize]));
            next.extend(below.into_iter().map(|below| (below, depth + 1)));
        }
        CallTree {
            unit: facts.unit,
            facts,
            calls,
            names,
        }
    }
}

impl CallTree {
    /// Returns what a call is called.
    #[must_use]
    pub fn name(&self, call: &Call) -> &str {
        let name = self.names.get(call.name as usize);
        name.map_or("", String::as_str)
    }

    /// Returns all that was spent.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.calls.first().map_or(0, |all| all.inclusive)
    }

    /// Returns what was spent in calls that have become a part of their callers, since they cost too little.
    #[must_use]
    pub fn merged(&self) -> u64 {
        self.calls.iter().map(|call| call.merged).sum()
    }

    /// Returns what each call of another tree cost here, alone: what that one does not have counts for the nearest
    /// caller that it has.
    #[must_use]
    pub fn own_in(&self, other: &Self) -> Vec<u64> {
        let mut below: HashMap<(usize, &str), usize, FixedState> = HashMap::default();
        let mut around: Vec<usize> = Vec::new();
        for (at, call) in other.calls.iter().enumerate() {
            around.truncate(call.depth);
            if let Some(&caller) = around.last() {
                below.insert((caller, other.name(call)), at);
            }
            around.push(at);
        }
        let mut own = vec![0; other.calls.len()];
        // Where each call around the present one is, and whether it is that one or only a caller of it.
        let mut around: Vec<(usize, bool)> = Vec::new();
        for call in &self.calls {
            around.truncate(call.depth);
            let here = match around.last() {
                None => (0, true),
                Some(&(caller, false)) => (caller, false),
                Some(&(caller, true)) => match below.get(&(caller, self.name(call))) {
                    Some(&at) => (at, true),
                    None => (caller, false),
                },
            };
            around.push(here);
            if let Some(own) = own.get_mut(here.0) {
                *own += call.own;
            }
        }
        own
    }

    /// Returns the same with so many calls at most, each of them so large a share of all at least; the others
    /// become a part of their callers.
    #[must_use]
    pub fn narrowed(&self, most: usize, least_share: f64) -> Self {
        let mut costs: Vec<u64> = self.calls.iter().map(|call| call.inclusive).collect();
        costs.sort_unstable_by(|a, b| b.cmp(a));
        let too_little = costs.get(most).copied();
        let is_enough = |call: &Call| {
            too_little.is_none_or(|limit| call.inclusive > limit)
                && call.inclusive as f64 >= least_share * self.total() as f64
        };
        let mut calls: Vec<Call> = Vec::new();
        // Where the calls around the present one are in `calls`.
        let mut around: Vec<usize> = Vec::new();
        for call in &self.calls {
            around.truncate(call.depth);
            // A caller that was left out is missing at the end: then its calls are too, since they cost no more.
            if call.depth == 0 || (around.len() == call.depth && is_enough(call)) {
                around.push(calls.len());
                calls.push(*call);
            } else if let Some(&caller) = around.last() {
                calls[caller].own += call.own;
                calls[caller].merged += call.own;
            }
        }
        Self {
            unit: self.unit,
            facts: self.facts.clone(),
            calls,
            names: self.names.clone(),
        }
    }
}
