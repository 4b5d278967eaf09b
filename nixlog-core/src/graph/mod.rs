//! What depends on what: derivations, store paths, and the edges between them.
//!
//! [`DerivationGraph`] is what `.drv` files (and the references of store paths) say, whether anything
//! was built or not. [`Dag`] is the bare structure, dense and immutable, that the algorithms run on.

mod builder;
mod cycles;
mod dag;
mod derivations;
mod model;

pub use builder::GraphBuilder;
pub use dag::{Cycle, Dag};
pub use model::{Dependency, DerivationGraph, Node, NodeIdx, NodeKind, Output};
