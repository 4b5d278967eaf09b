//! What evaluators say of themselves: bytes to values, each with its own kind of truth.

pub mod difference;
pub mod jobs;
pub mod lock;
pub mod stacks;
pub mod stats;
