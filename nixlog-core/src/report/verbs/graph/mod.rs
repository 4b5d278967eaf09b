//! `graph`: what depends on what.

mod layout;

pub use layout::Options;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::analysis::drawing::{Drawing, Drawn};
use crate::analysis::implied_graph::ImpliedGraph;
use crate::graph::{DerivationGraph, NodeIdx, NodeKind};
use crate::report::document::Document;
use crate::report::envelope::{Answer, Input, Report, nanos};
use crate::store_path::{name_of, pname_of};
use crate::time::Nanos;
use crate::timeline::{Outcome, Timeline, Unit, UnitKind};

/// The result of `graph`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct GraphResult {
    /// Where the dependencies come from: `given` (`--derivations`), `store`; `log` where no derivation
    /// is at hand and only [`implied`](Self::implied) is known; `null` where not even that.
    pub source: Option<&'static str>,
    /// Derivations that were read.
    pub derivations: usize,
    /// Derivations that others need, but that were not found.
    pub missing_derivations: usize,
    /// Nodes before any were merged or left out on request.
    pub total_nodes: usize,
    /// Nodes on the longest chain, each depending on the next.
    pub depth: Option<usize>,
    /// The most nodes of the same depth.
    pub widest: Option<usize>,
    /// The longest chain by duration; `null` without timestamps.
    pub span_ns: Option<u64>,
    /// What is shown.
    pub nodes: Vec<GraphNodeView>,
    /// Dependent and dependency, as indices into `nodes`.
    pub edges: Vec<[u32; 2]>,
    /// What the log alone tells, where no derivation is at hand. Not all there is, so no edges.
    pub implied: Option<ImpliedView>,
}

/// What a log alone tells about dependencies between builds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ImpliedView {
    /// Builds that started.
    pub builds: usize,
    /// Pairs of a possible dependent and a possible dependency.
    pub pairs: u64,
    /// Pairs ruled out, since the one started before the other had ended.
    pub excluded_by_time: u64,
    /// Of the rest, pairs ruled out by the order of Nix's plan.
    pub excluded_by_plan: u64,
    /// Pairs of which nothing is known.
    pub open: u64,
    /// Dependent and dependency, as indices into `nodes`, where the order of Nix's plan proves that the
    /// one needs the other, directly or not.
    pub proven: Vec<[u32; 2]>,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct GraphNodeView {
    /// The `.drv` or the store path.
    pub path: String,
    /// Its name without hash.
    pub name: String,
    /// The name without version.
    pub pname: String,
    /// What ran, or what it is.
    pub kind: GraphNodeKind,
    /// It ran.
    pub ran: bool,
    /// How long it took.
    pub duration_ns: Option<u64>,
    /// How it ended; `null` where it did not run.
    pub outcome: Option<Outcome>,
    /// It is on the longest chain by duration.
    pub on_longest_chain: Option<bool>,
    /// How many nodes of the whole graph need it, shown or not.
    pub direct_dependents: Option<usize>,
    /// How many nodes of the whole graph need it, directly or not.
    pub transitive_dependents: Option<u32>,
    /// How long these took together.
    pub dependents_work_ns: Option<u64>,
    /// How many nodes were merged into it.
    pub merged: usize,
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GraphNodeKind {
    /// A unit that ran.
    Ran(UnitKind),
    /// A derivation that did not.
    Derivation,
    /// A derivation that others need, but that was not found.
    MissingDerivation,
    /// A store path.
    Path,
}

impl GraphNodeKind {
    /// Returns the name, as in JSON; of what ran, that of its kind.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ran(kind) => kind.name(),
            Self::Derivation => "derivation",
            Self::MissingDerivation => "missing-derivation",
            Self::Path => "path",
        }
    }
}

impl Serialize for GraphNodeKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl JsonSchema for GraphNodeKind {
    fn schema_name() -> Cow<'static, str> {
        "GraphNodeKind".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let others = [Self::Derivation, Self::MissingDerivation, Self::Path].map(Self::name);
        json_schema!({ "anyOf": [generator.subschema_for::<UnitKind>(), { "enum": others }] })
    }
}

impl Answer for GraphResult {
    const SCHEMA: &'static str = "nixlog.graph/1";
    type From = Input;
    type Options = Options;

    fn document(report: &Report<Self>, options: &Options) -> Document {
        layout::document(report, options)
    }
}

