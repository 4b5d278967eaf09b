//! `compare`, on logs of which it is known how long everything took.

use std::fmt::Write as _;

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{DIAMOND, Ran, command, file, folder, run};
use crate::schema::{faults, schema};

/// Runs nixlog with a history of its own.
pub(crate) fn nixlog(args: &[&str]) -> Ran {
    let home = folder();
    run(command(args).env("NIXLOG_DIR", home.path()))
}

/// A log of builds, one after the other, each of so many milliseconds.
pub(crate) fn log(builds: &[(&str, u64)]) -> String {
    let mut log = String::new();
    let mut now = 0;
    for (id, (name, took)) in builds.iter().enumerate() {
        let id = id + 1;
        // The hash differs from log to log: nobody may match by it.
        let hash = format!("{:032}", took % 997);
        let drv = format!("/nix/store/{hash}-{name}.drv");
        let start = format!(
            r#"{{"action":"start","fields":["{drv}","",1,1],"id":{id},"level":3,"parent":0,"text":"building '{drv}'","type":105}}"#
        );
        let stop = format!(r#"{{"action":"stop","id":{id}}}"#);
        let at = |now: u64| format!("{}.{:03}", now / 1000, now % 1000);
        writeln!(log, "{} @nix {start}", at(now)).expect("to memory");
        now += took;
        writeln!(log, "{} @nix {stop}", at(now)).expect("to memory");
    }
    log
}

/// Five logs in which the second build takes so long, give or take a little.
pub(crate) fn five(folder: &TempDir, name: &str, second: u64, version: &str) -> String {
    let files = [0, 30, 60, 20, 50].iter().enumerate().map(|(nth, more)| {
        let builds = [
            ("first-1.0", 5000 + more),
            (&*format!("second-{version}"), second + more),
            ("third-1.0", 3000 + 7 * more % 50),
        ];
        file(folder, &format!("{name}{nth}.log"), log(&builds).as_bytes())
    });
    files.collect::<Vec<_>>().join(",")
}

#[test]
fn what_became_slower_is_told_from_chance() {
    let folder = folder();
    let a = five(&folder, "a", 10_000, "1.0");
    let b = five(&folder, "b", 12_000, "1.1");
    let said = nixlog(&["compare", &a, &b]).result();
    assert!(
        said.starts_with("slower: 18.1s → 20.1s, +2.00s (+11%), p = 0.008"),
        "{said}"
    );
    let report = nixlog(&["compare", &a, &b, "--json"]).json();
    assert_eq!(faults(&schema("compare"), &report), [""; 0]);
    let units = report["result"]["units"].as_array().expect("a list");
    let of = |name: &str| {
        let mut units = units.iter();
        units
            .find(|it| it["unit"]["pname"] == name)
            .expect("in both")
            .clone()
    };
    let second = of("second");
    assert_eq!(
        (&second["verdict"], &second["was"]),
        (&Value::from("slower"), &Value::from("second-1.0"))
    );
    assert_eq!(second["difference"], 2_000_000_000_u64);
    assert_eq!(
        (&second["a"]["n"], &second["a"]["median"]),
        (&Value::from(5), &Value::from(10_030_000_000_u64))
    );
    assert_eq!(
        (&of("first")["verdict"], &of("third")["verdict"]),
        (&Value::from("same"), &Value::from("same"))
    );
    assert!(
        nixlog(&["compare", &b, &a])
            .result()
            .starts_with("faster: ")
    );
    let none = nixlog(&["compare", &a, &b, "--filter", "third", "--json"]).json();
    assert_eq!(none["result"]["total_units"], 1);
    let table = nixlog(&["compare", &a, &b, "--format", "csv"]).result();
    assert!(
        table.starts_with("measure,part,unit,a,a_n,a_low,a_high,b,"),
        "{table}"
    );
    let line = table
        .lines()
        .find(|line| line.starts_with("wall,,ns,"))
        .expect("the wall time");
    assert!(line.contains(",5,") && line.ends_with("slower"), "{line}");
}

#[test]
fn one_run_a_side_claims_nothing() {
    let folder = folder();
    let a = file(&folder, "a.log", log(&[("x-1.0", 1000)]).as_bytes());
    let b = file(
        &folder,
        "b.log",
        log(&[("x-1.0", 3000), ("y-1.0", 500)]).as_bytes(),
    );
    let said = nixlog(&["compare", &a, &b]).result();
    assert!(
        said.contains("1 run against 1 cannot tell that from chance"),
        "{said}"
    );
    assert!(said.contains("runs, 3 of A and 3 of B"), "{said}");
    assert!(said.contains("only in B"), "{said}");
    let report = nixlog(&["compare", &a, &b, "--json"]).json();
    assert_eq!(faults(&schema("compare"), &report), [""; 0]);
    let measures = report["result"]["measures"].as_array().expect("a list");
    let wall = measures
        .iter()
        .find(|it| it["name"] == "wall")
        .expect("a wall time");
    assert_eq!(
        (&wall["p"], &wall["verdict"], &wall["a"]["low"]),
        (&Value::Null, &Value::from("unknown"), &Value::Null)
    );
}

/// Real logs of any kind make a report that is what its schema says.
#[test]
fn any_logs_can_be_compared() {
    let schema = schema("compare");
    for other in &crate::schema::recordings() {
        let report = nixlog(&["compare", DIAMOND, other, "--json"]).json();
        assert_eq!(faults(&schema, &report), [""; 0], "{other}");
    }
}
