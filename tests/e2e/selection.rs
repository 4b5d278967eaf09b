//! What `slowest` lists.

use serde_json::Value;

use crate::program::{FAIL, REMOTE, SLOW, command, nixlog, run};

fn units(args: &[&str]) -> (Vec<Value>, u64) {
    let args = [&["slowest", "--json"], args].concat();
    let ran = nixlog(&args);
    let json = ran.json();
    let units = json["result"]["units"].as_array().expect("a list").clone();
    (
        units,
        json["result"]["total_units"].as_u64().expect("a count"),
    )
}

fn all<'a>(units: &'a [Value], field: &str) -> Vec<&'a Value> {
    units.iter().map(|unit| &unit[field]).collect()
}

#[test]
fn top() {
    let (ten, total) = units(&[SLOW]);
    assert_eq!(ten.len(), 10);
    let (three, same) = units(&[SLOW, "--top", "3"]);
    assert_eq!((three.as_slice(), same), (&ten[..3], total));
    let (every, same) = units(&[SLOW, "--top", "0"]);
    assert_eq!((every.len() as u64, same), (total, total));
    let lengths: Vec<_> = every
        .iter()
        .filter_map(|unit| unit["duration_ns"].as_u64())
        .collect();
    assert!(
        lengths.len() > 70 && lengths.is_sorted_by(|a, b| a >= b),
        "{lengths:?}"
    );
}

#[test]
fn kinds() {
    let (builds, _) = units(&[SLOW, "--top", "0", "--kind", "build"]);
    let (substitutions, _) = units(&[SLOW, "--top", "0", "--kind", "substitution"]);
    assert!(all(&builds, "kind").iter().all(|kind| *kind == "build"));
    assert_eq!((builds.len(), substitutions.len()), (16, 20));
    for args in [
        &["--kind", "build,substitution"][..],
        &["--kind", "build", "--kind", "substitution"],
    ] {
        let (both, _) = units(&[&[SLOW, "--top", "0"], args].concat());
        assert_eq!(both.len(), 36);
    }
}

#[test]
fn filter_and_shortest() {
    let (found, total) = units(&[SLOW, "--top", "0", "--filter", "^py-"]);
    assert!(total > 1);
    for name in all(&found, "name") {
        assert!(
            name.as_str().is_some_and(|name| name.starts_with("py-")),
            "{name}"
        );
    }
    let path = r"^/nix/store/.*-isl-0\.8\.0$";
    let (by_path, _) = units(&[SLOW, "--kind", "substitution", "--filter", path]);
    assert_eq!(all(&by_path, "name"), ["isl-0.8.0"]);
    for (shortest, at_least) in [
        ("1s", 1_000_000_000),
        ("500ms", 500_000_000),
        ("0.04m", 2_400_000_000),
    ] {
        let (long, _) = units(&[SLOW, "--top", "0", "--min-duration", shortest]);
        assert!(!long.is_empty(), "{shortest}");
        let lengths = all(&long, "duration_ns");
        assert!(
            lengths
                .iter()
                .all(|length| length.as_u64() >= Some(at_least)),
            "{shortest}"
        );
    }
    let (none, total) = units(&[SLOW, "--min-duration", "1h"]);
    assert_eq!((none.len(), total), (0, 0));
}

#[test]
fn names_or_paths() {
    let names = nixlog(&["slowest", FAIL, "--top", "1"]).result();
    assert!(
        names.contains("go-poppler-4.5.0") && !names.contains("/nix/store"),
        "{names}"
    );
    let paths = ["slowest", FAIL, "--top", "1", "--full-paths"];
    let paths = run(command(&paths).env("COLUMNS", "140")).result();
    assert!(paths.contains("-go-poppler-4.5.0.drv"), "{paths}");
}

#[test]
fn how_each_derivation_ended() {
    let (units, _) = units(&[FAIL, "--top", "0", "--kind", "build"]);
    let count = |outcome: &str| {
        units
            .iter()
            .filter(|unit| unit["outcome"] == outcome)
            .count()
    };
    assert_eq!((count("succeeded"), count("failed")), (13, 2));
    let failed = units
        .iter()
        .find(|unit| unit["outcome"] == "failed")
        .expect("two failed");
    assert_eq!(failed["exit_code"], 7);
}

#[test]
fn machines() {
    let (units, _) = units(&[REMOTE, "--top", "0", "--kind", "build,evaluation"]);
    let machines = all(&units, "machine");
    for name in [
        Value::Null,
        "ssh-ng://builder-a".into(),
        "ssh-ng://builder-b".into(),
    ] {
        assert!(machines.contains(&&name), "{name}");
    }
}
