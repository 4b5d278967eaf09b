//! What failed, why, and what was not built for it: against the builders' own word, and against a graph that
//! is walked the plain way.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use nixlog_core::analysis::excerpts::Excerpts;
use nixlog_core::analysis::failures::{Failures, failures};
use nixlog_core::graph::{DerivationGraph, GraphBuilder};
use nixlog_core::report::verbs;
use nixlog_core::timeline::{FailureKind, Timeline, TimelineBuilder, Watched};
use nixlog_core::wire::LogReader;
use proptest::prelude::*;

use crate::recordings::corpus;

/// Reads a log, and finds out what failed.
fn read(log: &[u8], graph: &DerivationGraph) -> (Timeline, Failures) {
    let (timeline, excerpts) = watch(log);
    let failures = failures(&timeline, graph, &excerpts);
    (timeline, failures)
}

fn watch(log: &[u8]) -> (Timeline, Excerpts) {
    let excerpts = Watched::<Excerpts>::default();
    let mut builder = TimelineBuilder::default();
    builder.watch(excerpts.clone());
    let mut reader = LogReader::new(None);
    for line in reader.block(log, None) {
        builder.push(&line);
    }
    for line in reader.finish() {
        builder.push(&line);
    }
    (builder.finish(), excerpts.take())
}

#[test]
fn what_builders_say_failed_did() {
    let graph = DerivationGraph::default();
    let mut n_failed = 0;
    for recording in corpus() {
        let (timeline, failures) = read(&recording.bytes(), &graph);
        let Some(truth) = &recording.truth else {
            continue;
        };
        let nodes = truth["nodes"].as_object().expect("the truth has nodes");
        let exited = |built: bool, bad: bool| -> BTreeSet<&str> {
            let nodes = nodes.values().filter(|node| {
                let is_bad = node["exit"].as_i64().map(|exit| exit != 0);
                node["built"] == built && is_bad == Some(bad)
            });
            nodes.filter_map(|node| node["drv"].as_str()).collect()
        };
        let found: BTreeSet<&str> = failures
            .failed
            .iter()
            .filter(|failed| !failed.recovered)
            .map(|failed| timeline.name(timeline.units()[failed.unit].subject))
            .collect();
        let bad = exited(true, true);
        assert!(bad.is_subset(&found), "{}: {bad:?}", recording.name);
        let good = exited(true, false);
        assert!(found.is_disjoint(&good), "{}: {found:?}", recording.name);
        let blocked: BTreeSet<&str> = failures.blocked.iter().map(String::as_str).collect();
        assert!(blocked.is_disjoint(&good), "{}", recording.name);
        assert!(blocked.is_disjoint(&bad), "{}", recording.name);
        n_failed += bad.len();
    }
    assert!(n_failed >= 2, "only {n_failed} failures in all recordings");
}

fn drv(n: usize) -> String {
    format!("/nix/store/{n:0>32}-d{n}.drv")
}

/// A keep-going build of derivations of which each needs some that come before it, and some fail.
fn keep_going(needs: &[BTreeSet<usize>], fails: &BTreeSet<usize>) -> (String, DerivationGraph) {
    let mut log = String::from(
        "1000 @nix {\"action\":\"start\",\"id\":1,\"level\":5,\"parent\":0,\"text\":\"\",\"type\":104,\"fields\":[]}\n",
    );
    let mut bad: BTreeSet<usize> = BTreeSet::new();
    let mut builder = GraphBuilder::default();
    for (n, needs) in needs.iter().enumerate() {
        let node = builder.node(&drv(n));
        let record = format!(
            "Derive([(\"out\",\"/nix/store/{n:0>32}-d{n}\",\"\",\"\")],[{}],[],\"x86_64-linux\",\"/bin/sh\",[],[])",
            needs
                .iter()
                .map(|&needed| format!("(\"{}\",[\"out\"])", drv(needed)))
                .collect::<Vec<_>>()
                .join(",")
        );
        let parsed = nixlog_core::drv::Derivation::parse(record.as_bytes()).expect("an ATerm");
        assert_eq!(builder.add_derivation(&drv(n), &parsed), node);
        let at = 2000 + n * 10;
        let mut event = |json: String| writeln!(log, "{at} @nix {json}").expect("memory");
        let error = |text: String| {
            format!(
                "{{\"action\":\"msg\",\"level\":0,\"msg\":\"error: {text}\",\"raw_msg\":\"{text}\"}}"
            )
        };
        if needs.iter().any(|needed| bad.contains(needed)) {
            bad.insert(n);
            event(error(format!(
                "1 dependencies of derivation '{}' failed to build",
                drv(n)
            )));
            continue;
        }
        let id = 100 + n;
        event(format!(
            "{{\"action\":\"start\",\"id\":{id},\"level\":3,\"parent\":1,\"text\":\"\",\"type\":105,\"fields\":[\"{}\",\"\",1,1]}}",
            drv(n)
        ));
        event(format!("{{\"action\":\"stop\",\"id\":{id}}}"));
        if fails.contains(&n) {
            bad.insert(n);
            event(error(format!(
                "builder for '{}' failed with exit code 1",
                drv(n)
            )));
        }
    }
    let graph = builder.finish().expect("each needs those before it");
    (log, graph)
}

