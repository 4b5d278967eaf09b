//! The rules on what tools really print.
//!
//! Each file in `fixtures/` is the whole output of a build that was broken on purpose, with the versions of
//! gcc 12, cmake 3.25, meson 1.0, cargo 1.97, go 1.19, python 3.11, pytest 7 and 9, node 20 and so on.

use super::*;

/// The output of a tool, and what a person needs to see of it.
macro_rules! fixture {
    ($name:literal, $($needed:literal),+) => {
        ($name, include_str!(concat!("fixtures/", $name, ".txt")), &[$($needed),+])
    };
}

const FIXTURES: &[(&str, &str, &[&str])] = &[
    fixture!("autoconf", "configure: error: libnopezz is required"),
    fixture!("autotools-test", "FAIL: bad.sh"),
    fixture!("bash-dir", "cd: nope/: No such file"),
    fixture!("bash-mv", "mv: cannot stat 'a'"),
    fixture!("bash-unbound", "nope: unbound variable"),
    fixture!(
        "c-link",
        "cannot find -lnotthere",
        "undefined reference to `foo'",
        "No rule to make target 'nothing'"
    ),
    fixture!(
        "c-make",
        "b.c:1:10: fatal error: missing.h",
        "#include \"missing.h\""
    ),
    fixture!(
        "cargo-c",
        "error[E0425]: cannot find value `y`",
        "--> src/main.rs:1:45",
        "error[E0308]: mismatched types"
    ),
    fixture!("cargo-lock", "duplicate key", "--> Cargo.toml:7:2"),
    fixture!(
        "cargo-test",
        "thread 'bad'",
        "assertion `left == right` failed: sums",
        "left: 2"
    ),
    fixture!(
        "cmake-missing",
        "CMake Error at",
        "Could NOT find Boost",
        "version \"1.99\""
    ),
    fixture!(
        "cpp-cmake",
        "no matching function for call",
        "v.push_back(3)"
    ),
    fixture!("ctest", "bad", "***Failed"),
    fixture!("disk", "No space left on device"),
    fixture!(
        "ghc",
        "Main.hs:3:29: error: Variable not in scope: x",
        "main = putStrLn"
    ),
    fixture!("go-c", "./main.go:3:26: cannot use", "undefined: y"),
    fixture!(
        "go-mod",
        "module lookup disabled",
        "inconsistent vendoring",
        "example.com/y@v1.0.0: is explicitly required"
    ),
    fixture!("go-test", "x_test.go:3: F() = 1, want 2"),
    fixture!("install-missing", "/sys/x: Permission denied"),
    fixture!(
        "java",
        "A.java:1: error: incompatible types",
        "int x = \"s\""
    ),
    fixture!(
        "linker-cpp",
        "undefined reference to `f()'",
        "undefined reference to `vtable for S'"
    ),
    fixture!(
        "make-missing",
        "No rule to make target 'nope.c', needed by 'all'"
    ),
    fixture!(
        "maven",
        "maven-resources-plugin:2.6 or one of its dependencies could not be resolved"
    ),
    fixture!("meson-c", "../x.c:1:23: error: ‘q’ undeclared", "return q;"),
    fixture!("meson-missing", "ERROR: Dependency \"libfoo\" not found"),
    fixture!("node-c", "Error: Cannot find module './nope'"),
    fixture!(
        "npm-test",
        "Expected values to be strictly equal",
        "1 !== 2",
        "tsc: not found"
    ),
    fixture!("oom", "MemoryError"),
    fixture!(
        "patch-fail",
        "Hunk #1 FAILED at 1",
        "1 out of 1 hunk FAILED"
    ),
    fixture!(
        "perl-t",
        "Failed test 'one is two'",
        "got: '1'",
        "Can't locate Nope/Module.pm"
    ),
    fixture!(
        "pip-missing",
        "Could not find a version that satisfies the requirement requests==99"
    ),
    fixture!(
        "py-test",
        "ModuleNotFoundError: No module named 'nothing_there_'"
    ),
    fixture!(
        "py-trace",
        "Expecting property name enclosed in double quotes"
    ),
    fixture!(
        "ruby",
        "cannot load such file -- nope",
        "bad (ArgumentError)"
    ),
    fixture!(
        "rust-panic",
        "panicked at src/main.rs:1:54",
        "index out of bounds"
    ),
    fixture!("segv", "b.c: No such file or directory"),
    fixture!("sh-cmd", "frobnicate: command not found"),
    fixture!(
        "substitute",
        "pattern foo doesn't match anything in file bar"
    ),
    fixture!("tar-bad", "not in gzip format"),
    fixture!("tex", "! Undefined control sequence", "\\nope"),
    fixture!("unittest", "AssertionError: 1 != 2"),
];

