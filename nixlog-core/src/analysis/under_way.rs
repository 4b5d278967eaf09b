//! What may have been at work at each instant: units whose end the log does not give.
//!
//! A log for people says what starts, and seldom what ends. Such a unit may be at work from the last
//! that is known of it until something proves that it had ended:
//!
//! ```text
//! zlib     ├──────────?          ended when app started, which needs it
//! openssl     ├───────?
//! app                 ├───────?  ended at the end of the log
//!          └1─┘└─ 2 ──┘└─ 1 ──┘  how many may have been at work
//! ```

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::run_graph::RunGraph;
use super::slots::{Slots, SlotsSource};
use crate::time::{Interval, Nanos, Stamp};
use crate::timeline::{Timeline, Unit};

/// Which units may have been at work, instant by instant.
#[derive(Debug, Clone, Default)]
pub(crate) struct UnderWay {
    /// Without overlaps, in the order of time.
    pieces: Vec<Piece>,
}

/// A stretch of time in which the same units may have been at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) interval: Interval,
    /// The one that started last, as an index into [`Timeline::units`].
    pub(crate) latest: usize,
    /// How many they are.
    pub(crate) candidates: usize,
}

impl UnderWay {
    /// Takes O(n log n) for n units.
    pub(crate) fn new(timeline: &Timeline) -> Self {
        let mut edges = Vec::new();
        for (number, unit) in timeline.units().iter().enumerate() {
            let may_run = unit.may_run();
            if let Some(interval) = may_run.filter(|it| it.length() > Nanos::ZERO) {
                // Those of which no end is known at all come before those whose end is estimated.
                let key = (unit.end.is_some(), Reverse((unit.start, number)));
                edges.push((interval.start(), true, key));
                edges.push((interval.end(), false, key));
            }
        }
        edges.sort_unstable();
        let mut active = [BTreeSet::new(), BTreeSet::new()];
        let mut pieces: Vec<Piece> = Vec::new();
        let mut at = Stamp::ZERO;
        for (time, starts, key) in edges {
            let [unknown, estimated] = &active;
            let candidates = if unknown.is_empty() {
                estimated
            } else {
                unknown
            };
            let interval = Interval::new(at, time).filter(|it| it.length() > Nanos::ZERO);
            if let Some((interval, &Reverse((_, latest)))) = interval.zip(candidates.first()) {
                pieces.push(Piece {
                    interval,
                    latest,
                    candidates: candidates.len(),
                });
            }
            at = time;
            let (is_estimated, order) = key;
            let active = &mut active[usize::from(is_estimated)];
            if starts {
                active.insert(order);
            } else {
                active.remove(&order);
            }
        }
        Self { pieces }
    }

    /// Returns all of it, in the order of time.
    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Returns what may have been at work at an instant, and until when that stays so.
    pub(crate) fn at(&self, at: Stamp) -> (Option<Piece>, Option<Stamp>) {
        let next = self
            .pieces
            .partition_point(|piece| piece.interval.end() <= at);
        match self.pieces.get(next) {
            Some(now) if now.interval.start() <= at => (Some(*now), Some(now.interval.end())),
            Some(later) => (None, Some(later.interval.start())),
            None => (None, None),
        }
    }
}

/// Finds by when units had ended, as far as what depends on them proves it: nothing starts before all
/// that it needs is there. With one slot, whatever is built next proves it too.
#[must_use]
pub fn ended_by(timeline: &Timeline, run: &RunGraph, slots: &Slots) -> Vec<(usize, Stamp)> {
    let units = timeline.units();
    let mut bounds = Vec::new();
    for node in 0..u32::try_from(run.nodes().len()).unwrap_or(u32::MAX) {
        let Some(unit) = run
            .unit_of(node)
            .filter(|&unit| units[unit].end_at_most.is_some())
        else {
            continue;
        };
        let dependents = run.direct_dependents(node).into_iter();
        let dependents = dependents.map(|node| run.nodes()[node as usize]);
        let starts = dependents.filter_map(|it| it.start);
        let start = starts
            .filter(|&start| Some(start) >= units[unit].start)
            .min();
        bounds.extend(start.map(|start| (unit, start)));
    }
    if slots.local() == 1 && slots.source() != SlotsSource::Seen {
        let is_local = |unit: &Unit| unit.kind.is_derivation() && unit.machine.is_none();
        let local = (0..units.len()).filter(|&unit| is_local(&units[unit]));
        let local: Vec<usize> = local.filter(|&unit| units[unit].start.is_some()).collect();
        // Units come in the order of their starts.
        let pairs = local.windows(2);
        bounds.extend(pairs.filter_map(|pair| Some((pair[0], units[pair[1]].start?))));
    }
    bounds
}
