//! Derivation graphs without any `.drv` file: as the ground truth has them, or as a test wants them.

use std::collections::BTreeMap;

use nixlog_core::graph::{DerivationGraph, GraphBuilder, NodeKind};
use serde_json::Value;

/// Returns the derivation graph that a recording was made from.
pub(crate) fn from_truth(truth: &Value) -> DerivationGraph {
    let mut builder = GraphBuilder::default();
    let nodes = truth["nodes"].as_object().expect("the truth has nodes");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let paths: BTreeMap<&str, String> = nodes
        .iter()
        .map(|(key, node)| (&**key, text(&node["drv"])))
        .collect();
    for (key, node) in nodes {
        let index = builder.node(&paths[&**key]);
        builder.node_mut(index).kind = NodeKind::Derivation;
        for (name, path) in node["outputs"].as_object().into_iter().flatten() {
            builder.output(index, name, path.as_str());
        }
        for needed in node["deps"].as_array().expect("dependencies") {
            let on = builder.node(&paths[needed.as_str().expect("a key")]);
            builder.depend(index, on, [""; 0]);
        }
    }
    builder.finish().expect("Nix makes no cycles")
}

/// Returns a graph of derivations with one output each, from `(path, what it needs)`.
pub(crate) fn from_edges<'a>(
    edges: impl IntoIterator<Item = (&'a str, Vec<&'a str>)>,
) -> DerivationGraph {
    let mut builder = GraphBuilder::default();
    for (path, needs) in edges {
        let index = builder.node(path);
        builder.node_mut(index).kind = NodeKind::Derivation;
        for needed in needs {
            let on = builder.node(needed);
            builder.depend(index, on, [""; 0]);
        }
    }
    builder.finish().expect("no cycle")
}
