//! What the README promises is what CI runs.

use std::env;
use std::fs;

use crate::program::{DIAMOND, command, nixlog, root, run};
use crate::verbs::verbs;

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the lines of the fenced block after `<!-- commands -->`.
fn commands(readme: &str) -> Vec<&str> {
    let mut lines = readme.lines().skip_while(|l| *l != "<!-- commands -->");
    lines.next();
    let opened = lines.next().is_some_and(|line| line.starts_with("```"));
    assert!(opened, "a fenced block follows the marker");
    lines.take_while(|line| *line != "```").collect()
}

#[test]
fn ci_runs_the_two_commands_of_the_readme() {
    let readme = read("README.md");
    let commands = commands(&readme);
    assert_eq!(commands.len(), 2, "{commands:?}");
    let script = read(".ci/run");
    for command in commands {
        let call = format!("promised \"{command}\"");
        let runs = script.lines().any(|line| line == call);
        assert!(runs, ".ci/run does not have the line `{call}`");
    }
}

#[test]
fn the_demo_is_a_recording_of_ours() {
    let readme = read("README.md");
    let demo = commands(&readme)[0];
    let path = demo.rsplit(' ').next().expect("a command has words");
    assert!(root().join(path).is_file(), "{path} is gone");
}

/// How wide the page is.
const WIDTH: &str = "100";

/// The blocks after `<!-- sample -->` are what the program prints. `INSTA_UPDATE=always` rewrites
/// them, like any snapshot.
#[test]
fn the_samples_are_what_the_program_prints() {
    const OPEN: &str = "<!-- sample -->\n```console\n$ nixlog ";
    let readme = read("README.md");
    let mut pieces = readme.split(OPEN);
    let mut printed = pieces.next().unwrap_or_default().to_owned();
    let mut shown = Vec::new();
    for piece in pieces {
        let (line, rest) = piece.split_once('\n').expect("a command ends");
        let (_, rest) = rest.split_once("```\n").expect("the block is closed");
        let args: Vec<&str> = line.split(' ').collect();
        shown.push(args[0]);
        let mut command = command(&args);
        let sample = run(command.current_dir(root()).env("COLUMNS", WIDTH)).result();
        printed.extend([OPEN, line, "\n", &sample, "```\n", rest]);
    }
    assert!(
        shown.len() > 4
            && shown
                .iter()
                .all(|verb| verbs().iter().any(|it| it.name == *verb))
    );
    if env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(root().join("README.md"), &printed).expect("the README can be written");
        return;
    }
    let wrong = readme
        .lines()
        .zip(printed.lines())
        .find(|(is, should)| is != should);
    assert!(readme == printed, "is, and should be: {wrong:#?}");
}

#[test]
fn every_carrier_is_in_the_table() {
    let readme = read("README.md");
    let said = nixlog(&["phases", DIAMOND, "--carrier", "pigeon"]).refused();
    let (_, names) = said
        .split_once("known carriers: ")
        .expect("they are listed");
    let names: Vec<&str> = names
        .lines()
        .next()
        .unwrap_or_default()
        .split(", ")
        .collect();
    let in_table = |name: &str| {
        let quoted = format!("`{name}`");
        let mut rows = readme.lines().filter(|line| line.starts_with("| "));
        rows.any(|row| {
            row.split(" | ")
                .nth(1)
                .is_some_and(|cell| cell.contains(&quoted))
        })
    };
    let missing: Vec<_> = names.iter().filter(|name| !in_table(name)).collect();
    assert!(names.len() > 30 && missing.is_empty(), "{missing:?}");
}

/// A flag that the README names exists.
#[test]
fn every_flag_is_known() {
    let readme = read("README.md");
    let mut help = String::new();
    for verb in verbs() {
        let words: Vec<&str> = verb.name.split(' ').collect();
        help += &nixlog(&[&words[..], &["--help"]].concat()).result();
    }
    let of_others = [
        "--release",
        "--workspace",
        "--example",
        "--path",
        "--log",
        "--log-format",
        "--timestamps",
        "--progress",
        "--trace-function-calls",
    ];
    let is_flag = |c: char| c.is_ascii_lowercase() || c == '-';
    for (at, _) in readme
        .match_indices(" --")
        .chain(readme.match_indices("`--"))
    {
        let rest = &readme[at + 1..];
        let flag = &rest[..rest.find(|c| !is_flag(c)).unwrap_or(rest.len())];
        let known = flag == "---" || flag.len() < 3 || of_others.contains(&flag);
        assert!(
            known
                || [" ", "\n", "["]
                    .iter()
                    .any(|end| help.contains(&format!("{flag}{end}"))),
            "{flag}"
        );
    }
}

#[test]
fn the_oldest_rust_is_the_one_that_cargo_asks_for() {
    let manifest = read("Cargo.toml");
    let version = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "));
    let version = version.expect("the workspace names it").trim_matches('"');
    let readme = read("README.md");
    assert!(
        readme.contains(&format!("# Rust {version} or newer")),
        "{version}"
    );
}
