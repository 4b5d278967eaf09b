//! The algorithms over graphs, each as far as it goes on a whole graph; and petgraph's.

use nixlog_core::graph::{CriticalPathMethod, Dag, Direction, Savings, reduce, transitive};
use nixlog_core::time::Nanos;
use petgraph::graph::DiGraph;

use crate::generator::Graph;

/// Graphs with more nodes are left out of what is quadratic.
pub const MOST_FOR_QUADRATIC: usize = 100_000;

/// A graph in every form that a stage wants, so that making these is measured only where it is the
/// point.
#[derive(Debug)]
pub struct Input {
    /// As it was generated.
    pub graph: Graph,
    /// As nixlog's algorithms want it.
    pub dag: Dag,
    /// As petgraph wants it.
    pub petgraph: DiGraph<(), ()>,
}

impl Input {
    /// Generates a graph of ten edges per node, some of which come twice.
    ///
    /// # Panics
    ///
    /// If the generator makes a cycle, which it does not.
    #[must_use]
    pub fn new(n_nodes: usize) -> Self {
        let graph = crate::generator::graph(n_nodes, 10, 7);
        let dag = build(&graph);
        let edges = dag.nodes().flat_map(|node| {
            let needed = dag.dependencies(node).iter();
            needed.map(move |&to| (node, to))
        });
        let mut petgraph = DiGraph::from_edges(edges);
        while petgraph.node_count() < n_nodes {
            petgraph.add_node(());
        }
        Self {
            graph,
            dag,
            petgraph,
        }
    }
}

/// A name and what to run.
pub type Stage = (&'static str, fn(&Input) -> u64);

/// All stages that take linear time, or nearly so. The first is petgraph's, to compare with.
pub const LINEAR: [Stage; 4] = [
    ("petgraph_toposort", |input| {
        let order = petgraph::algo::toposort(&input.petgraph, None);
        count(order.map_or(0, |order| order.len()))
    }),
    ("build", |input| count(build(&input.graph).n_edges())),
    ("longest_path", |input| {
        let cpm = CriticalPathMethod::new(&input.dag, &input.graph.durations);
        count(cpm.longest_path(None).len())
    }),
    ("savings", |input| {
        let cpm = CriticalPathMethod::new(&input.dag, &input.graph.durations);
        let savings = Savings::new(&cpm, None);
        let all: Nanos = input.dag.nodes().map(|node| savings.saving(node)).sum();
        all.get()
    }),
];

/// All stages that take quadratic time, if with a small factor.
pub const QUADRATIC: [Stage; 3] = [
    ("dependents", |input| reach(input, Direction::Dependents)),
    ("dependencies", |input| {
        reach(input, Direction::Dependencies)
    }),
    ("reduce", |input| count(reduce(&input.dag).n_edges())),
];

/// From edges in no order to sorted rows both ways and a topological order.
fn build(graph: &Graph) -> Dag {
    Dag::new(graph.n_nodes, graph.edges.clone()).expect("the generator makes no cycle")
}

fn reach(input: &Input, direction: Direction) -> u64 {
    let reach = transitive(&input.dag, direction, &input.graph.durations);
    reach.iter().map(|reach| u64::from(reach.n_nodes)).sum()
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
