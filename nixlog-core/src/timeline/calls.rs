//! The calls of the store, which units each asked for, and for which of them evaluation stood still.
//!
//! An evaluator that needs the output of a build asks the store for it and waits. That it went on
//! afterwards is proved by a sign of evaluation, or by another call of the same process that had
//! something to do. Nothing of that can be told where calls overlap: there several evaluators are at
//! work, and which of them waited for what is in no log.

use super::activity::{Activities, Role};
use super::model::{Import, Outcome, Unit};
use crate::time::{Interval, Stamp};

/// One call.
#[derive(Debug, Clone, Copy)]
struct Call {
    pid: u64,
    /// The number of the event that started it, among all events.
    started: u64,
    interval: Interval,
}

/// All calls that have times, in the order in which they started.
#[derive(Debug, Default)]
pub(super) struct Calls {
    all: Vec<Call>,
    overlap: bool,
}

impl Calls {
    pub(super) fn new(activities: &Activities, last: Option<Stamp>) -> Self {
        let mut calls = Self::default();
        let mut all_before_stopped = 0;
        let rows = activities.rows().iter();
        for row in rows.filter(|row| row.role == Role::Call) {
            let Some(interval) = row.interval(last) else {
                continue;
            };
            calls.overlap |= row.started < all_before_stopped;
            let stopped = if row.is_open() { u64::MAX } else { row.stopped };
            all_before_stopped = stopped.max(all_before_stopped);
            calls.all.push(Call {
                pid: row.id.pid(),
                started: row.started,
                interval,
            });
        }
        calls
    }

    /// Returns when each call was under way, sorted.
    pub(super) fn intervals(&self) -> Vec<Interval> {
        let mut intervals: Vec<_> = self.all.iter().map(|call| call.interval).collect();
        intervals.sort_unstable();
        intervals
    }

    /// Returns which call asked for what an event started; `None` where several are under way.
    pub(super) fn at(&self, event: u64) -> Option<u32> {
        let after = self.all.partition_point(|call| call.started <= event);
        let call = after.checked_sub(1).filter(|_| !self.overlap)?;
        u32::try_from(call).ok()
    }

    /// Returns those for which evaluation stood still. It showed after `proved_after` of them that it
    /// went on.
    pub(super) fn imports(&self, units: &[Unit], proved_after: usize) -> Vec<Import> {
        if self.overlap {
            return Vec::new();
        }
        // Whether each call had anything to do, and whether all went well.
        let mut did = vec![(false, true); self.all.len()];
        for unit in units {
            let Some(did) = unit.call.and_then(|call| did.get_mut(call as usize)) else {
                continue;
            };
            did.0 |= unit.started && unit.kind.is_asked_for();
            // A substitution that fails is made good by a build.
            did.1 &= !unit.kind.is_derivation()
                || matches!(unit.outcome, Outcome::Succeeded | Outcome::Unknown);
        }
        let last_at_work = did.iter().rposition(|&(did, _)| did);
        let calls = (0..).zip(self.all.iter().zip(&did)).enumerate();
        let imports = calls.filter(|&(place, (_, (call, &(did, went_well))))| {
            let next = self.all.get(place + 1);
            let goes_on = next.is_none_or(|next| next.pid == call.pid);
            let proved = place < proved_after || last_at_work.is_some_and(|last| place < last);
            did && went_well && goes_on && proved
        });
        let ends = self.ends_of_processes();
        let mut imports: Vec<Import> = imports
            .map(|(place, (number, (call, _)))| Import {
                call: number,
                interval: call.interval,
                before: number + 1..ends[place],
            })
            .collect();
        for place in 1..imports.len() {
            let next = imports[place].call + 1;
            let before = &mut imports[place - 1].before;
            before.end = before.end.min(next);
        }
        imports
    }

    /// Returns for each call the first after it that another process made.
    fn ends_of_processes(&self) -> Vec<u32> {
        let mut ends: Vec<u32> = (1..).take(self.all.len()).collect();
        for place in (1..ends.len()).rev() {
            if self.all[place - 1].pid == self.all[place].pid {
                ends[place - 1] = ends[place];
            }
        }
        ends
    }
}
