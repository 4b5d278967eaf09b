//! Derivations: `cargo bench -p nixlog-benches --bench derivations`, `-- --quick` for a first look.

use std::fs;
use std::hint::black_box;
use std::path::PathBuf;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nixlog_benches::generator::{File, derivations, graph};
use nixlog_core::drv::Derivation;
use nixlog_core::graph::GraphBuilder;

/// Files of the size that those of nixpkgs have, all in one folder: what parsing costs, against what
/// reading does.
fn files(criterion: &mut Criterion) {
    const N_FILES: usize = 2000;
    let files = derivations(&graph(N_FILES, 10, 7), 2300, 7);
    let n_bytes: usize = files.iter().map(|(_, file)| file.len()).sum();
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let paths: Vec<PathBuf> = files
        .iter()
        .map(|(name, file)| {
            let path = folder.path().join(name);
            fs::write(&path, file).expect("a place for the files");
            path
        })
        .collect();
    let mut group = criterion.benchmark_group(format!("drv/{}B", n_bytes / N_FILES));
    group.throughput(Throughput::Elements(N_FILES as u64));
    group.sample_size(20);
    let parse = |file: &[u8]| {
        let derivation = Derivation::parse(file).expect("well-formed");
        derivation.inputs.len()
    };
    group.bench_function("read", |bencher| {
        bencher.iter(|| -> usize {
            let read = paths
                .iter()
                .map(|path| fs::read(path).expect("a file").len());
            black_box(read.sum())
        });
    });
    group.bench_function("parse", |bencher| {
        bencher.iter(|| -> usize { files.iter().map(|(_, file)| parse(black_box(file))).sum() });
    });
    group.bench_function("parse_and_walk", |bencher| {
        bencher.iter(|| -> usize {
            let walk = |file: &[u8]| {
                let derivation = Derivation::parse(file).expect("well-formed");
                let inputs = derivation.inputs.iter();
                let n: usize = inputs.map(|input| input.path.raw().len()).sum();
                n + usize::from(derivation.attributes().prefers_local)
            };
            files.iter().map(|(_, file)| walk(black_box(file))).sum()
        });
    });
    group.bench_function("read_and_build_graph", |bencher| {
        bencher.iter(|| {
            let mut builder = GraphBuilder::default();
            for (path, (name, _)) in paths.iter().zip(&files) {
                let file = fs::read(path).expect("a file");
                let derivation = Derivation::parse(&file).expect("well-formed");
                builder.add_derivation(name, &derivation);
            }
            builder.finish().expect("no cycle").len()
        });
    });
    group.finish();
}

/// Graphs from files in memory.
fn graphs(criterion: &mut Criterion) {
    for n_nodes in [1_000, 10_000, 100_000] {
        let files: Vec<File> = derivations(&graph(n_nodes, 10, 7), 100, 7);
        let mut group = criterion.benchmark_group(format!("derivation_graph/{n_nodes}"));
        group.throughput(Throughput::Elements(n_nodes as u64));
        group.sample_size(10);
        group.bench_function("parse", |bencher| {
            bencher.iter(|| -> usize {
                let parsed = files.iter().map(|(_, file)| Derivation::parse(file));
                parsed
                    .map(|drv| drv.expect("well-formed").inputs.len())
                    .sum()
            });
        });
        group.bench_function("build", |bencher| {
            bencher.iter(|| {
                let mut builder = GraphBuilder::default();
                for (name, file) in &files {
                    let derivation = Derivation::parse(file).expect("well-formed");
                    builder.add_derivation(name, &derivation);
                }
                builder.finish().expect("no cycle").dag().n_edges()
            });
        });
        group.finish();
    }
}

criterion_group!(benches, files, graphs);
criterion_main!(benches);
