//! What repeated measurements tell: numbers in, numbers out.
//!
//! Nothing here knows what was measured. Every method is published, and the documentation of each names the
//! source of its formulas. All of them work with ranks, medians or distances, since durations of builds have
//! heavy tails: one slow run must not decide. Where chance is needed it comes from a fixed seed, so that the
//! same numbers give the same answer.

pub mod change_points;
pub mod multiple;
pub mod noise;
mod normal;
pub mod proportion;
pub mod random;
pub mod rank_sum;
pub mod sample;
#[cfg(test)]
mod simulated;

/// How likely a difference may be by chance alone and still count as one.
pub const LEVEL: f64 = 0.05;
