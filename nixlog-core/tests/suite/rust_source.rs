//! Rust source, read as far as the guards need it: its files, its tokens and the paths in it.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the path of the module that a file holds: `wire/carrier/mod.rs` is `wire::carrier`.
pub(crate) fn module_of(file: &Path) -> Vec<String> {
    let mut module: Vec<_> = file
        .with_extension("")
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    if module
        .last()
        .is_some_and(|last| last == "mod" || last == "lib")
    {
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
pub(crate) fn imports(module: &[String], tokens: &[Token<'_>]) -> Vec<Import> {
    let mut found = Vec::new();
    let mut here = module.to_vec();
    let mut inline: Vec<usize> = Vec::new(); // the brace depths at which inline modules began
    let mut depth = 0;
    let mut re_exported = false;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Open => {
                if let [.., Token::Word("mod"), Token::Word(name)] = tokens[..at] {
                    here.push(name.to_owned());
                    inline.push(depth);
                }
                depth += 1;
            }
            Token::Close => {
                depth = depth.saturating_sub(1);
                if inline.last() == Some(&depth) {
                    inline.pop();
                    here.pop();
                }
            }
            Token::Other(';') => re_exported = false,
            Token::Word("use") => {
                let before = at.checked_sub(1).map(|before| tokens[before]);
                re_exported = matches!(before, Some(Token::Word("pub") | Token::Other(')')));
            }
            Token::Word(head @ ("crate" | "super" | "self")) => {
                let starts = at == 0 || tokens[at - 1] != Token::PathSep;
                let goes_on = tokens.get(at + 1) == Some(&Token::PathSep);
                let renamed = tokens.get(at + 1) == Some(&Token::Word("as"));
                if starts && (goes_on || renamed && *head == "crate") {
                    let mut paths = Vec::new();
                    tree(tokens, at, &here, &mut paths);
                    found.extend(paths.into_iter().map(|path| Import { path, re_exported }));
                }
            }
            _ => {}
        }
    }
    found
}

/// Reads the path or the tree of paths at `at`, each added to `out`; returns where it ends.
fn tree(
    tokens: &[Token<'_>],
    mut at: usize,
    prefix: &[String],
    out: &mut Vec<Vec<String>>,
) -> usize {
    let mut path = prefix.to_vec();
    loop {
        match tokens.get(at) {
            Some(Token::Word("crate")) => path.clear(),
            Some(Token::Word("self")) => {}
            Some(Token::Word("super")) => {
                path.pop();
            }
            Some(Token::Word(name)) => path.push((*name).to_owned()),
            Some(Token::Other('*')) => path.push("*".to_owned()),
            Some(Token::Open) => {
                at += 1;
                while at < tokens.len() && tokens[at] != Token::Close {
                    at = tree(tokens, at, &path, out);
                    while !matches!(
                        tokens.get(at),
                        None | Some(Token::Other(',') | Token::Close)
                    ) {
                        at += 1; // `as name`
                    }
                    if tokens.get(at) == Some(&Token::Other(',')) {
                        at += 1;
                    }
                }
                return at + 1;
            }
            _ => break, // `::<` of a turbofish
        }
        at += 1;
        if tokens.get(at) != Some(&Token::PathSep) {
            break;
        }
        at += 1;
    }
    out.push(path);
    at
}

/// What matters here of Rust's tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Token<'a> {
    Word(&'a str),
    PathSep,
    Open,
    Close,
    Other(char),
}

/// Splits Rust source into what matters here; comments, strings and characters are left out.
pub(crate) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let used = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(length) = string(rest) {
            length
        } else if first == '\'' {
            character(rest)
        } else if rest.starts_with("::") {
            found.push(Token::PathSep);
            2
        } else if first == '_' || first.is_alphanumeric() {
            let raw = if rest.starts_with("r#") { 2 } else { 0 };
            let word = &rest[raw..];
            let end = word.find(|c: char| c != '_' && !c.is_alphanumeric());
            let word = &word[..end.unwrap_or(word.len())];
            found.push(Token::Word(word));
            raw + word.len()
        } else {
            match first {
                '{' => found.push(Token::Open),
                '}' => found.push(Token::Close),
                _ if first.is_whitespace() => {}
                _ => found.push(Token::Other(first)),
            }
            first.len_utf8()
        };
        rest = &rest[used..];
    }
    found
}

/// Returns the length of a block comment; they nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// Returns the length of the string literal at the start of a text, if there is one.
fn string(text: &str) -> Option<usize> {
    let marker = text.trim_start_matches(['b', 'c']);
    let prefix = text.len() - marker.len();
    if prefix > 1 {
        return None;
    }
    if let Some(raw) = marker.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let body = raw[hashes..].strip_prefix('"')?;
        let close = format!("\"{}", &raw[..hashes]);
        let end = body.find(&close).map_or(body.len(), |at| at + close.len());
        return Some(prefix + 1 + hashes + 1 + end);
    }
    let body = marker.strip_prefix('"')?;
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            '"' if !escaped => return Some(prefix + 1 + at + 1),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    Some(text.len())
}

/// Returns the length of the character literal or the lifetime's mark at the start of a text.
fn character(text: &str) -> usize {
    let mut inside = text[1..].chars();
    match (inside.next(), inside.next()) {
        (Some('\\'), _) => text[3..].find('\'').map_or(text.len(), |at| at + 4),
        (Some(c), Some('\'')) => c.len_utf8() + 2,
        _ => 1,
    }
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

#[test]
fn tokens_leave_out_what_is_not_code() {
    let source =
        r##"a /* b /* c */ */ 'd' '\'' '\u{1f}' b'"' "e\"" r#"f""# br"g" c"h" r#i 'j x::y // k"##;
    let words: Vec<_> = tokens(source)
        .into_iter()
        .filter_map(|token| match token {
            Token::Word(word) => Some(word),
            _ => None,
        })
        .collect();
    assert_eq!(words, ["a", "b", "i", "j", "x", "y"]);
}
