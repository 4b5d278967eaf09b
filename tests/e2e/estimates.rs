//! `nixlog eta`, `impact` and `gate`: what a build will take, by past runs that were really recorded.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::contract::list;
use crate::program::{DIAMOND, file, folder, nixlog, piped, recording, run};
use crate::runs::Home;

/// What Nix prints before it would build the diamond again.
fn dry_run() -> String {
    let drvs = ["a", "b", "c", "d"].map(|name| {
        let report = nixlog(&["builds", DIAMOND, "--kind", "build", "--json", "--no-store"]).json();
        let units = list(&report["result"]["units"]).to_vec();
        let mut units = units
            .iter()
            .map(|unit| unit["path"].as_str().expect("a path").to_owned());
        let wanted = format!("-diamond-{name}-1.0.drv");
        units
            .find(|path| path.ends_with(&wanted))
            .expect("it was built")
    });
    format!(
        "these 4 derivations will be built:\n  {}\n",
        drvs.join("\n  ")
    )
}

const DERIVATIONS: &str = "2.26.3-diamond-build-v.derivations.json";

/// A home whose history has the diamond three times.
fn home() -> Home {
    let home = Home::new();
    for _ in 0..3 {
        home.record(&recording(DIAMOND));
    }
    home
}

#[test]
fn what_was_built_takes_as_long_again() {
    let (home, folder) = (home(), folder());
    let saved = file(&folder, "dry-run", dry_run().as_bytes());
    let asked = [
        "eta",
        &saved,
        "--derivations",
        DERIVATIONS,
        "--max-jobs",
        "4",
    ];
    let report = home.json(&asked);
    let result = &report["result"];
    assert_eq!(report["schema"], "nixlog.eta/1");
    assert_eq!((&result["builds"], &result["runs"]), (&json!(4), &json!(3)));
    let took = nixlog(&[
        "parallelism",
        DIAMOND,
        "--json",
        "--derivations",
        DERIVATIONS,
    ])
    .json();
    let took = took["result"]["makespan_ns"].as_u64().expect("a makespan");
    let of = |name: &str| result[name].as_u64().expect("a number");
    let (p10, p50, p90) = (of("p10_ns"), of("p50_ns"), of("p90_ns"));
    assert!(p10 < p50 && p50 < p90, "{result}");
    assert!(p10 <= took && took <= p90, "{took}: {result}");
    for unit in list(&result["units"]) {
        assert_eq!(
            (&unit["basis"], &unit["seen"]),
            (&json!("same-version"), &json!(3))
        );
    }
    let text = home.nixlog(&asked).result();
    assert!(
        text.starts_with("about ") && text.contains(" for 4 builds"),
        "{text}"
    );
}

#[test]
fn without_past_runs_nothing_is_made_up() {
    let home = Home::new();
    let output = home.piped(&["eta", "-", "--no-store", "--json"], dry_run().as_bytes());
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let result = &report["result"];
    assert_eq!(
        (&result["p50_ns"], &result["work_ns"]),
        (&Value::Null, &Value::Null)
    );
    let refused = piped(&["eta", "-"], b"nothing of Nix\n").refused();
    assert!(refused.contains("no dry run of Nix"), "{refused}");
    let backtest = home.json(&["eta", "--backtest"]);
    assert_eq!(backtest["result"]["backtest"]["inside"], Value::Null);
}

#[test]
fn the_same_again_has_no_impact() {
    let home = home();
    let report = home.json(&["impact", DERIVATIONS, DERIVATIONS]);
    assert_eq!(report["result"]["builds"], json!(0));
    let folder = folder();
    let old = fs::read_to_string(crate::program::root().join("corpus").join(DERIVATIONS));
    let old = old.expect("it is there");
    // The hashes stay, so that only what depends on nothing is another.
    let (drv, _) = old.split_once("-diamond-a-1.0.drv").expect("it has one");
    let hash = &drv[drv.len() - 32..];
    let other: String = hash.chars().rev().collect();
    let new = file(&folder, "new.json", old.replace(hash, &other).as_bytes());
    let report = home.json(&["impact", DERIVATIONS, &new]);
    assert_eq!(
        report["result"]["builds"],
        json!(0),
        "what it makes is the same"
    );
    let comment = home
        .nixlog(&["impact", DERIVATIONS, &new, "--format", "github"])
        .result();
    assert!(
        comment.starts_with("<!-- nixlog impact -->\n**"),
        "{comment}"
    );
}

/// A program that is called `nix-build`, and notes what it is asked to do.
#[test]
fn the_gate_only_asks_before_it_opens() {
    let (home, folder) = (home(), folder());
    let nix_build = folder.path().join("nix-build");
    let noted = folder.path().join("noted");
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> '{}'\ncase \"$*\" in *--dry-run*) cat >&2 <<'END'\n{}END\n;; esac\n",
        noted.display(),
        dry_run()
    );
    fs::write(&nix_build, script).expect("a temporary folder");
    fs::set_permissions(&nix_build, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let nix_build = nix_build.to_str().expect("a path in UTF-8");
    let gate = |limit: &str| {
        run(&mut home.command(&["gate", "--max-build", limit, "--", nix_build, "x.nix"]))
    };
    let refused = gate("1ms");
    assert_eq!(refused.status, Some(1), "{}", refused.stderr);
    assert!(
        refused
            .stderr
            .contains("diamond-b-1.0 would be built here: about"),
        "{}",
        refused.stderr
    );
    let asked = fs::read_to_string(&noted).expect("it was asked");
    assert_eq!(asked, "--dry-run x.nix\n");
    let passed = gate("1h");
    assert_eq!(passed.status, Some(0), "{}", passed.stderr);
    let asked = fs::read_to_string(&noted).expect("it was asked");
    assert!(
        asked.lines().any(|line| !line.contains("--dry-run")),
        "{asked}"
    );
    let refused = run(&mut home.command(&["gate", "--max-build", "1h", "--", "make", "-j4"]));
    assert_eq!(refused.status, Some(2), "{}", refused.stderr);
}
