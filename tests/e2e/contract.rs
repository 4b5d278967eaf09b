//! The JSON contract: every field present, unknown as `null`, units in the names.

use std::fs::File;

use serde_json::Value;

use crate::program::{
    DIAMOND, FAIL, REMOTE, SLOW, command, file, folder, nixlog, recording, root, run, unstamped,
};
use crate::verbs::reports;

const INPUT: &[&str] = &[
    "source",
    "lines",
    "bytes",
    "events",
    "clock",
    "carrier",
    "compression",
    "dialect",
    "nix_version",
    "nix_versions",
    "complete",
    "started_at",
    "wall_ns",
];
const DIAGNOSTIC: &[&str] = &["severity", "code", "count", "first_line", "message"];
const PHASE: &[&str] = &[
    "phase",
    "wall_ns",
    "share",
    "busy_ns",
    "work_ns",
    "critical_ns",
    "units",
    "parts",
];
const PART: &[&str] = &[
    "part",
    "wall_ns",
    "share",
    "busy_ns",
    "work_ns",
    "critical_ns",
];
const BUILDER_PHASE: &[&str] = &["name", "builds", "busy_ns", "work_ns", "critical_ns"];
const UNIT: &[&str] = &[
    "kind",
    "name",
    "pname",
    "path",
    "planned_path",
    "machine",
    "source",
    "start_ns",
    "end_ns",
    "duration_ns",
    "end",
    "outcome",
    "reason",
    "exit_code",
    "signal",
    "bytes",
    "unpacked_bytes",
    "log_lines",
    "log_bytes",
    "builder_phases",
    "parts",
    "on_critical_path",
];
const REMOTE_PARTS: &[&str] = &["waiting_ns", "upload_ns", "build_ns", "download_ns"];

fn json(args: &[&str]) -> Value {
    let ran = nixlog(&[args, &["--json"]].concat());
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""), "{args:?}");
    ran.json()
}

pub(crate) fn list(value: &Value) -> &[Value] {
    value
        .as_array()
        .unwrap_or_else(|| panic!("a list: {value}"))
}

/// Holds an object to the fields that it must have. More may come.
pub(crate) fn has(value: &Value, fields: &[&str]) {
    let object = value
        .as_object()
        .unwrap_or_else(|| panic!("an object: {value}"));
    let missing: Vec<_> = fields
        .iter()
        .filter(|field| !object.contains_key(**field))
        .collect();
    assert!(missing.is_empty(), "missing {missing:?} in {value}");
}

/// Fractions of 1, and what may be any number.
const SHARES: &[&str] = &[
    "share",
    "idle_share",
    "parallelizable",
    "utilization",
    "hit_rate",
    "bytes_share",
];
const RATIOS: &[&str] = &["error", "parallelism", "running", "saving_share"];

/// Holds every number to what its name says.
pub(crate) fn units_hold(name: &str, value: &Value) {
    match value {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(name, value)| units_hold(name, value)),
        Value::Array(values) => values.iter().for_each(|value| units_hold(name, value)),
        Value::Number(number) if SHARES.contains(&name) => {
            let share = number.as_f64().expect("a share is a number");
            assert!((0.0..=1.0).contains(&share), "{name}: {share}");
        }
        Value::Number(number) if RATIOS.contains(&name) => {
            assert!(
                number.as_f64().is_some_and(f64::is_finite),
                "{name}: {number}"
            );
        }
        Value::Number(number) => assert!(number.is_i64() || number.is_u64(), "{name}: {number}"),
        _ => {}
    }
}

#[test]
fn every_report_has_the_same_frame() {
    for verb in reports() {
        for log in [DIAMOND, FAIL, REMOTE, SLOW] {
            let report = json(&verb.about(&[log]));
            has(
                &report,
                &["schema", "nixlog_version", "input", "diagnostics", "result"],
            );
            assert_eq!(report["schema"], format!("nixlog.{}/1", verb.name));
            assert_eq!(report["nixlog_version"], env!("CARGO_PKG_VERSION"));
            has(&report["input"], INPUT);
            assert_eq!(report["input"]["source"], log);
            assert_eq!(report["input"]["clock"], "carrier");
            list(&report["diagnostics"])
                .iter()
                .for_each(|each| has(each, DIAGNOSTIC));
            units_hold("", &report);
        }
    }
}

