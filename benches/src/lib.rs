//! What the benches measure with: logs from a seed.

pub mod generator;

pub use generator::{Mix, generate, generate_stamped};
