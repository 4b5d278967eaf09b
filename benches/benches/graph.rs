//! Algorithms over graphs: `cargo bench -p nixlog-benches --bench graph`, `-- --quick` for a first look.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nixlog_benches::graphs::{Input, LINEAR, MOST_FOR_QUADRATIC, QUADRATIC};

fn graph(criterion: &mut Criterion) {
    for n_nodes in [1_000, 10_000, 100_000, 1_000_000] {
        let input = Input::new(n_nodes);
        let mut group = criterion.benchmark_group(format!("graph/{n_nodes}"));
        let n_edges = u64::try_from(input.dag.n_edges()).expect("a count fits in 64 bits");
        group.throughput(Throughput::Elements(n_edges));
        group.sample_size(10);
        let quadratic = QUADRATIC.iter().filter(|_| n_nodes <= MOST_FOR_QUADRATIC);
        for (name, run) in LINEAR.iter().chain(quadratic) {
            group.bench_function(*name, |bencher| bencher.iter(|| run(black_box(&input))));
        }
        group.finish();
    }
}

criterion_group!(benches, graph);
criterion_main!(benches);
