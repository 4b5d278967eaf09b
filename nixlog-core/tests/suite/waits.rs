//! Why a unit waited, against the plan of a Nix that is known inside out: a reason that is named is the
//! true one, whatever is known of the dependencies and of the slots.

use std::collections::BTreeMap;

use nixlog_core::analysis::critical_path::{Wait, critical_path};
use nixlog_core::analysis::phases::phases;
use nixlog_core::analysis::run_graph::RunGraph;
use nixlog_core::analysis::slots::{KnownSlots, Slots};
use nixlog_core::graph::{DerivationGraph, GraphBuilder, NodeKind};
use nixlog_core::time::{Interval, Nanos};
use nixlog_core::timeline::{Part, Phase, Timeline};
use proptest::prelude::*;

use crate::recordings::timeline;
use crate::simulated_nix::{Built, Plan, STEP, drv, plan};
use crate::truth_graph::from_edges;

/// What the simulated Nix did, as it was.
struct Truth<'a> {
    plan: &'a Plan,
    built: BTreeMap<String, &'a Built>,
}

impl Truth<'_> {
    /// Tells whether all that a job needs had ended.
    fn is_ready(&self, job: usize, at: u64) -> bool {
        let mut needs = self.plan.jobs[job].deps.iter();
        needs.all(|&dep| self.built.get(&drv(dep)).is_some_and(|dep| dep.end <= at))
    }

    /// Tells whether all slots were taken.
    fn is_full(&self, at: u64) -> bool {
        let running = self.built.values();
        let running = running.filter(|built| built.start <= at && at < built.end);
        running.count() >= self.plan.slots
    }

    /// Lists the instants of a stretch at which anything may be otherwise than before.
    fn instants(&self, interval: Interval) -> Vec<u64> {
        let steps = |at: u64| at / STEP;
        let (from, until) = (interval.start().as_nanos(), interval.end().as_nanos());
        (steps(from)..steps(until.saturating_sub(1)) + 1).collect()
    }
}

