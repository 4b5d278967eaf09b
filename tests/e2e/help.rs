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
