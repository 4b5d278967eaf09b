//! The observed critical path: the chain that explains the wall clock as it happened.
//!
//! The walk goes backward from the last unit to end. Its predecessor is the dependency that ended
//! last; what lies between that end and the unit's start is a gap, named by what filled it:
//!
//! ```text
//! evaluation ███│        │             │          │
//!      zlib     │ ██████ │             │          │
//!   openssl     │ ▒▒▒▒▒▒▒│█████████████│          │   ▒ ready, but no slot was free
//!       app     │        │             │·█████████│   · Nix's own time
//!            evaluation  wait     openssl    app       ← the segments
//! ```
//!
//! The segments tile the wall clock: no hole, no overlap, and they add up to it exactly.

mod index;
mod steps;
mod walk;

pub use steps::Step;

use std::collections::HashMap;
use std::ops::{Add as _, Range};

use super::run_graph::RunGraph;
use super::slots::{Slots, SlotsSource};
use crate::names::named;
use crate::time::{Interval, Nanos};
use crate::timeline::{BuilderPhase, Name, Part, Phase, Timeline, Unit};

/// The chain that explains the wall clock.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CriticalPath {
    /// Segments in the order of time; they tile the wall clock. Empty without timestamps.
    pub segments: Vec<Segment>,
    /// How many builds could run at once on this machine; zero where nothing was built here.
    pub slots: u32,
    /// Where that number comes from.
    pub slots_source: SlotsSource,
}

/// A stretch of the wall clock, and what it was spent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Segment {
    /// When.
    pub interval: Interval,
    /// What the time counts as.
    pub part: Part,
    /// What was at work, as an index into [`Timeline::units`]; for a wait, what it waited for.
    pub unit: Option<usize>,
    /// Why nothing of the chain was at work, if so.
    pub wait: Option<Wait>,
    /// How many units there are of which any may have been at work, where the log does not give their
    /// ends; zero where it is known.
    pub candidates: usize,
}

named! {
    /// Why the next unit of the chain had not started yet.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    #[non_exhaustive]
    pub enum Wait {
        /// It was ready, but all slots were taken. Nix logs nothing for this: it is inferred.
        Slot = "slot",
        /// No build user was free.
        BuildUser = "build-user",
        /// Another process held a lock.
        Lock = "lock",
        /// No remote machine was free, or one took long to answer.
        Machine = "machine",
        /// What it needs was still coming.
        Download = "download",
        /// Nobody had asked for it yet.
        Evaluation = "evaluation",
        /// A post-build hook ran, for which all of Nix up to 2.34 stops.
        Hook = "hook",
        /// It was ready and a slot was free: Nix's own time, for locks, registration and scheduling.
        Nix = "nix",
        /// What it depends on is not known, so neither is why it did not start earlier; or nobody watched.
        Unknown = "unknown",
    }
}

impl Wait {
    /// Says what was waited for, in words for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Slot => "a free slot",
            Self::BuildUser => "a build user",
            Self::Lock => "a lock",
            Self::Machine => "a machine",
            Self::Download => "a download",
            Self::Evaluation => "evaluation",
            Self::Hook => "the post-build hook",
            Self::Nix => "Nix itself",
            Self::Unknown => "unknown",
        }
    }

    /// Returns the part of a phase that such time counts as: of `waiting`, but for hooks, which copy.
    #[must_use]
    pub const fn part(self) -> Part {
        match self {
            Self::Slot => Part::Slot,
            Self::BuildUser => Part::BuildUser,
            Self::Lock => Part::Lock,
            Self::Machine => Part::Machine,
            Self::Download => Part::AwaitedDownload,
            Self::Evaluation => Part::AwaitedEvaluation,
            Self::Hook => Part::Hook,
            Self::Nix => Part::Nix,
            Self::Unknown => Part::Unknown,
        }
    }

    /// Returns why one waits in a part of the phase `waiting`.
    fn of(part: Part) -> Option<Self> {
        let all = Self::ALL.into_iter();
        let mut waits = all.filter(|wait| wait.part().phase() == Phase::Waiting);
        waits.find(|wait| wait.part() == part)
    }
}

