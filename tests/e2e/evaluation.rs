//! `eval`: sources of their own and in a log, what is not there, and two evaluations compared.

use serde_json::Value;

use crate::program::{file, folder, nixlog, piped};
use crate::schema::{faults, recordings, schema};

const STATS: &str = r#"{
  "cpuTime": 1.5,
  "gc": {
    "heapSize": 402718720
  },
  "nrAvoided": 25,
  "nrThunks": 75,
  "nrFunctionCalls": 1000,
  "functions": [
    {
      "name": "mk",
      "file": "/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-source/a.nix",
      "line": 3,
      "column": 1,
      "count": 10
    }
  ]
}"#;

/// What real evaluators print between the lines of a log is found, and whatever else the log tells.
#[test]
fn statistics_are_found_in_a_log_and_beside_it() {
    let folder = folder();
    let log = format!("warning: x\n{STATS}\n");
    for (words, input) in [
        (vec!["eval", "--json"], log.as_str()),
        (
            vec![
                "eval",
                "--json",
                "--stats",
                &file(&folder, "s.json", STATS.as_bytes()),
            ],
            "",
        ),
    ] {
        let ran = match input {
            "" => nixlog(&words),
            input => piped(&words, input.as_bytes()),
        };
        let report = ran.json();
        assert_eq!(faults(&schema("eval"), &report), [""; 0]);
        let stats = &report["result"]["stats"];
        assert_eq!(stats["cpu_ns"], 1_500_000_000_u64);
        assert_eq!(stats["avoided_share"], 0.25);
        assert_eq!(stats["gc_ns"], Value::Null);
        assert_eq!(stats["functions"][0]["name"], "mk");
        // Only what was named is read.
        assert_eq!(report["input"].is_null(), input.is_empty());
    }
}

#[test]
fn names_of_older_guides_are_explained() {
    let folder = folder();
    let stats = file(&folder, "s.json", STATS.as_bytes());
    let refused = nixlog(&["eval", "--stats", &stats, "--counter", "gcTime"]).refused();
    assert!(refused.contains("`time.gc` since Nix 2.24"), "{refused}");
    let told = nixlog(&["eval", "--stats", &stats, "--counter", "nrThunks"]).result();
    assert!(told.contains("nrThunks     75"), "{told}");
    let refused = nixlog(&["eval", "--stats", &file(&folder, "n", b"[1]")]).refused();
    assert!(refused.contains("NIX_SHOW_STATS=1"), "{refused}");
}

#[test]
fn two_evaluations_are_compared_by_their_counters() {
    let folder = folder();
    let after = STATS
        .replace("\"nrThunks\": 75", "\"nrThunks\": 150")
        .replace(
            "7ajh8plhm64ypnph30js1a3lq6zsyxqr",
            "8ajh8plhm64ypnph30js1a3lq6zsyxqr",
        )
        .replace("\"count\": 10", "\"count\": 30");
    let before = file(&folder, "before.json", STATS.as_bytes());
    let log = file(&folder, "after.log", format!("x\n{after}\n").as_bytes());
    let report = nixlog(&["eval", "--json", "--compare", &before, &log]).json();
    assert_eq!(faults(&schema("eval compare"), &report), [""; 0]);
    let result = &report["result"];
    assert_eq!(result["total_counters"], 1);
    assert_eq!(result["counters"][0]["name"], "nrThunks");
    assert_eq!(result["counters"][0]["share"], 1.0);
    assert_eq!(result["functions"][0]["difference"], 20);
    assert_eq!(result["functions"][0]["file"], "a.nix");
    let text = nixlog(&["eval", "--compare", &before, &log]).result();
    assert!(text.starts_with("+100.0% thunks\n"), "{text}");
    let same = nixlog(&["eval", "--compare", &before, &before]).result();
    assert!(
        same.starts_with("the same work: no counter changed\n"),
        "{same}"
    );
}

#[test]
fn attributes_of_nix_eval_jobs_are_told() {
    let folder = folder();
    let jobs = concat!(
        r#"{"attr":"slow","cacheStatus":"notBuilt","neededBuilds":["/nix/store/x-a.drv"],"stats":{"wallMs":1500.0,"allocBytes":4096}}"#,
        "\nwarning: something else\n",
        r#"{"attr":"quick","cacheStatus":"cached","neededBuilds":[],"stats":{"wallMs":2,"allocBytes":10}}"#,
        "\n",
        r#"{"attr":"bad","error":"error:\n  … while calling\n  error: attribute 'x' missing"}"#,
        "\n",
    );
    let jobs = file(&folder, "jobs.jsonl", jobs.as_bytes());
    let report = nixlog(&["eval", "--json", "--jobs", &jobs]).json();
    let told = &report["result"]["jobs"];
    assert_eq!((&told["total"], &told["failed"]), (&3.into(), &1.into()));
    assert_eq!(told["cache_status"]["notBuilt"], 1);
    assert_eq!(told["other_lines"], 1);
    assert_eq!(told["jobs"][0]["attribute"], "bad");
    assert_eq!(told["jobs"][1]["wall_ns"], 1_500_000_000_u64);
    let text = nixlog(&["eval", "--jobs", &jobs]).result();
    assert!(text.contains("attribute 'x' missing"), "{text}");
}

#[test]
fn inputs_are_told_apart_by_their_lock_file() {
    let folder = folder();
    let lock = r#"{"nodes":{
        "common":{"locked":{"type":"git","url":"file:///home/dev/flake/common","rev":"923318c48e329f28c86190fd9d31e3ba03b9f704","narHash":"sha256-AAAA"}},
        "twin":{"locked":{"type":"git","url":"file:///home/dev/flake/other","rev":"a23318c48e329f28c86190fd9d31e3ba03b9f704","narHash":"sha256-AAAA"}},
        "root":{"inputs":{"common":"common","twin":"twin"}}},"root":"root","version":7}"#;
    let lock = file(&folder, "flake.lock", lock.as_bytes());
    let flake = "2.34.8-flake-git-v.ts.log";
    let report = nixlog(&["eval", flake, "--json", "--lock", &lock]).json();
    let inputs = report["result"]["inputs"].as_array().expect("a list");
    let common = inputs
        .iter()
        .find(|it| it["name"] == "common")
        .expect("it is locked");
    assert!(common["files"].as_u64() > Some(0), "{common}");
    assert_eq!(common["same_as"][0], "twin");
    assert_eq!(common["unused"], false);
}

/// Whatever log there is, the answer keeps to its schema, and waiting is no work.
#[test]
fn any_log_has_an_evaluation_or_none() {
    let schema = schema("eval");
    for log in &recordings() {
        let report = nixlog(&["eval", log, "--json"]).json();
        assert_eq!(faults(&schema, &report), [""; 0], "{log}");
        let phases = nixlog(&["phases", log, "--json"]).json();
        let phases = phases["result"]["phases"].as_array().expect("a list");
        let evaluation = phases.iter().find(|it| it["phase"] == "evaluation");
        let busy = evaluation.map_or(&Value::Null, |it| &it["busy_ns"]);
        if busy.as_u64() > Some(0) {
            assert_eq!(&report["result"]["wall_ns"], busy, "{log}");
        }
    }
}
