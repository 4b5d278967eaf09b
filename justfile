# `just` lists the recipes. .ci/run is what CI runs, and runs without `just`.

# List the recipes
default:
    @just --list

# Format, lint and document, warnings as errors; licences and advisories where cargo-deny is installed
check:
    cargo fmt --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
    if command -v cargo-deny >/dev/null; then cargo deny check; fi

# Run every test, as the README says
test:
    cargo test --workspace

# Rewrite the snapshots and the samples in the README; read the diff before you commit it
bless:
    INSTA_UPDATE=always cargo test --workspace

# Measure throughput, with serde_json and newlines alone in the same run
bench *ARGS:
    cargo bench --package nixlog-benches -- {{ ARGS }}

# Build the API documentation and open it
doc:
    cargo doc --workspace --no-deps --open

# Check the recordings against the checksums in corpus/README.md
corpus:
    cargo test --package nixlog-core --test suite corpus_files

# Fuzz one target for some seconds: log, recording, drv, derivation_json, path_info. Needs cargo-fuzz and a nightly Rust
fuzz TARGET="log" SECONDS="60":
    mkdir -p fuzz/corpus/{{ TARGET }}
    cargo +nightly fuzz run {{ TARGET }} fuzz/corpus/{{ TARGET }} fuzz/seeds/{{ TARGET }} -- -max_total_time={{ SECONDS }} -timeout=10
