//! What depends on what: derivations, store paths, and the edges between them.
//!
//! [`DerivationGraph`] is what `.drv` files (and the references of store paths) say, whether anything
//! was built or not. [`Dag`] is the bare structure, dense and immutable, that the algorithms run on.

mod builder;
mod cpm;
mod cycles;
mod dag;
mod derivations;
mod model;
mod reach;
mod reduce;
mod savings;
mod sweep;

pub use builder::GraphBuilder;
pub use cpm::CriticalPathMethod;
pub use dag::{Cycle, Dag};
pub use model::{Dependency, DerivationGraph, Node, NodeIdx, NodeKind, Output, Recipe};
pub use reach::{Direction, Reach, closure, no_longer_needed, transitive};
pub use reduce::{Contraction, Hubs, contract, reduce};
pub use savings::{FASTER_PERCENT, Faster, Savings};
