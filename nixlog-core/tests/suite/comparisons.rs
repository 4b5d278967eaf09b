//! Runs of which it is known what differs, compared.

use nixlog_core::analysis::comparison::{Basis, Comparison, Verdict, comparison};
use nixlog_core::analysis::measures::Measure;
use nixlog_core::analysis::past_run::{PastPhase, PastRun, PastUnit};
use nixlog_core::statistics::random::Random;
use nixlog_core::timeline::{End, Outcome, Phase, UnitKind};

const SECOND: f64 = 1e9;

/// A build that took so many seconds, all of them on the critical path if so.
fn build(name: &str, seconds: f64, on_path: bool) -> PastUnit {
    let pname = name.split("-1").next().unwrap_or(name);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "some seconds"
    )]
    let nanos = (seconds * SECOND) as u64;
    PastUnit {
        kind: UnitKind::Build,
        pname: pname.to_owned(),
        name: name.to_owned(),
        system: Some("x86_64-linux".to_owned()),
        outputs: vec!["out".to_owned()],
        path: format!("/nix/store/aaaa-{name}.drv"),
        machine: None,
        substituter: None,
        bytes: None,
        unpacked_bytes: None,
        duration_ns: Some(nanos),
        end: End::Measured,
        outcome: Outcome::Succeeded,
        critical_ns: Some(if on_path { nanos } else { 0 }),
        saving_ns: None,
        builder_phases: Vec::new(),
    }
}

/// A run of builds one after the other, on its critical path as far as they are.
fn run(units: Vec<PastUnit>) -> PastRun {
    let wall: u64 = units.iter().filter_map(|unit| unit.critical_ns).sum();
    let building = PastPhase {
        phase: Phase::Building,
        wall_ns: Some(wall),
        busy_ns: Some(wall),
        work_ns: Some(wall),
        critical_ns: Some(wall),
        units: units.len() as u64,
    };
    PastRun {
        wall_ns: Some(wall),
        timed: true,
        complete: true,
        path_known: true,
        phases: vec![building],
        units,
        ..PastRun::default()
    }
}

/// Noise about 1: two parts in a hundred.
fn noise(random: &mut Random) -> f64 {
    let twelve: f64 = (0..12).map(|_| random.fraction()).sum();
    1.0 + 0.02 * (twelve - 6.0)
}

/// The same, but one in twenty is a third slower.
fn heavy(random: &mut Random) -> f64 {
    let slow = if random.below(20) == 0 { 1.33 } else { 1.0 };
    noise(random) * slow
}

/// Runs of twelve units of 10 s each, the even ones on the path; `factor` makes some slower.
fn repeats(random: &mut Random, n: usize, factor: impl Fn(usize) -> f64) -> Vec<PastRun> {
    noisy(random, n, factor, noise)
}

fn noisy(
    random: &mut Random,
    n: usize,
    factor: impl Fn(usize) -> f64,
    noise: fn(&mut Random) -> f64,
) -> Vec<PastRun> {
    let one = |random: &mut Random| {
        let units = (0..12).map(|nth| {
            let seconds = 10.0 * factor(nth) * noise(random);
            build(&format!("p{nth}-1.0"), seconds, nth % 2 == 0)
        });
        run(units.collect())
    };
    (0..n).map(|_| one(random)).collect()
}

fn wall<'a>(it: &'a Comparison<'_>) -> &'a nixlog_core::analysis::comparison::Difference {
    it.measure(Measure::Wall).expect("all runs have one")
}

fn changed<'a>(it: &'a Comparison<'_>) -> Vec<&'a str> {
    let units = it.units.iter();
    let changed = units.filter(|unit| unit.difference.verdict.is_different());
    changed.map(|unit| unit.after.pname.as_str()).collect()
}

#[test]
fn exactly_what_became_slower_is_named() {
    let mut random = Random::new(1);
    let a = repeats(&mut random, 10, |_| 1.0);
    let b = repeats(&mut random, 10, |nth| match nth {
        4 => 1.5,
        7 => 2.0,
        _ => 1.0,
    });
    let it = comparison(&a, &b, &[]);
    assert_eq!(changed(&it), ["p7", "p4"], "the largest first");
    assert_eq!(wall(&it).verdict, Verdict::Slower);
    assert_eq!(wall(&it).basis, Some(Basis::Test));
    let by = |at: usize| it.units[at].critical.expect("the path is known") / SECOND;
    assert!(by(0).abs() < 1e-9, "nobody waited for it");
    assert!((4.0..6.0).contains(&by(1)), "{}", by(1));
    assert!((it.units[1].difference.ratio().expect("known") - 1.5).abs() < 0.05);
    assert!(it.new.is_empty() && it.gone.is_empty() && it.by_outputs);
    let same = comparison(&a, &a, &[]);
    assert_eq!(changed(&same), [""; 0]);
    assert_eq!(wall(&same).verdict, Verdict::Same);
}

