//! Which attribute a place in a file belongs to.

use super::{Kind, Lines, NodeId, Tree, parse};

/// Functions of nixpkgs that wrap the value of an option, or merge several: what is in them is still at the same
/// attribute.
const WRAPPERS: &[&str] = &[
    "mkAfter",
    "mkAssert",
    "mkBefore",
    "mkDefault",
    "mkForce",
    "mkIf",
    "mkImageMediaOverride",
    "mkMerge",
    "mkOptionDefault",
    "mkOrder",
    "mkOverride",
    "mkVMOverride",
    "optionalAttrs",
    "recursiveUpdate",
];

/// Returns the attribute that a place in a Nix file belongs to, as it is written:
/// `config.environment.systemPackages`.
///
/// It is the longest chain of bindings that leads from the value of the file to the place, through functions,
/// `let`, `with`, `if`, `//`, and what wraps options (`mkIf`, `mkMerge` …). What is bound in the argument of another
/// function, or in a list, is not part of it: of `a = f { b = 1; }` all is `a`. Where the file is a call itself
/// (`mkDerivation { src = …; }`), the chain starts in its argument; so it does in a module that is written in a
/// list of modules (`imports`, `modules`). `None` for what a `let` binds outside of any
/// attribute, outside of the file, and where the file cannot be parsed.
///
/// Lines and columns count from 1, columns in bytes, as Nix has them.
#[must_use]
pub fn attribute_at(source: &str, line: u32, column: u32) -> Option<String> {
    let at = Lines::new(source).at(line, column)?;
    let tree = parse(source).ok()?;
    let mut inner = innermost(&tree, at)?;
    // From the inside out.
    let mut path: Vec<String> = Vec::new();
    let mut in_argument: Vec<String> = Vec::new();
    while let Some(outer) = tree.parent(inner) {
        match tree.kind(outer) {
            // A module that is written in a list of modules has options of its own.
            Kind::Binding
                if !in_argument.is_empty() && path.is_empty() && has_modules(&tree, outer) =>
            {
                path = std::mem::take(&mut in_argument);
                break;
            }
            Kind::Binding | Kind::Inherit => {
                path.extend(written(&tree, outer, inner));
                let around = tree.parent(outer).map(|it| tree.kind(it));
                if matches!(around, Some(Kind::Let | Kind::LetSet)) {
                    path.clear();
                    in_argument.clear();
                }
            }
            _ if leads_on(&tree, inner, outer) => {}
            _ if path.is_empty() => {}
            _ => in_argument = std::mem::take(&mut path),
        }
        inner = outer;
    }
    if path.is_empty() {
        path = in_argument;
    }
    path.reverse();
    (!path.is_empty()).then(|| path.join("."))
}

/// Tells whether a binding is of a list of modules.
fn has_modules(tree: &Tree<'_>, binding: NodeId) -> bool {
    let last = tree.binding(binding).and_then(|(path, _)| path.last());
    let name = last.and_then(|&it| tree.attribute(it));
    matches!(name, Some("imports" | "modules" | "sharedModules"))
}

/// Returns the smallest node around a byte.
fn innermost(tree: &Tree<'_>, at: u32) -> Option<NodeId> {
    let mut inner = tree.all().last()?;
    loop {
        let holds = |&&kid: &&NodeId| {
            let (start, end) = tree.range(kid);
            start <= at && at < end
        };
        match tree.kids(inner).iter().find(holds) {
            Some(&kid) => inner = kid,
            None => return Some(inner),
        }
    }
}

/// Returns what a binding is of, or the one of the inherited attributes that is meant, from the inside out.
fn written(tree: &Tree<'_>, outer: NodeId, inner: NodeId) -> Vec<String> {
    match tree.binding(outer) {
        Some((path, _)) => path
            .iter()
            .rev()
            .map(|&it| tree.text(it).to_owned())
            .collect(),
        None if tree.kind(inner) == Kind::InheritFrom => Vec::new(),
        None => vec![tree.text(inner).to_owned()],
    }
}

/// Tells whether a value within another one is at the same attribute.
fn leads_on(tree: &Tree<'_>, inner: NodeId, outer: NodeId) -> bool {
    let wraps = |call: NodeId| {
        let name = tree.last_name(tree.call(call).0);
        name.is_some_and(|name| WRAPPERS.contains(&name))
    };
    let is_last = tree.kids(outer).last() == Some(&inner);
    match tree.kind(outer) {
        Kind::Root | Kind::Set | Kind::RecursiveSet => true,
        Kind::Binary(op) => op == rnix::SyntaxKind::TOKEN_UPDATE,
        Kind::Function | Kind::With | Kind::Assert | Kind::Let => is_last,
        Kind::If => tree.kids(outer).first() != Some(&inner),
        Kind::Apply => is_last && wraps(outer),
        Kind::List => tree
            .parent(outer)
            .is_some_and(|call| tree.kind(call) == Kind::Apply && wraps(call)),
        _ => false,
    }
}