/// Lines of tools that are not at hand here, as their sources word them: the rule, and the line.
const LINES: &[(&str, &str)] = &[
    ("gcc", "foo.s:12: Error: no such instruction: `movx'"),
    (
        "gcc",
        "cc1plus: fatal error: x.cc: No such file or directory",
    ),
    ("ld", "ld.lld: error: undefined symbol: foo"),
    (
        "typescript",
        "src/a.ts(3,7): error TS2322: Type 'string' is not assignable to type 'number'.",
    ),
    (
        "go",
        "panic: runtime error: index out of range [3] with length 0",
    ),
    (
        "cargo",
        "error: failed to select a version for the requirement `serde = \"^99\"`",
    ),
    (
        "cargo",
        "error: could not compile `x` (lib) due to 1 previous error",
    ),
    ("ocaml", "File \"bin/main.ml\", line 1, characters 8-9:"),
    (
        "swift",
        "/build/Sources/a.swift:3:5: error: cannot find 'x' in scope",
    ),
    (
        "autoconf",
        "configure.ac:12: error: possibly undefined macro: AC_PROG_LIBTOOL",
    ),
    ("pkg-config", "No package 'libfoo' found"),
    (
        "exception",
        "ValueError: invalid literal for int() with base 10: 'x'",
    ),
    (
        "python",
        "python3: can't open file '/build/x.py': [Errno 2] No such file or directory",
    ),
    (
        "java",
        "Exception in thread \"main\" java.lang.NullPointerException",
    ),
    (
        "lua",
        "lua5.3: x.lua:1: attempt to call a nil value (global 'f')",
    ),
    ("gtest", "../test.cc:12: Failure"),
    ("gtest", "[  FAILED  ] Suite.Name (3 ms)"),
    ("jest", "  ● sums › adds"),
    ("nextest", "        FAIL [   0.012s] x tests::bad"),
    (
        "pytest",
        "FAILED tests/test_x.py::test_a - AssertionError: x",
    ),
    ("cargo", "test bad ... FAILED"),
    (
        "stdenv",
        "do not know how to unpack source archive /nix/store/x",
    ),
    (
        "stdenv",
        "error: auto-patchelf could not satisfy dependency libz.so.1 wanted by /nix/store/x/bin/y",
    ),
    (
        "stdenv",
        "ERROR: noBrokenSymlinks: the symlink /nix/store/x/a points to a missing target",
    ),
    ("python", "  - numpy<2.0 not satisfied by version 2.1.0"),
    ("npm", "npm ERR! code ENOTCACHED"),
    (
        "npm",
        "npm error request to https://registry.npmjs.org/x failed: cache mode is 'only-if-cached'",
    ),
    ("yarn", "➤ YN0001: │ Error: x"),
    ("gradle", "* What went wrong:"),
    (
        "git",
        "fatal: not a git repository (or any of the parent directories): .git",
    ),
    (
        "bison",
        "x.y:3.1-4: error: syntax error, unexpected identifier",
    ),
    ("system", "x: a.c:3: main: Assertion `x == 1' failed."),
    (
        "system",
        "./run: error while loading shared libraries: libz.so.1: cannot open shared object file: No such file or directory",
    ),
    (
        "system",
        "/bin/sh: line 1:   123 Segmentation fault      ./a.out",
    ),
    ("disk", "OSError: [Errno 28] No space left on device"),
    (
        "memory",
        "g++: fatal error: Killed signal terminated program cc1plus",
    ),
    (
        "memory",
        "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
    ),
    ("make", "make: Target 'all' not remade because of errors."),
    (
        "npm",
        "npm ERR! A complete log of this run can be found in:",
    ),
    (
        "stdenv",
        "builder for '/nix/store/x.drv' failed with exit code 1",
    ),
    ("perl", "Result: FAIL"),
    (
        "meson",
        "  3/12 unit - x:basic FAIL            0.31s   exit status 1",
    ),
    ("ninja", "FAILED: x.p/x.c.o "),
    (
        "coreutils",
        "cp: cannot stat 'x': No such file or directory",
    ),
    ("error", "error: something that no other rule knows"),
    ("error", "wafadmin: error: x"),
    ("error", "The build has failed in a way of its own"),
];

