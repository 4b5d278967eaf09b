//! What is kept of runs: it says what the log says, and comes back from its stored form.

use nixlog_core::analysis::past_run::PastRun;
use nixlog_core::timeline::UnitKind;

use crate::recordings::corpus;

#[test]
fn what_is_kept_comes_back_and_adds_up() {
    for recording in corpus() {
        let log = nixlog_core::read(&recording.bytes()).explain();
        let past = log.past_run(&recording.name);
        let name = &recording.name;
        let stored = serde_json::to_string(&past).expect("JSON");
        let back: PastRun = serde_json::from_str(&stored).expect("the same form");
        assert_eq!(back, past, "{name}");
        let walls: Option<u64> = past.phases.iter().map(|phase| phase.wall_ns).sum();
        let wall = past.wall_ns.filter(|_| !past.phases.is_empty());
        assert_eq!(walls.filter(|_| wall.is_some()), wall, "{name}");
        let on_path: u64 = past.units.iter().filter_map(|unit| unit.critical_ns).sum();
        assert!(on_path <= past.wall_ns.unwrap_or_default(), "{name}");
    }
}

/// Older and newer forms are read: what is missing is not known.
#[test]
fn a_form_with_less_and_more_is_read() {
    let text = r#"{"id":"x","of_later":[1],"wall_ns":5}"#;
    let past: PastRun = serde_json::from_str(text).expect("a form");
    assert_eq!(
        (past.wall_ns, past.built_asked, past.hit_rate()),
        (Some(5), None, None)
    );
    assert!(serde_json::from_str::<UnitKind>("\"no such kind\"").is_err());
}

/// The truth is what the builders themselves wrote down; only those that exited by themselves are in it.
#[test]
fn every_build_that_ran_is_kept() {
    let mut n_seen = 0;
    for recording in corpus() {
        let nodes = recording
            .truth
            .as_ref()
            .and_then(|it| it["nodes"].as_object());
        let past = nixlog_core::read(&recording.bytes())
            .explain()
            .past_run("x");
        let kept: Vec<&str> = past
            .units
            .iter()
            .filter(|unit| unit.kind.is_derivation())
            .map(|unit| &*unit.path)
            .collect();
        let is_plain = recording.name.contains("human");
        for node in nodes.into_iter().flat_map(|nodes| nodes.values()) {
            let drv = node["drv"].as_str().unwrap_or_default();
            if node["built"] == true && !drv.is_empty() && !is_plain {
                assert!(kept.contains(&drv), "{}: {drv} of {kept:?}", recording.name);
                n_seen += 1;
            }
        }
    }
    assert!(n_seen > 50, "{n_seen}");
}
