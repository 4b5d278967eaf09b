//! The steps that builders tell of: `[53/212] Building …`, `Compiling x v1`, `test x ... ok`.
//!
//! What each tool prints is data: one file per tool has its rules, with lines that the real tool printed as
//! their test. [`read`] tells what one line says; when something began and ended follows from the lines
//! around it, and is for whoever has their times.

mod autotools;
mod cargo;
mod cmake;
mod command;
mod ctest;
mod ghc;
mod go;
mod kbuild;
mod latex;
mod meson;
mod ninja;
mod node;
mod pattern;
mod pip;
mod pytest;
mod stdenv;
mod unittest;

use std::sync::LazyLock;

use pattern::Key;

use crate::names::named;
use crate::time::Nanos;

named! {
    /// What tells of a step.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[non_exhaustive]
    pub enum Tool {
        /// nixpkgs' own builder: unpacking, patching, stripping, shrinking.
        Stdenv = "stdenv",
        /// `configure` scripts and the test runner of automake.
        Autotools = "autotools",
        /// `CMake` while it configures, and the makefiles that it writes.
        Cmake = "cmake",
        /// Meson while it configures and tests.
        Meson = "meson",
        /// Ninja, whoever wrote its files.
        Ninja = "ninja",
        /// Make: the commands that it prints.
        Make = "make",
        /// Makefiles that print `CC foo.o` in place of commands: Kbuild, automake's silent rules.
        Kbuild = "kbuild",
        /// Cargo, and the tests that it runs.
        Cargo = "cargo",
        /// Go.
        Go = "go",
        /// GHC and Cabal.
        Ghc = "ghc",
        /// `CTest`.
        Ctest = "ctest",
        /// pytest.
        Pytest = "pytest",
        /// Python's `unittest`.
        Unittest = "unittest",
        /// pip.
        Pip = "pip",
        /// npm, Yarn, and tests in the form of TAP.
        Node = "node",
        /// TeX.
        Latex = "latex",
    }
}

named! {
    /// What a step is for.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum StepKind {
        /// Finding out what there is on the machine.
        Configure = "configure",
        /// One compilation.
        Compile = "compile",
        /// Putting objects together: programs, libraries, archives.
        Link = "link",
        /// Tests, one by one or in groups.
        Test = "test",
        /// Putting files in their place.
        Install = "install",
        /// What stdenv does to installed files.
        Fixup = "fixup",
        /// Anything else: unpacking, generated files, documentation.
        Other = "other",
    }
}

/// What a line says of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// It begins. The tool does one thing at a time: it is over when the next one begins.
    Begins,
    /// It begins, beside as many others as the tool may run at once.
    BeginsBeside,
    /// It begins, and another line tells when it is over.
    BeginsTold,
    /// It is over, and began when the line before it came: the tool prints a name first, and the rest of the
    /// line when it is done.
    Answers,
    /// It is over. The tool does one thing at a time: it began when the one before was over.
    Ended,
    /// It is over. As many others as the tool may run at once ran beside it.
    EndedBeside,
    /// What was over is not: it went on up to now.
    Continues,
    /// What began under this name is over.
    Closes,
    /// All that the tool began is over.
    ClosesAll,
    /// The tool is at work: what comes next begins no earlier.
    Works,
    /// It is over, since when is not told; but how long it took is.
    Took,
    /// How many may run at once, in the flags that the tool is given.
    Flags,
}

/// What one line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sign<'a> {
    /// What printed it.
    pub tool: Tool,
    /// What the step is for.
    pub kind: StepKind,
    /// What the line says of it.
    pub says: Says,
    /// What the tool calls it.
    pub name: &'a str,
    /// How long it took, where the line says so.
    pub took: Option<Nanos>,
}

/// A shape of lines, and what it means.
#[derive(Debug)]
struct Rule {
    /// See [`pattern`].
    pattern: &'static str,
    says: Says,
    kind: StepKind,
}

const fn rule(says: Says, kind: StepKind, pattern: &'static str) -> Rule {
    Rule {
        pattern,
        says,
        kind,
    }
}

/// The rules of every tool. Of two that match a line the first counts.
const TOOLS: &[(Tool, &[Rule])] = &[
    (Tool::Stdenv, stdenv::RULES),
    (Tool::Ninja, ninja::RULES),
    (Tool::Cmake, cmake::RULES),
    (Tool::Cargo, cargo::RULES),
    (Tool::Ctest, ctest::RULES),
    (Tool::Meson, meson::RULES),
    (Tool::Ghc, ghc::RULES),
    (Tool::Go, go::RULES),
    (Tool::Autotools, autotools::RULES),
    (Tool::Pytest, pytest::RULES),
    (Tool::Unittest, unittest::RULES),
    (Tool::Pip, pip::RULES),
    (Tool::Node, node::RULES),
    (Tool::Latex, latex::RULES),
    (Tool::Kbuild, kbuild::RULES),
];

/// The rules by the byte with which a line begins or ends: most lines begin and end like none.
#[derive(Debug)]
struct Lookup {
    first: Vec<Vec<Entry>>,
    last: Vec<Vec<Entry>>,
}

