//! What the lines of a build's own log mean: not Nix's words, but those of compilers, linkers, test runners.
//!
//! Text in, plain data out. Nothing here knows of activities or times; who watches a log
//! ([`WatchBuilds`](crate::timeline::WatchBuilds)) brings the lines.

pub mod causes;
pub mod steps;
