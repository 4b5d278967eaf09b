//! The recorded runs: where they are, which there are, and what they are called.

mod place;

pub(crate) use place::{NewRun, Place};
