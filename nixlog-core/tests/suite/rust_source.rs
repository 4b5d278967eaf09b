//! Rust source, read as far as the guards need it: its files, and the paths in it.
//!
//! The paths are read from tokens, not from types. What is not seen: a path that a macro puts together,
//! and the second half of one whose first half was imported (`use crate::a; a::b::c()` counts as
//! `crate::a`).

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// What brings in a file whose paths are not seen.
pub(crate) const UNSEEN: [&str; 2] = ["#[path", "include!("];

/// Returns the path of the module that a file holds: `wire/carrier/mod.rs` is `wire::carrier`.
pub(crate) fn module_of(file: &Path) -> Vec<String> {
    let mut module: Vec<_> = file
        .with_extension("")
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    let is_root = |last: &String| ["mod", "lib", "main"].contains(&last.as_str());
    if module.last().is_some_and(is_root) {
        module.pop();
    }
    module
}

/// A path from the crate's root, as far as it is written: `*` stands for a glob.
#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) path: Vec<String>,
    /// Whether it stands in a `pub use`.
    pub(crate) re_exported: bool,
}

/// Finds every path that starts with `crate`, `super` or `self`, and resolves it.
pub(crate) fn imports(module: &[String], source: &str) -> Vec<Import> {
    let tokens: TokenStream = source.parse().expect("the compiler reads it, too");
    let mut found = Vec::new();
    let tokens: Vec<_> = tokens.into_iter().collect();
    walk(&tokens, &mut module.to_vec(), false, &mut found);
    found
}

fn walk(
    tokens: &[TokenTree],
    here: &mut Vec<String>,
    mut re_exported: bool,
    found: &mut Vec<Import>,
) {
    for (at, token) in tokens.iter().enumerate() {
        let (before, behind) = (&tokens[..at], &tokens[at + 1..]);
        let head = match token {
            TokenTree::Group(group) => {
                let depth = here.len();
                if let [.., TokenTree::Ident(word), TokenTree::Ident(name)] = before
                    && word == "mod"
                {
                    here.push(name.to_string());
                }
                let inside: Vec<_> = group.stream().into_iter().collect();
                walk(&inside, here, re_exported, found);
                here.truncate(depth);
                continue;
            }
            TokenTree::Ident(word) => word.to_string(),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {
                re_exported &= !is(token, ';');
                continue;
            }
        };
        match head.as_str() {
            // Behind `pub` or `pub(…)`.
            "use" => {
                re_exported = match before.last() {
                    Some(TokenTree::Ident(word)) => word == "pub",
                    Some(TokenTree::Group(group)) => group.delimiter() == Delimiter::Parenthesis,
                    _ => false,
                }
            }
            "crate" | "super" | "self" if !matches!(before, [.., a, b] if is(a, ':') && is(b, ':')) =>
            {
                let is_renamed =
                    || matches!(behind.first(), Some(TokenTree::Ident(word)) if word == "as");
                if goes_on(behind) || head == "crate" && is_renamed() {
                    let mut paths = Vec::new();
                    tree(&tokens[at..], here, &mut paths);
                    found.extend(paths.into_iter().map(|path| Import { path, re_exported }));
                }
            }
            _ => {}
        }
    }
}

/// Adds the path or the tree of paths that tokens begin with.
fn tree(mut tokens: &[TokenTree], prefix: &[String], out: &mut Vec<Vec<String>>) {
    let mut path = prefix.to_vec();
    while let Some((token, behind)) = tokens.split_first() {
        match token {
            TokenTree::Ident(word) => match word.to_string().as_str() {
                "crate" => path.clear(),
                "self" => {}
                "super" => drop(path.pop()),
                name => path.push(name.to_owned()),
            },
            TokenTree::Group(group) => {
                let inside: Vec<_> = group.stream().into_iter().collect();
                let parts = inside.split(|token| is(token, ','));
                return parts
                    .filter(|part| !part.is_empty())
                    .for_each(|part| tree(part, &path, out));
            }
            _ if is(token, '*') => path.push("*".to_owned()),
            _ => break, // `::<` of a turbofish
        }
        if !goes_on(behind) {
            break;
        }
        tokens = &behind[2..];
    }
    out.push(path);
}

/// Tells whether a path goes on: with `::`.
fn goes_on(tokens: &[TokenTree]) -> bool {
    matches!(tokens, [a, b, ..] if is(a, ':') && is(b, ':'))
}

fn is(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign)
}

/// Returns every Rust file below a directory, in the order of their names.
pub(crate) fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("a directory of the workspace");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("a readable entry").path())
        .collect();
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
