//! What the benches measure with: logs and graphs from a seed, nixlog's stages, and the readers to beat.
//!
//! Absolute speed moves by a fifth from run to run and more from machine to machine, so every claim
//! is a ratio within one run: ours against [`baseline::parse`], a careful reader on `serde_json`,
//! and against [`baseline::newlines`], which only visits the ends of lines. For graphs it is petgraph.

pub mod baseline;
pub mod generator;
pub mod graphs;
pub mod inputs;
pub mod stages;

pub use generator::{Mix, generate, generate_stamped};