#[test]
fn phases() {
    for log in [DIAMOND, FAIL, REMOTE, SLOW] {
        let result = &json(&["phases", log])["result"];
        has(
            result,
            &["wall_ns", "phases", "builder_phases", "outcomes", "plan"],
        );
        has(
            &result["plan"],
            &["builds", "fetches", "download_bytes", "unpacked_bytes"],
        );
        for phase in list(&result["phases"]) {
            has(phase, PHASE);
            list(&phase["parts"])
                .iter()
                .for_each(|part| has(part, PART));
        }
        list(&result["builder_phases"])
            .iter()
            .for_each(|phase| has(phase, BUILDER_PHASE));
        list(&result["outcomes"])
            .iter()
            .for_each(|each| has(each, &["outcome", "count"]));
    }
}

/// To the nanosecond, for the phases and for the parts of each.
#[test]
fn the_wall_column_adds_up() {
    for log in [DIAMOND, FAIL, REMOTE, SLOW] {
        let result = &json(&["phases", log])["result"];
        let sum = |of: &Value| -> u64 {
            list(of)
                .iter()
                .map(|each| each["wall_ns"].as_u64().expect("timed"))
                .sum()
        };
        assert_eq!(
            Some(sum(&result["phases"])),
            result["wall_ns"].as_u64(),
            "{log}"
        );
        for phase in list(&result["phases"]) {
            if !list(&phase["parts"]).is_empty() {
                assert_eq!(
                    Some(sum(&phase["parts"])),
                    phase["wall_ns"].as_u64(),
                    "{log} {phase}"
                );
            }
        }
    }
}

#[test]
fn slowest() {
    for log in [DIAMOND, FAIL, REMOTE, SLOW] {
        let result = &json(&["slowest", log, "--top", "0"])["result"];
        has(result, &["total_units", "total_duration_ns", "units"]);
        for unit in list(&result["units"]) {
            has(unit, UNIT);
            for phase in list(&unit["builder_phases"]) {
                has(phase, &["name", "start_ns", "duration_ns"]);
            }
            // Only what ran on another machine has parts.
            let is_remote_build = unit["kind"] == "build" && !unit["machine"].is_null();
            assert_eq!(unit["parts"].is_null(), !is_remote_build, "{unit}");
            if is_remote_build {
                has(&unit["parts"], REMOTE_PARTS);
            }
        }
    }
}

#[test]
fn doctor() {
    let result = &json(&["doctor", FAIL])["result"];
    has(
        result,
        &[
            "carrier",
            "clock",
            "dialect",
            "nix_versions",
            "complete",
            "text_lines",
            "unreadable",
            "unknown",
            "units",
            "answers",
        ],
    );
    has(&result["unreadable"], &["count", "first_lines"]);
    list(&result["units"])
        .iter()
        .for_each(|kind| has(kind, &["kind", "count", "failed"]));
    for answer in list(&result["answers"]) {
        has(answer, &["question", "answer", "why", "fix"]);
        let is_whole = answer["answer"] == "yes";
        assert_eq!(answer["why"].is_null(), is_whole, "{answer}");
    }
}

#[test]
fn doctor_names_the_lines_that_cannot_be_read() {
    let folder = folder();
    let mut log = recording(DIAMOND);
    log.extend_from_slice(b"2700000000 @nix {\"action\":\"start\",\"id\n");
    log.extend_from_slice(b"2700000000 @nix {\"action\":\"sing\",\"id\":1}\n");
    log.extend_from_slice(
        b"2700000000 @nix {\"action\":\"result\",\"fields\":[],\"id\":1,\"type\":999}\n",
    );
    let path = file(&folder, "odd.log", &log);
    let result = &json(&["doctor", &path])["result"];
    assert_eq!(result["unreadable"]["count"], 1);
    assert_eq!(result["unreadable"]["first_lines"][0], 122);
    let unknown = list(&result["unknown"]);
    let lines: Vec<_> = unknown.iter().map(|each| &each["first_line"]).collect();
    assert_eq!(lines.len(), 2, "{unknown:?}");
    assert!(lines.iter().any(|line| **line == 123) && lines.iter().any(|line| **line == 124));
}

