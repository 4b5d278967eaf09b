//! Recordings, and the runs that they are kept as.

pub(crate) mod baselines;
pub(crate) mod frames;
pub(crate) mod history;
pub(crate) mod recorder;
pub(crate) mod runs;