/// Who needs a derivation, through any others, of those that were not built: one step at a time.
fn waits_for(
    needs: &[BTreeSet<usize>],
    root: usize,
    not_built: &BTreeSet<usize>,
) -> BTreeSet<usize> {
    let mut waiting = BTreeSet::from([root]);
    loop {
        let more: BTreeSet<usize> = (0..needs.len())
            .filter(|n| !waiting.contains(n) && needs[*n].iter().any(|it| waiting.contains(it)))
            .collect();
        if more.is_empty() {
            return waiting.intersection(not_built).copied().collect();
        }
        waiting.extend(more);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn each_failure_has_what_was_not_built_for_it(
        picks in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..3), 1..25),
        fails in prop::collection::btree_set(0usize..25, 0..5),
    ) {
        let needs: Vec<BTreeSet<usize>> = picks
            .iter()
            .enumerate()
            .map(|(n, picks)| match n {
                0 => BTreeSet::new(),
                _ => picks.iter().map(|pick| pick.index(n)).collect(),
            })
            .collect();
        let (log, graph) = keep_going(&needs, &fails);
        let (timeline, found) = read(log.as_bytes(), &graph);
        let mut not_built = BTreeSet::new();
        let mut roots = BTreeSet::new();
        for (n, needs) in needs.iter().enumerate() {
            let is_blocked = needs.iter().any(|it| not_built.contains(it) || roots.contains(it));
            if is_blocked {
                not_built.insert(n);
            } else if fails.contains(&n) {
                roots.insert(n);
            }
        }
        let want: BTreeMap<String, BTreeSet<String>> = roots
            .iter()
            .map(|&root| {
                let waiting = waits_for(&needs, root, &not_built);
                (drv(root), waiting.into_iter().map(drv).collect())
            })
            .collect();
        let got: BTreeMap<String, BTreeSet<String>> = found
            .failed
            .iter()
            .map(|failed| {
                let path = timeline.name(timeline.units()[failed.unit].subject).to_owned();
                let blocked = failed.blocked.as_ref().expect("all derivations are known");
                let blocked = blocked.iter().map(|&place| found.blocked[place].clone());
                (path, blocked.collect())
            })
            .collect();
        prop_assert_eq!(got, want);
        let all: BTreeSet<String> = found.blocked.iter().cloned().collect();
        prop_assert_eq!(all, not_built.into_iter().map(drv).collect::<BTreeSet<_>>());
        // Without derivations only one culprit is beyond doubt.
        let (_, blind) = read(log.as_bytes(), &DerivationGraph::default());
        for failed in &blind.failed {
            prop_assert_eq!(failed.blocked.is_some(), roots.len() == 1 || blind.blocked.is_empty());
        }
    }
}

