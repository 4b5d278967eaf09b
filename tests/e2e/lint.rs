//! `nixlog lint`: Nix files, not logs.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use serde_json::Value;

use crate::program::{Ran, command, file, folder, nixlog, run};
use crate::schema::{faults, schema};

const PACKAGE: &str = "{ pkgs }:
pkgs.stdenv.mkDerivation rec {
  name = \"é\"; src = ./.;
  x = import \"${pkgs.hello}/x.nix\";
}
";

/// Makes a folder of files: two with findings, one without, three that cannot be checked, two that are nobody's.
fn tree() -> tempfile::TempDir {
    let folder = folder();
    for sub in ["b", ".git", "c c"] {
        fs::create_dir(folder.path().join(sub)).expect("a new folder");
    }
    file(&folder, "a.nix", PACKAGE.as_bytes());
    file(
        &folder,
        "b/fold.nix",
        b"xs: builtins.foldl' (a: x: a // x) { } xs\n",
    );
    file(&folder, "b/fine.nix", b"{ a = 1; }\n");
    file(&folder, "b/broken.nix", b"{\n  a = ;\n}\n");
    file(&folder, "c c/latin.nix", b"\"\xe9\"\n");
    file(&folder, ".git/hidden.nix", PACKAGE.as_bytes());
    file(&folder, "notes.txt", PACKAGE.as_bytes());
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        symlink(".", folder.path().join("b/loop")).expect("a link");
        symlink("nowhere", folder.path().join("b/gone.nix")).expect("a link");
    }
    folder
}

fn lint(folder: &Path, more: &[&str]) -> Ran {
    run(command(&[&["lint", "."], more].concat()).current_dir(folder))
}

fn places(report: &Value) -> Vec<String> {
    let findings = report["result"]["findings"].as_array().expect("a list");
    let place = |it: &Value| {
        let text = |name: &str| it[name].as_str().map(str::to_owned).unwrap_or_default();
        format!(
            "{} {}:{}:{}",
            text("rule"),
            text("file"),
            it["line"],
            it["column"]
        )
    };
    findings.iter().map(place).collect()
}

#[test]
fn text() {
    let folder = tree();
    assert_snapshot!("lint_text", lint(folder.path(), &[]).result());
    assert_snapshot!("lint_md", lint(folder.path(), &["--format", "md"]).result());
    assert_snapshot!(
        "lint_github",
        lint(folder.path(), &["--format", "github"]).result()
    );
    let text = lint(folder.path(), &["--top", "1"]).result();
    assert!(text.contains("4 findings in 2 of 3 files"), "{text}");
    assert!(
        text.contains("3 more findings; `--top 0` lists all"),
        "{text}"
    );
}

#[test]
fn json() {
    let folder = tree();
    let report = lint(folder.path(), &["--json"]).json();
    assert_eq!(faults(&schema("lint"), &report), [""; 0]);
    let want = [
        "import-from-derivation a.nix:4:7",
        "source-tree a.nix:3:22",
        "update-in-fold b/fold.nix:1:28",
        "recursive-set a.nix:2:26",
    ];
    assert_eq!(places(&report), want);
    let result = &report["result"];
    assert_eq!(
        (&result["files"], &result["total_findings"]),
        (&3.into(), &4.into())
    );
    assert_eq!(result["counts"]["with"], 0);
    assert_eq!(result["counts"]["source-tree"], 1);
    assert_eq!(result["findings"][0]["cost_share"], Value::Null);
    assert_eq!(result["hidden"], Value::Null);
    let problems = result["problems"].as_array().expect("a list");
    let named = problems
        .iter()
        .map(|it| (it["file"].as_str(), it["line"].as_u64()));
    let named: Vec<_> = named.collect();
    assert_eq!(
        named,
        [
            (Some("c c/latin.nix"), None),
            (Some("b/broken.nix"), Some(2))
        ]
    );
    let some = lint(folder.path(), &["--json", "--rule", "source-tree,with"]).json();
    assert_eq!(places(&some), want[1..2]);
    assert_eq!(
        some["result"]["counts"]
            .as_object()
            .map(serde_json::Map::len),
        Some(2)
    );
    assert_eq!(
        places(&lint(folder.path(), &["--json", "--top", "2"]).json()),
        want[..2]
    );
    let csv = lint(folder.path(), &["--format", "csv"]).result();
    assert_eq!(csv.lines().count(), 5, "{csv}");
}

