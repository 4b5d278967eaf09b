//! Evaluation that needs the output of a build.

use rnix::SyntaxKind;

use super::short;
use crate::lint::syntax::{Bound, Kind, NodeId, Tree};

/// Functions that read a file or a folder, each with the place of the path among its arguments.
const READERS: &[(&str, usize)] = &[
    ("import", 0),
    ("scopedImport", 1),
    ("readFile", 0),
    ("readDir", 0),
    ("readFileType", 0),
    ("hashFile", 1),
    ("importJSON", 0),
    ("importTOML", 0),
    ("fileContents", 0),
    ("callPackage", 0),
];

/// Functions of nixpkgs that make a derivation, by their last name. `fetch…` do, too, but for the evaluator's own.
const MAKERS: &[&str] = &[
    "applyPatches",
    "buildEnv",
    "linkFarm",
    "mkDerivation",
    "runCommand",
    "runCommandCC",
    "runCommandLocal",
    "runCommandNoCC",
    "symlinkJoin",
    "writeScript",
    "writeScriptBin",
    "writeShellApplication",
    "writeShellScript",
    "writeShellScriptBin",
    "writeText",
    "writeTextDir",
    "writeTextFile",
];

const FETCHERS: &[&str] = &[
    "fetchFromBitbucket",
    "fetchFromCodeberg",
    "fetchFromForgejo",
    "fetchFromGitHub",
    "fetchFromGitLab",
    "fetchFromGitea",
    "fetchFromRepoOrCz",
    "fetchFromSavannah",
    "fetchFromSourcehut",
    "fetchgit",
    "fetchgitPrivate",
    "fetchhg",
    "fetchpatch",
    "fetchpatch2",
    "fetchsvn",
    "fetchurl",
    "fetchzip",
];

/// Functions of nixpkgs that generate Nix code in a build, and import it.
const GENERATORS: &[&str] = &[
    "callCabal2nix",
    "callCabal2nixWithOptions",
    "callHackage",
    "callHackageDirect",
];

/// Attributes of a derivation that are outputs, or sources of a build.
const OUTPUTS: &[&str] = &["out", "dev", "lib", "bin", "doc", "man", "src", "outPath"];

/// Attributes of the package set that are no derivations.
const NO_PACKAGES: &[&str] = &[
    "config",
    "lib",
    "path",
    "system",
    "stdenv",
    "targetPlatform",
    "hostPlatform",
    "buildPlatform",
    "formats",
    "nixosModules",
    "writers",
];

/// How the names of sets of packages within the package set end: `vimPlugins`, `python3Packages`.
const PACKAGE_SETS: &[&str] = &["Packages", "Plugins"];

/// How far bindings are followed.
const MOST_STEPS: u8 = 8;

pub(super) fn look(tree: &Tree<'_>, id: NodeId) -> Option<(NodeId, String)> {
    // Once for the whole call.
    if tree.kind(id) != Kind::Apply || tree.is_called(id) {
        return None;
    }
    let (head, arguments) = tree.call(id);
    let name = tree.last_name(head)?;
    if GENERATORS.contains(&name) {
        return Some((
            id,
            format!("`{name}` imports Nix code that a build generates"),
        ));
    }
    let &(_, place) = READERS.iter().find(|(reader, _)| *reader == name)?;
    let &path = arguments.get(place).filter(|_| !is_own(tree, head))?;
    let output = output(tree, path, MOST_STEPS)?;
    let from = short(tree, output);
    Some((
        id,
        format!("`{name}` needs the output of a build: `{from}`"),
    ))
}

/// Tells whether a reader is a function of this file that only has the name of one.
fn is_own(tree: &Tree<'_>, head: NodeId) -> bool {
    tree.kind(head) == Kind::Name
        && match tree.bound(head) {
            Bound::To(value) => tree.kind(value) == Kind::Function,
            _ => false,
        }
}

