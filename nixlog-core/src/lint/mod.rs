//! What slows the evaluation of Nix files, or hides what it costs, as far as their text shows it.
//!
//! Rules are silent where they cannot know: a finding is worth a look, and none is about style.

#[cfg(feature = "lint")]
mod rules;
#[cfg(feature = "lint")]
pub mod syntax;

use crate::names::named;

named! {
    /// What is looked for; what can cost most comes first.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Rule {
        /// Evaluation that needs the output of a build, and stands still until it is there.
        ImportFromDerivation = "import-from-derivation",
        /// Several calls of `import <nixpkgs>`: each evaluates a package set of its own.
        RepeatedNixpkgs = "repeated-nixpkgs",
        /// A fetch by the evaluator whose result is not pinned: it is asked for again and again.
        FetchWithoutHash = "fetch-without-hash",
        /// A path that copies a whole folder to the store, with `.git` and build results.
        SourceTree = "source-tree",
        /// A function that reads folders and calls itself: it reads a whole tree at each evaluation.
        RecursiveReadDir = "recursive-read-dir",
        /// `//` in a fold: each step copies all attributes of the steps before it.
        UpdateInFold = "update-in-fold",
        /// A fold that keeps every step until the end: slower, and it exhausts the stack on long lists.
        LazyFold = "lazy-fold",
        /// `with` over many lines: what nothing else binds is looked up in it, each time it is evaluated.
        With = "with",
        /// A recursive set of which no part refers to another one, or only one attribute is used.
        RecursiveSet = "recursive-set",
    }
}

impl Rule {
    /// Returns what people call it, in a list of counts.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::With => "`with`",
            Self::RecursiveSet => "recursive sets",
            Self::ImportFromDerivation => "IFD",
            Self::FetchWithoutHash => "fetches without a hash",
            Self::UpdateInFold => "`//` in folds",
            Self::LazyFold => "lazy folds",
            Self::RepeatedNixpkgs => "repeated `<nixpkgs>`",
            Self::SourceTree => "whole source trees",
            Self::RecursiveReadDir => "recursive `readDir`",
        }
    }

    /// Returns why it matters.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::With => {
                "what nothing else binds is looked up in the set each time it is evaluated, and nobody sees where it comes from"
            }
            Self::RecursiveSet => {
                "the set keeps a scope that nothing uses, and overrides do not reach what is bound in it"
            }
            Self::ImportFromDerivation => {
                "evaluation stands still until the build is done, and asks for nothing else meanwhile"
            }
            Self::FetchWithoutHash => {
                "Nix asks the network again once its copy is an hour old, and the result may change"
            }
            Self::UpdateInFold => {
                "each step copies the attributes of all steps before it: n steps copy about n²/2"
            }
            Self::LazyFold => {
                "no step is computed before the last one is there; a long list exhausts the stack"
            }
            Self::RepeatedNixpkgs => {
                "each call evaluates the package set anew, in time and in memory"
            }
            Self::SourceTree => {
                "evaluation copies and hashes the whole folder, `.git` and build results too, and any change in it causes a rebuild"
            }
            Self::RecursiveReadDir => "every evaluation reads the whole tree, folder by folder",
        }
    }

    /// Returns what to write instead.
    #[must_use]
    pub const fn fix(self) -> &'static str {
        match self {
            Self::With => {
                "name what is used: `inherit (lib) mkIf mkOption;` in a `let`, or `lib.mkIf`"
            }
            Self::RecursiveSet => "drop `rec`; bind what several attributes share in a `let`",
            Self::ImportFromDerivation => {
                "commit the generated file, or fetch it with the evaluator: `builtins.fetchTree`, a flake input"
            }
            Self::FetchWithoutHash => {
                "add `sha256` (`fetchTarball`, `fetchurl`), or `rev` (`fetchGit`, `fetchTree`)"
            }
            Self::UpdateInFold => {
                "make the set at once: `builtins.listToAttrs`, `lib.mergeAttrsList`, `lib.genAttrs`"
            }
            Self::LazyFold => "`builtins.foldl'`",
            Self::RepeatedNixpkgs => {
                "call it once and pass `pkgs` on; where the arguments differ, ask whether both sets are needed"
            }
            Self::SourceTree => {
                "say which files: `lib.fileset.toSource`, `lib.cleanSource`, or `builtins.path` with a `filter`"
            }
            Self::RecursiveReadDir => "list the files, or read one level only",
        }
    }
}

