//! When builds ended, against a Nix that knows.

use std::collections::{BTreeMap, BTreeSet};

use nixlog_core::timeline::{End, Outcome, Timeline, Unit};
use proptest::prelude::*;

use crate::recordings::timeline;
use crate::simulated_nix::{Built, Plan, Run, STEP, plan};

/// Pairs each build with what the timeline says of it.
fn pairs<'a>(run: &'a Run, timeline: &'a Timeline) -> Vec<(&'a Built, &'a Unit)> {
    let units = timeline.units().iter();
    let units: BTreeMap<_, _> = units
        .filter(|unit| unit.kind.is_derivation())
        .map(|unit| (timeline.name(unit.subject), unit))
        .collect();
    let built = run.built.iter();
    built
        .map(|build| (build, units[build.drv.as_str()]))
        .collect()
}

/// Returns when a unit ended, in steps of the simulation.
fn end(unit: &Unit) -> u64 {
    let end = unit.end.expect("all of them ended").as_nanos();
    assert_eq!(end % STEP, 0, "an end between two steps");
    end / STEP
}

/// Checks what is certain, however the ends are told.
fn certain(run: &Run, timeline: &Timeline) -> Result<(), TestCaseError> {
    let units = timeline.units().iter();
    let n_units = units.filter(|unit| unit.kind.is_derivation()).count();
    prop_assert_eq!(n_units, run.built.len() + run.blocked.len());
    for (build, unit) in pairs(run, timeline) {
        let start = unit.start.map(|start| start.as_nanos());
        prop_assert_eq!(start, Some(build.start * STEP));
        prop_assert!(
            end(unit) >= build.last_sign,
            "before its last line: {:?}",
            build
        );
        let outcome = if build.fails {
            Outcome::Failed
        } else {
            Outcome::Succeeded
        };
        prop_assert_eq!(unit.outcome, outcome, "{}", &build.drv);
    }
    for blocked in &run.blocked {
        let mut units = timeline.units().iter();
        let unit = units.find(|unit| timeline.name(unit.subject) == blocked);
        let outcome = unit.map(|unit| (unit.started, unit.outcome));
        prop_assert_eq!(outcome, Some((false, Outcome::DependencyFailed)));
    }
    Ok(())
}

