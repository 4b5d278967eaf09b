//! The graph analyses against the ground truth: its own numbers, and a naive longest path.

use std::collections::BTreeMap;

use nixlog_core::analysis::critical_path::critical_path;
use nixlog_core::analysis::makespan::Makespan;
use nixlog_core::analysis::run_graph::RunGraph;
use nixlog_core::analysis::slots::{KnownSlots, Slots};
use nixlog_core::analysis::structural::structural;
use nixlog_core::graph::{CriticalPathMethod, Direction, transitive};
use nixlog_core::time::Nanos;
use nixlog_core::timeline::Timeline;
use serde_json::Value;

use crate::critical_path::check;
use crate::recordings::{corpus, timeline};
use crate::truth_graph::from_truth;

/// Compares the graph's structure with the truth's: spans, slack, dependents, from the truth's own
/// durations. Returns what differs.
pub(crate) fn disagreements(truth: &Value) -> Vec<String> {
    let graph = from_truth(truth);
    let nodes = truth["nodes"].as_object().expect("the truth has nodes");
    let by_drv: BTreeMap<&str, &Value> = nodes
        .values()
        .map(|node| (node["drv"].as_str().expect("a path"), node))
        .collect();
    let node_of = |drv: &str| graph.find(drv).expect("it was put there").0;
    let mut durations = vec![Nanos::ZERO; graph.len()];
    for (drv, node) in &by_drv {
        let took = node["duration_us"]
            .as_u64()
            .filter(|_| node["built"] == true);
        durations[node_of(drv) as usize] = Nanos::new(took.unwrap_or(0));
    }
    let cpm = CriticalPathMethod::new(graph.dag(), &durations);
    let behind = transitive(graph.dag(), Direction::Dependents, &durations);
    let mut wrong = Vec::new();
    let mut same = |what: &str, ours: u64, theirs: &Value| {
        if theirs.as_u64() != Some(ours) {
            wrong.push(format!("{what}: {ours}, in truth {theirs}"));
        }
    };
    same("edges", graph.dag().n_edges() as u64, &truth["edges"]);
    same("span", cpm.span().get(), &truth["span_us"]);
    let work: Nanos = durations.iter().copied().sum();
    same("work", work.get(), &truth["work_us"]);
    let on_path: u64 = cpm
        .longest_path(None)
        .iter()
        .map(|&node| durations[node as usize].get())
        .sum();
    same("length of the path", on_path, &truth["span_us"]);
    for (drv, node) in &by_drv {
        let index = node_of(drv);
        same(drv, cpm.slack(index).get(), &node["slack_us"]);
        same(
            drv,
            cpm.earliest_start(index).get(),
            &node["earliest_start_us"],
        );
        same(
            drv,
            cpm.latest_finish(index).get(),
            &node["latest_finish_us"],
        );
        let direct = graph.dag().dependents(index).len() as u64;
        same(drv, direct, &node["dependents_direct"]);
        let all = u64::from(behind[index as usize].n_nodes);
        same(drv, all, &node["dependents_transitive"]);
    }
    wrong
}

/// Compares what the log gives with the truth's graph: the longest path by the log's durations with a
/// naive one, the critical path with the wall clock, and the replay with what it took. Returns what
/// differs.
pub(crate) fn log_disagreements(timeline: &Timeline, truth: &Value) -> Vec<String> {
    let run = RunGraph::new(timeline, &from_truth(truth));
    let slots = Slots::new(timeline, KnownSlots::default());
    let path = critical_path(timeline, &run, &slots);
    check(timeline, &path);
    let mut wrong = Vec::new();
    let nodes = truth["nodes"].as_object().expect("the truth has nodes");
    let units = timeline.units().iter();
    let took: BTreeMap<&str, Nanos> = units
        .filter(|unit| unit.kind.is_derivation() && unit.started)
        .map(|unit| {
            (
                timeline.name(unit.subject),
                unit.duration().unwrap_or_default(),
            )
        })
        .collect();
    let all_built = nodes.values().all(|node| {
        node["built"] == true
            && node["runs"] == 1
            && took.contains_key(node["drv"].as_str().unwrap_or_default())
    });
    if all_built {
        let structural = structural(&run);
        let naive = naive_span(nodes, &took);
        if structural.span != naive {
            wrong.push(format!("span {:?}, naively {naive:?}", structural.span));
        }
        let work: Nanos = took.values().copied().sum();
        if structural.work != work {
            wrong.push(format!("work {:?}, not {work:?}", structural.work));
        }
        for times in &structural.units {
            let unit = &timeline.units()[times.unit];
            if times.saving > unit.duration().unwrap_or_default()
                || (times.slack > Nanos::ZERO && times.saving > Nanos::ZERO)
            {
                wrong.push(format!(
                    "{}: a saving that cannot be",
                    timeline.name(unit.subject)
                ));
            }
        }
    }
    if let Some(makespan) = Makespan::new(timeline, &run, &slots) {
        let bounds = makespan.bounds();
        let predicted = makespan.baseline().makespan;
        if predicted < bounds.lower || bounds.upper < predicted {
            wrong.push(format!("predicted {predicted:?} is outside of {bounds:?}"));
        }
    }
    wrong
}

fn naive_span(nodes: &serde_json::Map<String, Value>, took: &BTreeMap<&str, Nanos>) -> Nanos {
    let mut finish: BTreeMap<&str, Nanos> = BTreeMap::new();
    while finish.len() < nodes.len() {
        for (key, node) in nodes {
            let needs = node["deps"].as_array().into_iter().flatten();
            let ends: Option<Vec<Nanos>> = needs
                .map(|need| finish.get(need.as_str()?).copied())
                .collect();
            if let Some(ends) = ends {
                let own = took[node["drv"].as_str().unwrap_or_default()];
                finish.insert(key, ends.into_iter().max().unwrap_or_default() + own);
            }
        }
    }
    finish.into_values().max().unwrap_or_default()
}

#[test]
fn structures_are_as_in_truth() {
    let mut n_checked = 0;
    for recording in corpus() {
        let Some(truth) = &recording.truth else {
            continue;
        };
        n_checked += 1;
        let mut wrong = disagreements(truth);
        wrong.extend(log_disagreements(&timeline(&recording.bytes()), truth));
        assert!(wrong.is_empty(), "{}: {wrong:#?}", recording.name);
    }
    assert!(n_checked > 5, "only {n_checked} recordings have a truth");
}
