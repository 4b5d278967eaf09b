//! Logs for people, as terminals and CI have them: what is told of starts, ends and outcomes.

use nixlog_core::analysis::run_graph::Coverage;
use nixlog_core::analysis::sufficiency::{Extent, sufficiency};
use nixlog_core::store_path::name_of;
use nixlog_core::timeline::{Outcome, Timeline, UnitKind};

use crate::recordings::timeline;

/// Where nobody knows when.
const NEVER: u64 = u64::MAX;

/// Milliseconds, or [`NEVER`].
fn millis(nanos: Option<u64>) -> u64 {
    nanos.map_or(NEVER, |nanos| nanos / 1_000_000)
}

/// Gives the units of a kind: name, start, end, outcome.
fn units(timeline: &Timeline, kind: UnitKind) -> Vec<(String, u64, u64, Outcome)> {
    let units = timeline.units().iter();
    let units = units.filter(|unit| unit.kind == kind);
    units
        .map(|unit| {
            let name = name_of(timeline.name(unit.subject)).to_owned();
            let at = |stamp: Option<nixlog_core::time::Stamp>| {
                millis(stamp.map(|stamp| stamp.as_nanos()))
            };
            (name, at(unit.start), at(unit.end), unit.outcome)
        })
        .collect()
}

fn builds(log: &str) -> Vec<(String, u64, u64, Outcome)> {
    units(&timeline(log.as_bytes()), UnitKind::Build)
}

fn check(log: &str, want: &[(&str, u64, u64, Outcome)]) {
    let want: Vec<_> = want
        .iter()
        .map(|&(name, start, end, outcome)| (name.to_owned(), start, end, outcome))
        .collect();
    assert_eq!(builds(log), want, "{log}");
}

const CAST: &str = "{\"version\": 2, \"width\": 160, \"height\": 40}\n";

/// Makes a recording of a terminal from seconds and what was written then.
fn cast(chunks: &[(f64, &str)]) -> String {
    let chunk = |&(at, text): &(f64, &str)| {
        let text = serde_json::to_string(text).expect("a text is JSON");
        format!("[{at}, \"o\", {text}]\n")
    };
    CAST.to_owned() + &chunks.iter().map(chunk).collect::<String>()
}

/// A state of Nix's status line.
fn state(text: &str) -> String {
    format!("\r{text}\u{1b}[0m\u{1b}[K")
}

use Outcome::{Failed, Succeeded, Unknown};

#[test]
fn a_status_line_tells_when_builds_run() {
    let log = cast(&[
        (1.0, &state("evaluating derivation 'x#y'")),
        (
            5.0,
            &state(
                "[1/0/3 built, 1/196/197 copied (773.7 MiB/2.1 GiB)] building \u{1b}[1ma-1.0\u{1b}[0m (buildPhase): x",
            ),
        ),
        (9.0, &state("[2/0/3 built] building b-1.0")),
        (15.0, &state("[1/2/3 built] building c-1.0 (buildPhase)")),
        (25.0, "\r\u{1b}[K"),
    ]);
    check(
        &log,
        &[
            ("a-1.0", 5000, 15000, Succeeded),
            ("b-1.0", 9000, 15000, Succeeded),
            ("c-1.0", 15000, NEVER, Unknown),
        ],
    );
    let evaluation = units(&timeline(log.as_bytes()), UnitKind::Evaluation);
    assert_eq!(evaluation[0].2, 5000);
}

#[test]
fn a_status_of_several_lines_tells_when_builds_run() {
    let (begin, end) = ("\u{1b}[?2026h\u{1b}[G", "\u{1b}[?2026l");
    let first = format!(
        "{begin}\u{1b}[1F\u{1b}[J[2/0/3 built]\u{1b}[0m\r\nbuilding a-1.0 (buildPhase): x\u{1b}[0m\r\nbuilding b-1.0\u{1b}[0m\r\n{end}"
    );
    let second = format!(
        "{begin}\u{1b}[3F\u{1b}[J[2/1/3 built]\u{1b}[0m\r\nbuilding b-1.0\u{1b}[0m\r\nbuilding c-1.0\u{1b}[0m\r\n{end}"
    );
    let last = format!("{begin}\u{1b}[3F\u{1b}[J{end}");
    check(
        &cast(&[(5.0, &first), (15.0, &second), (25.0, &last)]),
        &[
            ("a-1.0", 5000, 15000, Succeeded),
            ("b-1.0", 5000, NEVER, Unknown),
            ("c-1.0", 15000, NEVER, Unknown),
        ],
    );
}

