//! Why a unit waited, against the plan of a Nix that is known inside out: a reason that is named is the
//! true one, whatever is known of the dependencies and of the slots.

use std::collections::BTreeMap;

use nixlog_core::analysis::critical_path::{Wait, critical_path};
use nixlog_core::analysis::run_graph::RunGraph;
use nixlog_core::analysis::slots::{KnownSlots, Slots};
use nixlog_core::time::Interval;
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
                Wait::Overhead => {
                    let free = instants.iter().all(|&at| !truth.is_full(at));
                    prop_assert!(ready && free, "{subject} was no fault of Nix: {segment:?}");
                }
                Wait::Unknown => prop_assert!(!known(job), "{subject}: {segment:?}"),
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
        plan.stops_late = false;
        plan.slots += more;
        // What takes no time is no step of the path: its waits are those of what comes next.
        plan.jobs.iter_mut().for_each(|job| job.takes = job.takes.max(1));
        let slots = told.then(|| u32::try_from(plan.slots).expect("a few"));
        check(&plan, |_| true, slots)?;
        check(&plan, |_| false, slots)?;
        check(&plan, |job| part.get(job).copied().unwrap_or(false), slots)?;
    }
}
