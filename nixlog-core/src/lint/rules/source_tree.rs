//! Paths that copy whole folders.

use crate::lint::syntax::{Kind, NodeId, Tree};

/// `src = ./.;`, `"${./.}"`, and `builtins.path` without a filter, where the path is the folder of the file or one
/// above it. Of others, nobody knows how much is in them.
pub(super) fn look(tree: &Tree<'_>, id: NodeId) -> Option<(NodeId, String)> {
    if tree.kind(id) != Kind::Path || !is_folder(tree.text(id)) {
        return None;
    }
    let text = tree.text(id);
    let parent = tree.parent(id)?;
    match tree.kind(parent) {
        Kind::Interpolation => {
            let around = tree.parent(parent).map(|it| tree.kind(it));
            (around == Some(Kind::String))
                .then(|| (id, format!("`\"${{{text}}}\"` copies the whole folder")))
        }
        Kind::Binding => {
            let (path, _) = tree.binding(parent)?;
            let name = tree.attribute(*path.last()?)?;
            let set = tree.parent(parent)?;
            let names = tree.names_of(set).unwrap_or_default();
            if names.contains(&"filter") {
                return None;
            }
            let call = tree.parent(set).filter(|&it| tree.kind(it) == Kind::Apply);
            let function = call.and_then(|call| tree.last_name(tree.call(call).0));
            let copies = match (name, function) {
                // What is imported may do anything with it; flake-compat takes what git knows.
                ("src", function) => !function.is_some_and(|it| it == "import" || filters(it)),
                ("path", Some("path")) => true,
                _ => false,
            };
            copies.then(|| (id, format!("`{name} = {text}` copies the whole folder")))
        }
        _ => None,
    }
}

/// Tells whether a path is `.`, or a folder above it.
fn is_folder(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'.' | b'/')) && text.starts_with('.')
}

/// Tells whether a function is one that chooses among the files, by its name.
fn filters(function: &str) -> bool {
    let name = function.to_ascii_lowercase();
    ["clean", "filter", "ignore", "source"]
        .iter()
        .any(|word| name.contains(word))
}