fn found(log: &str) -> Finder {
    let mut finder = Finder::default();
    for (number, line) in (1..).zip(log.lines()) {
        finder.line(number, line);
    }
    finder
}

/// All lines that would be shown.
fn shown(finder: &Finder) -> String {
    let (causes, _) = finder.causes();
    let lines = causes.iter().flat_map(|cause| &cause.lines);
    lines.map(|line| format!("{}\n", line.text)).collect()
}

#[test]
fn what_a_person_needs_to_see_is_shown() {
    let mut missed = Vec::new();
    for &(name, log, needed) in FIXTURES {
        let shown = shown(&found(log));
        for needed in needed {
            if !shown.contains(needed) {
                missed.push(format!("== {name}: {needed}\n{shown}"));
            }
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn lines_have_their_rules() {
    let wrong = LINES.iter().filter_map(|&(tool, line)| {
        let rule = rule_of(line).map(|rule| rule.tool);
        (rule != Some(tool)).then(|| format!("{rule:?} in place of {tool}: {line}"))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A rule that no test has ever seen fit may be wrong.
#[test]
fn each_rule_fits_a_line() {
    let lines = FIXTURES.iter().flat_map(|&(_, log, _)| log.lines());
    let lines = lines.chain(LINES.iter().map(|&(_, line)| line));
    let mut fits = vec![false; RULES.len()];
    for line in lines {
        if let Some(first) = PATTERNS.matches(line).iter().next() {
            fits[first] = true;
            let is_cause = RULES[first].weight == Weight::Cause;
            assert!(!is_cause || may_fit(line), "no sign in: {line}");
        }
    }
    let never = RULES.iter().zip(fits).filter(|(_, fits)| !fits);
    let never: Vec<_> = never.map(|(rule, _)| rule.pattern).collect();
    assert!(never.is_empty(), "{}", never.join("\n"));
}

/// What is left out since it has no sign changes nothing.
#[test]
fn lines_that_are_not_wanted_change_nothing() {
    for &(name, log, _) in FIXTURES {
        let mut finder = Finder::default();
        for (number, line) in (1..).zip(log.lines()) {
            if finder.wants(line) {
                finder.line(number, line);
            }
        }
        assert_eq!(shown(&finder), shown(&found(log)), "{name}");
    }
}

#[test]
fn a_harmless_log_has_no_causes() {
    let log =
        "checking for gcc... gcc\n[1/2] Compiling C object x.p/x.c.o\ninstalling\n100% tests\n";
    let finder = found(log);
    assert!(finder.causes().0.is_empty());
}

#[test]
fn a_log_of_nothing_but_errors_stays_small() {
    let mut finder = Finder::default();
    let line = format!("a.c:1:2: error: {}", "x".repeat(5000));
    for number in 1..10_000 {
        finder.line(number, &line);
        finder.line(number, "  | x");
    }
    let (causes, n) = finder.causes();
    assert_eq!((causes.len(), n), (3, 9_999));
    let bytes: usize = causes
        .iter()
        .flat_map(|it| &it.lines)
        .map(|it| it.text.len())
        .sum();
    assert!(bytes < 4 * LogLine::MOST, "{bytes}");
}
