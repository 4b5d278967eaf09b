//! The walk backward along the chain.

use std::collections::HashMap;

use super::super::run_graph::{RunGraph, is_node};
use super::super::slots::Slots;
use super::index::{Ended, Index};
use super::{Segment, Wait};
use crate::store_path::StorePath;
use crate::time::{Interval, Nanos, Stamp};
use crate::timeline::{Name, Part, Timeline, Unit, UnitKind};

/// Nix itself takes no longer between two units. In a reconstruction, where nobody watched evaluation, locks
/// and downloads without a start, a longer wait may be any of these.
const UNWATCHED: Nanos = Nanos::new(1_000_000_000);

pub(super) struct Walk<'a> {
    timeline: &'a Timeline,
    run: &'a RunGraph,
    slots: &'a Slots,
    index: &'a Index,
    wall: Interval,
    /// The post-build hook of each derivation.
    hooks: HashMap<Name, usize>,
    /// The last build of each derivation.
    builds: HashMap<Name, usize>,
    /// The query about each path, by its hash.
    queries: HashMap<&'a str, usize>,
    /// For each call, the last end of it and those before it.
    last_ends: Vec<Stamp>,
    /// The latest first.
    segments: Vec<Segment>,
    /// Everything from here on is explained.
    at: Stamp,
}