/// Checks the reasons of one build, of which this is known.
fn check(
    plan: &Plan,
    known: impl Fn(usize) -> bool,
    slots: Option<u32>,
) -> Result<(), TestCaseError> {
    let run = plan.run();
    let truth = Truth {
        plan,
        built: run.built.iter().map(|it| (it.drv.clone(), it)).collect(),
    };
    let paths: Vec<String> = (0..plan.jobs.len()).map(drv).collect();
    let edges = (0..paths.len()).filter(|&job| known(job)).map(|job| {
        let needs = plan.jobs[job].deps.iter().map(|&dep| &*paths[dep]);
        (&*paths[job], needs.collect())
    });
    let graph = from_edges(edges);
    let timeline = timeline(run.log.as_bytes());
    let joined = RunGraph::new(&timeline, &graph);
    let slots = Slots::new(&timeline, KnownSlots::new(slots));
    let path = critical_path(&timeline, &joined, &slots);
    for step in path.steps(&timeline) {
        let Some(unit) = step.unit.map(|unit| &timeline.units()[unit]) else {
            continue;
        };
        let subject = timeline.name(unit.subject);
        let Some(job) = paths.iter().position(|path| path == subject) else {
            continue;
        };
        for segment in &path.segments[step.segments.clone()] {
            let Some(wait) = segment.wait else { continue };
            let instants = truth.instants(segment.interval);
            let ready = instants.iter().all(|&at| truth.is_ready(job, at));
            match wait {
                Wait::Slot => {
                    let full = instants.iter().all(|&at| truth.is_full(at));
                    prop_assert!(ready && full, "{subject} waited for no slot: {segment:?}");
                }
                Wait::Nix => {
                    let free = instants.iter().all(|&at| !truth.is_full(at));
                    prop_assert!(ready && free, "{subject} was no fault of Nix: {segment:?}");
                }
                Wait::Unknown => {
                    // Who ended when is certain but where several stop late.
                    let late = run.built.iter().filter(|built| built.late).count();
                    let ignored = joined.coverage().ignored_builds.is_some();
                    let excused = !known(job) || ignored || late > 1;
                    prop_assert!(excused, "{subject}: {segment:?}");
                }
                other => prop_assert!(false, "{subject} waited for {other:?}"),
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_reason_that_is_named_is_the_true_one(
        plan in plan(),
        part in proptest::collection::vec(any::<bool>(), 8),
        more in 0_usize..4,
        told in any::<bool>(),
    ) {
        let mut plan = plan;
        plan.slots += more;
        // What takes no time is no step of the path: its waits are those of what comes next.
        plan.jobs.iter_mut().for_each(|job| job.takes = job.takes.max(1));
        let slots = told.then(|| u32::try_from(plan.slots).expect("a few"));
        check(&plan, |_| true, slots)?;
        check(&plan, |_| false, slots)?;
        check(&plan, |job| part.get(job).copied().unwrap_or(false), slots)?;
    }
}

/// Writes a log: what happens when, in milliseconds.
fn log(lines: &[(u64, String)]) -> Timeline {
    let mut lines = lines.to_vec();
    lines.sort_by_key(|line| line.0);
    let lines = lines
        .iter()
        .map(|(at, record)| format!("{} @nix {record}\n", at * 1_000_000));
    timeline(lines.collect::<String>().as_bytes())
}

fn activity(
    id: u64,
    kind: u64,
    text: &str,
    fields: &str,
    from: u64,
    to: u64,
) -> [(u64, String); 2] {
    let start = format!(
        r#"{{"action":"start","fields":[{fields}],"id":{id},"level":3,"parent":0,"text":"{text}","type":{kind}}}"#
    );
    [
        (from, start),
        (to, format!(r#"{{"action":"stop","id":{id}}}"#)),
    ]
}

fn build(id: u64, drv: &str, from: u64, to: u64) -> [(u64, String); 2] {
    activity(id, 105, "building", &format!(r#""{drv}","",1,1"#), from, to)
}

/// The call that asks for everything.
fn call(from: u64, to: u64) -> [(u64, String); 2] {
    activity(1, 102, "", "", from, to)
}

const A: &str = "/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-a-1.drv";
const B: &str = "/nix/store/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-b-1.drv";
const C: &str = "/nix/store/cccccccccccccccccccccccccccccccc-c-1.drv";
const OUT_OF_A: &str = "/nix/store/00000000000000000000000000000000-a-1";
const OUT_OF_B: &str = "/nix/store/11111111111111111111111111111111-b-1";

/// Returns a graph in which B needs A, and C nothing, with the outputs of A and B.
fn a_for_b() -> DerivationGraph {
    let mut builder = GraphBuilder::default();
    let [a, b, c] = [A, B, C].map(|path| {
        let node = builder.node(path);
        builder.node_mut(node).kind = NodeKind::Derivation;
        node
    });
    builder.output(a, "out", Some(OUT_OF_A));
    builder.output(b, "out", Some(OUT_OF_B));
    builder.output(c, "out", None);
    builder.depend(b, a, ["out"]);
    builder.finish().expect("no cycle")
}

/// Returns for how many milliseconds a unit on the path waited for what.
fn waits(
    timeline: &Timeline,
    graph: &DerivationGraph,
    slots: Option<u32>,
    drv: &str,
) -> Vec<(Wait, u64)> {
    let run = RunGraph::new(timeline, graph);
    let slots = Slots::new(timeline, KnownSlots::new(slots));
    let path = critical_path(timeline, &run, &slots);
    let steps = path.steps(timeline);
    let of_unit = |unit: usize| timeline.name(timeline.units()[unit].subject) == drv;
    let step = steps.iter().find(|step| step.unit.is_some_and(of_unit));
    let step = step.expect("the unit is on the path");
    let waits = step.waits.iter();
    waits
        .map(|(&wait, &(time, _))| (wait, time.get() / 1_000_000))
        .collect()
}

#[test]
fn a_lock_is_waited_for_by_who_needs_the_path() {
    let lock = |path: &str| {
        activity(
            9,
            111,
            &format!("waiting for lock on '{path}'"),
            "",
            1000,
            3000,
        )
    };
    let after = |path: &str| log(&[call(900, 5000), lock(path), build(2, B, 3100, 4500)].concat());
    // Its own, and that of what it needs, which somebody else builds meanwhile.
    for path in [OUT_OF_B, OUT_OF_A] {
        let waits = waits(&after(path), &a_for_b(), None, B);
        assert_eq!(waits, [(Wait::Lock, 2000), (Wait::Nix, 200)], "{path}");
    }
    // The name alone says so too, where it is its own.
    let none = DerivationGraph::default();
    assert_eq!(
        waits(&after(OUT_OF_B), &none, None, B)[0],
        (Wait::Lock, 2000)
    );
    assert_eq!(
        waits(&after(OUT_OF_A), &none, None, B),
        [(Wait::Unknown, 2200)]
    );
    let stranger = "/nix/store/22222222222222222222222222222222-z-1";
    assert_eq!(
        waits(&after(stranger), &a_for_b(), None, B),
        [(Wait::Nix, 2200)]
    );
}

#[test]
fn a_build_user_is_waited_for_by_one_build() {
    let text = format!("waiting for a free build user ID for '{B}'");
    let user = activity(9, 111, &text, "", 1000, 3000);
    let log = log(&[call(900, 5000), user, build(2, B, 3100, 4500)].concat());
    let none = DerivationGraph::default();
    let waits = waits(&log, &none, None, B);
    assert_eq!(waits, [(Wait::BuildUser, 2000), (Wait::Unknown, 200)]);
}

#[test]
fn a_hook_stops_all_of_nix_up_to_2_34() {
    let hook = activity(
        9,
        110,
        "running post-build-hook '/h'",
        &format!("\"{A}\""),
        2000,
        5000,
    );
    let lines = [
        call(900, 7000),
        build(2, A, 1000, 2000),
        hook,
        build(3, C, 5100, 6500),
    ];
    let found = waits(&log(&lines.concat()), &a_for_b(), Some(1), C);
    let want = [(Wait::Slot, 1000), (Wait::Hook, 3000), (Wait::Nix, 200)];
    assert_eq!(found, want);
    // A chart has a piece for each reason, by the same names.
    let timeline = log(&lines.concat());
    let run = RunGraph::new(&timeline, &a_for_b());
    let slots = Slots::new(&timeline, KnownSlots::new(Some(1)));
    let chart = critical_path(&timeline, &run, &slots).chart(&timeline);
    let waits_in_chart = chart
        .iter()
        .filter_map(|step| Some((&*step.label, step.reason?)));
    let want = [
        ("Nix itself", Wait::Nix),
        ("a free slot", Wait::Slot),
        ("the post-build hook", Wait::Hook),
        ("Nix itself", Wait::Nix),
        ("Nix itself", Wait::Nix),
    ];
    assert_eq!(waits_in_chart.collect::<Vec<_>>(), want);
    // Without derivations, C may have waited for something else all the time.
    let none = DerivationGraph::default();
    let found = waits(&timeline, &none, Some(1), C);
    assert_eq!(found, [(Wait::Unknown, 4200)]);
    // Something starts meanwhile: this Nix does not stop.
    let meanwhile = build(4, B, 3000, 6000);
    let lines = [&lines.concat()[..], &meanwhile[..]].concat();
    let found = waits(&log(&lines), &a_for_b(), Some(1), C);
    assert!(
        found.iter().all(|(wait, _)| *wait != Wait::Hook),
        "{found:?}"
    );
}

#[test]
fn with_slots_to_spare_nobody_waits_for_one() {
    let lines = [
        call(900, 7000),
        build(2, A, 1000, 2000),
        build(3, C, 3000, 6500),
    ];
    let log = log(&lines.concat());
    let known = waits(&log, &a_for_b(), Some(8), C);
    assert_eq!(known, [(Wait::Nix, 2100)]);
    let slots = Slots::new(&log, KnownSlots::recorded(Some(8), None));
    assert_eq!((slots.local(), slots.source().name()), (8, "settings"));
}

#[test]
fn how_many_slots_a_machine_has_is_not_known() {
    let remote = |id: u64, drv: &str, from: u64, to: u64| {
        activity(
            id,
            105,
            "building",
            &format!(r#""{drv}","ssh://m",1,1"#),
            from,
            to,
        )
    };
    let lines = [
        call(900, 7000),
        remote(2, A, 1000, 2000),
        remote(3, C, 3000, 6500),
    ];
    let plain = log(&lines.concat());
    let found = waits(&plain, &a_for_b(), Some(1), C);
    assert_eq!(found, [(Wait::Nix, 1100), (Wait::Unknown, 1000)]);
    // Where the log says that there was none free, it is that.
    let text = format!("waiting for a machine to build '{C}'");
    let told = activity(9, 111, &text, "", 1000, 2900);
    let lines = [&lines.concat()[..], &told[..]].concat();
    let found = waits(&log(&lines), &a_for_b(), Some(1), C);
    assert_eq!(found, [(Wait::Machine, 1900), (Wait::Nix, 200)]);
}

#[test]
fn before_anybody_asked_it_is_evaluation() {
    // Two clients in one log: the second asks while the first still builds.
    let second = activity(5, 102, "", "", 4000, 7000);
    let lines = [
        call(900, 6900),
        build(2, A, 1000, 2000),
        second,
        build(3, C, 4100, 6500),
    ];
    let waits = waits(&log(&lines.concat()), &a_for_b(), Some(8), C);
    assert_eq!(waits, [(Wait::Evaluation, 2000), (Wait::Nix, 100)]);
}

#[test]
fn derivations_of_another_build_explain_nothing() {
    let drv = |number: u64| format!("/nix/store/{number:032}-job-{number}.drv");
    let other = |number: u64| format!("/nix/store/{:032}-job-{number}.drv", number + 50);
    let builds = (0..5).flat_map(|number| {
        build(
            number + 2,
            &drv(number),
            1000 * number + 100,
            1000 * number + 900,
        )
    });
    let lines: Vec<_> = call(50, 5000).into_iter().chain(builds).collect();
    let timeline = log(&lines);
    let chain = |name: &dyn Fn(u64) -> String, n: u64| {
        let paths: Vec<String> = (0..n).map(name).collect();
        from_edges(
            (0..paths.len()).map(|at| (&*paths[at], paths[..at].iter().map(|it| &**it).collect())),
        )
    };
    let codes = |run: &RunGraph| -> Vec<&str> {
        run.issues(&timeline)
            .iter()
            .map(|issue| issue.code.name())
            .collect()
    };
    let own = RunGraph::new(&timeline, &chain(&drv, 5));
    assert_eq!((own.dag().n_edges(), codes(&own).len()), (10, 0));
    // Two of five agree: that is no graph of this build.
    let strangers = RunGraph::new(&timeline, &chain(&drv, 2));
    assert_eq!(strangers.coverage().ignored_builds, Some(2));
    assert!(strangers.coverage().is_nothing() && strangers.dag().n_edges() == 0);
    assert_eq!(codes(&strangers), ["derivations-of-another-build"]);
    // All names agree: an estimate of the structure, and no reason to wait.
    let namesakes = chain(&other, 5);
    let run = RunGraph::new(&timeline, &namesakes);
    assert_eq!(
        (run.dag().n_edges(), run.coverage().builds_by_name),
        (10, 5)
    );
    assert_eq!(codes(&run), ["derivations-of-another-build"]);
    assert_eq!(
        waits(&timeline, &namesakes, Some(1), &drv(3)),
        [(Wait::Unknown, 200)]
    );
    assert_eq!(
        waits(&timeline, &chain(&drv, 5), Some(1), &drv(3)),
        [(Wait::Nix, 200)]
    );
    // Of four of five, names prove nothing.
    let most = RunGraph::new(&timeline, &chain(&other, 4));
    assert_eq!(
        (most.coverage().builds_by_name, most.dag().n_edges()),
        (0, 0)
    );
}

#[test]
fn a_lock_that_a_message_tells_of_is_no_evaluation() {
    let say = |at: u64, text: &str| {
        (
            at,
            format!(r#"{{"action":"msg","level":4,"msg":"{text}"}}"#),
        )
    };
    let fetch = activity(
        5,
        0,
        "fetching github input 'github:NixOS/nixpkgs/0'",
        "",
        61_000,
        61_500,
    );
    let lines = [
        say(100, "evaluating file '/src/flake.nix'"),
        say(
            1000,
            "waiting for another Nix process to finish fetching input 'github:NixOS/nixpkgs/0'...",
        ),
        say(62_000, "evaluating file '/src/pkgs.nix'"),
        say(63_000, "this derivation will be built:"),
    ];
    let build = build(2, A, 64_000, 65_000);
    let timeline = log(&[&lines[..], &fetch, &call(63_500, 66_000), &build].concat());
    let found = phases(&timeline);
    let wall = |phase: Phase| {
        let of_phase = found.phases.iter().find(|it| it.phase == phase);
        of_phase
            .and_then(|it| it.total.wall)
            .map_or(0, |wall| wall.get() / 1_000_000)
    };
    // Of evaluation there is 1 s before the lock, and 1.5 s after the fetch.
    assert_eq!(
        (wall(Phase::Evaluation), wall(Phase::Fetching)),
        (2500, 500)
    );
    let waiting = found.phases.iter().find(|it| it.phase == Phase::Waiting);
    let parts = &waiting.expect("there was a wait").parts;
    let lock = parts.iter().find(|(part, _)| *part == Part::Lock);
    assert_eq!(
        lock.and_then(|(_, lock)| lock.wall),
        Some(Nanos::new(60_000_000_000))
    );
}