#[test]
fn a_message_names_the_build_that_a_status_line_shows() {
    let drv = "/nix/store/x8l5i34yws4jm9vi6nj1791xr3rjqr3g-b-1.0.drv";
    let error = format!(
        "\r\u{1b}[Kerror: Cannot build '{drv}'.\n       Reason: builder failed with exit code 2.\n"
    );
    let log = cast(&[
        (
            5.0,
            &state("[1/0/3 built] building a-1.0 on ssh-ng://m (buildPhase): x"),
        ),
        (
            9.0,
            &format!(
                "\r\u{1b}[Ka> done\n{}",
                state("[1/1/3 built] building b-1.0 (installPhase): x")
            ),
        ),
        (12.0, &state("[1/3 built (1 failed)]")),
        (12.5, &error),
    ]);
    check(
        &log,
        &[
            ("a-1.0", 5000, 9000, Succeeded),
            ("b-1.0", 9000, 12000, Failed),
        ],
    );
}

#[test]
fn a_time_that_only_a_line_has_is_not_that_of_its_redraws() {
    let states = state("[1/0/1 built] building a-1.0") + &state("[1 built]");
    check(
        &format!("1.000000 x\n1.000000 x\n1.000000 x\n9.000000 {states}\r\u{1b}[K\n"),
        &[("a-1.0", NEVER, NEVER, Succeeded)],
    );
}

#[test]
fn a_name_that_is_cut_off_is_the_one_that_goes_on_like_that() {
    let log = cast(&[
        (1.0, &state("[1/0/3 built] building hello-2.")),
        (2.0, &state("[1/0/3 built] building hell")),
        (3.0, &state("[0/3 built] hello-2.12 x")),
        (4.0, &state("[1/0/3 built] building hello-2.12 (b")),
    ]);
    let names: Vec<_> = builds(&log).into_iter().map(|build| build.0).collect();
    assert_eq!(
        names,
        ["hello-2.", "hell", "hello-2.12"],
        "none is as long as the line"
    );
    let log = cast(&[
        (1.0, &state("[1/0/30 built, 5 copied] building hel")),
        (2.0, &state("[1/0/30 built] building hello-2.12 (b")),
    ]);
    check(&log, &[("hello-2.12", 1000, 2000, Unknown)]);
}

#[test]
fn what_is_announced_twice_starts_with_the_second() {
    let line = |at: &str, name: &str| {
        format!("{at} building '/nix/store/x8l5i34yws4jm9vi6nj1791xr3rjqr3g-{name}.drv'...\n")
    };
    let log = [
        line("0.600000", "a"),
        line("0.600000", "b"),
        line("0.600000", "c"),
        line("10.600000", "b"),
        line("20.600000", "c"),
        "30.600000 done\n".to_owned(),
    ]
    .concat();
    check(
        &log,
        &[
            ("a", 600, NEVER, Unknown),
            ("b", 10600, NEVER, Unknown),
            ("c", 20600, NEVER, Unknown),
        ],
    );
    let all = timeline(log.as_bytes());
    // Any of them may have been at work up to the end.
    assert_eq!(bounds(&all, UnitKind::Build), [30_600, 30_600, 30_600]);
    // Something came of the first: it is another attempt.
    let failed = "5.000000 error: builder for '/nix/store/x8l5i34yws4jm9vi6nj1791xr3rjqr3g-a.drv' failed with exit code 1\n";
    let again = [&line("0.600000", "a"), failed, &line("6.000000", "a")].concat();
    assert_eq!(builds(&again).len(), 2);
}

