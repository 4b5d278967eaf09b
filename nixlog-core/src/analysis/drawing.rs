//! The graph as it is shown: what ran, or all there is, made small enough to read.
//!
//! Each step leaves nodes out and keeps the paths through them: first what did not run, then what is
//! to be merged into its consumers, then all but what took longest; at last the edges that follow
//! from others.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;

use super::run_graph::{RunGraph, is_node};
use crate::graph::{
    Dag, DerivationGraph, Direction, Hubs, NodeIdx, NodeKind, Reach, contract, reduce, transitive,
};
use crate::store_path::name_of;
use crate::time::Nanos;
use crate::timeline::{Timeline, Unit};

/// Tells of a path and the name in it whether it is meant.
pub type Choice<'a> = &'a dyn Fn(&str, &str) -> bool;

/// What to show.
#[derive(Clone, Copy, Default)]
#[non_exhaustive]
pub struct Options<'a> {
    /// Also derivations and paths that did not run; default: only what ran.
    pub all: bool,
    /// Without edges that follow from others; default: all edges.
    pub reduce: bool,
    /// Merge these into their consumers; default: none.
    pub collapse: Option<Choice<'a>>,
    /// Only these and what is near them; default: everything.
    pub around: Option<Choice<'a>>,
    /// How many edges away what is near may be; default: 0.
    pub distance: usize,
    /// Only so many, those that took longest; default: 0, for no limit.
    pub top: usize,
    /// Units that [`top`](Self::top) leaves out last: the longest chain, which is nothing in pieces;
    /// default: none.
    pub chain: &'a [usize],
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("all", &self.all)
            .field("reduce", &self.reduce)
            .field("collapse", &self.collapse.is_some())
            .field("around", &self.around.is_some())
            .field("distance", &self.distance)
            .field("top", &self.top)
            .field("chain", &self.chain)
            .finish()
    }
}

/// A graph to be shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Drawing {
    /// The structure, over [`nodes`](Self::nodes).
    pub dag: Dag,
    /// What is shown.
    pub nodes: Vec<Drawn>,
    /// How many nodes there were before [`Options::collapse`], [`around`](Options::around) and
    /// [`top`](Options::top).
    pub total: usize,
}

/// One node of a [`Drawing`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Drawn {
    /// What ran, as an index into [`Timeline::units`].
    pub unit: Option<usize>,
    /// The derivation or path.
    pub node: Option<NodeIdx>,
    /// How many nodes were merged into it.
    pub merged: usize,
    /// How many nodes of the whole graph need it, shown or not.
    pub direct_dependents: usize,
    /// How many of them need it, directly or not, and how long these took together.
    pub dependents: Reach,
}

/// Chooses what to show of a graph and of what ran of it.
#[must_use]
pub fn drawing(
    timeline: &Timeline,
    graph: &DerivationGraph,
    run: &RunGraph,
    options: &Options<'_>,
) -> Drawing {
    let sketch = Sketch { timeline, graph };
    let mut drawing = match options.all {
        true => sketch.everything(),
        false => what_ran(run),
    };
    drawing.total = drawing.nodes.len();
    sketch.count(&mut drawing);
    if let Some(collapse) = options.collapse {
        let keep = sketch.choose(&drawing, |path| !collapse(path, name_of(path)));
        drawing.merge(&keep);
    }
    if let Some(around) = options.around {
        let meant = sketch.choose(&drawing, |path| around(path, name_of(path)));
        drawing.only_near(&meant, options.distance);
    }
    if options.top > 0 && options.top < drawing.nodes.len() {
        let mut longest: Vec<usize> = (0..drawing.nodes.len()).collect();
        let on_chain: HashSet<usize> = options.chain.iter().copied().collect();
        longest.sort_by_key(|&node| {
            let drawn = drawing.nodes[node];
            let is_on_chain = drawn.unit.is_some_and(|unit| on_chain.contains(&unit));
            (!is_on_chain, Reverse(sketch.duration(drawn)), node)
        });
        let mut keep = vec![false; drawing.nodes.len()];
        for &node in &longest[..options.top] {
            keep[node] = true;
        }
        drawing.leave_out(&keep);
    }
    if options.reduce {
        drawing.dag = reduce(&drawing.dag);
    }
    drawing
}

