//! The floors of `nixlog-cli`: a module that imports from above, or in a circle, fails here.
//!
//! A room is a file or a folder on a floor. Rooms of one floor may import each other, though not in a
//! circle; what is inside of a room is its own affair.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::rust_source::{UNSEEN, imports, module_of, rust_files};

/// The folders of `nixlog-cli/src`, lowest first. Each imports from what is below it.
const FLOORS: [&str; 7] = [
    "base", "nix", "archive", "display", "intake", "evidence", "cmd",
];

/// Rooms that may import from the top of their floor, which imports them, each with the reason.
const LOOK_BACK: [(&str, &str); 3] = [
    ("cmd::completions", "it writes down the list of verbs"),
    ("cmd::man", "it writes a page for each in the list of verbs"),
    ("display::tests", "they test all of it"),
];

#[test]
fn no_module_of_the_program_imports_from_above() {
    let src = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../nixlog-cli/src"));
    let read = |path: &Path| {
        let source = fs::read_to_string(path).expect("a readable source file");
        let file = path.strip_prefix(src).expect("found below src");
        (file.display().to_string(), source)
    };
    let files: Vec<_> = rust_files(src).iter().map(|path| read(path)).collect();
    let files: Vec<_> = files
        .iter()
        .map(|(file, source)| (&**file, &**source))
        .collect();
    assert!(files.len() > 50, "the scan found only {}", files.len());
    let violations = check(&files, &LOOK_BACK);
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
    // Nobody is exempt for nothing.
    for left_out in 0..LOOK_BACK.len() {
        let mut others = LOOK_BACK.to_vec();
        let exempt = others.remove(left_out);
        assert_ne!(check(&files, &others), [""; 0], "{exempt:?}");
    }
}

#[test]
fn each_kind_of_violation_is_caught() {
    let cases: [&[(&str, &str)]; 12] = [
        &[("base/output.rs", "use crate::intake::arguments::InputArgs;")],
        &[("nix/logs.rs", "fn f() { crate::archive::runs::list() }")],
        &[(
            "nix/logs.rs",
            "fn f() { assert!(crate::archive::runs::list()) }",
        )],
        &[("display/mod.rs", "use super::intake::load;")],
        &[("archive/runs/list.rs", "use super::super::super::cmd;")],
        &[("base/error.rs", "use crate::*;")],
        &[("base/error.rs", "use crate::{base as b, cmd::man};")],
        &[("intake/load.rs", "pub(crate) use crate::base::output;")],
        &[("helpers/mod.rs", "")],
        &[("base/error.rs", "include!(\"../cmd/man.rs\");")],
        &[
            ("base/error.rs", "use crate::base::output;"),
            ("base/output.rs", "use super::terminal::width;"),
            ("base/terminal/mod.rs", "use crate::base::error::CliError;"),
        ],
        &[
            ("cmd/mod.rs", "mod phases;"),
            ("cmd/phases.rs", "use super::Cli;"),
        ],
    ];
    for case in cases {
        assert_ne!(check(case, &LOOK_BACK), [""; 0], "not caught: {case:?}");
    }
}

#[test]
fn what_is_allowed_passes() {
    let files = [
        ("main.rs", "mod base; mod cmd; use crate::cmd::Cli;"),
        ("base/mod.rs", "pub(crate) mod error; mod output;"),
        ("base/error.rs", "//! Not `crate::cmd`.\nuse std::fmt;"),
        (
            "base/output.rs",
            "use crate::base::error::CliError; mod tests { use super::*; }",
        ),
        ("nix/mod.rs", "const S: &str = \"crate::cmd::man\";"),
        (
            "archive/mod.rs",
            "use crate::base::{error::CliError, output};",
        ),
        ("archive/runs/mod.rs", "mod list; pub(crate) use list::Run;"),
        ("archive/runs/list.rs", "use super::Place;"),
        (
            "display/mod.rs",
            "mod echo; pub(crate) use self::echo::Echo;",
        ),
        ("display/echo.rs", "use crate::archive::Run;"),
        ("cmd/mod.rs", "use crate::base::output;"),
        ("cmd/man.rs", "use crate::cmd::Cli;"),
    ];
    assert_eq!(check(&files, &LOOK_BACK), [""; 0]);
}

/// Returns what is wrong with the program's source files, given by their paths below `src`.
fn check(files: &[(&str, &str)], look_back: &[(&str, &str)]) -> Vec<String> {
    let all = files.iter().map(|(file, _)| module_of(Path::new(file)));
    let rooms: BTreeSet<String> = all.map(|module| room(&module)).collect();
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for room in rooms.iter().filter(|room| room.contains("::")) {
        let top = room.split("::").next().unwrap_or_default();
        edges
            .entry(top.to_owned())
            .or_default()
            .insert(room.clone());
    }
    let mut violations = Vec::new();
    for (file, source) in files {
        let module = module_of(Path::new(file));
        let Some(own) = module.first() else {
            continue; // main.rs declares the floors.
        };
        let mut say = |what: String| {
            let order = FLOORS.join(" < ");
            violations.push(format!("{file}: {what} (the floors: {order})"));
        };
        let Some(height) = height(own) else {
            say("stands on no floor".to_owned());
            continue;
        };
        for unseen in UNSEEN.into_iter().filter(|word| source.contains(word)) {
            say(format!("`{unseen}` brings in a file unseen"));
        }
        let from = room(&module);
        for import in imports(&module, source) {
            let path = import.path.join("::");
            let target = import.path.first().map_or("", String::as_str);
            match self::height(target) {
                None => say(format!("`{path}` names no floor")),
                Some(other) if other > height => say(format!("`{path}` is above")),
                Some(other) if other < height && import.re_exported => {
                    say(format!("`{path}`: one path per item, no re-export"));
                }
                Some(other) if other == height => {
                    let to = room(&import.path);
                    let to = if rooms.contains(&to) { to } else { own.clone() };
                    let is_exempt = to == *own && look_back.iter().any(|(it, _)| *it == from);
                    if to != from && !is_exempt {
                        edges.entry(from.clone()).or_default().insert(to);
                    }
                }
                Some(_) => {}
            }
        }
    }
    let circle = circle(&edges);
    if !circle.is_empty() {
        violations.push(format!("in a circle: {}", circle.join(", ")));
    }
    violations
}

/// Returns how high a floor is.
fn height(floor: &str) -> Option<usize> {
    FLOORS.iter().position(|name| *name == floor)
}

/// Returns the room that a path leads to or through.
fn room(path: &[String]) -> String {
    path[..path.len().min(2)].join("::")
}

/// Returns the imports that make a circle, if there are any: those that are left when rooms go that import
/// nothing of what is left, or that nothing of it imports.
fn circle(edges: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let pairs = edges
        .iter()
        .flat_map(|(from, all)| all.iter().map(move |to| (from, to)));
    let mut left: BTreeSet<(&String, &String)> = pairs.collect();
    loop {
        let goes_on = |(from, to): &(&String, &String)| {
            left.iter().any(|(next, _)| next == to) && left.iter().any(|(_, before)| before == from)
        };
        let kept: BTreeSet<_> = left.iter().copied().filter(goes_on).collect();
        if kept.len() == left.len() {
            return kept
                .iter()
                .map(|(from, to)| format!("`{from}` imports `{to}`"))
                .collect();
        }
        left = kept;
    }
}
