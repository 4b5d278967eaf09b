//! `critical-path`, and the critical path in other verbs.

use insta::assert_snapshot;

use crate::program::{DIAMOND, SLOW, command, file, folder, nixlog, run, unstamped};

pub(crate) const DIAMOND_DRVS: &str = "2.26.3-diamond-build-v.drvs.tar.gz";
const SLOW_DRVS: &str = "2.34.8-subst-subst-slow.drvs.tar.gz";

fn diamond(args: &[&str]) -> String {
    let given = [DIAMOND, "--derivations", DIAMOND_DRVS];
    let args = [&args[..1], &given, &args[1..]].concat();
    run(command(&args).env("COLUMNS", "80")).result()
}

#[test]
fn the_chain_in_a_narrow_terminal() {
    assert_snapshot!("critical_path_80", diamond(&["critical-path"]));
    let phases = diamond(&["critical-path", "--by-builder-phase", "--top", "3"]);
    assert_snapshot!("critical_path_by_builder_phase", phases);
}

#[test]
fn the_longest_path_and_what_is_near() {
    let near = diamond(&["critical-path", "--structural", "--near", "40%"]);
    assert_snapshot!("critical_path_structural", near);
}

#[test]
fn substitutions_queries_and_waits() {
    let args = ["critical-path", SLOW, "--derivations", SLOW_DRVS];
    assert_snapshot!("critical_path_slow", nixlog(&args).result());
}

#[test]
fn phases_add_the_path_up_to_the_wall_time() {
    let report = nixlog(&["phases", DIAMOND, "--derivations", DIAMOND_DRVS, "--json"]).json();
    let result = &report["result"];
    let sum: u64 = result["phases"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|phase| phase["critical_ns"].as_u64().expect("it is known"))
        .sum();
    assert_eq!(Some(sum), result["wall_ns"].as_u64());
    let without = nixlog(&["phases", DIAMOND, "--json"]).json();
    assert!(without["result"]["phases"][0]["critical_ns"].is_null());
}

#[test]
fn the_json_tiles_and_names_what_it_is_about() {
    let args = [
        "critical-path",
        DIAMOND,
        "--derivations",
        DIAMOND_DRVS,
        "--json",
    ];
    let report = nixlog(&args).json();
    assert_eq!(report["schema"], "nixlog.critical-path/1");
    let result = &report["result"];
    let segments = result["segments"].as_array().expect("a list");
    let mut at = 0;
    for segment in segments {
        assert_eq!(segment["start_ns"], at);
        at = segment["end_ns"].as_u64().expect("an instant");
        assert!(segment["kind"].is_string() && segment["reason"].is_string());
        let length = at - segment["start_ns"].as_u64().expect("an instant");
        assert!(
            segment["saving_ns"]
                .as_u64()
                .is_none_or(|saving| saving <= length)
        );
    }
    assert_eq!(result["wall_ns"], at);
    let structural = &result["structural"];
    assert_eq!(structural["path"].as_array().map(Vec::len), Some(3));
    for unit in structural["units"].as_array().expect("a list") {
        let curve = unit["curve"].as_array().expect("a list");
        let savings: Vec<_> = curve
            .iter()
            .map(|faster| faster["saving_ns"].as_u64())
            .collect();
        assert!(savings.is_sorted() && savings.last() == Some(&unit["drag_ns"].as_u64()));
    }
}

#[test]
fn without_times_there_is_no_path() {
    let folder = folder();
    let path = file(&folder, "untimed.log", &unstamped(DIAMOND));
    let said = nixlog(&["critical-path", &path]).result();
    assert!(
        said.starts_with("no critical path: the log has no timestamps"),
        "{said}"
    );
    let report = nixlog(&["critical-path", &path, "--json"]).json();
    assert!(report["result"]["wall_ns"].is_null() && report["result"]["structural"].is_null());
}

#[test]
fn without_derivations_nothing_is_guessed() {
    let said = nixlog(&["critical-path", DIAMOND]).result();
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("waiting for reasons unknown"), "{said}");
    assert!(!said.contains("waiting for a slot"), "{said}");
    assert!(said.contains("no derivations found"), "{said}");
}
