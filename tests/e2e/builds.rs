//! `nixlog builds`: the list and the groups, held to what the units themselves say.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::contract::list;
use crate::critical_path::DIAMOND_DRVS;
use crate::program::{DIAMOND, REMOTE, SLOW, nixlog};
use crate::schema::recordings;

fn units(log: &str) -> Vec<Value> {
    let report = nixlog(&["slowest", log, "--top", "0", "--json", "--no-store"]).json();
    list(&report["result"]["units"]).to_vec()
}

fn builds(log: &str, more: &[&str]) -> Value {
    let args = [&["builds", log, "--json", "--no-store"], more].concat();
    nixlog(&args).json()["result"].clone()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

/// Counts the nanoseconds in which any of them ran, by their edges.
fn busy(spans: &BTreeSet<(u64, u64)>) -> u64 {
    let edges: BTreeSet<u64> = spans.iter().flat_map(|&(from, to)| [from, to]).collect();
    let edges: Vec<u64> = edges.into_iter().collect();
    let pieces = edges.windows(2).filter(|piece| {
        let mut spans = spans.iter();
        spans.any(|&(from, to)| from <= piece[0] && piece[1] <= to)
    });
    pieces.map(|piece| piece[1] - piece[0]).sum()
}

/// Each unit is in one group, and a group is the sum of its units.
#[test]
fn groups_are_the_sums_of_their_units() {
    for log in recordings() {
        let units = units(&log);
        for (by, key) in [
            ("pname", "pname"),
            ("kind", "kind"),
            ("machine", "machine"),
            ("substituter", "source"),
            ("outcome", "outcome"),
        ] {
            let result = builds(&log, &["--group-by", by]);
            let groups = list(&result["groups"]);
            assert_eq!(number(&result["total_groups"]), groups.len() as u64);
            let mut expected: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
            for unit in &units {
                expected
                    .entry(unit[key].to_string())
                    .or_default()
                    .push(unit);
            }
            assert_eq!(groups.len(), expected.len(), "{log} {by}");
            for group in groups {
                let of_it = &expected[&group["key"].to_string()];
                let sum = |field: &str| of_it.iter().map(|unit| number(&unit[field])).sum::<u64>();
                assert_eq!(
                    number(&group["units"]),
                    of_it.len() as u64,
                    "{log} {by} {group}"
                );
                assert_eq!(
                    number(&group["log_lines"]),
                    sum("log_lines"),
                    "{log} {by} {group}"
                );
                assert_eq!(number(&group["bytes"]), sum("bytes"), "{log} {by} {group}");
                assert_eq!(
                    number(&group["work_ns"]),
                    sum("duration_ns"),
                    "{log} {by} {group}"
                );
                // Evaluation goes on and off: the time between its start and its end is not all its own.
                if of_it.iter().any(|unit| unit["kind"] == "evaluation") {
                    continue;
                }
                let spans = of_it.iter().filter_map(|unit| {
                    Some((unit["start_ns"].as_u64()?, unit["end_ns"].as_u64()?))
                });
                assert_eq!(
                    number(&group["busy_ns"]),
                    busy(&spans.collect()),
                    "{log} {by} {group}"
                );
            }
        }
    }
}

/// What lies on the critical path is on it once, whatever it is grouped by.
#[test]
fn groups_share_the_critical_path() {
    let critical = |by: &str| -> u64 {
        let args = ["builds", DIAMOND, "--derivations", DIAMOND_DRVS, "--json"];
        let result = nixlog(&[&args[..], &["--group-by", by]].concat()).json();
        let groups = list(&result["result"]["groups"]);
        groups
            .iter()
            .map(|group| number(&group["critical_ns"]))
            .sum()
    };
    let whole = critical("kind");
    assert!(whole > 0);
    for by in ["pname", "machine", "substituter", "outcome"] {
        assert_eq!(critical(by), whole, "{by}");
    }
    let phases = nixlog(&["phases", DIAMOND, "--derivations", DIAMOND_DRVS, "--json"]).json();
    let phases = list(&phases["result"]["builder_phases"]);
    let of_phases: u64 = phases
        .iter()
        .map(|phase| number(&phase["critical_ns"]))
        .sum();
    assert_eq!(critical("builder-phase"), of_phases);
}

/// `phases` has the same sums of builder phases.
#[test]
fn builder_phases_are_those_of_phases() {
    for log in recordings() {
        let groups = builds(&log, &["--group-by", "builder-phase", "--sort", "name"]);
        let phases = nixlog(&["phases", &log, "--json", "--no-store"]).json();
        let mut phases = list(&phases["result"]["builder_phases"]).to_vec();
        phases.sort_by_key(|phase| phase["name"].as_str().map(str::to_owned));
        let all = |values: &[Value], fields: [&str; 4]| -> Vec<[Value; 4]> {
            let fields = |value: &Value| fields.map(|field| value[field].clone());
            values.iter().map(fields).collect()
        };
        assert_eq!(
            all(
                list(&groups["groups"]),
                ["key", "units", "work_ns", "busy_ns"]
            ),
            all(&phases, ["name", "builds", "work_ns", "busy_ns"]),
            "{log}"
        );
    }
}

#[test]
fn every_order_keeps_all_units() {
    for log in [DIAMOND, REMOTE, SLOW] {
        let n = units(log).len();
        for (by, field, rising) in [
            ("start", "start_ns", true),
            ("duration", "duration_ns", false),
            ("name", "name", true),
            ("log-lines", "log_lines", false),
            ("bytes", "bytes", false),
        ] {
            let result = builds(log, &["--sort", by]);
            let units = list(&result["units"]);
            assert_eq!(units.len(), n, "{log} {by}");
            let known: Vec<&Value> = units.iter().map(|unit| &unit[field]).collect();
            let in_order = known.windows(2).all(|two| match (two[0], two[1]) {
                (Value::Null, after) => after.is_null(),
                (_, Value::Null) => true,
                (Value::String(a), Value::String(b)) => a <= b,
                (a, b) if rising => number(a) <= number(b),
                (a, b) => number(a) >= number(b),
            });
            assert!(in_order, "{log} {by}: {known:?}");
        }
    }
}

/// A line is an element of the list, as in JSON.
#[test]
fn a_line_is_a_unit() {
    for more in [&["--kind", "build"][..], &["--group-by", "kind"]] {
        let args = [&["builds", SLOW, "--format", "jsonl"], more].concat();
        let lines = nixlog(&args).result();
        let lines: Vec<Value> = lines
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        let args = [&["builds", SLOW, "--json"], more].concat();
        let result = nixlog(&args).json()["result"].clone();
        let all = [list(&result["units"]), list(&result["groups"])].concat();
        assert_eq!(lines, all);
        assert!(!lines.is_empty());
    }
}
