//! What the README promises is what CI runs.

use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
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
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    assert!(root.join(path).is_file(), "{path} is gone");
}
