//! The only integration binary of the core: golden, property and layer tests.
#![expect(clippy::disallowed_methods, reason = "tests read the corpus")]

mod corpus_files;
mod layers;
mod rust_source;
mod workspace;
