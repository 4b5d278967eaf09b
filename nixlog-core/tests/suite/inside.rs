//! The steps of builds: when they began and ended, and how sure that is.

use std::fmt::Write as _;

use nixlog_core::analysis::inside::{Inside, Traces};
use nixlog_core::build_log::steps::Tool;
use nixlog_core::time::{Nanos, Stamp};
use nixlog_core::timeline::{TimelineBuilder, Watched};
use nixlog_core::wire::LogReader;

const START: &str = r#"@nix {"action":"start","fields":["/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello.drv","",1,1],"id":7,"level":3,"parent":0,"text":"building","type":105}"#;

/// A build that prints these lines at these seconds; `phase NAME` begins a builder phase.
fn inside(lines: &[(f64, &str)], end: f64) -> Inside {
    let mut log = format!("0.000 {START}\n");
    for (at, text) in lines {
        let (kind, text) = match text.strip_prefix("phase ") {
            Some(phase) => (104, phase),
            None => (101, *text),
        };
        let text = serde_json::to_string(text).expect("a string");
        writeln!(
            log,
            "{at:.3} @nix {{\"action\":\"result\",\"fields\":[{text}],\"id\":7,\"type\":{kind}}}"
        )
        .expect("a String takes any text");
    }
    writeln!(log, "{end:.3} @nix {{\"action\":\"stop\",\"id\":7}}")
        .expect("a String takes any text");
    let watched = Watched::new(Traces::default());
    let mut builder = TimelineBuilder::default();
    builder.watch(watched.clone());
    for line in LogReader::new(None).block(log.as_bytes(), None) {
        builder.push(&line);
    }
    let timeline = builder.finish();
    let unit = timeline.units().iter().find(|unit| unit.activity.is_some());
    Inside::new(&timeline, unit.expect("a build"), &mut watched.take()).expect("lines")
}

/// The steps: name, from when to when, how long, how sure.
fn steps(inside: &Inside) -> Vec<String> {
    let seconds = |stamp: Option<Stamp>| {
        stamp.map_or("?".to_owned(), |stamp| {
            (stamp.as_nanos() / 1_000_000).to_string()
        })
    };
    let steps = inside.trace.steps().iter().map(|step| {
        let bounded = if step.bounded { " bounded" } else { "" };
        format!(
            "{} {}..{} {} {:?}{bounded}",
            step.name,
            seconds(step.start),
            seconds(step.end),
            step.took
                .map_or("?".to_owned(), |took| (took.get() / 1_000_000).to_string()),
            step.took_is,
        )
    });
    steps.collect()
}

#[test]
fn a_tool_that_does_one_thing_at_a_time_tells_all() {
    let inside = inside(
        &[
            (1.0, "loading site script"),
            (1.5, "checking for gcc... gcc"),
            (2.0, "checking for ld... ld"),
            (3.0, "collected 2 items"),
            (5.0, "tests/test_a.py ...  [ 50%]"),
            (6.0, "..... [100%]"),
            (8.0, "tests/test_b.py ...  [100%]"),
        ],
        9.0,
    );
    let expected = [
        "for gcc 1000..1500 500 Exactly",
        "for ld 1500..2000 500 Exactly",
        "tests/test_a.py 3000..6000 3000 Exactly",
        "tests/test_b.py 6000..8000 2000 Exactly",
    ];
    assert_eq!(steps(&inside), expected);
}

#[test]
fn make_tells_when_it_begins_and_is_exact_with_one_job() {
    let lines = |flags| {
        [
            (1.0, flags),
            (1.0, "gcc -c -o a.o a.c"),
            (3.0, "gcc -c -o b.o b.c"),
            (4.0, "b.c:1: warning: unused"),
            (7.0, "gcc -o prog a.o b.o"),
            (8.0, "phase checkPhase"),
        ]
    };
    let one = inside(&lines("build flags: SHELL=/bin/sh"), 9.0);
    let expected = [
        "a.o 1000..3000 2000 AtMost bounded",
        "b.o 3000..7000 4000 AtMost bounded",
        "prog 7000..8000 1000 AtMost bounded",
    ];
    assert_eq!(steps(&one), expected);
    // Of several jobs nobody knows which one ended.
    let several = inside(&lines("build flags: -j4 SHELL=/bin/sh"), 9.0);
    let expected = [
        "a.o 1000..8000 2000 UntilNext bounded",
        "b.o 3000..8000 4000 UntilNext bounded",
        "prog 7000..8000 1000 UntilNext bounded",
    ];
    assert_eq!(steps(&several), expected);
    assert_eq!(several.trace.jobs(), Some(4));
    // Where no flags are printed it is not known whether there are several.
    assert_eq!(steps(&inside(&lines("no flags"), 9.0)), expected);
}