/// What the kinds are told by, and what comes with them.
#[test]
fn kinds_have_what_belongs_to_them() {
    const D: &str = "/nix/store/x8l5i34yws4jm9vi6nj1791xr3rjqr3g-tool-1.0.drv";
    let build = |lines: &[&str], error: &str| {
        let mut log = format!(
            "1000 @nix {{\"action\":\"start\",\"id\":7,\"level\":3,\"parent\":0,\"text\":\"\",\"type\":105,\"fields\":[\"{D}\",\"\",1,1]}}\n"
        );
        for line in lines {
            let line = serde_json::to_string(line).expect("text");
            writeln!(
                log,
                "2000 @nix {{\"action\":\"result\",\"id\":7,\"type\":101,\"fields\":[{line}]}}"
            )
            .expect("memory");
        }
        let error = serde_json::to_string(&error.replace("<D>", D)).expect("text");
        writeln!(log, "3000 @nix {{\"action\":\"stop\",\"id\":7}}").expect("memory");
        writeln!(
            log,
            "3000 @nix {{\"action\":\"msg\",\"level\":0,\"msg\":{error},\"raw_msg\":{error}}}"
        )
        .expect("memory");
        let (timeline, failures) = read(log.as_bytes(), &DerivationGraph::default());
        let result = verbs::failures::result(&timeline, &failures, |_| true, 0);
        assert_eq!(result.units.len(), 1, "{log}");
        result.units.into_iter().next().expect("one")
    };
    let exit = "builder for '<D>' failed with exit code 2";
    let plain = build(
        &["cc a.c", "a.c:1:2: error: no", "make: *** [a.o] Error 1"],
        exit,
    );
    assert_eq!(plain.failure, FailureKind::Builder);
    assert_eq!((plain.unit.exit_code, plain.log_tail.len()), (Some(2), 3));
    assert_eq!(plain.causes[0].headline, "a.c:1:2: error: no");
    assert_eq!(plain.causes[0].lines[0].line, Some(2));
    let full = build(
        &["cp: error writing 'm/bash': No space left on device"],
        exit,
    );
    assert_eq!(full.failure, FailureKind::DiskFull);
    let memory = build(
        &["g++: fatal error: Killed signal terminated program cc1plus"],
        exit,
    );
    assert_eq!(memory.failure, FailureKind::OutOfMemory);
    // A test may print what it likes, as long as it does not fail.
    let earlier = build(
        &[
            "a.c:1:2: error: expected by a test",
            "Running phase: installPhase",
            "cp: cannot stat 'x'",
        ],
        exit,
    );
    assert_eq!(earlier.causes[0].headline, "cp: cannot stat 'x'");
    let mismatch = build(
        &[],
        "hash mismatch in fixed-output derivation '<D>':\n  specified: sha256-AAAA\n     got:    sha256-BBBB",
    );
    assert_eq!(mismatch.failure, FailureKind::HashMismatch);
    assert_eq!(mismatch.specified_hash.as_deref(), Some("sha256-AAAA"));
    assert_eq!(mismatch.got_hash.as_deref(), Some("sha256-BBBB"));
    let quoted = build(
        &[],
        "builder for '<D>' failed with exit code 1;\n       last 2 log lines:\n       > x.c:3:4: error: no\n       > make: *** [x.o] Error 1\n       For full logs, run 'nix log <D>'.",
    );
    assert_eq!(quoted.causes[0].headline, "x.c:3:4: error: no");
    assert_eq!(
        quoted.causes[0].lines[0].line, None,
        "nobody knows which line of the log it is"
    );
    assert_eq!(quoted.log_tail.len(), 2);
    let silent = build(
        &["x"],
        "building of '<D>' from .drv file timed out after 5 seconds of silence",
    );
    assert_eq!(silent.failure, FailureKind::Silent);
    let refused = build(
        &[],
        "output '/nix/store/iaddlmk85rsykjpx54glm9vnzh66ixbw-tool-1.0' is not allowed to refer to the following paths:\n  /nix/store/x",
    );
    assert_eq!(refused.failure, FailureKind::OutputRefused);
    assert!(
        refused
            .message
            .is_some_and(|words| words.contains("/nix/store/x"))
    );
}

#[test]
fn an_error_of_the_evaluator_has_its_place() {
    let said = [
        // Fields of their own, in newer versions with the place behind the name of the file.
        r#"{"action":"msg","column":12,"file":"/etc/x.nix","level":0,"line":3,"msg":"error: attribute 'a' missing","raw_msg":"attribute 'a' missing"}"#,
        r#"{"action":"msg","column":12,"file":"/etc/x.nix:3:12","level":0,"line":3,"msg":"error: attribute 'a' missing","raw_msg":"attribute 'a' missing"}"#,
    ];
    let logs = said.map(|said| format!("1000 @nix {said}\n"));
    let plain =
        "error: attribute 'a' missing\n\n       at /etc/x.nix:3:12:\n\n            3|   x.a\n";
    let traced = "error:\n       … while calling the 'head' builtin\n\n         at /etc/y.nix:9:1:\n\n       error: attribute 'a' missing\n\n       at /etc/x.nix:3:12:\n";
    for log in logs.iter().map(String::as_str).chain([plain, traced]) {
        let (timeline, failures) = read(log.as_bytes(), &DerivationGraph::default());
        let result = verbs::failures::result(&timeline, &failures, |_| true, 0);
        let [failed] = &result.units[..] else {
            panic!("{log}: {result:?}");
        };
        assert_eq!(failed.failure, FailureKind::Evaluation, "{log}");
        let place = failed
            .place
            .as_ref()
            .unwrap_or_else(|| panic!("no place: {log}"));
        assert_eq!(
            (&*place.file, place.line, place.column),
            ("/etc/x.nix", 3, Some(12)),
            "{log}"
        );
        assert_eq!(failed.unit.reason.as_deref(), Some("attribute 'a' missing"));
    }
}

