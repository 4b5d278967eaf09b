//! Answers: pure functions from a [`Timeline`](crate::timeline::Timeline) to plain data.
//!
//! No I/O, no printing, no clock. Results hold indices and names; `report` makes them readable.

pub mod critical_path;
pub mod drawing;
pub mod lanes;
pub mod load;
pub mod phases;
pub mod run_graph;
pub mod slowest;
pub mod structural;
pub mod sufficiency;
