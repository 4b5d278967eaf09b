//! The history and the baselines: what is recorded is in them, whatever happens meanwhile.

use std::fs;

use serde_json::{Value, json};

use crate::program::{DIAMOND, FAIL, recording};
use crate::runs::Home;

const PROJECT: &str = "NIXLOG_PROJECT";

/// Records a log as a run of a project; returns what is said on standard error.
fn record(home: &Home, project: &str, log: &[u8]) -> String {
    let mut command = home.command(&["phases", "--quiet"]);
    command.env(PROJECT, project);
    command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let child = command.spawn().expect("nixlog starts");
    let output = crate::program::feed(child, log);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn history(home: &Home) -> Value {
    home.json(&["history", "--top", "0"])["result"].clone()
}

fn ids(home: &Home) -> Vec<String> {
    let result = history(home);
    let runs = result["runs"].as_array().expect("a list").iter();
    runs.map(|run| run["id"].as_str().expect("an id").to_owned())
        .collect()
}

#[test]
fn what_is_recorded_is_in_the_history_and_outlives_its_recording() {
    let home = Home::new();
    assert_eq!(record(&home, "p", &recording(DIAMOND)), "");
    record(&home, "q", &recording(FAIL));
    let result = history(&home);
    let project = |place: usize| result["projects"][place]["project"].clone();
    assert_eq!((project(0), project(1)), (json!("q"), json!("p")));
    assert_eq!(result["runs"][1]["builds"], 4);
    let of_p = home.json(&["history", "--project", "p"]);
    assert_eq!(of_p["result"]["runs"].as_array().map(Vec::len), Some(1));
    let before = ids(&home);
    home.nixlog(&["runs", "rm", "last", "last~1"]);
    assert!(home.runs().is_empty());
    assert_eq!(ids(&home), before);
    let rebuilt = home.nixlog(&["history", "rebuild"]);
    assert_eq!(rebuilt.status, Some(0), "{}", rebuilt.stderr);
    assert_eq!(
        ids(&home),
        before,
        "rows without a recording are taken over"
    );
    let export = home.nixlog(&["history", "export"]).stdout;
    let lines: Vec<Value> = export
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["project"], "p", "the oldest first");
    let builds = lines[0]["units"].as_array().expect("units");
    assert!(builds.iter().any(|unit| unit["pname"] == "diamond-a"));
    home.nixlog(&["history", "remove", &before[0]]);
    assert_eq!(ids(&home), before[1..]);
}

#[test]
fn many_record_at_once() {
    let home = Home::new();
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| assert_eq!(record(&home, "p", &recording(DIAMOND)), ""));
        }
    });
    let result = history(&home);
    assert_eq!(result["projects"][0]["runs"], 12);
}