#[test]
fn ninja_tells_when_it_is_over() {
    let lines = |flags| {
        [
            (1.0, flags),
            (3.0, "[1/3] Building C object a.o"),
            (4.5, "[2/3] Building C object b.o"),
            (5.0, "[3/3] Linking C executable prog"),
            (7.0, "something else"),
            (8.0, "[1/1] Generating doc"),
        ]
    };
    let expected = [
        "a.o 1000..3000 2000 AtLeast",
        "b.o 3000..4500 1500 AtLeast",
        "prog 4500..5000 500 AtLeast",
        "doc 7000..8000 1000 AtLeast",
    ];
    assert_eq!(steps(&inside(&lines("no flags"), 9.0)), expected);
    let exactly = expected.map(|step| step.replace("AtLeast", "Exactly"));
    assert_eq!(steps(&inside(&lines("build flags: -j1"), 9.0)), exactly);
}

#[test]
fn what_tells_both_ends_is_exact_whatever_runs_beside_it() {
    let inside = inside(
        &[
            (1.0, "-- Looking for x"),
            (2.0, "-- Looking for x - found"),
            (3.0, "Test project /build"),
            (3.0, "    Start 1: one"),
            (3.0, "    Start 2: two"),
            (5.0, "1/2 Test #2: two .....   Passed    2.00 sec"),
            (6.0, "2/2 Test #1: one .....   Passed    3.00 sec"),
            (7.0, "     Running tests/it.rs (target/it)"),
            (7.0, "running 2 tests"),
            (8.0, "test b ... ok"),
            (9.0, "test a ... ok"),
            (9.0, "test result: ok. 2 passed"),
            (10.0, "ok  \texample.org/a\t0.500s"),
        ],
        11.0,
    );
    let expected = [
        "x 1000..2000 1000 Exactly",
        "one 3000..6000 3000 Exactly",
        "two 3000..5000 2000 Exactly",
        "tests/it.rs (target/it) 7000..9000 2000 Exactly",
        "b 7000..8000 1000 AtLeast",
        "a 8000..9000 1000 AtLeast",
        "example.org/a 9500..10000 500 Exactly bounded",
    ];
    assert_eq!(steps(&inside), expected);
}

#[test]
fn a_target_of_cmake_ends_its_objects() {
    let inside = inside(
        &[
            (1.0, "[ 10%] Building C object lib/CMakeFiles/x.dir/a.c.o"),
            (1.0, "[ 20%] Building C object CMakeFiles/y.dir/b.c.o"),
            (2.0, "[ 30%] Linking C shared library libx.so"),
            (4.0, "[ 30%] Built target x"),
            (6.0, "[ 60%] Linking C executable y"),
        ],
        9.0,
    );
    let expected = [
        "lib/CMakeFiles/x.dir/a.c.o 1000..4000 0 UntilNext bounded",
        "CMakeFiles/y.dir/b.c.o 1000..9000 1000 UntilNext bounded",
        "libx.so 2000..4000 2000 Exactly",
        "y 6000..9000 3000 UntilNext bounded",
    ];
    assert_eq!(steps(&inside), expected);
}

#[test]
fn the_time_is_divided_to_the_nanosecond() {
    let inside = inside(
        &[
            (1.0, "phase configurePhase"),
            (3.0, "checking for gcc... gcc"),
            (4.0, "phase buildPhase"),
            (6.0, "gcc -c -o a.o a.c"),
            (7.0, "phase checkPhase"),
            (9.0, "nothing that is known"),
        ],
        10.0,
    );
    let spent: Vec<_> = inside
        .spent
        .iter()
        .map(|(cause, spent)| {
            (
                cause.kind.name(),
                cause.tool.map(Tool::name),
                spent.steps,
                spent.wall.get() / 1_000_000,
            )
        })
        .collect();
    let expected = [
        ("configure", None, 0, 1000),
        ("configure", Some("autotools"), 1, 2000),
        ("compile", Some("make"), 1, 1000),
        ("test", None, 0, 3000),
    ];
    assert_eq!(spent, expected);
    assert_eq!(inside.untold, Some(Nanos::new(3_000_000_000)));
    let silences: Vec<_> = inside
        .trace
        .silences()
        .iter()
        .map(|silence| (silence.interval.length().get() / 1_000_000, &*silence.after))
        .take(3)
        .collect();
    assert_eq!(
        silences,
        [
            (2000, ""),
            (2000, "checking for gcc... gcc"),
            (2000, "gcc -c -o a.o a.c")
        ]
    );
}