/// Finds the chain. Takes O((n + m) log n) for n units and m edges.
#[must_use]
pub fn critical_path(timeline: &Timeline, run: &RunGraph, slots: &Slots) -> CriticalPath {
    let Some(wall) = timeline.wall() else {
        return CriticalPath::default();
    };
    let index = index::Index::new(timeline, slots, wall);
    let mut segments = walk::Walk::new(timeline, run, slots, &index, wall).segments();
    segments.reverse();
    CriticalPath {
        segments,
        slots: slots.local(),
        slots_source: slots.source(),
    }
}

impl CriticalPath {
    /// Sums the time on the path by part; the sums add up to the wall time.
    #[must_use]
    pub fn by_part(&self) -> HashMap<Part, Nanos> {
        let mut sums = HashMap::new();
        for segment in &self.segments {
            *sums.entry(segment.part).or_default() += segment.interval.length();
        }
        sums
    }

    /// Sums the time on the path in a phase.
    #[must_use]
    pub fn in_phase(&self, phase: Phase) -> Nanos {
        let inside = self
            .segments
            .iter()
            .filter(|segment| segment.part.phase() == phase);
        inside.map(|segment| segment.interval.length()).sum()
    }

    /// Tells of each unit on the path for how long it was at work there.
    #[must_use]
    pub fn by_unit(&self) -> HashMap<usize, Nanos> {
        let mut sums = HashMap::new();
        for segment in self
            .segments
            .iter()
            .filter(|segment| segment.wait.is_none())
        {
            if let Some(unit) = segment.unit {
                *sums.entry(unit).or_default() += segment.interval.length();
            }
        }
        sums
    }

    /// Sums the time on the path by builder phase.
    #[must_use]
    pub fn by_builder_phase(&self, timeline: &Timeline) -> HashMap<Name, Nanos> {
        let mut sums: HashMap<Name, Nanos> = HashMap::new();
        let mut first = 0;
        for of_unit in self.segments.chunk_by(|one, next| one.unit == next.unit) {
            let segments = first..first + of_unit.len();
            first = segments.end;
            if let Some(unit) = of_unit[0].unit {
                for (name, time) in self.builder_phases(&timeline.units()[unit], segments) {
                    *sums.entry(name).or_default() += time;
                }
            }
        }
        sums
    }

    /// Tells for how long each builder phase of a unit was at work in some segments of the path; phases
    /// that are not in any of them are left out. Takes O(n + log p) for n segments and p phases, and
    /// what it returns.
    #[must_use]
    pub fn builder_phases(&self, unit: &Unit, segments: Range<usize>) -> Vec<(Name, Nanos)> {
        let at_work = self.segments[segments].iter();
        let at_work = at_work.filter(|segment| segment.wait.is_none());
        let at_work: Vec<Interval> = at_work.map(|segment| segment.interval).collect();
        let (Some(first), Some(last)) = (at_work.first(), at_work.last()) else {
            return Vec::new();
        };
        // Each is up to the next. Without a time are those before the first stamp, and an open one.
        let timed = unit.phases.iter().take_while(|it| it.interval.is_none());
        let phases = &unit.phases[timed.count()..];
        let before = |it: &BuilderPhase| it.interval.is_some_and(|it| it.end() < first.start());
        let phases = phases[phases.partition_point(before)..].iter();
        let phases = phases.map_while(|phase| Some((phase.name, phase.interval?)));
        let phases = phases.take_while(|(_, interval)| interval.start() <= last.end());
        let (mut from, mut found) = (0, Vec::new());
        for (name, interval) in phases {
            from += at_work[from..].partition_point(|work| work.end() < interval.start());
            let inside = at_work[from..].iter();
            let inside = inside.map_while(|work| work.clip(interval));
            let time = inside.map(Interval::length).reduce(Nanos::add);
            found.extend(time.map(|time| (name, time)));
        }
        found
    }
}