/// A machine that is busier than last time makes everything a little slower: the wall time tells, no unit does.
#[test]
fn what_nobody_notices_is_not_named() {
    let mut random = Random::new(6);
    let a = repeats(&mut random, 20, |_| 1.0);
    let b = repeats(&mut random, 20, |_| 1.03);
    let it = comparison(&a, &b, &[]);
    assert_eq!(wall(&it).verdict, Verdict::Slower);
    assert_eq!(changed(&it), [""; 0]);
    let p = it.units.iter().filter_map(|unit| unit.difference.p);
    assert!(p.filter(|&p| p <= 0.05).count() > 6, "a test sees it");
    // As much of a unit that is most of the wall time is another thing.
    let large = |by: f64| -> Vec<PastRun> {
        let runs = (0..6).map(|nth| {
            run(vec![build(
                "big-1.0",
                100.0 * by + f64::from(nth) / 10.0,
                true,
            )])
        });
        runs.collect()
    };
    let (a, b) = (large(1.0), large(1.03));
    assert_eq!(changed(&comparison(&a, &b, &[])), ["big"]);
}

/// In 2,000 comparisons of runs between which nothing changed, at most one in twenty says that the wall time
/// did, and at most one in twenty names any unit, of twelve.
#[test]
fn few_false_alarms() {
    let mut random = Random::new(2);
    let (mut walls, mut units) = (0, 0);
    for round in 0..2000 {
        let noise = if round % 2 == 0 { noise } else { heavy };
        let mut side = || noisy(&mut random, 5, |_| 1.0, noise);
        let (a, b) = (side(), side());
        let it = comparison(&a, &b, &[]);
        walls += usize::from(wall(&it).verdict != Verdict::Same);
        units += usize::from(!changed(&it).is_empty());
    }
    assert!(walls <= 100 && units <= 100, "{walls} {units}");
}

#[test]
fn a_tenth_more_is_found() {
    let mut random = Random::new(3);
    let found = (0..300)
        .filter(|_| {
            let a = repeats(&mut random, 5, |_| 1.0);
            let b = repeats(&mut random, 5, |_| 1.1);
            wall(&comparison(&a, &b, &[])).verdict == Verdict::Slower
        })
        .count();
    assert!(found >= 285, "{found} of 300");
}

#[test]
fn one_run_a_side_shows_what_can_be_known() {
    let mut random = Random::new(4);
    let all = repeats(&mut random, 10, |_| 1.0);
    let mut slow = repeats(&mut random, 1, |_| 1.5);
    slow[0].substituted = 3;
    let (a, b) = (&all[..1], &slow[..]);
    let it = comparison(a, b, &[]);
    assert_eq!((wall(&it).verdict, wall(&it).p), (Verdict::Unknown, None));
    assert_eq!(changed(&it), [""; 0]);
    assert_eq!(it.more_needed, (3, 3));
    // What is counted needs no test.
    let substituted = it.measure(Measure::Substituted).expect("of one side");
    assert_eq!(
        (substituted.verdict, substituted.basis),
        (Verdict::More, Some(Basis::Exact))
    );
    assert_eq!(
        it.measure(Measure::Built).map(|it| it.verdict),
        Some(Verdict::Same)
    );
    // Repeats tell what is usual.
    let it = comparison(a, b, &all);
    assert_eq!(
        (wall(&it).verdict, wall(&it).basis),
        (Verdict::Slower, Some(Basis::NoiseFloor))
    );
    let it = comparison(a, &all[1..2], &all);
    assert_eq!(wall(&it).verdict, Verdict::Same);
}