/// The required properties are those of the standard (SARIF 2.1.0, appendix D).
#[test]
fn sarif() {
    let folder = tree();
    let log = lint(folder.path(), &["--format", "sarif", "--top", "1"]).json();
    assert_eq!(log["version"], "2.1.0");
    let only = &log["runs"][0];
    let rules = only["tool"]["driver"]["rules"].as_array().expect("a list");
    let results = only["results"].as_array().expect("a list");
    assert_eq!(results.len(), 4);
    for result in results {
        let index = result["ruleIndex"]
            .as_u64()
            .and_then(|it| usize::try_from(it).ok());
        assert_eq!(rules[index.expect("a place")]["id"], result["ruleId"]);
        assert!(result["message"]["text"].is_string());
    }
    // In characters, where the report counts bytes.
    let place = &results[1]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "a.nix");
    assert_eq!(place["region"]["startLine"], 3);
    assert_eq!(place["region"]["startColumn"], 21);
    let problems = only["invocations"][0]["toolExecutionNotifications"].as_array();
    let first = &problems.expect("a list")[0]["locations"][0]["physicalLocation"];
    assert_eq!(first["artifactLocation"]["uri"], "c%20c/latin.nix");
}

/// A profile says what a finding costs. What costs nothing is left out; where it has nothing of a file, nobody knows.
#[test]
fn with_a_profile() {
    let folder = tree();
    let real = folder.path().canonicalize().expect("it is there");
    let at = |place: &str| format!("{}/{place}", real.display());
    let (import, other) = (at("a.nix:4:7:primop import"), at("b/fine.nix:1:1:f"));
    let stacks = format!("{other};{import} 2\n{import};{import} 1\n{other} 1\n");
    let packed = zstd::encode_all(stacks.as_bytes(), 3).expect("it packs");
    for (name, bytes) in [("nix.profile", stacks.into_bytes()), ("p.zst", packed)] {
        let profile = file(&folder, name, &bytes);
        let run = |more: &[&str]| {
            lint(
                folder.path(),
                &[&["--json", "--profile", &profile], more].concat(),
            )
        };
        let shares = |report: &Value| {
            let findings = report["result"]["findings"].as_array().expect("a list");
            let share = |it: &Value| (it["rule"].clone(), it["cost_share"].as_f64());
            findings.iter().map(share).collect::<Vec<_>>()
        };
        let some = run(&[]).json();
        assert_eq!(faults(&schema("lint"), &some), [""; 0]);
        let (dear, set, fold) = (Some(0.75), "recursive-set", "update-in-fold");
        let want = [("import-from-derivation", dear), (set, dear), (fold, None)];
        assert_eq!(
            shares(&some),
            want.map(|(rule, share)| (rule.into(), share))
        );
        assert_eq!(some["result"]["hidden"], 1);
        let all = run(&["--all"]).json();
        assert_eq!(shares(&all)[2], ("source-tree".into(), Some(0.0)));
        assert_eq!(all["result"]["hidden"], 0);
        let text = lint(folder.path(), &["--profile", &profile]).result();
        assert!(text.contains("\n  75.0% a.nix:4:7: "), "{text}");
        assert!(
            text.contains("1 finding costs nothing in the profile"),
            "{text}"
        );
    }
    let said = nixlog(&["lint", ".", "--profile", "./missing"]).refused();
    assert!(
        said.starts_with("error: cannot read `./missing`\n"),
        "{said}"
    );
}

#[test]
fn status() {
    let folder = tree();
    let strict = |paths: &[&str]| {
        let asked = [&["lint", "--strict"], paths].concat();
        run(command(&asked).current_dir(folder.path())).status
    };
    assert_eq!(strict(&["b/fine.nix"]), Some(0));
    assert_eq!(strict(&["b/fold.nix"]), Some(1));
    assert_eq!(strict(&["b/broken.nix"]), Some(1));
    assert_eq!(strict(&["b/fold.nix", "--rule", "with"]), Some(0));
    let said = nixlog(&["lint", "./missing.nix"]).refused();
    assert!(
        said.starts_with("error: cannot read `./missing.nix`\n"),
        "{said}"
    );
    let said = nixlog(&["lint", "--rule", "nothing", "."]).refused();
    assert!(said.contains("import-from-derivation"), "{said}");
    nixlog(&["lint"]).refused();
}

/// What is named twice is checked once, and each file only with its own folder.
#[test]
fn nothing_and_the_same_twice() {
    let folder = tree();
    let run =
        |paths: &[&str]| run(command(&[&["lint"], paths].concat()).current_dir(folder.path()));
    assert_eq!(
        run(&["b/fine.nix", "b/fine.nix"]).result(),
        "nothing found in 1 file\n"
    );
    assert_eq!(
        run(&["notes.txt", "notes.txt"]).result().lines().next(),
        run(&["a.nix"]).result().lines().next()
    );
    let empty = folder.path().join("b/empty");
    fs::create_dir(&empty).expect("a new folder");
    assert_eq!(run(&["b/empty"]).result(), "no Nix file was checked\n");
}
