//! What the log itself says that single units waited for: a lock, a machine, a build user.
//!
//! Nix names what waits: the `.drv`, or the paths whose lock another process holds. A lock need not be
//! the unit's own: while somebody else builds what it needs, all that this Nix says is that it waits
//! for a lock on that path, and then it goes on as if that had been there. Who ran had all that it
//! needs, so that such a lock holds up nobody behind him.

use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;

use super::run_graph::{RunGraph, RunNode};
use crate::graph::DerivationGraph;
use crate::intervals::least;
use crate::store_path::name_of;
use crate::time::Interval;
use crate::timeline::{Part, Timeline, UnitKind};

type Map<K, V> = HashMap<K, V, FixedState>;

/// A wait: when, its place among all waits, and what was waited for.
type Held = (Interval, (usize, Part));

/// No name in a store is longer (`checkName` in Nix's `path.cc`).
const LONGEST_NAME: usize = 211;

/// The waits, to be looked up by what they are for.
#[derive(Debug, Clone, Default)]
pub(super) struct Holds {
    /// Lists of waits for one thing each, without overlaps, in the order of time.
    waits: Vec<Vec<Held>>,
    /// Which of these name a unit, by its index.
    of_unit: Map<usize, Vec<usize>>,
    /// Which of these are for locks on what a node of the derivation graph makes.
    of_maker: Map<u32, usize>,
    /// What nodes need that is such a node, or did not run and leads to one.
    needs: Map<u32, Vec<u32>>,
}

/// Lists of waits, by what they are for.
#[derive(Debug)]
struct Lists<K>(Map<K, Vec<Held>>);

impl<K: std::hash::Hash + Eq> Lists<K> {
    fn new() -> Self {
        Self(Map::default())
    }

    fn add(&mut self, key: K, held: Held) {
        self.0.entry(key).or_default().push(held);
    }

    /// Moves the lists to all others; returns where each is.
    fn numbers(self, waits: &mut Vec<Vec<Held>>) -> Map<K, usize> {
        let lists = self.0.into_iter();
        let number = lists.map(|(key, list)| {
            waits.push(least(list));
            (key, waits.len() - 1)
        });
        number.collect()
    }
}

impl Holds {
    /// Finds out who waited. Takes O(n + m + w log w) for w waits.
    pub(super) fn new(timeline: &Timeline, graph: &DerivationGraph, run: &RunGraph) -> Self {
        let fillers = (0..).zip(timeline.fillers());
        let named: Vec<(&str, Held)> = fillers
            .filter_map(|(place, filler)| {
                let held = (filler.stretch.interval, (place, filler.stretch.part));
                Some((timeline.name(filler.subject?), held))
            })
            .collect();
        if named.is_empty() {
            return Self::default();
        }
        let builds = timeline.units().iter();
        let builds = builds.filter(|unit| unit.kind.is_derivation());
        let names: HashSet<&str, FixedState> = builds
            .map(|unit| build_name(timeline.name(unit.subject)))
            .collect();
        let (mut drvs, mut paths, mut outputs) = (Lists::new(), Lists::new(), Lists::new());
        let mut makers = Lists::new();
        for (subject, held) in named {
            if held.1.1 != Part::Lock {
                drvs.add(subject, held);
                continue;
            }
            // Each in quotes.
            for path in subject.split('\'').skip(1).step_by(2) {
                paths.add(path, held);
                for name in may_be_of(path).filter(|name| names.contains(name)) {
                    outputs.add(name, held);
                }
                if let Some((maker, _)) = graph.maker(path) {
                    makers.add(maker.0, held);
                }
            }
        }
        let mut holds = Self::default();
        let drvs = drvs.numbers(&mut holds.waits);
        let paths = paths.numbers(&mut holds.waits);
        let outputs = outputs.numbers(&mut holds.waits);
        for (number, unit) in timeline.units().iter().enumerate() {
            let subject = timeline.name(unit.subject);
            let planned = unit.planned.map(|planned| timeline.name(planned));
            let of_unit: Vec<usize> = match unit.kind {
                UnitKind::Substitution => paths.get(subject).copied().into_iter().collect(),
                kind if kind.is_derivation() => {
                    let planned = planned.filter(|&planned| planned != subject);
                    let own = [Some(subject), planned].into_iter().flatten();
                    let own = own.filter_map(|drv| drvs.get(drv));
                    let named = outputs.get(build_name(subject));
                    own.chain(named).copied().collect()
                }
                _ => continue,
            };
            if !of_unit.is_empty() {
                holds.of_unit.insert(number, of_unit);
            }
        }
        holds.of_maker = makers.numbers(&mut holds.waits);
        holds.find_needs(graph, run.nodes());
        holds
    }

    /// Follows what is locked to whatever needs it, up to what ran.
    fn find_needs(&mut self, graph: &DerivationGraph, nodes: &[RunNode]) {
        let ran = nodes.iter().filter(|node| node.unit.is_some());
        let ran: HashSet<u32, FixedState> = ran.filter_map(|node| Some(node.node?.0)).collect();
        let mut seen: HashSet<u32, FixedState> = self.of_maker.keys().copied().collect();
        let mut todo: Vec<u32> = seen.iter().copied().collect();
        while let Some(node) = todo.pop() {
            if ran.contains(&node) {
                continue;
            }
            for &dependent in graph.dag().dependents(node) {
                self.needs.entry(dependent).or_default().push(node);
                if seen.insert(dependent) {
                    todo.push(dependent);
                }
            }
        }
    }

    /// Returns what a unit, which is this node, waited for in a stretch of time: in the order of time,
    /// without overlaps. Where it waited for several things at once, the first that the log names counts.
    pub(super) fn of(
        &self,
        unit: usize,
        node: &RunNode,
        during: Interval,
    ) -> Vec<(Interval, Part)> {
        let mut lists = self.of_unit.get(&unit).cloned().unwrap_or_default();
        let mut todo: Vec<u32> = node.node.map(|node| node.0).into_iter().collect();
        let mut seen: HashSet<u32, FixedState> = HashSet::default();
        while let Some(node) = todo.pop() {
            if seen.insert(node) {
                lists.extend(self.of_maker.get(&node));
                todo.extend(self.needs.get(&node).into_iter().flatten());
            }
        }
        let held = lists.into_iter().flat_map(|list| {
            let list = &self.waits[list];
            let first = list.partition_point(|(interval, _)| interval.end() <= during.start());
            let later = list[first..].iter().copied();
            later.take_while(|(interval, _)| interval.start() < during.end())
        });
        let held = least(held).into_iter();
        held.map(|(interval, (_, part))| (interval, part)).collect()
    }
}

/// Returns what the outputs of a derivation are called after.
fn build_name(drv: &str) -> &str {
    name_of(drv).trim_end_matches(".drv")
}

/// Lists the names of derivations of which a path may be an output: `lib`, if it is called `lib-dev`.
fn may_be_of(path: &str) -> impl Iterator<Item = &str> {
    let name = name_of(path);
    let ends = memchr::memchr_iter(b'-', name.as_bytes()).chain([name.len()]);
    let ends = ends.filter(|&end| end > 0);
    ends.take_while(|&end| end <= LONGEST_NAME)
        .map(|end| &name[..end])
}
