//! `--help` and `--version`.

use insta::assert_snapshot;

use crate::program::{command, nixlog, run};

/// Returns help as it is printed where nothing limits the width.
fn help(args: &[&str]) -> String {
    run(command(args).env("COLUMNS", "100")).result()
}

#[test]
fn help_of_the_program() {
    assert_snapshot!("help", help(&["--help"]));
    assert_snapshot!("help_short", help(&["-h"]));
}

/// All verbs, in the order of the help.
pub(crate) const VERBS: &[&str] = &[
    "run",
    "record",
    "reconstruct",
    "phases",
    "slowest",
    "critical-path",
    "bottlenecks",
    "parallelism",
    "what-if",
    "cache-candidates",
    "timeline",
    "graph",
    "doctor",
    "runs",
    "cat",
    "import",
    "completions",
];

/// Those of them that make a report of a log.
pub(crate) fn reports() -> impl Iterator<Item = &'static str> {
    let others = [
        "run",
        "record",
        "reconstruct",
        "runs",
        "cat",
        "import",
        "completions",
    ];
    let all = VERBS.iter().copied();
    all.filter(move |verb| !others.contains(verb))
}

#[test]
fn help_of_every_verb() {
    // Who makes a package needs `man`, and nobody else.
    for verb in VERBS.iter().chain(&["man"]) {
        assert_snapshot!(format!("help_{verb}"), help(&[verb, "--help"]));
    }
}

/// What `runs` can do, in the order of its help.
pub(crate) const RUNS: &[&str] = &["list", "show", "rename", "prune", "export", "path"];

#[test]
fn help_of_runs() {
    for verb in RUNS {
        assert_snapshot!(format!("help_runs_{verb}"), help(&["runs", verb, "--help"]));
    }
}

/// The program's own list of verbs, so that a new one cannot go without a snapshot.
#[test]
fn there_are_no_other_verbs() {
    let help = help(&["-h"]);
    let verbs: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        // What goes on in the next line is indented further.
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|verb| !verb.is_empty())
        .collect();
    assert_eq!(verbs, [VERBS, &["help"]].concat());
}

#[test]
fn version() {
    let version = concat!("nixlog ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(nixlog(&["--version"]).result(), version);
}

#[test]
fn without_a_verb_there_is_help_and_status_2() {
    let said = nixlog(&[]).refused();
    assert!(said.contains("Usage: nixlog <COMMAND>"), "{said}");
}