/// What was found, and where. Lines and columns count from 1, as Nix has them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Finding {
    /// The first line.
    pub line: u32,
    /// The column in it, in bytes.
    pub column: u32,
    /// The same in characters.
    pub character: u32,
    /// The last line.
    pub end_line: u32,
    /// Which rule found it.
    pub rule: Rule,
    /// What it is.
    pub message: String,
}

/// A file that cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyntaxError {
    /// The line, from 1.
    pub line: u32,
    /// The column in it, from 1, in bytes.
    pub column: u32,
    /// What is wrong there.
    pub message: String,
}

/// What was found in one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checked {
    /// What is to be said whatever other files have, in the order of the lines.
    pub findings: Vec<Finding>,
    /// Calls of `import <nixpkgs>`, of which [`join`] tells whether there are too many. Where a parameter has one
    /// as its default, that is for whoever calls the file by hand: it is told only of several in one file.
    pub nixpkgs: Vec<Finding>,
    /// How many of them are defaults of parameters.
    pub defaults: usize,
}

/// Adds to what was found in files, one by one, what shows only when they are seen together: `<nixpkgs>` imported
/// more than once.
pub fn join<'a>(files: impl IntoIterator<Item = &'a mut Checked>) {
    let mut files: Vec<&mut Checked> = files.into_iter().collect();
    let n_plain = |file: &Checked| file.nixpkgs.len().saturating_sub(file.defaults);
    let with_plain = files.iter().filter(|file| n_plain(file) > 0).count();
    let n_calls: usize = files.iter().map(|file| n_plain(file)).sum();
    for file in &mut files {
        let message = match file.nixpkgs.len() {
            n @ 2.. => format!("`<nixpkgs>` is imported {n} times in this file"),
            1 if n_plain(file) > 0 && with_plain > 1 => format!(
                "`<nixpkgs>` is imported {n_calls} times in {with_plain} of these files; it costs where one evaluation reads several of them"
            ),
            _ => continue,
        };
        let told = std::mem::take(&mut file.nixpkgs)
            .into_iter()
            .map(|it| Finding {
                message: message.clone(),
                ..it
            });
        file.findings.extend(told);
        file.findings.sort();
    }
}

#[cfg(feature = "lint")]
pub use checking::check;

#[cfg(feature = "lint")]
mod checking {
    use super::syntax::{Lines, Tree, parse};
    use super::{Checked, Finding, SyntaxError, rules};

    /// Checks one file by every rule.
    ///
    /// # Errors
    ///
    /// Says where the file cannot be parsed.
    pub fn check(source: &str) -> Result<Checked, SyntaxError> {
        let tree = parse(source).map_err(|broken| {
            let place = Lines::new(source).place(broken.at);
            SyntaxError {
                line: place.line,
                column: place.column,
                message: broken.message,
            }
        })?;
        let lines = tree.line_starts();
        let mut checked = Checked::default();
        for found in rules::all(&tree) {
            checked.findings.push(finding(&tree, &lines, found));
        }
        for (found, is_default) in rules::nixpkgs::calls(&tree) {
            checked.nixpkgs.push(finding(&tree, &lines, found));
            checked.defaults += usize::from(is_default);
        }
        checked.findings.sort();
        Ok(checked)
    }

    fn finding(tree: &Tree<'_>, lines: &Lines<'_>, found: rules::Found) -> Finding {
        let (start, end) = tree.range(found.at);
        let place = lines.place(start);
        Finding {
            line: place.line,
            column: place.column,
            character: place.character,
            end_line: lines.place(end.saturating_sub(1).max(start)).line,
            rule: found.rule,
            message: found.message,
        }
    }
}