/// What the clock of a log is worth is said, and what would make it better.
#[test]
fn the_quality_of_the_clock_is_a_diagnostic() {
    let codes = |log: &str| -> Vec<String> {
        let path = root().join("nixlog-core/tests/fixtures/carrier").join(log);
        let path = path.to_str().expect("a path of ours is UTF-8");
        let report = json(&["phases", path]);
        let all = list(&report["diagnostics"]).iter();
        all.map(|each| each["code"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    let has = |log, code: &str| codes(log).iter().any(|each| each == code);
    assert!(has("ts.log", "clock-coarse"));
    assert!(!has("ts-iso.log", "clock-coarse"));
    assert!(has("script-classic.log", "timing-file-missing"));
    assert!(!has("none.log", "timing-file-missing"));
}

/// Holds every length of time to being `null`.
pub(crate) fn without_times(name: &str, value: &Value) {
    match value {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(name, value)| without_times(name, value)),
        Value::Array(values) => values.iter().for_each(|value| without_times(name, value)),
        value if name.ends_with("_ns") || name == "share" => {
            assert!(value.is_null(), "{name}: {value}");
        }
        _ => {}
    }
}

/// A log that was only redirected: counts and outcomes, `null` for every length of time.
#[test]
fn without_times_there_are_nulls_and_no_zeros() {
    let folder = folder();
    let path = file(&folder, "plain.log", &unstamped(FAIL));
    for verb in reports() {
        for stdin in [false, true] {
            let mut command = command(&verb.about(&["--json"]));
            if stdin {
                command.stdin(File::open(&path).expect("it was written"));
            } else {
                command.arg(&path);
            }
            let ran = run(&mut command);
            assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""), "{verb:?}");
            let report = ran.json();
            assert_eq!(report["input"]["clock"], "none", "{verb:?} {stdin}");
            without_times("", &report);
        }
    }
    let result = &json(&["phases", &path])["result"];
    let outcomes = list(&result["outcomes"]);
    let count = |name: &str| {
        let mut each = outcomes.iter().filter(|each| each["outcome"] == name);
        each.next().map(|each| each["count"].clone())
    };
    assert_eq!(
        (count("succeeded"), count("failed")),
        (Some(13.into()), Some(2.into()))
    );
}

#[test]
fn timeline_tells_what_ran_where() {
    for log in [DIAMOND, FAIL, REMOTE, SLOW] {
        let result = &json(&["timeline", log])["result"];
        has(
            result,
            &[
                "wall_ns",
                "units",
                "units_without_times",
                "units_not_wanted",
                "critical_path",
                "lanes",
                "counters",
            ],
        );
        let mut n_units = 0;
        for lane in list(&result["lanes"]) {
            has(lane, &["group", "machine", "slot", "busy_ns", "units"]);
            let mut at = 0;
            for unit in list(&lane["units"]) {
                has(unit, UNIT);
                has(unit, &["drawn_start_ns", "drawn_end_ns", "stretches"]);
                let drawn = |name: &str| unit[name].as_u64().expect("a time");
                assert!(at <= drawn("drawn_start_ns"), "{log}: {unit}");
                at = drawn("drawn_end_ns");
                assert!(
                    unit["start_ns"].as_u64() <= Some(at) && Some(at) <= unit["end_ns"].as_u64()
                );
                n_units += 1;
            }
        }
        assert_eq!(result["units"], n_units);
        for counter in list(&result["counters"]) {
            has(counter, &["counter", "unit", "peak", "at_ns", "values"]);
            assert_eq!(
                list(&counter["at_ns"]).len(),
                list(&counter["values"]).len()
            );
        }
        units_hold("", result);
    }
}
