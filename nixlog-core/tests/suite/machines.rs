//! What remote machines did: against what is in the log by itself, and where the log was written late.

use std::collections::{BTreeMap, BTreeSet};

use nixlog_core::analysis::machines::{Machine, Machines, machines};
use nixlog_core::analysis::slots::{KnownSlots, Slots};
use nixlog_core::graph::{DerivationGraph, GraphBuilder, NodeKind};
use nixlog_core::time::Nanos;
use nixlog_core::timeline::{Source, Timeline};
use serde_json::Value;

use crate::recordings::{recording, timeline};
use crate::truth_graph::from_truth;

fn found(timeline: &Timeline, graph: &DerivationGraph, source: &Source) -> Machines {
    let slots = Slots::new(timeline, KnownSlots::default());
    machines(timeline, source, graph, &slots, None)
}

#[test]
fn builds_are_counted_where_they_ran() {
    let recording = recording("2.26.3-remote-ssh-ng-mixed");
    let truth = recording.truth.as_ref().expect("the truth");
    let bytes = recording.bytes();
    let mut want: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in String::from_utf8_lossy(&bytes).lines() {
        let Some((_, json)) = line.split_once("@nix ") else {
            continue;
        };
        let event: Value = serde_json::from_str(json).expect("JSON");
        let field = |at: usize| event["fields"][at].as_str().unwrap_or_default().to_owned();
        if event["action"] == "start" && event["type"] == 105 && !field(1).is_empty() {
            want.entry(field(1)).or_default().insert(field(0));
        }
    }
    let timeline = timeline(&bytes);
    let found = found(&timeline, &from_truth(truth), &Source::default());
    let counts: BTreeMap<String, usize> = found
        .machines
        .iter()
        .map(|it| {
            let name = it.name.expect("nothing ran here");
            (timeline.name(name).to_owned(), it.builds.len())
        })
        .collect();
    let want: BTreeMap<String, usize> = want.into_iter().map(|(m, it)| (m, it.len())).collect();
    assert_eq!(counts, want);
    let nodes = truth["nodes"].as_object().expect("nodes");
    let built = nodes.values().filter(|node| node["built"] == true).count();
    assert_eq!(counts.values().sum::<usize>(), built);
    // Nix was connecting most of the time, and stamps of its hooks are late: no slots are made of that.
    assert!(
        found
            .machines
            .iter()
            .all(|it| it.failed == 0 && it.slots.is_none())
    );
    let dispatch = found.dispatch.expect("connections");
    assert_eq!((dispatch.connections, dispatch.one_by_one), (built, true));
}

/// A build on `a` that waits for a second, copies, builds and copies back; one on `b` a little later; both
/// were built here before. `late`: a connection ends just when the copying there does.
fn log(late: bool) -> Timeline {
    let drv = |name: &str| format!("/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-{name}.drv");
    let mut lines: Vec<(u64, String)> = Vec::new();
    let mut span = |id: u64, from: u64, to: u64, rest: String| {
        let start = format!(r#""action":"start","id":{id},"level":3,{rest}"#);
        lines.push((from, start));
        lines.push((to, format!(r#""action":"stop","id":{id}"#)));
    };
    let says = |text: &str| format!(r#""parent":1,"text":"{text}","type":0"#);
    let build = |name: &str, machine: &str, parent: u64| {
        let drv = drv(name);
        format!(
            r#""fields":["{drv}","{machine}",1,1],"parent":{parent},"text":"building","type":105"#
        )
    };
    span(
        1,
        0,
        20_000,
        r#""parent":0,"text":"","type":102"#.to_owned(),
    );
    span(2, 100, 300, build("x-1", "", 0));
    span(3, 1000, 1500, says("connecting to 'ssh-ng://a'"));
    span(4, 1600, 8500, build("x-2", "ssh-ng://a", 0));
    span(
        5,
        1700,
        2700,
        says("waiting for the upload lock to 'ssh-ng://a'"),
    );
    span(6, 2700, 3700, says("copying dependencies to 'ssh-ng://a'"));
    span(7, 3800, 7800, build("x-2", "", 1));
    span(8, 7900, 8400, says("copying outputs from 'ssh-ng://a'"));
    span(9, 9000, 9500, build("y-1", "ssh-ng://b", 0));
    if late {
        span(10, 3200, 3699, says("connecting to 'ssh-ng://b'"));
    }
    lines.sort_by_key(|&(at, _)| at);
    let lines: Vec<String> = lines
        .into_iter()
        .map(|(at, event)| format!("{} @nix {{{event}}}", at * 1_000_000))
        .collect();
    timeline(lines.join("\n").as_bytes())
}

fn graph(timeline: &Timeline) -> DerivationGraph {
    let mut builder = GraphBuilder::default();
    let builds = timeline.units().iter().filter(|it| it.kind.is_derivation());
    for unit in builds {
        let node = builder.node(timeline.name(unit.subject));
        builder.node_mut(node).kind = NodeKind::Derivation;
        builder.node_mut(node).system = "x86_64-linux".into();
    }
    builder.finish().expect("no cycle")
}

#[test]
fn a_build_on_a_machine_in_parts() {
    let mut source = Source::default();
    source
        .recording
        .push(r#"{"type":"settings","settings":{"builders":"ssh-ng://a - - 4","builders-use-substitutes":false}}"#);
    let millis = |nanos: Option<Nanos>| nanos.map(|it| it.get() / 1_000_000);
    let parts = |it: &Machine| {
        [it.queue, it.upload, it.build, it.download].map(|part| part.map(|it| it.get() / 1_000_000))
    };
    let timeline = log(false);
    let found = found(&timeline, &graph(&timeline), &source);
    assert_eq!(found.use_substitutes, Some(false));
    let [here, a, b] = found.machines.as_slice() else {
        panic!("{:?}", found.machines);
    };
    assert_eq!((here.name, parts(here)), (None, [None; 4]));
    assert_eq!(parts(a), [Some(1200), Some(1000), Some(4000), Some(500)]);
    assert_eq!(
        (millis(a.work), a.slots.map(|it| it.0)),
        (Some(6900), Some(4))
    );
    // From the first build of all to the last.
    assert_eq!(millis(a.capacity), Some(4 * 9400));
    let against = a
        .against_local
        .map(|(n, here, there)| (n, millis(Some(here)), millis(Some(there))));
    assert_eq!(against, None, "nobody says that they succeeded");
    let misplaced: Vec<_> = a
        .misplaced
        .iter()
        .map(|it| (timeline.name(it.idle), it.builds, millis(Some(it.waited))))
        .collect();
    assert_eq!(misplaced, [("ssh-ng://b", 1, Some(1100))]);
    assert!(b.misplaced.is_empty() && parts(b) == [None; 4]);
}

#[test]
fn what_was_read_late_is_not_told() {
    let timeline = log(true);
    let found = found(&timeline, &graph(&timeline), &Source::default());
    let a = &found.machines[1];
    assert_eq!(
        (a.queue, a.upload, a.build, a.known_parts),
        (None, None, None, 0)
    );
    assert!(a.misplaced.is_empty() && a.slots.is_none());
}
