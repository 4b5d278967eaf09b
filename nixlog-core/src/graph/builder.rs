//! Puts a [`DerivationGraph`] together, piece by piece and in any order.

use petgraph::graph::NodeIndex;

use super::dag::{Cycle, Dag};
use super::model::{Dependency, DerivationGraph, Node, NodeIdx, NodeKind, Output};
use crate::store_path::base_name;

/// Puts a graph together. What is added twice counts once.
#[derive(Debug, Clone, Default)]
pub struct GraphBuilder {
    graph: DerivationGraph,
    /// The outputs that edges want, by name, since a `.drv` may come after those that need it.
    wanted: Vec<(NodeIdx, NodeIdx, Vec<Box<str>>)>,
}

impl GraphBuilder {
    /// Returns the node of a path, which may be new: then its kind is [`NodeKind::Missing`] for a
    /// `.drv`, else [`NodeKind::Source`].
    ///
    /// # Panics
    ///
    /// With more than 2^32 nodes.
    pub fn node(&mut self, path: &str) -> NodeIdx {
        let base = base_name(path);
        if let Some(index) = self.graph.find(base) {
            return index;
        }
        let kind = if base.ends_with(".drv") {
            NodeKind::Missing
        } else {
            NodeKind::Source
        };
        self.graph.graph.add_node(Node {
            kind,
            ..Node::default()
        });
        let (index, _) = self.graph.names.insert_full(base.into());
        NodeIdx(u32::try_from(index).expect("fewer than 2^32 nodes fit into memory"))
    }

    /// Returns what is known of a node, to be filled in.
    pub fn node_mut(&mut self, index: NodeIdx) -> &mut Node {
        &mut self.graph.graph[NodeIndex::new(index.0 as usize)]
    }

    /// Adds an output of a derivation. `path` may have a store directory or not.
    pub fn output(&mut self, index: NodeIdx, name: &str, path: Option<&str>) {
        let path: Option<Box<str>> = path.map(|path| base_name(path).into());
        let outputs = &mut self.node_mut(index).outputs;
        if outputs.iter().any(|output| &*output.name == name) {
            return;
        }
        let place = u32::try_from(outputs.len()).unwrap_or(u32::MAX);
        outputs.push(Output {
            name: name.into(),
            path: path.clone(),
        });
        if let Some(path) = path {
            self.graph.makers.entry(path).or_insert((index, place));
        }
    }

    /// Says that a node needs another: these outputs of it, or all where none is named. A path that
    /// refers to itself does not need itself.
    pub fn depend<'a>(
        &mut self,
        index: NodeIdx,
        on: NodeIdx,
        outputs: impl IntoIterator<Item = &'a str>,
    ) {
        if index != on {
            let outputs = outputs.into_iter().map(Box::from).collect();
            self.wanted.push((index, on, outputs));
        }
    }

    /// Finishes the graph. Takes O(n + m log m) for n nodes and m edges.
    ///
    /// # Errors
    ///
    /// Returns one cycle where there is any; Nix cannot make such derivations, so they are forged or
    /// damaged.
    pub fn finish(mut self) -> Result<DerivationGraph, Cycle> {
        let mut wanted = std::mem::take(&mut self.wanted);
        wanted.sort_unstable();
        wanted.dedup_by(|later, first| {
            let same = (later.0, later.1) == (first.0, first.1);
            if same && !first.2.is_empty() {
                match later.2.is_empty() {
                    true => first.2.clear(),
                    false => first.2.append(&mut later.2),
                }
            }
            same
        });
        let edges = wanted.iter().map(|(from, to, _)| (from.0, to.0)).collect();
        for (from, to, names) in wanted {
            let all = &self.graph.node(to).outputs;
            let places = (0..)
                .zip(all)
                .filter(|(_, output)| names.contains(&output.name));
            let outputs = places.map(|(place, _)| place).collect();
            let (from, to) = (
                NodeIndex::new(from.0 as usize),
                NodeIndex::new(to.0 as usize),
            );
            self.graph.graph.add_edge(from, to, Dependency { outputs });
        }
        self.graph.dag = Dag::new(self.graph.len(), edges)?;
        Ok(self.graph)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_may_come_after_whoever_wants_them() {
        let mut builder = GraphBuilder::default();
        let (user, lib) = (builder.node("/nix/store/u.drv"), builder.node("l.drv"));
        builder.depend(user, lib, ["dev"]);
        builder.depend(user, lib, ["out"]);
        for name in ["dev", "doc", "out"] {
            builder.output(lib, name, Some(&format!("/nix/store/l-{name}")));
        }
        let graph = builder.finish().expect("no cycle");
        let wanted: Vec<_> = graph.dependencies(user).collect();
        assert_eq!(
            wanted,
            [(
                lib,
                &Dependency {
                    outputs: vec![0, 2]
                }
            )]
        );
        assert_eq!(graph.maker("/nix/store/l-dev"), Some((lib, 0)));
        assert_eq!(graph.node(lib).kind, NodeKind::Missing);
    }
}
