//! From `.drv` files and their kin to nodes and edges.

use std::borrow::Cow;

use super::builder::GraphBuilder;
use super::model::{NodeIdx, NodeKind};
use crate::drv::{Attributes, Derivation, PathInfo, Shown};

impl GraphBuilder {
    /// Adds what a `.drv` file says. `path` is the file's; a store directory in it does not matter.
    ///
    /// A derivation that is made by another one is known only once that is built; what needs it
    /// depends on what makes it.
    pub fn add_derivation(&mut self, path: &str, derivation: &Derivation<'_>) -> NodeIdx {
        let index = self.derivation(
            path,
            &derivation.system.to_text(),
            &derivation.attributes(),
            derivation.is_fixed_output(),
        );
        for output in derivation.outputs {
            let path = (!output.path.is_empty()).then(|| output.path.to_text());
            self.output(index, &output.name.to_text(), path.as_deref());
        }
        for input in derivation.inputs {
            let on = self.node(&input.path.to_text());
            let dynamic = input.dynamic.iter().map(|dynamic| dynamic.output);
            let outputs: Vec<Cow<'_, str>> = input
                .outputs
                .iter()
                .chain(dynamic)
                .map(|name| name.to_text())
                .collect();
            self.depend(index, on, outputs.iter().map(|name| &**name));
        }
        for source in derivation.sources {
            self.need(index, &source.to_text());
        }
        index
    }

    /// Adds a derivation as `nix derivation show` prints it.
    pub fn add_shown(&mut self, shown: &Shown<'_>) -> NodeIdx {
        let index = self.derivation(
            &shown.path,
            &shown.system,
            &shown.attributes(),
            shown.is_fixed_output(),
        );
        for output in &shown.outputs {
            self.output(index, &output.name, output.path.as_deref());
        }
        for input in &shown.inputs {
            let on = self.node(&input.path);
            let outputs = input.outputs.iter().chain(&input.dynamic);
            self.depend(index, on, outputs.map(|name| &**name));
        }
        for source in &shown.sources {
            self.need(index, source);
        }
        index
    }

    /// Adds a store path and what it refers to.
    ///
    /// The references hang on the path and not on the derivation that makes it: whoever substitutes
    /// the path waits for them, whoever builds it waits for the inputs of the derivation. Those of a
    /// `.drv` are its inputs, and count where the file itself is not at hand.
    pub fn add_path_info(&mut self, info: &PathInfo<'_>) -> NodeIdx {
        let index = self.node(&info.path);
        let is_derivation = super::model::base_name(&info.path).ends_with(".drv");
        let node = self.node_mut(index);
        node.nar_bytes = info.nar_bytes.or(node.nar_bytes);
        if is_derivation {
            self.add_references_of_derivation(index, info);
            return index;
        }
        node.kind = NodeKind::Path;
        for reference in &info.references {
            self.need(index, reference);
        }
        index
    }

    /// Adds a node for a derivation whose file is at hand.
    fn derivation(
        &mut self,
        path: &str,
        system: &str,
        attributes: &Attributes<'_>,
        is_fixed_output: bool,
    ) -> NodeIdx {
        let index = self.node(path);
        let node = self.node_mut(index);
        node.kind = NodeKind::Derivation;
        node.is_fixed_output = is_fixed_output;
        node.prefers_local = attributes.prefers_local;
        node.allows_substitutes = attributes.allows_substitutes;
        node.system = system.into();
        index
    }

    /// Says that a node needs a path, all of it.
    fn need(&mut self, index: NodeIdx, path: &str) {
        let on = self.node(path);
        self.depend(index, on, []);
    }
}
