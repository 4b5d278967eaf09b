//! Answers: pure functions from a [`Timeline`](crate::timeline::Timeline) to plain data.
//!
//! No I/O, no printing, no clock. Results hold indices and names; `report` makes them readable.

pub mod phases;
pub mod simulation;
pub mod slowest;
pub mod sufficiency;