/// No size of sides claims more than it can have.
#[test]
fn too_few_runs_claim_nothing() {
    for (n, m, more) in [
        (4, 3, (0, 1)),
        (3, 3, (1, 1)),
        (2, 4, (2, 0)),
        (4, 4, (0, 0)),
    ] {
        let mut random = Random::new(5);
        let a = repeats(&mut random, n, |_| 1.0);
        let b = repeats(&mut random, m, |_| 3.0);
        let it = comparison(&a, &b, &[]);
        assert_eq!(it.more_needed, more, "{n} {m}");
        let can = more == (0, 0);
        assert_eq!(wall(&it).verdict == Verdict::Slower, can, "{n} {m}");
        assert_eq!(wall(&it).p.is_some(), can, "{n} {m}");
    }
}

#[test]
fn units_are_matched_by_package_and_place() {
    let mut fetched = build("moved-1.0", 1.0, false);
    fetched.kind = UnitKind::Substitution;
    let mut other_system = build("twin-1.0", 9.0, false);
    other_system.system = Some("aarch64-linux".to_owned());
    let mut failed = build("failed-1.0", 9.0, false);
    failed.outcome = Outcome::Failed;
    let a = [run(vec![
        build("lib-1.0", 1.0, true),
        build("twin-1.0", 1.0, false),
        other_system.clone(),
        build("many-1.0-a", 3.0, false),
        build("many-1.0-b", 4.0, false),
        build("gone-1.0", 5.0, true),
        build("failed-1.0", 1.0, false),
        fetched,
    ])];
    let b = [run(vec![
        build("many-1.1-b", 4.0, false),
        build("many-1.1-a", 3.0, false),
        build("many-1.1-c", 8.0, false),
        other_system,
        build("twin-1.0", 1.0, false),
        build("lib-1.1", 2.0, true),
        failed,
        build("moved-1.0", 60.0, true),
    ])];
    let it = comparison(&a, &b, &[]);
    let mut by: Vec<(&str, &str, Option<f64>)> = it
        .units
        .iter()
        .map(|unit| {
            let by = unit.difference.by().map(|by| by / SECOND);
            (unit.before.name.as_str(), unit.after.name.as_str(), by)
        })
        .collect();
    by.sort_by(|a, b| a.1.cmp(b.1));
    let want = [
        // How long it took to fail is compared with nothing.
        ("failed-1.0", "failed-1.0", None),
        ("lib-1.0", "lib-1.1", Some(1.0)),
        ("many-1.0-a", "many-1.1-a", Some(0.0)),
        ("many-1.0-b", "many-1.1-b", Some(0.0)),
        ("twin-1.0", "twin-1.0", Some(0.0)),
        ("twin-1.0", "twin-1.0", Some(0.0)),
    ];
    assert_eq!(by, want);
    let names = |units: &[nixlog_core::analysis::comparison::LoneUnit<'_>]| -> Vec<(String, Option<UnitKind>)> {
        units.iter().map(|it| (it.unit.name.clone(), it.otherwise)).collect()
    };
    assert_eq!(
        names(&it.new),
        [
            ("moved-1.0".to_owned(), Some(UnitKind::Substitution)),
            ("many-1.1-c".to_owned(), None)
        ]
    );
    assert_eq!(
        names(&it.gone),
        [
            ("gone-1.0".to_owned(), None),
            ("moved-1.0".to_owned(), Some(UnitKind::Build))
        ]
    );
    assert_eq!(it.uneven, 1, "of `many` there are two and three");
    assert_eq!(it.new[0].critical.map(|nanos| nanos / SECOND), Some(60.0));
}

#[test]
fn without_derivations_packages_do() {
    let mut bare = build("lib-1.0", 2.0, true);
    (bare.system, bare.outputs) = (None, Vec::new());
    let (a, b) = ([run(vec![build("lib-1.0", 1.0, true)])], [run(vec![bare])]);
    let it = comparison(&a, &b, &[]);
    assert!(!it.by_outputs && it.units.len() == 1 && it.new.is_empty());
}

#[test]
fn what_nobody_knows_stays_unknown() {
    let unknown = PastRun::default();
    let a = [unknown.clone()];
    let it = comparison(&a, &a, &a);
    assert!(it.measures.is_empty() && it.units.is_empty());
    let b = [run(vec![build("lib-1.0", 1.0, true)])];
    let it = comparison(&a, &b, &[]);
    assert_eq!(wall(&it).verdict, Verdict::Unknown);
    assert_eq!((wall(&it).a, wall(&it).by()), (None, None));
    let it = comparison(&[], &[], &[]);
    assert!(it.measures.is_empty());
}
