//! Logs for people, which have starts but no ends: whatever is said of them agrees with what was.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use nixlog_core::analysis::critical_path::{CriticalPath, Wait, critical_path};
use nixlog_core::analysis::makespan::Makespan;
use nixlog_core::analysis::phases::phases;
use nixlog_core::analysis::run_graph::RunGraph;
use nixlog_core::analysis::slots::{KnownSlots, Slots};
use nixlog_core::analysis::under_way::ended_by;
use nixlog_core::graph::DerivationGraph;
use nixlog_core::time::Nanos;
use nixlog_core::timeline::{Phase, Timeline, UnitKind};
use proptest::prelude::*;

use crate::critical_path::{check, graph_of};
use crate::recordings::timeline;
use crate::simulated_nix::{Built, Plan, Run, STEP, plan};
use crate::truth_graph::from_edges;

/// Writes what Nix would have shown people of a run.
fn plain(plan: &Plan, run: &Run) -> String {
    let mut lines: Vec<(u64, String)> = vec![(0, "evaluating file 'x.nix'".to_owned())];
    for built in &run.built {
        lines.push((built.start, format!("building '{}'...", built.drv)));
    }
    let end = run.built.iter().map(|built| built.end).max().unwrap_or(5);
    lines.push((end + plan.epilogue, "/nix/store/result".to_owned()));
    lines.sort();
    let mut log = String::new();
    for (at, line) in lines {
        writeln!(log, "{} {line}", at * STEP).expect("a String takes any text");
    }
    log
}

/// What the program makes of a log and its derivations.
struct Told {
    timeline: Timeline,
    run: RunGraph,
    path: CriticalPath,
    makespan: Option<Makespan>,
}

fn tell(log: &str, graph: &DerivationGraph, max_jobs: Option<u32>) -> Told {
    let mut timeline = timeline(log.as_bytes());
    let slots = Slots::new(&timeline, KnownSlots::recorded(max_jobs, None));
    let run = RunGraph::new(&timeline, graph);
    let bounds = ended_by(&timeline, &run, &slots);
    timeline.tell_ended_by(bounds);
    let run = RunGraph::new(&timeline, graph);
    let path = critical_path(&timeline, &run, &slots);
    let makespan = Makespan::new(&timeline, &run, &slots);
    Told {
        timeline,
        run,
        path,
        makespan,
    }
}

