//! `ab`, with commands that build nothing.

use serde_json::Value;

use crate::program::{command, folder, run};
use crate::schema::{faults, schema};

#[test]
fn two_commands_are_run_in_turn_and_compared() {
    let folder = folder();
    let home = folder.path().join("home");
    let order = folder.path().join("order");
    let told = |words: &[&str]| run(command(words).env("NIXLOG_DIR", &home));
    let note = |word: &str| format!("sh -c 'echo {word} >> {}'", order.display());
    let prepare = format!("echo prepare >> {}", order.display());
    let (a, b) = (note("a"), note("b"));
    let ran = told(&[
        "ab",
        "--runs",
        "4",
        "--quiet",
        "--prepare",
        &prepare,
        &a,
        &b,
        "--json",
    ]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let report = ran.json();
    assert_eq!(faults(&schema("compare"), &report), [""; 0]);
    let sides = report["result"]["sides"].as_array().expect("two");
    for (side, name) in sides.iter().zip([&a, &b]) {
        assert_eq!(
            (&side["name"], side["runs"].as_array().map(Vec::len)),
            (&Value::from(name.as_str()), Some(4))
        );
    }
    let order = || std::fs::read_to_string(&order).expect("a file");
    assert_eq!(order(), "prepare\na\nprepare\nb\n".repeat(4));
    // Every run is kept.
    let runs = told(&["runs", "list", "--json"]).json();
    assert_eq!(runs["result"]["total_runs"], 8);
    // What fails ends it, with what is known.
    let ran = told(&["ab", "--runs", "3", "--quiet", &a, "sh -c 'exit 7'"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(7), ""));
    assert!(
        ran.stderr.contains("warning: B failed in run 1 of 3"),
        "{}",
        ran.stderr
    );
    assert!(order().ends_with("b\na\n"), "{}", order());
    let ran = told(&["ab", "--quiet", "--prepare", "exit 3", &a, &b]);
    assert_eq!(ran.status, Some(2), "{}", ran.stderr);
    assert_eq!(told(&["ab", "sh -c 'x", &b]).status, Some(2));
}
