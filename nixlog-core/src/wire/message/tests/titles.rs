//! Titles of activities, and lines of builds.

use super::super::*;
use super::{D, P, fill};

#[test]
fn reads_titles() {
    let machine = "ssh-ng://builder-a";
    let local = None;
    let remote = Some(machine);
    let cases = [
        (
            "building '<D>'",
            ActivityNote::Building {
                drv: D,
                machine: local,
            },
        ),
        (
            "building '<D>'...",
            ActivityNote::Building {
                drv: D,
                machine: local,
            },
        ),
        (
            "building '<D>' on '<M>'",
            ActivityNote::Building {
                drv: D,
                machine: remote,
            },
        ),
        (
            "building '<D>'on <M>",
            ActivityNote::Building {
                drv: D,
                machine: remote,
            },
        ),
        (
            "checking outputs of '<D>'",
            ActivityNote::Checking {
                drv: D,
                machine: local,
            },
        ),
        (
            "repairing outputs of '<D>'",
            ActivityNote::Repairing {
                drv: D,
                machine: local,
            },
        ),
        ("building 'hello-1.0' with ", ActivityNote::Other),
        ("building '<D>' for fun", ActivityNote::Other),
        (
            "running post-build-hook '/h.sh'",
            ActivityNote::PostBuildHook { program: "/h.sh" },
        ),
        (
            "resolved derivation: '<D>' -> '<D>'",
            ActivityNote::Resolved {
                drv: D,
                resolved: D,
            },
        ),
        (
            "evaluating derivation 'path:/x#default'",
            ActivityNote::EvaluatingDerivation {
                attr: "path:/x#default",
            },
        ),
        ("evaluating ''", ActivityNote::EvaluatingAttr { attr: "" }),
        (
            "evaluating 'checks.x86_64-linux'",
            ActivityNote::EvaluatingAttr {
                attr: "checks.x86_64-linux",
            },
        ),
        ("evaluating flake", ActivityNote::EvaluatingFlake),
        (
            "checking flake output 'checks'",
            ActivityNote::CheckingFlake { attr: "checks" },
        ),
        (
            "checking derivation packages.x.p0",
            ActivityNote::CheckingFlake {
                attr: "packages.x.p0",
            },
        ),
        (
            "running 2 flake checks",
            ActivityNote::RunningFlakeChecks { count: Some(2) },
        ),
        (
            "running flake checks",
            ActivityNote::RunningFlakeChecks { count: None },
        ),
        (
            "copying '/home/x' to the store",
            ActivityNote::CopyingToStore { path: "/home/x" },
        ),
        (
            "copying \"/home/x\" to the store",
            ActivityNote::CopyingToStore { path: "/home/x" },
        ),
        (
            "copying '\"/home/x\"' to the store",
            ActivityNote::CopyingToStore { path: "/home/x" },
        ),
        (
            "copying '/home/x'",
            ActivityNote::CopyingToStore { path: "/home/x" },
        ),
        ("copying things...", ActivityNote::Other),
        (
            "hashing '/home/x'",
            ActivityNote::HashingPath { path: "/home/x" },
        ),
        (
            "fetching Git repository '<U>'",
            ActivityNote::FetchingGit {
                uri: "http://127.0.0.1:8080",
            },
        ),
        (
            "fetching github input 'github:o/r'",
            ActivityNote::FetchingInput { uri: "github:o/r" },
        ),
        (
            "unpacking 'github:o/r' into the Git cache",
            ActivityNote::UnpackingIntoGitCache { uri: "github:o/r" },
        ),
        ("unpacking sources", ActivityNote::Other),
        (
            "getting Git revision count of '/x'",
            ActivityNote::CountingRevisions { path: "/x" },
        ),
        (
            "waiting for lock on '<P>', '<P>'",
            ActivityNote::WaitingForLock {
                paths: "'/nix/store/708gk5mc2p45d1gx8gi11vs6130h475x-go-orc-3.19.4', '/nix/store/708gk5mc2p45d1gx8gi11vs6130h475x-go-orc-3.19.4'",
            },
        ),
        (
            "waiting for a machine to build '<D>'",
            ActivityNote::WaitingForMachine { drv: D },
        ),
        (
            "waiting for a free build user ID for '<D>'",
            ActivityNote::WaitingForBuildUser { drv: D },
        ),
        (
            "waiting for UID to build '<D>'",
            ActivityNote::WaitingForBuildUser { drv: D },
        ),
        (
            "connecting to '<M>'",
            ActivityNote::ConnectingTo { machine },
        ),
        ("connecting to database...", ActivityNote::Other),
        (
            "waiting for the upload lock to '<M>'",
            ActivityNote::WaitingForUploadLock { machine },
        ),
        (
            "copying dependencies to '<M>'",
            ActivityNote::CopyingDependencies { machine },
        ),
        (
            "copying outputs from '<M>'",
            ActivityNote::CopyingOutputs { machine },
        ),
        ("daemon connection", ActivityNote::DaemonConnection),
        (
            "remote store ssh://x",
            ActivityNote::RemoteStore { uri: "ssh://x" },
        ),
        (
            "copying path '<P>' from '<U>'",
            ActivityNote::CopyingPath {
                path: P,
                from: Some("http://127.0.0.1:8080"),
                to: None,
            },
        ),
        (
            "copying path '<P>' to '<M>'",
            ActivityNote::CopyingPath {
                path: P,
                from: None,
                to: remote,
            },
        ),
        (
            "copying path '<P>' from 'local' to '<M>'",
            ActivityNote::CopyingPath {
                path: P,
                from: Some("local"),
                to: remote,
            },
        ),
        ("copying 12 paths", ActivityNote::CopyingPaths { count: 12 }),
        (
            "downloading '<U>'",
            ActivityNote::Downloading {
                uri: "http://127.0.0.1:8080",
            },
        ),
        ("downloading wheels...", ActivityNote::Other),
        (
            "querying info about missing paths",
            ActivityNote::QueryingMissing,
        ),
        (
            "querying info about '<P>' on '<U>'",
            ActivityNote::QueryingPath {
                path: P,
                uri: "http://127.0.0.1:8080",
            },
        ),
        ("checking '<P>'", ActivityNote::VerifyingPath { path: P }),
        ("checking for vector.h... yes", ActivityNote::Other),
        (
            "optimising path '<P>'",
            ActivityNote::OptimisingPath { path: P },
        ),
        ("", ActivityNote::Other),
    ];
    for (template, want) in cases {
        let text = fill(template);
        assert_eq!(activity(&text), want, "{text}");
    }
}

