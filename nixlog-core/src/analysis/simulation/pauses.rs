//! Stretches in which nothing ran at all.

use super::recorded::{Event, Run, events};
use crate::time::{Interval, Nanos};

/// Returns the stretches of at least this length in which nothing ran, between the first start and the
/// last end: evaluation between two builds of an import-from-derivation, queries, retries, locks.
#[must_use]
pub fn pauses(runs: &[Run], least: Nanos) -> Vec<Interval> {
    let mut running = 0_usize;
    let mut idle_since = None;
    let mut found = Vec::new();
    for event in events(runs) {
        match event {
            Event::Start(at, _) => {
                let idle = idle_since.take();
                let pause = idle.and_then(|since| Interval::new(since, at));
                found.extend(pause.filter(|pause| running == 0 && pause.length() >= least));
                running += 1;
            }
            Event::End(at, _) => {
                running = running.saturating_sub(1);
                idle_since = (running == 0).then_some(at);
            }
        }
    }
    found
}
