//! `with` over many lines.

use rnix::SyntaxKind;

use super::short;
use crate::lint::syntax::{Kind, NodeId, Tree};

/// A body of so many lines is a large one.
const LARGE: usize = 50;

/// The same where the body is all of the file.
const LARGE_FILE: usize = 25;

/// `with pkgs; [ … ]` and `meta = with lib; { … }` are how nixpkgs writes them: what comes from the `with` is plain
/// there, however long the list is.
pub(super) fn look(tree: &Tree<'_>, id: NodeId) -> Option<(NodeId, String)> {
    let &[set, body] = tree.kids(id) else {
        return None;
    };
    if tree.kind(id) != Kind::With || is_list(tree, body) || is_meta(tree, id) {
        return None;
    }
    // `with lib; with types;`: the outer one says it.
    let parent = tree.parent(id).map(|it| tree.kind(it));
    if parent == Some(Kind::With) {
        return None;
    }
    let lines = tree.lines(body);
    let least = match is_whole_file(tree, id) {
        true => LARGE_FILE,
        false => LARGE,
    };
    (lines >= least).then(|| {
        let set = short(tree, set);
        (id, format!("`with {set};` is over {lines} lines"))
    })
}

/// Tells whether it is a list that is written down, in parts some of which may depend on conditions.
fn is_list(tree: &Tree<'_>, id: NodeId) -> bool {
    let kids = tree.kids(id);
    match tree.kind(id) {
        Kind::List => true,
        Kind::Binary(SyntaxKind::TOKEN_CONCAT) => kids.iter().all(|&it| is_list(tree, it)),
        Kind::Apply => kids.last().is_some_and(|&it| tree.kind(it) == Kind::List),
        _ => false,
    }
}

fn is_meta(tree: &Tree<'_>, id: NodeId) -> bool {
    let parent = tree.parent(id).and_then(|it| tree.binding(it));
    parent.is_some_and(|(path, _)| path.iter().any(|&it| tree.attribute(it) == Some("meta")))
}

/// Tells whether only functions and `let` are around it.
fn is_whole_file(tree: &Tree<'_>, id: NodeId) -> bool {
    let mut inner = id;
    tree.ancestors(id).all(|outer| {
        let is_last = tree.kids(outer).last() == Some(&inner);
        inner = outer;
        is_last
            && matches!(
                tree.kind(outer),
                Kind::Root | Kind::Function | Kind::Let | Kind::Assert
            )
    })
}