#[test]
fn no_copy_of_a_burst_took_the_whole_time() {
    let copy = |at: &str, name: &str| {
        format!(
            "{at} copying path '/nix/store/x8l5i34yws4jm9vi6nj1791xr3rjqr3g-{name}' from 'https://x'...\n"
        )
    };
    let build = "41.000000 building '/nix/store/x8l5i34yws4jm9vi6nj1791xr3rjqr3g-c.drv'...\n";
    let log = [
        &copy("1.000000", "a"),
        &copy("1.010000", "b"),
        build,
        "50.000000 x\n",
    ]
    .concat();
    let all = timeline(log.as_bytes());
    assert_eq!(
        units(&all, UnitKind::Substitution),
        [
            ("a".to_owned(), 1000, NEVER, Unknown),
            ("b".to_owned(), 1010, NEVER, Unknown)
        ]
    );
    assert_eq!(bounds(&all, UnitKind::Substitution), [50_000, 50_000]);
}

/// Returns by when the units of a kind had ended, in milliseconds.
fn bounds(timeline: &Timeline, kind: UnitKind) -> Vec<u64> {
    let units = timeline.units().iter().filter(|unit| unit.kind == kind);
    let bounds = units.map(|unit| unit.end_at_most.map(|bound| bound.as_nanos()));
    bounds.map(millis).collect()
}

#[test]
fn a_nix_that_a_build_runs_is_no_part_of_the_build() {
    let outer = "/nix/store/18l5i34yws4jm9vi6nj1791xr3rjqr3g-nix-2.4.drv";
    let inner = "/build/store/05j95s7lp2xqj2fnszhss1j8bfcjqksf-simple";
    let log = format!(
        "1.000000 this derivation will be built:\n1.000000   {outer}\n1.200000 building '{outer}'...\n\
         5.000000 this derivation will be built:\n5.000000   {inner}.drv\n\
         5.000000 these 2 paths will be fetched (0.00 MiB download, 0.00 MiB unpacked):\n5.000000   {inner}\n\
         5.100000 building '{inner}.drv'...\n5.200000 copying path '{inner}' from 'file:///x'...\n\
         6.000000 error: builder for '{inner}.drv' failed with exit code 1;\n\
         6.000000        last 1 log lines:\n6.000000        > x\n60.000000 /nix/store/x\n"
    );
    check(&log, &[("nix-2.4", 1200, NEVER, Unknown)]);
    let all = timeline(log.as_bytes());
    assert_eq!((all.plan().builds, all.plan().fetches), (Some(1), None));
    assert!(units(&all, UnitKind::Substitution).is_empty());
}

#[test]
fn nom_tells_of_starts_and_of_how_long_builds_took() {
    let log = "3.400000 a> building '/nix/store/zwrw97v830rp08ds4970acnfvbs7vm9z-a.drv'\n\
        3.500000 b-1.0> building '/nix/store/nvk4rhwgd5ihvwd836zwi8kpd4jg8qy9-b-1.0.drv'\n\
        3.700000 a> Running phase: installPhase\n4.700000 b-1.0> Running phase: installPhase\n\
        90.000000 ┏━ Dependency Graph with 2 roots:\n90.000000 ┃ ✔ a ⏱ 1m2s\n90.000000 ┃ ✔ b-1.0\n";
    check(
        log,
        &[
            ("a", 3400, 65400, Succeeded),
            ("b-1.0", 3500, 4700, Unknown),
        ],
    );
    let all = timeline(log.as_bytes());
    assert!(all.is_nix());
    assert!(
        all.units()
            .iter()
            .filter(|unit| unit.kind == UnitKind::Build)
            .all(|unit| unit.phases.len() == 1)
    );
}

#[test]
fn the_log_of_one_build_tells_of_no_build() {
    let log = "Running phase: unpackPhase\n@nix { \"action\": \"setPhase\", \"phase\": \"unpackPhase\" }\nmake: x\n";
    let timeline = timeline(log.as_bytes());
    let answers = sufficiency(&timeline, &Coverage::default());
    assert!(
        answers.iter().all(|answer| answer.extent == Extent::None),
        "{answers:?}"
    );
    assert!(
        answers[0]
            .why
            .as_deref()
            .is_some_and(|why| why.contains("`nix log`"))
    );
}
