//! Fetches by the evaluator whose results are not pinned.

use crate::lint::syntax::{Kind, NodeId, Tree};

/// The evaluator's fetchers: whether they can be called without `builtins.`, and the attributes any of which pins
/// the result.
const FETCHERS: &[(&str, bool, &[&str])] = &[
    ("fetchTarball", true, &["sha256", "hash", "narHash"]),
    ("fetchurl", false, &["sha256", "hash", "narHash"]),
    ("fetchGit", true, &["rev", "narHash"]),
    ("fetchMercurial", true, &["rev", "narHash"]),
    ("fetchTree", true, &["rev", "narHash"]),
];

pub(super) fn look(tree: &Tree<'_>, id: NodeId) -> Option<(NodeId, String)> {
    let &[head, argument] = tree.kids(id) else {
        return None;
    };
    if tree.kind(id) != Kind::Apply {
        return None;
    }
    let name = tree.last_name(head)?;
    let &(_, is_global, pins) = FETCHERS.iter().find(|(fetcher, ..)| *fetcher == name)?;
    if !tree.is_builtin(head, name, is_global) {
        return None;
    }
    let is_archive = matches!(name, "fetchTarball" | "fetchurl");
    let is_pinned = match tree.kind(argument) {
        Kind::Set | Kind::RecursiveSet => {
            // A folder of this machine is read, not fetched.
            let url = ["url", "path"]
                .into_iter()
                .find_map(|it| tree.value_of(argument, it));
            let is_local = url.is_some_and(|url| is_local(tree, url));
            let names = tree.names_of(argument)?;
            let is_written =
                url.is_some_and(|url| matches!(tree.kind(url), Kind::String | Kind::Literal));
            if names.contains(&"url") && !is_written && !is_archive {
                // It may be a folder of this machine.
                return None;
            }
            is_local || pins.iter().any(|pin| names.contains(pin))
        }
        Kind::String | Kind::Literal => {
            // The archive of a revision stays the same, but Nix does not know that.
            is_local(tree, argument) || !is_archive && has_revision(tree.text(argument))
        }
        // What others say, nobody knows here.
        _ => return None,
    };
    (!is_pinned).then(|| {
        let what = match is_archive {
            true => "sha256",
            false => "rev",
        };
        (id, format!("`{name}` without `{what}`"))
    })
}

fn is_local(tree: &Tree<'_>, url: NodeId) -> bool {
    let text = tree.text(url).trim_matches('"');
    let is_file = ["file:", "path:", "/", "./", "git+file:"]
        .iter()
        .any(|start| text.starts_with(start));
    tree.kind(url) == Kind::Path || is_file
}

/// Tells whether a flake reference names a revision, or has one put in.
fn has_revision(text: &str) -> bool {
    let is_long =
        |word: &str| word.len() >= 40 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric());
    text.contains("${") || text.contains("narHash=") || words.any(is_long)
}
