//! The only integration binary of the core: golden, property and layer tests.
#![expect(clippy::disallowed_methods, reason = "tests read the corpus")]

mod allocation;
mod cache_candidates;
mod charts;
mod corpus_files;
mod critical_path;
mod derivations;
mod ends;
mod failures;
mod floors;
mod golden;
mod graphs;
mod hostile;
mod implied;
mod imports;
mod layers;
mod live;
mod open_ends;
mod outcomes;
mod people;
mod phases;
mod predictions;
mod reading;
mod recordings;
mod rules;
mod rust_source;
mod shared_corpus;
mod simulated_nix;
mod structure;
mod thinning;
mod truth_graph;
mod waits;
mod watching;
mod why;
mod workspace;
mod wrapped;