/// Returns what is built, where an expression is the output of a build or a file in one; `None` where nobody
/// can tell from the text.
fn output(tree: &Tree<'_>, id: NodeId, steps: u8) -> Option<NodeId> {
    let steps = steps.checked_sub(1)?;
    match tree.kind(id) {
        Kind::String => {
            // Only at its beginning it is the path that is read.
            let &first = tree.kids(id).first()?;
            let (start, _) = tree.range(first);
            let quotes = if tree.text(id).starts_with("''") {
                2
            } else {
                1
            };
            let leads = start == tree.range(id).0 + quotes;
            let &inner = tree.kids(first).first().filter(|_| leads)?;
            output(tree, inner, steps)
        }
        Kind::Binary(SyntaxKind::TOKEN_ADD) => output(tree, *tree.kids(id).first()?, steps),
        Kind::Name => match tree.bound(id) {
            Bound::To(value) => output(tree, value, steps),
            _ => None,
        },
        Kind::Apply => {
            let (head, arguments) = tree.call(id);
            is_built(tree, id, head, &arguments, steps)
        }
        Kind::Select => {
            let (base, attributes) = tree.selected(id);
            let names: Vec<&str> = attributes
                .iter()
                .filter_map(|&it| tree.attribute(it))
                .collect();
            let (Some(first), Some(last)) = (names.first(), names.last()) else {
                return None;
            };
            if is_package_set(tree, base) && names.len() == attributes.len() {
                let is_set = PACKAGE_SETS.iter().any(|end| first.ends_with(end));
                let is_package = match names.len() {
                    1 => true,
                    2 if is_set => true,
                    // `pkgs.a.b` may be anything, unless it is an output.
                    _ => OUTPUTS.contains(last),
                };
                return (is_package && !NO_PACKAGES.contains(first)).then_some(id);
            }
            match attributes.len() == 1 && OUTPUTS.contains(last) {
                true => output(tree, base, steps),
                false => None,
            }
        }
        _ => None,
    }
}

/// Tells whether it is what everybody calls `pkgs`: a parameter, or a package set that is evaluated here. Some call
/// a set of sources so.
fn is_package_set(tree: &Tree<'_>, id: NodeId) -> bool {
    if tree.kind(id) != Kind::Name || tree.text(id) != "pkgs" {
        return false;
    }
    match tree.bound(id) {
        Bound::Unknown | Bound::Open => true,
        Bound::From(_) => false,
        Bound::To(value) => {
            let (head, arguments) = tree.call(value);
            let is_called = arguments.len() > 1 && tree.last_name(head) == Some("import");
            is_called || tree.text(value).contains("legacyPackages")
        }
    }
}

/// Tells whether a call makes a derivation.
fn is_built(
    tree: &Tree<'_>,
    id: NodeId,
    head: NodeId,
    arguments: &[NodeId],
    steps: u8,
) -> Option<NodeId> {
    let name = tree.last_name(head)?;
    let (base, _) = tree.selected(head);
    if MAKERS.contains(&name) {
        return Some(id);
    }
    if FETCHERS.contains(&name) {
        return (!is_evaluators(tree, head, name)).then_some(id);
    }
    match (name, arguments) {
        ("toString", &[inner]) => output(tree, inner, steps),
        ("override" | "overrideAttrs" | "overrideDerivation", _) if base != head => {
            let is_package = is_package_set(tree, base);
            match is_package {
                true => Some(id),
                false => output(tree, base, steps),
            }
        }
        _ => None,
    }
}

/// Tells whether a fetcher may be the evaluator's own: `builtins.fetchurl`.
fn is_evaluators(tree: &Tree<'_>, head: NodeId, name: &str) -> bool {
    let (base, attributes) = tree.selected(head);
    if !attributes.is_empty() {
        return tree.text(base) == "builtins";
    }
    match tree.bound(head) {
        // Whoever calls a file with it passes nixpkgs' own.
        Bound::Unknown => false,
        Bound::From(set) => tree.text(set) == "builtins",
        Bound::To(_) => true,
        Bound::Open => name == "fetchurl" && !has_pkgs_around(tree, head),
    }
}

/// Tells whether a `with` is around it that is not of the builtins.
fn has_pkgs_around(tree: &Tree<'_>, id: NodeId) -> bool {
    tree.ancestors(id).any(|outer| {
        tree.kind(outer) == Kind::With
            && tree
                .kids(outer)
                .first()
                .is_some_and(|&set| tree.text(set) != "builtins")
    })
}
