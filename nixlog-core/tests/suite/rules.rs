//! What else holds builds back than slots and dependencies: build users, post-build hooks, and the order
//! in which Nix starts what waits. Small builds whose truth is known.

use std::fmt::Write as _;

use nixlog_core::analysis::makespan::Makespan;
use nixlog_core::analysis::nix_rules::{NixRules, RulesSource};
use nixlog_core::analysis::parallelism::parallelism;
use nixlog_core::analysis::run_graph::RunGraph;
use nixlog_core::analysis::slots::{KnownSlots, Slots};
use nixlog_core::analysis::what_if::{Assumptions, Change, Questions, WhatIf};
use nixlog_core::time::Nanos;
use nixlog_core::timeline::Timeline;

use crate::recordings::timeline;
use crate::simulated_nix::drv;
use crate::truth_graph::from_edges;

const SECOND: u64 = 1_000_000_000;

fn seconds(n: u64) -> Nanos {
    Nanos::new(n * SECOND)
}

/// A stretch of time: from, to, the kind of activity, and the job that it is of.
type Piece = (u64, u64, u32, usize);

const BUILD: u32 = 105;
const HOOK: u32 = 110;
const WAITING: u32 = 111;

/// Writes a log of one call. At the same instant, what ends comes before what starts.
fn log(pieces: &[Piece]) -> Timeline {
    let mut lines: Vec<(u64, bool, usize, String)> = Vec::new();
    for (id, &(from, to, kind, job)) in (10..).zip(pieces) {
        let drv = drv(job);
        let rest = match kind {
            BUILD => format!(r#""text":"building '{drv}'","fields":["{drv}","",1,1]"#),
            HOOK => format!(r#""text":"running post-build-hook '/hook'","fields":["{drv}"]"#),
            _ => format!(r#""text":"waiting for a free build user ID for '{drv}'""#),
        };
        let start =
            format!(r#"{{"action":"start","id":{id},"level":3,"parent":0,"type":{kind},{rest}}}"#);
        lines.push((from, true, id, start));
        lines.push((to, false, id, format!(r#"{{"action":"stop","id":{id}}}"#)));
    }
    lines.sort_by_key(|&(at, starts, id, _)| (at, starts, id));
    let mut text = String::new();
    let call = r#"{"action":"start","id":1,"level":0,"parent":0,"text":"","type":102}"#;
    writeln!(text, "0 @nix {call}").expect("a String takes any text");
    for (at, _, _, line) in lines {
        writeln!(text, "{} @nix {line}", at * SECOND).expect("a String takes any text");
    }
    timeline(text.as_bytes())
}

/// A log and what may be asked of it.
struct Asked {
    timeline: Timeline,
    run: RunGraph,
    slots: Slots,
}

impl Asked {
    fn new(pieces: &[Piece], needs: &[(usize, usize)], known: KnownSlots) -> Self {
        let timeline = log(pieces);
        let n_jobs = pieces.iter().map(|piece| piece.3 + 1).max().unwrap_or(0);
        let paths: Vec<String> = (0..n_jobs).map(drv).collect();
        let edges = (0..n_jobs).map(|job| {
            let needs = needs.iter().filter(|&&(from, _)| from == job);
            (&*paths[job], needs.map(|&(_, to)| &*paths[to]).collect())
        });
        let run = RunGraph::new(&timeline, &from_edges(edges));
        let slots = Slots::new(&timeline, known);
        Self {
            timeline,
            run,
            slots,
        }
    }

    fn makespan(&self) -> Makespan {
        Makespan::new(&self.timeline, &self.run, &self.slots).expect("it ran")
    }

    fn ask(&self, changes: &[Change]) -> WhatIf {
        let makespan = self.makespan();
        Questions::new(&self.timeline, &self.run, &makespan, Assumptions::default()).ask(changes)
    }
}

fn known(jobs: u32, version: Option<&str>) -> KnownSlots {
    KnownSlots::new(Some(jobs)).with_rules(version.and_then(NixRules::of_version))
}

const OLD: Option<&str> = Some("nix (Nix) 2.34.8");
const NEW: Option<&str> = Some("nix (Nix) 2.35.2");

/// Four builds, two at a time. No two end at once: of these nobody could tell how long the second one ran.
const TWO_AT_A_TIME: [Piece; 4] = [
    (1, 11, BUILD, 0),
    (1, 12, BUILD, 1),
    (11, 21, BUILD, 2),
    (12, 22, BUILD, 3),
];

#[test]
fn build_users_are_a_limit_whatever_max_jobs_says() {
    let waited = [&TWO_AT_A_TIME[..], &[(1, 11, WAITING, 2)]].concat();
    for (pieces, users) in [(&TWO_AT_A_TIME[..], Some(2)), (&waited, None)] {
        let known = known(4, OLD).with_build_users(users);
        let asked = Asked::new(pieces, &[], known);
        let found = asked.slots.users().expect("two build users");
        assert_eq!((found.count, found.recorded), (2, users.is_some()));
        assert_eq!(asked.slots.local(), 4, "max-jobs is what it was");
        assert_eq!(asked.makespan().baseline().makespan, seconds(21));
        let more = asked.ask(&[Change::LocalSlots(8)]);
        assert_eq!(more.predicted, seconds(21), "no more than two can run");
        assert_eq!(more.with_build_users, Some(seconds(11)));
        let fewer = asked.ask(&[Change::LocalSlots(1)]);
        assert_eq!(
            (fewer.predicted, fewer.with_build_users),
            (seconds(41), None)
        );
        // Another machine has build users of its own.
        assert_eq!(asked.ask(&[Change::Machines(1)]).predicted, seconds(11));
        let found = parallelism(&asked.timeline, &asked.run, &asked.makespan(), None);
        let found = found.possible.expect("what depends on what is known");
        assert_eq!(found.with_build_users, Some((4, seconds(11))));
        assert_eq!(found.sweep.knee, Some(2));
    }
    // Where nothing is known of build users, nothing is said.
    let asked = Asked::new(&TWO_AT_A_TIME, &[], known(2, OLD));
    assert_eq!(asked.slots.users(), None);
    let more = asked.ask(&[Change::LocalSlots(8)]);
    assert_eq!((more.predicted, more.with_build_users), (seconds(11), None));
    // More of them than builds that can run hold nothing back.
    let asked = Asked::new(
        &TWO_AT_A_TIME,
        &[],
        known(2, OLD).with_build_users(Some(32)),
    );
    assert_eq!(asked.ask(&[Change::LocalSlots(8)]).predicted, seconds(11));
}

#[test]
fn a_hook_stops_all_of_nix_up_to_2_34() {
    // The hook of the first build keeps the third from starting.
    let pieces = [
        (1, 25, BUILD, 0),
        (11, 25, HOOK, 0),
        (1, 41, BUILD, 1),
        (25, 35, BUILD, 2),
    ];
    let asked = Asked::new(&pieces, &[], known(2, OLD));
    let makespan = asked.makespan();
    assert_eq!(makespan.hooks(), seconds(14));
    assert_eq!(makespan.replay().predicted, seconds(40));
    assert_eq!(
        makespan.overhead(),
        Nanos::ZERO,
        "a hook is not Nix's own time"
    );
    // With as many slots as builds, the third one would not wait for it.
    assert_eq!(asked.ask(&[Change::LocalSlots(3)]).predicted, seconds(40));
    let quick = asked.ask(&[Change::Speedup(vec![1], 1e12)]);
    assert_eq!(
        quick.predicted,
        seconds(24),
        "the third takes the slot of the second"
    );
}

#[test]
fn from_2_35_on_only_what_needs_the_build_waits_for_its_hook() {
    let pieces = [
        (1, 11, BUILD, 0),
        (11, 25, HOOK, 0),
        (11, 31, BUILD, 1),
        (31, 36, BUILD, 2),
    ];
    let asked = Asked::new(&pieces, &[(2, 0)], known(1, NEW));
    let makespan = asked.makespan();
    assert_eq!(makespan.hooks(), Nanos::ZERO);
    assert_eq!(makespan.baseline().makespan, seconds(35));
    // With two slots: ten seconds, the hook's fourteen, five.
    assert_eq!(asked.ask(&[Change::LocalSlots(2)]).predicted, seconds(29));
}

#[test]
fn where_the_order_is_not_known_there_is_a_range() {
    // Two slots: with the long one last, it takes half as long again.
    let pieces = [(1, 11, BUILD, 0), (1, 12, BUILD, 1), (11, 31, BUILD, 2)];
    let range = Some((seconds(21), seconds(30)));
    for (version, orders, source) in [
        (OLD, None, RulesSource::Recorded),
        (NEW, range, RulesSource::Recorded),
        (None, range, RulesSource::Assumed),
    ] {
        let asked = Asked::new(&pieces, &[], known(2, version));
        assert_eq!(asked.slots.rules().source, source);
        let found = parallelism(&asked.timeline, &asked.run, &asked.makespan(), None);
        let found = found.possible.expect("what depends on what is known");
        assert_eq!(found.orders, orders, "{version:?}");
        assert_eq!(found.baseline, seconds(30));
        let answer = asked.ask(&[Change::LocalSlots(2)]);
        assert_eq!(answer.orders, orders, "{version:?}");
    }
}
