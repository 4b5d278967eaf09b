//! Recursive sets that need not be.

use std::collections::HashSet;

use crate::lint::syntax::{Kind, NodeId, Tree};

pub(super) fn look(tree: &Tree<'_>, id: NodeId) -> Option<(NodeId, String)> {
    if tree.kind(id) != Kind::RecursiveSet {
        return None;
    }
    let parent = tree.parent(id)?;
    let (base, attributes) = tree.selected(parent);
    if base == id && attributes.len() == 1 {
        let name = tree.attribute(attributes[0])?;
        let message = format!("only `{name}` of this recursive set is used: a `let` serves");
        return Some((id, message));
    }
    let names: HashSet<&str> = tree.names_of(id)?.into_iter().collect();
    if names.is_empty() {
        return None;
    }
    // A name that is bound once more further in is taken for a sibling: silence is right more often.
    let refers = |it: NodeId| {
        tree.kind(it) == Kind::Name && names.contains(tree.text(it)) && is_expression(tree, it)
    };
    match tree.below(id).any(refers) {
        true => None,
        false => Some((
            id,
            "nothing in this recursive set refers to a part of it".to_owned(),
        )),
    }
}

/// Tells whether a name is looked up where it stands. `inherit a;` in a set further in looks for it, too.
fn is_expression(tree: &Tree<'_>, name: NodeId) -> bool {
    let Some(parent) = tree.parent(name) else {
        return false;
    };
    match tree.kind(parent) {
        Kind::AttributePath => false,
        Kind::Inherit => {
            let first = tree.kids(parent).first();
            first.is_none_or(|&it| tree.kind(it) != Kind::InheritFrom)
                && tree
                    .parent(parent)
                    .is_none_or(|it| tree.kind(it) != Kind::RecursiveSet)
        }
        _ => true,
    }
}
