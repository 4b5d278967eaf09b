use proptest::prelude::*;

use super::*;
use crate::graph::GraphBuilder;
use crate::timeline::{Outcome, UnitKind};

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;

/// A chain `2-b.drv` on `1-a.drv` on a source, and what the store knows of them.
#[derive(Debug)]
struct Store {
    graph: DerivationGraph,
    facts: Facts,
}

fn store() -> Store {
    let mut builder = GraphBuilder::default();
    let (a, b) = (builder.node("1-a.drv"), builder.node("2-b.drv"));
    let source = builder.node("0-source");
    for (node, path) in [(a, "3-a"), (b, "4-b")] {
        builder.node_mut(node).kind = crate::graph::NodeKind::Derivation;
        builder.output(node, "out", Some(path));
    }
    builder.depend(b, a, ["out"]);
    builder.depend(a, source, []);
    Store {
        graph: builder.finish().expect("no cycle"),
        facts: Facts::default(),
    }
}

fn log(born: i64, modified: i64) -> LogFacts {
    LogFacts {
        born: Some(born),
        modified: Some(modified),
        bytes: Some(14),
        told: None,
    }
}

fn built(at: i64) -> PathFacts {
    PathFacts {
        registered: Some(at / SECOND),
        built_here: true,
        ..PathFacts::default()
    }
}

fn fetched(at: i64) -> PathFacts {
    PathFacts {
        built_here: false,
        ..built(at)
    }
}

impl Store {
    fn log(&mut self, drv: &str, facts: LogFacts) -> &mut Self {
        let node = self.graph.find(drv).expect("added");
        self.facts.log(node, facts);
        self
    }

    fn path(&mut self, path: &str, facts: PathFacts) -> &mut Self {
        self.facts.path(path, facts);
        self
    }

    fn sessions(&self) -> Vec<Session> {
        sessions(&self.graph, &self.facts, &Options::default())
    }

    /// Tells each run of each session in a line: kind, subject, start, end, outcome, fault.
    fn told(&self) -> Vec<String> {
        let show = |moment: Option<Moment>| match moment {
            None => "?".to_owned(),
            Some(Moment { at, known }) => {
                let mark = match known {
                    Known::Measured => "",
                    Known::Second => "s",
                    Known::Estimated => "~",
                };
                format!("{:.1}{mark}", at as f64 / 1e9)
            }
        };
        let subject = |subject: &Subject| match subject {
            Subject::Derivation(node) => self.graph.base_name(*node).to_owned(),
            Subject::Path(path) => path.to_string(),
        };
        let mut lines = Vec::new();
        for (place, session) in self.sessions().iter().enumerate() {
            lines.extend(session.runs.iter().map(|run| {
                format!(
                    "{place} {} {} {}..{} {} {:?}",
                    run.kind.name(),
                    subject(&run.subject),
                    show(run.start),
                    show(run.end),
                    run.outcome.name(),
                    run.fault
                )
            }));
        }
        lines
    }
}

#[test]
fn a_build_starts_with_its_log_and_ends_with_it() {
    let mut store = store();
    store.log("1-a.drv", log(100 * SECOND, 103 * SECOND));
    store.log("2-b.drv", log(103 * SECOND + 4_000_000, 110 * SECOND));
    store
        .path("3-a", built(103 * SECOND))
        .path("4-b", built(110 * SECOND));
    let told = store.told();
    assert_eq!(
        told,
        [
            "0 build 1-a.drv 100.0..103.0 succeeded None",
            "0 build 2-b.drv 103.0..110.0 succeeded None",
        ]
    );
    let session = &store.sessions()[0];
    assert_eq!((session.start, session.end), (100 * SECOND, 110 * SECOND));
}

#[test]
fn an_old_dependency_is_another_session() {
    let mut store = store();
    store.log("1-a.drv", log(100 * SECOND, 103 * SECOND));
    store.log("2-b.drv", log(MINUTE * 60, MINUTE * 61));
    store
        .path("3-a", built(103 * SECOND))
        .path("4-b", built(MINUTE * 61));
    assert_eq!(
        store.told(),
        [
            "0 build 2-b.drv 3600.0..3660.0 succeeded None",
            "1 build 1-a.drv 100.0..103.0 succeeded None",
        ]
    );
    // The gap itself is still one session.
    let gap = i64::try_from(GAP.get()).expect("minutes");
    for (start, n_sessions) in [(103 * SECOND + gap, 1), (103 * SECOND + gap + 1, 2)] {
        store.log("2-b.drv", log(start, MINUTE * 61));
        assert_eq!(store.sessions().len(), n_sessions, "{start}");
    }
}

