//! The recorded runs: where they are, which there are, what they are called, and which go.

pub(crate) mod complete;
pub(crate) mod follow;
mod list;
mod names;
mod place;
mod prune;
pub(crate) mod select;
mod summary;

pub(crate) use list::Run;
pub(crate) use names::{Names, objection, set_name};
pub(crate) use place::{EXTENSION, NewRun, Place, Recorded, make_folder};
pub(crate) use prune::{Limits, limit, prune, prune_after_saving, remove, unlimited};
pub(crate) use summary::{State, Summary};