/// Takes what ran, without the passages in between.
fn what_ran(run: &RunGraph) -> Drawing {
    let nodes = run.nodes().iter().map(|node| Drawn {
        unit: node.unit,
        node: node.node,
        ..Drawn::default()
    });
    // What evaluation waited for is not what a derivation needs.
    let is_evaluation = |node: u32| run.nodes()[node as usize].evaluation.is_some();
    let dag = run.dag();
    let edges = dag
        .nodes()
        .filter(|&from| !is_evaluation(from))
        .flat_map(|from| {
            let needs = dag.dependencies(from).iter();
            needs
                .filter(|&&to| !is_evaluation(to))
                .map(move |&to| (from, to))
        });
    let mut drawing = Drawing {
        dag: Dag::new(dag.len(), edges.collect()).unwrap_or_default(),
        nodes: nodes.collect(),
        total: 0,
    };
    let ran: Vec<bool> = drawing
        .nodes
        .iter()
        .map(|node| node.unit.is_some())
        .collect();
    drawing.leave_out(&ran);
    drawing
}

impl Drawing {
    /// Leaves nodes out. Whoever sees the graph wants edges, not hubs.
    fn leave_out(&mut self, keep: &[bool]) {
        let kept = contract(&self.dag, keep, Hubs::Expand);
        let nodes = kept.nodes.iter().map(|&node| self.nodes[node as usize]);
        self.nodes = nodes.collect();
        self.dag = kept.dag;
    }

    /// Leaves nodes out, and counts them with those that need them.
    fn merge(&mut self, keep: &[bool]) {
        let mut last = vec![u32::MAX; keep.len()];
        for node in self.dag.nodes().filter(|&node| keep[node as usize]) {
            let mut todo = self.dag.dependencies(node).to_vec();
            while let Some(other) = todo.pop() {
                let is_new = std::mem::replace(&mut last[other as usize], node) != node;
                if is_new && !keep[other as usize] {
                    self.nodes[node as usize].merged += 1;
                    todo.extend(self.dag.dependencies(other));
                }
            }
        }
        self.leave_out(keep);
    }

    /// Keeps some nodes, and what is at most so many edges away. Edges between nodes that are left out
    /// go with them.
    fn only_near(&mut self, meant: &[bool], distance: usize) {
        let mut near = meant.to_vec();
        for direction in [Direction::Dependencies, Direction::Dependents] {
            let mut reached = meant.to_vec();
            let mut edge: Vec<u32> = self.dag.nodes().filter(|&n| meant[n as usize]).collect();
            for _ in 0..distance {
                let next = edge
                    .iter()
                    .flat_map(|&node| direction.neighbors(&self.dag, node));
                let next = next.filter(|&&n| !std::mem::replace(&mut reached[n as usize], true));
                edge = next.copied().collect();
            }
            for (near, reached) in near.iter_mut().zip(reached) {
                *near |= reached;
            }
        }
        let mut number = vec![None; near.len()];
        let mut nodes = Vec::new();
        for node in self.dag.nodes().filter(|&node| near[node as usize]) {
            number[node as usize] = u32::try_from(nodes.len()).ok();
            nodes.push(self.nodes[node as usize]);
        }
        let edges = self.dag.nodes().flat_map(|from| {
            let to = self.dag.dependencies(from).iter();
            to.map(move |&to| (from, to))
        });
        let edges = edges.filter_map(|(from, to)| number[from as usize].zip(number[to as usize]));
        self.dag = Dag::new(nodes.len(), edges.collect()).unwrap_or_default();
        self.nodes = nodes;
    }
}

struct Sketch<'a> {
    timeline: &'a Timeline,
    graph: &'a DerivationGraph,
}

