//! The derivation graph of what ran: units joined with derivations.
//!
//! Nodes are the builds, source fetches and substitutions of a log. Between them stand *passages*:
//! derivations and store paths that did not run but through which one that did depends on another.
//! They weigh nothing; putting edges in their place would take in × out of them.
//!
//! ```text
//! app ──► lib (valid already) ──► zlib        lib is a passage: app still depends on zlib
//! ```
//!
//! Whoever needs a passage has proof that it was there when he started. What a passage needs but
//! ended later was needed by somebody else: that edge did not matter, and is left out.

use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;

use super::holds::Holds;
use super::late;
use crate::graph::{Dag, DerivationGraph, Direction, NodeIdx, NodeKind, closure};
use crate::store_path::{StorePath, base_name, name_of};
use crate::time::{Interval, Nanos, Stamp};
use crate::timeline::{Issue, IssueCode, Name, Part, Severity, Timeline, Unit, UnitKind};

/// The units that ran and depend on each other, as a graph.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RunGraph {
    dag: Dag,
    nodes: Vec<RunNode>,
    durations: Vec<Nanos>,
    ranks: Vec<u32>,
    of_unit: HashMap<usize, u32, FixedState>,
    coverage: Coverage,
    holds: Holds,
}

/// A node of a [`RunGraph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RunNode {
    /// What ran, as an index into [`Timeline::units`]; `None`: a passage.
    pub unit: Option<usize>,
    /// The derivation or path; `None` where the derivation graph has none.
    pub node: Option<NodeIdx>,
    /// It is known what it depends on, and of all that whether it ran.
    pub known: bool,
    /// The last query to a substituter about what it makes, as an index into [`Timeline::units`].
    pub query: Option<usize>,
    /// When it started.
    pub start: Option<Stamp>,
    /// When it ended; for a passage, when all that it needs had.
    pub end: Option<Stamp>,
    /// Evaluation that went on after an import from derivation: a passage from what it waited for to
    /// what it asked for then. From the end of the one to the call for the other.
    pub evaluation: Option<Interval>,
}

/// How much of what ran the derivation graph knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Coverage {
    /// Builds and source fetches.
    pub builds: usize,
    /// Those of them whose derivation was at hand, or one that stands in.
    pub known_builds: usize,
    /// Those for which one of the same name, of another build, stands in: only where there is one for
    /// every build.
    pub builds_by_name: usize,
    /// Substitutions.
    pub substitutions: usize,
    /// Those of them whose references are known.
    pub known_substitutions: usize,
    /// Those of them that a derivation at hand makes: who needs them is known, if not what they need.
    pub made_substitutions: usize,
    /// Builds whose derivation was at hand, where these are too few: then the derivations at hand are
    /// mostly of another build, and count for nothing.
    pub ignored_builds: Option<usize>,
    /// All those that started, and of which no end is known: how long they took is no zero.
    pub unknown_ends: usize,
}

impl Coverage {
    /// Tells whether nothing is known of what depends on what.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        let known = self.known_builds + self.known_substitutions + self.made_substitutions;
        self.builds + self.substitutions > 1 && known == 0
    }
}

impl RunGraph {
    /// Says what a reader of any result should know about what is not known. Nothing where nothing is:
    /// whoever needs dependencies says so then.
    #[must_use]
    pub fn issues(&self, timeline: &Timeline) -> Vec<Issue> {
        let mut issues = Vec::new();
        let coverage = self.coverage;
        let mut add = |severity, code, count: usize, message: String| {
            if count > 0 {
                issues.push(Issue {
                    severity,
                    code,
                    count: count as u64,
                    first_line: None,
                    message,
                });
            }
        };
        let (n_strangers, strangers) = match coverage.ignored_builds {
            Some(own) => (
                1,
                format!(
                    "the derivations found are of another build: of {} builds here, {own} have their own among \
                     them; dependencies count as unknown",
                    coverage.builds
                ),
            ),
            None => (
                coverage.builds_by_name,
                "builds whose own derivation was not found: one of the same name, from another build, is used; \
                 what depends on it is an estimate, and explains no wait"
                    .to_owned(),
            ),
        };
        add(
            Severity::Warning,
            IssueCode::DerivationsOfAnotherBuild,
            n_strangers,
            strangers,
        );
        if coverage.is_nothing() {
            return issues;
        }
        let is_build = |unit: &Unit| unit.kind.is_derivation();
        let unknown = self.nodes.iter().filter(|node| !node.known);
        let units = unknown.filter_map(|node| Some(&timeline.units()[node.unit?]));
        let first = units.map(|unit| (is_build(unit), timeline.name(unit.subject)));
        let first = first
            .filter(|&(is_build, _)| is_build)
            .map(|(_, path)| path)
            .min();
        add(
            Severity::Warning,
            IssueCode::MissingDerivations,
            coverage.builds - coverage.known_builds,
            format!(
                "builds whose derivation was not found, such as `{}`: their dependencies are unknown",
                first.unwrap_or_default()
            ),
        );
        add(
            Severity::Info,
            IssueCode::MissingReferences,
            coverage.substitutions - coverage.known_substitutions,
            "substituted paths whose references are unknown; `--derivations` also takes the output of \
             `nix path-info -r --json`"
                .to_owned(),
        );
        issues
    }
}

