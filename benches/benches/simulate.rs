//! Simulations per second: `cargo bench -p nixlog-benches --bench simulate`, `-- --quick` for a look.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nixlog_core::analysis::simulation::{
    Options, Order, Pool, Run, Task, Workload, bounds, recorded, simulate, sweep,
};
use nixlog_core::graph::Dag;
use nixlog_core::time::{Interval, Nanos, Stamp};

/// A generator of numbers that is the same everywhere (Knuth's MMIX).
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// Makes a graph in which each node needs four of the thousand before it, as packages need libraries.
fn graph(n: u32) -> (Dag, Vec<Task>) {
    let mut random = Random(7);
    let mut below = |n: u32| u32::try_from(random.below(u64::from(n.max(1)))).unwrap_or(0);
    let mut edges = Vec::new();
    let mut tasks = Vec::new();
    for node in 0..n {
        if node > 8 {
            edges.extend((0..4).map(|_| (node, node - 1 - below(node.min(1000)))));
        }
        tasks.push(Task {
            duration: Nanos::new(u64::from(below(2_000_000_000))),
            start_cost: Nanos::new(5_000_000),
            finish_cost: Nanos::new(2_000_000),
            rank: node.reverse_bits(),
            recorded: node,
            ..Task::default()
        });
    }
    (Dag::new(tasks.len(), edges).expect("no cycle"), tasks)
}

fn simulation(criterion: &mut Criterion) {
    for n in [1_000, 10_000, 100_000, 1_000_000] {
        let (dag, tasks) = graph(n);
        let workload = Workload {
            dag: &dag,
            tasks: &tasks,
        };
        let options = Options::new(vec![Pool::new(16)]);
        let mut group = criterion.benchmark_group(format!("simulate/{n}"));
        group.throughput(Throughput::Elements(u64::from(n)));
        group.sample_size(10);
        for (name, order) in [
            ("nix", Order::Nix),
            ("critical_path", Order::CriticalPathFirst),
        ] {
            let options = options.clone().with_order(order);
            group.bench_function(name, |bencher| {
                bencher.iter(|| simulate(black_box(&workload), &options));
            });
        }
        group.bench_function("bounds", |bencher| {
            bencher.iter(|| bounds(black_box(&workload), &options));
        });
        let schedule = simulate(&workload, &options);
        let times = schedule.start.iter().zip(&schedule.finish).zip(&tasks);
        let run = |((start, end), task): ((&Nanos, &Nanos), &Task)| Run {
            interval: Interval::new(Stamp::ZERO + *start, Stamp::ZERO + *end).expect("in order"),
            pool: 0,
            rank: task.rank,
            hook: Nanos::ZERO,
            capped_until: None,
        };
        let runs: Vec<Run> = times.map(run).collect();
        group.bench_function("recorded", |bencher| {
            bencher.iter(|| recorded(black_box(&dag), &runs, &options.pools));
        });
        if n <= 100_000 {
            let slots: Vec<u32> = (1..=64).collect();
            group.bench_function("sweep_64", |bencher| {
                bencher.iter(|| sweep(black_box(&workload), &options, 0, &slots));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, simulation);
criterion_main!(benches);
