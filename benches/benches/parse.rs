//! Bytes per second of reading: `cargo bench -p nixlog-benches`, `-- --quick` for a first look.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nixlog_benches::{baseline, inputs, stages};

fn parse(criterion: &mut Criterion) {
    for input in inputs::all() {
        let mut group = criterion.benchmark_group(format!("parse/{}", input.name));
        let bytes = u64::try_from(input.text.len()).expect("a length fits in 64 bits");
        group.throughput(Throughput::Bytes(bytes));
        group.sample_size(10);
        group.bench_function("newlines", |bencher| {
            bencher.iter(|| baseline::newlines(black_box(input.text.as_bytes())));
        });
        group.bench_function("serde_json", |bencher| {
            bencher.iter(|| baseline::parse(black_box(&input.text)));
        });
        group.bench_function("serde_json_in_place", |bencher| {
            bencher.iter(|| baseline::parse_in_place(black_box(&input.text)));
        });
        group.bench_function("events", |bencher| {
            bencher.iter(|| stages::events(black_box(&input.text)));
        });
        group.bench_function("timeline", |bencher| {
            bencher.iter(|| stages::timeline(black_box(&input.text)));
        });
        group.bench_function("phases", |bencher| {
            bencher.iter(|| stages::phases(black_box(&input.text)));
        });
        group.bench_function("live", |bencher| {
            bencher.iter(|| stages::live(black_box(&input.text)));
        });
        group.bench_function("pending", |bencher| {
            bencher.iter(|| stages::pending(black_box(&input.text)));
        });
        group.finish();
    }
}

criterion_group!(benches, parse);
criterion_main!(benches);