/// Tells whether units of this kind are nodes of the graph.
#[must_use]
pub const fn is_node(kind: UnitKind) -> bool {
    kind.is_asked_for()
}

impl RunGraph {
    /// Joins a timeline with a derivation graph. Takes O(n + m log m) for n nodes and m edges.
    #[must_use]
    pub fn new(timeline: &Timeline, graph: &DerivationGraph) -> Self {
        let join = Join::new(timeline, graph);
        if !join.is_of_another_build() {
            return join.connect();
        }
        let found = join.coverage;
        let nothing = DerivationGraph::default();
        let mut run = Join::new(timeline, &nothing).connect();
        run.coverage.ignored_builds = Some(found.known_builds);
        run
    }

    /// Returns the structure: dense nodes, edges from dependent to dependency.
    #[must_use]
    pub fn dag(&self) -> &Dag {
        &self.dag
    }

    /// Returns what the nodes are.
    #[must_use]
    pub fn nodes(&self) -> &[RunNode] {
        &self.nodes
    }

    /// Returns how long each node took: 0 for passages, and for units whose end is not known.
    #[must_use]
    pub fn durations(&self) -> &[Nanos] {
        &self.durations
    }

    /// Returns each node's place in Nix's own order: substitutions before builds, then by name, then
    /// by path (`CompareGoalPtrs` and the goals' keys in Nix's `goal.cc`). The same whatever order the
    /// units came in.
    #[must_use]
    pub fn ranks(&self) -> &[u32] {
        &self.ranks
    }

    /// Finds the node of a unit.
    #[must_use]
    pub fn node_of(&self, unit: usize) -> Option<u32> {
        self.of_unit.get(&unit).copied()
    }

    /// Returns the unit of a node; `None` for a passage.
    #[must_use]
    pub fn unit_of(&self, node: u32) -> Option<usize> {
        self.nodes.get(node as usize)?.unit
    }

    /// Returns when the last of what a unit needs had ended; `None` where it needs nothing that ran.
    #[must_use]
    pub fn ready(&self, unit: usize) -> Option<Stamp> {
        let needs = self.dag.dependencies(self.node_of(unit)?).iter();
        needs.filter_map(|&to| self.nodes[to as usize].end).max()
    }

    /// Returns the nodes of the units that need a node, directly or not, passages left out. Takes
    /// O(n + m).
    #[must_use]
    pub fn waiting_for(&self, node: u32) -> Vec<u32> {
        let behind = closure(&self.dag, &[node], Direction::Dependents);
        let ran = |&other: &u32| other != node && self.unit_of(other).is_some();
        behind.into_iter().filter(ran).collect()
    }

    /// Returns the nodes of the units that need a node with only passages in between, evaluation not
    /// among them. Takes O(n + m) at most.
    #[must_use]
    pub fn direct_dependents(&self, node: u32) -> Vec<u32> {
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        let mut todo = self.dag.dependents(node).to_vec();
        while let Some(other) = todo.pop() {
            if !seen.insert(other) {
                continue;
            }
            match self.unit_of(other) {
                Some(_) => found.push(other),
                None if self.nodes[other as usize].evaluation.is_some() => {}
                None => todo.extend(self.dag.dependents(other)),
            }
        }
        found.sort_unstable();
        found
    }