/// Makes the result of `graph`. `chain`: the units on the longest chain; `span`: how long it is;
/// `store_dir`: what to put in front of paths of which only the last part is known. `source` says where
/// the derivations come from; without any, `implied` is what is left.
#[must_use]
pub fn result(
    timeline: &Timeline,
    graph: &DerivationGraph,
    drawing: &Drawing,
    (source, implied): (Option<&'static str>, Option<&ImpliedGraph>),
    (chain, span): (&[usize], Option<Nanos>),
    store_dir: &str,
) -> GraphResult {
    let on_chain: HashSet<usize> = chain.iter().copied().collect();
    let durations: Vec<Option<Nanos>> = drawing
        .nodes
        .iter()
        .map(|node| timeline.units()[node.unit?].duration())
        .collect();
    // A sum with an unknown part is none.
    let mut units = timeline.units().iter();
    let is_timed = timeline.wall().is_some() && units.all(|unit| unit.at_most().is_none());
    let is_known = source.is_some();
    let view = |(number, node): (usize, &Drawn)| {
        let unit = node.unit.map(|unit| &timeline.units()[unit]);
        let path = match (unit, node.node) {
            (Some(unit), _) => timeline.name(unit.subject).to_owned(),
            (None, Some(node)) => format!("{store_dir}/{}", graph.base_name(node)),
            (None, None) => String::new(),
        };
        let name = name_of(&path).to_owned();
        let reach = node.dependents;
        GraphNodeView {
            pname: pname_of(&name).to_owned(),
            kind: kind(graph, node.node, unit),
            ran: unit.is_some(),
            duration_ns: nanos(durations[number]),
            outcome: unit.map(|unit| unit.outcome),
            on_longest_chain: node
                .unit
                .filter(|_| is_known)
                .map(|unit| on_chain.contains(&unit)),
            direct_dependents: is_known.then_some(node.direct_dependents),
            transitive_dependents: is_known.then_some(reach.n_nodes),
            dependents_work_ns: (is_timed && is_known).then(|| reach.work.get()),
            merged: node.merged,
            name,
            path,
        }
    };
    let levels = levels(drawing);
    let count = |kind| {
        let nodes = graph.nodes();
        nodes.filter(|&node| graph.node(node).kind == kind).count()
    };
    let implied = implied.filter(|_| !is_known);
    GraphResult {
        source: source.or(implied.map(|_| "log")),
        derivations: count(NodeKind::Derivation),
        missing_derivations: count(NodeKind::Missing),
        total_nodes: drawing.total,
        depth: is_known.then_some(levels.len()),
        widest: is_known.then(|| levels.iter().copied().max().unwrap_or_default()),
        span_ns: nanos(span.filter(|_| is_timed && is_known)),
        nodes: (0..).zip(&drawing.nodes).map(view).collect(),
        edges: drawing
            .dag
            .nodes()
            .flat_map(|from| {
                let to = drawing.dag.dependencies(from).iter();
                to.map(move |&to| [from, to])
            })
            .collect(),
        implied: implied.map(|implied| implied_view(drawing, implied)),
    }
}

fn implied_view(drawing: &Drawing, implied: &ImpliedGraph) -> ImpliedView {
    let units = (0..).zip(&drawing.nodes);
    let nodes: HashMap<usize, u32> = units
        .filter_map(|(node, drawn)| Some((drawn.unit?, node)))
        .collect();
    let proven = implied.proven.iter().filter_map(|proof| {
        let [from, to] = [proof.dependent, proof.dependency].map(|unit| nodes.get(&unit).copied());
        Some([from?, to?])
    });
    ImpliedView {
        builds: implied.builds,
        pairs: implied.pairs,
        excluded_by_time: implied.excluded_by_time,
        excluded_by_plan: implied.excluded_by_plan,
        open: implied.open(),
        proven: proven.collect(),
    }
}

/// Says what a node is: what ran, or what there is.
fn kind(graph: &DerivationGraph, node: Option<NodeIdx>, unit: Option<&Unit>) -> GraphNodeKind {
    if let Some(unit) = unit {
        return GraphNodeKind::Ran(unit.kind);
    }
    match node.map(|node| graph.node(node).kind) {
        Some(NodeKind::Derivation) => GraphNodeKind::Derivation,
        Some(NodeKind::Missing) => GraphNodeKind::MissingDerivation,
        _ => GraphNodeKind::Path,
    }
}

/// Counts the nodes at each distance from what depends on nothing.
fn levels(drawing: &Drawing) -> Vec<usize> {
    let dag = &drawing.dag;
    let mut level = vec![0_usize; dag.len()];
    let mut counts = Vec::new();
    for &node in dag.topological() {
        let below = dag.dependencies(node).iter();
        let own = below.map(|&to| level[to as usize] + 1).max().unwrap_or(0);
        level[node as usize] = own;
        if counts.len() <= own {
            counts.resize(own + 1, 0);
        }
        counts[own] += 1;
    }
    counts
}
