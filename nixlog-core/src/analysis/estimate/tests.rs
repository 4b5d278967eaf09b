//! Estimates against worlds of which the truth is known: their durations are drawn here.

use super::random::normal;
use super::*;
use crate::analysis::past_run::{PastRun, PastUnit};
use crate::graph::{DerivationGraph, GraphBuilder, NodeIdx, NodeKind};
use crate::timeline::{End, Outcome};

const N: u32 = 24;

/// How long packages take in a world, in seconds, and by how much that varies.
struct World {
    seed: u64,
    noise: f64,
}

impl World {
    fn usual(&self, package: u32) -> f64 {
        (1.0 + normal(self.seed, 0, package)).exp()
    }

    /// Draws what a package took in a run.
    fn took(&self, run: u32, package: u32) -> f64 {
        let own = normal(self.seed ^ 0xa5a5, run, package) * self.noise;
        let common = normal(self.seed ^ 0x5a5a, run, 1000) * 0.05;
        self.usual(package) * (own + common).exp()
    }

    fn past(&self, run: u32, knows: impl Fn(u32) -> bool) -> PastRun {
        let units = (0..N).filter(|&package| knows(package));
        PastRun {
            timed: true,
            units: units
                .map(|package| built(&name(package), self.took(run, package)))
                .collect(),
            ..PastRun::default()
        }
    }

    /// Returns what a run really takes.
    fn truth(&self, plan: &Plan, run: u32, slots: u32) -> Nanos {
        let mut tasks = plan.simulated();
        for (node, task) in plan.tasks() {
            let package = (0..N).find(|&package| name(package) == task.name);
            let seconds = self.took(run, package.expect("it is one of them"));
            tasks[node as usize].duration = Nanos::new(usual::nanos(seconds));
        }
        let options = simulation::Options::new(vec![Pool::new(slots)]);
        simulate(&plan.workload(&tasks), &options).makespan
    }
}

fn name(package: u32) -> String {
    format!(
        "pkg{}-1.0",
        char::from(b'a' + u8::try_from(package).expect("few"))
    )
}

fn built(name: &str, seconds: f64) -> PastUnit {
    PastUnit::seen(UnitKind::Build, name, None, usual::nanos(seconds))
}

/// Makes a graph in which each needs two of those before it.
fn graph(names: impl Iterator<Item = String>, seed: u64) -> (DerivationGraph, Vec<NodeIdx>) {
    let mut builder = GraphBuilder::default();
    let mut nodes: Vec<NodeIdx> = Vec::new();
    for (number, name) in names.enumerate() {
        let node = builder.node(&format!("7ajh8plhm64ypnph30js1a3lq6zsyxqr-{name}.drv"));
        builder.node_mut(node).kind = NodeKind::Derivation;
        for turn in 0..2_u32 {
            let place = normal(seed, turn, u32::try_from(number).expect("few")).abs() * 4.0;
            let before = (1..=nodes.len()).find(|&it| float(it) > place);
            if let Some(before) = before {
                builder.depend(node, nodes[nodes.len() - before], []);
            }
        }
        nodes.push(node);
    }
    (builder.finish().expect("no circle"), nodes)
}

/// Returns the share of worlds whose next run is in the range, and the median error.
fn calibration(knows: impl Fn(u32) -> bool + Copy, slots: u32) -> (f64, f64) {
    let n_worlds = 100;
    let (mut n_inside, mut errors) = (0, Vec::new());
    for seed in 1..=n_worlds {
        let world = World { seed, noise: 0.15 };
        let (graph, nodes) = graph((0..N).map(name), seed);
        let plan = Plan::new(&graph, &nodes, []);
        let past: Vec<PastRun> = (0..8).map(|run| world.past(run, knows)).collect();
        let mut options = Options::new(slots);
        options.samples = 200;
        options.attribute = false;
        let said = estimate(&plan, &Usual::new(&past), &options);
        let said = said.makespan.expect("there is a history");
        let took = world.truth(&plan, 100, slots);
        n_inside += usize::from(said.p10 <= took && took <= said.p90);
        errors.push((float64(said.p50.get()) / float64(took.get()) - 1.0).abs());
    }
    errors.sort_by(f64::total_cmp);
    (
        float(n_inside) / float(errors.len()),
        errors[errors.len() / 2],
    )
}