/// Makes the log of builds that all print so many lines, of which one fails.
fn many(n_builds: u64, n_lines: u64, fails: u64) -> String {
    let mut log = String::new();
    for build in 1..=n_builds {
        let drv = format!("/nix/store/{build:0>32}-b{build}.drv");
        let mut event = |json: String| writeln!(log, "@nix {json}").expect("memory");
        event(format!(
            r#"{{"action":"start","id":{build},"level":3,"parent":0,"text":"","type":105,"fields":["{drv}","",1,1]}}"#
        ));
        for line in 0..n_lines {
            event(format!(
                r#"{{"action":"result","id":{build},"type":101,"fields":["line {line} of {build} {:>200}"]}}"#,
                "."
            ));
        }
        event(format!(r#"{{"action":"stop","id":{build}}}"#));
        if build == fails {
            event(format!(
                r#"{{"action":"msg","level":0,"msg":"error: builder for '{drv}' failed with exit code 1","raw_msg":"builder for '{drv}' failed with exit code 1"}}"#
            ));
        }
    }
    log
}

#[test]
fn of_what_failed_the_last_lines_are_kept_however_long_ago() {
    // 20,000 builds with 10 lines of 220 bytes are more than is kept.
    let (timeline, excerpts) = watch(many(20_000, 10, 3).as_bytes());
    let row = |n: u64| {
        let name = format!("{n:0>32}-b{n}.drv");
        let mut units = timeline.units().iter();
        let unit = units.find(|unit| timeline.name(unit.subject).ends_with(&name));
        unit.and_then(|unit| unit.activity)
            .expect("a build has an activity")
    };
    let tail = excerpts.of(row(3)).expect("it failed").tail();
    let lines: Vec<_> = tail.iter().map(|line| line.number).collect();
    assert_eq!(lines, (1..=10).collect::<Vec<_>>());
    assert!(tail[9].text.starts_with("line 9 of 3 "));
    assert!(excerpts.of(row(10)).is_none(), "what did not fail goes");
    assert!(excerpts.of(row(19_999)).is_some(), "what is new stays");
    assert!(excerpts.bytes() <= 33 << 20, "{}", excerpts.bytes());
}

#[test]
fn only_the_last_lines_are_kept() {
    let (_, excerpts) = watch(many(1, 1000, 1).as_bytes());
    let tail = excerpts.of(0).expect("the only one").tail();
    assert_eq!(
        (tail.len(), tail[0].number, tail[24].number),
        (25, 976, 1000)
    );
}

#[test]
fn machines_that_could_not_be_used_are_told() {
    let said = |machine: &str| {
        format!(
            "1000 @nix {{\"action\":\"msg\",\"level\":0,\"msg\":\"cannot build on '{machine}': \\u001b[31;1merror:\\u001b[0m failed to start SSH connection to '{machine}': no route\"}}\n"
        )
    };
    let log = [said("ssh://a"), said("ssh://b"), said("ssh://a")].concat();
    let (timeline, failures) = read(log.as_bytes(), &DerivationGraph::default());
    let result = verbs::failures::result(&timeline, &failures, |_| true, 0);
    let told: Vec<_> = result
        .unreachable
        .iter()
        .map(|it| (it.machine.as_str(), it.message.as_str(), it.count))
        .collect();
    let why = |machine| format!("failed to start SSH connection to '{machine}': no route");
    assert_eq!(
        told,
        [
            ("ssh://a", &*why("ssh://a"), 2),
            ("ssh://b", &*why("ssh://b"), 1)
        ]
    );
}