#[test]
fn an_earlier_try_leaves_a_birth_that_is_too_old() {
    let mut store = store();
    // b was tried when an older a was there, and failed; then a was built, then b.
    store.log("1-a.drv", log(1000 * SECOND, 1010 * SECOND));
    store.log("2-b.drv", log(10 * SECOND, 1030 * SECOND));
    store
        .path("3-a", built(1010 * SECOND))
        .path("4-b", built(1030 * SECOND));
    assert_eq!(
        store.told(),
        [
            "0 build 1-a.drv 1000.0..1010.0 succeeded None",
            "0 build 2-b.drv 1010.0~..1030.0 succeeded Some(EarlierTry)",
        ]
    );
    // Not so where the input came later than the build itself: it was deleted and fetched again.
    store.log("2-b.drv", log(10 * SECOND, 30 * SECOND));
    store.path("4-b", built(30 * SECOND));
    assert!(store.told()[1].ends_with("build 2-b.drv 10.0..30.0 succeeded None"));
}

#[test]
fn a_silence_that_a_start_ends_is_another_call() {
    let mut builder = GraphBuilder::default();
    let nodes = ["1-a.drv", "2-b.drv", "3-c.drv"].map(|name| builder.node(name));
    builder.output(nodes[1], "out", Some("4-b"));
    let mut store = Store {
        graph: builder.finish().expect("no edges"),
        facts: Facts::default(),
    };
    store.path("4-b", built(3700 * SECOND));
    store.log("1-a.drv", log(0, 5 * SECOND));
    store.log("2-b.drv", log(SECOND, 3700 * SECOND));
    store.log("3-c.drv", log(3600 * SECOND, 3650 * SECOND));
    let told = store.told();
    assert!(told[1].contains("2-b.drv 3600.0~..3700.0"), "{told:?}");
    assert_eq!(told[2], "1 build 1-a.drv 0.0..5.0 unknown None");
    let options = Options::default();
    assert_eq!(suspects(&store.graph, &store.facts, &options), [nodes[1]]);
    // Its own log may say that it did take that long, or that it did not, or nothing of use.
    let account = |at_least: u64, at_most: u64| {
        let nanos = |seconds| Nanos::new(seconds * 1_000_000_000);
        Some(Told {
            at_least: nanos(at_least),
            at_most: nanos(at_most),
        })
    };
    let mut facts = log(SECOND, 3700 * SECOND);
    for (told, found) in [
        (account(3500, 3660), "2-b.drv 1.0..3700.0 succeeded None"),
        (account(100, 130), "2-b.drv 3570.0~..3700.0"),
        (account(3000, 3638), "2-b.drv 62.0~..3700.0"),
        (account(90, 3690), "2-b.drv 3600.0~..3700.0"),
    ] {
        facts.told = told;
        store.log("2-b.drv", facts);
        let lines = store.told();
        assert!(
            lines.iter().any(|line| line.contains(found)),
            "{found}: {lines:?}"
        );
    }
    // A failed build tells nothing of its last phase.
    store.path("4-b", PathFacts::default());
    facts.told = account(3500, 3600);
    store.log("2-b.drv", facts);
    assert!(store.told()[1].contains("2-b.drv 3600.0~..3700.0"));
    // Where it ends the silence itself, it was what the others waited for.
    store.log("2-b.drv", log(SECOND, 3600 * SECOND));
    assert!(store.told()[1].contains("2-b.drv 1.0..3600.0 unknown None"));
}

