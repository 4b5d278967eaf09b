//! Calls of `import <nixpkgs>`.

use super::Found;
use crate::lint::Rule;
use crate::lint::syntax::{Kind, NodeId, Tree};

/// Returns the calls, and whether each is the default of a parameter.
///
/// `import <nixpkgs>` alone is a function, which Nix reads once; its calls cost.
pub(in crate::lint) fn calls(tree: &Tree<'_>) -> Vec<(Found, bool)> {
    let is_import = |id: NodeId| match tree.kids(id) {
        &[head, path] if tree.kind(id) == Kind::Apply => {
            tree.kind(path) == Kind::SearchPath
                && tree.text(path) == "<nixpkgs>"
                && tree.is_builtin(head, "import", true)
        }
        _ => false,
    };
    let call = |id: NodeId| {
        let is_default = |outer: NodeId| tree.kind(outer) == Kind::Formal;
        let found = Found {
            rule: Rule::RepeatedNixpkgs,
            at: id,
            message: String::new(),
        };
        (found, tree.ancestors(id).any(is_default))
    };
    let called = tree.all().filter(|&id| is_import(id) && tree.is_called(id));
    called.map(call).collect()
}
