//! What ran beside what: each unit on a lane, no two at once on the same lane.
//!
//! A lane is what a person would call a slot: of this machine, of a remote one, of the downloads.
//! Nix does not number its slots, so they are told from the times. Units are taken in the order in
//! which they started, and each gets the lowest lane that is free (greedy interval partitioning):
//! there are never more lanes than there are units at once.
//!
//! ```text
//! slot 1  ├─ a ─┤├──── c ────┤ ├ e ┤
//! slot 2     ├── b ──┤├─ d ─┤        f would go to slot 1 again
//! ```
//!
//! A log tells ends a few milliseconds [`late`](super::late): the line of the next start may come
//! first. Such an overlap opens no lane; the earlier unit is drawn up to where the next one starts, in
//! every format.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::critical_path::Wait;
use super::late::surely;
use crate::names::named;
use crate::time::{Interval, Stamp};
use crate::timeline::{Name, Timeline, UnitKind};

named! {
    /// What the lanes of a chart are grouped by, in the order from top to bottom.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[non_exhaustive]
    pub enum Group {
        /// The evaluator.
        Evaluation = "evaluation",
        /// What the evaluator waits for: flake inputs, local sources.
        Inputs = "inputs",
        /// Builds: the slots of this machine, then those of each other one.
        Builds = "builds",
        /// Store paths from substituters.
        Substitutions = "substitutions",
        /// Questions to substituters.
        Queries = "queries",
        /// Store paths to and from other stores, and what is done to the store.
        Copies = "copies",
        /// Post-build hooks.
        Hooks = "hooks",
        /// The new configuration is put into effect.
        Activation = "activation",
    }
}

impl Group {
    /// Returns the group that units of a kind belong to.
    #[must_use]
    pub const fn of(kind: UnitKind) -> Self {
        match kind {
            UnitKind::Evaluation => Self::Evaluation,
            UnitKind::InputFetch | UnitKind::SourceImport => Self::Inputs,
            // Nix gives a fixed-output derivation a build slot like any other.
            UnitKind::Build | UnitKind::SourceFetch => Self::Builds,
            UnitKind::Substitution => Self::Substitutions,
            UnitKind::Query => Self::Queries,
            UnitKind::Copy | UnitKind::Optimise | UnitKind::Verify => Self::Copies,
            UnitKind::PostBuildHook => Self::Hooks,
            UnitKind::Activation => Self::Activation,
        }
    }
}

/// The lanes of a chart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lanes {
    /// The lanes: by group, this machine before others, those by name, then by slot.
    pub lanes: Vec<Lane>,
    /// The units that started but are on no lane, since they have no known start or end.
    pub unplaced: Vec<usize>,
}

/// One lane.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lane {
    /// What it belongs to.
    pub group: Group,
    /// The remote machine; `None` for this one.
    pub machine: Option<Name>,
    /// Its place among the lanes of its group and machine, from 0.
    pub slot: usize,
    /// What ran on it, in order, without overlaps.
    pub units: Vec<Placed>,
}

/// A unit on a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// An index into [`Timeline::units`].
    pub unit: usize,
    /// When it is drawn: from its start to its end, or to where the next one starts.
    pub interval: Interval,
}

/// One step of a critical path, as a chart draws it.
///
/// Plain data, so that any chain of stretches can be drawn: observed or structural.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CriticalStep {
    /// When.
    pub interval: Interval,
    /// The unit, as an index into [`Timeline::units`]; `None` for a wait.
    pub unit: Option<usize>,
    /// What to call it. Where it is empty, the unit's name is taken.
    pub label: String,
    /// What kind of thing took the time; `None` for a wait.
    pub kind: Option<UnitKind>,
    /// Why it waited, as in JSON; `None` where it did not, or where that is not told.
    pub reason: Option<Wait>,
}