#[test]
fn eight_of_ten_are_in_the_range() {
    for slots in [1, 3, 16] {
        let (inside, error) = calibration(|_| true, slots);
        assert!((0.72..=0.95).contains(&inside), "{slots} slots: {inside}");
        assert!(error < 0.1, "{slots} slots: {error}");
    }
}

/// Where a third of the packages was never seen, the range is wider, and holds.
#[test]
fn what_was_never_seen_widens_the_range() {
    let (inside, error) = calibration(|package| package % 3 != 0, 3);
    assert!(inside >= 0.75, "{inside}");
    assert!(error < 0.4, "{error}");
}

#[test]
fn each_basis_is_wider_than_the_one_before() {
    let mut units = vec![built("tool-2.0", 10.0), built("old-1.0", 10.0)];
    units.extend((1..6).map(|n| built(&format!("python3.12-{}-1", "abcdef".repeat(n)), 10.0)));
    units.extend([built("x", 3.0), built("y", 30.0)]);
    let run = PastRun {
        timed: true,
        units,
        ..PastRun::default()
    };
    let names = ["tool-2.0", "old-1.1", "python3.13-z-1", "other-9"];
    let (graph, nodes) = graph(names.iter().map(|&it| it.to_owned()), 1);
    let plan = Plan::new(&graph, &nodes, []);
    let said = estimate(&plan, &Usual::new([&run]), &Options::new(1));
    let of = |name: &str| {
        let mut units = said.units.iter();
        units
            .find(|it| plan.task(it.node).is_some_and(|task| task.name == name))
            .expect("it is planned")
    };
    let bases = names.map(|name| of(name).basis);
    assert_eq!(
        bases,
        [
            Basis::SameVersion,
            Basis::SamePackage,
            Basis::Similar,
            Basis::None
        ]
    );
    let widths = names.map(|name| {
        let range = of(name).range.expect("there is a history");
        float64(range.p90.get()) / float64(range.p10.get())
    });
    assert!(widths.is_sorted(), "{widths:?}");
    assert_eq!(estimate(&plan, &Usual::new([&run]), &Options::new(1)), said);
}

/// Without derivations nobody can tell a download from a build, and it takes as long all the same.
#[test]
fn a_download_may_have_been_taken_for_a_build() {
    let (mut builder, path) = (
        GraphBuilder::default(),
        "7ajh8plhm64ypnph30js1a3lq6zsyxqr-a-1.drv",
    );
    let node = builder.node(path);
    builder.node_mut(node).kind = NodeKind::Derivation;
    builder.node_mut(node).is_fixed_output = true;
    let graph = builder.finish().expect("no circle");
    let plan = Plan::new(&graph, &[node], []);
    let run = PastRun {
        timed: true,
        units: vec![built("a-1", 5.0)],
        ..PastRun::default()
    };
    let said = estimate(&plan, &Usual::new([&run]), &Options::new(1));
    assert_eq!(said.units[0].basis, Basis::SameVersion);
    assert!(said.makespan.is_some());
}