#[test]
fn outputs_that_are_missing_were_deleted_or_never_made() {
    let mut store = store();
    store.log("1-a.drv", log(100 * SECOND, 103 * SECOND));
    store.log("2-b.drv", log(104 * SECOND, 110 * SECOND));
    // What ran later needed a; nothing ran on b.
    let outcomes = |told: Vec<String>| {
        let words = told.iter().filter_map(|line| line.split(' ').nth(4));
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(outcomes(store.told()), ["succeeded", "failed"]);
    // Once the derivation is gone too, nobody knows.
    let mut builder = GraphBuilder::default();
    builder.node("2-b.drv");
    store.graph = builder.finish().expect("one node");
    store.facts = Facts::default();
    store.log("2-b.drv", log(104 * SECOND, 110 * SECOND));
    assert_eq!(outcomes(store.told()), ["unknown"]);
}

#[test]
fn what_came_from_elsewhere_has_the_times_of_its_file() {
    let mut store = store();
    store.path(
        "3-a",
        PathFacts {
            born: Some(100 * SECOND + 500_000_000),
            changed: Some(103 * SECOND + 200_000_000),
            ..fetched(103 * SECOND)
        },
    );
    store.path("4-b", fetched(104 * SECOND));
    store.path(
        "5-stranger",
        PathFacts {
            deriver: Some("9-gone.drv".into()),
            // Changed long after, and made after it was registered: a copy of a store.
            born: Some(900 * SECOND),
            changed: Some(900 * SECOND),
            ..fetched(105 * SECOND)
        },
    );
    assert_eq!(
        store.told(),
        [
            "0 substitution 3-a 100.5..103.2 succeeded None",
            "0 substitution 4-b ?..104.0s succeeded Some(NoStart)",
            "0 substitution 5-stranger ?..105.0s succeeded Some(NoStart)",
        ]
    );
    // A file that is as old as the second is not older than itself. With many files in it, a folder is
    // changed some time before it is registered.
    let cases = [
        (104_700, 104_900, "4-b 104.7..104.9 "),
        (101_000, 102_000, "4-b 101.0..104.0s "),
        (104_700, 103_000, "4-b 104.7..104.7s "),
        // Another file than that which was registered: in an image, or changed since.
        (1_000, 2_000, "4-b ?..104.0s "),
        (101_000, 106_000, "4-b ?..104.0s "),
    ];
    for (born, changed, expected) in cases {
        let fact = PathFacts {
            born: Some(born * 1_000_000),
            changed: Some(changed * 1_000_000),
            ..fetched(104 * SECOND)
        };
        store.path("4-b", fact);
        let told = store.told();
        assert!(
            told.iter().any(|line| line.contains(expected)),
            "{expected}: {told:?}"
        );
    }
}

#[test]
fn a_failed_try_and_then_a_substitution_are_two() {
    let mut store = store();
    store.log("1-a.drv", log(100 * SECOND, 103 * SECOND));
    store.path("3-a", fetched(200 * SECOND));
    assert_eq!(
        store.told(),
        [
            "0 build 1-a.drv 100.0..103.0 unknown None",
            "0 substitution 3-a ?..200.0s succeeded Some(NoStart)",
        ]
    );
    // A remote builder's output is copied while the log is open.
    store.path("3-a", fetched(102 * SECOND));
    assert_eq!(
        store.told(),
        ["0 build 1-a.drv 100.0..103.0 succeeded None"]
    );
}

#[test]
fn built_again_into_the_same_log() {
    let mut store = store();
    store.log("1-a.drv", log(100 * SECOND, 250 * SECOND));
    store.path("3-a", built(103 * SECOND));
    assert_eq!(
        store.told(),
        [
            "0 build 1-a.drv 100.0..103.0s succeeded None",
            "0 build 1-a.drv ?..250.0 unknown Some(BuiltAgain)",
        ]
    );
}

#[test]
fn logs_that_tell_little() {
    let cases = [
        // No times of birth.
        (None, Some(103), 14, "?..103.0 succeeded Some(NoBirth)"),
        // Copied with its last change, or without.
        (
            Some(900),
            Some(103),
            14,
            "?..103.0 succeeded Some(CopiedLog)",
        ),
        (
            Some(900),
            Some(900),
            14,
            "?..103.0s succeeded Some(CopiedLog)",
        ),
        // Nothing was written: what is known is when it was opened, and the output tells the end.
        (Some(90), Some(101), 0, "101.0..103.0s succeeded None"),
        (None, None, 14, "?..103.0s succeeded Some(NoLog)"),
    ];
    for (born, modified, bytes, expected) in cases {
        let mut store = store();
        let facts = LogFacts {
            born: born.map(|at: i64| at * SECOND),
            modified: modified.map(|at: i64| at * SECOND),
            bytes: Some(bytes),
            told: None,
        };
        store.log("1-a.drv", facts).path("3-a", built(103 * SECOND));
        assert_eq!(store.told(), [format!("0 build 1-a.drv {expected}")]);
    }
    let mut store = store();
    let running = LogFacts {
        bytes: Some(0),
        ..log(100 * SECOND, 100 * SECOND)
    };
    store.log("1-a.drv", running);
    assert_eq!(
        store.told(),
        ["0 build 1-a.drv 100.0..? unknown Some(UnfinishedLog)"]
    );
}

#[test]
fn what_ended_before_is_left_out() {
    let mut store = store();
    store.log("1-a.drv", log(100 * SECOND, 103 * SECOND));
    store.log("2-b.drv", log(104 * SECOND, 110 * SECOND));
    let options = Options {
        gap: None,
        since: Some(105 * SECOND),
    };
    let sessions = sessions(&store.graph, &store.facts, &options);
    assert_eq!((sessions.len(), sessions[0].runs.len()), (1, 1));
}

/// Times that matter: near each other, far apart, and impossible.
fn instant() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![
        1 => Just(None),
        8 => (0..4000_i64).prop_map(|at| Some(at * SECOND)),
        4 => (0..20_i64).prop_map(|at| Some(at * SECOND / 7)),
        1 => any::<i64>().prop_map(Some),
    ]
}

