//! Answers: pure functions from a [`Timeline`](crate::timeline::Timeline) to plain data.
//!
//! No I/O, no printing, no clock. Results hold indices and names; `report` makes them readable.

pub mod address;
pub mod bottlenecks;
pub mod cache;
pub mod cache_candidates;
pub mod comparison;
pub mod coverage;
pub mod critical_path;
pub mod drawing;
pub mod elsewhere;
pub mod estimate;
pub mod evaluation;
pub mod excerpts;
pub mod failures;
pub mod groups;
mod holds;
pub mod idle;
pub mod implied_graph;
pub mod inside;
pub mod lanes;
pub mod late;
pub mod limits;
pub mod lint_costs;
pub mod load;
pub mod machines;
pub mod makespan;
pub mod measures;
pub mod nix_rules;
pub mod parallelism;
pub mod past_run;
pub mod phases;
pub mod rebuilds;
pub mod reconstruction;
pub mod run_graph;
pub mod selection;
pub mod simulation;
pub mod slots;
pub mod structural;
pub mod sufficiency;
pub mod trends;
pub mod under_way;
pub mod what_if;