#[test]
fn finds_the_log_tail() {
    let cases: [(&str, &[&str]); 7] = [
        (
            "x;\nlast 2 log lines:\n> a\n>  b\nFor full logs",
            &["a", " b"],
        ),
        (
            "x\n       Last 2 log lines:\n       > a\n       >\n       For full logs",
            &["a", ""],
        ),
        ("x; last 10 log lines:\n  a\n    b", &["a", "  b"]),
        ("x\nLast 1 log lines:\n> a\n> b", &["a"]),
        ("a fast x\nlast 3 log lines:\n> a\nnote: disk", &["a"]),
        ("last words", &[]),
        ("", &[]),
    ];
    for (text, want) in cases {
        assert_eq!(log_tail(text).collect::<Vec<_>>(), want, "{text}");
    }
}

#[test]
fn reads_what_stdenv_says_of_phases() {
    let seconds =
        |phase, seconds: u64| Some((phase, crate::time::Nanos::new(seconds * 1_000_000_000)));
    let cases = [
        (
            "buildPhase completed in 3 minutes 2 seconds",
            seconds("buildPhase", 182),
        ),
        (
            "checkPhase completed in 1 hours 0 minutes 1 seconds",
            seconds("checkPhase", 3601),
        ),
        (
            "fixupPhase completed in 31 seconds",
            seconds("fixupPhase", 31),
        ),
        (
            "installPhase completed in 1 minutes 1 second\n",
            seconds("installPhase", 61),
        ),
        ("the job completed in 31 seconds", None),
        ("buildPhase completed in time", None),
        ("buildPhase completed in 31 seconds flat", None),
        ("x completed in 18446744073709551615 seconds", None),
    ];
    for (line, want) in cases {
        assert_eq!(phase_footer(line), want, "{line}");
    }
    assert_eq!(
        phase_header("Running phase: buildPhase "),
        Some("buildPhase")
    );
    assert_eq!(phase_header("unpacking sources"), Some("unpackPhase"));
    assert_eq!(phase_header("building 'x'"), None);
}