fn log_facts() -> impl Strategy<Value = LogFacts> {
    let told = proptest::option::weighted(0.1, (0..5000_u64, 0..5000_u64));
    (instant(), instant(), any::<bool>(), told).prop_map(|(born, modified, empty, told)| LogFacts {
        born,
        modified,
        bytes: Some(u64::from(!empty)),
        told: told.map(|(one, other)| Told {
            at_least: Nanos::new(one.min(other) * 1_000_000_000),
            at_most: Nanos::new(one.max(other) * 1_000_000_000),
        }),
    })
}

fn path_facts() -> impl Strategy<Value = PathFacts> {
    let registered = prop_oneof![
        1 => Just(None),
        8 => (0..4000_i64).prop_map(Some),
        1 => any::<i64>().prop_map(Some),
    ];
    let deriver = proptest::option::of((0..14_u32).prop_map(|at| format!("{at}-d.drv").into()));
    (registered, any::<bool>(), deriver, instant(), instant()).prop_map(
        |(registered, built_here, deriver, born, changed)| PathFacts {
            registered,
            built_here,
            deriver,
            born,
            changed,
            nar_bytes: None,
        },
    )
}

/// A graph of some derivations, each with one output, and facts about some of them.
fn stores() -> impl Strategy<Value = Store> {
    let facts = (
        proptest::option::weighted(0.8, log_facts()),
        proptest::option::weighted(0.8, path_facts()),
        any::<u16>(),
        any::<bool>(),
    );
    let strangers = proptest::collection::vec(path_facts(), 0..4);
    (proptest::collection::vec(facts, 1..12), strangers).prop_map(|(all, strangers)| {
        let mut builder = GraphBuilder::default();
        let mut facts = Facts::default();
        for (place, (log, path, needs, is_missing)) in all.into_iter().enumerate() {
            let node = builder.node(&format!("{place}-d.drv"));
            if !is_missing {
                builder.node_mut(node).kind = crate::graph::NodeKind::Derivation;
                builder.output(node, "out", Some(&format!("{place}-d")));
            }
            for other in (0..place).filter(|other| needs & (1 << other) != 0) {
                let other = builder.node(&format!("{other}-d.drv"));
                builder.depend(node, other, ["out"]);
            }
            log.into_iter().for_each(|log| facts.log(node, log));
            let name = format!("{place}-d");
            path.into_iter().for_each(|path| facts.path(&name, path));
        }
        for (place, path) in strangers.into_iter().enumerate() {
            facts.path(&format!("{place}-stranger"), path);
        }
        Store {
            graph: builder.finish().expect("edges go to earlier nodes"),
            facts,
        }
    })
}

fn options() -> impl Strategy<Value = Options> {
    let gap = proptest::option::weighted(
        0.8,
        (0..2000_u64).prop_map(|s| Nanos::new(s * 1_000_000_000)),
    );
    (gap, proptest::option::weighted(0.2, 0..4000 * SECOND))
        .prop_map(|(gap, since)| Options { gap, since })
}

/// The cut by its definition: two runs are in one session if a chain of pieces, each no further than the
/// gap from the next, leads from one to the other.
fn naive_cut(pieces: &[(i64, i64)], gap: i64) -> Vec<Vec<usize>> {
    let near = |one: (i64, i64), other: (i64, i64)| {
        let apart = one.0.max(other.0).saturating_sub(one.1.min(other.1));
        apart <= gap
    };
    let mut group: Vec<usize> = (0..pieces.len()).collect();
    loop {
        let mut changed = false;
        for one in 0..pieces.len() {
            for other in 0..pieces.len() {
                if near(pieces[one], pieces[other]) && group[one] > group[other] {
                    group[one] = group[other];
                    changed = true;
                }
            }
        }
        if !changed {
            break;
        }
    }
    let mut groups: Vec<Vec<usize>> = (0..pieces.len())
        .map(|wanted| {
            (0..pieces.len())
                .filter(|&at| group[at] == wanted)
                .collect()
        })
        .collect();
    groups.retain(|members| !members.is_empty());
    groups
}