    /// Tells whether it is known what a unit depends on.
    #[must_use]
    pub fn is_known(&self, unit: usize) -> bool {
        let node = self.node_of(unit);
        node.is_some_and(|node| self.nodes[node as usize].known)
    }

    /// Returns what the log itself says that a unit waited for in a stretch of time: in the order of
    /// time, without overlaps. Where that is several things at once, the first that the log names counts.
    #[must_use]
    pub fn holds(&self, unit: usize, during: Interval) -> Vec<(Interval, Part)> {
        let node = self.node_of(unit);
        let node = node.map(|node| &self.nodes[node as usize]);
        node.map_or_else(Vec::new, |node| self.holds.of(unit, node, during))
    }

    /// Returns how much of what ran the derivation graph knows.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        self.coverage
    }
}

/// Of what ran more often, only so many runs are what others waited for: the latest before them.
const MOST_RUNS: usize = 32;

/// Makes a [`RunGraph`].
struct Join<'a> {
    timeline: &'a Timeline,
    graph: &'a DerivationGraph,
    nodes: Vec<RunNode>,
    edges: Vec<(u32, u32)>,
    /// The builds of each derivation, in the order of their starts.
    builds: HashMap<NodeIdx, Vec<u32>, FixedState>,
    /// The substitutions of each path, by its base name.
    substitutions: HashMap<&'a str, Vec<u32>, FixedState>,
    passages: HashMap<NodeIdx, u32, FixedState>,
    /// The derivation of each name among those that were built; `None` where several bear it. Empty
    /// where names prove nothing.
    names: HashMap<&'a str, Option<Name>, FixedState>,
    /// The nodes that need something of which not even that is known what makes it.
    hazy: Vec<u32>,
    coverage: Coverage,
}

impl<'a> Join<'a> {
    fn new(timeline: &'a Timeline, graph: &'a DerivationGraph) -> Self {
        let mut join = Self {
            timeline,
            graph,
            nodes: Vec::new(),
            edges: Vec::new(),
            builds: HashMap::default(),
            substitutions: HashMap::default(),
            passages: HashMap::default(),
            names: HashMap::default(),
            hazy: Vec::new(),
            coverage: Coverage::default(),
        };
        let ran = timeline.units().iter().enumerate();
        for (_, unit) in ran.clone().filter(|(_, unit)| unit.kind.is_derivation()) {
            let name = name_of(timeline.name(unit.subject));
            let only = join.names.entry(name).or_insert(Some(unit.subject));
            *only = only.filter(|&only| only == unit.subject);
        }
        let mut built = timeline.units().iter();
        let is_found = |unit: &Unit| join.is_own(unit) || join.namesake(unit).is_some();
        if built.any(|unit| unit.started && unit.kind.is_derivation() && !is_found(unit)) {
            join.names.clear();
        }
        for (index, unit) in ran.filter(|(_, unit)| unit.started && is_node(unit.kind)) {
            join.add(index, unit);
        }
        join
    }

    fn add(&mut self, index: usize, unit: &Unit) {
        let number = self.next();
        let path = self.timeline.name(unit.subject);
        let mut by_name = false;
        let node = if unit.kind == UnitKind::Substitution {
            self.substitutions
                .entry(base_name(path))
                .or_default()
                .push(number);
            let made = self.graph.maker(path).is_some();
            self.coverage.made_substitutions += usize::from(made);
            self.graph.find(path)
        } else {
            // The resolved derivation of a content-addressed build has lost its inputs.
            let planned = unit.planned.map(|planned| self.timeline.name(planned));
            let node = planned.and_then(|planned| self.graph.find(planned));
            let node = node.or_else(|| self.graph.find(path));
            let is_at_hand = node.is_some_and(|node| self.graph.node(node).is_known());
            let namesake = (!is_at_hand).then(|| self.namesake(unit)).flatten();
            self.coverage.builds_by_name += usize::from(namesake.is_some());
            by_name = namesake.is_some();
            let node = namesake.or(node);
            if let Some(node) = node {
                self.builds.entry(node).or_default().push(number);
            }
            node
        };
        let known = node.is_some_and(|node| self.graph.node(node).is_known());
        self.coverage.unknown_ends += usize::from(unit.at_most().is_some());
        let (all, with_node) = match unit.kind {
            UnitKind::Substitution => (
                &mut self.coverage.substitutions,
                &mut self.coverage.known_substitutions,
            ),
            _ => (&mut self.coverage.builds, &mut self.coverage.known_builds),
        };
        *all += 1;
        *with_node += usize::from(known);
        self.nodes.push(RunNode {
            unit: Some(index),
            node,
            known: known && !by_name,
            query: None,
            start: unit.start,
            end: unit.end,
            evaluation: None,
        });
    }