/// A history that cannot be used costs one warning, and no recording; it can be made anew.
#[test]
fn a_damaged_history_costs_nothing_but_a_warning() {
    let home = Home::new();
    record(&home, "p", &recording(DIAMOND));
    let path = home.folder.path().join("history.sqlite");
    fs::write(&path, vec![b'x'; 8192]).expect("written");
    for beside in ["history.sqlite-wal", "history.sqlite-shm"] {
        drop(fs::remove_file(home.folder.path().join(beside)));
    }
    let said = record(&home, "p", &recording(DIAMOND));
    assert!(
        said.starts_with("warning: the history was not updated"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    assert_eq!(home.runs().len(), 2);
    let asked = home.nixlog(&["history"]);
    assert_eq!(asked.status, Some(2));
    assert!(
        asked.stderr.contains("nixlog history rebuild"),
        "{}",
        asked.stderr
    );
    let rebuilt = home.nixlog(&["history", "rebuild"]);
    assert!(
        rebuilt.stderr.contains("the old history is now"),
        "{}",
        rebuilt.stderr
    );
    assert_eq!(ids(&home).len(), 2);
}

/// What a newer nixlog wrote is left alone.
#[test]
fn a_newer_history_is_not_touched() {
    let home = Home::new();
    record(&home, "p", &recording(DIAMOND));
    let path = home.folder.path().join("history.sqlite");
    let connection = rusqlite(&path);
    connection
        .pragma_update(None, "user_version", 99)
        .expect("set");
    drop(connection);
    let said = record(&home, "p", &recording(DIAMOND));
    assert!(said.contains("a newer nixlog wrote it"), "{said}");
    assert_eq!(home.nixlog(&["history"]).status, Some(2));
    assert_eq!(home.nixlog(&["history", "rebuild"]).status, Some(2));
    let connection = rusqlite(&path);
    let runs: i64 = connection
        .query_row("SELECT count(*) FROM runs", [], |row| row.get(0))
        .expect("a number");
    assert_eq!(runs, 1);
}

fn rusqlite(path: &std::path::Path) -> rusqlite::Connection {
    rusqlite::Connection::open(path).expect("a database")
}

/// A recording that came to lie there otherwise is added when somebody asks.
#[test]
fn recordings_that_are_not_in_it_are_added() {
    let home = Home::new();
    record(&home, "p", &recording(DIAMOND));
    fs::remove_file(home.folder.path().join("history.sqlite")).expect("removed");
    home.file(
        "0198c9f4-5e2a-7000-8000-000000a0b0c0.nixlog.zst",
        b"no recording",
    );
    assert_eq!(ids(&home).len(), 1);
    assert_eq!(ids(&home).len(), 1);
}

#[test]
fn baselines_are_kept_and_taken_along() {
    let home = Home::new();
    for _ in 0..3 {
        record(&home, "p", &recording(DIAMOND));
    }
    record(&home, "q", &recording(DIAMOND));
    let set = home.nixlog(&["baseline", "set", "other"]);
    assert!(
        set.stderr.contains("`other` (default): 1 run"),
        "{}",
        set.stderr
    );
    home.nixlog(&["history", "remove", "last"]);
    let set = home.nixlog(&["baseline", "set", "main", "last~0..3"]);
    assert_eq!(set.status, Some(0), "{}", set.stderr);
    let list = home.json(&["baseline", "list"]);
    let names: Vec<(&str, usize)> = list["result"]["baselines"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| {
            let runs = it["runs"].as_array().map_or(0, Vec::len);
            (it["name"].as_str().unwrap_or_default(), runs)
        })
        .collect();
    assert_eq!(names, [("main", 3), ("other", 1)]);
    // Recordings of baselines stay.
    let mut prune = home.command(&["runs", "prune", "--json"]);
    let pruned = crate::program::run(prune.env("NIXLOG_KEEP_RUNS", "1")).json();
    assert_eq!(pruned["result"]["removed"], json!([]));
    let file = home.folder.path().join("b");
    let file = file.to_str().expect("UTF-8");
    home.nixlog(&["baseline", "export", file]);
    let elsewhere = Home::new();
    let imported = elsewhere.nixlog(&["baseline", "import", file]);
    assert_eq!(imported.status, Some(0), "{}", imported.stderr);
    let shown = elsewhere.json(&["baseline", "show", "main"]);
    assert_eq!(shown["result"]["runs"].as_array().map(Vec::len), Some(3));
    let mixed = home.nixlog(&["baseline", "set", "x", "last", "last~1"]);
    assert!(
        mixed.stderr.contains("belong to one project"),
        "{}",
        mixed.stderr
    );
    let missing = home.nixlog(&["baseline", "show", "nothing"]);
    assert_eq!(missing.status, Some(2));
    home.nixlog(&["baseline", "remove", "main"]);
    assert_eq!(home.nixlog(&["baseline", "show", "main"]).status, Some(2));
}

/// A run as `nixlog history export` writes it, of so many milliseconds.
fn stored(number: usize, millis: u64) -> String {
    json!({
        "id": format!("0198c9f4-5e2a-7000-8000-{number:012x}"),
        "started_at": 1_795_000_000_000_000_000_u64 + number as u64 * 3_600_000_000_000,
        "project": "p",
        "complete": true,
        "timed": true,
        "wall_ns": millis * 1_000_000,
        "path_known": true,
        "revision": format!("{:040x}", number / 10),
        "units": [{
            "kind": "build", "pname": "openssl", "name": "openssl-3.1", "system": "x86_64-linux",
            "outputs": ["out"], "path": "/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-openssl-3.1.drv",
            "machine": null, "substituter": null, "bytes": null, "unpacked_bytes": null,
            "duration_ns": 5_000_000_000_u64, "end": "measured", "outcome": "succeeded",
            "critical_ns": if number.is_multiple_of(2) { 4_000_000_000_u64 } else { 0 },
            "saving_ns": 3_000_000_000_u64, "builder_phases": [["buildPhase", 1_000]],
        }],
    })
    .to_string()
}

#[test]
fn a_change_is_told_with_its_run_and_revision() {
    let home = Home::new();
    let wall =
        |number: usize| (if number < 20 { 10_000 } else { 11_500 }) + (number as u64 * 37) % 90;
    let lines: Vec<String> = (0..30).map(|number| stored(number, wall(number))).collect();
    let file = home.folder.path().join("runs.jsonl");
    fs::write(&file, lines.join("\n")).expect("written");
    let import = home.nixlog(&["history", "import", file.to_str().expect("UTF-8")]);
    assert!(import.stderr.contains("30 runs added"), "{}", import.stderr);
    let result = home.json(&["trends"])["result"].clone();
    let change = &result["series"][0]["changes"];
    assert_eq!(change.as_array().map(Vec::len), Some(1), "{change}");
    assert!(
        change[0]["run"]
            .as_str()
            .is_some_and(|run| run.ends_with("000014")),
        "{change}"
    );
    assert_eq!(change[0]["revision"], format!("{:040x}", 2));
    assert_eq!(change[0]["previous_revision"], format!("{:040x}", 1));
    let package = &result["packages"][0];
    assert_eq!(
        (&package["pname"], &package["on_critical_path"]),
        (&json!("openssl"), &json!(15))
    );
    assert_eq!(package["mean_critical_ns"], 4_000_000_000_u64);
    let text = home.nixlog(&["trends"]).stdout;
    assert!(
        text.contains("p: 11.5s wall, +15% since run 000014"),
        "{text}"
    );
    for format in ["html", "svg", "csv", "md"] {
        let ran = home.nixlog(&["trends", "--format", format]);
        assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""), "{format}");
        assert!(
            !ran.stdout.contains("NaN") && ran.stdout.len() > 100,
            "{format}"
        );
    }
    let none = home.nixlog(&["trends", "--project", "q"]);
    assert!(
        none.status == Some(2) && none.stderr.contains("nixlog history"),
        "{}",
        none.stderr
    );
}

