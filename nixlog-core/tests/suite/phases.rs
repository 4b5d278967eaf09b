//! The phases against a naive twin, which looks at each nanosecond by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use nixlog_core::analysis::phases::{Phases, phases};
use nixlog_core::time::{Interval, Nanos};
use nixlog_core::timeline::{Part, Phase, Timeline};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::recordings::timeline;

/// What an activity is; together they make every part of every phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Build,
    /// With a download inside, so that it is one of a source.
    SourceBuild,
    RemoteBuild,
    Upload,
    Download,
    Substitution,
    LocalSubstitution,
    Query,
    Copy,
    CopyFrame,
    Hook,
    Optimise,
    Verify,
    Lock,
    Machine,
    BuildUser,
    /// From here on the evaluator is involved, and the order within an instant matters.
    Import,
    Input,
    Handover,
    Call,
}

const STORE: [Kind; 16] = [
    Kind::Build,
    Kind::SourceBuild,
    Kind::RemoteBuild,
    Kind::Upload,
    Kind::Download,
    Kind::Substitution,
    Kind::LocalSubstitution,
    Kind::Query,
    Kind::Copy,
    Kind::CopyFrame,
    Kind::Hook,
    Kind::Optimise,
    Kind::Verify,
    Kind::Lock,
    Kind::Machine,
    Kind::BuildUser,
];

const EVALUATOR: [Kind; 4] = [Kind::Import, Kind::Input, Kind::Handover, Kind::Call];

/// An activity: what, from when, for how long, and when its inner one ends.
#[derive(Debug, Clone, Copy)]
struct Thing {
    kind: Kind,
    start: u64,
    length: u64,
    inner: u64,
    /// Its end is not in the log.
    open: bool,
}

fn things(kinds: Vec<Kind>) -> impl Strategy<Value = Vec<Thing>> {
    let open = proptest::bool::weighted(0.05);
    let thing = (select(kinds), 0_u64..120, 0_u64..50, 0_u64..60, open);
    let thing = thing.prop_map(|(kind, start, length, inner, open)| Thing {
        kind,
        start,
        length,
        inner: inner.min(length),
        open,
    });
    vec(thing, 0..14)
}

/// Writes records, each to be sorted by its stamp.
#[derive(Default)]
struct Writer {
    lines: Vec<(u64, String)>,
    /// The stops of the activities that are inside of each other.
    stops: Vec<(u64, String)>,
    next_id: u64,
}