    /// Tells whether a unit's own derivation is at hand.
    fn is_own(&self, unit: &Unit) -> bool {
        let paths = [Some(unit.subject), unit.planned].into_iter().flatten();
        let mut nodes = paths.filter_map(|path| self.graph.find(self.timeline.name(path)));
        nodes.any(|node| self.graph.node(node).is_known())
    }

    /// Finds a derivation of the same name, where only one was built and only one is at hand: that of
    /// another evaluation, say, which needs much the same.
    fn namesake(&self, unit: &Unit) -> Option<NodeIdx> {
        let name = name_of(self.timeline.name(unit.subject));
        self.names.get(name)?.filter(|_| !name.is_empty())?;
        let node = self.graph.named(name)?;
        (!self.builds.contains_key(&node)).then_some(node)
    }

    /// Tells whether the derivations at hand are mostly those of another build: then even those that
    /// agree say little about this one.
    fn is_of_another_build(&self) -> bool {
        let coverage = self.coverage;
        let is_derivation = |node| self.graph.node(node).kind == NodeKind::Derivation;
        coverage.known_builds < coverage.builds.div_ceil(2) && self.graph.nodes().any(is_derivation)
    }

    fn next(&self) -> u32 {
        u32::try_from(self.nodes.len()).expect("fewer than 2^32 nodes fit into memory")
    }

    /// Adds the edges, and the passages that they lead to, and the edges of those.
    fn connect(mut self) -> RunGraph {
        for builds in self.builds.values() {
            let again = builds.windows(2).filter(|pair| {
                let [first, second] = [pair[0], pair[1]].map(|node| self.nodes[node as usize]);
                first
                    .end
                    .zip(second.start)
                    .is_some_and(|(end, start)| end <= start)
            });
            self.edges.extend(again.map(|pair| (pair[1], pair[0])));
        }
        let mut at = 0;
        while let Some(RunNode { node, .. }) = self.nodes.get(at).copied() {
            let from = u32::try_from(at).unwrap_or(u32::MAX);
            at += 1;
            let Some(node) = node else { continue };
            let graph = self.graph;
            self.retried(from, node);
            for (to, why) in graph.dependencies(node) {
                self.depend(from, to, &why.outputs);
            }
        }
        self.evaluation();
        self.finish()
    }

    /// Makes a build depend on the substitutions of its own outputs: that it was built all the same
    /// says that they failed, and it was not before they had.
    fn retried(&mut self, from: u32, node: NodeIdx) {
        if self.nodes[from as usize].unit.is_none() || !self.graph.node(node).is_derivation() {
            return;
        }
        let outputs = self.graph.node(node).outputs.iter();
        for path in outputs.filter_map(|output| output.path.as_deref()) {
            let tries = self.substitutions.get(path).into_iter().flatten();
            self.edges.extend(tries.map(|&tried| (from, tried)));
        }
    }