#[test]
fn times_of_a_hydra_are_scaled_by_what_both_have_built() {
    let home = Home::new();
    record(&home, "p", &recording(DIAMOND));
    let ours = home.nixlog(&["history", "export"]).stdout;
    let ours: Value = serde_json::from_str(ours.trim()).expect("JSON");
    let units = ours["units"].as_array().expect("units").iter();
    // Each build took a tenth of the time there.
    let steps: Vec<String> = units
        .filter(|unit| unit["kind"] == "build")
        .map(|unit| {
            let took = unit["duration_ns"].as_u64().expect("known") / 1_000_000;
            json!({"drvpath": unit["path"], "system": "x86_64-linux", "machine": "big", "type": 0,
                   "status": 0, "starttime": 1_000_000, "stoptime": 1_000_000 + took / 10})
            .to_string()
        })
        .collect();
    let file = home.folder.path().join("steps.jsonl");
    fs::write(&file, steps.join("\n")).expect("written");
    let file = file.to_str().expect("UTF-8");
    let import = home.nixlog(&["history", "import-hydra", file]);
    // In whole milliseconds there, which count as seconds: the factor is a thousandth of ten.
    assert!(
        import.stderr.contains("4 times of builds"),
        "{}",
        import.stderr
    );
    assert!(
        import
            .stderr
            .contains("big: 4 packages, builds take 0.01 times"),
        "{}",
        import.stderr
    );
    fs::write(file, "[{]").expect("written");
    let broken = home.nixlog(&["history", "import-hydra", file]);
    assert!(
        broken.status == Some(2) && broken.stderr.contains("line 1"),
        "{}",
        broken.stderr
    );
}

/// What came from a cache is worth what building it took before.
#[test]
fn caches_are_worth_what_they_saved() {
    let home = Home::new();
    let log = recording("2.34.8-subst-subst-slow.ts.log.zst");
    let before = home.piped(&["cache", "--json", "--quiet"], &log);
    let before: Value = serde_json::from_slice(&before.stdout).expect("JSON");
    assert_eq!(
        before["result"]["ledger"],
        Value::Null,
        "nothing of it was ever built"
    );
    let units = home.nixlog(&[
        "slowest",
        "last",
        "--kind",
        "substitution",
        "--top",
        "1",
        "--json",
    ]);
    let unit = units.json()["result"]["units"][0].clone();
    let mut run: Value = serde_json::from_str(&stored(1, 10_000)).expect("JSON");
    run["units"][0]["pname"] = unit["pname"].clone();
    let file = home.folder.path().join("runs.jsonl");
    fs::write(&file, run.to_string()).expect("written");
    home.nixlog(&["history", "import", file.to_str().expect("UTF-8")]);
    let ledger = home.json(&["cache", "last"])["result"]["ledger"].clone();
    assert_eq!(
        (&ledger["known"], &ledger["building_ns"]),
        (&json!(1), &json!(5_000_000_000_u64))
    );
    assert_eq!(ledger["worth"][0]["pname"], unit["pname"]);
    let text = home.nixlog(&["cache", "last"]).stdout;
    assert!(
        text.contains("What the caches saved") && text.contains("saved: 1 of"),
        "{text}"
    );
}