/// Tells whether no tick has to be guessed: at each one that no stop follows, only one of the
/// builds that stop late has said its last word and not ended before.
fn is_unambiguous(run: &Run) -> bool {
    let late: Vec<_> = run.built.iter().filter(|build| build.late).collect();
    let last = run.built.last();
    // The stop of the last build is followed by the late ones, and looks like one of them.
    let suspects = late.iter().copied().chain(last.filter(|last| !last.late));
    let suspects: Vec<_> = suspects.collect();
    suspects.iter().all(|ending| {
        let candidates = suspects
            .iter()
            .filter(|build| build.sign_line < ending.end_line && build.end_line >= ending.end_line);
        // What a message calls failed is told apart by the counters.
        candidates
            .filter(|build| build.fails == ending.fails)
            .count()
            == 1
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn prompt_stops_are_taken_as_they_are(plan in plan()) {
        let plan = Plan { stops_late: false, ..plan };
        let run = plan.run();
        let timeline = timeline(run.log.as_bytes());
        certain(&run, &timeline)?;
        for (build, unit) in pairs(&run, &timeline) {
            prop_assert_eq!((end(unit), unit.end_kind), (build.end, End::Measured), "{}", run.log);
        }
    }

    #[test]
    fn late_stops_end_where_the_counters_say(plan in plan()) {
        let plan = Plan { stops_late: true, message_after_stop: false, ..plan };
        let run = plan.run();
        let timeline = timeline(run.log.as_bytes());
        certain(&run, &timeline)?;
        // Each end is a tick of its own; where the log itself is not late by more than Nix's last
        // words, it is the stop.
        let mut ticks: Vec<_> = run.built.iter().map(|build| build.end).collect();
        let mut measured = Vec::new();
        for (build, unit) in pairs(&run, &timeline) {
            if unit.end_kind == End::Measured {
                prop_assert_eq!(end(unit), build.stop, "{}", run.log);
                measured.push(end(unit));
                continue;
            }
            prop_assert_eq!(unit.end_kind, End::Inferred, "{:?}", build);
            let tick = ticks.iter().position(|&tick| tick == end(unit));
            prop_assert!(tick.is_some(), "{:?} has no tick of its own\n{}", build, run.log);
            tick.map(|tick| ticks.remove(tick));
        }
        measured.sort_unstable();
        ticks.sort_unstable();
        prop_assert_eq!(measured.len(), ticks.len());
        for (end, tick) in measured.into_iter().zip(ticks) {
            prop_assert!((tick..=tick + plan.epilogue).contains(&end), "{}", run.log);
        }
    }

    #[test]
    fn with_one_candidate_the_end_is_exact(plan in plan()) {
        let mut plan = Plan { stops_late: true, message_after_stop: false, batches: false, ..plan };
        plan.jobs.iter_mut().for_each(|job| job.fails = false);
        let run = plan.run();
        if !is_unambiguous(&run) {
            return Ok(());
        }
        let timeline = timeline(run.log.as_bytes());
        for (build, unit) in pairs(&run, &timeline) {
            let exact = build.end..=if unit.end_kind == End::Measured { build.stop } else { build.end };
            prop_assert!(exact.contains(&end(unit)), "{:?} as {:?}\n{}", build, unit, run.log);
        }
    }

    #[test]
    fn one_slot_leaves_nothing_to_guess_if_builds_speak(plan in plan()) {
        let mut plan = Plan { stops_late: true, message_after_stop: false, slots: 1, batches: false, ..plan };
        for job in &mut plan.jobs {
            // A build that says its last word before the one before it ended is not on one slot.
            job.prints = BTreeSet::from([0]);
        }
        let run = plan.run();
        let timeline = timeline(run.log.as_bytes());
        for (build, unit) in pairs(&run, &timeline) {
            let exact = build.end..=if unit.end_kind == End::Measured { build.stop } else { build.end };
            prop_assert!(exact.contains(&end(unit)), "{:?} as {:?}\n{}", build, unit, run.log);
        }
    }
}

/// Two requested builds side by side: `a` falls silent and ends, `b` speaks on.
#[test]
fn the_silent_build_ended() {
    let job = |takes, prints: &[u64]| crate::simulated_nix::Job {
        deps: BTreeSet::new(),
        takes,
        prints: prints.iter().copied().collect(),
        fails: false,
        requested: true,
    };
    let plan = Plan {
        jobs: vec![job(10, &[8]), job(30, &[9, 25])],
        slots: 2,
        stops_late: true,
        message_after_stop: false,
        batches: false,
        epilogue: 100,
    };
    let run = plan.run();
    let timeline = timeline(run.log.as_bytes());
    let ends: Vec<_> = pairs(&run, &timeline)
        .into_iter()
        .map(|(_, unit)| (end(unit), unit.end_kind))
        .collect();
    // The log itself stops both at 135.
    assert_eq!(ends, [(15, End::Inferred), (35, End::Inferred)]);
}

/// The only requested build ends first; what comes after it is no build, and takes a second.
#[test]
fn a_stop_long_after_its_tick_is_late() {
    let job = crate::simulated_nix::Job {
        deps: BTreeSet::new(),
        takes: 10,
        prints: BTreeSet::new(),
        fails: false,
        requested: true,
    };
    let plan = Plan {
        jobs: vec![job],
        slots: 1,
        stops_late: true,
        message_after_stop: false,
        batches: false,
        epilogue: 50,
    };
    let run = plan.run();
    let timeline = timeline(run.log.as_bytes());
    let told: Vec<_> = pairs(&run, &timeline)
        .into_iter()
        .map(|(build, unit)| (end(unit), unit.end_kind, build.stop))
        .collect();
    assert_eq!(told, [(15, End::Inferred, 65)]);
}