    /// Returns those of the runs of one thing that a node may have waited for. What ran again and again
    /// would else be needed as often by everybody who needs it.
    fn latest<'r>(&self, runs: &'r [u32], from: u32) -> &'r [u32] {
        if runs.len() <= MOST_RUNS {
            return runs;
        }
        let is_before = |&run: &u32| {
            let begun = self.nodes[run as usize].start;
            let start = self.nodes[from as usize].start;
            start.is_none_or(|start| begun <= Some(start))
        };
        let before = &runs[..runs.partition_point(is_before)];
        &before[before.len().saturating_sub(MOST_RUNS)..]
    }

    /// Makes a node depend on whatever brought forth a derivation's outputs, or a path.
    fn depend(&mut self, from: u32, to: NodeIdx, wanted: &[u32]) {
        let graph = self.graph;
        let builds = self.builds.get(&to).map_or(&[][..], |builds| builds);
        let mut found = self.latest(builds, from).to_vec();
        let node = graph.node(to);
        let outputs = (0..).zip(&node.outputs);
        let outputs = outputs.filter(|(place, _)| wanted.is_empty() || wanted.contains(place));
        let paths = outputs.filter_map(|(_, output)| output.path.as_deref());
        let own = (!node.is_derivation()).then(|| graph.base_name(to));
        for path in paths.chain(own) {
            if let Some(tries) = self.substitutions.get(path) {
                found.extend(self.latest(tries, from));
            }
        }
        // A path that a derivation of this graph makes.
        if let Some((maker, place)) = own.and_then(|path| graph.maker(path)) {
            if let Some(builds) = self.builds.get(&maker) {
                found.extend(self.latest(builds, from));
            } else if found.is_empty() {
                self.depend(from, maker, &[place]);
            }
        }
        if found.is_empty() && node.kind == NodeKind::Missing {
            self.hazy.push(from);
        }
        if found.is_empty() || (node.is_derivation() && !self.builds.contains_key(&to)) {
            found.push(self.passage(to));
        }
        let edges = found.into_iter().filter(|&to| to != from);
        self.edges.extend(edges.map(|to| (from, to)));
    }

    /// Puts evaluation between what it waited for and what it asked for afterwards.
    fn evaluation(&mut self) {
        let ran = |node: &RunNode| node.unit.map(|unit| &self.timeline.units()[unit]);
        let mut asked: HashMap<u32, Vec<u32>, FixedState> = HashMap::default();
        for (number, node) in (0..).zip(&self.nodes) {
            if let Some(call) = ran(node).and_then(|unit| unit.call) {
                asked.entry(call).or_default().push(number);
            }
        }
        for import in self.timeline.imports() {
            let (mut after, mut asked_at) = (Vec::new(), None);
            for call in import.before.clone() {
                if let Some(nodes) = asked.get(&call) {
                    let call = self.timeline.calls().get(call as usize);
                    asked_at = asked_at.or(call.map(|call| call.start()));
                    after.extend(nodes);
                }
            }
            if after.is_empty() {
                continue;
            }
            let passage = self.next();
            let since = import.interval.end();
            self.nodes.push(RunNode {
                evaluation: asked_at.and_then(|at| Interval::new(since, at.max(since))),
                ..RunNode::default()
            });
            self.edges
                .extend(after.into_iter().map(|node| (node, passage)));
            let waited_for = asked.get(&import.call).into_iter().flatten();
            self.edges.extend(waited_for.map(|&node| (passage, node)));
        }
    }

    fn passage(&mut self, node: NodeIdx) -> u32 {
        let next = self.next();
        let number = *self.passages.entry(node).or_insert(next);
        if number == next {
            self.nodes.push(RunNode {
                node: Some(node),
                ..RunNode::default()
            });
        }
        number
    }

    fn finish(mut self) -> RunGraph {
        // Who knows what a path comes from that nobody makes, where there are such paths?
        if self.coverage.made_substitutions < self.coverage.substitutions {
            for &node in &self.hazy {
                self.nodes[node as usize].known = false;
            }
        }
        self.find_queries();
        let n_nodes = self.nodes.len();
        // References of paths may contradict the derivations, if they come from somewhere else.
        let (dag, _) = Dag::without_cycles(n_nodes, std::mem::take(&mut self.edges));
        let kept = useful(&dag, &self.nodes);
        let mut number = vec![u32::MAX; n_nodes];
        let mut nodes = Vec::new();
        for (old, &node) in self.nodes.iter().enumerate().filter(|&(old, _)| kept[old]) {
            number[old] = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
            nodes.push(node);
        }
        let needed = needed_by(&dag, &self.nodes);
        let mut edges = Vec::new();
        for (from, node) in (0..)
            .zip(&self.nodes)
            .filter(|&(from, _)| kept[from as usize])
        {
            for &to in dag
                .dependencies(from)
                .iter()
                .filter(|&&to| kept[to as usize])
            {
                let target = self.nodes[to as usize];
                let deadline = node.unit.is_none().then(|| needed[from as usize]).flatten();
                let late = target.unit.and(target.end).zip(deadline);
                if late.is_none_or(|(end, deadline)| end <= late::needed_by(deadline)) {
                    edges.push((number[from as usize], number[to as usize]));
                }
            }
        }
        let dag = Dag::new(nodes.len(), edges).unwrap_or_default();
        for &node in dag.topological() {
            if nodes[node as usize].unit.is_none() {
                let needs = dag.dependencies(node).iter();
                let end = needs.filter_map(|&to| nodes[to as usize].end).max();
                let evaluated = nodes[node as usize].evaluation.map(Interval::end);
                nodes[node as usize].end = evaluated.or(end);
            }
        }
        let duration = |node: &RunNode| {
            let unit = node.unit.map(|unit| &self.timeline.units()[unit]);
            unit.and_then(Unit::duration).unwrap_or_default()
        };
        let mut run = RunGraph {
            ranks: self.ranks(&nodes),
            dag,
            durations: nodes.iter().map(duration).collect(),
            of_unit: (0..)
                .zip(&nodes)
                .filter_map(|(number, node)| Some((node.unit?, number)))
                .collect(),
            nodes,
            coverage: self.coverage,
            holds: Holds::default(),
        };
        run.holds = Holds::new(self.timeline, self.graph, &run);
        run
    }

    /// Finds the query about what each node makes. A query knows a path by its hash alone.
    fn find_queries(&mut self) {
        let units = self.timeline.units().iter().enumerate();
        let queries = units.filter(|(_, unit)| unit.kind == UnitKind::Query);
        let queries: HashMap<&str, usize> = queries
            .filter_map(|(number, unit)| {
                let path = StorePath::parse(self.timeline.name(unit.subject))?;
                Some((path.hash(), number))
            })
            .collect();
        if queries.is_empty() {
            return;
        }
        let query = |path: &str| queries.get(StorePath::parse(path)?.hash()).copied();
        for node in &mut self.nodes {
            let Some(unit) = node.unit.map(|unit| &self.timeline.units()[unit]) else {
                continue;
            };
            let outputs = node.node.map(|node| &self.graph.node(node).outputs);
            let outputs = outputs.into_iter().flatten();
            let paths = outputs.filter_map(|output| output.path.as_deref());
            node.query = match unit.kind {
                UnitKind::Substitution => query(self.timeline.name(unit.subject)),
                _ => paths.filter_map(query).max(),
            };
        }
    }
}

