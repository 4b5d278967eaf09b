//! Builds that nobody recorded, told from what the store remembers.
//!
//! Nix stores no durations, but it makes the file of a build's log right before the builder starts and
//! writes it for the last time when the builder has ended: a birth and a last change, on most file
//! systems to some milliseconds. A path that came from elsewhere is unpacked where it stays, which its
//! file's own times tell. The database has the second in which each path was registered, and derivations
//! are the graph. What cannot be known is left out, and what follows from something else is marked.
//!
//! ```text
//! facts ──► runs ──► outcomes, starts corrected ──► cut at gaps ──► sessions, the latest first
//! ```

mod facts;
mod outputs;
mod run;
mod sessions;
mod starts;
#[cfg(test)]
mod tests;

pub use facts::{Facts, LogFacts, PathFacts, Told};
pub use run::{Fault, Known, Moment, Run, Subject};
pub use sessions::Session;

use crate::graph::{DerivationGraph, NodeIdx};
use crate::time::Nanos;

/// How sessions are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// How long nothing may run before what follows is another session; `None`: all is one. By default
    /// five minutes: longer than Nix's own pauses (outputs being hashed, hooks, an evaluation that waits
    /// for a build), shorter than most between two calls that have nothing to do with each other.
    pub gap: Option<Nanos>,
    /// Leaves out what ended before this, in nanoseconds since 1970. By default nothing is.
    pub since: Option<i64>,
}

/// What [`Options::gap`] is by default.
pub const GAP: Nanos = Nanos::new(300_000_000_000);

impl Default for Options {
    fn default() -> Self {
        Self {
            gap: Some(GAP),
            since: None,
        }
    }
}

/// Tells what ran when, in stretches of time, the latest first. Takes O(n log n) for n derivations,
/// paths and edges.
///
/// ```
/// use nixlog_core::analysis::reconstruction::{Facts, LogFacts, Options, sessions};
/// use nixlog_core::graph::GraphBuilder;
///
/// let mut builder = GraphBuilder::default();
/// let node = builder.node("/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello-2.12.drv");
/// let graph = builder.finish().expect("one node has no cycle");
/// let mut log = LogFacts::default();
/// (log.born, log.modified) = (Some(1_000_000_000), Some(3_500_000_000));
/// let mut facts = Facts::default();
/// facts.log(node, log);
/// let sessions = sessions(&graph, &facts, &Options::default());
/// assert_eq!((sessions[0].start, sessions[0].end), (1_000_000_000, 3_500_000_000));
/// ```
#[must_use]
pub fn sessions(graph: &DerivationGraph, facts: &Facts, options: &Options) -> Vec<Session> {
    let gap = options.gap.map(signed);
    let mut runs = found(graph, facts);
    let available = outputs::Availability::new(graph, facts, &runs);
    starts::correct(facts, &available, gap, &mut runs);
    if let Some(since) = options.since {
        runs.retain(|run| run.last_sign().is_some_and(|at| at >= since));
    }
    let mut writings = sessions::writings(graph, facts);
    writings.retain(|&at| options.since.is_none_or(|since| at >= since));
    sessions::cut(runs, &writings, gap)
}

/// Returns the derivations whose logs should say how long they took ([`LogFacts::told`]): their files are
/// so far apart in birth and last change, with nothing else happening in between, that an earlier try may
/// have made them.
#[must_use]
pub fn suspects(graph: &DerivationGraph, facts: &Facts, options: &Options) -> Vec<NodeIdx> {
    let gap = signed(options.gap.unwrap_or(GAP));
    let runs = found(graph, facts);
    starts::suspects(gap, &runs).collect()
}

fn found(graph: &DerivationGraph, facts: &Facts) -> Vec<Run> {
    let mut runs = run::runs(graph, facts);
    let made = outputs::Made::new(graph, facts);
    outputs::decide_outcomes(graph, &made, &mut runs);
    runs
}

fn signed(length: Nanos) -> i64 {
    i64::try_from(length.get()).unwrap_or(i64::MAX)
}