/// What comes before a unit in the chain.
#[derive(Clone, Copy)]
struct Predecessor {
    unit: usize,
    /// The unit at work, or the stretch of evaluation.
    interval: Interval,
    /// What the unit depends on is known, or nothing could be.
    known: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        timeline: &'a Timeline,
        run: &'a RunGraph,
        slots: &'a Slots,
        index: &'a Index,
        wall: Interval,
    ) -> Self {
        let units = || timeline.units().iter().enumerate();
        let hooks = units().filter(|(_, unit)| unit.kind == UnitKind::PostBuildHook);
        let builds = units().filter(|(_, unit)| unit.kind.is_derivation() && unit.started);
        let queries = units().filter(|(_, unit)| unit.kind == UnitKind::Query);
        let ends = timeline.calls().iter().map(|call| call.end());
        let last_ends = ends.scan(wall.start(), |last, end| {
            *last = end.max(*last);
            Some(*last)
        });
        Self {
            last_ends: last_ends.collect(),
            hooks: hooks.map(|(number, unit)| (unit.subject, number)).collect(),
            builds: builds
                .map(|(number, unit)| (unit.subject, number))
                .collect(),
            queries: queries
                .filter_map(|(number, unit)| {
                    let path = StorePath::parse(timeline.name(unit.subject))?;
                    Some((path.hash(), number))
                })
                .collect(),
            timeline,
            run,
            slots,
            index,
            wall,
            segments: Vec::new(),
            at: wall.end(),
        }
    }

    /// Walks to the start of the recording; returns the segments, the latest first.
    pub(super) fn segments(mut self) -> Vec<Segment> {
        let last = self.index.ends.last().copied();
        let mut next = last.and_then(|last| self.entry(last, true));
        let mut waits_for = None;
        while let Some(Predecessor {
            unit,
            interval,
            known,
        }) = next
        {
            self.gap(interval.end(), waits_for, known);
            let start = interval.start().min(self.at);
            self.work(unit, Interval::new(start, self.at));
            next = self.predecessor(unit, start);
            waits_for = Some(unit);
        }
        let known = waits_for.is_none_or(|unit| self.is_known(unit));
        self.gap(self.wall.start(), waits_for, known);
        self.segments
    }

    fn unit(&self, unit: usize) -> &'a Unit {
        &self.timeline.units()[unit]
    }

    fn entry(&self, ended: Ended, known: bool) -> Option<Predecessor> {
        let interval = Interval::new(ended.start, ended.end)?;
        Some(Predecessor {
            unit: ended.unit,
            interval,
            known,
        })
    }

    /// Finds what a unit that started at `start` waited for last.
    fn predecessor(&self, unit: usize, start: Stamp) -> Option<Predecessor> {
        let it = self.unit(unit);
        if it.kind == UnitKind::PostBuildHook {
            // The stop of a build may come after that of its hook.
            let &build = self.builds.get(&it.subject)?;
            let interval = self.unit(build).interval()?;
            return (interval.start() < start).then_some(Predecessor {
                unit: build,
                interval,
                known: true,
            });
        }
        if !is_node(it.kind) {
            let before = self.index.ended_before(start, |ended| ended.start < start);
            return before.and_then(|ended| self.entry(ended, true));
        }
        let handed_over = self.asked_for(start);
        let handed_over = self
            .index
            .ended_before(handed_over, |ended| ended.start < start)
            .and_then(|ended| self.entry(ended, self.is_known(unit)));
        let needed = self.needed(unit, start);
        [handed_over, needed]
            .into_iter()
            .flatten()
            .max_by_key(|predecessor| predecessor.interval.end())
    }

    /// Returns when the store was asked for what started then: nothing that it does comes before that,
    /// and the evaluator waits until it is done.
    fn asked_for(&self, start: Stamp) -> Stamp {
        let calls = self.timeline.calls();
        let after = calls.partition_point(|call| call.start() <= start);
        let before = calls[..after].iter().zip(&self.last_ends);
        // Where all calls so far had ended by then, there is none to look for.
        let mut open = before.rev().take_while(|(_, last)| **last >= start);
        match open.find(|(call, _)| call.end() >= start) {
            Some((call, _)) => call.start(),
            // A log for people has no calls, but a plan that ends evaluation.
            None => self.index.evaluated(start).unwrap_or(self.wall.start()),
        }
    }

    /// Finds the dependency that ended last.
    fn needed(&self, unit: usize, start: Stamp) -> Option<Predecessor> {
        let node = self.run.node_of(unit)?;
        let mut latest: Option<(Stamp, usize)> = None;
        for &to in self.run.dag().dependencies(node) {
            let Some((end, needed)) = self.brought_forth(to) else {
                continue;
            };
            if self.unit(needed).start.is_some_and(|begun| begun <= start) {
                latest = latest.max(Some((end, needed)));
            }
        }
        let hash = StorePath::parse(self.timeline.name(self.unit(unit).subject));
        let query = hash.and_then(|path| self.queries.get(path.hash())).copied();
        let query = query.and_then(|query| Some((self.unit(query).end?, query)));
        let query = query.filter(|&(end, query)| {
            end <= start && self.unit(query).start.is_some_and(|begun| begun < start)
        });
        let (end, needed) = latest.max(query)?;
        let begun = self.unit(needed).start?;
        Some(Predecessor {
            unit: needed,
            interval: Interval::new(begun, end.max(begun))?,
            known: true,
        })
    }

    /// Follows passages to what ended last below them; a build's hook is part of what it takes.
    fn brought_forth(&self, mut node: u32) -> Option<(Stamp, usize)> {
        loop {
            if let Some(unit) = self.run.unit_of(node) {
                let end = self.unit(unit).end?;
                let hook = self.hooks.get(&self.unit(unit).subject).copied();
                let hook = hook.and_then(|hook| Some((self.unit(hook).end?, hook)));
                return Some((end, unit)).max(hook);
            }
            let below = self.run.dag().dependencies(node).iter();
            let ends = below.map(|&to| (self.run.nodes()[to as usize].end, to));
            node = ends.max()?.1;
        }
    }

    /// Tells whether it is known what a unit depends on.
    fn is_known(&self, unit: usize) -> bool {
        !is_node(self.unit(unit).kind) || self.run.is_known(unit)
    }

    /// Books the time down to `interval`'s start on a unit, by the parts it consists of.
    fn work(&mut self, unit: usize, interval: Option<Interval>) {
        let Some(whole) = interval else { return };
        let it = self.unit(unit);
        let stretches = it.stretches.iter();
        let mut stretches: Vec<_> = stretches
            .filter_map(|stretch| Some((stretch.interval.clip(whole)?, stretch.part)))
            .collect();
        stretches.sort_unstable();
        let mut pieces = Vec::new();
        let mut covered = whole.start();
        for (stretch, part) in stretches {
            if stretch.end() > covered {
                pieces.push((covered, covered.max(stretch.start()), part));
                covered = stretch.end();
            }
        }
        self.hole(unit, covered);
        for (hole, start, part) in pieces.into_iter().rev() {
            self.push(start, part, Some(unit), None);
            self.hole(unit, hole);
        }
    }

    /// Books time inside a unit in which none of its parts was under way.
    fn hole(&mut self, unit: usize, from: Stamp) {
        match self.unit(unit).machine {
            Some(_) => self.push(from, Part::Machine, Some(unit), Some(Wait::Machine)),
            None if self.unit(unit).stretches.is_empty() => {
                self.push(from, Part::Unattributed, Some(unit), None);
            }
            None => self.gap(from, None, true),
        }
    }

    /// Books the time down to `from`, in which `unit` was waited for to start, on what filled it.
    fn gap(&mut self, from: Stamp, unit: Option<usize>, known: bool) {
        let pool = unit.and_then(|unit| self.slots.pool_of(self.unit(unit)));
        let mut pieces = Vec::new();
        let mut at = from;
        while at < self.at {
            let (full, changes) = self.index.is_full(pool, at);
            let (background, other) = self.index.background(at);
            let until = [changes, other]
                .into_iter()
                .flatten()
                .filter(|&next| next > at);
            let until = until.min().unwrap_or(self.at).min(self.at);
            pieces.push((at, until, full, background));
            at = until;
        }
        for (at, until, full, background) in pieces.into_iter().rev() {
            match background {
                // Who may have waited for something else did not wait for a slot.
                _ if full && known => {
                    let freed = self.index.freed_by(pool, until);
                    self.push(at, Part::Slot, freed, Some(Wait::Slot));
                }
                Some(background) => {
                    self.push(
                        at,
                        background.part,
                        background.unit,
                        Wait::of(background.part),
                    );
                }
                None => {
                    let unwatched = self.timeline.is_reconstructed() && until.since(at) > UNWATCHED;
                    let wait = match known && !unwatched {
                        true => Wait::Overhead,
                        false => Wait::Unknown,
                    };
                    self.push(at, wait.part(), None, Some(wait));
                }
            }
        }
    }

    /// Books the time from `from` up to where everything is explained; joins it with the segment after
    /// it where both are of one kind.
    fn push(&mut self, from: Stamp, part: Part, unit: Option<usize>, wait: Option<Wait>) {
        let Some(interval) = Interval::new(from, self.at) else {
            return;
        };
        if interval.length() == Nanos::ZERO {
            return;
        }
        self.at = from;
        match self.segments.last_mut() {
            // All the time in which no slot was free is one wait, for the one that was freed last.
            Some(after)
                if (after.part, after.wait) == (part, wait)
                    && (after.unit == unit || wait == Some(Wait::Slot)) =>
            {
                after.interval = Interval::new(from, after.interval.end()).unwrap_or(interval);
            }
            _ => self.segments.push(Segment {
                interval,
                part,
                unit,
                wait,
            }),
        }
    }
}
