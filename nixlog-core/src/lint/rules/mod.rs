//! One file per rule, and the list of them.

mod fetch_without_hash;
mod folds;
mod import_from_derivation;
pub(super) mod nixpkgs;
mod recursive_read_dir;
mod recursive_set;
mod source_tree;
#[cfg(test)]
mod tests;
mod with;

use super::Rule;
use super::syntax::{NodeId, Tree};

/// What a rule found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) rule: Rule,
    pub(super) at: NodeId,
    pub(super) message: String,
}

/// Looks at one node. What it finds may be elsewhere.
type Look = fn(&Tree<'_>, NodeId) -> Option<(NodeId, String)>;

/// The rules that one node tells everything about; `nixpkgs` counts.
const RULES: &[(Rule, Look)] = &[
    (Rule::With, with::look),
    (Rule::RecursiveSet, recursive_set::look),
    (Rule::ImportFromDerivation, import_from_derivation::look),
    (Rule::FetchWithoutHash, fetch_without_hash::look),
    (Rule::UpdateInFold, folds::update),
    (Rule::LazyFold, folds::lazy),
    (Rule::SourceTree, source_tree::look),
    (Rule::RecursiveReadDir, recursive_read_dir::look),
];

/// Runs all of them over a file.
pub(super) fn all(tree: &Tree<'_>) -> Vec<Found> {
    let mut all = Vec::new();
    for node in tree.all() {
        for &(rule, look) in RULES {
            let found = look(tree, node);
            all.extend(found.map(|(at, message)| Found { rule, at, message }));
        }
    }
    all
}

/// Returns how an expression is written, cut where it is long. Of a call, what is called.
fn short(tree: &Tree<'_>, id: NodeId) -> String {
    /// About as much as a line of a message takes.
    const MOST: usize = 40;
    let text = tree.text(id);
    let text = match text.len() <= MOST && !text.contains('\n') {
        true => text,
        false => tree.text(tree.call(id).0),
    };
    let line = text.lines().next().unwrap_or_default();
    let mut short: String = line.chars().take(MOST).collect();
    if short.len() < tree.text(id).len() {
        short.push('…');
    }
    short
}