/// Nothing is made up: no history, nothing to do, failed builds.
#[test]
fn without_a_history_nothing_is_said() {
    let (graph, nodes) = graph(["a-1".to_owned()].into_iter(), 1);
    let plan = Plan::new(&graph, &nodes, []);
    let options = Options::new(1);
    let said = estimate(&plan, &Usual::default(), &options);
    assert_eq!(
        (said.makespan, said.work, said.units[0].range),
        (None, None, None)
    );
    let mut failed = built("a-1", 5.0);
    failed.outcome = Outcome::Failed;
    let mut open = built("a-1", 5.0);
    open.end = End::Open;
    let run = PastRun {
        timed: true,
        units: vec![failed, open],
        ..PastRun::default()
    };
    assert_eq!(
        estimate(&plan, &Usual::new([&run]), &options).makespan,
        None
    );
    let untimed = PastRun {
        units: vec![built("a-1", 5.0)],
        ..PastRun::default()
    };
    assert_eq!(
        estimate(&plan, &Usual::new([&untimed]), &options).makespan,
        None
    );
    let nothing = Plan::new(&graph, &[], []);
    assert_eq!(
        estimate(&nothing, &Usual::default(), &options).makespan,
        None
    );
}

/// Downloads take as long as their bytes need, all at once no less than the line does.
#[test]
fn downloads_go_by_their_size() {
    let mebibyte = 1024 * 1024;
    let fetched = |name: &str, bytes: u64, seconds: f64| PastUnit {
        kind: UnitKind::Substitution,
        bytes: Some(bytes),
        ..built(name, seconds)
    };
    let run = PastRun {
        timed: true,
        units: (1..9)
            .map(|n| fetched(&format!("lib{n}"), n * mebibyte, float64(n)))
            .collect(),
        ..PastRun::default()
    };
    let (graph, _) = graph(std::iter::empty(), 1);
    let mut plan = Plan::new(&graph, &[], ["7ajh8plhm64ypnph30js1a3lq6zsyxqr-new"]);
    let options = Options::new(1);
    let usual = Usual::new([&run]);
    assert_eq!(
        estimate(&plan, &usual, &options).units[0].range,
        None,
        "nobody knows how large"
    );
    plan.download_bytes = Some(60 * mebibyte);
    let said = estimate(&plan, &usual, &options);
    let range = said.units[0].range.expect("how large is known");
    let seconds = float64(range.p50.get()) / 1e9;
    assert!((40.0..90.0).contains(&seconds), "{seconds}");
    assert_eq!(said.download_bytes, Some(60 * mebibyte));
}

/// What runs already takes what is left of it; what runs longer than ever takes longer still.
#[test]
fn what_is_left_of_what_runs() {
    let past: Vec<PastRun> = (0..20)
        .map(|run| PastRun {
            timed: true,
            units: vec![
                built("pkga-1.0", 10.0 + f64::from(run % 3) * 0.1),
                built("pkgb-1.0", 4.0),
            ],
            ..PastRun::default()
        })
        .collect();
    let usual = Usual::new(&past);
    let typical = usual.typical(UnitKind::Build, "pkga-1.0").expect("seen");
    assert!((float64(typical.get()) / 10.1e9 - 1.0).abs() < 0.02);
    assert_eq!(usual.typical(UnitKind::Build, "pkgz-1.0"), None);
    let mut builder = GraphBuilder::default();
    let paths = ["a", "b"].map(|it| format!("7ajh8plhm64ypnph30js1a3lq6zsyxqr-pkg{it}-1.0.drv"));
    let nodes = paths.each_ref().map(|path| builder.node(path));
    builder.depend(nodes[1], nodes[0], []);
    let graph = builder.finish().expect("no circle");
    let left = |nodes: &[NodeIdx], elapsed: u64| {
        let plan = Plan::new(&graph, nodes, []);
        let elapsed = [(&*paths[0], Nanos::new(elapsed * 1_000_000_000))];
        let elapsed = HashMap::from(elapsed);
        remaining(&plan, &usual, &Options::new(1), &elapsed)
            .map(|range| float64(range.p50.get()) / 1e9)
    };
    let near = |left: Option<f64>, want: f64| {
        let left = left.expect("an estimate");
        assert!((left / want - 1.0).abs() < 0.15, "{left} for {want}");
    };
    near(left(&nodes, 0), 14.1);
    near(left(&nodes, 6), 8.1);
    near(left(&nodes, 40), 10.0 + 4.0);
    near(left(&nodes[1..], 0), 4.0);
    assert_eq!(left(&[], 0), None);
}