impl Sketch<'_> {
    /// Takes all derivations, the paths with known references, and whatever else ran.
    fn everything(&self) -> Drawing {
        let units = self.units();
        let mut nodes: Vec<Drawn> = self
            .graph
            .nodes()
            .map(|node| Drawn {
                unit: units.get(&node).copied(),
                node: Some(node),
                ..Drawn::default()
            })
            .collect();
        let mut keep: Vec<bool> = nodes
            .iter()
            .map(|drawn| {
                let kind = drawn.node.map(|node| self.graph.node(node).kind);
                kind != Some(NodeKind::Source) || drawn.unit.is_some()
            })
            .collect();
        for (unit, it) in self.timeline.units().iter().enumerate() {
            if self.ran(it) && self.node_of(it).is_none() {
                nodes.push(Drawn {
                    unit: Some(unit),
                    ..Drawn::default()
                });
                keep.push(true);
            }
        }
        let dag = self.graph.dag();
        let edges = dag.nodes().flat_map(|from| {
            let to = dag.dependencies(from).iter();
            to.map(move |&to| (from, to))
        });
        let mut drawing = Drawing {
            dag: Dag::new(nodes.len(), edges.collect()).unwrap_or_default(),
            nodes,
            total: 0,
        };
        drawing.leave_out(&keep);
        drawing
    }

    /// Returns what ran of each node; where several did, the one that took longest.
    fn units(&self) -> HashMap<NodeIdx, usize, FixedState> {
        let mut units: HashMap<NodeIdx, usize, FixedState> = HashMap::default();
        let all = self.timeline.units();
        for (index, unit) in all.iter().enumerate().filter(|(_, unit)| self.ran(unit)) {
            if let Some(node) = self.node_of(unit) {
                let longest = units.entry(node).or_insert(index);
                let builds = unit.kind.is_derivation();
                let key = |unit: &Unit| (unit.kind.is_derivation(), unit.duration());
                if key(&all[*longest]) < (builds, unit.duration()) {
                    *longest = index;
                }
            }
        }
        units
    }

    fn ran(&self, unit: &Unit) -> bool {
        unit.started && is_node(unit.kind)
    }

    /// Finds the node of a unit. A substitution without a node of its own brings an output of a
    /// derivation.
    fn node_of(&self, unit: &Unit) -> Option<NodeIdx> {
        let names = [unit.planned, Some(unit.subject)];
        let mut paths = names
            .into_iter()
            .flatten()
            .map(|name| self.timeline.name(name));
        let found = paths.clone().find_map(|path| self.graph.find(path));
        found.or_else(|| paths.find_map(|path| Some(self.graph.maker(path)?.0)))
    }

    /// Counts what needs each node, before anything is left out.
    fn count(&self, drawing: &mut Drawing) {
        let took = drawing.nodes.iter();
        let took: Vec<Nanos> = took
            .map(|&drawn| self.duration(drawn).unwrap_or_default())
            .collect();
        let behind = transitive(&drawing.dag, Direction::Dependents, &took);
        for ((number, drawn), reach) in (0..).zip(&mut drawing.nodes).zip(behind) {
            drawn.direct_dependents = drawing.dag.dependents(number).len();
            drawn.dependents = reach;
        }
    }

    fn choose(&self, drawing: &Drawing, choice: impl Fn(&str) -> bool) -> Vec<bool> {
        let chosen = drawing.nodes.iter().map(|&drawn| choice(self.path(drawn)));
        chosen.collect()
    }

    fn path(&self, drawn: Drawn) -> &str {
        match (drawn.unit, drawn.node) {
            (Some(unit), _) => self.timeline.name(self.timeline.units()[unit].subject),
            (None, Some(node)) => self.graph.base_name(node),
            (None, None) => "",
        }
    }

    fn duration(&self, drawn: Drawn) -> Option<Nanos> {
        self.timeline.units()[drawn.unit?].duration()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::GraphBuilder;
    use crate::timeline::TimelineBuilder;

    /// Who needs what; `lib-wrapper` stands between `app` and `lib`.
    const NEEDS: [(&str, &[&str]); 6] = [
        (
            "0-root.drv",
            &["1-app.drv", "2-app-src.drv", "9-builder.sh"],
        ),
        ("1-app.drv", &["2-app-src.drv", "3-lib-wrapper.drv"]),
        ("2-app-src.drv", &[]),
        ("3-lib-wrapper.drv", &["4-lib.drv"]),
        ("4-lib.drv", &["5-libc.drv"]),
        ("5-libc.drv", &[]),
    ];

    fn drawn(options: &Options<'_>) -> (DerivationGraph, Drawing) {
        let mut builder = GraphBuilder::default();
        for (path, needs) in NEEDS {
            let node = builder.node(path);
            for path in needs {
                let on = builder.node(path);
                builder.depend(node, on, ["out"]);
            }
        }
        let graph = builder.finish().expect("no cycle");
        let timeline = TimelineBuilder::default().finish();
        let run = RunGraph::new(&timeline, &graph);
        let drawing = drawing(&timeline, &graph, &run, options);
        (graph, drawing)
    }

    fn draw(options: &Options<'_>) -> (Vec<String>, Vec<String>) {
        let (graph, drawing) = drawn(options);
        let name = |node: u32| {
            let drawn = drawing.nodes[node as usize];
            let base = graph.base_name(drawn.node.expect("no unit"));
            let base = base.trim_end_matches(".drv");
            match drawn.merged {
                0 => base.to_owned(),
                n => format!("{base}+{n}"),
            }
        };
        let nodes = drawing.dag.nodes().map(name).collect();
        let edges = drawing.dag.nodes().flat_map(|from| {
            let to = drawing.dag.dependencies(from).iter();
            to.map(move |&to| format!("{} {}", name(from), name(to)))
        });
        let mut edges: Vec<String> = edges.collect();
        edges.sort();
        (nodes, edges)
    }

    #[test]
    fn sources_are_left_out_and_nothing_ran() {
        let mut options = Options::default();
        assert_eq!(draw(&options), (Vec::new(), Vec::new()));
        options.all = true;
        let (nodes, edges) = draw(&options);
        assert_eq!(nodes.len(), 6);
        assert_eq!(edges.len(), 6);
        options.reduce = true;
        assert!(!draw(&options).1.contains(&"0-root 2-app-src".to_owned()));
    }

    #[test]
    fn merged_nodes_count_with_their_consumers() {
        let mut options = Options {
            all: true,
            ..Options::default()
        };
        let small = |_: &str, name: &str| name.ends_with("-src") || name.ends_with("-wrapper");
        // These are no store paths, so their names are whole.
        let collapse = |path: &str, name: &str| small(path, name.trim_end_matches(".drv"));
        options.collapse = Some(&collapse);
        let (nodes, edges) = draw(&options);
        assert_eq!(nodes, ["0-root+1", "1-app+2", "4-lib", "5-libc"]);
        assert_eq!(edges, ["0-root+1 1-app+2", "1-app+2 4-lib", "4-lib 5-libc"]);
    }

    #[test]
    fn dependents_are_those_of_the_whole_graph() {
        let around = |path: &str, _: &str| path.starts_with("4-lib");
        let collapse = |path: &str, _: &str| path.starts_with("3-lib") || path.starts_with("0-");
        let all = Options {
            all: true,
            ..Options::default()
        };
        for options in [
            Options {
                around: Some(&around),
                ..all
            },
            Options {
                collapse: Some(&collapse),
                ..all
            },
            Options {
                reduce: true,
                ..all
            },
        ] {
            let (graph, drawing) = drawn(&options);
            let name = |drawn: &&Drawn| {
                drawn
                    .node
                    .is_some_and(|it| graph.base_name(it) == "4-lib.drv")
            };
            let lib = drawing.nodes.iter().find(name).expect("it is shown");
            // The wrapper; with it the app and the root.
            assert_eq!((lib.direct_dependents, lib.dependents.n_nodes), (1, 3));
        }
    }

    #[test]
    fn around_a_node() {
        let mut options = Options {
            all: true,
            ..Options::default()
        };
        let around = |path: &str, _: &str| path.starts_with("4-lib");
        options.around = Some(&around);
        assert_eq!(draw(&options).0, ["4-lib"]);
        options.distance = 1;
        let (nodes, edges) = draw(&options);
        assert_eq!(nodes, ["3-lib-wrapper", "4-lib", "5-libc"]);
        assert_eq!(edges, ["3-lib-wrapper 4-lib", "4-lib 5-libc"]);
        options.distance = 9;
        assert_eq!(
            draw(&options).0.len(),
            5,
            "not what only its dependents need"
        );
    }
}