impl Writer {
    /// Writes an activity from `start` to `end` that has `parent` (0 for none).
    fn activity(
        &mut self,
        kind: u32,
        fields: &str,
        text: &str,
        parent: u64,
        times: (u64, Option<u64>),
    ) -> u64 {
        self.next_id += 1;
        let id = (77 << 32) + self.next_id;
        let fields = if fields.is_empty() {
            String::new()
        } else {
            format!(r#""fields":[{fields}],"#)
        };
        self.lines.push((
            times.0,
            format!(
                r#"{{"action":"start",{fields}"id":{id},"level":3,"parent":{parent},"text":"{text}","type":{kind}}}"#
            ),
        ));
        if let Some(end) = times.1 {
            let stop = format!(r#"{{"action":"stop","id":{id}}}"#);
            self.stops.push((end, stop));
        }
        id
    }

    /// Ends the activities of a thing, inner ones first.
    fn stop(&mut self) {
        self.lines.extend(self.stops.drain(..).rev());
    }

    fn thing(&mut self, number: usize, thing: Thing) {
        let Thing {
            kind,
            start,
            length,
            inner,
            open,
        } = thing;
        let drv = format!(r#""/nix/store/{number:032}-thing.drv""#);
        let path = format!(r#""/nix/store/{number:032}-thing""#);
        let end = start + length;
        let whole = (start, (!open).then_some(end));
        let inside = (start, Some(start + inner));
        match kind {
            Kind::Build => {
                self.activity(105, &format!(r#"{drv},"",1,1"#), "", 0, whole);
            }
            Kind::SourceBuild => {
                let id = self.activity(105, &format!(r#"{drv},"",1,1"#), "", 0, whole);
                self.activity(101, r#""https://example.org/x.tar.gz""#, "", id, inside);
            }
            Kind::RemoteBuild => {
                self.activity(105, &format!(r#"{drv},"ssh://m",1,1"#), "", 0, whole);
            }
            Kind::Upload => {
                self.activity(0, "", "copying dependencies to 'ssh://m'", 0, whole);
            }
            Kind::Download => {
                self.activity(0, "", "copying outputs from 'ssh://m'", 0, whole);
            }
            Kind::Substitution => {
                let id = self.activity(108, &format!(r#"{path},"https://c""#), "", 0, whole);
                let fields = format!(r#"{path},"https://c","local""#);
                let id = self.activity(100, &fields, "", id, whole);
                self.activity(101, r#""https://c/nar/1.nar""#, "", id, inside);
            }
            Kind::LocalSubstitution => {
                let id = self.activity(108, &format!(r#"{path},"file:///c""#), "", 0, whole);
                let fields = format!(r#"{path},"file:///c","local""#);
                self.activity(100, &fields, "", id, whole);
            }
            Kind::Query => {
                let id = self.activity(109, &format!(r#"{path},"https://c""#), "", 0, whole);
                self.activity(101, r#""https://c/1.narinfo""#, "", id, inside);
            }
            Kind::Copy => {
                self.activity(100, &format!(r#"{path},"local","ssh://d""#), "", 0, whole);
            }
            Kind::CopyFrame => {
                self.activity(103, "", "copying 3 paths", 0, whole);
            }
            Kind::Hook => {
                // Every other hook belongs to a build that may be there.
                let of = format!(r#""/nix/store/{:032}-thing.drv""#, number / 2);
                self.activity(110, &of, "running post-build-hook 'h'", 0, whole);
            }
            Kind::Optimise => {
                self.activity(106, "", "", 0, whole);
            }
            Kind::Verify => {
                self.activity(107, "", "", 0, whole);
            }
            Kind::Lock => {
                self.activity(111, "", "waiting for lock on '/nix/store/x'", 0, whole);
            }
            Kind::Machine => {
                self.activity(111, "", "waiting for a machine to build 'd'", 0, whole);
            }
            Kind::BuildUser => {
                let text = "waiting for a free build user ID for 'd'";
                self.activity(111, "", text, 0, whole);
            }
            Kind::Import => {
                self.activity(0, "", "copying '/home/x/src' to the store", 0, whole);
            }
            Kind::Input => {
                let text = "fetching Git repository 'https://example.org/r'";
                self.activity(112, "", text, 0, whole);
            }
            Kind::Handover => {
                self.activity(0, "", "querying info about missing paths", 0, whole);
            }
            Kind::Call => {
                self.activity(102, "", "", 0, whole);
            }
        }
    }
}

/// Writes the log of some things; those of one instant in the order in which they are given.
fn log(things: &[(usize, Thing)], until: u64) -> String {
    let mut writer = Writer::default();
    for &(number, thing) in things {
        writer.thing(number, thing);
        writer.stop();
    }
    let mut lines = writer.lines;
    lines.push((
        until,
        r#"{"action":"msg","level":3,"msg":"the end"}"#.to_owned(),
    ));
    lines.sort_by_key(|line| line.0);
    lines.iter().fold(String::new(), |mut log, (at, record)| {
        writeln!(log, "{at} @nix {record}").expect("a String takes any text");
        log
    })
}

/// Divisible by any number of phases times any number of parts in one.
const SCALE: u64 = 420 * 420;

/// What the twin finds for a part or a phase.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Found {
    /// In `SCALE`ths of a nanosecond.
    wall: u64,
    busy: u64,
    work: u64,
}

/// Looks at each nanosecond by itself.
fn naive(timeline: &Timeline) -> (BTreeMap<Part, Found>, BTreeMap<Phase, u64>) {
    let wall = timeline.wall().expect("a log with times");
    let covers = |interval: Interval, at: u64| {
        interval.start().as_nanos() <= at && at < interval.end().as_nanos()
    };
    let stretches: Vec<_> = timeline
        .units()
        .iter()
        .flat_map(|unit| unit.stretches.clone())
        .collect();
    let mut parts: BTreeMap<Part, Found> = BTreeMap::new();
    let mut busy_phases: BTreeMap<Phase, u64> = BTreeMap::new();
    for at in wall.start().as_nanos()..wall.end().as_nanos() {
        let active = stretches
            .iter()
            .filter(|stretch| covers(stretch.interval, at));
        let mut active: Vec<Part> = active.map(|stretch| stretch.part).collect();
        for &part in &active {
            parts.entry(part).or_default().work += 1;
        }
        if active.is_empty() {
            let fillers = timeline.fillers().iter().map(|filler| filler.stretch);
            let fillers = fillers.filter(|filler| covers(filler.interval, at));
            active.extend(fillers.map(|filler| filler.part));
        }
        if active.is_empty() {
            active.push(Part::Unknown);
        }
        let active: BTreeSet<Part> = active.into_iter().collect();
        let n_of = |phase| active.iter().filter(|part| part.phase() == phase).count() as u64;
        let n_phases = Phase::ALL.iter().filter(|&&phase| n_of(phase) > 0).count() as u64;
        for &part in &active {
            let found = parts.entry(part).or_default();
            found.busy += 1;
            found.wall += SCALE / (n_phases * n_of(part.phase()));
        }
        for phase in Phase::ALL.into_iter().filter(|&phase| n_of(phase) > 0) {
            *busy_phases.entry(phase).or_default() += 1;
        }
    }
    (parts, busy_phases)
}

fn get(length: Option<Nanos>) -> u64 {
    length.expect("a log with times").get()
}

/// Compares a share in whole nanoseconds with one in fractions.
fn near(whole: u64, exact: u64, off: u64) -> bool {
    (whole * SCALE).abs_diff(exact) < off * SCALE
}

/// Compares the phases of a timeline with those of the twin.
fn compare(timeline: &Timeline, got: &Phases) -> Result<(), TestCaseError> {
    let (parts, busy) = naive(timeline);
    let mut rest = parts.clone();
    let mut sum = 0;
    for phase in &got.phases {
        let mut want = Found::default();
        let own: Vec<_> = parts
            .iter()
            .filter(|(part, _)| part.phase() == phase.phase)
            .collect();
        for (part, found) in &own {
            want.wall += found.wall;
            want.work += found.work;
            rest.remove(*part);
        }
        let total = phase.total;
        if own.is_empty() {
            // Units of which no time is known, or that took none.
            let any = [total.wall, total.busy, total.work].into_iter().flatten();
            prop_assert_eq!(any.sum::<Nanos>(), Nanos::ZERO);
            prop_assert!(phase.n_units > 0 && !busy.contains_key(&phase.phase));
            continue;
        }
        let n_parts = own.len() as u64;
        prop_assert!(near(get(total.wall), want.wall, n_parts), "{:?}", phase);
        prop_assert_eq!(
            get(total.busy),
            busy.get(&phase.phase).copied().unwrap_or(0)
        );
        prop_assert!(get(total.busy) <= get(got.wall));
        // Each part is rounded by itself.
        prop_assert!(get(total.wall) < get(total.busy) + n_parts, "{:?}", phase);
        sum += get(total.wall);
        if phase.phase != Phase::Waiting {
            prop_assert_eq!(get(total.work), want.work, "{:?}", phase);
        }
        if phase.parts.is_empty() {
            prop_assert!(own.len() < 2, "{:?} hides {:?}", phase, own);
            continue;
        }
        let of_parts: u64 = phase.parts.iter().map(|(_, total)| get(total.wall)).sum();
        prop_assert_eq!(of_parts, get(total.wall), "{:?}", phase);
        for (part, total) in &phase.parts {
            let found = parts.get(part).copied().unwrap_or_default();
            prop_assert!(
                near(get(total.wall), found.wall, 1),
                "{:?}: {:?}",
                part,
                total
            );
            prop_assert_eq!(get(total.busy), found.busy, "{:?}", part);
            match part.phase() {
                Phase::Waiting => prop_assert_eq!(total.work, None),
                _ => prop_assert_eq!(get(total.work), found.work, "{:?}", part),
            }
        }
    }
    prop_assert_eq!(sum, get(got.wall));
    prop_assert_eq!(rest, BTreeMap::new(), "phases that are not reported");
    Ok(())
}

/// Every phase's work is at least the time in which it was busy: somebody did it.
fn somebody_works(got: &Phases) -> Result<(), TestCaseError> {
    for phase in got
        .phases
        .iter()
        .filter(|phase| phase.phase != Phase::Waiting)
    {
        prop_assert!(phase.total.work >= phase.total.busy, "{:?}", phase);
        for (part, total) in &phase.parts {
            prop_assert!(total.work >= total.busy, "{:?}: {:?}", part, total);
        }
    }
    Ok(())
}

fn numbered(things: &[Thing]) -> Vec<(usize, Thing)> {
    things.iter().copied().enumerate().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn phases_are_those_of_the_instants(
        things in things([&STORE[..], &EVALUATOR[..]].concat()),
        until in 60_u64..200,
    ) {
        let log = log(&numbered(&things), until);
        let timeline = timeline(log.as_bytes());
        let got = phases(&timeline);
        compare(&timeline, &got)?;
        let frames = things.iter().any(|thing| thing.kind == Kind::CopyFrame);
        if !frames {
            somebody_works(&got)?;
        }
    }

    #[test]
    fn the_order_within_an_instant_does_not_matter(things in things(STORE.to_vec()).prop_map(|things| numbered(&things)), until in 60_u64..200) {
        // Hooks, uploads and the like are paired with builds in order; leave those out.
        let things: Vec<_> = things.into_iter().filter(|(_, thing)| !matches!(
            thing.kind, Kind::Hook | Kind::Upload | Kind::Download | Kind::RemoteBuild
        )).collect();
        let mut backward = things.clone();
        backward.reverse();
        let a = timeline(log(&things, until).as_bytes());
        let b = timeline(log(&backward, until).as_bytes());
        prop_assert_eq!(phases(&a), phases(&b));
    }

    #[test]
    fn later_stamps_only_move_the_phases(things in things(STORE.to_vec()), later in 1_u64..1000) {
        // All that changes is what was waited for at the beginning.
        let until = 200;
        let moved: Vec<_> = things.iter().map(|&thing| Thing { start: thing.start + later, ..thing }).collect();
        let a = phases(&timeline(log(&numbered(&things), until).as_bytes()));
        let b = phases(&timeline(log(&numbered(&moved), until + later).as_bytes()));
        for phase in Phase::ALL.into_iter().filter(|&phase| phase != Phase::Waiting) {
            let total = |phases: &Phases| phases.phases.iter().find(|total| total.phase == phase).map(|phase| (phase.total.busy, phase.total.work, phase.n_units));
            prop_assert_eq!(total(&a), total(&b));
        }
    }
}

/// The picture in the documentation of `analysis::phases`, in nanoseconds.
///
/// ```text
/// building  ████████████          A 20: building alone            building 20 + 30/2 = 35
/// fetching          ████████      B 30: building and fetching     fetching 30/2 + 10 = 25
///           └─ A ──┘└ B ┘└C┘      C 10: fetching alone            together         60
/// ```
#[test]
fn shares_are_equal_parts() {
    let thing = |kind, start, length| Thing {
        kind,
        start,
        length,
        inner: length,
        open: false,
    };
    let things = [thing(Kind::Build, 0, 50), thing(Kind::Query, 20, 40)];
    let got = phases(&timeline(log(&numbered(&things), 60).as_bytes()));
    let totals: Vec<_> = got
        .phases
        .iter()
        .map(|phase| {
            let total = phase.total;
            let work = total.work.map(Nanos::get);
            (
                phase.phase,
                get(total.wall),
                get(total.busy),
                work,
                phase.n_units,
            )
        })
        .collect();
    assert_eq!(
        totals,
        [
            (Phase::Fetching, 25, 40, Some(40), 1),
            (Phase::Building, 35, 50, Some(50), 1),
        ]
    );
}

/// Three at once in two phases: each phase gets a half, and within it each part an equal part.
#[test]
fn parts_share_what_their_phase_gets() {
    let thing = |kind| Thing {
        kind,
        start: 0,
        length: 12,
        inner: 12,
        open: false,
    };
    // Eight builds count as one phase, and no more than one query does.
    let things: Vec<_> = [Kind::Query, Kind::Input, Kind::SourceBuild]
        .into_iter()
        .chain([Kind::Build; 8])
        .map(thing)
        .collect();
    let got = phases(&timeline(log(&numbered(&things), 12).as_bytes()));
    let parts: Vec<_> = got
        .phases
        .iter()
        .flat_map(|phase| {
            let own = phase
                .parts
                .iter()
                .map(|(part, total)| (part.name(), get(total.wall)));
            let whole = (phase.phase.name(), get(phase.total.wall));
            std::iter::once(whole).chain(own)
        })
        .collect();
    assert_eq!(
        parts,
        [
            ("fetching", 6),
            ("queries", 2),
            ("flake inputs", 2),
            ("sources", 2),
            ("building", 6),
        ]
    );
}
