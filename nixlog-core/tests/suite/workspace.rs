//! Rules of the workspace that no compiler holds.

use std::fs;
use std::path::{Path, PathBuf};

use crate::rust_source::{UNSEEN, rust_files};

/// Above this a file is cut at a seam, or the limit is argued for in its own commit.
const MAX_LINES: usize = 800;

/// A ceiling on what a user has to trust and to compile.
const MAX_PACKAGES: usize = 260;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the directories of the workspace's members.
fn members() -> Vec<String> {
    let manifest = read("Cargo.toml");
    let list = manifest.split_once("members = [").expect("a workspace").1;
    let list = list.split_once(']').expect("a closed list").0;
    let members: Vec<_> = list.split('"').skip(1).step_by(2).collect();
    assert!(members.contains(&"nixlog-core"), "{members:?}");
    members.into_iter().map(str::to_owned).collect()
}

#[test]
fn every_test_file_is_declared() {
    for suite in ["nixlog-core/tests/suite", "tests/e2e"] {
        let main = read(&format!("{suite}/main.rs"));
        let dir = root().join(suite);
        let forgotten = forgotten(&main, &dir, &rust_files(&dir));
        assert!(
            forgotten.is_empty(),
            "{suite}/main.rs leaves out {forgotten:?}"
        );
    }
}

/// Returns the modules directly below a suite that its `main.rs` does not declare.
fn forgotten(main: &str, dir: &Path, files: &[PathBuf]) -> Vec<String> {
    let names = files.iter().map(|file| {
        let below = file.strip_prefix(dir).expect("found below the suite");
        let first = below.components().next().expect("a file has a name");
        let name = first.as_os_str().to_string_lossy();
        name.trim_end_matches(".rs").to_owned()
    });
    let declared = |name: &String| {
        let mut lines = main.lines().map(str::trim);
        lines.any(|line| line == format!("mod {name};"))
    };
    names
        .filter(|name| name != "main" && !declared(name))
        .collect()
}

#[test]
fn a_forgotten_test_file_is_noticed() {
    let files = [
        "t/main.rs",
        "t/golden.rs",
        "t/commented.rs",
        "t/dir/mod.rs",
        "t/lost/mod.rs",
    ];
    let files: Vec<_> = files.iter().map(PathBuf::from).collect();
    let main = "mod golden;\n// mod commented;\nmod dir;\n";
    assert_eq!(
        forgotten(main, Path::new("t"), &files),
        ["commented", "lost"]
    );
}

#[test]
fn every_member_forbids_unsafe_code() {
    let workspace = read("Cargo.toml");
    let lints = workspace.split_once("[workspace.lints.rust]\n");
    let lints = lints.expect("a lint table").1;
    let lints = lints.split("\n[").next().unwrap_or_default();
    assert!(lints.lines().any(|l| l == "unsafe_code = \"forbid\""));
    for member in members() {
        let manifest = read(&format!("{member}/Cargo.toml"));
        assert!(
            manifest.contains("\n[lints]\nworkspace = true\n"),
            "{member} has lints of its own"
        );
    }
}

#[test]
fn no_source_file_is_long() {
    let mut n_files = 0;
    for member in members() {
        for file in rust_files(&root().join(&member).join("src")) {
            let source = fs::read_to_string(&file).expect("a readable source file");
            let n_lines = source.lines().count();
            let path = file.display();
            assert!(n_lines <= MAX_LINES, "{path} has {n_lines} lines");
            n_files += 1;
        }
    }
    assert!(n_files > 5, "the scan found only {n_files} files");
}

#[test]
fn the_lock_file_stays_small() {
    let lock = read("Cargo.lock");
    let n_packages = lock.lines().filter(|line| *line == "[[package]]").count();
    assert!(n_packages > 5, "the lock file has another form");
    assert!(
        n_packages <= MAX_PACKAGES,
        "Cargo.lock has {n_packages} packages"
    );
}

#[test]
fn the_command_line_sees_only_what_the_core_makes_public() {
    for file in rust_files(&root().join("nixlog-cli/src")) {
        let source = fs::read_to_string(&file).expect("a readable source file");
        let path = file.display();
        for around in UNSEEN {
            assert!(!source.contains(around), "{path}: `{around}`");
        }
    }
    let core = read("nixlog-core/Cargo.toml");
    for above in ["nixlog-cli", "clap"] {
        assert!(!core.contains(above), "the core depends on {above}");
    }
}
