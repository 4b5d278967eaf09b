//! What whoever knows past runs tells a display.

use nixlog_core::time::{Nanos, Stamp};
use nixlog_core::timeline::live::Live;
use nixlog_core::wire::Line;

/// Knows how long things usually take, and so what is left.
pub(crate) trait Foresight {
    /// Takes in a line of the log.
    fn line(&mut self, line: &Line<'_>);
    /// Is told that time passes.
    fn tick(&mut self, live: &Live, now: Stamp);
    /// Returns how long a derivation usually takes to build, by its name.
    fn usual(&self, name: &str) -> Option<Nanos>;
    /// Returns how long all that is planned still takes.
    fn left(&self, now: Stamp) -> Option<Left>;
}

/// How long something still takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    /// It is as likely to take longer as it is to be over before.
    pub(crate) middle: Nanos,
    /// One of ten is over before.
    pub(crate) low: Nanos,
    /// One of ten takes longer.
    pub(crate) high: Nanos,
}