fn consistent(slots: usize, run: &Run, told: &Told) -> Result<(), TestCaseError> {
    let Told { timeline, .. } = told;
    check(timeline, &told.path);
    let built: BTreeMap<&str, &Built> = run.built.iter().map(|it| (&*it.drv, it)).collect();
    let truth = |unit: usize| built.get(timeline.name(timeline.units()[unit].subject));
    let mut all_known = true;
    for (number, unit) in timeline.units().iter().enumerate() {
        let Some(truth) = truth(number).filter(|_| unit.kind.is_derivation()) else {
            continue;
        };
        let end = truth.end * STEP;
        let most = unit.end_at_most.expect("a bound").as_nanos();
        prop_assert!(end <= most, "{} ended by {most}, not at {end}", truth.drv);
        if let Some(known) = unit.end {
            // What is taken for the end is within a hundredth of it.
            prop_assert!(
                known.as_nanos() - end
                    <= timeline.wall().map_or(0, |wall| wall.length().get() / 100)
            );
        }
        all_known &= unit.end.is_some();
    }
    // No number comes from a duration that is not known.
    prop_assert_eq!(told.makespan.is_some(), all_known && !run.built.is_empty());
    prop_assert_eq!(told.run.coverage().unknown_ends == 0, all_known);
    for segment in &told.path.segments {
        let running = |at: u64| {
            let all = run.built.iter();
            all.filter(|it| it.start * STEP <= at && at < it.end * STEP)
                .count()
        };
        let (start, end) = (
            segment.interval.start().as_nanos(),
            segment.interval.end().as_nanos(),
        );
        let mut instants = (start..end).step_by(usize::try_from(STEP / 2).unwrap_or(1));
        match segment.wait {
            // Nothing was ready and idle while it was built.
            Some(Wait::Slot) => {
                prop_assert!(instants.all(|at| running(at) == slots), "{segment:?}");
            }
            Some(Wait::Nix | Wait::Download) => {
                prop_assert!(instants.all(|at| running(at) == 0), "{segment:?}");
            }
            Some(_) => {}
            None if segment.candidates > 0 => {
                prop_assert!(
                    instants.all(|at| running(at) <= segment.candidates),
                    "{segment:?}"
                );
            }
            None => {
                let is_build = |unit: usize| timeline.units()[unit].kind == UnitKind::Build;
                if let Some(unit) = segment.unit.filter(|&unit| is_build(unit)) {
                    let began = timeline.units()[unit]
                        .start
                        .map_or(0, |start| start.as_nanos());
                    prop_assert!(began <= start);
                }
            }
        }
    }
    let mut found = phases(timeline);
    found.book(timeline, &told.path);
    let wall = timeline.wall().map(|wall| wall.length());
    let walls: Nanos = found.phases.iter().filter_map(|it| it.total.wall).sum();
    prop_assert_eq!(Some(walls), wall);
    let critical: Nanos = found.phases.iter().filter_map(|it| it.total.critical).sum();
    prop_assert_eq!(Some(critical), wall);
    for phase in found.phases.iter().filter(|it| it.phase == Phase::Building) {
        prop_assert!(phase.total.wall <= phase.total.busy);
        prop_assert_eq!(phase.total.work.is_some(), all_known);
        prop_assert!(phase.total.estimated);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_plain_log_agrees_with_what_was(plan in plan(), known: [bool; 2]) {
        let run = plan.run();
        let log = plain(&plan, &run);
        let graph = if known[0] { graph_of(&plan) } else { DerivationGraph::default() };
        let slots = u32::try_from(plan.slots).ok().filter(|_| known[1]);
        consistent(plan.slots, &run, &tell(&log, &graph, slots))?;
    }
}

fn drv(name: &str) -> String {
    format!("/nix/store/{:0>32}-{name}.drv", name.len())
}

/// Seconds before lines.
fn log(lines: &[(f64, &str)]) -> String {
    let line = |(at, line): &(f64, &str)| {
        let line = match line.split_once(' ') {
            Some(("building", name)) => format!("building '{}'...", drv(name)),
            _ => (*line).to_owned(),
        };
        format!("{at:.2} {line}\n")
    };
    lines.iter().map(line).collect()
}

fn steps(told: &Told) -> Vec<(String, f64)> {
    let name = |segment: &nixlog_core::analysis::critical_path::Segment| match segment {
        it if it.candidates > 0 => format!("any of {}", it.candidates),
        it if it.wait.is_some() => it.wait.map_or("", Wait::name).to_owned(),
        it => {
            let unit = it.unit.map(|unit| told.timeline.units()[unit].subject);
            let path = unit.map_or("", |unit| told.timeline.name(unit));
            nixlog_core::store_path::name_of(path).to_owned()
        }
    };
    let seconds = |it: Nanos| f64::from(u32::try_from(it.get() / 1_000_000).unwrap_or(0)) / 1000.0;
    let segments = told.path.segments.iter();
    segments
        .map(|it| (name(it), seconds(it.interval.length())))
        .collect()
}

#[test]
fn what_is_only_known_to_have_started_is_not_nix_itself() {
    let log = log(&[(0.0, "evaluating"), (1.0, "building a-1"), (10.0, "done")]);
    let told = tell(&log, &DerivationGraph::default(), None);
    let path = steps(&told);
    assert_eq!(path.last(), Some(&("a-1".to_owned(), 9.0)), "{path:?}");
    let building = phases(&told.timeline);
    let building = building
        .phases
        .iter()
        .find(|it| it.phase == Phase::Building);
    let total = building.expect("it was built").total;
    assert_eq!(total.busy, Some(Nanos::new(9_000_000_000)));
    assert_eq!((total.work, total.estimated), (None, true));
}

#[test]
fn a_dependent_proves_that_what_it_needs_had_ended() {
    let lines = log(&[
        (0.0, "evaluating"),
        (1.0, "building a-1"),
        (4.0, "building b-1"),
        (10.0, "done"),
    ]);
    let [a, b] = ["a-1", "b-1"].map(drv);
    let graph = from_edges([(&*a, vec![]), (&*b, vec![&*a])]);
    let told = tell(&lines, &graph, None);
    let want = [("a-1", 3.0), ("b-1", 6.0)].map(|(name, took)| (name.to_owned(), took));
    let path = steps(&told);
    assert_eq!(path[path.len() - 2..], want, "{path:?}");
    // Without it, it may have been either.
    let told = tell(&lines, &DerivationGraph::default(), None);
    let path = steps(&told);
    assert_eq!(path.last(), Some(&("any of 2".to_owned(), 6.0)), "{path:?}");
    // With one slot, whatever is built next proves it too.
    let told = tell(&lines, &DerivationGraph::default(), Some(1));
    let path = steps(&told);
    assert_eq!(path[path.len() - 2..], want, "{path:?}");
}

#[test]
fn a_silent_build_after_its_last_line_may_still_be_at_work() {
    let lines = log(&[
        (0.0, "evaluating"),
        (1.0, "building a-1"),
        (2.0, "a> cc -c x.c"),
        (10.0, "done"),
    ]);
    let told = tell(&lines, &DerivationGraph::default(), None);
    let building = phases(&told.timeline);
    let waiting = building.phases.iter().find(|it| it.phase == Phase::Waiting);
    assert_eq!(
        waiting.and_then(|it| it.total.wall).unwrap_or_default(),
        Nanos::ZERO
    );
    let mut units = told.timeline.units().iter();
    let unit = units
        .find(|unit| unit.kind == UnitKind::Build)
        .expect("it was built");
    assert_eq!(unit.duration(), Some(Nanos::new(1_000_000_000)));
    assert_eq!(
        unit.may_run().map(|it| it.length()),
        Some(Nanos::new(8_000_000_000))
    );
}
