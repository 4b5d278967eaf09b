//! `profile`: the whole procedure with stand-ins for Nix, one that has a profiler and one that has none.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::program::{Ran, command, folder, nixlog, run};

/// Evaluates: says which variables it was given, prints statistics, writes a profile.
const INSTANTIATE: &str = r#"#!/bin/sh
echo "$*" >> "$0.asked"
case "$*" in *nope*) echo "error: attribute 'nope' missing" >&2; exit 1;; esac
echo "@nix {\"action\":\"msg\",\"level\":4,\"msg\":\"evaluating file '/x/default.nix'\"}" >&2
file=$(printf '%s\n' "$NIX_CONFIG" | sed -n 's/^eval-profile-file = //p')
[ -z "$file" ] || printf '/x/a.nix:1:1:f;/x/b.nix:2:2:g 3\n/x/a.nix:1:1:f 1\n' > "$file"
printf '%s\n' "$NIX_CONFIG" | grep -q '^eval-cache = false$' || exit 9
[ -z "$NIX_SHOW_STATS" ] || cat >&2 <<'EOF'
{
  "cpuTime": 0.5,
  "nrThunks": 7,
  "functions": [
    {
      "name": "f",
      "file": "/x/a.nix",
      "line": 1,
      "column": 1,
      "count": 42
    }
  ]
}
EOF
echo /nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-a.drv
"#;

const BUILD: &str = r#"#!/bin/sh
echo '@nix {"action":"start","fields":["/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-a.drv","",1,1],"id":1,"level":3,"parent":0,"text":"building a","type":105}' >&2
echo '@nix {"action":"result","fields":["a line of the build"],"id":1,"type":101}' >&2
echo '@nix {"action":"stop","id":1}' >&2
echo /nix/store/6ajh8plhm64ypnph30js1a3lq6zsyxqr-a
"#;

/// A folder with a Nix of a version.
struct Nix(tempfile::TempDir);

impl Nix {
    fn of(version: &str) -> Self {
        let nix = Self(folder());
        let named = format!("#!/bin/sh\necho 'nix (Nix) {version}'\n");
        for (name, script) in [
            ("nix", named.as_str()),
            ("nix-instantiate", INSTANTIATE),
            ("nix-build", BUILD),
        ] {
            let path = nix.path(name);
            fs::write(&path, script).expect("a temporary folder takes files");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
        }
        nix
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Profiles `nix-build` into a folder; returns that, too.
    fn profile(&self, options: &[&str], words: &[&str]) -> (Ran, PathBuf) {
        let out = self.path(&format!("profiles-{}", words.join("-")));
        let path = |path: &Path| path.to_str().expect("a plain name").to_owned();
        let program = path(&self.path("nix-build"));
        let folder = path(&out);
        let all = [
            &["profile", "-o", &folder][..],
            options,
            &["--", &program],
            words,
        ]
        .concat();
        let mut command = command(&all);
        command.env("NIXLOG_DIR", self.path("state"));
        (run(&mut command), out)
    }
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let names = entries.map(|entry| entry.expect("a file").file_name().into_string());
    let mut names: Vec<String> = names.map(|name| name.expect("a plain name")).collect();
    names.sort();
    names
}

#[test]
fn everything_is_there() {
    let nix = Nix::of("2.34.8");
    let (ran, out) = nix.profile(&[], &["-A", "a", "-o", "result", "--no-out-link"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    // What the command prints as its result is all that comes out.
    assert_eq!(
        ran.stdout,
        "/nix/store/6ajh8plhm64ypnph30js1a3lq6zsyxqr-a\n"
    );
    assert!(!ran.stderr.contains("cpuTime"), "{}", ran.stderr);
    let asked = read(nix.0.path(), "nix-instantiate.asked");
    let asked: Vec<&str> = asked.lines().collect();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(
        asked.iter().all(|words| words.ends_with("-A a")),
        "{asked:?}"
    );
    let stats: Value = serde_json::from_str(&read(&out, "nix-stats.json")).expect("JSON");
    assert_eq!(stats["nrThunks"], 7);
    assert!(read(&out, "function-calls.log").contains("42  function   f  /x/a.nix:1:1"));
    assert!(read(&out, "eval.profile").ends_with(" 1\n"));
    assert!(read(&out, "build-output.log").contains("a line of the build"));
    let reports: Value = serde_json::from_str(&read(&out, "build-stats.json")).expect("JSON");
    assert_eq!(reports["phases"]["schema"], "nixlog.phases/1");
    let analysis = read(&out, "ANALYSIS.md");
    for word in [
        "## Evaluation",
        "4 samples",
        "## Build: phases",
        "evaluation, profiled",
    ] {
        assert!(analysis.contains(word), "{word}: {analysis}");
    }
    // Other verbs take the folder for the run.
    let out = out.to_str().expect("a plain name");
    let report = nixlog(&["phases", out, "--json"]).json();
    assert_eq!(report["input"]["run"]["via"], "run");
    let compared = nixlog(&["compare", out, out, "--json"]).json();
    assert_eq!(compared["result"]["evaluation"]["total_counters"], 0);
    let evaluated = nixlog(&["eval", out, "--json"]).json();
    assert_eq!(evaluated["result"]["stats"]["thunks"], 7);
    assert_eq!(evaluated["result"]["profile"]["samples"], 4);
    let drawn = nixlog(&["flamegraph", out, "--format", "collapsed"]).stdout;
    assert!(drawn.contains(":g 3\n"), "{drawn}");
    let compared = nixlog(&["eval", "--compare", out, out]).result();
    assert!(compared.starts_with("the same work"), "{compared}");
}

#[test]
fn what_is_missing_is_said_with_its_reason() {
    let nix = Nix::of("2.8.0");
    let (ran, out) = nix.profile(&["--eval-only"], &["-A", "a"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(
        files(&out),
        ["ANALYSIS.md", "function-calls.log", "nix-stats.json"]
    );
    let analysis = read(&out, "ANALYSIS.md");
    for why in [
        "`eval.profile` is not there: this Nix (2.8) has no profiler",
        "`build-output.log` is not there: only the evaluation was asked for",
    ] {
        assert!(analysis.contains(why), "{why}: {analysis}");
    }
    let (ran, out) = nix.profile(&[], &["-A", "nope"]);
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("attribute 'nope' missing"),
        "{}",
        ran.stderr
    );
    assert!(
        read(&out, "ANALYSIS.md")
            .contains("`build-stats.json` is not there: an earlier step failed")
    );
    // What is there is not written over.
    let folder = out.to_str().expect("a plain name");
    let refused = nixlog(&["profile", "-o", folder, "--", "nix-build"]).refused();
    assert!(refused.contains("not empty"), "{refused}");
    let refused = nixlog(&["profile", "--", "make", "all"]).refused();
    assert!(refused.contains("nix build, nix-build"), "{refused}");
}

#[test]
fn quick_evaluates_once() {
    let nix = Nix::of("2.34.8");
    let (ran, out) = nix.profile(&["--quick", "--eval-only"], &["-A", "a"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(
        read(nix.0.path(), "nix-instantiate.asked").lines().count(),
        1
    );
    assert!(read(&out, "ANALYSIS.md").contains("4 samples"));
}
