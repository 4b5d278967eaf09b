//! Functions that read folders and call themselves.

use crate::lint::syntax::{Bound, Kind, NodeId, Tree};

pub(super) fn look(tree: &Tree<'_>, id: NodeId) -> Option<(NodeId, String)> {
    let (path, value) = tree.binding(id)?;
    let &[own] = path else {
        return None;
    };
    let own = tree.attribute(own)?;
    if tree.kind(value) != Kind::Function {
        return None;
    }
    let reads = tree.below(value).find(|&it| {
        tree.kind(it) == Kind::Name && tree.text(it) == "readDir" && is_read(tree, it)
    })?;
    // Whoever looks for a file further up calls itself, too, but once, and reads no tree.
    let calls_itself = tree.below(value).any(|it| {
        tree.kind(it) == Kind::Name
            && tree.text(it) == own
            && is_for_each(tree, it, value)
            && tree.bound(it) == Bound::To(value)
    });
    calls_itself.then(|| (reads, format!("`{own}` reads folders and calls itself")))
}

/// Tells whether a name is `readDir` itself or the last part of it, and not what somebody binds to it.
fn is_read(tree: &Tree<'_>, name: NodeId) -> bool {
    let parent = tree.parent(name);
    match parent.map(|it| tree.kind(it)) {
        Some(Kind::AttributePath) => {
            let around = parent.and_then(|it| tree.parent(it));
            around.is_some_and(|it| tree.kind(it) == Kind::Select)
        }
        Some(Kind::Inherit | Kind::Parameters | Kind::Formal) => false,
        _ => true,
    }
}

/// Tells whether a name is used in a function within the one that it stands for, or passed on as a function.
fn is_for_each(tree: &Tree<'_>, name: NodeId, own: NodeId) -> bool {
    if tree
        .parent(name)
        .is_some_and(|it| tree.kind(it) == Kind::Apply)
        && !tree.is_called(name)
    {
        return true;
    }
    // The function's own parameters come first: `a: b: body`.
    let mut body = own;
    while tree.kind(body) == Kind::Function
        && let &[_, inner] = tree.kids(body)
    {
        body = inner;
    }
    let mut around = tree
        .ancestors(name)
        .take_while(|&it| it != body && it != own);
    around.any(|it| tree.kind(it) == Kind::Function)
}