proptest! {
    #[test]
    fn whatever_the_facts_sessions_hold_together(store in stores(), options in options()) {
        let sessions = sessions(&store.graph, &store.facts, &options);
        prop_assert!(options.gap.is_some() || sessions.len() <= 1);
        for session in &sessions {
            prop_assert!(!session.runs.is_empty() && session.start <= session.end);
            if let Some((from, until)) = session.pause {
                prop_assert!(session.start <= from && from < until && until <= session.end);
            }
            for run in &session.runs {
                let (first, last) = (run.first_sign(), run.last_sign());
                prop_assert!(first.is_some_and(|at| session.start <= at), "{run:?}");
                prop_assert!(last.is_some_and(|at| at <= session.end), "{run:?}");
                if let (Some(start), Some(end)) = (run.start, run.end) {
                    prop_assert!(start.at <= end.at, "{run:?}");
                }
                prop_assert!(options.since.is_none_or(|since| last >= Some(since)));
                // Who says that something was built again or corrected says why.
                let estimated = run.start.is_some_and(|start| start.known == Known::Estimated);
                prop_assert_eq!(estimated, run.fault == Some(Fault::EarlierTry));
                prop_assert!(run.start.is_some() || run.fault.is_some(), "{:?}", run);
            }
        }
        for two in sessions.windows(2) {
            // The latest first, and nothing in the gap.
            let apart = i128::from(two[0].start) - i128::from(two[1].end);
            let gap = i128::from(options.gap.map_or(0, Nanos::get));
            prop_assert!(apart > gap, "{} {}", two[0].start, two[1].end);
        }
    }

    #[test]
    fn no_correction_makes_a_run_longer(store in stores(), options in options()) {
        let before = found(&store.graph, &store.facts);
        let after = sessions(&store.graph, &store.facts, &options);
        let key = |run: &Run| (run.subject.clone(), run.end.map(|end| end.at), run.settled, run.kind.name());
        for run in after.iter().flat_map(|session| &session.runs) {
            let mut same = before.iter().filter(|before| key(before) == key(run));
            prop_assert!(same.any(|before| before.start.map(|start| start.at) <= run.start.map(|start| start.at)));
        }
    }

    #[test]
    fn the_cut_is_that_of_its_definition(
        times in proptest::collection::vec((0..100_i64, 0..20_i64), 0..14),
        gap in 0..12_i64,
    ) {
        let pieces: Vec<(i64, i64)> = times.iter().map(|&(from, length)| (from, from + length)).collect();
        let runs = pieces.iter().enumerate().map(|(place, &(from, until))| {
            let known = Known::Measured;
            let mut run = Run::new(UnitKind::Build, Subject::Derivation(NodeIdx(u32::try_from(place).expect("few"))));
            run.start = Some(Moment { at: from, known });
            run.end = Some(Moment { at: until, known });
            run.outcome = Outcome::Succeeded;
            run
        });
        let mut ours: Vec<Vec<usize>> = sessions::cut(runs.collect(), &[], Some(gap))
            .iter()
            .map(|session| {
                let mut members: Vec<usize> = session
                    .runs
                    .iter()
                    .map(|run| match run.subject {
                        Subject::Derivation(node) => node.0 as usize,
                        Subject::Path(_) => usize::MAX,
                    })
                    .collect();
                members.sort_unstable();
                members
            })
            .collect();
        ours.sort();
        prop_assert_eq!(ours, naive_cut(&pieces, gap));
    }

    #[test]
    fn the_order_of_the_facts_does_not_matter(store in stores(), options in options()) {
        let mut turned = Facts::default();
        for (&node, &log) in store.facts.logs.iter().rev() {
            turned.log(node, log);
        }
        for (path, fact) in store.facts.paths.iter().rev() {
            turned.path(path, fact.clone());
        }
        prop_assert_eq!(
            sessions(&store.graph, &store.facts, &options),
            sessions(&store.graph, &turned, &options)
        );
    }
}