/// A rule, its pattern taken apart: nearly every line differs from it in its first bytes.
#[derive(Debug, Clone, Copy)]
struct Entry {
    tool: Tool,
    rule: &'static Rule,
    /// What the line begins with.
    prefix: &'static str,
    /// The pattern of what comes behind that.
    behind: &'static str,
}

static LOOKUP: LazyLock<Lookup> = LazyLock::new(|| {
    let mut lookup = Lookup {
        first: vec![Vec::new(); 256],
        last: vec![Vec::new(); 256],
    };
    for (tool, rules) in TOOLS {
        for rule in *rules {
            let hole = rule.pattern.find('{').unwrap_or(rule.pattern.len());
            let (prefix, behind) = rule.pattern.split_at(hole);
            let entry = Entry {
                tool: *tool,
                rule,
                prefix,
                behind,
            };
            match pattern::key(rule.pattern) {
                Key::First(bytes) => {
                    for byte in bytes {
                        lookup.first[usize::from(byte)].push(entry);
                    }
                }
                Key::Last(byte) => lookup.last[usize::from(byte)].push(entry),
            }
        }
    }
    lookup
});

/// Tells what a line says of a step. `line` has no colors in it any more.
#[must_use]
pub fn read(line: &str) -> Option<Sign<'_>> {
    let line = line.trim_ascii_end();
    let (first, last) = (line.bytes().next()?, line.bytes().next_back()?);
    let Lookup {
        first: by_first,
        last: by_last,
    } = &*LOOKUP;
    let rules = by_first[usize::from(first)].iter();
    for entry in rules.chain(&by_last[usize::from(last)]) {
        let behind = line.strip_prefix(entry.prefix);
        let Some(found) = behind.and_then(|behind| pattern::find(entry.behind, behind)) else {
            continue;
        };
        let rule = entry.rule;
        let command = found.command.and_then(command::read);
        let (kind, name) = command.unwrap_or((rule.kind, found.name));
        // Where the tool has no name for it, its words are one.
        let name = match (name.trim(), rule.says) {
            ("", Says::Begins | Says::Answers | Says::BeginsBeside | Says::EndedBeside) => line,
            (name, _) => name,
        };
        return Some(Sign {
            tool: entry.tool,
            kind,
            says: rule.says,
            name,
            took: found.took,
        });
    }
    let (kind, name) = command::read(line)?;
    Some(Sign {
        tool: Tool::Make,
        kind,
        says: Says::BeginsBeside,
        name,
        took: None,
    })
}

/// Finds how many jobs flags allow: `-j8`, `-j 8`, `--jobs=8`; 1 where they say nothing of jobs.
#[must_use]
pub fn jobs(flags: &str) -> Option<u32> {
    let mut words = flags.split_ascii_whitespace();
    while let Some(word) = words.next() {
        let number = match word {
            "-j" | "--jobs" => words.next()?,
            _ => match word
                .strip_prefix("--jobs=")
                .or_else(|| word.strip_prefix("-j"))
            {
                Some(number) => number,
                None => continue,
            },
        };
        return number.parse().ok();
    }
    Some(1)
}

/// For the tests of the tools: what all lines of an output say, one a line, without those that say nothing.
#[cfg(test)]
fn told(output: &str) -> Vec<String> {
    let line = |line: &str| {
        let sign = read(line)?;
        let took = sign
            .took
            .map(|took| format!(" {}ms", took.get() / 1_000_000));
        let took = took.unwrap_or_default();
        let (tool, kind) = (sign.tool.name(), sign.kind.name());
        Some(format!("{tool} {kind} {:?} {}{took}", sign.says, sign.name))
    };
    output.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_no_tool_say_nothing() {
        let lines = [
            "",
            " ",
            "[",
            "[1/",
            "[12/34]",
            "  |",
            "src/main.c:12:3: warning: unused variable 'x' [-Wunused-variable]",
            "gcc: error: no input files",
            "gcc",
            "checking",
            "test",
            "ok",
            "a line of text that ends in ok",
            "ar",
            "make[2]: Entering directory '/build/source'",
            "   Compiling",
            "[ of 3] Compiling M",
            "héé",
        ];
        for line in lines {
            assert_eq!(read(line), None, "{line}");
        }
    }

    #[test]
    fn flags_tell_how_many_jobs() {
        let cases = [
            ("SHELL=/bin/bash", Some(1)),
            ("-j8 SHELL=/bin/bash", Some(8)),
            ("--flag -j 12", Some(12)),
            ("--jobs=3", Some(3)),
            ("--jobs 3", Some(3)),
            ("-j", None),
            ("-jx", None),
        ];
        for (flags, expected) in cases {
            assert_eq!(jobs(flags), expected, "{flags}");
        }
    }

    #[test]
    fn no_line_is_cut_inside_a_character() {
        let parts = [
            "[1/2] ",
            "Compiling ",
            "é",
            " -c ",
            " -o ",
            "gcc ",
            "...",
            "\t",
            "0.5s",
            "ok",
        ];
        for a in parts {
            for b in parts {
                for c in parts {
                    let line = format!("{a}{b}{c}");
                    if let Some(sign) = read(&line) {
                        assert!(line.contains(sign.name), "{line}");
                    }
                }
            }
        }
    }
}