/// Puts each unit on a lane. Takes O(n log n).
#[must_use]
pub fn lanes(timeline: &Timeline) -> Lanes {
    let mut placed: Vec<(Interval, usize)> = Vec::new();
    let mut unplaced = Vec::new();
    for (index, unit) in timeline.units().iter().enumerate() {
        match unit.interval() {
            Some(interval) => placed.push((interval, index)),
            None if unit.started => unplaced.push(index),
            None => {}
        }
    }
    placed.sort_by_key(|&(interval, index)| (interval.start(), index));
    let mut tracks: BTreeMap<(Group, Option<Name>), Track> = BTreeMap::new();
    for (interval, index) in placed {
        let unit = &timeline.units()[index];
        let group = Group::of(unit.kind);
        let machine = unit.machine.filter(|_| group == Group::Builds);
        let track = tracks.entry((group, machine)).or_default();
        track.place(index, interval);
    }
    let mut tracks: Vec<_> = tracks.into_iter().collect();
    tracks.sort_by_key(|&((group, machine), _)| (group, machine.map(|name| timeline.name(name))));
    let lanes = tracks.into_iter().flat_map(|((group, machine), track)| {
        let numbered = track.lanes.into_iter().enumerate();
        numbered.map(move |(slot, units)| Lane {
            group,
            machine,
            slot,
            units,
        })
    });
    Lanes {
        lanes: lanes.collect(),
        unplaced,
    }
}

/// The lanes of one group and machine.
#[derive(Default)]
struct Track {
    lanes: Vec<Vec<Placed>>,
    /// When each lane in use is free again.
    busy: BinaryHeap<Reverse<(Stamp, usize)>>,
    free: BinaryHeap<Reverse<usize>>,
}

impl Track {
    /// Puts a unit on the lowest lane that is free when it starts.
    fn place(&mut self, unit: usize, interval: Interval) {
        while let Some(&Reverse((until, lane))) = self.busy.peek()
            && until <= interval.start()
        {
            self.busy.pop();
            self.free.push(Reverse(lane));
        }
        let lane = self.free.pop().map_or_else(
            || {
                self.lanes.push(Vec::new());
                self.lanes.len() - 1
            },
            |Reverse(lane)| lane,
        );
        let units = &mut self.lanes[lane];
        if let Some(last) = units.last_mut() {
            let end = last.interval.end().min(interval.start());
            last.interval = Interval::new(last.interval.start(), end).unwrap_or(last.interval);
        }
        units.push(Placed { unit, interval });
        self.busy.push(Reverse((surely(interval).end(), lane)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Intervals on a grid: of seconds, where no end is in doubt, or of a few milliseconds.
    fn some_intervals(grid: u64) -> impl Strategy<Value = Vec<Interval>> {
        let at = move |place| Stamp::from_nanos(place * grid);
        let interval = (0_u64..60, 0_u64..15).prop_filter_map("valid", move |(start, length)| {
            Interval::new(at(start), at(start + length))
        });
        proptest::collection::vec(interval, 0..24)
    }

    const SECONDS: u64 = 1_000_000_000;
    const FEW_MILLISECONDS: u64 = 3_000_000;

    fn track(mut intervals: Vec<Interval>) -> Track {
        intervals.sort_by_key(|interval| interval.start());
        let mut track = Track::default();
        for (unit, interval) in intervals.into_iter().enumerate() {
            track.place(unit, interval);
        }
        track
    }

    proptest! {
        #[test]
        fn each_unit_is_on_one_lane_and_none_overlap(intervals in some_intervals(FEW_MILLISECONDS)) {
            let n_units = intervals.len();
            let track = track(intervals);
            let mut seen: Vec<usize> = track.lanes.iter().flatten().map(|placed| placed.unit).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..n_units).collect::<Vec<_>>());
            for lane in &track.lanes {
                let apart = |pair: &[Placed]| pair[0].interval.end() <= pair[1].interval.start();
                prop_assert!(lane.windows(2).all(apart), "{:?}", lane);
            }
        }

        #[test]
        fn there_are_as_many_lanes_as_units_at_once(intervals in some_intervals(SECONDS)) {
            let mut sorted = intervals.clone();
            sorted.sort_by_key(|interval| interval.start());
            let at_once = |at: usize| {
                let before = sorted[..at].iter();
                1 + before.filter(|other| other.end() > sorted[at].start()).count()
            };
            let most = (0..sorted.len()).map(at_once).max().unwrap_or(0);
            prop_assert_eq!(track(intervals).lanes.len(), most);
        }

        #[test]
        fn a_unit_is_drawn_for_as_long_as_it_surely_ran(intervals in some_intervals(FEW_MILLISECONDS)) {
            let mut sorted = intervals.clone();
            sorted.sort_by_key(|interval| interval.start());
            for placed in track(intervals).lanes.iter().flatten() {
                let whole = sorted[placed.unit];
                prop_assert_eq!(placed.interval.start(), whole.start());
                prop_assert!(placed.interval.end() <= whole.end());
                prop_assert!(placed.interval.end() >= surely(whole).end());
            }
        }
    }
}