impl Join<'_> {
    fn ranks(&self, nodes: &[RunNode]) -> Vec<u32> {
        let key = |&place: &u32| {
            let node = &nodes[place as usize];
            let unit = node.unit.map(|unit| &self.timeline.units()[unit]);
            let path = match (unit, node.node) {
                (Some(unit), _) => self.timeline.name(unit.subject),
                (None, Some(node)) => self.graph.base_name(node),
                (None, None) => "",
            };
            let is_build = unit.is_none_or(|unit| unit.kind != UnitKind::Substitution);
            (is_build, name_of(path), path, place)
        };
        let mut order: Vec<u32> = (0..).take(nodes.len()).collect();
        order.sort_by_cached_key(key);
        let mut ranks = vec![0; nodes.len()];
        for (rank, place) in (0..).zip(order) {
            ranks[place as usize] = rank;
        }
        ranks
    }
}

/// Tells of each node whether it ran, or stands between two that did.
fn useful(dag: &Dag, nodes: &[RunNode]) -> Vec<bool> {
    let ran = |node: u32| nodes[node as usize].unit.is_some();
    let mut below = vec![false; nodes.len()];
    for &node in dag.topological() {
        below[node as usize] =
            ran(node) || dag.dependencies(node).iter().any(|&to| below[to as usize]);
    }
    let mut above = vec![false; nodes.len()];
    for &node in dag.topological().iter().rev() {
        above[node as usize] = ran(node)
            || dag
                .dependents(node)
                .iter()
                .any(|&from| above[from as usize]);
    }
    (0..nodes.len())
        .map(|node| below[node] && above[node])
        .collect()
}

/// Returns of each passage when the first that needs it started: by then it was there.
fn needed_by(dag: &Dag, nodes: &[RunNode]) -> Vec<Option<Stamp>> {
    let mut needed: Vec<Option<Stamp>> = vec![None; nodes.len()];
    for &node in dag.topological().iter().rev() {
        let first = dag.dependents(node).iter().filter_map(|&from| {
            let from = from as usize;
            if nodes[from].unit.is_some() {
                nodes[from].start
            } else {
                needed[from]
            }
        });
        needed[node as usize] = first.min();
    }
    needed
}
